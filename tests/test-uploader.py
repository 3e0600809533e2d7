#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The uploader's main job on real servers and media, and what is in its way."""

import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import tap  # noqa: E402
from harness.leaks import find_leaks  # noqa: E402
from harness.media import make_mp4  # noqa: E402
from harness.mount import Mount  # noqa: E402
from harness.site import Site as EmptySite  # noqa: E402
from harness.uploader import (SECRETS, SPACES, Uploader, cms_seed,  # noqa: E402
                              name_of, rev_seed)
from harness.wait import wait_for  # noqa: E402
from harness.world import World  # noqa: E402

WEEKLY, LAB, BOARD = SPACES.values()
MIB = 1 << 20


class Shared:
    """Recordings are encoded once; each test has servers of its own."""
    recording = None
    small = None


def prepare(world):
    Shared.recording = make_mp4(world.path("media", "recording.mp4"),
                                min_bytes=3 * MIB)
    Shared.small = make_mp4(world.path("media", "small.mp4"), seconds=1)


class Site(EmptySite):
    """Its recordings are small unless said otherwise."""

    def put(self, folder, name, file=None):
        return super().put(folder, name, file or Shared.small)


def people(video):
    """The viewers of a video, by name, the uploader's account left out."""
    return sorted((entity["name"], entity["canEdit"])
                  for entity in video["entities"]
                  if entity["name"] != "uploader")


def check_published(site):
    """Four recordings, as the policy of the settings says."""
    active = {video["title"]: video for video in site.rev.wait_active(4, 60)}
    weekly = active["Weekly 2021-06-18 00:00"]
    assert weekly["owner"] == "anna", weekly
    assert people(weekly) == [("ben", False)], people(weekly)
    lab = active["Lab 2021-06-18 00:01"]
    assert lab["owner"] == "admin", lab
    assert people(lab) == [("ben", False)], people(lab)
    board = active["Vorstand & Räte 役員 2021-06-18 00:02"]
    assert board["owner"] == "zoë", board
    forwarded = active["Call 2021-06-18 00:03"]
    assert forwarded["owner"] == "admin", forwarded
    assert people(forwarded) == []
    for video in active.values():
        assert not [tag for tag in video["tags"] if "upcast-" in tag], video
    assert len(site.rev.videos()) == 4


def check_renamed(site, uploader):
    for number, folder in enumerate((f"spaces/{WEEKLY}", f"spaces/{LAB}",
                                     f"spaces/{BOARD}", "forwardedCalls")):
        stem = name_of(60 * number)[:-4]
        job = uploader.job(stem)
        assert job["state"] == "ready", job
        expected = [f"{stem}_vid-id={job['video_id']}@vbrick.mp4"]
        assert site.names(folder) == expected, site.names(folder)
        assert job["playback_url"], job


def publish_four(world, site, **options):
    uploader = site.uploader(settings={"fallback_owner": "admin"},
                             **options)
    site.put(f"spaces/{WEEKLY}", name_of(0), Shared.recording)
    site.put(f"spaces/{LAB}", name_of(60))
    site.put(f"spaces/{BOARD}", name_of(120))
    site.put("forwardedCalls", name_of(180))
    uploader.wait_counts(ready=4)
    check_published(site)
    check_renamed(site, uploader)
    return uploader


def test_nfs3(world):
    """four recordings from NFS version 3: titles, owners, viewers, names"""
    publish_four(world, Site(world), name="nfs3")


def test_nfs4(world):
    """the same from NFS version 4"""
    publish_four(world, Site(world), version=4, name="nfs4")


def test_local(world):
    """the same from a local directory"""
    publish_four(world, Site(world, world.folder("local")), name="local")


def test_secrets(world):
    """no secret in a log, a snapshot, an argument or an error"""
    site = Site(world)
    uploader = site.uploader(name="secrets")
    if os.access("/dev/fuse", os.R_OK):
        # Its tree is below the world's folder, so it is searched, too.
        Mount(world, control_dir=os.path.dirname(uploader.control))
    site.put(f"spaces/{WEEKLY}", name_of(0))
    uploader.wait_counts(ready=1)
    site.rev.fault(path="/api/*", status=500, code="InternalServerError",
                   times=3)
    site.put(f"spaces/{WEEKLY}", name_of(1))
    uploader.wait_counts(ready=2)
    skip = [os.path.join(world.dir, name, "secrets")
            for name in os.listdir(world.dir)]
    leaks = find_leaks(SECRETS, [world.dir], skip)
    assert not leaks, leaks


