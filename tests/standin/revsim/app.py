# SPDX-License-Identifier: MIT
"""The table of routes, and the way of a request through it.

A request is checked for its version, its session and the rate limits, then
goes to its handler. A handler returns a Response, or a value that becomes
JSON, or raises a Refusal. It runs under the account's lock unless it streams.
"""

from common.httpd import Response
from common.routes import Route, Routes
from revsim import account, people, search, uploads, videos
from revsim.answers import Refusal
from revsim.model import Rev
from revsim.orders import Orders

V2, BOTH = ("v2",), ("v1", "v2")


def _table():
    """(methods and paths below /api/vN/, handler, options)"""
    video, user = "videos/{video}", "users/{user}"
    return [
        # sessions
        ("POST user/login", account.login, BOTH, {"open": True}),
        ("POST authenticate", account.authenticate, V2, {"open": True}),
        ("POST user/extend-session", account.extend, V2, {}),
        ("POST user/extend-session-timeout", account.extend_user, V2, {}),
        ("POST auth/extend-session-timeout/{key}", account.extend_key, V2,
         {}),
        ("GET user/session", account.alive, V2, {}),
        ("POST user/logoff", account.logoff, BOTH, {}),
        ("DELETE tokens/{key}", account.logoff_key, V2, {}),
        # uploads
        ("POST uploads/videos", uploads.upload_video, V2,
         {"limit": "upload", "streams": True}),
        ("PUT " + "uploads/" + video, uploads.replace_video, V2,
         {"limit": "metadata", "streams": True}),
        ("POST uploads/transcription-files/{video}",
         uploads.upload_subtitles, V2, {"streams": True}),
        ("POST uploads/images/{video}", uploads.upload_image, V2,
         {"streams": True}),
        # videos
        ("GET videos/search", search.search_videos, BOTH,
         {"limit": "search"}),
        (f"GET {video}/status", videos.status, BOTH, {}),
        (f"GET {video}/details", videos.details, BOTH,
         {"limit": "details"}),
        (f"GET {video}/playback-url", videos.playback, BOTH, {}),
        (f"GET {video}/playback-urls", videos.playback_streams, V2, {}),
        (f"PATCH {video}", videos.patch_video, BOTH, {"limit": "metadata"}),
        (f"PUT {video}", videos.put_video, BOTH, {"limit": "metadata"}),
        (f"PUT {video}/access-control", videos.put_access, V2,
         {"limit": "metadata"}),
        (f"PUT {video}/migration", videos.migrate, V2,
         {"limit": "metadata"}),
        (f"DELETE {video}", videos.delete, BOTH, {"limit": "metadata"}),
        # people
        ("GET users/me", people.get_me, V2, {}),
        ("GET " + user, people.get_user, V2, {}),
        ("GET search/access-entity", people.search_entities, V2, {}),
        ("GET search/access-entity/assignable", people.search_entities, V2,
         {}),
        ("GET groups", people.get_groups, V2, {}),
        ("GET groups/{group}", people.get_group, V2, {}),
        ("GET search/groups/{group}/users", people.get_group_users, V2, {}),
        # the account
        ("GET system-health", account.health, V2, {"open": True}),
        ("GET accounts/bootstrap", account.bootstrap, V2, {"open": True}),
        ("GET accounts/branding-settings", account.branding, V2,
         {"open": True}),
        ("GET oembed", account.oembed, V2, {"open": True}),
        ("GET maintenance-schedule", account.maintenance, V2, {}),
        ("GET video-fields", account.video_fields, V2, {}),
        ("GET categories", account.categories, V2, {}),
        ("GET zones", account.zones, V2, {}),
        ("GET zonedevices", account.devices, V2, {}),
        ("GET devices/dmes", account.devices, V2, {}),
    ]


def _routes():
    routes = []
    for line, handler, versions, options in _table():
        method, path = line.split(" ")
        for version in versions:
            routes.append(Route(method, f"/api/{version}/{path}", handler,
                                version=version, **options))
        # The older name of the upload family has no version.
        if path.startswith("uploads/"):
            routes.append(Route(method, f"/api/{path}", handler,
                                version=None, **options))
    routes += [
        Route("GET", "/embed", account.embed, version=None, open=True),
        Route("GET", "/media/{video}", videos.media, version=None, open=True,
              streams=True),
    ]
    return Routes(routes)


class App:
    """Called with a Request, returns a Response."""

    def __init__(self, rev):
        self._rev = rev
        self._routes = _routes()

    def _find(self, request):
        path = request.raw_path
        route, known = self._routes.find(request.method, path)
        if not route:
            raise Refusal(405 if known else 404)
        version = route.options["version"]
        if version and version not in self._rev.settings.apis:
            raise Refusal(404)
        return route, known

    def _admit(self, request, route):
        classes = ["get" if request.method == "GET" else "write"]
        if route.options.get("limit"):
            classes.append(route.options["limit"])
        for name in classes:
            seconds = self._rev.limits.admit(name)
            if seconds:
                return self._too_many(seconds)
        return None

    def _too_many(self, seconds):
        headers = [("Retry-After", str(seconds))] \
            if self._rev.settings.retry_after else []
        return Response(429, "Too Many Requests", "text/plain", headers)

    def _handle(self, request):
        rev = self._rev
        route, arguments = self._find(request)
        with rev.lock:
            if not route.options.get("open"):
                arguments["session"] = rev.sessions.of(request)
            refusal = self._admit(request, route)
        if refusal:
            return refusal
        if route.options.get("streams"):
            return route.handler(rev, request, **arguments)
        # The body first: a slow sender must not hold the account.
        body = request.read()
        request.read = lambda limit=None: body
        with rev.lock:
            return route.handler(rev, request, **arguments)

    def __call__(self, request):
        try:
            result = self._handle(request)
        except Refusal as refusal:
            return refusal.response()
        return result if isinstance(result, Response) \
            else Response.json(result)


def make(options):
    """(model, app, control routes) for common.run.main"""
    rev = Rev(options.store)
    return rev, App(rev), Orders(rev).routes()
