# SPDX-License-Identifier: MIT
"""Login and logoff, and what an account says about itself."""

from urllib.parse import parse_qsl

from common.httpd import Response
from revsim.answers import (Refusal, fold, iso, json_body, malformed,
                            unauthorized)
from revsim.sessions import ISSUER


def _credentials(request):
    """JSON, form or query: the server takes all three."""
    if request.content_type()[0] == "application/json":
        data = json_body(request)
        return fold(data) if isinstance(data, dict) else {}
    if request.content_type()[0] == "application/x-www-form-urlencoded":
        return fold(dict(parse_qsl(request.read().decode())))
    return fold(request.query)


def login(rev, request):
    """POST user/login"""
    data = _credentials(request)
    name, password = data.get("username"), data.get("password")
    if not isinstance(name, str) or not isinstance(password, str):
        raise malformed("username and password")
    session = rev.sessions.login(name, password)
    user = session.user
    return {"token": session.token, "issuer": ISSUER,
            "expiration": iso(session.expires), "id": user.id,
            "email": user.email, "username": user.username,
            "firstName": user.firstname, "lastName": user.lastname,
            "language": None}


def authenticate(rev, request):
    """POST authenticate: exactly three fields, vendor clients rely on it"""
    data = fold(json_body(request))
    if not isinstance(data, dict) or not {"apikey", "secret"} <= set(data):
        raise malformed("apiKey and secret")
    session = rev.sessions.authenticate(data["apikey"], data["secret"])
    return {"token": session.token, "issuer": ISSUER,
            "expiration": iso(session.expires)}


def extend(rev, request, session):
    return rev.sessions.extend(session)


def _own_id(request, session):
    data = fold(json_body(request))
    if not isinstance(data, dict) or data.get("userid") != session.user.id:
        raise unauthorized()


def _own_key(session, key):
    if session.api_key != key:
        raise unauthorized()


def extend_user(rev, request, session):
    """POST user/extend-session-timeout (deprecated)"""
    _own_id(request, session)
    return rev.sessions.extend(session)


def extend_key(rev, request, session, key):
    """POST auth/extend-session-timeout/{key} (deprecated)"""
    _own_key(session, key)
    return rev.sessions.extend(session)


def alive(rev, request, session):
    return Response(200)


def logoff(rev, request, session):
    _own_id(request, session)
    rev.sessions.end(session)
    return Response(200)


def logoff_key(rev, request, session, key):
    _own_key(session, key)
    rev.sessions.end(session)
    return Response(200)


# ---- the account -------------------------------------------------------

def health(rev, request):
    return Response(200)


def bootstrap(rev, request):
    return {"account": {"id": "0", "name": "Stand-in"}, "version": "8.1.0.0"}


def branding(rev, request):
    return {"settings": {"general": {}, "header": {}, "themes": []}}


def oembed(rev, request):
    video = request.query.get("url", "").rpartition("/")[2]
    if video not in rev.videos:
        raise Refusal(404)
    return {"type": "video", "version": "1.0", "html":
            f'<iframe src="{rev.url("/embed?id=" + video)}"></iframe>'}


def embed(rev, request):
    """What a playback URL opens: a page with the video in it."""
    video = rev.videos.get(request.query.get("id"))
    if not video or not video.is_active:
        raise Refusal(404)
    return Response(200, "<!DOCTYPE html><video controls src="
                    f'"/media/{video.id}.mp4"></video>', "text/html")


def maintenance(rev, request, session):
    return {"schedules": []}


def video_fields(rev, request, session):
    return [{"id": item.id, "name": item.name, "fieldType": item.type,
             "required": item.required, "displayedToUsers": True,
             "enum": item.values or None} for item in rev.fields.values()]


def categories(rev, request, session):
    return {"categories": [{"categoryId": c.id, "name": c.name,
                            "fullPath": c.name, "restricted": c.restricted,
                            "parentCategoryId": None}
                           for c in rev.categories.values()]}


def zones(rev, request, session):
    return {"defaultZone": {"id": "0", "name": "Default"}, "zones": []}


def devices(rev, request, session):
    return {"devices": []}
