#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How fast the uploader is, next to what a user would type: `make
bench-uploader`. A line for each figure: bench NAME VALUE UNIT.

upload_ratio        time of `nfs-cat URL | curl -F` / ours, from NFS v3
                    (nfs-ganesha) to HTTPS (the stand-in of Rev); 1 GiB less
                    one MiB, since curl refuses to hold a whole one in memory
upload_cpu_ratio    CPU seconds, ours / theirs
upload_ratio_4ms    upload_ratio with a round trip of 4 ms to the NFS server
upload_rss_mib      peak RSS of four parallel uploads behind these 4 ms
scan_ratio          our first scan of 10 000 recordings / `nfs-ls -R`
idle_cpu_percent    of one core; 100 000 finished recordings in 1 000 spaces
start_ms            from exec to ready for work, journal of 100 000 rows

Ours of an upload is from the event "uploading" to the event "marking": settling
and polling are no part of it. Theirs is from fork to exit. Both go to the same
servers, in turn (A B A B); a ratio is the median of the pairs' ratios. CPU is
of the client alone, from /proc and wait4(2). Our first scan is from the start of
an uploader whose journal knows none of the 10 000 to the end of its first pass,
which has told the journal of all; nfs-ls from its start to its end, both
started in the same way. The control directory is on a tmpfs, as /run is.

Names on the command line select; MIB, ROUNDS and IDLE_SECONDS in the
environment make it shorter or longer.
"""

import json
import os
import resource
import shutil
import sqlite3
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness.media import make_mp4  # noqa: E402
from harness.tap import Skip  # noqa: E402
from harness.uploader import (REV_USER, SECRETS, Uploader, name_of,  # noqa: E402
                              rev_seed)
from harness.wait import wait_for  # noqa: E402
from harness.world import World  # noqa: E402

MIB = int(os.environ.get("MIB", "1023"))
ROUNDS = int(os.environ.get("ROUNDS", "5"))
IDLE_SECONDS = int(os.environ.get("IDLE_SECONDS", "60"))
SPACES, RECORDINGS = 1000, 100000
SCAN_SPACES, SCAN_RECORDINGS = 100, 10000
FOLDER = "forwardedCalls"

# What must hold: the least, or the most.
AT_LEAST = {"upload_ratio": 1.0, "upload_ratio_4ms": 3.0}
AT_MOST = {"upload_cpu_ratio": 1.0, "upload_rss_mib": 64, "scan_ratio": 1.5,
           "idle_cpu_percent": 1.0}
missed = []


def tell(name, value, unit):
    print(f"bench {name} {value:.2f} {unit}", flush=True)
    if value < AT_LEAST.get(name, value) or value > AT_MOST.get(name, value):
        missed.append(name)


def note(text):
    print(f"# {text}", flush=True)


# ---- what is measured ------------------------------------------------------

class Mark:
    """Time and CPU of a process at one moment."""

    def __init__(self, pid):
        self.time = time.monotonic()
        self.cpu = 0
        for task in os.listdir(f"/proc/{pid}/task"):
            path = f"/proc/{pid}/task/{task}/schedstat"
            with open(path, encoding="ascii") as file:
                self.cpu += int(file.read().split()[0]) / 1e9


class Cost:
    def __init__(self, seconds, cpu):
        self.seconds, self.cpu = seconds, cpu

    def __str__(self):
        return f"{self.seconds:.2f} s, {self.cpu:.2f} s CPU"


def cost_of(command):
    """A shell command and all its processes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.monotonic()
    subprocess.run(["sh", "-c", command], check=True,
                   stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(seconds, after.ru_utime - before.ru_utime +
                after.ru_stime - before.ru_stime)


class Tail:
    """What a file of an uploader says from now on, or all that it says."""

    def __init__(self, uploader, path, whole=False):
        self._uploader = uploader
        self._file = open(path, encoding="utf-8")
        if not whole:
            self._file.seek(0, os.SEEK_END)

    def wait(self, text):
        """Until a line has the text; the Mark of that moment."""
        end = time.monotonic() + 120
        while time.monotonic() < end:
            line = self._file.readline()
            if text in line:
                return Mark(self._uploader.process.pid)
            if not line:
                time.sleep(0.001)
        raise AssertionError(f"{text!r} does not come")


def put_on_tmpfs(world, name):
    """The control directory of an uploader to be, as on a real system."""
    folder = tempfile.mkdtemp(prefix="upcast-bench-", dir="/dev/shm")
    world.on_close(lambda: shutil.rmtree(folder, ignore_errors=True))
    os.symlink(folder, os.path.join(world.folder(name), "run"))


# ---- uploads ---------------------------------------------------------------

class Site:
    """A share with one large recording, linked in under new names; Rev."""

    def __init__(self, world, delay_ms=0):
        self.world = world
        self.nfs = world.nfs(attr_ttl=0)
        self.rev = world.rev(seed=rev_seed(), settings={"hash": False})
        os.makedirs(os.path.join(self.nfs.export, FOLDER))
        self.port = self.nfs.port
        if delay_ms:
            self.port = world.proxy(self.nfs.port, delay_ms // 2).port
        self._count = 0

    def put(self, recording):
        """Its stem."""
        name = name_of(self._count)
        self._count += 1
        os.link(recording, self.nfs.path(FOLDER, name))
        return name[:-len(".mp4")]

    def remove(self):
        folder = self.nfs.path(FOLDER, "")
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))

    def uploader(self, start=True, **settings):
        settings = {"nfs_port": self.port, "fallback_owner": "admin",
                    **settings}
        name = f"up-{self.world.number()}"
        put_on_tmpfs(self.world, name)
        return Uploader(self.world, self.nfs, self.rev, settings=settings,
                        name=name, start=start)

    def url(self, name=""):
        url, query = self.nfs.url(port=self.port).split("?")
        return f"{url}/{name}?{query}"

    def token(self):
        order = json.dumps({"username": REV_USER,
                            "password": SECRETS["rev_password"]})
        request = urllib.request.Request(
            self.rev.url + "/api/v2/user/login", order.encode(),
            {"Content-Type": "application/json"})
        trust = ssl.create_default_context(
            cafile=self.world.authority.bundle)
        with urllib.request.urlopen(request, context=trust) as answer:
            return json.load(answer)["token"]


def upload_ours(site, uploader, recording):
    events = Tail(uploader, os.path.join(uploader.control, "events"))
    stem = site.put(recording)
    begin = events.wait(f"{stem}: uploading")
    end = events.wait(f"{stem}: marking")
    uploader.wait_job(stem, "ready")
    site.remove()
    return Cost(end.time - begin.time, end.cpu - begin.cpu)


def upload_theirs(site, token, recording):
    stem = site.put(recording)
    metadata = json.dumps({"uploader": REV_USER, "title": stem})
    cost = cost_of(
        f"nfs-cat '{site.url(f'{FOLDER}/{stem}.mp4')}' | "
        f"curl -sSf --cacert {site.world.authority.bundle} "
        f"-H 'Authorization: VBrick {token}' "
        f"-F 'Video={metadata};type=application/json' "
        f"-F 'VideoFile=@-;filename={stem}.mp4;type=video/mp4' "
        f"{site.rev.url}/api/v2/uploads/videos")
    site.remove()
    return cost


def median_ratios(site, recording):
    """(time, CPU): theirs / ours."""
    # What theirs puts there is none of our uploader's business.
    uploader = site.uploader(settle_time="0s", scan_interval="1s")
    uploader.wait_state("source_state", "ready")
    token = site.token()
    upload_ours(site, uploader, recording)  # all caches are warm
    times, cpus = [], []
    for _ in range(ROUNDS):
        uploader.command("pause")
        theirs = upload_theirs(site, token, recording)
        uploader.command("resume")
        ours = upload_ours(site, uploader, recording)
        note(f"ours {ours}; theirs {theirs}")
        times.append(theirs.seconds / ours.seconds)
        cpus.append(ours.cpu / theirs.cpu)
    uploader.process.stop()
    return statistics.median(times), statistics.median(cpus)


def large(world, mib=MIB, name="large"):
    return make_mp4(world.path("media", f"{name}.mp4"), seconds=1,
                    min_bytes=mib << 20)


def bench_upload(world):
    ratio, cpu = median_ratios(Site(world), large(world))
    tell("upload_ratio", ratio, "times")
    tell("upload_cpu_ratio", cpu, "times")


def bench_4ms(world):
    ratio, _ = median_ratios(Site(world, delay_ms=4), large(world))
    tell("upload_ratio_4ms", ratio, "times")


def bench_rss(world):
    site = Site(world, delay_ms=4)
    recording = large(world)
    uploader = site.uploader(parallel=4)
    for _ in range(4):
        site.put(recording)
    uploader.wait_counts(ready=4, seconds=120)
    peak = uploader.process.peak_rss_bytes()
    uploader.process.stop()
    tell("upload_rss_mib", peak / (1 << 20), "MiB")


# ---- scans -----------------------------------------------------------------

def space_id(number):
    return str(uuid.UUID(int=(0x4a5b << 64) + number))


def fill(root, spaces, recordings, name_one):
    """Empty files; name_one(number) names them."""
    each = recordings // spaces
    for space in range(spaces):
        folder = os.path.join(root, "spaces", space_id(space))
        os.makedirs(folder)
        for number in range(space * each, (space + 1) * each):
            os.close(os.open(os.path.join(folder, name_one(number)),
                             os.O_CREAT | os.O_WRONLY, 0o644))


def stamp(number):
    """A recording's stem, one for each number of a space."""
    return name_of(number % 86400)[:-len(".mp4")]


def bench_scan(world):
    site = Site(world)
    fill(site.nfs.export, SCAN_SPACES, SCAN_RECORDINGS,
         lambda number: stamp(number) + ".mp4")
    times = []
    for _ in range(ROUNDS):
        begin = time.monotonic()
        world.start(["nfs-ls", "-R", site.url()]).wait(None)
        theirs = time.monotonic() - begin
        uploader = site.uploader(settle_time="1h", scan_interval="1h",
                                 enabled="false")
        uploader.wait_counts(ready=0)
        uploader.process.stop()
        uploader.write_settings(enabled="true")
        begin = time.monotonic()
        uploader.start()
        log = Tail(uploader, uploader.process.log, whole=True)
        ours = log.wait("the scan has ended")
        uploader.process.stop()
        note(f"ours {ours.time - begin:.3f} s, {ours.cpu:.3f} s CPU; "
             f"nfs-ls {theirs:.3f} s")
        times.append((ours.time - begin) / theirs)
    tell("scan_ratio", statistics.median(times), "times")


# ---- many finished recordings -----------------------------------------------

def video_id(number):
    return str(uuid.UUID(int=(0x9c0d << 64) + number))


def done_name(number):
    return f"{stamp(number)}_vid-id={video_id(number)}@vbrick.mp4"


def fill_journal(path):
    """As if all had been uploaded."""
    each = RECORDINGS // SPACES
    columns = ("id", "state", "dir", "name", "key", "video_id", "space_name",
               "title", "owner", "viewers", "playback_url", "size", "fileid",
               "mtime_ns", "attempts", "first_seen", "sent", "done")

    def row(n):
        return (n + 1, "ready", f"spaces/{space_id(n // each)}",
                stamp(n) + ".mp4", f"{n:032x}", video_id(n), "Weekly",
                f"Weekly {stamp(n)}", "anna", "ben, zoë",
                f"https://rev.example.com/#/videos/{video_id(n)}",
                1 << 28, n, n * 1000000000, 1, n, n, n)
    with sqlite3.connect(path) as journal:
        journal.executemany(
            f"INSERT INTO recording ({', '.join(columns)}) "
            f"VALUES ({', '.join('?' * len(columns))})",
            map(row, range(RECORDINGS)))
    journal.close()


def bench_idle(world):
    """idle_cpu_percent and start_ms"""
    site = Site(world)
    fill(site.nfs.export, SPACES, RECORDINGS, done_name)
    uploader = site.uploader(scan_interval="10s", enabled="false")
    wait_for(lambda: os.path.exists(uploader.journal))
    uploader.wait_counts(ready=0)
    uploader.process.stop()
    fill_journal(uploader.journal)
    uploader.write_settings(enabled="true")
    starts = []
    for _ in range(ROUNDS):
        starts.append(start_ms(uploader))
        if len(starts) < ROUNDS:
            uploader.process.stop()
    tell("start_ms", statistics.median(starts), "ms")
    # The first two scans list every folder; the snapshots come meanwhile.
    wait_for(lambda: uploader.state().get("scanned") == "3", 60, "idling")
    jobs = os.path.join(uploader.control, "jobs")
    wait_for(lambda: len(os.listdir(jobs)) == 10000, 60, "snapshots")
    begin = Mark(uploader.process.pid)
    time.sleep(IDLE_SECONDS)
    end = Mark(uploader.process.pid)
    percent = 100 * (end.cpu - begin.cpu) / (end.time - begin.time)
    note(f"RSS {uploader.process.rss_bytes() >> 20} MiB with all of them")
    uploader.process.stop()
    tell("idle_cpu_percent", percent, "%")


def start_ms(uploader):
    begin = time.monotonic()
    uploader.start()

    def is_ready():
        state = uploader.state()
        return state.get("pid") == str(uploader.process.pid) and \
            state.get("ready") == str(RECORDINGS)
    while not is_ready():
        time.sleep(0.002)
        assert uploader.process.alive, uploader.process.log_text()
    return 1000 * (time.monotonic() - begin)


def main():
    benches = {name[len("bench_"):]: function for name, function
               in globals().items() if name.startswith("bench_")}
    for name in sys.argv[1:] or benches:
        with World() as world:
            try:
                benches[name](world)
            except Skip as reason:
                note(f"{name} left out: {reason}")
    if missed:
        note("missed: " + ", ".join(missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
