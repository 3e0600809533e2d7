#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""From RTP and SRTP of ffmpeg to what an RTMP server gets, without SIP."""

import base64
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import tap  # noqa: E402
from harness.media import make_clip, send_rtp  # noqa: E402
from harness.paths import built  # noqa: E402
from harness.rtmp import Nginx, frames, packets, sound  # noqa: E402
from harness.wait import wait_for  # noqa: E402
from harness.world import World  # noqa: E402

LATM_CONFIG = "40002510" "3fc0"  # StreamMuxConfig: AAC-LC, 32 kHz, mono
HBR_CONFIG = "1288"              # AudioSpecificConfig of the same


class Shared:
    """The source, and what is in it."""
    file = None
    video = None


def prepare(world):
    Shared.file = make_clip(world.path("source.mp4"), seconds=4)
    Shared.video = frames(Shared.file, "v")


class Driver:
    """tests/tools/media-driver at work."""

    def __init__(self, world, url, *options):
        self.process = world.start(
            [built("tests/tools/media-driver"), *options, url],
            name="media-driver", stdin=subprocess.PIPE)
        self.process.wait_log("ports 0 ")
        line = next(self.lines("ports 0"))
        self.audio, self.video = (int(n) for n in line.split()[2:4])

    def lines(self, begin):
        return (line for line in self.process.log_text().splitlines()
                if line.startswith(begin))

    def command(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def last(self):
        """The latest status, word by word."""
        line = list(self.lines("status 0"))[-1]
        return line, dict(w.split("=", 1) for w in line.split()
                          if "=" in w)

    def wait_state(self, state):
        wait_for(lambda: any(self.lines(f"status 0 {state}")), 10, state)

    def finish(self):
        self.process.stdin.close()
        assert self.process.wait() == 0, self.process.log_text()
        line = list(self.lines("status 0"))[-1]
        assert " ended " in line, line
        return line


def send(world, driver, file=None, **options):
    return send_rtp(world, file or Shared.file, (driver.audio, driver.video),
                    **options)


def check_whole(path, missing):
    """Every picture and frame, checksum for checksum, and both in step.

    A stream begins with its first picture: sound from before is left out.
    """
    assert frames(path, "v") == Shared.video
    was, now = sound(Shared.file), sound(path)
    first = [checksum for checksum, _ in was].index(now[0][0])
    assert [n[0] for n in now] == [w[0] for w in was][first:][:len(now)]
    assert len(was) - len(now) <= missing, (len(was), len(now))
    times = [p[1] for p in packets(path) if p[0] == "video"]
    assert times == sorted(times)
    shift = times[0] - [p for p in packets(Shared.file)
                        if p[0] == "video"][0][1]
    worst = max(abs(n[1] - w[1] - shift)
                for n, w in zip(now, was[first:]))
    # ffmpeg's sender reports are late where the machine is busy.
    assert worst < 0.08, worst


AUDIO = {"latm": ("-a", "97:latm:32000:1:" + LATM_CONFIG),
         "hbr": ("-a", "97:hbr:32000:1:" + HBR_CONFIG)}
KEY = bytes(range(30))


def run_cases(world, *cases):
    """Side by side; each is (name, audio) or (name, audio, secret)."""
    nginx, running = Nginx(world), []
    for name, audio, *secret in cases:
        options = ("-s", secret[0][0], KEY.hex()) if secret else ()
        driver = Driver(world, nginx.url(name), "-v", "96", *AUDIO[audio],
                        *options)
        driver.wait_state("publishing")
        running.append((driver, send(world, driver, audio=audio,
                                     secret=secret and secret[0])))
    for driver, sender in running:
        assert sender.wait(30) == 0
    for (name, _, *secret), (driver, _) in zip(cases, running):
        line = driver.finish()
        assert " lost=0 " in line, line
        # ffmpeg's SRTCP has the short tag of RTP, RFC 4568 section 6.2 the
        # long.
        assert " refused=0 " in line or "_32" in str(secret), line
        check_whole(nginx.recording(name), missing=6)


def test_formats(world):
    """LATM and AAC-hbr, in the clear and under SRTP, either tag"""
    key = base64.b64encode(KEY).decode()
    run_cases(world, ("latm", "latm"), ("hbr", "hbr"),
              ("long", "latm", ("AES_CM_128_HMAC_SHA1_80", key)),
              ("short", "latm", ("AES_CM_128_HMAC_SHA1_32", key)))


def test_transcode(world):
    """other audio becomes AAC, as long as it was"""
    nginx, running = Nginx(world), []
    for kind, rate in (("pcmu", 8000), ("opus", 48000)):
        driver = Driver(world, nginx.url(kind), "-v", "96", "-a",
                        f"97:{kind}:{rate}:1")
        driver.wait_state("publishing")
        running.append((kind, rate, driver, send(world, driver, audio=kind)))
    for kind, rate, driver, sender in running:
        assert sender.wait(30) == 0
        driver.finish()
        path = nginx.recording(kind)
        assert frames(path, "v") == Shared.video
        length = len(sound(path)) * 1024 / rate
        assert 3.6 < length < 4.3, length


def test_b_pictures(world):
    """pictures that are shown in another order than they are decoded in"""
    nginx = Nginx(world)
    file = make_clip(world.path("b.mp4"), b_pictures=3)
    driver = Driver(world, nginx.url("b"), "-v", "96", *AUDIO["latm"])
    driver.wait_state("publishing")
    assert send(world, driver, file=file).wait(30) == 0
    driver.finish()
    path = nginx.recording("b")
    assert frames(path, "v") == frames(file, "v")
    was, now = ([p[1:3] for p in packets(f) if p[0] == "video"]
                for f in (file, path))
    assert [d for d, _ in now] == sorted(d for d, _ in now)
    assert all(dts <= pts for dts, pts in now)
    for n in (0, 1):
        shift = now[0][n] - was[0][n]
        worst = max(abs(a[n] - b[n] - shift) for a, b in zip(now, was))
        assert worst < 0.003, (n, worst)


def test_wrong_key(world):
    """packets under another key are refused, and nothing is published"""
    nginx = Nginx(world)
    driver = Driver(world, nginx.url("wrong"), "-v", "96", *AUDIO["latm"],
                    "-s", "AES_CM_128_HMAC_SHA1_80", "ff" * 30)
    driver.wait_state("publishing")
    send(world, driver, secret=(
        "AES_CM_128_HMAC_SHA1_80", base64.b64encode(KEY).decode())).wait(30)
    line = driver.finish()
    assert "audio=0/0" in line and "video=0/0" in line, line
    assert " refused=0 " not in line, line


def test_late_target(world):
    """a target that comes in mid-stream begins with a key frame"""
    nginx = Nginx(world)
    driver = Driver(world, "", "-v", "96", *AUDIO["latm"])
    driver.wait_state("waiting-url")
    sender = send(world, driver)
    wait_for(lambda: "size=640x360" in driver.last()[0], 10, "a picture")
    driver.command("url " + nginx.url("late"))
    driver.wait_state("publishing")
    sender.wait(30)
    driver.finish()
    got = frames(nginx.recording("late"), "v")
    assert 25 <= len(got) < len(Shared.video), len(got)
    assert got == Shared.video[-len(got):]


def test_silence(world):
    """RTP that stops is told once, and a hold is no silence"""
    driver = Driver(world, "", "-v", "96", *AUDIO["latm"], "-m", "1500")
    sender = send(world, driver, loop=-1)
    wait_for(lambda: "size=640x360" in driver.last()[0], 10, "a picture")
    driver.command("hold")
    sender.kill()
    time.sleep(3)  # nothing must happen in this time
    assert not list(driver.lines("media-timeout"))
    driver.command("resume")
    wait_for(lambda: any(driver.lines("media-timeout")), 10, "time-out")
    driver.finish()
    assert len(list(driver.lines("media-timeout"))) == 1


tap.main(World, prepare)
