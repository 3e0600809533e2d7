# SPDX-License-Identifier: MIT
"""A running streamer, and what it tells of itself."""

import glob
import os
import socket

from harness.paths import built
from harness.wait import PATIENCE, wait_for
from harness.world import free_port

SECRET = "secret"


class Streamer:
    """upcast-streamer on a port of loopback, TCP and UDP.

    stub: one whose media are only said to be there. Settings are those of
    section [streamer]; `routes` those of [route]. `before`: words that stand
    before the program's. `tls`: its certificate; then the port serves both.
    `control`: the control directory.
    """

    def __init__(self, world, stub=False, tls=None, routes=None, before=(),
                 env=None, control=None, **settings):
        self._world = world
        self.port = free_port()
        self._name = f"streamer-{world.number()}"
        self.dir = os.path.join(control, "streamer") if control else \
            world.folder(self._name, "streamer")
        self._routes = routes or {}
        self._settings = {"sip_listen": f"127.0.0.1 {self.port} none",
                          "sip_udp": "true", "drain_time": "0s"}
        if tls:
            self._settings.update(
                sip_listen=f"127.0.0.1 {self.port} {self.port}",
                sip_key=tls.key, sip_certificate=tls.cert)
        self._settings.update(settings)
        self.ini = self._write()
        program = "tests/tools/streamer-stub" if stub else \
            "streamer/upcast-streamer"
        self._argv = [*before, built(program), "-f", "-v", "-c", self.ini]
        self._env = env
        self.process = None
        self.start()

    def start(self):
        """Again, after stop(): with another log."""
        self.process = self._world.start(self._argv, name=self._name,
                                         env=self._env)
        self.process.wait_log(" started")

    def _write(self):
        sections = {
            "upcast": {"control_dir": os.path.dirname(self.dir),
                       "secrets_dir": self._world.folder("secrets")},
            "streamer": self._settings,
            "route": self._routes}
        return self._world.write(f"{self._name}.ini", "".join(
            f"[{section}]\n" + "".join(f"{key} = {value}\n"
                                       for key, value in values.items())
            for section, values in sections.items()))

    def command(self, text):
        """The verdict of a command."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(os.path.join(self.dir, "ctl"))
            sock.sendall(text.encode() + b"\n")
            return sock.makefile().readline().strip()

    def reload(self, **settings):
        self._settings.update(settings)
        self._write()
        verdict = self.command("reload")
        assert verdict.startswith("ok "), verdict

    def log(self):
        return self.process.log_text()

    def events(self):
        with open(os.path.join(self.dir, "events"), encoding="utf-8") as file:
            return file.read()

    def state(self):
        """The daemon's own snapshot, as a dict."""
        return self._snapshot(os.path.join(self.dir, "state"))

    def ids(self):
        """The names of all calls that are shown."""
        return [name for name in os.listdir(os.path.join(self.dir, "calls"))
                if name[0] != "."]

    def call(self, number=1):
        """The snapshot of a call, as a dict; empty if there is none."""
        paths = glob.glob(os.path.join(self.dir, "calls", f"*-{number}"))
        return self._snapshot(paths[0]) if paths else {}

    @staticmethod
    def _snapshot(path):
        with open(path, encoding="utf-8") as file:
            return dict(line.rstrip("\n").split("=", 1) for line in file)

    def wait_log(self, text, count=1, seconds=PATIENCE):
        wait_for(lambda: self.log().count(text) >= count, seconds,
                 lambda: f"{count} x {text!r} in\n{self.log()}")

    def wait_call(self, number=1, seconds=PATIENCE, **want):
        wait_for(lambda: all(self.call(number).get(key) == value
                             for key, value in want.items()), seconds,
                 lambda: f"{want} in {self.call(number)}")

    def stop(self):
        """Ends it; what it leaks makes its status bad."""
        assert self.process.stop() == 0, self.log()


def answerer(world, **settings):
    """A streamer without media, with a route and a default."""
    return Streamer(world, stub=True, routes={
        "board": f"rtmp://u:{SECRET}@127.0.0.1/a/board"}, **{
            "url_wait": "1s",
            "default_url": f"rtmp://u:{SECRET}@127.0.0.1/a/dflt", **settings})
