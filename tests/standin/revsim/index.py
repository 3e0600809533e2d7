# SPDX-License-Identifier: MIT
"""The search index: a copy of the videos that lags behind."""

import copy
import time


class Index:
    """Changes are taken in `index_lag` seconds after they were made."""

    def __init__(self, settings):
        self._settings = settings
        self._pending = []            # (due, video id, copy or None)
        self._entries = {}

    def _later(self, video_id, entry):
        due = time.monotonic() + self._settings.index_lag
        self._pending.append((due, video_id, entry))

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
        now = time.monotonic()
        waiting = []
        for change in self._pending:
            due, video_id, entry = change
            if due > now:
                waiting.append(change)
            elif entry:
                self._entries[video_id] = entry
            else:
                self._entries.pop(video_id, None)
        self._pending = waiting
        return list(self._entries.values())
