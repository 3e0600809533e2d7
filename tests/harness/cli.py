# SPDX-License-Identifier: MIT
"""upcast under test: one command at a time, or typed into its shell."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

from harness.paths import built
from harness.wait import PATIENCE

PROGRAM = "cli/upcast"
PRESS_SECONDS = 0.5


class Result:
    def __init__(self, done):
        self.status = done.returncode
        self.out = done.stdout
        self.err = done.stderr


class Cli:
    """A settings file, folders of its own and the program."""

    def __init__(self, world, name="cli", text="", config=None):
        self.world = world
        self.variables = {}  # more of the environment
        self.dir = world.folder(name)
        self.certs = world.folder(name, "certs")
        self.secrets = world.folder(name, "secrets")
        self.run_dir = world.folder(name, "run")
        self.config = config or world.write(
            f"{name}/upcast.ini",
            f"[upcast]\ncontrol_dir = {self.run_dir}\n"
            f"secrets_dir = {self.secrets}\ncerts_dir = {self.certs}\n"
            f"group = root\n{text}")

    def argv(self, *words):
        return [built(PROGRAM), "-s", self.config, *map(str, words)]

    def environment(self):
        """The daemons that `check` runs are those that were built."""
        built_first = [built("streamer"), built("uploader")]
        return {**os.environ, "HOME": self.dir,
                "PATH": os.pathsep.join([*built_first, os.environ["PATH"]]),
                **self.variables}

    def run(self, *words, stdin=""):
        """Words as arguments; its Result. Text for standard input."""
        return Result(subprocess.run(
            self.argv(*words), input=stdin, capture_output=True, text=True,
            timeout=60, check=False, env=self.environment()))

    def line(self, line, stdin=""):
        """As sshd runs a login shell: -c 'LINE'."""
        return self.run("-c", line, stdin=stdin)

    def ok(self, line, stdin=""):
        """A line that must succeed; what it prints."""
        result = self.line(line, stdin)
        assert result.status == 0, (line, result.out, result.err)
        return result.out

    def fail(self, line, stdin=""):
        """A line that must fail; what it prints."""
        result = self.line(line, stdin)
        assert result.status == 1, (line, result.status, result.out)
        return result.out

    def read(self):
        with open(self.config, encoding="utf-8") as file:
            return file.read()

    def put_cert(self, path, name):
        """Copies a file into the certificate directory."""
        with open(path, "rb") as source, \
                open(os.path.join(self.certs, name), "wb") as target:
            target.write(source.read())

    def shell(self):
        return Typist(self.argv(), self.environment(), self.world)


class Typist:
    """Types into a program on a pseudo-terminal and reads its screen."""

    def __init__(self, argv, env, world):
        # libedit does not free the names of functions that it is given.
        env = {**env, "ASAN_OPTIONS": "detect_leaks=0"}
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                # Wide, so that nothing typed is drawn in two lines.
                fcntl.ioctl(0, termios.TIOCSWINSZ,
                            struct.pack("HHHH", 50, 400, 0, 0))
                os.execve(argv[0], argv, {**env, "TERM": "dumb"})
            finally:
                os._exit(127)
        self.screen = ""
        self._seen = 0
        self.status = None
        world.on_close(self.kill)

    def expect(self, text, seconds=PATIENCE):
        """Until the text shows, behind what was expected before."""
        deadline = time.monotonic() + seconds
        while text not in self.screen[self._seen:]:
            left = deadline - time.monotonic()
            assert left > 0, (text, self.screen[self._seen:])
            if select.select([self.fd], [], [], left)[0]:
                try:
                    piece = os.read(self.fd, 4096)
                except OSError:
                    piece = b""
                assert piece, (text, "ended", self.screen[self._seen:])
                self.screen += piece.decode(errors="replace")
        start = self._seen
        self._seen = self.screen.index(text, start) + len(text)
        return self.screen[start:self._seen - len(text)]

    def type(self, text):
        try:
            os.write(self.fd, text.encode())
        except OSError:
            pass

    def wait(self, seconds=PATIENCE, key=""):
        """Its exit status, once it has ended by itself.

        `key` is pressed until then: libedit shows its prompt before it takes
        control characters as keys.
        """
        deadline = time.monotonic() + seconds
        pressed = 0
        while self.status is None:
            if key and time.monotonic() > pressed + PRESS_SECONDS:
                self.type(key)
                pressed = time.monotonic()
            assert time.monotonic() < deadline, self.screen[-2000:]
            try:
                if select.select([self.fd], [], [], 0.05)[0]:
                    self.screen += os.read(self.fd, 4096).decode(
                        errors="replace")
            except OSError:
                pass
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        self._read_rest()
        return self.status

    def _read_rest(self):
        try:
            while select.select([self.fd], [], [], 0)[0]:
                piece = os.read(self.fd, 4096)
                if not piece:
                    break
                self.screen += piece.decode(errors="replace")
        except OSError:
            pass

    def kill(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.status = -signal.SIGKILL
