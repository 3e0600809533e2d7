# SPDX-License-Identifier: MIT
"""A mounted upcast-fs, and daemons that are played."""

import ctypes
import os
import shutil
import subprocess
import tempfile
import urllib.parse

from harness.paths import built
from harness.tap import skip_unless
from harness.wait import PATIENCE, wait_for

GROUP = "daemon"  # one that every system has
_MNT_DETACH = 2
_LIBC = ctypes.CDLL(None, use_errno=True)


def skip_without_fuse():
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        skip_unless(False, f"/dev/fuse: {error.strerror}")
    skip_unless(os.geteuid() == 0, "needs root")


class Daemon:
    """tests/tools/play-daemon in a folder of the control directory."""

    def __init__(self, world, control_dir, folder):
        self.process = world.start(
            [built("tests/tools/play-daemon"),
             os.path.join(control_dir, folder)],
            stdin=subprocess.PIPE, capture=True)
        self._answer("start")

    def _answer(self, order):
        line = self.process.stdout.readline()
        assert line == "done\n", f"{order}: {line!r}"

    def order(self, *words):
        line = " ".join(words)
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        self._answer(line)

    def _put(self, words, facts):
        self.order(*words, *(f"{key}={urllib.parse.quote(value, safe='')}"
                             for key, value in facts.items()))

    def put(self, object_id, **facts):
        """Values are text, or bytes that need not be UTF-8."""
        self._put(["put", str(object_id)], facts)

    def state(self, **facts):
        self._put(["state"], facts)

    def remove(self, object_id):
        self.order("remove", str(object_id))

    def event(self, text):
        self.order("event", urllib.parse.quote(text))

    def end(self):
        """As a daemon that is stopped: its input ends, then it does."""
        self.process.stdin.close()
        assert self.process.wait() == 0


class Mount:
    """upcast-fs over a control directory of its own, or a given one."""

    def __init__(self, world, options=f"group={GROUP}", start=True,
                 control_dir=None):
        self.world = world
        number = world.number()
        self.control_dir = control_dir or self._control_dir(world, number)
        self.top = world.folder(f"fs{number}", "mnt")
        self.config = world.write(
            f"fs{number}/upcast.ini",
            f"[upcast]\ncontrol_dir = {self.control_dir}\n"
            f"[fs]\nmountpoint = {self.top}\n")
        self.options = options
        self.process = None
        world.on_close(self.detach)
        if start:
            self.start()

    @staticmethod
    def _control_dir(world, number):
        """On a tmpfs, as in real life, where there is one."""
        if not os.access("/dev/shm", os.W_OK):
            return world.folder(f"fs{number}", "run")
        path = tempfile.mkdtemp(prefix="upcast-test-", dir="/dev/shm")
        world.on_close(lambda: shutil.rmtree(path, ignore_errors=True))
        return path

    def argv(self):
        words = [built("fs/upcast-fs"), "-f", "-c", self.config]
        return words + ["-o", self.options] if self.options else words

    def start(self):
        self.process = self.world.start(self.argv())
        self.process.wait_log(" is mounted on ")

    def stop(self):
        assert self.process.stop() == 0
        assert not self.is_mounted()

    def detach(self):
        """Whatever state it is in."""
        if self.process:
            self.process.kill()
        while self.is_mounted():
            _LIBC.umount2(self.top.encode(), _MNT_DETACH)

    def is_mounted(self):
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            return any(line.split()[4] == self.top for line in file)

    def daemon(self, folder):
        return Daemon(self.world, self.control_dir, folder)

    def path(self, *names):
        return os.path.join(self.top, *names)

    def read(self, *names):
        with open(self.path(*names), encoding="utf-8") as file:
            return file.read()

    def peek(self, *names):
        """As read(); nothing where the file is not there (any more)."""
        try:
            return self.read(*names)
        except FileNotFoundError:
            return ""

    def wait_read(self, text, *names, seconds=PATIENCE):
        """Until the file says just that, with its newline."""
        wait_for(lambda: self.peek(*names) == text + "\n", seconds,
                 lambda: f"{names} says {text!r}")

    def wait_gone(self, *names):
        wait_for(lambda: not os.path.lexists(self.path(*names)),
                 what=f"{names} is gone")

    def write(self, text, *names):
        """One write(2), as the shell's echo does it."""
        fd = os.open(self.path(*names), os.O_WRONLY | os.O_TRUNC)
        try:
            return os.write(fd, text.encode())
        finally:
            os.close(fd)
