# SPDX-License-Identifier: MIT
"""Both daemons at real work, mounted: recordings go from an NFS server to Rev, a
call over TLS and SRTP to a streaming server."""

import os
import subprocess

from harness.caller import ClipCaller
from harness.media import make_mp4
from harness.mount import Mount
from harness.paths import built
from harness.rtmp import Nginx
from harness.tap import skip_unless
from harness.uploader import SPACES, Uploader, cms_seed, rev_seed
from harness.wait import wait_for
from harness.world import free_port

UPLOADS = "/api/*/uploads/videos"
SECURE = ("-s", "AES_CM_128_HMAC_SHA1_80")


class Tour:
    """All at work, with one file of settings. `top` is the mount."""

    def __init__(self, world):
        for name in ("uploader/upcast-uploader", "streamer/upcast-streamer"):
            skip_unless(os.path.exists(built(name)), f"{name} is not built")
        self.world = world
        self.nginx = Nginx(world)
        self.nfs = world.nfs()
        self.rev = world.rev(seed=rev_seed())
        self.uploader = Uploader(
            world, self.nfs, self.rev, world.cms(seed=cms_seed()),
            name="tour", start=False,
            settings={"fallback_owner": "admin", "bandwidth": "4M"})
        self.port = free_port()
        self._write_streamer_settings()
        self.uploader.start()
        self.streamer = world.start(
            [built("streamer/upcast-streamer"), "-f", "-c",
             self.uploader.config])
        self.mount = Mount(world, control_dir=os.path.dirname(
            self.uploader.control))
        self.top = self.mount.top
        self.media = make_mp4(world.path("media", "clip.mp4"),
                              sample_rate=32000)
        self._names = 0

    def _write_streamer_settings(self):
        pair = self.world.authority.server()
        settings = {
            "sip_listen": f"127.0.0.1 none {self.port}", "sip_key": pair.key,
            "sip_certificate": pair.cert, "media_encryption": "required",
            "drain_time": "0s"}
        with open(self.uploader.config, "a", encoding="utf-8") as file:
            file.write("\n[streamer]\n" + "".join(
                f"{key} = {value}\n" for key, value in settings.items()))

    def call(self, stream, seconds):
        """A bridge that calls and wants to have it published there."""
        return ClipCaller(
            self.world, self.media, self.port, "-T", "-C",
            self.world.authority.bundle, *SECURE, "-u",
            self.nginx.url(stream), "-t", str(seconds), user=stream)

    def record(self, space="Weekly", min_bytes=0):
        """A finished recording on the share; its folder in the mount."""
        self._names += 1
        folder = f"spaces/{SPACES[space]}" if space else "forwardedCalls"
        stem = f"202611241031{self._names:02}+0100"
        file = self.media
        if min_bytes:
            file = make_mp4(self.world.path("media", stem),
                            min_bytes=min_bytes)
        # The recorder's own file grows; one that comes whole settles at once.
        part = self.nfs.put(file, folder, stem + ".part")
        os.rename(part, self.nfs.path(folder, stem + ".mp4"))
        return f"uploader/recordings/{folder}/{stem}"

    def refuse_uploads(self, times=1):
        """Rev refuses the next ones for good; the fault's number."""
        return self.rev.fault(path=UPLOADS, status=403, times=times)

    def wait_state(self, recording, state):
        self.mount.wait_read(state, recording, "state")

    def shell(self, line, seconds=20):
        """A command as a person types it, in the mount."""
        return subprocess.run(["sh", "-c", line], cwd=self.top,
                              timeout=seconds, capture_output=True, text=True)

    def objects(self):
        """The folders of all calls and recordings, from the top."""
        calls = os.path.join("streamer", "calls")
        found = [os.path.join(calls, name)
                 for name in os.listdir(self.mount.path(calls))]
        recordings = self.mount.path("uploader", "recordings")
        return found + [os.path.relpath(where, self.top)
                        for where, _, names in os.walk(recordings) if names]

    def wait_recorded(self, stream):
        """Until the streaming server has something of it."""
        return wait_for(lambda: self.nginx.recordings(stream),
                        what=stream)[0]
