#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Hand-over: shares from the original, journals lost or old, two uploaders,
another server. Nothing is uploaded twice, nothing is missed."""

import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import tap  # noqa: E402
from harness.media import make_mp4  # noqa: E402
from harness.site import SPACE, Site, check_idle  # noqa: E402
from harness.uploader import name_of  # noqa: E402
from harness.wait import wait_for  # noqa: E402
from harness.world import World  # noqa: E402

MIB = 1 << 20


class Media:
    """Encoded once."""
    recording = small = None


def prepare(world):
    Media.recording = make_mp4(world.path("media", "recording.mp4"),
                               min_bytes=4 * MIB)
    Media.small = make_mp4(world.path("media", "small.mp4"), seconds=1)


def local_site(world):
    return Site(world, world.folder(f"share{world.number()}"))


def journal_files(uploader):
    return [uploader.journal + ending for ending in ("", "-wal", "-shm")
            if os.path.exists(uploader.journal + ending)]


def lose_journal(uploader):
    for path in journal_files(uploader):
        os.unlink(path)


def test_original(world):
    """a share as the original left it: ready, not yet ready, renamed by half"""
    site = local_site(world)
    def video(title, **facts):
        return site.rev.order("POST", "/videos", {
            "title": title, "uploader": "uploader", **facts})["id"]
    done = video("done", is_active=True)
    hidden = video("hidden", is_active=False)
    for number, video_id in ((0, done), (1, hidden)):
        site.put(SPACE, f"{name_of(number)[:-4]}_vid-id={video_id}@vbrick.mp4",
                 Media.small)
    # Copied to the new name, and the old one is still there.
    half = video("half", is_active=True)
    site.put(SPACE, f"{name_of(2)[:-4]}_vid-id={half}@vbrick.mp4", Media.small)
    site.put(SPACE, name_of(2), Media.small)
    site.put(SPACE, name_of(3), Media.small)
    before = site.names()
    uploader = site.uploader(name="original")
    uploader.wait_counts(ready=4)
    assert site.uploads() == 1
    assert [name for name in before if name in site.names()] == \
        [name for name in before if not name.startswith(name_of(3)[:-4])]
    shown = {v["id"]: v["active"] for v in site.rev.videos()}
    assert shown[done] and shown[half] and not shown[hidden]


def test_journals(world):
    """a journal that is lost, and one of yesterday"""
    site = local_site(world)
    uploader = site.uploader(name="journals")
    site.put(SPACE, name_of(0), Media.small)
    uploader.wait_counts(ready=1)
    uploader.process.stop()
    old = world.folder(f"old{world.number()}")
    for path in journal_files(uploader):
        shutil.copy(path, old)
    uploader.start()
    site.put(SPACE, name_of(1), Media.small)
    uploader.wait_counts(ready=2)
    uploader.process.kill()
    lose_journal(uploader)
    for name in os.listdir(old):
        shutil.copy(os.path.join(old, name), os.path.dirname(uploader.journal))
    uploader.start()
    uploader.wait_counts(ready=2)
    uploader.process.kill()
    lose_journal(uploader)
    site.put(SPACE, name_of(2), Media.small)
    uploader.start()
    uploader.wait_counts(ready=3)
    assert site.uploads() == 3
    site.check_once(*(name_of(n) for n in range(3)))


def test_orphan(world):
    """an upload that two journals forgot is found by its recording's name"""
    site = local_site(world)
    site.rev.set(index_lag=3600)  # nothing is found by its mark
    site.rev.fault(path="/api/*/uploads/videos", method="POST", drop=True)
    site.put(SPACE, name_of(0), Media.small)
    uploader = site.uploader(name="orphan", settings={"index_grace": "1s"})
    wait_for(site.rev.videos, 20)
    for wanted in (2, 1):
        uploader.process.kill()
        lose_journal(uploader)
        uploader.start()
        uploader.wait_state("pid", str(uploader.process.pid))
        uploader.wait_counts(ready=1)
        assert len(site.rev.videos()) >= wanted
    site.rev.set(index_lag=0)
    uploader.command("reconcile")
    wait_for(lambda: len(site.rev.videos()) == 1, 20)
    site.check_once(name_of(0))


def test_standby(world):
    """two on one journal: the second waits, and takes over"""
    site = local_site(world)
    first = site.uploader(name="first", settings={"bandwidth": "1M"})
    first.wait_state("state", "running")
    second = site.uploader(name="second",
                           settings={"journal": first.journal})
    second.wait_state("state", "standby")
    assert "standing by" in second.state()["why"]
    check_idle(second)
    site.put(SPACE, name_of(0), Media.recording)
    site.rev.wait_received(MIB)
    first.process.kill()
    second.wait_counts(ready=1)
    site.check_once(name_of(0))


def test_second_host(world):
    """two with journals of their own: never two visible videos"""
    site = local_site(world)
    both = [site.uploader(name=name, settings={"parallel": 4})
            for name in ("here", "there")]
    names = [name_of(n) for n in range(8)]
    for name in names:
        site.put(SPACE, name, Media.small)
    for uploader in both:
        uploader.wait_counts(ready=len(names), seconds=60)
    wait_for(lambda: all(v["active"] for v in site.rev.videos()), 20,
             lambda: f"no orphans, not {site.rev.videos()}")
    assert len(site.rev.videos()) == len(names)
    site.check_once(*names)
    print(f"# {site.uploads()} uploads of {len(names)} recordings")


def test_moved(world):
    """the share moves to another server"""
    site = local_site(world)
    uploader = site.uploader(name="moved",
                             settings={"share_name": "recordings"})
    for number in range(3):
        site.put(SPACE, name_of(number), Media.small)
    uploader.wait_counts(ready=3)
    other = world.folder(f"share{world.number()}")
    shutil.copytree(site.root, other, dirs_exist_ok=True,
                    copy_function=shutil.copy)
    site.root = other
    # It came while the share was moved, and one was never renamed there.
    site.put(SPACE, name_of(3), Media.small)
    stale = [n for n in site.names() if n.startswith(name_of(0)[:-4])][0]
    os.rename(site.path(stale), site.path(name_of(0)))
    uploader.write_settings(local_directory=other)
    uploader.command("reload")
    uploader.wait_job(name_of(3), "ready")
    wait_for(lambda: len([n for n in site.names() if "_vid-id=" in n]) == 4,
             20, site.names)
    uploader.wait_counts(ready=4)
    assert site.uploads() == 4
    site.check_once(*(name_of(n) for n in range(4)))


tap.main(World, prepare, tidy=True, apart=2)
