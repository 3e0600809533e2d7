# SPDX-License-Identifier: MIT
"""A temporary directory and all that a test starts in it."""

import atexit
import itertools
import os
import shutil
import socket
import tempfile

from harness import standins
from harness.certs import Authority
from harness.nfs import Nfs
from harness.nfsfault import NfsFaults
from harness.process import Process
from harness.proxy import DelayProxy

TAIL_LINES = 25


def free_port():
    """A port of loopback that nobody has now, neither for TCP nor for UDP.

    For programs that cannot be told to take any: let the kernel pick
    wherever that is possible.
    """
    while True:
        with socket.socket() as sock, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            sock.bind(("127.0.0.1", 0))
            try:
                other.bind(sock.getsockname())
            except OSError:
                continue
            return sock.getsockname()[1]


class World:
    """Use as a context manager. KEEP=1 in the environment keeps the files."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="upcast-test-")
        self._processes = []
        self._closers = []
        self._numbers = itertools.count(1)
        self._authority = None
        self._closed = False
        atexit.register(self.close)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends everything, the last started first. May be called again."""
        if self._closed:
            return
        self._closed = True
        for closer in reversed(self._closers):
            closer()
        for process in reversed(self._processes):
            process.kill()
        if os.environ.get("KEEP"):
            print(f"# kept: {self.dir}")
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    def on_close(self, function):
        """Called before the programs end: unmount, unlink and so on."""
        self._closers.append(function)

    def number(self):
        """One that nothing else in this world has: for names of files."""
        return next(self._numbers)

    def path(self, *names):
        """A path in the temporary directory; its folders are made."""
        path = os.path.join(self.dir, *names)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def folder(self, *names):
        path = os.path.join(self.dir, *names)
        os.makedirs(path, exist_ok=True)
        return path

    def write(self, name, text, mode=0o644):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    # ---- programs -------------------------------------------------------

    def start(self, argv, name=None, **options):
        """A Process with a log of its own; ended with the world."""
        name = name or os.path.basename(str(argv[0]))
        log = self.path("log", f"{self.number():02}-{name}.log")
        process = Process(argv, log, **options)
        process.name = name
        self._processes.append(process)
        return process

    def programs(self):
        return tuple(self._processes)

    def end_programs(self, but=()):
        """Ends what runs, the last started first."""
        for process in reversed(self._processes):
            if process not in but:
                process.kill()
        self._processes = [p for p in self._processes if p in but]

    def tail_logs(self):
        """The last lines of every program that did not end well."""
        lines = []
        for process in self._processes:
            if process.status == 0:
                continue
            state = "running" if process.alive else f"ended {process.status}"
            lines.append(f"--- {process.name} ({state})")
            lines += process.log_text().splitlines()[-TAIL_LINES:]
        return "\n".join(lines)

    @property
    def authority(self):
        """A certificate authority, made when first asked for."""
        if not self._authority:
            self._authority = Authority(self.folder("ca"))
        return self._authority

    def rev(self, **options):
        """A running stand-in of Rev: standins.Rev"""
        return standins.Rev(self, **options)

    def cms(self, **options):
        """A running stand-in of the bridge: standins.Cms"""
        return standins.Cms(self, **options)

    def nfs(self, **options):
        """A running NFS server: nfs.Nfs"""
        return Nfs(self, **options)

    def nfs_faults(self, nfs):
        """A proxy in front of an NFS server: nfsfault.NfsFaults"""
        return NfsFaults(self, nfs)

    def proxy(self, port, delay_ms=0):
        """A proxy in front of a port: proxy.DelayProxy"""
        return DelayProxy(self, port, delay_ms)
