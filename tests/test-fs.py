#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""upcast-fs through the kernel: what tools, people and hostile input get."""

import errno
import functools
import grp
import http.server
import os
import select
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from xml.etree import ElementTree

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import tap  # noqa: E402
from harness.mount import GROUP, Mount, skip_without_fuse  # noqa: E402
from harness.paths import built  # noqa: E402
from harness.tap import skip_unless  # noqa: E402
from harness.wait import PATIENCE, wait_for  # noqa: E402
from harness.world import World  # noqa: E402

PATH = "spaces/c4605aaf/20261124103107+0100.mp4"
FOLDER = "uploader/recordings/spaces/c4605aaf/20261124103107+0100"
NOBODY = 65534
MIB = 1 << 20
CLOCK_REALTIME_COARSE = 5
TICK_NS = 10000000


class Quiet(http.server.SimpleHTTPRequestHandler):
    """What it serves is the test's business, not the log's."""

    def log_message(self, *_):
        pass


def prepare(world):
    skip_without_fuse()


def one_recording(world, **options):
    mount = Mount(world, **options)
    daemon = mount.daemon("uploader")
    daemon.state(state="running", pid="7", started="2026-11-24T10:00:00Z")
    daemon.put(17, state="failed", path=PATH, title="Café", size="1000",
               why="rev answered 403", space_name="All Hands")
    mount.wait_read("failed", FOLDER, "state")
    return mount, daemon


def refused(code, function, *args):
    try:
        function(*args)
    except OSError as error:
        assert error.errno == code, f"{function.__name__}: {error}"
    else:
        raise AssertionError(f"{function.__name__}{args} succeeds")


def run(*argv, **options):
    return subprocess.run([str(word) for word in argv], timeout=30,
                          capture_output=True, text=True, **options)


def as_user(uid, gid, function):
    """The errno of function() when somebody else calls it, 0 if none."""
    pid = os.fork()
    if pid == 0:
        code = 0
        try:
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
            function()
        except OSError as error:
            code = error.errno
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def target_of(link):
    """Where a link leads; None where it has gone meanwhile."""
    try:
        return os.readlink(link)
    except FileNotFoundError:
        return None


def has_open(process, path):
    folder = f"/proc/{process.pid}/fd"
    return any(target_of(os.path.join(folder, name)) == path
               for name in os.listdir(folder))


def test_values(world):
    """a fact is a line, its size is true, its time is that of its change"""
    mount, daemon = one_recording(world)
    assert mount.read(FOLDER, "title") == "Café\n"
    assert mount.read(FOLDER, "owner") == ""
    assert mount.read("uploader/pid") == "7\n"
    for folder, _, files in os.walk(mount.top):
        for name in files:
            path = os.path.join(folder, name)
            if name == "ctl" or os.path.islink(path) or \
                    not os.path.relpath(path, mount.top).count("/"):
                continue
            with open(path, "rb") as file:
                content = file.read()
            if name != "uptime":
                assert os.stat(path).st_size == len(content), path
            assert content.count(b"\n") == (1 if content else 0), path
    before = os.stat(mount.path(FOLDER, "title")).st_mtime_ns
    state = os.stat(mount.path(FOLDER, "state")).st_mtime_ns
    inode = os.stat(mount.path(FOLDER, "state")).st_ino
    # Its time is that of the snapshot's file, which the kernel counts in ticks.
    wait_for(lambda: time.clock_gettime_ns(CLOCK_REALTIME_COARSE) >
             state + TICK_NS)
    daemon.put(17, state="queued", path=PATH, title="Café", size="1000")
    mount.wait_read("queued", FOLDER, "state")
    wait_for(lambda: os.stat(mount.path(FOLDER, "state")).st_mtime_ns > state)
    assert os.stat(mount.path(FOLDER, "title")).st_mtime_ns == before
    assert os.stat(mount.path(FOLDER, "state")).st_ino == inode
    assert mount.read(FOLDER, "why") == ""
    mount.stop()


def test_links(world):
    """links by state and by space lead to the recording"""
    mount, daemon = one_recording(world)
    for link in ("uploader/by-state/failed/17",
                 "uploader/by-space/All Hands/20261124103107+0100"):
        assert os.path.samefile(mount.path(link), mount.path(FOLDER)), link
    daemon.put(17, state="ready", path=PATH.replace(
        ".mp4", "_vid-id=c4605aaf@vbrick.mp4"))
    wait_for(lambda: os.listdir(mount.path("uploader/by-state/ready")))
    assert not os.listdir(mount.path("uploader/by-state/failed"))
    assert mount.read(FOLDER, "state") == "ready\n"
    daemon.remove(17)
    mount.wait_gone("uploader/recordings/spaces")
    mount.stop()


