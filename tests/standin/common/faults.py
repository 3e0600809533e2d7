# SPDX-License-Identifier: MIT
"""Faults that a test orders: what goes wrong, at which request.

A fault is ordered as a JSON object whose members are those of Order. The
requests it meets are chosen by `method`, `path` (a shell pattern), `contains`,
`skip` and `times`. See README.md for examples.
"""

import dataclasses
import fnmatch
import itertools
import threading
from dataclasses import dataclass, field

from common.httpd import Disconnected, Response, send


@dataclass
class Order:
    """What goes wrong, and at which requests."""

    # which requests
    method: str = None
    path: str = "*"
    contains: str = ""             # text in the request target
    skip: int = 0                  # so many matching ones pass first
    times: int = 1                 # then so many are hit; 0: all
    # before and during the body
    delay: float = 0.0             # seconds before anything is read
    early: bool = False            # the answer comes before the body is read
    body_rate: int = 0             # bytes per second at most
    stall_at: int = None           # byte of the body at which reading stops
    cut_at: int = None             # byte of the body that ends the connection
    # the answer
    status: int = None             # instead of the handler's
    commit: bool = False           # the handler runs although `status` is set
    code: str = None               # JSON body {"code", "detail"}
    detail: str = None
    html: str = None               # HTML body with this text
    body: str = None               # any other body
    content_type: str = None
    headers: dict = field(default_factory=dict)
    retry_after: str = None
    redirect: str = None           # Location; status 302 unless given
    stall: bool = False            # the answer does not come
    seconds: float = 0.0           # how long stalls last; 0: until removed
    drop: bool = False             # handled, then cut instead of answered
    truncate: int = None           # bytes of the answer's body, then cut
    answer_rate: int = 0           # bytes per second
    reset: bool = False            # cut with RST rather than FIN


HTML = ("<!DOCTYPE html>\n<html><head><title>{0}</title></head>\n"
        "<body><h1>{0}</h1><hr>gateway</body></html>\n")


class BadFault(ValueError):
    """An order that says something unknown."""


KINDS = {item.name: item.type for item in dataclasses.fields(Order)}


def _convert(name, value):
    if name not in KINDS:
        raise BadFault(f"unknown: {name}")
    kind = KINDS[name]
    if kind is float and isinstance(value, int):
        value = float(value)
    if name == "retry_after":
        value = str(value)
    if not isinstance(value, kind) or (kind is int and value is True):
        raise BadFault(f"{name}: {kind.__name__} expected")
    return value


def read_order(values):
    """Order of a JSON object, or BadFault."""
    if not isinstance(values, dict):
        raise BadFault("an object expected")
    return Order(**{name: _convert(name, value)
                    for name, value in values.items() if value is not None})


