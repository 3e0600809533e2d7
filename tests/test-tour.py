#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A tour of the mount with both daemons at work: what the manual pages promise
is looked up in the live tree."""

import os
import re
import shutil
import stat
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import tap  # noqa: E402
from harness.mount import skip_without_fuse  # noqa: E402
from harness.paths import built, source  # noqa: E402
from harness.tap import skip_unless  # noqa: E402
from harness.tour import UPLOADS, Tour  # noqa: E402
from harness.wait import wait_for  # noqa: E402
from harness.world import World  # noqa: E402

MIB = 1 << 20
# What a recording or call may well never have: no error, nothing to repeat.
RARE = {"error", "next_retry", "ctl", "reconnects"}
TREE = {  # folders without files of their own
    r"streamer/calls", r"(streamer|uploader)/by-state(/[a-z-]+)?",
    r"uploader/recordings(/spaces(/[^/]+)?|/forwardedCalls)?",
    r"uploader/by-space(/[^/]+)?"}
SECTIONS = {  # of upcast-fs(1), and where they are
    "The root": r"\.", "streamer/": "streamer", "uploader/": "uploader",
    "streamer/calls/<id>/": "streamer/calls/[^/]+",
    "uploader/recordings/.../<stem>/": "uploader/recordings/.+/[0-9+]+"}


class Shared:
    """The tour; what each kind of object has said so far."""
    tour = None
    said = {"streamer": set(), "uploader": set()}
    recordings = ()


def prepare(world):
    skip_without_fuse()
    Shared.tour = Tour(world)


def look():
    """Notes which facts are known now."""
    mount = Shared.tour.mount
    for folder in Shared.tour.objects():
        Shared.said[folder.split("/")[0]] |= {
            name for name in os.listdir(mount.path(folder))
            if name != "ctl" and mount.peek(folder, name)}
    return True


def documented():
    """The files of each section of upcast-fs(1)."""
    found, section = {}, None
    with open(source("man/upcast-fs.1"), encoding="utf-8") as file:
        for line in file:
            if line.startswith((".Ss ", ".Sh ")):
                section = line[4:].strip()
            elif line.startswith(".It Pa ") and section in SECTIONS:
                found.setdefault(section, set()).add(line.split()[2])
    return found


def test_call(world):
    """a call is published, and its folder tells of it"""
    tour = Shared.tour
    short = tour.call("short", 1)
    tour.call("Weekly", 3600)
    link = "streamer/by-state/publishing"
    published = tour.wait_recorded("Weekly")
    call, = wait_for(lambda: [
        name for name in os.listdir(tour.mount.path(link))
        if tour.mount.peek(link, name, "user") == "Weekly\n"])
    folder = f"streamer/calls/{call}"
    assert os.path.samefile(tour.mount.path(link, call),
                            tour.mount.path(folder))
    # Another secret may be in a stream's name: it is masked.
    tour.mount.wait_read("rtmp://127.0.0.1:%d/live/***" % tour.nginx.port,
                         folder, "url")
    tour.mount.wait_read("320x180", folder, "resolution")
    wait_for(lambda: int(tour.mount.read(folder, "rtmp_bytes") or 0) > 50000
             and look())
    before = os.path.getsize(published)
    wait_for(lambda: os.path.getsize(published) > before, what="more of it")
    assert tour.mount.read(folder, "transport") == "tls\n"
    assert tour.mount.read(folder, "lost") == "0\n"
    assert short.result()["ok"] == 1
    wait_for(lambda: os.listdir(tour.mount.path("streamer/by-state/ended")))
    tour.mount.write("keyframe\n", folder, "ctl")


def test_recordings(world):
    """recordings upload from NFS; the one that fails is retried by echo"""
    tour = Shared.tour
    refused = tour.refuse_uploads()
    Shared.recordings = [tour.record(space, size) for space, size in (
        ("Weekly", 0), ("Lab", 8 * MIB), ("", 0))]
    link = "uploader/by-state/failed"
    number, = wait_for(lambda: look() and os.listdir(tour.mount.path(link)))
    assert tour.rev.fired(refused) == 1
    failed, = [recording for recording in Shared.recordings
               if tour.mount.read(recording, "id") == number + "\n"]
    wait_for(lambda: look() and len(os.listdir(tour.mount.path(
        "uploader/by-state/ready"))) == 2)
    assert "403" in tour.mount.read(failed, "why") + \
        tour.mount.read(failed, "error")
    done = tour.shell(f"echo retry > {link}/{number}/ctl")
    assert done.returncode == 0, done.stderr
    wait_for(lambda: look() and
             tour.mount.read(failed, "state") == "ready\n")
    assert len(tour.rev.active()) == len(tour.rev.videos()) == 3
    urls = {video["playback_url"] for video in tour.rev.videos()}
    assert urls == {tour.mount.read(recording, "playback_url").strip()
                    for recording in Shared.recordings}
    weekly = Shared.recordings[0]
    assert tour.mount.read(weekly, "owner").startswith("anna")
    assert os.path.samefile(
        tour.mount.path("uploader/by-space/Weekly",
                        os.path.basename(weekly)), tour.mount.path(weekly))


def files_of(folder):
    """Its files, also the one that is not listed."""
    names = {entry.name for entry in os.scandir(folder)
             if entry.is_file(follow_symlinks=False)}
    return names | {"stream"} if folder == Shared.tour.top else names


def test_documented(world):
    """each file of the live tree is in upcast-fs(1), and each of that there"""
    tour, pages = Shared.tour, documented()
    assert pages.keys() == SECTIONS.keys()
    met = set()
    for where, folders, _ in os.walk(tour.top):
        place = os.path.relpath(where, tour.top)
        names = files_of(where)
        links = [name for name in folders
                 if os.path.islink(os.path.join(where, name))]
        section = [title for title, shape in SECTIONS.items()
                   if re.fullmatch(shape, place)]
        assert bool(section) == bool(names), (place, names)
        assert section or any(re.fullmatch(shape, place)
                              for shape in TREE), place
        if section:
            assert names == pages[section[0]], (place, names)
            met.add(section[0])
        assert not links or "/by-" in place, (place, links)
        for name in names | set(links):
            os.stat(os.path.join(where, name))
    assert met == SECTIONS.keys()
    readme = tour.mount.read("README")
    for name in set().union(*pages.values()):
        assert re.search(rf"(?m)^    {re.escape(name)} ", readme), name


def test_said(world):
    """every fact of a call and of a recording was known at some time"""
    pages = documented()
    for kind, section in (("streamer", "streamer/calls/<id>/"),
                          ("uploader", "uploader/recordings/.../<stem>/")):
        assert pages[section] - Shared.said[kind] <= RARE, \
            pages[section] - Shared.said[kind]


def test_states(world):
    """the folders in by-state are the states of upcast-control(7)"""
    with open(source("man/upcast-control.7"), encoding="utf-8") as file:
        text = file.read()
    for daemon, section in (("streamer", ".Ss A call"),
                            ("uploader", ".Ss A recording")):
        words = text.partition(section)[2].partition(".It Cm why")[0]
        words = set(re.findall(r"[a-z-]{4,}", words.partition("state\n")[2]))
        found = os.listdir(Shared.tour.mount.path(daemon, "by-state"))
        assert set(found) == words, (found, words)


def contract():
    """The keys of each kind of snapshot in upcast-control(7)."""
    with open(source("man/upcast-control.7"), encoding="utf-8") as file:
        text = file.read().replace("\\\n", "")
    found = {}
    for part in text.partition(".Sh SNAPSHOTS")[2].partition(
            ".Sh COUNTERS")[0].split(".Ss ")[1:]:
        lines = re.findall(r"(?m)^\.It Cm (.*)$", part)
        found[part.splitlines()[0]] = set(" ".join(lines).split()) - {","}
    return found


def lines_of(*names):
    with open(os.path.join(Shared.tour.mount.control_dir, *names),
              encoding="utf-8") as file:
        return file.read().splitlines()


def test_control_directory(world):
    """snapshots, counters and events are those of upcast-control(7)"""
    sections = contract()
    for daemon, kind, objects in (("The streamer", "A call", "calls"),
                                  ("The uploader", "A recording", "jobs")):
        folder = daemon.rpartition(" ")[2]
        keys = sections[kind]
        names = [name for name in os.listdir(os.path.join(
            Shared.tour.mount.control_dir, folder, objects))
            if not name.startswith(".")]
        assert names
        snapshots = [(("state",), sections[daemon] |
                      sections["Both daemons"])]
        snapshots += [((objects, name), keys) for name in names]
        for path, wanted in snapshots:
            first, *lines = lines_of(folder, *path)
            found = {line.partition("=")[0] for line in lines}
            # A daemon that has nothing to explain leaves these two out.
            assert first == "format=1" and found <= wanted and \
                wanted - found <= {"why", "error"}, (path, found ^ wanted)
        for line in lines_of(folder, "counters"):
            if line.startswith("#"):
                assert set(line.split()[2:]) <= keys, line
        for line in lines_of(folder, "events"):
            assert re.match(r"\d+\.\d+ \d{4}-\d\d-\d\dT[\d:]{8}Z \S", line), \
                line


def test_metrics(world):
    """the metrics of the live tree pass promtool"""
    skip_unless(shutil.which("promtool"), "no promtool")
    tour = Shared.tour
    wait_for(lambda: 'upcast_recordings{daemon="uploader",state="ready"} 3'
             in tour.mount.read("metrics"))
    text = tour.mount.read("metrics")
    for line in ('upcast_up{daemon="streamer"} 1\n',
                 'upcast_up{daemon="uploader"} 1\n',
                 'upcast_calls{daemon="streamer",state="publishing"} 1\n'):
        assert line in text, text
    check = subprocess.run(["promtool", "check", "metrics"], input=text,
                           capture_output=True, text=True)
    assert check.returncode == 0 and not check.stderr, check.stderr


def examples(page):
    """The command lines below EXAMPLES of a manual page."""
    with open(source(page), encoding="utf-8") as file:
        lines = file.read().partition(".Sh EXAMPLES")[2].split(".Sh ")[0]
    return [line[4:].replace("\\&", "") for line in lines.splitlines()
            if line.startswith(".Dl ")]


HOST = """set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir /run/upcast /run/upcast-fs
mount --bind '{control}' /run/upcast
mount --bind '{top}' /run/upcast-fs
mount -t tmpfs tmpfs /usr/local/bin
ln -s '{program}' /usr/local/bin/upcast-fs
export TERM=xterm
{line}
"""


def on_host(line):
    """A command where both directories are where they belong; a Process that
    takes along what it has started."""
    tour = Shared.tour
    script = HOST.format(control=tour.mount.control_dir, top=tour.top,
                         program=built("fs/upcast-fs"), line=line)
    return tour.world.start(["unshare", "-m", "-p", "-f", "--kill-child", "sh",
                             "-c", script], name="example", capture=True)


def listed(state):
    return os.listdir(Shared.tour.mount.path("uploader/by-state", state))


def check_retry(line):
    failed = set(listed("failed"))
    assert on_host(line).wait() == 0, line
    wait_for(lambda: failed - set(listed("failed")), what=line)


def check_mount(line):
    """A line of fstab, after which the tree is there."""
    table = Shared.tour.world.write("fstab", line.replace(
        "nofail", "nofail,config=" + Shared.tour.mount.config) + "\n")
    host = on_host(f"umount /run/upcast-fs; mount -a -T {table}; "
                   "cat /run/upcast-fs/summary; umount /run/upcast-fs")
    assert "uploader running\n" in host.stdout.read() and host.wait() == 0


def check_prints(line):
    """It prints something; what goes on for ever is ended."""
    host = on_host(line)
    if line.startswith("inotifywait"):
        host.wait_log("Watches established")
        Shared.tour.rev.heal()
        if "/calls" in line:
            Shared.tour.call("third", 1)
    assert host.stdout.read(1), (line, host.log_text())
    host.kill()


def test_examples(world):
    """the examples of the manual pages do what they say, as they stand"""
    tour = Shared.tour
    for program in ("nc", "inotifywait", "unshare"):
        skip_unless(shutil.which(program), "no " + program)
    tour.refuse_uploads(times=3)
    recordings = [tour.record("Lab") for _ in range(3)]
    for recording in recordings:
        tour.wait_state(recording, "failed")
    for line in examples("man/upcast-control.7") + examples("man/upcast-fs.1"):
        if "/uploading/" in line:
            # It stays there until it is watched.
            tour.rev.fault(path=UPLOADS, stall_at=MIB, times=0)
            large = tour.record(min_bytes=5 * MIB)
            tour.wait_state(large, "uploading")
            here = [tour.mount.read(large, "id").strip()]
        else:
            here = listed("failed")
        line = line.replace("17", here[0]) if "17" in line else line
        if "retry" in line:
            check_retry(line)
        elif line.endswith(" 0 0"):
            check_mount(line)
        else:
            check_prints(line)
    for recording in recordings:
        tour.wait_state(recording, "ready")


def read_all():
    """What walks the whole tree, as crawlers and backups do."""
    for line in ("grep -r '' . > /dev/null", "find . -ls", "ls -lR", "du -s .",
                 "tar cf /dev/null .", "cp -r uploader/. $OLDPWD/copy",
                 "rsync -a streamer/ $OLDPWD/copy2", "df", "df ."):
        if not shutil.which(line.split()[0]):
            continue
        done = Shared.tour.shell(
            line.replace("$OLDPWD", Shared.tour.world.dir), 10)
        # Files that count on while they are read are no fault of tar's.
        assert done.returncode == 0 or \
            "file changed as we read it" in done.stderr, (line, done.stderr)


def test_stopped(world):
    """a daemon that is suspended holds no reader up"""
    tour = Shared.tour
    for daemon in (tour.uploader.process, tour.streamer):
        read_all()
        daemon.suspend()
        read_all()
        daemon.resume()


def test_killed(world):
    """upcast-fs is killed: its successor shows the same, the work goes on"""
    tour = Shared.tour
    published = tour.wait_recorded("Weekly")
    listing = tour.shell("find . | sort").stdout
    tour.mount.process.kill()
    before = os.path.getsize(published)
    tour.mount.start()
    assert tour.shell("find . | sort").stdout == listing
    wait_for(lambda: os.path.getsize(published) > before, what="more of it")
    assert stat.S_ISSOCK(os.stat(os.path.join(
        tour.mount.control_dir, "streamer", "ctl")).st_mode)


def test_hangup(world):
    """echo hangup > ctl ends the call"""
    tour = Shared.tour
    done = tour.shell("for c in streamer/by-state/publishing/*/ctl; do "
                      "echo hangup > $c; done")
    assert done.returncode == 0, done.stderr
    wait_for(lambda: not os.listdir(
        tour.mount.path("streamer/by-state/publishing")))
    tour.mount.stop()


if __name__ == "__main__":
    tap.main(World, prepare)
