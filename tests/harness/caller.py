# SPDX-License-Identifier: MIT
"""tests/caller, a bridge that calls and plays a clip."""

from harness.paths import built


class ClipCaller:
    """At work; `options` as in the head of tests/caller/caller.c."""

    def __init__(self, world, clip, port, *options, user="stream",
                 host="127.0.0.1"):
        self.process = world.start(
            [built("tests/caller/caller"), *options, clip,
             f"sip:{user}@{host}:{port}"], name="caller")

    def result(self, seconds=60):
        """Its counters; it must have ended well."""
        status = self.process.wait(seconds)
        text = self.process.log_text()
        assert status == 0, text
        line = [x for x in text.splitlines() if x.startswith("calls=")][-1]
        return {key: int(value.partition("/")[0]) for key, value in
                (word.split("=") for word in line.split())}
