# SPDX-License-Identifier: MIT
"""tests/tools/delayproxy, as a test holds it."""

import subprocess

from harness.paths import built


class DelayProxy:
    """A TCP proxy on loopback in front of `target`: `port` leads there."""

    def __init__(self, world, target, delay_ms=0):
        self.process = world.start(
            [built("tests/tools/delayproxy"), 0, target, delay_ms],
            stdin=subprocess.PIPE, capture=True)
        first = self.process.stdout.readline().split()
        assert first[:1] == ["listening"], self.process.log_text()
        self.port = int(first[1])

    def order(self, command):
        """One command; the words of its answer."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        assert answer[:1] == ["ok"], f"{command}: {answer}"
        return answer[1:]

    def delay(self, milliseconds):
        self.order(f"delay {milliseconds}")

    def cut(self):
        """Ends every connection."""
        self.order("cut")

    def reset(self):
        """The same with RST."""
        self.order("reset")

    def stall(self, on=True):
        """Bytes are taken, none go on; connections to come too."""
        self.order("stall on" if on else "stall off")

    def refuse(self, on=True):
        """New connections end at once."""
        self.order("refuse on" if on else "refuse off")

    def cut_after(self, size, towards="server"):
        """Cuts once when `size` more bytes have gone that way."""
        self.order(f"cut-after {size} {towards}")

    def hold_answers(self, on=True):
        """What the client sends goes on, what the server says does not."""
        self.order("hold on" if on else "hold off")

    def count(self):
        """(connections so far, bytes to the server, bytes to the client)"""
        return tuple(int(word) for word in self.order("count"))
