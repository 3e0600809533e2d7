# SPDX-License-Identifier: MIT
"""How a video gets ready as time passes."""

import time

# On the way: (word, setting with its seconds, isProcessing)
STAGES = (
    ("UploadingFinished", "uploading_finished_seconds", False),
    ("Ingesting", "ingesting_seconds", True),
    ("Processing", "processing_seconds", True),
)
END_STATES = ("Ready", "ReadyButProcessingFailed", "UploadFailed",
              "ProcessingFailed", "Canceled")
FAILED_EARLY = ("UploadFailed", "Canceled")


class Progress:
    """The state of one video, computed from the clock."""

    def __init__(self, settings):
        self._settings = settings
        self._outcome = settings.outcome
        self._start = time.monotonic()
        self._pinned = None
        self.receiving = False

    def restart(self):
        self._start = time.monotonic()
        self._pinned = None
        self._outcome = self._settings.outcome

    def pin(self, word, processing=False, progress=1.0):
        """Stays there, by order of a test."""
        self._pinned = (word, processing, progress)

    def finish(self):
        self._pinned = ("Ready", False, 1.0)

    def now(self):
        """(status, isProcessing, overallProgress)"""
        if self._pinned:
            return self._pinned
        if self.receiving:
            return "Uploading", False, 0.0
        age = time.monotonic() - self._start
        settings = self._settings
        if age < settings.early_ready_seconds:
            return "Ready", False, 0.0
        total = sum(getattr(settings, name) for _, name, _ in STAGES)
        total += settings.transcoding_seconds
        share = round(min(0.99, age / total), 3) if total else 1.0
        for word, name, processing in STAGES:
            if age < getattr(settings, name):
                return word, processing, share
            age -= getattr(settings, name)
        if self._outcome == "Ready" and age < settings.transcoding_seconds:
            return "Ready", True, share
        return self._outcome, False, (
            0.0 if self._outcome in FAILED_EARLY else 1.0)

    @property
    def is_busy(self):
        word, processing, _ = self.now()
        return processing or word not in END_STATES
