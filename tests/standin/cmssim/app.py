# SPDX-License-Identifier: MIT
"""The bridge's API: routes, lists with paging, failures."""

import base64
import hmac
import time
from datetime import datetime, timezone
from urllib.parse import parse_qsl

from cmssim import xml
from cmssim.kinds import (COLLECTIONS, KINDS, MEMBER, PROFILES, Failure,
                          guid, invalid, read_parameters)
from cmssim.model import Cms
from cmssim.orders import Orders
from common.httpd import Response
from common.routes import Route, Routes

BASE = "/api/v1"


def _answer(name, value):
    return Response(200, xml.document(name, value), "text/xml")


def _form(request):
    kind = request.content_type()[0]
    if kind != "application/x-www-form-urlencoded":
        return []
    return parse_qsl(request.read().decode("utf-8", "replace"),
                     keep_blank_values=True)


def _number(request, name, default):
    value = request.query.get(name, "")
    if not value:
        return default
    if not value.isdigit():
        raise invalid(name)
    return int(value)


def _passes(kind, item, query):
    """True when an object gets through the filters of a list."""
    for name, elements in kind.filters.items():
        wanted = query.get(name, "").lower()
        if wanted and elements and not any(
                wanted in str(item.get(element, "")).lower()
                for element in elements):
            return False
    return True


class Api:
    """Handlers: each takes (request, **names of the path)."""

    def __init__(self, cms):
        self._cms = cms

    # ---- lists ----------------------------------------------------------

    def _page(self, kind, request, items, root=None, shown=None):
        """A page of (id, object) pairs; never more than the page holds."""
        page_max = self._cms.settings.page_max.get(kind.collection,
                                                   kind.page)
        offset = _number(request, "offset", 0)
        limit = min(_number(request, "limit", page_max) or page_max,
                    page_max)
        names = shown or kind.listed
        items = list(items)
        if set(kind.filters) & set(request.query):
            items = [(key, item) for key, item in items
                     if _passes(kind, item, request.query)]
        listed = [{"@id": key, **self._extra(),
                   **{name: item.get(name) for name in names}}
                  for key, item in items[offset:offset + limit]]
        return _answer(root or kind.collection,
                       {"@total": len(items), kind.element: listed})

    def _extra(self):
        """Elements of a later release, which clients must pass over."""
        if not self._cms.settings.extra_elements:
            return {}
        return {"laterRelease": {"@kind": "x", "name": "not the name",
                                 "userJid": "not@the.jid"}}

    def _whole(self, kind, key, item):
        return _answer(kind.element, {"@id": key, **self._extra(), **item})

    # ---- collections ----------------------------------------------------

    def list(self, request, kind):
        table = self._cms.tables[kind.collection]
        return self._page(kind, request, table.items())

    def create(self, request, kind):
        values = read_parameters(kind, _form(request))
        key = self._cms.create(kind, values)
        return Response(200, headers=[
            ("Location", f"{BASE}/{kind.collection}/{key}")])

    def get(self, request, kind, key):
        return self._whole(kind, key.lower(), self._cms.get(kind, key))

    def change(self, request, kind, key):
        self._cms.get(kind, key)
        self._cms.change(kind, key, read_parameters(kind, _form(request)))
        return Response(200)

    def remove(self, request, kind, key):
        self._cms.remove(kind, key)
        return Response(200)

    # ---- members --------------------------------------------------------

    def list_members(self, request, space):
        return self._page(MEMBER, request,
                          self._cms.members_of(space).items())

    def add_member(self, request, space):
        self._cms.members_of(space)
        values = read_parameters(MEMBER, _form(request))
        if not values.get("userJid"):
            raise invalid("userJid")
        key = self._cms.add_member(space, values)
        return Response(200, headers=[
            ("Location", f"{BASE}/coSpaces/{space}/coSpaceUsers/{key}")])

    def get_member(self, request, space, key):
        return self._whole(MEMBER, key.lower(),
                           self._cms.member(space, key))

    def change_member(self, request, space, key):
        member = self._cms.member(space, key)
        values = read_parameters(MEMBER, _form(request))
        values.pop("userJid", None)
        member.update(values)
        return Response(200)

    def remove_member(self, request, space, key):
        self._cms.member(space, key)
        del self._cms.members_of(space)[key.lower()]
        return Response(200)

    def list_spaces_of(self, request, user):
        kind = COLLECTIONS["users"]
        self._cms.get(kind, user)
        items = [{"@id": key, "coSpaceId": space}
                 for key, space in self._cms.spaces_of(user.lower())]
        return _answer("userCoSpaces", {"@total": len(items),
                                        "userCoSpace": items})

    def legs_of(self, request, call):
        self._cms.get(COLLECTIONS["calls"], call)
        table = self._cms.tables["callLegs"]
        return self._page(COLLECTIONS["callLegs"], request, [
            (key, item) for key, item in table.items()
            if item.get("call") == call.lower()])

    # ---- the system -----------------------------------------------------

    def status(self, request):
        now = time.time()
        when = datetime.fromtimestamp(now, timezone.utc)
        legs = len(self._cms.tables["callLegs"])
        return _answer("status", {
            "softwareVersion": self._cms.settings.software_version,
            "uptimeSeconds": int(now - self._cms.started),
            "cdrTime": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "activated": True, "clusterEnabled": False,
            "callLegsActive": legs, "callLegsMaxActive": legs})

    def alarms(self, request):
        items = [{"@id": key, **alarm}
                 for key, alarm in self._cms.alarms.items()]
        return _answer("alarms", {"@total": len(items), "alarm": items})

    def get_profiles(self, request):
        return _answer(self._cms.settings.profiles_root,
                       dict(self._cms.profiles))

    def set_profiles(self, request):
        names = {name.lower(): name for name in PROFILES}
        values = {}
        for key, value in _form(request):
            name = names.get(key.lower())
            if name and value and not guid(value):
                raise invalid(name)
            if name:
                values[name] = value
        self._cms.set_profiles(values)
        return Response(200)


