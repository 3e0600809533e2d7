# SPDX-License-Identifier: MIT
"""Waiting for a condition, with a deadline."""

import time

# Waiting costs nothing where the condition comes true, however busy the
# machine: a shorter deadline is for what promises to be quick.
PATIENCE = 40.0


class TimedOut(AssertionError):
    """The condition did not come true in time."""


def wait_for(condition, seconds=PATIENCE, what="condition"):
    """The first true value of condition(); TimedOut after `seconds`.

    `what` goes into the message; it may be a function that returns text.
    """
    end = time.monotonic() + seconds
    pause = 0.005
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            text = what() if callable(what) else what
            raise TimedOut(f"not within {seconds} s: {text}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
