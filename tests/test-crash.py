#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Exactly once through any crash: the uploader is killed at every step of its
journal and at random instants, while Rev loses answers, lags in its index and
returns strangers, and while the journal is lost or an old one is restored.

ROUNDS and SEED in the environment: how many random rounds, and which ones.
"""

import hashlib
import os
import random
import shutil
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import tap  # noqa: E402
from harness.media import make_mp4  # noqa: E402
from harness.paths import built  # noqa: E402
from harness.uploader import (SPACES, Uploader, cms_seed, name_of,  # noqa: E402
                              rev_seed)
from harness.wait import wait_for  # noqa: E402
from harness.world import World  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "20"))
SEED = int(os.environ.get("SEED", "1"))
STEPS_MAX = 40
tap.LIMIT_SECONDS = max(tap.LIMIT_SECONDS, ROUNDS * 10)
FOLDER = f"spaces/{SPACES['Weekly']}"
SETTINGS = {"scan_interval": "100ms", "settle_time": "200ms",
            "status_interval": "100ms", "index_grace": "2s",
            "retry_max": "1s", "local_directory": None}
ENVIRONMENT = {"ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0"}


class Totals:
    """What is printed at the end."""

    def __init__(self):
        self.kills = self.lost = self.restored = self.dropped = 0

    def text(self, site):
        uploads = site.rev.count("POST", "/uploads/videos")
        videos = site.rev.active()
        return (f"{len(site.sums)} recordings, {self.kills} kills, "
                f"{self.lost} journals lost, {self.restored} restored, "
                f"{self.dropped} answers lost; "
                f"{len(videos)} active videos, "
                f"{len(videos) - len(site.sums)} duplicates, "
                f"{uploads - len(site.sums)} uploads begun again")


class Site:
    """One share, one Rev, one uploader that is killed and started again."""

    def __init__(self, world, name, dice):
        self.dice = dice
        self.totals = Totals()
        self.sums = {}  # stem: SHA-256 of the recording
        self.share = world.folder(name, "share")
        self.old_journal = world.path(name, "old", "journal.db")
        os.makedirs(os.path.join(self.share, FOLDER))
        self.rev = world.rev(seed=rev_seed(), settings={
            "processing_seconds": 0.1})
        self.cms = world.cms(seed=cms_seed())
        self.uploader = Uploader(world, self.share, self.rev, self.cms,
                                 settings={**SETTINGS,
                                           "local_directory": self.share},
                                 name=name + "-up", start=False)
        self.world = world

    def put(self, template):
        """A recording unlike any other; written aside, then moved in."""
        name = name_of(len(self.sums))
        path = os.path.join(self.share, FOLDER, name)
        data = open(template, "rb").read()
        extra = self.dice.randbytes(self.dice.randrange(100, 60000))
        data += (len(extra) + 8).to_bytes(4, "big") + b"free" + extra
        with open(path + ".part", "wb") as file:
            file.write(data)
        os.rename(path + ".part", path)
        self.sums[name[:-4]] = hashlib.sha256(data).hexdigest()
        return name

    def start(self, crash_at=0):
        environment = dict(ENVIRONMENT)
        if crash_at:
            environment.update(LD_PRELOAD=built("tests/tools/crashsync.so"),
                               CRASH_AT=str(crash_at))
        self.uploader.process = self.world.start(
            self.uploader.arguments("-f"), name="uploader", env=environment)

    def wait_running(self):
        """This very process has read its journal."""
        pid = str(self.uploader.process.pid)
        wait_for(lambda: self.uploader.state().get("pid") == pid and
                 self.uploader.state().get("state") == "running", 20,
                 lambda: f"{self.uploader.state()}")

    def kill(self):
        self.uploader.process.kill()
        self.totals.kills += 1

    def forget_log(self):
        """Thousands of programs are started: their logs would pile up."""
        if self.uploader.process:
            os.truncate(self.uploader.process.log, 0)

    # ---- the journal ------------------------------------------------------

    def _journal_files(self):
        return [self.uploader.journal + end for end in ("", "-wal", "-shm")]

    def keep_journal(self):
        for path in self._journal_files():
            old = self.old_journal + path[len(self.uploader.journal):]
            if os.path.exists(path):
                shutil.copyfile(path, old)
            elif os.path.exists(old):
                os.unlink(old)

    def lose_journal(self):
        for path in self._journal_files():
            if os.path.exists(path):
                os.unlink(path)
        self.totals.lost += 1

    def restore_journal(self):
        if not os.path.exists(self.old_journal):
            return
        self.lose_journal()
        for path in self._journal_files():
            old = self.old_journal + path[len(self.uploader.journal):]
            if os.path.exists(old):
                shutil.copyfile(old, path)
        self.totals.lost -= 1
        self.totals.restored += 1

    # ---- the verdict --------------------------------------------------------

    def settle(self):
        """Without trouble, until all is done; then the daily pass."""
        self.rev.heal()
        self.rev.set(index_lag=0, search_strangers=False)
        self.start()
        try:
            self.wait_running()
            wait_for(self._all_marked, 40, lambda: f"{self.uploader.jobs()}")
            wait_for(lambda: all(job["state"] == "ready"
                                 for job in self.uploader.jobs()), 40,
                     lambda: f"{self.uploader.jobs()}")
            wait_for(self._reconciled, 20, lambda: f"{self.rev.videos()}")
            self.check()
        finally:
            self.uploader.process.stop()

    def _reconciled(self):
        """Rev's index may hide a duplicate from one pass, not from the next."""
        self.uploader.command("reconcile")
        return all(video["active"] for video in self.rev.videos())

    def _names(self):
        return os.listdir(os.path.join(self.share, FOLDER))

    def _all_marked(self):
        return all("_vid-id=" in name for name in self._names())

    def check(self):
        names = self._names()
        videos = {video["id"]: video for video in self.rev.videos()}
        assert len(names) == len(self.sums), names
        assert len(videos) == len(self.sums), videos
        for name in names:
            stem, _, rest = name.partition("_vid-id=")
            with open(os.path.join(self.share, FOLDER, name), "rb") as file:
                data = hashlib.sha256(file.read()).hexdigest()
            assert data == self.sums[stem], f"{name} is not what it was"
            video = videos[rest.partition("@")[0]]
            assert video["active"], video
            assert video["sha256"] == data, f"{name}: another video"
            assert not [t for t in video["tags"] if t.startswith("upcast-")]


