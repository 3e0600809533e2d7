#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The units under systemd, in the virtual machine of tests/check-systemd.sh: the
packages are installed, servers run beside them, and an administrator sets all
up by the command line."""

import grp
import os
import pwd
import shutil
import stat
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import tap  # noqa: E402
from harness.caller import ClipCaller  # noqa: E402
from harness.media import make_mp4  # noqa: E402
from harness.rtmp import Nginx  # noqa: E402
from harness.uploader import (CMS_USER, REV_USER, SECRETS, SPACES,  # noqa: E402
                              cms_seed, rev_seed)
from harness.wait import wait_for  # noqa: E402
from harness.world import World  # noqa: E402

UNITS = ("upcast-uploader", "upcast-streamer", "upcast-fs")
TOP = "/run/upcast-fs"
CERTS = "/etc/upcast/certs"
SIPS = 5061


class Shared:
    """What runs beside."""
    nfs = rev = cms = nginx = clip = None
    recordings = 0


def run(*argv, check=True, **options):
    done = subprocess.run([str(word) for word in argv], text=True, timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          **options)
    assert not check or done.returncode == 0, \
        f"{argv}: {done.returncode}: {done.stdout}"
    return done.stdout.strip()


def upcast(line, **options):
    """A command of an administrator, who repeats it where the emulated daemon
    is too slow to answer within the second that it has."""
    for _ in range(5):
        said = run("upcast", *line.split(), check=False, **options)
        if "timed out" not in said:
            break
    assert "FAILURE" not in said or line == "check", (line, said)
    return said


def show(unit, key):
    return run("systemctl", "show", "-P", key, unit)


def journal(unit):
    return run("journalctl", "-b", "-o", "cat", "-u", unit)


def is_active(unit):
    return run("systemctl", "is-active", unit, check=False) == "active"


def read(*names):
    with open(os.path.join(TOP, *names), encoding="utf-8") as file:
        return file.read().strip()


def says(text, *names):
    try:
        return read(*names) == text
    except OSError:
        return False


def record():
    """A recording on the share, and the folder where it is to be seen."""
    Shared.recordings += 1
    folder = "spaces/" + SPACES["Weekly"]
    stem = f"202611241031{Shared.recordings:02}+0100"
    Shared.nfs.put(Shared.clip, folder, stem + ".mp4")
    return f"uploader/recordings/{folder}/{stem}"


def upload():
    folder = record()
    wait_for(lambda: says("ready", folder, "state"), 60, lambda: run(
        "upcast", "status", check=False) + "\n" + journal(
            "upcast-uploader")[-2000:])


def call(world, stream):
    """A call over TLS and SRTP that is published."""
    ClipCaller(world, Shared.clip, SIPS, "-T", "-C", CERTS + "/streamer.crt",
               "-s", "AES_CM_128_HMAC_SHA1_80", "-u", Shared.nginx.url(stream),
               "-t", "600", user=stream)
    wait_for(lambda: Shared.nginx.recordings(stream), 30,
             lambda: journal("upcast-streamer")[-2000:])


def prepare(world):
    # With loopback alone, no name is looked up, not even 127.0.0.1.
    run("ip", "link", "add", "site", "type", "dummy")
    run("ip", "addr", "add", "192.0.2.1/24", "dev", "site")
    run("ip", "link", "set", "site", "up")
    run("sysctl", "-p", "/usr/share/doc/upcast-common/examples/"
        "upcast.sysctl")
    Shared.clip = make_mp4(world.path("clip.mp4"), sample_rate=32000)
    Shared.nfs = world.nfs()
    Shared.rev = world.rev(seed=rev_seed())
    Shared.cms = world.cms(seed=cms_seed())
    Shared.nginx = Nginx(world)
    shutil.copy(world.authority.bundle, CERTS + "/site.crt")
    for name, groups in (("keeper", "upcast"), ("visitor", "")):
        run("useradd", "-M", "-G", groups, name)


def test_boot(world):
    """the system is up; users, groups and folders are there"""
    assert not run("systemctl", "--failed", "--no-legend", "--plain")
    for name in ("upcast-uploader", "upcast-streamer"):
        assert name in grp.getgrnam("upcast").gr_mem
        assert pwd.getpwnam(name).pw_shell.endswith("nologin")
    for path, mode, owner, group in (
            ("/run/upcast", 0o755, "root", "upcast"),
            ("/run/upcast/uploader", 0o2750, "upcast-uploader", "upcast"),
            ("/run/upcast/streamer", 0o2750, "upcast-streamer", "upcast"),
            ("/etc/upcast/secrets/uploader", 0o750, "root",
             "upcast-uploader"),
            ("/etc/upcast/secrets/streamer", 0o750, "root",
             "upcast-streamer"),
            ("/var/lib/upcast/uploader", 0o750, "upcast-uploader",
             "upcast-uploader")):
        st = os.stat(path)
        assert (stat.S_IMODE(st.st_mode), pwd.getpwuid(st.st_uid).pw_name,
                grp.getgrgid(st.st_gid).gr_name) == (mode, owner, group), \
            (path, oct(st.st_mode), st)


def test_verify(world):
    """systemd finds nothing wrong with the units"""
    for unit in UNITS + ("upcast-uploader@east",):
        assert not run("systemd-analyze", "verify", "--man=no",
                       unit + ".service")
        level = run("systemd-analyze", "security", "--no-pager",
                    unit + ".service", check=False).splitlines()[-1]
        print(f"# {level}")


def test_setup(world):
    """an administrator's commands end in three running units"""
    for line in (
            "pki selfsigned streamer CN:localhost subjectAltName:127.0.0.1",
            "streamer sip certs streamer.key streamer.crt",
            f"streamer sip listen lo none {SIPS}",
            "uploader nfs 127.0.0.1:/rec",
            f"set uploader.nfs_port {Shared.nfs.port}",
            f"set uploader.nfs_mount_port {Shared.nfs.mount_port}",
            "set uploader.scan_interval 1s", "set uploader.settle_time 1s",
            "set uploader.status_interval 500ms",
            "set uploader.index_grace 3s",
            "set uploader.nfs_uid 0", "set uploader.nfs_gid 0",
            "uploader cms host 127.0.0.1",
            f"uploader cms port {Shared.cms.port}",
            f"uploader cms user {CMS_USER}", "uploader cms trust site.crt",
            "uploader rev host 127.0.0.1",
            f"uploader rev port {Shared.rev.port}",
            f"uploader rev user {REV_USER}", "uploader rev trust site.crt"):
        upcast(line)
    for place in ("cms", "rev"):
        upcast(f"uploader {place} password",
               input=SECRETS[place + "_password"] + "\n")
    upcast("uploader enable")
    upcast("streamer enable")
    run("systemctl", "enable", "--now", "upcast-fs")
    for unit in UNITS:
        assert is_active(unit), journal(unit)
        assert run("systemctl", "is-enabled", unit) == "enabled"
    said = upcast("check")
    # The unit's limit, which is not the one of this shell.
    assert "SUCCESS: enough files may be open for " in said, said
    print("# " + said.replace("\n", "\n# "))