def _of_kind(api, kind):
    """Routes of a collection: the methods that it has."""
    def bind(handler):
        return lambda request, **names: handler(request, kind, **names)
    base = f"{BASE}/{kind.collection}"
    one = base + "/{key}"
    table = [("GET", base, api.list), ("POST", base, api.create),
             ("GET", one, api.get), ("PUT", one, api.change),
             ("DELETE", one, api.remove)]
    return [Route(method, path, bind(handler))
            for method, path, handler in table if method in kind.methods]


def _table(api):
    members = BASE + "/coSpaces/{space}/coSpaceUsers"
    return [
        Route("GET", members, api.list_members),
        Route("POST", members, api.add_member),
        Route("GET", members + "/{key}", api.get_member),
        Route("PUT", members + "/{key}", api.change_member),
        Route("DELETE", members + "/{key}", api.remove_member),
        Route("GET", BASE + "/users/{user}/usercoSpaces",
              api.list_spaces_of),
        Route("GET", BASE + "/calls/{call}/callLegs", api.legs_of),
        Route("GET", BASE + "/system/status", api.status),
        Route("GET", BASE + "/system/alarms", api.alarms),
        Route("GET", BASE + "/system/profiles", api.get_profiles),
        Route("PUT", BASE + "/system/profiles", api.set_profiles),
        *[route for kind in KINDS for route in _of_kind(api, kind)],
    ]


class App:
    """Called with a Request, returns a Response."""

    def __init__(self, cms):
        self._cms = cms
        self._routes = Routes(_table(Api(cms)))

    def _is_known(self, request):
        scheme, _, text = request.header("authorization").partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            name, _, password = base64.b64decode(text).decode().partition(":")
        except ValueError:
            return False
        wanted = self._cms.admins.get(name)
        return wanted is not None and hmac.compare_digest(
            wanted.encode(), password.encode())

    def _handle(self, request):
        if not self._is_known(request):
            return Response(401, headers=[
                ("WWW-Authenticate", 'Basic realm="acano"')])
        if self._cms.settings.busy:
            return Response(503)
        route, names = self._routes.find(request.method, request.raw_path)
        if not route:
            raise Failure("unrecognisedObject")
        body = request.read()
        request.read = lambda limit=None: body
        with self._cms.lock:
            return route.handler(request, **names)

    def __call__(self, request):
        try:
            response = self._handle(request)
        except Failure as failure:
            response = Response(failure.status, xml.document(
                "failureDetails", failure.details), "text/xml")
        self._cms.trace(request, response)
        return response


def make(options):
    """(model, app, control routes) for common.run.main"""
    cms = Cms()
    return cms, App(cms), Orders(cms).routes()