def test_spaces(world):
    """two spaces of one name share a folder, their recordings stay apart"""
    mount = Mount(world)
    daemon = mount.daemon("uploader")
    for number, space in ((1, "c4605aaf"), (2, "d5716bb0")):
        daemon.put(number, state="ready", space_id=space, space_name="Weekly",
                   path=f"spaces/{space}/x.mp4")
        mount.wait_read(str(number),
                        f"uploader/recordings/spaces/{space}/x/id")
    folder = "uploader/by-space/Weekly"
    assert sorted(os.listdir(mount.path(folder))) == ["x", "x~2"]
    assert mount.read(folder, "x/space_id") == "c4605aaf\n"
    assert mount.read(folder, "x~2/space_id") == "d5716bb0\n"
    daemon.remove(1)
    mount.wait_gone(folder, "x")
    assert mount.read(folder, "x~2/id") == "2\n"
    mount.stop()


def test_calls(world):
    """a call, its counters, an instance of the uploader"""
    mount = Mount(world)
    daemon = mount.daemon("streamer")
    daemon.put(3, state="publishing", space="team@example.com")
    mount.wait_read("team@example.com", "streamer/calls/3/space")
    daemon.order("counters", "%23%20id%20bitrate%20lost", "3%202000000%204")
    mount.wait_read("2000000", "streamer/by-state/publishing/3/bitrate")
    assert mount.read("streamer/calls/3/lost") == "4\n"
    east = mount.daemon("uploader@east")
    east.put(1, state="queued", path="forwardedCalls/x.mp4")
    mount.wait_read("queued", "uploader@east/recordings/forwardedCalls/x/state")
    mount.stop()


def test_commands(world):
    """a write to ctl is a command, its verdict the errno"""
    mount, _ = one_recording(world)
    ctl = (FOLDER, "ctl")
    assert mount.write("retry\n", *ctl) == 6
    mount.wait_read("queued", FOLDER, "state")
    assert run("sh", "-c", f"echo cancel >> '{mount.path(*ctl)}'").returncode \
        == 0
    mount.wait_read("ignored", FOLDER, "state")
    answer = run("sh", "-c", f"echo bogus > '{mount.path(*ctl)}'")
    assert answer.returncode and "rror" in answer.stderr
    mount.wait_read("bogus 17: bogus is not a command, retry is",
                    FOLDER, "error")
    refused(errno.EINVAL, mount.write, "bogus s3cret", *ctl)
    for text in ("", "retry\nretry\n", "re\x01try", "\n", "x" * 600):
        refused(errno.EMSGSIZE if len(text) > 500 else errno.EINVAL,
                mount.write, text or "\n", *ctl)
    assert mount.write("pause", "uploader/ctl") == 5
    refused(errno.ECONNREFUSED, mount.write, "pause", "streamer/ctl")
    assert mount.read("streamer/error") == "pause: the daemon does not run\n"
    wait_for(lambda: "uid 0: pause" in mount.read("events"))
    assert "upcast-fs - uid 0: uploader: bogus 17: " in mount.read("events")
    assert "s3cret" not in mount.read("events") + mount.read(FOLDER, "error")
    mount.stop()


def test_who(world):
    """the group reads and commands, others do neither, the uid is passed on"""
    mount, _ = one_recording(world)
    os.chmod(world.dir, 0o755)
    gid = grp.getgrnam(GROUP).gr_gid

    def read():
        mount.read(FOLDER, "state")

    def command():
        mount.write("retry", FOLDER, "ctl")

    assert as_user(NOBODY, gid, read) == 0
    assert as_user(NOBODY, gid, command) == 0
    wait_for(lambda: f"uid {NOBODY}: retry 17" in mount.read("events"))
    assert as_user(NOBODY, NOBODY, read) == errno.EACCES
    assert as_user(NOBODY, NOBODY, command) == errno.EACCES
    assert stat.S_IMODE(os.stat(mount.path(FOLDER, "ctl")).st_mode) == 0o220
    mount.stop()
    mount.options += ",open"
    mount.start()
    mount.wait_read("queued", FOLDER, "state")
    assert as_user(NOBODY, NOBODY, read) == 0
    assert as_user(NOBODY, NOBODY, command) == errno.EACCES
    mount.stop()


