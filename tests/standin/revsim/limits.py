# SPDX-License-Identifier: MIT
"""Published rate limits: per account, in windows that open with a call."""

import math
import threading
import time

# class: calls per window
PUBLISHED = {
    "get": 24000,
    "write": 3600,
    "details": 2000,
    "search": 120,
    "upload": 30,
    "metadata": 30,
    "user_by_login": 10,
}


class Limits:
    def __init__(self, settings):
        self._settings = settings
        self._lock = threading.Lock()
        self._windows = {}            # class: [end, count]
        self.refused = 0

    def admit(self, name):
        """0, or the seconds until the window of the class ends."""
        settings = self._settings
        if not settings.rate_limits:
            return 0
        limit = settings.rate_classes.get(name, PUBLISHED.get(name, 0))
        now = time.monotonic()
        with self._lock:
            window = self._windows.get(name)
            if not window or window[0] <= now:
                window = [now + settings.rate_window, 0]
                self._windows[name] = window
            if window[1] >= limit:
                self.refused += 1
                return max(1, math.ceil(window[0] - now))
            window[1] += 1
        return 0

    def describe(self):
        with self._lock:
            return {"refused": self.refused,
                    "used": {name: count for name, (_, count)
                             in self._windows.items()}}
