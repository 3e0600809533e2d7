# SPDX-License-Identifier: MIT
"""Faults that a test orders: what goes wrong, at which request.

A fault is a JSON object; FIELDS below is the list of what it may say. The
requests it meets are chosen by `method`, `path` (a shell pattern), `skip` and
`times`. See README.md for examples.
"""

import fnmatch
import itertools
import json
import threading

from common.httpd import Disconnected, Response

# name: (type, default)
FIELDS = {
    # which requests
    "method": (str, None),
    "path": (str, "*"),
    "contains": (str, ""),         # text in the query
    "skip": (int, 0),              # so many matching ones pass first
    "times": (int, 1),             # then so many are hit; 0: all
    # before and during the body
    "delay": (float, 0.0),         # seconds before anything is read
    "early": (bool, False),        # the answer comes before the body is read
    "body_rate": (int, 0),         # bytes per second at most
    "stall_at": (int, None),       # byte of the body at which reading stops
    "cut_at": (int, None),         # byte of the body that ends the connection
    # the answer
    "status": (int, None),         # instead of the handler's
    "commit": (bool, False),       # the handler runs although `status` is set
    "code": (str, None),           # JSON body {"code", "detail"}
    "detail": (str, None),
    "html": (str, None),           # HTML body with this text
    "body": (str, None),           # any other body
    "content_type": (str, None),
    "headers": (dict, {}),
    "retry_after": (str, None),
    "redirect": (str, None),       # Location; status 302 unless given
    "stall": (bool, False),        # the answer does not come
    "seconds": (float, 0.0),       # how long stalls last; 0: until removed
    "drop": (bool, False),         # handled, then cut instead of answered
    "truncate": (int, None),       # bytes of the answer's body, then cut
    "answer_rate": (int, 0),       # bytes per second
    "reset": (bool, False),        # cut with RST rather than FIN
}

HTML = ("<!DOCTYPE html>\n<html><head><title>{0}</title></head>\n"
        "<body><h1>{0}</h1><hr>gateway</body></html>\n")


class BadFault(ValueError):
    """An order that says something unknown."""


def _convert(name, value):
    kind, _ = FIELDS[name]
    if value is None:
        return None
    if kind is float and isinstance(value, int):
        value = float(value)
    if name == "retry_after":
        value = str(value)
    if not isinstance(value, kind) or (kind is int and value is True):
        raise BadFault(f"{name}: {kind.__name__} expected")
    return value


class Gate:
    """A request's body under a fault: slow, stalled or cut at a byte."""

    def __init__(self, fault, stream, body):
        self._fault = fault
        self._stream = stream
        self._body = body

    received = property(lambda self: self._body.received)
    finished = property(lambda self: self._body.finished)

    def _limit(self):
        """How many bytes may come before something happens."""
        marks = [mark - self.received for mark in
                 (self._fault.stall_at, self._fault.cut_at)
                 if mark is not None and mark >= self.received]
        return min(marks) if marks else None

    def readinto(self, view):
        fault = self._fault
        if fault.cut_at is not None and self.received >= fault.cut_at:
            fault.cut(self._stream)
        if fault.stall_at is not None and self.received == fault.stall_at:
            fault.wait()
            fault.stall_at = None
        limit = self._limit()
        if limit:
            view = view[:limit]
        if fault.body_rate:
            view = view[:max(1, fault.body_rate // 20)]
        size = self._body.readinto(view)
        if fault.body_rate:
            fault.released.wait(size / fault.body_rate)
        return size


class Fault:
    """One order. `fired` counts the requests that it met."""

    def __init__(self, number, order):
        unknown = set(order) - set(FIELDS)
        if unknown:
            raise BadFault("unknown: " + ", ".join(sorted(unknown)))
        for name, (_, default) in FIELDS.items():
            value = _convert(name, order.get(name, default))
            setattr(self, name, value)
        self.number = number
        self.order = order
        self.seen = 0
        self.fired = 0
        self.released = threading.Event()

    def matches(self, request):
        return (self.method in (None, request.method) and
                fnmatch.fnmatch(request.path.lower(), self.path.lower()) and
                self.contains in request.target)

    def take(self, request):
        """True when this request is one of those meant."""
        if not self.matches(request):
            return False
        self.seen += 1
        if self.seen <= self.skip or (self.times and
                                      self.fired >= self.times):
            return False
        self.fired += 1
        return True

    def describe(self):
        return {"id": self.number, "seen": self.seen, "fired": self.fired,
                "order": self.order}


class Strike:
    """A fault at work on one request."""

    def __init__(self, fault):
        self._fault = fault
        # Its own copy: two requests may be under one fault at a time.
        for name in FIELDS:
            setattr(self, name, getattr(fault, name))
        self.released = fault.released

    def wait(self):
        self.released.wait(self.seconds or None)

    def cut(self, stream):
        if self.reset:
            stream.reset()
        else:
            stream.close()
        raise Disconnected("cut by order")

    def _made_up(self):
        """The ordered answer, or None where the handler's own stands."""
        status = self.status or (302 if self.redirect else None)
        if status is None:
            return None
        headers = list(self.headers.items())
        if self.retry_after is not None:
            headers.append(("Retry-After", self.retry_after))
        if self.redirect:
            headers.append(("Location", self.redirect))
        if self.html is not None:
            return Response(status, HTML.format(self.html), "text/html",
                            headers)
        if self.code is not None:
            body = {"code": self.code, "detail": self.detail or self.code}
            return Response(status, json.dumps(body), "application/json",
                            headers)
        return Response(status, self.body or "", self.content_type, headers)

    def run(self, request, stream, app):
        """Does the request; returns the answer to send."""
        if self.delay:
            self.released.wait(self.delay)
        answer = self._made_up()
        if self.early and answer:
            return answer
        request.body = Gate(self, stream, request.body)
        if answer and not self.commit:
            scratch = memoryview(bytearray(65536))
            while request.body.readinto(scratch):
                pass
        else:
            response = app(request)
            answer = answer or response
        if self.stall:
            self.wait()
        if self.drop:
            self.cut(stream)
        return answer

    def answer(self, stream, response, close):
        """Writes the answer, whole or as ordered."""
        head = response.head(close)
        if self.truncate is not None:
            stream.write(head + response.body[:self.truncate])
            self.cut(stream)
        if not self.answer_rate:
            stream.write(head + response.body)
            return
        data = head + response.body
        step = max(1, self.answer_rate // 20)
        for at in range(0, len(data), step):
            stream.write(data[at:at + step])
            self.released.wait(step / self.answer_rate)


class Faults:
    """All orders in force; the first that matches a request has it."""

    def __init__(self):
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._faults = {}

    def add(self, order):
        if not isinstance(order, dict):
            raise BadFault("an object expected")
        fault = Fault(next(self._numbers), order)
        with self._lock:
            self._faults[fault.number] = fault
        return fault

    def pick(self, request):
        with self._lock:
            for fault in self._faults.values():
                if fault.take(request):
                    return Strike(fault)
        return None

    def remove(self, number):
        """Takes one back and lets go whom it holds; False if unknown."""
        with self._lock:
            fault = self._faults.pop(number, None)
        if not fault:
            return False
        fault.released.set()
        return True

    def clear(self):
        with self._lock:
            faults, self._faults = self._faults, {}
        for fault in faults.values():
            fault.released.set()

    def describe(self):
        with self._lock:
            return [fault.describe() for fault in self._faults.values()]
