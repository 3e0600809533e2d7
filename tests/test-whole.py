#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whole files only: nothing that is half written, mixed or changed is ever
made visible, and what is finished goes within two scans."""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import tap  # noqa: E402
from harness.media import boxes, make_mp4  # noqa: E402
from harness.site import SPACE, Site, check_idle  # noqa: E402
from harness.uploader import name_of  # noqa: E402
from harness.wait import wait_for  # noqa: E402
from harness.world import World  # noqa: E402

MIB = 1 << 20


class Media:
    """Encoded once."""
    whole = other = small = closed = open = None


def prepare(world):
    Media.whole = make_mp4(world.path("media", "whole.mp4"),
                           min_bytes=3 * MIB)
    # Of the same length: only its times and bytes tell it from the other.
    Media.other = make_mp4(world.path("media", "other.mp4"), tone=880,
                           min_bytes=3 * MIB)
    Media.small = make_mp4(world.path("media", "small.mp4"), seconds=1)
    Media.closed = make_mp4(world.path("media", "closed.mp4"), seconds=3,
                            fragmented=True)
    Media.open = make_mp4(world.path("media", "open.mp4"), seconds=3,
                          fragmented=True, mfra=False)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def without(data, word):
    """The file without its box of that type."""
    at = data.index(word) - 4
    return data[:at] + data[at + int.from_bytes(data[at:at + 4], "big"):]


def test_broken(world):
    """what is not whole says so, costs nothing, holds up nobody"""
    site = Site(world)
    whole = read(Media.whole)
    reasons = {
        name_of(0): (whole[:2 * MIB], "past the end"),
        name_of(1): (without(whole, b"moov"), "moov"),
        name_of(2): (b"", "empty"),
        name_of(3): (b"<html>not a recording</html>", "not an MP4"),
        name_of(4): (read(Media.closed)[:-200], "past the end"),
    }
    for name, (data, _) in reasons.items():
        site.put_bytes(SPACE, name, data)
    uploader = site.uploader(name="broken")
    for name, (_, reason) in reasons.items():
        uploader.wait_why(name, reason)
    site.put(SPACE, name_of(9), Media.small)
    uploader.wait_job(name_of(9), "ready")
    check_idle(uploader)
    assert site.uploads() == 1
    site.put(SPACE, name_of(0), Media.whole)
    uploader.wait_job(name_of(0), "ready")
    site.check_once(name_of(0), name_of(9))


def test_fragmented(world):
    """fragments: closed by mfra at once, without it after a longer time"""
    site = Site(world)
    uploader = site.uploader(
        name="fragmented", settings={"fragmented_settle_time": "4s"})
    site.put(SPACE, name_of(0), Media.closed)
    uploader.wait_job(name_of(0), "ready")
    begin = time.monotonic()
    site.put(SPACE, name_of(1), Media.open)
    # An open one that goes on within that time.
    data = read(Media.open)
    half = [at for word, at, _ in boxes(Media.open) if word == "moof"][1]
    with open(site.path(name_of(2)), "wb") as writer:
        writer.write(data[:half])
        writer.flush()
        uploader.wait_why(name_of(1), "mfra")
        assert site.uploads() == 1
        wait_for(lambda: time.monotonic() > begin + 2)
        writer.write(data[half:])
    uploader.wait_job(name_of(1), "ready")
    assert time.monotonic() - begin >= 4
    uploader.wait_job(name_of(2), "ready")
    assert time.monotonic() - begin >= 6
    site.check_once(name_of(0), name_of(1), name_of(2))


def test_prompt(world):
    """a finished recording goes within two scans of its settle time"""
    site = Site(world)
    uploader = site.uploader(name="prompt", settings={
        "scan_interval": "1s", "settle_time": "1s"})
    uploader.wait_state("source_state", "ready")

    def scans(text):
        return text.count("the scan has ended")
    before = scans(uploader.process.log_text())
    site.put(SPACE, name_of(0), Media.small)
    uploader.wait_counts(ready=1)
    # The first look, a second later the second one, and what was under way.
    log = uploader.process.log_text().split(": queued")[0]
    assert scans(log) - before <= 4, log


def test_changed_during(world):
    """replaced, shortened, removed while it is uploaded: nothing of it stays"""
    site = Site(world)
    replaced, shortened, removed = names = [name_of(60 * n) for n in range(3)]
    for name in names:
        site.put(SPACE, name, Media.whole)
    fault = site.rev.fault(path="/api/*/uploads/videos", stall_at=MIB // 2,
                           times=3)
    uploader = site.uploader(name="during", settings={
        "parallel": 3, "bandwidth": "9M"})
    wait_for(lambda: len([r for r in site.rev.in_flight()
                          if r["received"] >= MIB // 2]) == 3, what="uploads")
    site.put(SPACE, replaced, Media.other)
    os.truncate(site.path(shortened), 2 * MIB)
    os.unlink(site.path(removed))
    site.rev.heal(fault)
    uploader.wait_why(shortened, "past the end")
    uploader.wait_job(removed, "deleted")
    uploader.wait_job(replaced, "ready")
    site.put(SPACE, shortened, Media.other)
    uploader.wait_job(shortened, "ready")
    site.check_once(replaced, shortened)


def test_changed_after(world):
    """touched or replaced after the last byte, before the rename"""
    site = Site(world)
    uploader = site.uploader(name="after")
    for number, change in enumerate((
            lambda path: os.utime(path),
            lambda path: site.put(SPACE, os.path.basename(path),
                                  Media.other))):
        name = name_of(60 * number)
        fault = site.rev.fault(path="/api/*/uploads/videos", stall=True,
                               seconds=0)
        path = site.put(SPACE, name, Media.whole)
        # The answer is held back: the video exists, the id is not known.
        wait_for(lambda: site.rev.videos()[number:], what="the video")
        change(path)
        site.rev.heal(fault)
        uploader.wait_job(name, "ready")
        assert any("changed after" in line or "changed while" in line
                   for line in uploader.events()), uploader.events()
    site.check_once(name_of(0), name_of(60))


tap.main(World, prepare, tidy=True, apart=2)
