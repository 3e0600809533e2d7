#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""From RTP and SRTP of ffmpeg to what an RTMP server gets, without SIP."""

import base64
import os
import re
import shutil
import subprocess
import sys
import time
from fractions import Fraction

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import tap  # noqa: E402
from harness.paths import built  # noqa: E402
from harness.rtmp import Nginx, frames, packets  # noqa: E402
from harness.wait import wait_for  # noqa: E402
from harness.world import World  # noqa: E402

LATM_CONFIG = "40002510" "3fc0"  # StreamMuxConfig: AAC-LC, 32 kHz, mono
HBR_CONFIG = "1288"              # AudioSpecificConfig of the same


class Shared:
    """The source, and what is in it."""
    file = None
    video = None


def prepare(world):
    tap.skip_unless(shutil.which("ffmpeg"), "ffmpeg is not installed")
    Shared.file = world.path("source.mp4")
    subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-y",
         "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25",
         "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=32000",
         "-t", "4", "-c:v", "libx264", "-preset", "ultrafast",
         "-profile:v", "baseline", "-pix_fmt", "yuv420p", "-g", "25",
         "-threads", "1", "-c:a", "aac", "-b:a", "48k", "-ac", "1",
         Shared.file], check=True)
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


def send(world, driver, *, audio="latm", secret=None, file=None, loop=0):
    """ffmpeg as the bridge: video and audio, each a stream of its own."""
    crypto = []
    scheme = "rtp"
    if secret:
        scheme = "srtp"
        crypto = ["-srtp_out_suite", secret[0], "-srtp_out_params",
                  base64.b64encode(bytes.fromhex(secret[1])).decode()]
    latm = ["-rtpflags", "latm"] if audio == "latm" else []
    codec = {"opus": ["-c", "libopus"], "pcmu": ["-c", "pcm_mulaw", "-ar",
                                                 "8000"]}.get(audio,
                                                              ["-c", "copy"])
    return world.start(
        ["ffmpeg", "-v", "error", "-nostdin", "-re", "-stream_loop", loop,
         "-i", file or Shared.file,
         "-map", "0:v", "-c", "copy", "-bsf:v",
         "h264_mp4toannexb,dump_extra=freq=keyframe", "-payload_type", "96",
         "-f", "rtp", *crypto,
         f"{scheme}://127.0.0.1:{driver.video}?pkt_size=1200",
         "-map", "0:a", *codec, "-payload_type", "97", "-f", "rtp",
         *latm, *crypto,
         f"{scheme}://127.0.0.1:{driver.audio}?pkt_size=1200"],
        name="ffmpeg")


def sound(path):
    """(checksum, time in seconds) of each AAC frame, undecoded."""
    out = subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-i", path, "-map", "0:a",
         "-c", "copy", "-f", "framemd5", "-"], check=True,
        capture_output=True, text=True).stdout
    lines = [re.split(r",\s*", line) for line in out.splitlines()]
    base = [line[0] for line in lines if line[0].startswith("#tb 0:")][0]
    tick = Fraction(base.split()[2])
    return [(line[5], float(int(line[2]) * tick)) for line in lines
            if not line[0].startswith("#")]


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
    assert worst < 0.04, worst


AUDIO = {"latm": ("-a", "97:latm:32000:1:" + LATM_CONFIG),
         "hbr": ("-a", "97:hbr:32000:1:" + HBR_CONFIG)}
KEY = bytes(range(30)).hex()


def run_case(world, name, audio, secret=None):
    nginx = Nginx(world)
    options = ("-s", *secret) if secret else ()
    driver = Driver(world, nginx.url(name), "-v", "96", *AUDIO[audio],
                    *options)
    driver.wait_state("publishing")
    assert send(world, driver, audio=audio, secret=secret).wait(30) == 0
    line = driver.finish()
    assert " lost=0 " in line, line
    # ffmpeg's SRTCP has the short tag of RTP, RFC 4568 section 6.2 the long.
    assert " refused=0 " in line or secret and "_32" in secret[0], line
    wait_for(lambda: nginx.recordings(name), what="recording")
    check_whole(nginx.recordings(name)[0], missing=6)


def test_latm(world):
    """H.264 and LATM in the clear"""
    run_case(world, "latm", "latm")


def test_hbr(world):
    """H.264 and AAC-hbr in the clear"""
    run_case(world, "hbr", "hbr")


def test_srtp(world):
    """the same under SRTP, with the long tag and the short one"""
    for number, suite in enumerate(("AES_CM_128_HMAC_SHA1_80",
                                    "AES_CM_128_HMAC_SHA1_32")):
        run_case(world, f"srtp{number}", "latm", (suite, KEY))


def test_transcode(world):
    """other audio becomes AAC, as long as it was"""
    nginx = Nginx(world)
    for kind, rate in (("pcmu", 8000), ("opus", 48000)):
        driver = Driver(world, nginx.url(kind), "-v", "96", "-a",
                        f"97:{kind}:{rate}:1")
        driver.wait_state("publishing")
        assert send(world, driver, audio=kind).wait(30) == 0
        line = driver.finish()
        wait_for(lambda: nginx.recordings(kind), what="recording")
        path = nginx.recordings(kind)[0]
        assert frames(path, "v") == Shared.video
        length = len(sound(path)) * 1024 / rate
        assert 3.6 < length < 4.3, length


def test_b_pictures(world):
    """pictures that are shown in another order than they are decoded in"""
    nginx, file = Nginx(world), world.path("b.mp4")
    subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", Shared.file,
         "-c:a", "copy", "-c:v", "libx264", "-preset", "ultrafast", "-bf",
         "3", "-b_strategy", "0", "-x264-params", "b-pyramid=normal", "-g",
         "25", "-threads", "1", file], check=True)
    driver = Driver(world, nginx.url("b"), "-v", "96", *AUDIO["latm"])
    driver.wait_state("publishing")
    assert send(world, driver, file=file).wait(30) == 0
    driver.finish()
    wait_for(lambda: nginx.recordings("b"), what="recording")
    path = nginx.recordings("b")[0]
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
    send(world, driver, secret=("AES_CM_128_HMAC_SHA1_80", KEY)).wait(30)
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
    wait_for(lambda: nginx.recordings("late"), what="recording")
    got = frames(nginx.recordings("late")[0], "v")
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