def test_refused(world):
    """nothing else can be changed, and nothing breaks"""
    mount, _ = one_recording(world)
    state, ctl = mount.path(FOLDER, "state"), mount.path(FOLDER, "ctl")
    other = mount.path("uploader", "x")
    for function, *args in (
            (os.unlink, state), (os.rmdir, mount.path("streamer/calls")),
            (os.mkdir, other), (os.rename, state, other),
            (os.symlink, "x", other), (os.link, state, other),
            (os.mknod, other), (os.chmod, state, 0o777),
            (os.chown, state, 1, 1), (os.utime, state), (os.utime, ctl),
            (os.truncate, state, 0), (os.open, state, os.O_RDWR),
            (os.open, other, os.O_CREAT | os.O_WRONLY),
            (os.chmod, mount.top, 0o777), (os.unlink, ctl),
            (os.setxattr, state, "user.x", b"y")):
        refused(errno.EPERM, function, *args)
    refused(errno.EINVAL, os.truncate, ctl, 5)
    refused(errno.ENOENT, os.stat, other)
    refused(errno.ENOTSUP, os.getxattr, state, "user.x")
    with open("/dev/urandom", "rb") as noise:
        for size in (1, 100, 5000, 200000):
            fd = os.open(ctl, os.O_WRONLY)
            try:
                os.write(fd, b"\0" + noise.read(size))
            except OSError as error:
                assert error.errno in (errno.EINVAL, errno.EMSGSIZE), error
            os.close(fd)
    assert mount.read(FOLDER, "state") == "failed\n"
    mount.stop()


def test_stopped(world):
    """a daemon that is stopped, hangs or is killed never blocks a read"""
    mount, daemon = one_recording(world)
    daemon.process.suspend()
    assert run("grep", "-r", "", mount.top).returncode == 0
    refused(errno.ETIMEDOUT, mount.write, "retry", FOLDER, "ctl")
    # Its heartbeat is made to look old: nobody waits a quarter of a minute.
    os.utime(os.path.join(mount.control_dir, "uploader", "state"),
             (946684800, 946684800))
    mount.wait_read("hanging", "uploader/state")
    assert mount.read("uploader/why") == \
        "not answering since 2000-01-01T00:00:00Z\n"
    daemon.process.resume()
    daemon.state(state="running")
    mount.wait_read("running", "uploader/state")
    daemon.event("awake")
    wait_for(lambda: " awake\n" in mount.read("events"))
    # What nobody waits for any more has not been run.
    assert mount.read(FOLDER, "state") == "failed\n"
    assert "uploader running\n" in mount.read("summary")
    daemon.process.kill()
    mount.wait_read("stopped", "uploader/state")
    assert mount.read("uploader/why").startswith("stopped since 20")
    assert mount.read("uploader/uptime") == ""
    assert mount.read(FOLDER, "state") == "failed\n"
    mount.daemon("uploader").state(state="running")
    mount.wait_read("running", "uploader/state")
    mount.stop()


def test_stream(world):
    """stream waits, wakes poll, is not listed; fifty readers delay nobody"""
    mount, daemon = one_recording(world)
    stream = mount.path("stream")
    assert "stream" not in os.listdir(mount.top)
    assert stat.S_ISREG(os.stat(stream).st_mode)
    fd = os.open(stream, os.O_RDONLY | os.O_NONBLOCK)
    refused(errno.EAGAIN, os.read, fd, 100)
    poll = select.epoll()
    poll.register(fd, select.EPOLLIN)
    assert not poll.poll(0.1)
    readers = [world.start(["head", "-n", "2", stream], capture=True)
               for _ in range(50)]
    for reader in readers:
        wait_for(lambda: has_open(reader, stream))
    begin = time.monotonic()
    assert len(run("ls", "-lR", mount.top).stdout) > 1000
    assert time.monotonic() - begin < 2
    daemon.event("first")
    assert poll.poll(PATIENCE)
    assert os.read(fd, 1000).endswith(b" first\n")
    daemon.event("second")
    for reader in readers:
        assert reader.wait() == 0
        lines = reader.stdout.read().splitlines()
        assert lines[0].endswith(" first") and lines[1].endswith(" second")
    # A reader can be interrupted.
    cat = world.start(["cat", stream])
    wait_for(lambda: has_open(cat, stream))
    cat.signal(signal.SIGTERM)
    assert cat.wait(5) == -signal.SIGTERM
    os.close(fd)
    mount.stop()


