# SPDX-License-Identifier: MIT
"""The search index, a copy of the videos that lags behind, and scrolls."""

import copy
import time
import uuid


class Index:
    """Changes are taken in `index_lag` seconds after they were made."""

    def __init__(self, settings):
        self._settings = settings
        self._pending = []            # (when made, video id, copy or None)
        self._entries = {}

    def _later(self, video_id, entry):
        self._pending.append((time.monotonic(), video_id, entry))

    def changed(self, video):
        entry = copy.copy(video)
        entry.tags = list(video.tags)
        entry.categories = list(video.categories)
        entry.fields = dict(video.fields)
        entry.entities = list(video.entities)
        self._later(video.id, entry)

    def removed(self, video):
        self._later(video.id, None)

    def entries(self):
        """What can be found now, oldest first."""
        taken_in = time.monotonic() - self._settings.index_lag
        waiting = []
        for change in self._pending:
            made, video_id, entry = change
            if made > taken_in:
                waiting.append(change)
            elif entry:
                self._entries[video_id] = entry
            else:
                self._entries.pop(video_id, None)
        self._pending = waiting
        return list(self._entries.values())


class Scrolls:
    """Results that wait for their next page; idle ones lapse."""

    def __init__(self, settings):
        self._settings = settings
        self._open = {}

    def begin(self, results):
        scroll = str(uuid.uuid4())
        self._open[scroll] = [results, 0, time.monotonic()]
        return scroll

    def next_page(self, scroll, count):
        """(results of a page, total); None for a lapsed or unknown scroll."""
        entry = self._open.get(scroll)
        now = time.monotonic()
        if not entry or now - entry[2] > self._settings.scroll_seconds:
            self._open.pop(scroll, None)
            return None
        results, at, _ = entry
        entry[1:] = [at + count, now]
        return results[at:at + count], len(results)
