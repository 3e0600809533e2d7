# SPDX-License-Identifier: MIT
"""The main jobs, live: an NFS server, stand-ins of Rev and the bridge, three real
recordings and the uploader; a call over TLS and SRTP, the streamer and nginx
with RTMPS; and both in the mount. Started by ./quickstart."""

import os
import shlex
import signal
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, os.path.join(TOP, "tests"))

from harness.media import make_mp4  # noqa: E402
from harness.paths import built  # noqa: E402
from harness.rtmp import Nginx  # noqa: E402
from harness.uploader import SPACES, Uploader, cms_seed, rev_seed  # noqa: E402
from harness.wait import wait_for  # noqa: E402
from harness.world import World, free_port  # noqa: E402

PATIENCE = 180
RECORDINGS = {
    # (folder, name): what it shows
    ("spaces/" + SPACES["Lab"], "20261124090000+0100.mp4"):
        "a space whose owner Rev does not know: the fall-back owner gets it",
    ("forwardedCalls", "20261124093000+0100.mp4"):
        "a call that belongs to no space",
    ("spaces/" + SPACES["Vorstand & Räte 役員"], "20261124100000+0100.mp4"):
        "a space with a name that is not ASCII; the file is still being "
        "written",
}


def say(text=""):
    print(text, flush=True)


def title(text):
    bold, plain = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")
    say(f"\n{bold}== {text}{plain}")


def show(*command, cwd=None):
    """A command as a person would type it, and what it prints."""
    say("$ " + shlex.join(command))
    subprocess.run(command, check=False, cwd=cwd)


