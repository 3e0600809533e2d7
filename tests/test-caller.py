#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tests/caller and the streamer: every way of the media, and trouble."""

import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import tap  # noqa: E402
from harness.paths import built  # noqa: E402
from harness.rtmp import Nginx, frames  # noqa: E402
from harness.streamer import Streamer  # noqa: E402
from harness.wait import wait_for  # noqa: E402
from harness.world import World, free_port  # noqa: E402

SUITES = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32",
          "AEAD_AES_128_GCM", "AEAD_AES_256_GCM")


class Shared:
    """The clip, and the checksums of its pictures."""
    file = None
    video = None


def prepare(world):
    tap.skip_unless(shutil.which("ffmpeg"), "ffmpeg is not installed")
    Shared.file = world.path("clip.mp4")
    subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-y",
         "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25",
         "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=32000",
         "-t", "3", "-c:v", "libx264", "-preset", "ultrafast",
         "-profile:v", "baseline", "-pix_fmt", "yuv420p", "-g", "25",
         "-threads", "1", "-c:a", "aac", "-b:a", "48k", "-ac", "1",
         Shared.file], check=True)
    Shared.video = frames(Shared.file, "v")


def streamer(world, **settings):
    made = world.authority.server()
    ports = f"127.0.0.1 {free_port()} {free_port()}"
    there = Streamer(world, sip_listen=ports, sip_udp="false",
                     sip_key=made.key, sip_certificate=made.cert,
                     **settings)
    there.port, there.tls_port = (int(p) for p in ports.split()[1:])
    return there


def call(world, there, *options, tls=False, status=0):
    """Runs the caller to its end; its counters."""
    process = world.start(
        [built("tests/caller/caller"), *(["-T"] if tls else []), *options,
         Shared.file, "sip:stream@127.0.0.1:"
         f"{there.tls_port if tls else there.port}"], name="caller")
    assert process.wait(60) == status, process.log_text()
    line = process.log_text().splitlines()[-1]
    return dict(word.split("=", 1) for word in line.split())


def recording(nginx, name):
    wait_for(lambda: nginx.recordings(name), what="recording of " + name)
    return nginx.recordings(name)[0]


def test_suites(world):
    """every suite, as SAVP and as AVP with crypto: each picture arrives"""
    nginx, there = Nginx(world), streamer(world)
    for number, suite in enumerate(SUITES):
        for plus in ("", "+") if number < 1 else ("",):
            name = f"s{number}{'p' if plus else ''}"
            call(world, there, "-k", "-D", "700", "-s", plus + suite, "-u",
                 nginx.url(name), "-a", "hbr" if number % 2 else "latm",
                 tls=True)
            assert frames(recording(nginx, name), "v") == Shared.video, suite
    there.stop()


def test_disorder(world):
    """jitter, packets out of order and twice: each picture arrives"""
    nginx, there = Nginx(world), streamer(world)
    for name, options in (("plain", ()), ("srtp", ("-s", SUITES[0]))):
        call(world, there, "-k", "-D", "700", "-O", "5", "-2", "5", "-J",
             "15", "-u", nginx.url(name), *options, tls=bool(options))
        assert frames(recording(nginx, name), "v") == Shared.video, name
    there.stop()


def test_loss(world):
    """loss: no damaged picture is published, and key frames are asked for"""
    nginx, there = Nginx(world), streamer(world)
    for name, options in (("plain", ()), ("srtp", ("-s", SUITES[2]))):
        found = call(world, there, "-t", "6", "-D", "300", "-L", "1", "-u",
                     nginx.url(name), *options, tls=bool(options))
        assert int(found["plis"]) + int(found["firs"]) >= 2, found
        assert int(found["lost"].split("/")[0]) > 0, found
        got = frames(recording(nginx, name), "v")
        assert len(got) > 20, len(got)
        assert all(frame in Shared.video for frame in got), name
    there.stop()


def test_many(world):
    """twenty calls at once, with URLs in RTCP, in UPDATE, in Contact"""
    nginx, there = Nginx(world), streamer(world)
    for name, option in (("contact", "-u"), ("update", "-p")):
        found = call(world, there, "-n", "20", "-R", "100", "-t", "3", option,
                     nginx.url(name + "%d"))
        assert found["ok"] == "20", found
        for number in range(20):
            assert nginx.recordings(f"{name}{number}"), (name, number)
    call(world, there, "-t", "3", "-U", nginx.url("rtcp"), "-s", SUITES[0],
         tls=True)
    assert recording(nginx, "rtcp")
    log = there.log()
    assert 'APP packet named "TEST"' in log
    assert not re.search(r"ERROR", log), log
    there.stop()


tap.main(World, prepare)
