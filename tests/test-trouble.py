#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Trouble with the share, the journal's disk and the clock: nothing is lost,
nothing spins, `why` says what it is, and it recovers by itself.

LONG=1 in the environment: the long forms.
"""

import os
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import nfsfault, tap  # noqa: E402
from harness.media import make_mp4  # noqa: E402
from harness.site import (  # noqa: E402
    FOLDERS, SPACE, Site, check_idle, is_sanitized)
from harness.tap import is_root, skip_unless  # noqa: E402
from harness.uploader import SPACES, name_of  # noqa: E402
from harness.wait import wait_for  # noqa: E402
from harness.world import World  # noqa: E402

MIB = 1 << 20
LONG = bool(os.environ.get("LONG"))
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"


class Media:
    """Encoded once."""
    recording = small = other = None


def prepare(world):
    Media.recording = make_mp4(world.path("media", "recording.mp4"),
                               min_bytes=16 * MIB)
    Media.small = make_mp4(world.path("media", "small.mp4"), seconds=1)
    Media.other = make_mp4(world.path("media", "other.mp4"), seconds=1,
                           tone=880)


def both_versions(world, make_site):
    """{version: site}, {version: uploader}: each reads slowly, and has begun
    to; the next reload lets it read on at full speed."""
    sites = {version: make_site(world) for version in (3, 4)}
    uploaders = {}
    for version, site in sites.items():
        site.put(SPACE, name_of(version), Media.recording)
        uploaders[version] = site.uploader(version=version, settings={
            "bandwidth": "1M", "read_window": 1, "nfs_timeout": "1s"})
    for version, site in sites.items():
        site.rev.wait_received(MIB)
        uploaders[version].write_settings(bandwidth=0)
    return sites, uploaders


def check_both(sites, uploaders):
    for version, uploader in uploaders.items():
        uploader.wait_job(name_of(version), "ready", 60)
        sites[version].check_once(name_of(version))


def test_killed(world):
    """NFS server killed and started again in mid-read, v3 and v4"""
    sites, uploaders = both_versions(world, Site)
    for site in sites.values():
        site.nfs.kill()
    for version, uploader in uploaders.items():
        uploader.wait_state("source_state", "down")
        assert "next try" in uploader.state()["source_why"]
        uploader.wait_why(name_of(version), "nothing listens")
    check_idle(*uploaders.values())
    for uploader in uploaders.values():
        assert uploader.command("reload").startswith("ok")
    for site in sites.values():
        site.nfs.start()
    check_both(sites, uploaders)


def test_stalled(world):
    """NFS server that falls silent in mid-read, v3 and v4"""
    sites, uploaders = both_versions(world, Site)
    for site in sites.values():
        site.nfs.suspend()
    for version, uploader in uploaders.items():
        uploader.wait_why(name_of(version), "did not answer", 40)
    check_idle(*uploaders.values())
    for uploader in uploaders.values():
        assert uploader.command("reload", 1).startswith("ok")
    for site in sites.values():
        site.nfs.resume()
    check_both(sites, uploaders)


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


def stands_still(uploader, names):
    """All of them wait for a rename, of their own or of others; and none of
    the sending begins."""
    def there():
        whys = [job["why"] for job in uploader.jobs()]
        held = sum("waits until the share lets" in why for why in whys)
        refused = sum("ermission denied" in why for why in whys)
        return held and held + refused == len(names)
    wait_for(there, 30, lambda: f"{uploader.jobs()}")
    check_idle(uploader)


def test_unwritable(world):
    """folders that nfs_uid may not write to: one is sent to find out"""
    names = [name_of(number) for number in range(4)]
    sites = {version: Site(world) for version in (3, 4)}
    uploaders = {}
    for version, site in sites.items():
        for name in names:
            site.put(SPACE, name, Media.small)
        uploaders[version] = site.uploader(
            name="unwritable", version=version, settings={
                "nfs_uid": 65534, "nfs_gid": 65534, "parallel": 1})
    for version, site in sites.items():
        uploader = uploaders[version]
        stands_still(uploader, names)
        assert site.uploads() == 1 and site.rev.active() == []
        probe = uploader.run("--probe").log_text()
        assert "FAILURE: cannot rename in spaces/" in probe, probe
        for folder in FOLDERS:
            os.chmod(site.path("", folder), 0o777)
        uploader.wait_counts(ready=len(names), seconds=30)
        site.check_once(*names)
        probe = uploader.run("--probe").log_text()
        assert "may be renamed" in probe, probe


def test_probe_local(world):
    """--probe of a local directory that the service may not write to"""
    skip_unless(is_root(), "taking another user's place takes root")
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    site = Site(world, share=world.folder("share"))
    uploader = site.uploader(name="local", start=False)
    subprocess.run(["chown", "-R", "65534", uploader.dir], check=True)
    os.chmod(world.dir, 0o711)
    for mode, word in ((0o755, "FAILURE: cannot rename in "),
                       (0o757, "SUCCESS: files in spaces/")):
        for folder in FOLDERS:
            os.chmod(site.path("", folder), mode)
        probe = world.start([*nobody, *uploader.arguments("--probe")])
        probe.wait(20)
        assert word in probe.log_text(), probe.log_text()


def test_forbidden(world):
    """renames that the server refuses: a few are sent, not all"""
    site = Behind(world)
    site.faults.answer("RENAME", nfsfault.ACCESS, times=0)
    names = [name_of(number) for number in range(12)]
    for name in names:
        site.put(SPACE, name, Media.small)
    uploader = site.uploader(name="forbidden", settings={"parallel": 1})
    stands_still(uploader, names)
    # Eight, and what was on its way when the eighth was refused.
    sent = site.uploads()
    assert 8 <= sent < len(names) and site.rev.active() == []
    site.faults.clear()
    uploader.wait_counts(ready=len(names), seconds=30)
    site.check_once(*names)
    assert site.uploads() == len(names)


def test_later(world):
    """JUKEBOX and DELAY in mid-read: asked again, not begun anew"""
    sites, uploaders = both_versions(world, Behind)
    rules = [site.faults.answer(call, nfsfault.JUKEBOX, times=times)
             for site in sites.values()
             for call, times in (("READ", 3), ("GETATTR", 1))]
    for uploader in uploaders.values():
        assert uploader.command("reload").startswith("ok")
    check_both(sites, uploaders)
    assert all(rule.fired for rule in rules)
    for site in sites.values():
        assert site.uploads() == 1


def test_windows(world):
    """JUKEBOX, sharing violations, errors and stale handles of a server"""
    site = Behind(world)
    slow, busy, odd = names = [name_of(n) for n in range(3)]
    for text, call, status, times in (
            ("", "READDIRPLUS", nfsfault.JUKEBOX, 1),
            ("", "READ", nfsfault.STALE, 1),
            ("", "READ", nfsfault.IO, 1),
            ("", "READ", nfsfault.ACCESS, 1),
            (slow, "LOOKUP", nfsfault.JUKEBOX, 2),
            (slow, "RENAME", nfsfault.JUKEBOX, 2),
            (busy, "RENAME", nfsfault.ACCESS, 2),
            (odd, "RENAME", nfsfault.SERVER_FAULT, 1)):
        site.faults.answer(call, status, times=times, text=text)
    for name in names:
        site.put(SPACE, name, Media.small)
    uploader = site.uploader(name="windows", settings={"retry_max": "1s"})
    uploader.wait_why(slow, "try again later")
    uploader.wait_counts(ready=3, seconds=60)
    site.check_once(*names)


def test_rename(world):
    """the answer of a rename lost; the file replaced just before it"""
    sites = {version: Behind(world) for version in (3, 4)}
    lost, late = name_of(0), name_of(60)
    uploaders, rules = {}, []
    for version, site in sites.items():
        def replace(site=site):
            site.put(SPACE, late, Media.other)
        rules += [site.faults.before("RENAME", replace, text=late),
                  site.faults.lose("RENAME", text=lost)]
        site.put(SPACE, lost, Media.small)
        uploaders[version] = site.uploader(version=version, name="rename")
    # One after the other: what is lost takes the connection with it.
    for version, site in sites.items():
        uploaders[version].wait_counts(ready=1)
        site.put(SPACE, late, Media.small)
    for version, site in sites.items():
        uploaders[version].wait_counts(ready=2)
        site.check_once(lost, late)
        assert site.uploads() == 3
        assert any("replaced while it was uploaded" in line
                   for line in uploaders[version].events())
    assert all(rule.fired == 1 for rule in rules)


def test_poisoned(world):
    """a file or a folder that is out of reach holds up nobody"""
    site = Behind(world)
    uploader = site.uploader(name="poisoned", settings={"parallel": 1})
    bad = [(name_of(0), nfsfault.ACCESS, "Permission denied"),
           (name_of(1), nfsfault.NOENT, "listed, but not there"),
           (name_of(2), nfsfault.IO, "input/output"),
           (name_of(3), nfsfault.STALE, "removed or replaced")]
    site.faults.answer("LOOKUP", nfsfault.STALE, times=0, text=SPACES["Lab"])
    for name, status, _ in bad:
        site.faults.answer("LOOKUP", status, times=0, text=name)
        site.put(SPACE, name, Media.small)
    site.put(SPACE, name_of(9), Media.small)
    uploader.wait_job(name_of(9), "ready")
    for name, _, why in bad:
        uploader.wait_why(name, why)
    check_idle(uploader)
    site.faults.clear()
    uploader.wait_counts(ready=5)
    site.check_once(*(name for name, _, _ in bad), name_of(9))


def test_silent(world):
    """a file that the server never reads ends nobody else's upload"""
    site = Behind(world)
    size = os.path.getsize(Media.small)
    site.faults.swallow("READ", times=0, text=struct.pack(">QI", 0, size))
    site.put(SPACE, name_of(0), Media.recording)
    site.put(SPACE, name_of(1), Media.small)
    uploader = site.uploader(name="silent", settings={
        "bandwidth": "1M", "nfs_timeout": "1s", "parallel": 2})
    uploader.wait_why(name_of(1), "gives no answer", 30)
    site.faults.clear()
    uploader.write_settings(bandwidth=0)
    assert uploader.command("reload").startswith("ok")
    uploader.wait_counts(ready=2, seconds=30)
    site.check_once(name_of(0), name_of(1))
    assert site.uploads() == 2