class Demo:
    def __init__(self, world):
        self.world = world
        title("Servers")
        self.nfs = world.nfs()
        say(f"NFS server (nfs-ganesha)      {self.nfs.url()}")
        self.rev = world.rev(seed=rev_seed())
        say(f"Vbrick Rev (stand-in)         {self.rev.url}")
        self.cms = world.cms(seed=cms_seed())
        say(f"bridge API (stand-in)         {self.cms.url}/api/v1/")
        self.mount = world.folder("mnt")

    def write_recordings(self):
        """Two whole ones, and one that a recorder still writes."""
        title("Recordings on the share")
        *whole, growing = RECORDINGS
        for tone, place in enumerate(whole):
            file = make_mp4(self.world.path("media", place[1]), seconds=20,
                            size="1280x720", tone=300 + 100 * tone)
            self.nfs.put(file, *place)
            say(f"{place[0]}/{place[1]}\n    {RECORDINGS[place]}")
        file = make_mp4(self.world.path("media", growing[1]), seconds=20,
                        size="1280x720")
        os.makedirs(os.path.dirname(self.nfs.path(*growing)), exist_ok=True)
        size = os.path.getsize(file)
        self.writer = self.nfs.write(file, "/".join(growing), rate=size // 6)
        say(f"{growing[0]}/{growing[1]}\n    {RECORDINGS[growing]}")

    def start_uploader(self):
        title("upcast-uploader and upcast-fs")
        self.uploader = Uploader(
            self.world, self.nfs, self.rev, self.cms, name="upcast",
            settings={"fallback_owner": "admin", "bandwidth": "12M",
                      "cospace_member_access": "view"})
        self.uploader.wait_state("source_state", "ready")
        say(f"settings       {self.uploader.config}")
        say(f"control dir    {os.path.dirname(self.uploader.control)}")
        if os.path.exists(built("fs/upcast-fs")):
            self.start_mount()

    def start_mount(self):
        self.world.start([built("fs/upcast-fs"), "-f", "-c",
                          self.uploader.config, self.mount], name="upcast-fs")
        self.world.on_close(lambda: subprocess.run(
            ["fusermount3", "-uz", self.mount], check=False,
            stderr=subprocess.DEVNULL))
        wait_for(lambda: os.path.ismount(self.mount), what="the mount")
        say(f"mounted at     {self.mount}")

    # ---- the call -------------------------------------------------------------

    def write_streamer_settings(self, port):
        """One file for all programs, as on a real host."""
        pair = self.world.authority.server()
        settings = {
            "sip_listen": f"127.0.0.1 none {port}", "sip_key": pair.key,
            "sip_certificate": pair.cert, "media_encryption": "required",
            "rtmps_bundle": self.world.authority.bundle, "drain_time": "0s"}
        with open(self.uploader.config, "a", encoding="utf-8") as file:
            file.write("\n[streamer]\n" + "".join(
                f"{key} = {value}\n" for key, value in settings.items()))

    def start_call(self):
        """The bridge dials; its URL goes to nginx over RTMPS."""
        title("A live call: bridge, streamer, streaming server")
        self.nginx = Nginx(self.world, self.world.authority.server())
        port = free_port()
        self.write_streamer_settings(port)
        streamer = self.world.start(
            [built("streamer/upcast-streamer"), "-f", "-c",
             self.uploader.config], name="upcast-streamer")
        streamer.wait_log(" started")
        clip = self.world.path("media", "call.mp4")
        make_mp4(clip, seconds=10, size="1280x720", sample_rate=32000)
        url = self.nginx.tls_url("Weekly")
        say(f"caller  --SIP over TLS, SRTP-->  sip:127.0.0.1:{port}")
        say(f"streamer  --RTMPS-->  {url}")
        self.caller = self.world.start(
            [built("tests/caller/caller"), "-T", "-C",
             self.world.authority.bundle, "-s", "AES_CM_128_HMAC_SHA1_80",
             "-u", url, "-t", "3600", clip,
             f"sip:streaming@127.0.0.1:{port}"], name="caller")
        wait_for(lambda: self.nginx.recordings("Weekly"), 20, "the stream")

    def show_call(self):
        title("The call, as ffprobe sees what is published")
        show("ffprobe", "-v", "error", "-show_entries",
             "stream=codec_name,profile,width,height,sample_rate", "-of",
             "compact", self.nginx.url("Weekly"))
        if os.path.ismount(self.mount):
            title("The call in the mounted tree")
            self.show("ls", "streamer/by-state/publishing")
            call, = os.listdir(f"{self.mount}/streamer/calls")
            self.show("grep", "-r", ".", f"streamer/calls/{call}")

    # ---- live ---------------------------------------------------------------

    @staticmethod
    def line(job):
        done = int(job["progress"] or 0)
        mib = int(job["size"] or 0) / (1 << 20)
        bar = "#" * (done // 5)
        rate = int(job["rate"] or 0) / (1 << 20)
        speed = f"{rate:5.1f} MiB/s" if rate else ""
        name = os.path.basename(job["path"])
        return f"{name}  {mib:6.1f} MiB  {job['state']:<10} " \
               f"[{bar:<20}] {done:3}% {speed:<12} {job['why'][:70]}"

    def watch(self):
        title("At work")
        shown, end = {}, time.monotonic() + PATIENCE
        while time.monotonic() < end:
            jobs = self.uploader.jobs()
            for job in jobs:
                text = self.line(job)
                step = (job["state"], int(job["progress"] or 0) // 20,
                        job["why"].split(" ")[0])
                if shown.get(job["id"]) != step:
                    say(text)
                shown[job["id"]] = step
            if len(jobs) == len(RECORDINGS) and all(
                    job["state"] == "ready" for job in jobs):
                return
            time.sleep(0.1)
        raise AssertionError("it takes too long: " + self.world.tail_logs())

    # ---- the tour -------------------------------------------------------------

    def tour(self):
        title("The share: every name says which video it became")
        for folder, _ in RECORDINGS:
            for name in os.listdir(os.path.join(self.nfs.export, folder)):
                say(f"{folder}/{name}")
        title("The videos on Rev")
        for video in self.rev.videos():
            members = [entity["name"] for entity in video["entities"]
                       if entity["name"] != "uploader"]
            say(f"{video['title']}\n    owner {video['owner']}, "
                f"viewers {', '.join(members) or 'none'}, "
                f"{'active' if video['active'] else 'INACTIVE'}, "
                f"{video['size']} bytes\n    {video['playback_url']}")
        assert len(self.rev.active()) == len(self.rev.videos()) == 3
        if os.path.ismount(self.mount):
            self.tour_mount()

    def show(self, *command):
        show(*command, cwd=self.mount)

    def tour_mount(self):
        title("The mounted tree: a recording is a directory, a fact a file")
        say("$ cd " + self.mount)
        self.show("ls", "-x", "uploader/by-state")
        self.show("ls", "uploader/by-space")
        job = self.uploader.jobs()[0]
        self.show("grep", "-r", ".", "uploader/recordings/" + job["path"][:-4])
        self.show("tail", "-n", "6", "events")

    def say_bye(self, once):
        if os.path.ismount(self.mount):
            title("Both at a glance")
            self.show("grep", "-v", " 0$", "summary")
        if once:
            say("\nAll of it ends now, and leaves nothing behind but the "
                "build. ./quickstart without --once goes on until Ctrl-C.")
            return
        title("It goes on until Ctrl-C")
        say("put more recordings into   " + self.nfs.export)
        say(f"watch it with              watch -n1 cat {self.mount}/summary")
        say(f"                           tail -f {self.mount}/events")


def main():
    once = "--once" in sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with World() as world:
        demo = Demo(world)
        demo.write_recordings()
        demo.start_uploader()
        demo.watch()
        demo.writer.finish()
        demo.tour()
        if os.path.exists(built("streamer/upcast-streamer")):
            demo.start_call()
            demo.show_call()
        demo.say_bye(once)
        if once:
            return
        try:
            signal.pause()
        except KeyboardInterrupt:
            say("\nending")


main()
