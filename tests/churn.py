#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The uploader in trouble for long: it must not grow.

Round after round recordings come while NFS, Rev and the bridge go wrong, the
settings are read again and the limits change. At the end of a round all is well
again; once every recording is on Rev, the round's files are removed and its
jobs forgotten, and memory, descriptors, threads and files are counted. After
the warm-up nothing of it may grow: the least of the last third of the rounds is
held against the most of the first third.

MINUTES (30) and SEED in the environment.
"""

import os
import random
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import tap  # noqa: E402
from harness.media import make_mp4  # noqa: E402
from harness.uploader import (SPACES, Uploader, cms_seed, name_of,  # noqa: E402
                              rev_seed)
from harness.wait import wait_for  # noqa: E402
from harness.world import World  # noqa: E402

MINUTES = float(os.environ.get("MINUTES", "30"))
SEED = int(os.environ.get("SEED", "1"))
ROUND_SECONDS = 8
PER_ROUND = 12
WARM_UP = 0.25
MIB = 1 << 20
# Idle connections of up to three parties come and go.
ALLOWED = {"MiB": 2.0, "descriptors": 8}

tap.LIMIT_SECONDS = int(MINUTES * 60 + 600)


class Site:
    def __init__(self, world, dice):
        self.dice = dice
        self.nfs = world.nfs()
        self.proxy = world.proxy(self.nfs.port)
        self.rev = world.rev(seed=rev_seed(), settings={
            "hash": False, "processing_seconds": 0.2})
        self.cms = world.cms(seed=cms_seed())
        self.folders = ["forwardedCalls",
                        *(f"spaces/{space}" for space in SPACES.values())]
        for folder in self.folders:
            os.makedirs(os.path.join(self.nfs.export, folder))
        self.small = make_mp4(world.path("media", "small.mp4"), seconds=1)
        self.large = make_mp4(world.path("media", "large.mp4"), seconds=1,
                              min_bytes=4 * MIB)
        self.uploader = Uploader(
            world, self.nfs, self.rev, self.cms, name="churn", settings={
                "nfs_port": self.proxy.port, "fallback_owner": "admin",
                "nfs_timeout": "2s", "cms_wait": "1s"})
        self.count = 0
        self.faults = 0

    def put(self):
        name = name_of(self.count % 86400)
        file = self.dice.choice((self.small, self.small, self.large))
        self.nfs.put(file, self.dice.choice(self.folders), name)
        self.count += 1

    # ---- what goes wrong, and how it ends ----------------------------------

    def rev_fails(self):
        self.rev.fault(path="/api/*", times=3, **self.dice.choice((
            {"status": 500}, {"status": 502, "html": "<p>"},
            {"status": 429, "retry_after": 1}, {"drop": True},
            {"cut_at": 1000}, {"truncate": 3}, {"reset": True})))

    def rev_forgets(self):
        self.rev.kill_sessions()

    def rev_hangs_up(self):
        self.rev.cut()

    def cms_fails(self):
        self.cms.fault(path="/api/*", times=3, status=503)

    def nfs_is_cut(self):
        self.proxy.cut()

    def nfs_stalls(self):
        self.proxy.stall()

    def nfs_refuses(self):
        self.proxy.cut()
        self.proxy.refuse()

    def nfs_restarts(self):
        self.nfs.restart()

    def reload(self):
        self.uploader.write_settings(
            parallel=self.dice.choice((1, 2, 4, 8)),
            bandwidth=self.dice.choice(("0", "2M", "20M")),
            read_window=self.dice.choice((1, 4, 16)),
            title=self.dice.choice(("{space} {date}", "{date} {time}")))
        if self.dice.random() < 0.5:
            self.uploader.process.signal(signal.SIGHUP)
        else:
            self.uploader.command("reload")

    def trouble(self):
        self.dice.choice((
            self.rev_fails, self.rev_fails, self.rev_forgets,
            self.rev_hangs_up, self.cms_fails, self.nfs_is_cut,
            self.nfs_stalls, self.nfs_refuses, self.nfs_restarts,
            self.reload, self.reload))()
        self.faults += 1

    def heal(self):
        self.rev.heal()
        self.cms.heal()
        self.proxy.stall(False)
        self.proxy.refuse(False)

    # ---- the end of a round ------------------------------------------------

    def finish(self, put):
        self.heal()
        self.uploader.write_settings(bandwidth="0", parallel=4)
        self.uploader.command("reload")
        self.uploader.command("resume")
        self.uploader.wait_counts(ready=put, seconds=120)
        jobs = self.uploader.jobs()
        for folder in self.folders:
            path = self.nfs.path(folder, "")
            for name in os.listdir(path):
                os.unlink(path + name)
        for job in jobs:
            answer = self.uploader.command(f"forget {job['id']}")
            assert answer.startswith("ok"), answer
        self.uploader.wait_counts(ready=0, deleted=0)

    def files(self):
        """In the control directory and beside the journal."""
        folders = [self.uploader.control,
                   os.path.dirname(self.uploader.journal)]
        return sum(len(files) for folder in folders
                   for _, _, files in os.walk(folder))

    def sample(self):
        process = self.uploader.process
        return {"MiB": process.rss_bytes() / MIB,
                "descriptors": process.fd_count(),
                "threads": process.thread_count(),
                "files": self.files()}


def run_round(site):
    begin, put = time.monotonic(), 0
    while put < PER_ROUND or time.monotonic() < begin + ROUND_SECONDS:
        if put < PER_ROUND:
            site.put()
            put += 1
        site.trouble()
        time.sleep(site.dice.uniform(0.1, 1.0))
        site.heal()
    site.finish(put)


def settled_sample(site):
    """When idle connections are gone: the least of a few looks."""
    looks = []
    for _ in range(5):
        looks.append(site.sample())
        time.sleep(0.2)
    return {key: min(look[key] for look in looks) for key in looks[0]}


def test_churn(world):
    """no growth of memory, descriptors, threads, files"""
    site = Site(world, random.Random(SEED))
    site.uploader.wait_state("source_state", "ready")
    begin, samples = time.monotonic(), []
    while time.monotonic() < begin + MINUTES * 60:
        run_round(site)
        samples.append(settled_sample(site))
        text = ", ".join(f"{value:.4g} {key}"
                         for key, value in samples[-1].items())
        print(f"# round {len(samples)}: {text}", flush=True)
    check(site, samples[int(len(samples) * WARM_UP):])


def check(site, samples):
    third = max(len(samples) // 3, 1)
    first, last = samples[:third], samples[-third:]
    videos = len(site.rev.active())
    print(f"# {site.count} recordings, {site.faults} faults and reloads, "
          f"{videos} videos")
    assert videos == site.count
    grown = []
    for key in samples[0]:
        before, after = ([sample[key] for sample in part]
                         for part in (first, last))
        print(f"# {key}: {min(before):.4g} to {max(before):.4g}, at the end "
              f"{min(after):.4g} to {max(after):.4g}")
        if min(after) > max(before) + ALLOWED.get(key, 0):
            grown.append(key)
    assert not grown, grown


tap.main(World)