def test_work(world):
    """a recording is uploaded, a call published, both seen in the mount"""
    upload()
    call(world, "first")
    wait_for(lambda: os.listdir(TOP + "/streamer/by-state/publishing"))
    assert "uploader.ready 1" in read("summary")


def test_quiet(world):
    """nothing was refused to the units, nothing warned of"""
    for unit in UNITS:
        for line in journal(unit).splitlines():
            low = line.lower()
            assert "not permitted" not in low and "denied" not in low and \
                "warning" not in low, (unit, line)
        assert show(unit, "NRestarts") == "0"
        print(f"# {unit}: {show(unit, 'MemoryCurrent')} bytes, "
              f"{show(unit, 'TasksCurrent')} tasks")


def as_user(name, line):
    return subprocess.run(["runuser", "-u", name, "--", "sh", "-c", line],
                          capture_output=True, text=True, timeout=30)


def test_group(world):
    """members of the group read and command, others do neither"""
    for line in (f"cat {TOP}/summary", "cat /run/upcast/uploader/state",
                 "upcast status", f"echo pause > {TOP}/uploader/ctl",
                 "upcast uploader resume"):
        done = as_user("keeper", line)
        assert done.returncode == 0, (line, done)
        done = as_user("visitor", line)
        assert done.returncode or line == "upcast status", (line, done)
    assert as_user("visitor", "ls -l /run").returncode == 0
    for path in ("/etc/upcast/secrets/uploader", "/var/lib/upcast/uploader"):
        assert as_user("keeper", f"ls {path}").returncode
        assert as_user("upcast-streamer", f"ls {path}").returncode
    secret = "/etc/upcast/secrets/uploader/rev_password"
    assert as_user("upcast-uploader", f"cat {secret}").returncode == 0
    assert as_user("upcast-streamer", f"cat {secret}").returncode


def test_reload(world):
    """systemctl reload takes settings in, nothing is interrupted"""
    pids = [show(unit, "MainPID") for unit in UNITS]
    upcast("set streamer.limit 7")
    for unit in UNITS:
        run("systemctl", "reload", unit)
    wait_for(lambda: says("7", "streamer/calls_limit"))
    assert [show(unit, "MainPID") for unit in UNITS] == pids
    assert os.listdir(TOP + "/streamer/by-state/publishing")


