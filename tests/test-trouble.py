#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Trouble with the share, the journal's disk and the clock: nothing is lost,
nothing spins, `why` says what it is, and it recovers by itself.

LONG=1 in the environment: the long forms.
"""

import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import nfsfault, tap  # noqa: E402
from harness.media import make_mp4  # noqa: E402
from harness.site import SPACE, Site, check_idle  # noqa: E402
from harness.tap import is_root, skip_unless  # noqa: E402
from harness.uploader import name_of  # noqa: E402
from harness.wait import wait_for  # noqa: E402
from harness.world import World  # noqa: E402

MIB = 1 << 20
LONG = bool(os.environ.get("LONG"))
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"


class Media:
    """Encoded once."""
    recording = small = None


def prepare(world):
    Media.recording = make_mp4(world.path("media", "recording.mp4"),
                               min_bytes=16 * MIB)
    Media.small = make_mp4(world.path("media", "small.mp4"), seconds=1)


def in_mid_read(site, name, version):
    """An uploader that reads slowly, and has begun to."""
    site.put(SPACE, name, Media.recording)
    uploader = site.uploader(version=version, settings={
        "bandwidth": "1M", "read_window": 1})
    site.rev.wait_received(MIB)
    uploader.write_settings(bandwidth=0)
    return uploader


def test_killed(world):
    """NFS server killed and started again in mid-read, v3 and v4"""
    sites = {version: Site(world) for version in (3, 4)}
    uploaders = {version: in_mid_read(site, name_of(version), version)
                 for version, site in sites.items()}
    for site in sites.values():
        site.nfs.kill()
    for version, uploader in uploaders.items():
        uploader.wait_state("source_state", "down")
        assert "next try" in uploader.state()["source_why"]
        uploader.wait_why(name_of(version), "nothing listens")
        check_idle(uploader)
        assert uploader.command("reload").startswith("ok")
    for site in sites.values():
        site.nfs.start()
    for version, uploader in uploaders.items():
        uploader.wait_job(name_of(version), "ready", 40)
        sites[version].check_once(name_of(version))


def test_stalled(world):
    """NFS server that falls silent in mid-read, v3 and v4"""
    sites = {version: Site(world) for version in (3, 4)}
    uploaders = {version: in_mid_read(site, name_of(version), version)
                 for version, site in sites.items()}
    for site in sites.values():
        site.nfs.suspend()
    for version, uploader in uploaders.items():
        uploader.wait_why(name_of(version), "did not answer", 40)
        check_idle(uploader)
        assert uploader.command("reload", 1).startswith("ok")
    for site in sites.values():
        site.nfs.resume()
    for version, uploader in uploaders.items():
        uploader.wait_job(name_of(version), "ready", 60)
        sites[version].check_once(name_of(version))


def test_read_only(world):
    """an export that is read-only: sent once, renamed when it may be"""
    site = Site(world, access="RO")
    uploader = site.uploader(name="readonly")
    site.put(SPACE, name_of(0), Media.small)
    uploader.wait_why(name_of(0), "read-only")
    assert uploader.job(name_of(0))["state"] == "marking"
    check_idle(uploader)
    assert site.rev.active() == []
    site.nfs.set_access("RW")
    site.nfs.restart(killed=False)
    uploader.wait_job(name_of(0), "ready", 60)
    site.check_once(name_of(0))
    assert site.uploads() == 1


class Behind(Site):
    """A share behind a proxy that answers in the server's place."""

    def __init__(self, world):
        super().__init__(world)
        self.faults = world.nfs_faults(self.nfs)

    def uploader(self, settings=None, **options):
        return super().uploader(settings={
            "nfs_port": self.faults.port, **(settings or {})}, **options)


def test_windows(world):
    """JUKEBOX, sharing violations, input/output errors of a server"""
    site = Behind(world)
    uploader = site.uploader(name="windows")
    for call in ("READ", "LOOKUP", "READDIRPLUS", "RENAME"):
        site.faults.answer(call, nfsfault.JUKEBOX, times=2)
    site.faults.answer("READ", nfsfault.ACCESS, times=2)
    site.faults.answer("READ", nfsfault.IO, times=1)
    site.faults.answer("RENAME", nfsfault.ACCESS, times=2)
    site.put(SPACE, name_of(0), Media.small)
    uploader.wait_why(name_of(0), "try again later")
    uploader.wait_job(name_of(0), "ready", 60)
    site.check_once(name_of(0))


def test_jukebox4(world):
    """NFS4ERR_DELAY where version 4 is spoken"""
    site = Behind(world)
    uploader = site.uploader(version=4, name="delay")
    site.put(SPACE, name_of(0), Media.small)
    for call in ("READ", "RENAME"):
        site.faults.answer(call, nfsfault.JUKEBOX, times=2)
    uploader.wait_job(name_of(0), "ready", 60)
    site.check_once(name_of(0))


def test_lost_rename(world):
    """renamed, and the answer is lost"""
    site = Behind(world)
    uploader = site.uploader(name="rename")
    rule = site.faults.lose("RENAME")
    site.put(SPACE, name_of(0), Media.small)
    uploader.wait_job(name_of(0), "ready")
    assert rule.fired == 1
    site.check_once(name_of(0))
    assert site.uploads() == 1