def test_touched(world):
    """one that failed is tried anew once it changes, whatever the pause"""
    site = Behind(world)
    uploader = site.uploader(name="touched", settings={
        "retry_max": "1h", "settle_time": "2s"})
    fault = site.faults.answer("LOOKUP", nfsfault.ACCESS, times=0,
                               text=name_of(0))
    path = site.put(SPACE, name_of(0), Media.small)
    # The third pause is longer than the file settles.
    wait_for(lambda: fault.fired >= 3, what="three tries")
    uploader.wait_why(name_of(0), "Permission denied")
    os.utime(path)
    uploader.wait_why(name_of(0), "written to")
    site.faults.clear()
    uploader.wait_job(name_of(0), "ready")
    site.check_once(name_of(0))


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
    crowd = 10000 if LONG else 1000
    site = Site(world)
    for number in range(crowd):
        with open(site.path(name_of(number)), "wb") as file:
            file.write(b"\0\0\1\0ftypisom")
    uploader = site.uploader(name="crowd", settings={
        "scan_interval": "10s" if LONG else "3s"})
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
    wait_for(lambda: all("past the end" in job["why"]
                         for job in uploader.jobs()), 60, "all walked")
    scanned = uploader.state()["last_scan"]
    wait_for(lambda: uploader.state()["last_scan"] != scanned, 30, "a scan")
    # What is broken is looked at again, more rarely the more there are.
    check_idle(uploader, seconds=22 if LONG else 5)
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
    skip_unless(not is_sanitized(),
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


tap.main(World, prepare, tidy=True, slow=True, apart=3,
         brief=("later", "rename", "poisoned", "case"))
