# SPDX-License-Identifier: MIT
"""Answers that Rev gives, and the exceptions that turn into them."""

import json
from datetime import datetime, timezone

from common.httpd import Response


class Refusal(Exception):
    """An answer other than success, raised by handlers."""

    def __init__(self, status, code=None, detail=None, body=None):
        super().__init__(code or str(status))
        self.status = status
        self.code = code
        self.detail = detail
        self.body = body

    def response(self):
        if self.body is not None:
            return Response(self.status, self.body, "text/html")
        if self.code is None:
            return Response(self.status)
        body = {"code": self.code, "detail": self.detail or self.code}
        return Response.json(body, self.status)


def bad(code, detail=None):
    """Rev says 500 for bad input."""
    return Refusal(500, code, detail)


def malformed(detail):
    return bad("MalformedRequest", f"MalformedRequest = {detail}")


def unauthorized():
    """No session, no right, or no such object: Rev does not tell which."""
    return Refusal(401)


def iso(seconds):
    """ISO 8601 UTC with milliseconds, as Rev writes times."""
    time = datetime.fromtimestamp(seconds, timezone.utc)
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + \
        f"{time.microsecond // 1000:03}Z"


def json_body(request, limit=4 << 20):
    """JSON object or array of a request with the right Content-Type."""
    if request.content_type()[0] != "application/json":
        raise malformed("content type is not application/json")
    return parse_json(request.read(limit))


def parse_json(data):
    try:
        return json.loads(data.decode("utf-8"))
    except ValueError as error:
        raise malformed(str(error)) from error


def fold(value):
    """The same JSON with the keys of objects in lower case."""
    if isinstance(value, dict):
        return {name.lower(): fold(item) for name, item in value.items()}
    if isinstance(value, list):
        return [fold(item) for item in value]
    return value