def test_growing(world):
    """a recording that is still written is sent only when it is whole"""
    site = Site(world)
    uploader = site.uploader(name="growing")
    whole = os.path.getsize(Shared.recording)
    writer = site.nfs.write(Shared.recording,
                            f"spaces/{WEEKLY}/{name_of(0)}",
                            pauses=(whole // 2,))
    writer.wait_paused()
    # Longer than the settle time: only its boxes tell that it is not whole.
    uploader.wait_why(name_of(0), "past the end")
    assert site.rev.videos() == []
    writer.go()
    writer.finish()
    uploader.wait_counts(ready=1)
    video, = site.rev.active()
    assert video["size"] == whole, video


def test_down_at_start(world):
    """it starts with everything down, says so, and recovers by itself"""
    site = Site(world)
    site.put(f"spaces/{WEEKLY}", name_of(0))
    site.nfs.stop()
    site.rev.stop()
    site.cms.stop()
    uploader = site.uploader(name="down")
    uploader.wait_state("source_state", "down")
    assert uploader.state()["source_why"]
    site.nfs.start()
    uploader.wait_why(name_of(0), "refused")
    site.rev = world.rev(seed=rev_seed(), port=site.rev.port)
    uploader.wait_why(name_of(0), "bridge")
    site.cms = world.cms(seed=cms_seed(), port=site.cms.port)
    uploader.wait_counts(ready=1)


def assert_fresh(before, after):
    """Two heartbeats in a row, as the contract has them: 10 s apart at most."""
    seconds = [int(stamp[17:19]) for stamp in (before, after)]
    assert (seconds[1] - seconds[0]) % 60 <= 10, (before, after)


def test_pace(world):
    """with NFS, Rev and the bridge stalled, heartbeat and ctl keep their pace"""
    site = Site(world)
    uploader = site.uploader(name="pace")
    uploader.wait_state("source_state", "ready")
    for stalled in (site.nfs, site.rev.process, site.cms.process):
        site.put(f"spaces/{WEEKLY}", name_of(0), Shared.recording)
        stalled.suspend()
        before = uploader.state()["heartbeat"]
        wait_for(lambda: uploader.command("ping", 1) == "ok pong" and
                 uploader.state()["heartbeat"] != before, 12, "heartbeat")
        assert_fresh(before, uploader.state()["heartbeat"])
        stalled.resume()
    uploader.wait_counts(ready=1)


def test_lost_answer(world):
    """an upload whose answer is lost is found, not sent again"""
    site = Site(world)
    site.rev.fault(path="/api/*/uploads/videos", method="POST", drop=True)
    uploader = site.uploader(name="lost")
    site.put(f"spaces/{WEEKLY}", name_of(0))
    uploader.wait_counts(ready=1)
    assert len(site.rev.videos()) == 1
    assert site.rev.count("POST", "/uploads/videos") == 1


def test_killed(world):
    """killed in mid-upload and started again: one video"""
    site = Site(world)
    uploader = site.uploader(name="killed",
                             settings={"bandwidth": "1M"})
    site.put(f"spaces/{WEEKLY}", name_of(0), Shared.recording)
    site.rev.wait_received(MIB // 2)
    uploader.process.kill()
    uploader.write_settings(bandwidth=0)
    uploader.start()
    uploader.wait_counts(ready=1)
    assert len(site.rev.videos()) == 1


def test_commands(world):
    """cancel, retry, forget; wrong ones are told what is wrong"""
    site = Site(world)
    uploader = site.uploader(name="commands",
                             settings={"settle_time": "1h"})
    site.put(f"spaces/{WEEKLY}", name_of(0))
    job = uploader.wait_job(name_of(0), "settling")
    number = job["id"]
    assert uploader.command("retry 99").startswith("error ENOENT")
    assert uploader.command("retry x").startswith("error EINVAL")
    assert uploader.command("dance").startswith("error EINVAL")
    assert uploader.command(f"cancel {number}") == f"ok {number} is ignored"
    uploader.wait_job(name_of(0), "ignored")
    uploader.write_settings(settle_time="1s")
    assert uploader.command("reload").startswith("ok")
    assert uploader.command(f"retry {number}").startswith("ok")
    uploader.wait_job(name_of(0), "ready")
    assert uploader.command(f"retry {number}").startswith("error EBUSY")
    assert uploader.command(f"forget {number}").startswith("ok")
    wait_for(lambda: uploader.job(name_of(0)).get("id") != number,
             what="forgotten")


def test_failed(world):
    """what Rev refuses waits for a person and does not hold up the others"""
    site = Site(world)
    fault = site.rev.fault(path="/api/*/uploads/videos", status=500,
                           code="FileNotSupported", contains="", times=1)
    uploader = site.uploader(name="failed", settings={"parallel": 1})
    site.put(f"spaces/{WEEKLY}", name_of(0))
    job = uploader.wait_job(name_of(0), "failed")
    assert "FileNotSupported" in job["error"], job
    assert site.rev.fired(fault) == 1
    site.put(f"spaces/{WEEKLY}", name_of(1))
    uploader.wait_job(name_of(1), "ready")
    uploader.command(f"retry {job['id']}")
    uploader.wait_counts(ready=2, failed=0)


def test_reload(world):
    """settings that cannot work leave the old ones; an upload outlives new"""
    site = Site(world)
    uploader = site.uploader(name="reload",
                             settings={"bandwidth": "2M"})
    site.put(f"spaces/{WEEKLY}", name_of(0), Shared.recording)
    uploader.wait_job(name_of(0), "uploading")
    uploader.write_settings(rev_trust="/nonexistent.pem")
    answer = uploader.command("reload")
    assert answer.startswith("error") and "nonexistent" in answer, answer
    uploader.write_settings(rev_trust=world.authority.bundle, tags="new")
    assert uploader.command("reload").startswith("ok")
    uploader.wait_counts(ready=1)
    assert site.rev.count("POST", "/uploads/videos") == 1


def test_other_source(world):
    """another share by a reload, in the middle of uploads; stopped at once"""
    first = Site(world, world.folder("one"))
    for number in range(6):
        first.put("forwardedCalls", name_of(number), Shared.recording)
    uploader = first.uploader(name="source",
                              settings={"bandwidth": "1M", "parallel": 4})
    first.rev.wait_received(MIB // 8)
    second = world.folder("two")
    os.makedirs(os.path.join(second, "forwardedCalls"))
    for folder in (second, first.root, second, first.root):
        uploader.write_settings(local_directory=folder, bandwidth=0)
        assert uploader.command("reload").startswith("ok")
    uploader.wait_counts(ready=6)
    assert len(first.rev.active()) == 6
    for _ in range(4):
        # As early as it may come: before the signal is waited for, too.
        assert uploader.process.stop() in (0, -signal.SIGTERM)
        uploader.start()


def test_disabled(world):
    """disabled, it needs nothing and waits; enabled, -n names what is missing"""
    uploader = Uploader(world, "/nonexistent", name="disabled", start=False,
                        settings={"enabled": "false"})
    uploader.write_settings(source="nfs", local_directory=None)
    assert uploader.run("-n").status == 0
    uploader.start()
    uploader.wait_state("state", "disabled")
    uploader.write_settings(enabled="true")
    check = uploader.run("-n")
    assert check.status == 1
    for missing in ("nfs_host", "nfs_directory", "rev_host", "rev_user"):
        assert f"uploader.{missing}" in check.log_text(), missing
    assert "nfs_host" in uploader.command("reload")
    # What it lacks comes by a reload.
    site = Site(world, world.folder("late"))
    site.put(f"spaces/{WEEKLY}", name_of(0))
    uploader.write_settings(source="local", local_directory=site.root)
    assert uploader.command("reload").startswith("ok")
    uploader.wait_why(name_of(0), "no Rev server")


def test_dry_run(world):
    """a dry run changes nothing: not on the share, not on Rev"""
    site = Site(world, world.folder("dry"))
    first = site.uploader(name="first")
    site.put("forwardedCalls", name_of(0))
    first.wait_counts(ready=1)
    first.process.stop()
    site.put("forwardedCalls", name_of(1))
    names = site.names("forwardedCalls")
    dry = site.uploader(name="dry",
                        settings={"dry_run": "true",
                                  "delete_after_upload": "true"})
    dry.wait_counts(ready=1)
    dry.wait_why(name_of(1), "dry run")
    # Not even by a reload: nothing of it would be remembered.
    dry.write_settings(dry_run="false")
    assert dry.command("reload").startswith("ok")
    dry.command("rescan")
    dry.wait_why(name_of(1), "dry run")
    assert site.names("forwardedCalls") == names
    assert len(site.rev.videos()) == 1


def test_hidden(world):
    """a video that somebody has hidden stays hidden when the share comes back"""
    site = Site(world, world.folder("hidden"))
    uploader = site.uploader(name="hidden",
                             settings={"initial_state": "inactive"})
    site.put("forwardedCalls", name_of(0))
    uploader.wait_counts(ready=1)
    uploader.write_settings(initial_state="active")
    assert uploader.command("reload").startswith("ok")
    folder = os.path.join(site.root, "forwardedCalls")
    os.rename(folder, folder + ".away")
    uploader.wait_counts(deleted=1)
    os.rename(folder + ".away", folder)
    uploader.wait_counts(ready=1)
    assert site.rev.active() == []
    assert len(site.rev.videos()) == 1


def test_delete(world):
    """deleted is the file that was uploaded, while its video is there"""
    site = Site(world, world.folder("delete"))
    uploader = site.uploader(name="delete")
    for number in range(3):
        site.put("forwardedCalls", name_of(number))
    uploader.wait_counts(ready=3)
    names = site.names("forwardedCalls")
    other, last_copy = names[1:]
    site.put("forwardedCalls", other, Shared.recording)
    video = last_copy.split("_vid-id=")[1].split("@")[0]
    site.rev.order("DELETE", f"/videos/{video}")
    uploader.write_settings(delete_after_upload="true")
    assert uploader.command("reload").startswith("ok")
    wait_for(lambda: "its video is gone from Rev: the file is not deleted"
             in uploader.process.log_text(), 20, "a word of the last copy")
    uploader.wait_counts(deleted=1, ready=2)
    assert site.names("forwardedCalls") == [other, last_copy]


def test_two_shares(world):
    """two shares of one account: neither deletes the other's video"""
    site = Site(world, world.folder("first-share"))
    first = site.uploader(name="first-share")
    site.put("forwardedCalls", name_of(0))
    first.wait_counts(ready=1)
    site.rev.set(processing_seconds=600)
    site.root = world.folder("second-share")
    os.mkdir(site.path("", "forwardedCalls"))
    second = site.uploader(name="second-share")
    site.put("forwardedCalls", name_of(0), Shared.recording)
    second.wait_job(name_of(0), "processing")
    deletes = site.rev.count("DELETE", "/videos")
    assert first.command("reconcile").startswith("ok")
    first.process.wait_log("looked for duplicates on Rev: 1 videos")
    # What the first pass asked for is answered before the second ends.
    assert first.command("reconcile").startswith("ok")
    wait_for(lambda: first.process.log_text().count(
        "looked for duplicates on Rev") == 2, 10, "the second pass")
    assert site.rev.count("DELETE", "/videos") == deletes
    assert len(site.rev.videos()) == 2, site.rev.videos()


def test_cancelled(world):
    """what a person has cancelled is not uploaded when the share comes back"""
    site = Site(world, world.folder("cancelled"))
    uploader = site.uploader(name="cancelled",
                             settings={"settle_time": "5s"})
    site.put("forwardedCalls", name_of(0))
    number = uploader.wait_job(name_of(0), "settling")["id"]
    assert uploader.command(f"cancel {number}").startswith("ok")
    folder = os.path.join(site.root, "forwardedCalls")
    os.rename(folder, folder + ".away")
    site.put(f"spaces/{WEEKLY}", name_of(1))
    uploader.wait_counts(ready=1)
    os.rename(folder + ".away", folder)
    site.put(f"spaces/{WEEKLY}", name_of(2))
    uploader.wait_counts(ready=2)
    uploader.wait_job(name_of(0), "ignored")


def test_locked(world):
    """a refused login stops the lane until somebody says resume"""
    site = Site(world)
    uploader = site.uploader(name="locked", start=False)
    uploader.write_secrets({"rev_password": "wrong"})
    uploader.start()
    site.put(f"spaces/{WEEKLY}", name_of(0))
    uploader.wait_state("rev_state", "locked")
    logins = site.rev.count("POST", "/user/login")
    uploader.command("rescan")
    wait_for(lambda: uploader.state()["heartbeat"], what="heartbeat")
    assert site.rev.count("POST", "/user/login") == logins
    uploader.write_secrets(SECRETS)
    uploader.process.signal(signal.SIGHUP)
    uploader.wait_counts(ready=1)


def test_settings(world):
    """-n and --probe say what is wrong and what would be right"""
    site = Site(world)
    uploader = site.uploader(name="settings", start=False)
    assert uploader.run("-n").status == 0
    good = uploader.run("--probe", "--full")
    assert good.status == 0, good.log_text()
    assert "FAILURE" not in good.log_text()
    assert good.log_text().count("SUCCESS") == 12, good.log_text()
    assert site.rev.videos() == []
    uploader.write_settings(rev_port="70000")
    bad = uploader.run("-n")
    assert bad.status == 1
    assert "70000" in bad.log_text() and "65535" in bad.log_text()
    uploader.write_settings(rev_port=site.rev.port, cms_user="nobody")
    probe = uploader.run("--probe")
    assert probe.status == 1
    assert probe.log_text().count("FAILURE") == 1, probe.log_text()


tap.main(World, prepare)
