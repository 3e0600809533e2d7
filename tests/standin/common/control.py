# SPDX-License-Identifier: MIT
"""The control port: plain HTTP and JSON on loopback, for tests.

The table here is what both stand-ins answer; each adds its own routes.
"""

import json
import re
import threading
import time
from collections import Counter, deque

from common.faults import BadFault
from common.httpd import HttpError, Response
from common.routes import Route, Routes

LOG_LENGTH = 20000
RESET_WAIT = 10.0  # seconds for a connection to end
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class BadOrder(ValueError):
    """What a test ordered makes no sense; the sentence goes back to it."""


class Journal:
    """Requests as they came: counted for ever, the latest kept."""

    def __init__(self):
        self._lock = threading.Lock()
        self._log = deque(maxlen=LOG_LENGTH)
        self._counts = Counter()
        self._running = {}
        self._number = 0

    def began(self, request):
        with self._lock:
            self._number += 1
            request.number = self._number
            path = GUID.sub("{id}", request.path)
            self._counts[f"{request.method} {path}"] += 1
            self._running[request.number] = request

    def ended(self, request, response):
        with self._lock:
            self._running.pop(request.number, None)
            self._log.append({
                "n": request.number,
                "time": request.started,
                "method": request.method,
                "path": request.path,
                "target": request.target,
                "headers": {name: value
                            for name, value in request.headers.items()
                            if name != "authorization"},
                "received": request.body.received,
                "status": response.status if response else 0,
                "seconds": round(time.time() - request.started, 6),
            })

    def clear(self):
        with self._lock:
            self._log.clear()
            self._counts.clear()

    def in_flight(self):
        with self._lock:
            return [{"n": request.number, "method": request.method,
                     "path": request.path,
                     "received": request.body.received}
                    for request in self._running.values()]

    def counts(self):
        with self._lock:
            return dict(self._counts)

    def log(self):
        with self._lock:
            return list(self._log)


class Control:
    """The application behind the control port.

    `model` has settings (a Settings), state() and reset().
    """

    def __init__(self, model, faults, journal, tls, routes=()):
        self._model = model
        self._faults = faults
        self._journal = journal
        self._tls = tls
        self._server = None
        self._routes = Routes([
            Route("GET", "/state", self._state),
            Route("GET", "/requests", self._requests),
            Route("DELETE", "/requests", self._forget_requests),
            Route("GET", "/counts", self._counts),
            Route("GET", "/in-flight", self._in_flight),
            Route("GET", "/faults", self._list_faults),
            Route("POST", "/faults", self._add_fault),
            Route("DELETE", "/faults", self._clear_faults),
            Route("DELETE", "/faults/{number}", self._remove_fault),
            Route("GET", "/settings", self._get_settings),
            Route("POST", "/settings", self._set_settings),
            Route("POST", "/tls", self._set_certificate),
            Route("POST", "/cut", self._cut_all),
            Route("POST", "/reset", self._reset),
            *routes,
        ])

    def attach(self, server):
        """The server whose connections `POST /cut` ends."""
        self._server = server

    def __call__(self, request):
        route, known = self._routes.find(request.method, request.raw_path)
        if not route:
            return Response.json({"error": "no such order"},
                                 405 if known else 404)
        try:
            data = request.read()
            order = json.loads(data) if data else {}
            result = route.handler(order, **known)
        except (BadOrder, BadFault, KeyError, TypeError, ValueError) as error:
            return Response.json({"error": f"{error!r}"}, 400)
        except HttpError as error:
            return Response.json({"error": str(error)}, error.status)
        return Response.json({} if result is None else result)

    def _state(self, order):
        state = self._model.state()
        state["in_flight"] = self._journal.in_flight()
        state["counts"] = self._journal.counts()
        state["faults"] = self._faults.describe()
        state["settings"] = self._model.settings.describe()
        return state

    def _counts(self, order):
        return self._journal.counts()

    def _in_flight(self, order):
        return self._journal.in_flight()

    def _requests(self, order):
        return {"counts": self._journal.counts(),
                "log": self._journal.log(),
                "in_flight": self._journal.in_flight()}

    def _forget_requests(self, order):
        self._journal.clear()

    def _list_faults(self, order):
        return self._faults.describe()

    def _add_fault(self, order):
        orders = order if isinstance(order, list) else [order]
        return {"ids": [self._faults.add(item).number for item in orders]}

    def _clear_faults(self, order):
        self._faults.clear()

    def _remove_fault(self, order, number):
        if not self._faults.remove(int(number)):
            raise BadOrder("no such fault")

    def _get_settings(self, order):
        return self._model.settings.describe()

    def _set_settings(self, order):
        self._model.settings.update(order)
        return self._model.settings.describe()

    def _set_certificate(self, order):
        self._tls.load_cert_chain(order["cert"], order["key"])
        if self._server:
            self._server.cut_all()

    def _cut_all(self, order):
        self._server.cut_all()

    def _reset(self, order):
        """As at the start; what was asked before is not answered after."""
        self._faults.clear()
        if self._server:
            self._server.cut_all(wait=RESET_WAIT)
        self._faults.clear()
        self._journal.clear()
        self._model.reset()


class Settings:
    """Named values with defaults; an unknown name or another type is refused.

    `table` is {name: default}.
    """

    def __init__(self, table):
        self._table = table
        self.reset()

    def reset(self):
        for name, default in self._table.items():
            setattr(self, name, default)

    def _checked(self, name, value):
        if name not in self._table:
            raise BadOrder(f"no such setting: {name}")
        kind = type(self._table[name])
        if kind is float and type(value) is int:
            return float(value)
        if type(value) is not kind:
            raise BadOrder(f"{name}: {kind.__name__} expected")
        return value

    def update(self, values):
        checked = {name: self._checked(name, value)
                   for name, value in values.items()}
        for name, value in checked.items():
            setattr(self, name, value)

    def describe(self):
        return {name: getattr(self, name) for name in self._table}