def test_tail(world):
    """tail -f follows events; inotify tells of the end of a state"""
    mount, daemon = one_recording(world)
    daemon.event("one")
    wait_for(lambda: " one\n" in mount.read("events"))
    tail = world.start(["tail", "-n", "1", "-f", "-s", "0.1",
                        mount.path("events")], capture=True)
    assert tail.stdout.readline().endswith(" one\n")
    daemon.event("two")
    assert tail.stdout.readline().endswith(" two\n")
    tail.kill()
    mount.stop()


def test_inotify(world):
    """inotifywait sees a recording leave a state"""
    skip_unless(shutil.which("inotifywait"), "no inotifywait")
    mount, daemon = one_recording(world)
    watch = world.start(["inotifywait", "-P", "-e", "delete_self",
                         mount.path("uploader/by-state/failed/17")])
    watch.wait_log("Watches established")
    daemon.put(17, state="ready", path=PATH)
    assert watch.wait() == 0
    mount.stop()


def test_tools(world):
    """tar, rsync, cp, grep, find, du and df behave"""
    mount, _ = one_recording(world)
    copy = world.folder("copy")
    assert run("cp", "-r", mount.path("uploader/recordings"),
               copy).returncode == 0
    with open(os.path.join(copy, "recordings", *FOLDER.split("/")[2:],
                           "title"), encoding="utf-8") as file:
        assert file.read() == "Café\n"
    tar = run("sh", "-c", f"tar cf - -C '{mount.top}' . | tar tvf -")
    assert tar.returncode == 0 and not tar.stderr, tar.stderr
    assert "/title" in tar.stdout and "/stream\n" not in tar.stdout
    if shutil.which("rsync"):
        assert run("rsync", "-a", mount.path("uploader/recordings"),
                   world.folder("copy2")).returncode == 0
    assert run("grep", "-rl", "rev answered", mount.top).stdout.count(
        "\n") == 2  # why, recordings.tsv
    assert run("find", mount.top, "-name", "title").stdout.count("\n") == 1
    assert run("du", "-s", mount.top).stdout.startswith("0\t")
    assert mount.top not in run("df").stdout
    assert os.statvfs(mount.top).f_blocks == 0
    mount.stop()


def test_hostile(world):
    """names from outside cannot leave the tree or break it"""
    mount = Mount(world)
    daemon = mount.daemon("uploader")
    paths = ["../../../etc/passwd", "a\nb/c\x01.mp4", "x" * 3000,
             b"caf\xe9/\xff\xfe.mp4", "/", "", "same/x.mp4", "same/x.mp4",
             "same/x/y.mp4", ".", "..", "a/./../b.mp4"]
    for number, path in enumerate(paths, 1):
        daemon.put(number, state="ready", path=path, title="a\nb", space_name=(
            "../.." if number % 2 else "two\nlines"))
    daemon.put(99, state="../../x", path="last.mp4")
    mount.wait_read("99", "uploader/recordings/last/id")
    found = run("find", mount.path("uploader/recordings"), "-name", "title")
    assert found.returncode == 0 and not found.stderr
    assert found.stdout.count("\n") == len(paths) + 1
    for folder in ("by-state", "by-space"):
        for where, _, names in os.walk(mount.path("uploader", folder)):
            assert all(os.path.isdir(os.path.join(where, name))
                       for name in names)
    for where, folders, names in os.walk(os.fsencode(mount.top)):
        for name in folders + names:
            name.decode()
            assert b"\n" not in name and len(name) <= 255
            assert os.path.realpath(os.path.join(where, name)).startswith(
                os.fsencode(mount.top))
    mount.stop()


def test_restart(world):
    """kill -9 leaves no stale mount, a second start is refused"""
    mount, _ = one_recording(world)
    mount.process.kill()
    refused(errno.ENOTCONN, os.listdir, mount.top)
    mount.start()
    assert mount.read(FOLDER, "state") == "failed\n"
    second = run(*mount.argv())
    assert second.returncode == 1 and "answers" in second.stderr
    mount.process.suspend()
    second = run(*mount.argv())
    assert second.returncode == 1 and "does not answer" in second.stderr
    mount.process.resume()
    assert run("umount", mount.top).returncode == 0
    assert mount.process.wait() == 0
    # As a daemon: the command returns when the mount is there.
    argv = [word for word in mount.argv() if word != "-f"]
    assert run(*argv).returncode == 0
    assert mount.read(FOLDER, "state") == "failed\n"
    assert run("umount", mount.top).returncode == 0


