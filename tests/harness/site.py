# SPDX-License-Identifier: MIT
"""A whole site for the uploader: a share with its folders, Rev, a bridge."""

import hashlib
import os
import time

from harness.paths import built
from harness.uploader import SPACES, Uploader, cms_seed, rev_seed

# For tests in which the share is at rest: what is put there is whole.
QUICK = {"scan_interval": "200ms", "settle_time": "200ms",
         "status_interval": "100ms"}
FOLDERS = ("forwardedCalls", *(f"spaces/{space}" for space in SPACES.values()))
SPACE = f"spaces/{SPACES['Weekly']}"


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_sanitized():
    """Is the program built with sanitizers?"""
    program = open(Site.program(), "rb").read()
    return b"__asan_init" in program or b"__tsan_init" in program


def check_idle(*uploaders, seconds=1.5):
    """They wait: each under 1 % of a core."""
    most = 3 if is_sanitized() else 1
    before = [uploader.process.cpu_seconds() for uploader in uploaders]
    begin = time.monotonic()
    time.sleep(seconds)
    for uploader, used in zip(uploaders, before):
        used = uploader.process.cpu_seconds() - used
        percent = 100 * used / (time.monotonic() - begin)
        assert percent < most, f"{percent:.1f} % of a core while it waits"


class Site:
    """`share` None: an NFS server; else a directory. `quick`: see QUICK.

    Every fact about the outside world that tests ask for more than once.
    """

    def __init__(self, world, share=None, quick=True, **nfs_options):
        self.world = world
        self._quick = quick
        self.nfs = None if share else world.nfs(**nfs_options)
        self.root = share or self.nfs.export
        self.rev = world.rev(seed=rev_seed())
        self.cms = world.cms(seed=cms_seed())
        for folder in FOLDERS:
            os.makedirs(os.path.join(self.root, folder), exist_ok=True)

    @staticmethod
    def program():
        return built("uploader/upcast-uploader")

    def path(self, name, folder=SPACE):
        return os.path.join(self.root, folder, name)

    def put(self, folder, name, file):
        """Copies a file in under a name of its own, then gives it `name`."""
        return self.put_bytes(folder, name, open(file, "rb").read())

    def put_bytes(self, folder, name, data):
        path = self.path(name, folder)
        with open(path + ".part", "wb") as out:
            out.write(data)
        os.rename(path + ".part", path)
        return path

    def names(self, folder=SPACE):
        return sorted(os.listdir(os.path.join(self.root, folder)))

    def uploader(self, share=None, name="up", settings=None, **options):
        """A new one, with a journal of its own; Rev's limits are not met."""
        return Uploader(self.world, share or self.nfs or self.root, self.rev,
                        self.cms, name=f"{name}-{self.world.number()}",
                        settings={"rev_uploads_per_minute": 3600,
                                  "rev_searches_per_minute": 3600,
                                  **(QUICK if self._quick else {}),
                                  **(settings or {})}, **options)

    def uploads(self):
        """How often bytes were sent."""
        return self.rev.count("POST", "/uploads/videos")

    # ---- what must hold at the end ---------------------------------------

    def check_once(self, *names, folder=SPACE):
        """Each name: one active video, the file's bytes, one renamed file;
        no video besides."""
        videos = {video["id"]: video for video in self.rev.videos()}
        found = self.names(folder)
        for name in names:
            mine = [entry for entry in found if entry.startswith(name[:-4])]
            assert len(mine) == 1 and "_vid-id=" in mine[0], (name, found)
            video = videos[mine[0].split("_vid-id=")[1].split("@")[0]]
            assert video["active"], video
            assert video["sha256"] == sha256(self.path(mine[0], folder)), video
        active = [video for video in videos.values() if video["active"]]
        assert len(active) >= len(names), videos
        inactive = [video for video in videos.values()
                    if not video["active"]]
        assert not inactive, inactive
