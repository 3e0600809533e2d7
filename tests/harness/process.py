# SPDX-License-Identifier: MIT
"""A program under test: started, watched, ended by its process id.

It dies with the test, even if the test is killed (PR_SET_PDEATHSIG).
"""

import ctypes
import os
import signal
import subprocess
import time

from harness.wait import PATIENCE, wait_for

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_CPUCLOCK_SCHED = 2


def _die_with_parent():
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """`log` is the path of the file with both its outputs."""

    def __init__(self, argv, log, env=None, cwd=None, stdin=None,
                 capture=False):
        self.argv = [str(word) for word in argv]
        self.name = os.path.basename(self.argv[0])
        self.log = log
        self._log_file = open(log, "ab")
        self._child = subprocess.Popen(
            self.argv, stdin=stdin or subprocess.DEVNULL,
            stdout=subprocess.PIPE if capture else self._log_file,
            stderr=self._log_file, cwd=cwd,
            env={**os.environ, **(env or {})},
            preexec_fn=_die_with_parent, text=True)
        self.stdin = self._child.stdin
        self.stdout = self._child.stdout

    @property
    def pid(self):
        return self._child.pid

    @property
    def status(self):
        """Exit status, negative for a signal, None while it runs."""
        return self._child.poll()

    @property
    def alive(self):
        return self.status is None

    def signal(self, number):
        if self.alive:
            self._child.send_signal(number)

    def wait(self, seconds=PATIENCE):
        """Exit status; AssertionError where it does not end."""
        try:
            return self._child.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"{self.name} does not end") from error

    def stop(self, seconds=PATIENCE):
        """SIGTERM, and SIGKILL where that is not enough."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            return self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} ignores SIGTERM") from None
        finally:
            self._close()

    def kill(self):
        self.signal(signal.SIGKILL)
        self._child.wait()
        self._close()

    def _close(self):
        for file in (self._log_file, self.stdin, self.stdout):
            if file:
                try:
                    file.close()
                except OSError:
                    pass

    def suspend(self):
        """SIGSTOP, and back only when it has stopped."""
        self.signal(signal.SIGSTOP)
        wait_for(lambda: self._stat()[0] in "Tt", what="stopped process")

    def resume(self):
        self.signal(signal.SIGCONT)

    # ---- what it costs --------------------------------------------------

    def _stat(self):
        with open(f"/proc/{self.pid}/stat", encoding="latin-1") as file:
            return file.read().rpartition(")")[2].split()

    def _status_kib(self, key):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith(key + ":"):
                    return int(line.split()[1])
        return 0

    def cpu_seconds(self):
        """Of all its threads, to the nanosecond (the kernel's name of that
        clock is made of the process id)."""
        return time.clock_gettime(~self.pid << 3 | _CPUCLOCK_SCHED)

    def cpu_percent(self, seconds):
        """Share of one core that it uses during `seconds`."""
        begin, start = self.cpu_seconds(), time.monotonic()
        time.sleep(seconds)
        used = self.cpu_seconds() - begin
        return 100 * used / (time.monotonic() - start)

    def rss_bytes(self):
        return self._status_kib("VmRSS") * 1024

    def peak_rss_bytes(self):
        return self._status_kib("VmHWM") * 1024

    def thread_count(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def fd_count(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    # ---- what it said ---------------------------------------------------

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait_log(self, text, seconds=PATIENCE):
        """Until the log has the text."""
        wait_for(lambda: text in self.log_text() or not self.alive, seconds,
                 f"{text!r} in the log of {self.name}")
        assert text in self.log_text(), f"{self.name} ended early"