def prepare(world):
    Site.template = make_mp4(world.path("media", "small.mp4"), seconds=1)


def test_every_step(world):
    """killed before and after every step of the journal"""
    site = Site(world, "steps", random.Random(SEED))
    for sign in (1, -1):
        for step in range(1, STEPS_MAX):
            name = site.put(Site.template)
            site.start(crash_at=sign * step)
            wait_for(lambda: not site.uploader.process.alive or
                     site.uploader.job(name).get("state") == "ready", 30,
                     lambda: f"{site.uploader.jobs()}")
            if site.uploader.process.alive:
                site.uploader.process.stop()
                break
            site.totals.kills += 1
            site.settle()
        else:
            raise AssertionError("it never got through")
    print("# " + site.totals.text(site), flush=True)


def one_round(site):
    dice = site.dice
    site.rev.set(index_lag=dice.choice((0, 0, 0.5, 1.2)),
                 search_strangers=dice.random() < 0.3)
    for _ in range(dice.choice((1, 1, 2))):
        site.put(Site.template)
    if dice.random() < 0.5:
        site.rev.fault(path="/api/*/uploads/videos", method="POST", drop=True)
        site.totals.dropped += 1
    if dice.random() < 0.3:
        site.rev.fault(path="/api/v2/videos/*", method="PATCH", drop=True)
    for _ in range(dice.randrange(1, 4)):
        site.start(crash_at=dice.choice((0, 0, 1, -1)) * dice.randrange(1, 12))
        time.sleep(dice.random() * 1.2)  # the random instant
        site.kill()
        site.forget_log()
        chance = dice.random()
        if chance < 0.15:
            site.lose_journal()
        elif chance < 0.3:
            site.restore_journal()
        elif chance < 0.6:
            site.keep_journal()
    site.settle()


def test_random_instants(world):
    """killed at random instants, with answers and journals lost"""
    site = Site(world, "random", random.Random(SEED))
    for number in range(ROUNDS):
        try:
            one_round(site)
        except AssertionError:
            print(f"# round {number} of seed {SEED}", flush=True)
            raise
    print(f"# {ROUNDS} rounds: " + site.totals.text(site), flush=True)


tap.main(World, prepare)