def test_poisoned(world):
    """one that cannot be opened holds up nobody, and costs nothing"""
    site = Behind(world)
    uploader = site.uploader(name="poisoned", settings={"parallel": 1})
    bad = [(name_of(0), nfsfault.ACCESS, "Permission denied"),
           (name_of(1), nfsfault.NOENT, "listed, but not there"),
           (name_of(2), nfsfault.IO, "input/output")]
    for name, status, _ in bad:
        site.faults.answer("LOOKUP", status, times=0, text=name)
        site.put(SPACE, name, Media.small)
    site.put(SPACE, name_of(9), Media.small)
    uploader.wait_job(name_of(9), "ready")
    for name, _, why in bad:
        uploader.wait_why(name, why)
    check_idle(uploader)
    site.faults.clear()
    uploader.wait_counts(ready=4)
    site.check_once(*(name for name, _, _ in bad), name_of(9))


def test_case(world):
    """names in the case that a Windows server may give them"""
    site = Site(world)
    upper = SPACE.upper()
    os.rename(site.path("", "spaces"), site.path("", "SPACES"))
    os.rename(site.path("", f"SPACES/{SPACE.split('/')[1]}"),
              site.path("", upper))
    site.put(upper, name_of(0).upper(), Media.small)
    uploader = site.uploader(name="case")
    uploader.wait_job(name_of(0)[:-4], "ready")
    done, = site.names(upper)
    os.rename(site.path(done, upper), site.path(done.upper(), upper))
    os.unlink(uploader.journal)
    for ending in ("-wal", "-shm"):
        if os.path.exists(uploader.journal + ending):
            os.unlink(uploader.journal + ending)
    uploader.restart()
    uploader.wait_counts(ready=1)
    assert site.uploads() == 1 and len(site.rev.active()) == 1


def test_crowd(world):
    """files that never settle: ctl and heartbeat keep their pace"""
    crowd = 10000 if LONG else 2000
    site = Site(world)
    for number in range(crowd):
        with open(site.path(name_of(number)), "wb") as file:
            file.write(b"\0\0\1\0ftypisom")
    uploader = site.uploader(name="crowd", settings={"scan_interval": "10s"})
    slowest = latest = 0
    beat, beat_at = None, time.monotonic()

    def all_said():
        nonlocal slowest, latest, beat, beat_at
        begin = time.monotonic()
        assert uploader.command("ping", 5) == "ok pong"
        slowest = max(slowest, time.monotonic() - begin)
        state = uploader.state()
        if state.get("heartbeat") != beat:
            latest = max(latest, time.monotonic() - beat_at)
            beat, beat_at = state.get("heartbeat"), time.monotonic()
        return state.get("settling") == str(crowd) and \
            "past the end" in uploader.job(name_of(crowd - 1)).get("why", "")
    wait_for(lambda: os.path.exists(os.path.join(uploader.control, "ctl")))
    wait_for(all_said, 120, lambda: f"all walked, not {uploader.state()}")
    print(f"# slowest answer {slowest * 1000:.0f} ms, "
          f"longest time between heartbeats {latest:.1f} s")
    assert slowest < 2 and latest < 11
    used = uploader.process.cpu_percent(12)
    # What is broken is looked at again, at first soon, then more rarely.
    print(f"# {used:.1f} % of a core afterwards")
    assert used < 15
    site.put("forwardedCalls", name_of(0), Media.small)
    uploader.command("rescan")
    uploader.wait_job("forwardedCalls", "ready", 60)


def test_disk_full(world):
    """the journal's disk is full: nothing is sent until it can be written"""
    skip_unless(is_root(), "mounting takes root")
    site = Site(world)
    uploader = site.uploader(name="full", start=False)
    disk = os.path.dirname(uploader.journal)
    skip_unless(not subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk]).returncode,
        "cannot mount a tmpfs")
    world.on_close(lambda: subprocess.run(["umount", "-l", disk],
                                          stderr=subprocess.DEVNULL))
    uploader.start()
    uploader.wait_state("source_state", "ready")
    try:
        with open(os.path.join(disk, "filler"), "wb", 0) as file:
            while True:
                file.write(bytes(4096))
    except OSError:
        pass
    for number in range(20):
        site.put(SPACE, name_of(number), Media.small)
    uploader.wait_counts(settling=20)
    wait_for(lambda: "full" in uploader.state()["why"], 20,
             lambda: f"{uploader.state()}")
    uploader.wait_why(name_of(19), "journal")
    check_idle(uploader)
    assert site.uploads() == 0
    os.unlink(os.path.join(disk, "filler"))
    uploader.wait_counts(ready=20)
    site.check_once(*(name_of(number) for number in range(20)))


def test_clock(world):
    """a clock that jumps by hours, back and forth"""
    skip_unless(os.path.exists(FAKETIME), "libfaketime is not installed")
    skip_unless("asan" not in subprocess.run(
        ["ldd", Site.program()], capture_output=True, text=True).stdout,
        "libfaketime and sanitizers do not go together")
    site = Site(world)
    stamp = world.path("clock", "offset")

    def step(offset):
        with open(stamp + ".new", "w", encoding="ascii") as file:
            file.write(offset + "\n")
        os.rename(stamp + ".new", stamp)
    step("+0")
    uploader = site.uploader(name="clock", start=False)
    uploader.start(env={
        "LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": stamp,
        "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
    for number, offset in enumerate(("+20h", "+0", "-20h")):
        # Sent, answer lost: its time of waiting must not be the clock's.
        fault = site.rev.fault(path="/api/*/uploads/videos", status=500,
                               code="InternalServerError")
        site.rev.set(index_lag=1.5)
        site.put(SPACE, name_of(number), Media.small)
        wait_for(lambda: site.rev.fired(fault), 20, "the upload")
        step(offset)
        if offset == "-20h": # before the certificate
            uploader.wait_why(name_of(number), "clock right")
            check_idle(uploader)
            step("+0")
        uploader.wait_job(name_of(number), "ready", 30)
    site.check_once(*(name_of(number) for number in range(3)))


tap.main(World, prepare, tidy=True, slow=True)