def test_mount(world):
    """mount(8) and fstab know it by its type"""
    mount, _ = one_recording(world)
    mount.stop()
    # A path without dots: mount(8) takes what follows the last for a subtype.
    program = world.path("upcast-fs")
    os.symlink(os.path.abspath(built("fs/upcast-fs")), program)
    done = run("mount", "-t", "fuse." + program,
               mount.control_dir, mount.top, "-o",
               f"nofail,x-systemd.automount,config={mount.config}")
    assert done.returncode == 0, done.stderr
    assert mount.read(FOLDER, "state") == "failed\n"
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        assert f"fuse.upcast-fs {mount.control_dir} " in file.read()
    assert run("umount", mount.top).returncode == 0
    bad = run(built("fs/upcast-fs"), "-f", "-c", mount.config, mount.top,
              "-o", "uid=5")
    assert bad.returncode == 1 and "uid=5: not an option" in bad.stderr


def test_metrics(world):
    """metrics pass promtool"""
    skip_unless(shutil.which("promtool"), "no promtool")
    mount, _ = one_recording(world)
    daemon = mount.daemon("streamer")
    daemon.state(state="running", calls_total="12", calls_limit="50")
    daemon.put(1, state='odd "\\state', space="x")
    mount.wait_read("50", "streamer/calls_limit")
    # What was worked out before is shown for a second.
    wait_for(lambda: 'upcast_calls_limit{daemon="streamer"} 50\n' in
             mount.read("metrics"))
    text = mount.read("metrics")
    check = run("promtool", "check", "metrics", input=text)
    assert check.returncode == 0 and not check.stderr, check.stderr
    mount.stop()


def test_page(world):
    """index.html shows its neighbours in a browser, foreign text as text"""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    skip_unless(chromium, "no chromium")
    mount, daemon = one_recording(world)
    seen = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60))
    daemon.put(18, state="uploading", path="a.mp4", size="10", bytes_sent="4",
               seen=seen, title="<script>document.title='broken'</script>")
    mount.daemon("streamer").put(3, state="publishing", space="böard")
    mount.wait_read("böard", "streamer/calls/3/space")
    mount.wait_read("40", "uploader/recordings/a/progress")
    handler = functools.partial(Quiet, directory=mount.top)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    shot = world.path("page.png")
    for output in ("--dump-dom", f"--screenshot={shot}"):
        page = subprocess.run(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu",
             f"--user-data-dir={world.folder('browser')}",
             "--virtual-time-budget=3000", output, url],
            capture_output=True, text=True, timeout=60)
        assert page.returncode == 0, page.stderr
        text = page.stdout or text
    server.shutdown()
    picture = ElementTree.parse(mount.path("queue.svg")).getroot()
    assert "1 waiting" in "".join(picture.itertext())
    for part in ('data-ready="1"', 'src="queue.svg', "böard", "uploader running", "rev answered",
                 "&lt;script&gt;document", "<title>upcast</title>"):
        assert part in text, part
    assert os.path.getsize(shot) > 10000
    mount.stop()


def test_many(world):
    """10 000 recordings and 1 000 live calls: memory, and what idling costs"""
    mount = Mount(world)
    mount.daemon("uploader").order("fill", "10000")
    streamer = mount.daemon("streamer")
    streamer.order("fill", "1000")
    wait_for(lambda: len(os.listdir(mount.path("uploader/by-state/ready")))
             == 2500)
    begin = time.monotonic()
    listing = run("ls", "-l", mount.path("uploader/recordings/spaces/space-1"))
    assert listing.stdout.count("\n") == 1001
    print(f"# ls -l of 1 000 recordings: {time.monotonic() - begin:.3f} s")
    run("find", mount.top)
    streamer.order("churn", "1000")
    wait_for(lambda: mount.peek("streamer/calls/1/bitrate"))
    percent = mount.process.cpu_percent(3)
    peak = mount.process.peak_rss_bytes()
    print(f"# {peak / MIB:.1f} MiB at most, "
          f"{percent:.1f} % of a core for 1 000 live calls")
    sanitized = "asan" in open(f"/proc/{mount.process.pid}/maps",
                               encoding="utf-8").read()
    assert sanitized or peak < 64 * MIB
    assert sanitized or percent < 5
    mount.stop()


if __name__ == "__main__":
    tap.main(World, prepare)