class Gate:
    """A request's body under a fault: slow, stalled or cut at a byte."""

    def __init__(self, strike, stream, body):
        self._strike = strike
        self._stream = stream
        self._body = body
        self._stall_at = strike.order.stall_at

    received = property(lambda self: self._body.received)
    finished = property(lambda self: self._body.finished)

    def _limit(self):
        """How many bytes may come before something happens."""
        marks = [mark - self.received for mark in
                 (self._stall_at, self._strike.order.cut_at)
                 if mark is not None and mark >= self.received]
        return min(marks) if marks else None

    def readinto(self, view):
        strike, order = self._strike, self._strike.order
        if order.cut_at is not None and self.received >= order.cut_at:
            strike.cut(self._stream)
        if self._stall_at is not None and self.received >= self._stall_at:
            self._stall_at = None
            strike.stall()
        limit = self._limit()
        if limit:
            view = view[:limit]
        if order.body_rate:
            view = view[:max(1, order.body_rate // 20)]
        size = self._body.readinto(view)
        if order.body_rate:
            strike.pause(size / order.body_rate)
        return size


class Strike:
    """A fault at work on one request."""

    def __init__(self, order, released):
        self.order = order
        self._released = released

    def pause(self, seconds):
        """Waits, unless the fault is taken back."""
        self._released.wait(seconds)

    def stall(self):
        self._released.wait(self.order.seconds or None)

    def cut(self, stream):
        if self.order.reset:
            stream.reset()
        else:
            stream.close()
        raise Disconnected("cut by order")

    def _made_up(self):
        """The ordered answer, or None where the handler's own stands."""
        order = self.order
        status = order.status or (302 if order.redirect else None)
        if status is None:
            return None
        headers = list(order.headers.items())
        if order.retry_after is not None:
            headers.append(("Retry-After", order.retry_after))
        if order.redirect:
            headers.append(("Location", order.redirect))
        if order.html is not None:
            return Response(status, HTML.format(order.html), "text/html",
                            headers)
        if order.code is not None:
            body = {"code": order.code, "detail": order.detail or order.code}
            return Response.json(body, status, headers)
        return Response(status, order.body or "", order.content_type, headers)

    def run(self, request, stream, app):
        """Does the request; returns the answer to send."""
        order = self.order
        if order.delay:
            self.pause(order.delay)
        answer = self._made_up()
        if order.early and answer:
            return answer
        request.body = Gate(self, stream, request.body)
        if answer and not order.commit:
            scratch = memoryview(bytearray(65536))
            while request.body.readinto(scratch):
                pass
        else:
            response = app(request)
            answer = answer or response
        if order.stall:
            self.stall()
        if order.drop:
            self.cut(stream)
        return answer

    def answer(self, stream, request, response, close):
        """Writes the answer, whole or as ordered."""
        order = self.order
        if order.truncate is None and not order.answer_rate:
            send(stream, request, response, close)
            return
        head = response.head(close)
        body = b"".join(response.chunks())
        if order.truncate is not None:
            stream.write(head + body[:order.truncate])
            self.cut(stream)
        data = head + body
        step = max(1, order.answer_rate // 20)
        for at in range(0, len(data), step):
            stream.write(data[at:at + step])
            self.pause(step / order.answer_rate)


class Fault:
    """An order in force. `fired` counts the requests that it met."""

    def __init__(self, number, values):
        self._values = values
        self._order = read_order(values)
        self._released = threading.Event()
        self.number = number
        self.seen = 0
        self.fired = 0

    def _matches(self, request):
        order = self._order
        return (order.method in (None, request.method) and
                fnmatch.fnmatch(request.path.lower(), order.path.lower()) and
                order.contains in request.target)

    def strike(self, request):
        """A Strike when this request is one of those meant, else None."""
        order = self._order
        if not self._matches(request):
            return None
        self.seen += 1
        if self.seen <= order.skip or (order.times and
                                       self.fired >= order.times):
            return None
        self.fired += 1
        return Strike(order, self._released)

    def release(self):
        """Lets go whom it holds."""
        self._released.set()

    def describe(self):
        return {"id": self.number, "seen": self.seen, "fired": self.fired,
                "order": self._values}


class Faults:
    """All orders in force; the first that matches a request has it."""

    def __init__(self):
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._faults = {}

    def add(self, values):
        fault = Fault(next(self._numbers), values)
        with self._lock:
            self._faults[fault.number] = fault
        return fault

    def pick(self, request):
        with self._lock:
            for fault in self._faults.values():
                strike = fault.strike(request)
                if strike:
                    return strike
        return None

    def remove(self, number):
        """Takes one back and lets go whom it holds; False if unknown."""
        with self._lock:
            fault = self._faults.pop(number, None)
        if not fault:
            return False
        fault.release()
        return True

    def clear(self):
        with self._lock:
            faults, self._faults = self._faults, {}
        for fault in faults.values():
            fault.release()

    def describe(self):
        with self._lock:
            return [fault.describe() for fault in self._faults.values()]
