# SPDX-License-Identifier: MIT
"""The stand-ins of Rev and the bridge, as a test holds them."""

import http.client
import json

from harness.paths import source
from harness.wait import PATIENCE, wait_for


class OrderRefused(AssertionError):
    """The control port does not take the order."""


class StandIn:
    """Starts tests/standin/NAME and speaks with its control port.

    `settings` are its settings, `seed` the objects to start with; see
    tests/standin/README.md.
    """

    program = None
    settings = {}

    def __init__(self, world, seed=None, settings=None, cert=None, port=0,
                 store=False):
        self._ready_file = world.path(
            "standin", f"{self.program}-{world.number()}.ready")
        cert = cert or world.authority.server()
        argv = [source(f"tests/standin/{self.program}"),
                "--cert", cert.cert, "--key", cert.key, "--port", port,
                "--ready-file", self._ready_file]
        for name, value in {**self.settings, **(settings or {})}.items():
            argv += ["--set", f"{name}={json.dumps(value)}"]
        if store:
            argv += ["--store", world.folder("standin", "store")]
        self.process = world.start(argv, name=self.program)
        self._read_ports()
        if seed:
            self.order("POST", "/seed", seed)

    def _read_ports(self):
        def ready():
            assert self.process.alive, self.process.log_text()
            try:
                with open(self._ready_file, encoding="ascii") as file:
                    return json.load(file)
            except FileNotFoundError:
                return None
        ports = wait_for(ready, what=f"{self.program} to be ready")
        self.port = ports["port"]
        self.control_port = ports["control_port"]

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    def order(self, method, path, value=None):
        """One order to the control port; its answer."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.control_port, timeout=30)
        try:
            body = None if value is None else json.dumps(value)
            connection.request(method, path, body)
            answer = connection.getresponse()
            data = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status != 200:
            raise OrderRefused(f"{method} {path}: {data.get('error')}")
        return data

    def set(self, **settings):
        return self.order("POST", "/settings", settings)

    def fault(self, **fault):
        """Orders a fault; its id."""
        return self.order("POST", "/faults", fault)["ids"][0]

    def fired(self, fault_id):
        """How often a fault struck."""
        for fault in self.order("GET", "/faults"):
            if fault["id"] == fault_id:
                return fault["fired"]
        return 0

    def heal(self, fault_id=None):
        """Takes one fault back, or all."""
        self.order("DELETE", "/faults" if fault_id is None
                   else f"/faults/{fault_id}")

    def use_certificate(self, certificate):
        self.order("POST", "/tls", {"cert": certificate.cert,
                                    "key": certificate.key})

    def cut(self):
        self.order("POST", "/cut")

    def reset(self):
        self.order("POST", "/reset")
        self.set(**self.settings)

    def state(self):
        return self.order("GET", "/state")

    def log(self):
        """The requests that were answered, oldest first."""
        return self.order("GET", "/requests")["log"]

    def count(self, method, path_part=""):
        """Requests so far whose path has `path_part`; GUIDs in paths count
        as {id}."""
        counts = self.order("GET", "/counts")
        return sum(number for key, number in counts.items()
                   if key.startswith(method + " ") and path_part in key)

    def in_flight(self):
        return self.order("GET", "/in-flight")

    def stop(self):
        self.process.stop()


class Rev(StandIn):
    """Limits are off unless a test wants them."""

    program = "rev"
    settings = {"rate_limits": False}

    def videos(self):
        return self.state()["videos"]

    def active(self):
        return [video for video in self.videos() if video["active"]]

    def wait_active(self, count, seconds=PATIENCE):
        """Until `count` videos are active; those."""
        def enough():
            found = self.active()
            return found if len(found) >= count else None
        return wait_for(enough, seconds, f"{count} active videos")

    def wait_received(self, size, seconds=PATIENCE):
        """Until some request in flight has sent `size` bytes."""
        return wait_for(lambda: any(request["received"] >= size
                                    for request in self.in_flight()),
                        seconds, f"{size} bytes in flight")

    def kill_sessions(self):
        self.order("POST", "/sessions/kill")

    def change_user(self, name, **facts):
        self.order("POST", f"/users/{name}", facts)


class Cms(StandIn):
    program = "cms"

    def add(self, collection, **elements):
        """Creates an object by order; its id."""
        return self.order("POST", f"/objects/{collection}", elements)["id"]

    def traces(self):
        return self.order("GET", "/traces")