def test_command_line(world):
    """upcast streamer restart, disable and enable go through systemd"""
    pid = show("upcast-streamer", "MainPID")
    upcast("streamer restart")
    assert show("upcast-streamer", "MainPID") not in (pid, "0")
    upcast("streamer disable")
    assert not is_active("upcast-streamer")
    assert run("systemctl", "is-enabled", "upcast-streamer",
               check=False) == "disabled"
    assert says("stopped", "streamer/state")
    upcast("streamer enable")
    assert is_active("upcast-streamer")
    call(world, "second")
    pid = show("upcast-uploader", "MainPID")
    upcast("uploader restart")
    assert show("upcast-uploader", "MainPID") not in (pid, "0")
    upload()


def test_log(world):
    """syslog follow shows the daemons' lines of the journal, and no others"""
    follow = world.start(["upcast", "syslog", "follow"], name="follow")
    run("logger", "-t", "stranger", "somebody else's")
    for unit, tag in (("uploader", "Uploader"), ("streamer", "streamer-sip")):
        upcast(unit + " restart")
        follow.wait_log(f" {tag}[{show('upcast-' + unit, 'MainPID')}]: ")
    assert "somebody else's" not in follow.log_text(), follow.log_text()
    call(world, "logged")
    upload()


def main_pid(unit, but):
    pid = show(unit, "MainPID")
    return pid if is_active(unit) and pid not in ("0", but) else None


def test_killed(world):
    """what is killed comes back; the mount is never stale for long"""
    for unit in UNITS:
        pid = show(unit, "MainPID")
        os.kill(int(pid), 9)
        wait_for(lambda: main_pid(unit, pid), 30, unit)
    wait_for(lambda: says("running", "uploader/state"), 20)
    upload()
    call(world, "third")


def test_frozen_mount(world):
    """daemons start while the mount does not answer"""
    pid = int(show("upcast-fs", "MainPID"))
    os.kill(pid, 19)
    try:
        for unit in UNITS[:2]:
            run("systemctl", "restart", unit)
            assert is_active(unit)
    finally:
        os.kill(pid, 18)
    wait_for(lambda: says("running", "uploader/state"), 20)


def test_watchdog(world):
    """who hangs is ended by the watchdog, and started again"""
    for unit in UNITS:
        folder = f"/run/systemd/system/{unit}.service.d"
        os.makedirs(folder, exist_ok=True)
        with open(folder + "/watchdog.conf", "w", encoding="ascii") as file:
            file.write("[Service]\nWatchdogSec=2\n")
    run("systemctl", "daemon-reload")
    for unit in UNITS:
        run("systemctl", "restart", unit)
    # Well alive, the watchdog is fed.
    time.sleep(5)
    for unit in UNITS:
        assert show(unit, "NRestarts") == "0", journal(unit)
        pid = show(unit, "MainPID")
        os.kill(int(pid), 19)
        wait_for(lambda: main_pid(unit, pid), 60, unit)
    wait_for(lambda: says("running", "uploader/state"), 30)


def test_instance(world):
    """a second uploader is an instance of the unit"""
    with open("/etc/upcast/upcast.ini", "a", encoding="utf-8") as file:
        file.write("\n[uploader east]\nnfs_directory = /rec\n")
    run("systemctl", "start", "upcast-uploader@east")
    wait_for(lambda: says("running", "uploader@east/state"), 20,
             lambda: journal("upcast-uploader@east"))
    run("systemctl", "stop", "upcast-uploader@east")


def test_fstab(world):
    """fstab's line is a mount unit that starts and stops"""
    with open("/etc/fstab", "a", encoding="utf-8") as file:
        file.write("/run/upcast /mnt fuse.upcast-fs nofail,noauto 0 0\n")
    run("systemctl", "daemon-reload")
    run("systemctl", "start", "mnt.mount")
    assert os.path.exists("/mnt/summary")
    run("systemctl", "stop", "mnt.mount")
    assert not os.path.ismount("/mnt")


def test_stop(world):
    """a stop ends in order, and leaves what was said last"""
    begin = time.monotonic()
    for unit in UNITS:
        run("systemctl", "stop", unit)
        assert show(unit, "Result") == "success", journal(unit)
    print(f"# {time.monotonic() - begin:.1f} s")
    assert not os.path.ismount(TOP)
    for folder in ("streamer", "uploader"):
        with open(f"/run/upcast/{folder}/state", encoding="ascii") as file:
            assert "\nstate=stopped\n" in file.read()
    for unit in UNITS:
        run("systemctl", "start", unit)
    wait_for(lambda: says("running", "uploader/state"), 20)


if __name__ == "__main__":
    tap.main(World, prepare)
