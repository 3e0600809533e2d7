#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""upcast on a host: a new one, over SSH, in other shells, beside a log; and
the examples of the manuals as they stand."""

import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import tap  # noqa: E402
from harness.cli import Cli, Typist  # noqa: E402
from harness.host import Host  # noqa: E402
from harness.mount import skip_without_fuse  # noqa: E402
from harness.paths import source  # noqa: E402
from harness.site import SPACE, Site  # noqa: E402
from harness.tap import skip_unless  # noqa: E402
from harness.uploader import SECRETS, name_of  # noqa: E402
from harness.wait import wait_for  # noqa: E402
from harness.world import World, free_port  # noqa: E402

SSHD = "/usr/sbin/sshd"
NOBODY = "setpriv --reuid 64005 --regid 64005 --clear-groups "


# ---- a new host ------------------------------------------------------------

def test_new_host(world):
    """nothing is set, nothing runs: every command says what to do"""
    host = Host(world)
    for line, status, *texts in (
            ("streamer", 0, "Enabled                 : true\n",
             "SIP interfaces          : tcp any:5060, tls none\n"),
            ("uploader", 0, "Vbrick Rev hostname              : none\n"),
            ("status", 0, "streamer            : never started",
             "uploader            : never started"),
            ("calls", 0), ("recordings", 0), ("events", 0), ("history", 0),
            ("pki list", 0, "User supplied certificates and keys:\n"),
            ("uploader enable", 1, "FAILURE: No NFS share configured: "
             "uploader nfs <host:directory>",
             "FAILURE: No Vbrick Rev host configured",
             "FAILURE: No Vbrick Rev password configured",
             "FAILURE: uploader configuration not complete\n"),
            ("streamer restart", 1, "restart upcast-streamer by hand"),
            ("reload", 1, "FAILURE: neither streamer nor uploader runs"),
            ("hangup 1", 1, "FAILURE: upcast-streamer does not run\n"),
            ("retry 1", 1, "FAILURE: upcast-uploader does not run\n"),
            ("show 1", 1, "FAILURE: no call and no recording has the id 1"),
            ("bridge show", 1, "FAILURE: no bridge is configured: \"uploader "
             "cms host <host>\""),
            ("syslog follow", 1, "FAILURE: there is neither a journal nor a"),
            ("pki inspect tac.cer", 1, "/etc/upcast/certs/tac.cer: No such"),
            ("get streamer.limit", 0, "none\n"),
            ("check", 1, "FAILURE: /etc/upcast/upcast.ini does not exist: the "
             "first setting that is made", "FAILURE: streamer is enabled and "
             "does not run: start it by", "WARNING: anyone may call")):
        result = host.run("upcast " + line)
        assert result.status == status, (line, result.out, result.err)
        for text in texts:
            assert text in result.out, (line, text, result.out)
    done = host.run("upcast streamer enable")
    assert done.out == "SUCCESS: Streamer enabled\n", done.out
    assert done.err == "upcast-streamer does not run: start it\n", done.err
    assert host.read("/etc/upcast/upcast.ini") == \
        "[streamer]\nenabled = true\n"
    out = host.run("upcast check").out
    for text in ("SUCCESS: /etc/upcast/upcast.ini can be read",
                 "TCP port 5060 of any is ",
                 "WARNING: uploader is disabled: \"uploader enable\"\n"):
        assert text in out, (text, out)
    assert "configured" not in out, out
    host.run("upcast uploader nfs 127.0.0.1:rec")
    out = host.run("upcast check uploader").out
    assert out.endswith(
        "FAILURE: No Vbrick Rev host configured: uploader rev host <host>\n"
        "FAILURE: No Vbrick Rev user configured: uploader rev user <user>\n"
        "FAILURE: No Vbrick Rev password configured: uploader rev password\n"
        ), out


def test_not_root(world):
    """not root, not of the group: what may be done, and who may do the rest"""
    host = Host(world)
    host.write("/etc/upcast/upcast.ini", "[streamer]\nlimit = 3\n")
    os.chmod(world.dir, 0o755)
    before = host.read("/etc/upcast/upcast.ini")
    for line, status, text in (
            ("get streamer.limit", 0, "3\n"), ("status", 0, "never started"),
            ("streamer limit 4", 1, "FAILURE: /etc/upcast/upcast.ini: "),
            ("set uploader.rev_password", 1, "FAILURE: /etc/upcast/secrets/"),
            ("pki selfsigned x CN:x", 1, "FAILURE: /etc/upcast/certs/x.key: "),
            ("check", 1, "SUCCESS: /etc/upcast/upcast.ini can be read")):
        result = host.run(f"{NOBODY} upcast {line}", stdin="secret\n")
        assert result.status == status, (line, result.out, result.err)
        assert text in result.out, (line, text, result.out)
        assert line == "check" or ("takes root" in result.err) == status, (
            line, result.err)
    assert host.read("/etc/upcast/upcast.ini") == before
    os.chmod(host.path("/etc/upcast/upcast.ini"), 0o600)
    result = host.run(f"{NOBODY} upcast streamer")
    assert "FAILURE: /etc/upcast/upcast.ini: cannot be read: Permission " \
        "denied" in result.out, result.out


# ---- the log ---------------------------------------------------------------

def test_syslog(world):
    """syslog follow: the daemons' lines of the log, as they come"""
    host = Host(world)
    stamp = "Nov 25 10:00:00.000 daemon.info host "
    host.write("/var/log/syslog", stamp + "streamer-sip[7]: before\n" + stamp +
               "cron[8]: somebody else's\n")
    shell = host.shell("upcast")
    shell.expect("> ")
    shell.type("syslog follow\r")
    shell.expect("streamer-sip[7]: before")
    with open(host.path("/var/log/syslog"), "a", encoding="ascii") as file:
        file.write(stamp + "cron[8]: Uploader is none of mine\n" + stamp +
                   "Uploader[9]: after\n")
    between = shell.expect("Uploader[9]: after")
    assert "cron" not in between, between
    os.rename(host.path("/var/log/syslog"), host.path("/var/log/syslog.1"))
    host.write("/var/log/syslog", stamp + "streamer-sip[7]: rotated\n")
    shell.expect("streamer-sip[7]: rotated", 20)
    shell.type("\x03")
    shell.expect("> ")
    assert shell.wait(key="\x15\x04") == 0


# ---- a service manager -----------------------------------------------------

def test_manager(world):
    """enable, disable, restart and the log go through systemd where it runs"""
    host = Host(world)
    os.makedirs(host.path("/run/systemd/system"))
    host.stand_in("systemctl", 'echo "$@" >>orders; test ! -e broken\n')
    host.stand_in("journalctl", 'echo journalctl "$@"\n')
    for line, status, out in (
            ("streamer enable", 0, "SUCCESS: Streamer enabled\n"),
            ("streamer restart", 0, "SUCCESS: Streamer restarted\n"),
            ("streamer disable", 0, "SUCCESS: Streamer disabled\n"),
            ("-i ulm uploader disable", 0, "SUCCESS: uploader disabled\n")):
        done = host.run("upcast " + line)
        assert (done.status, done.out) == (status, out), (line, done.out)
    with open(os.path.join(host.dir, "orders"), encoding="ascii") as file:
        assert file.read() == (
            "--quiet enable upcast-streamer.service --now\n"
            "--quiet restart upcast-streamer.service\n"
            "--quiet disable upcast-streamer.service --now\n"
            "--quiet disable upcast-uploader@ulm.service --now\n")
    out = host.run("upcast syslog follow").out
    assert out.startswith("journalctl --no-pager --follow"), out
    assert "--identifier=streamer-sip --identifier=Uploader" in out, out
    with open(os.path.join(host.dir, "broken"), "w", encoding="ascii"):
        pass
    done = host.run("upcast streamer enable")
    assert done.status == 1 and done.out == (
        "FAILURE: systemctl enable upcast-streamer.service failed; "
        "\"systemctl status upcast-streamer.service\" says why\n"), done.out


# ---- over SSH --------------------------------------------------------------

class Ssh:
    """sshd on loopback, where root's login shell is what `shell` says."""

    def __init__(self, world, host, shell):
        skip_unless(os.path.exists(SSHD) and shutil.which("ssh"),
                    "openssh is not installed")
        passwd = host.read("/etc/passwd").splitlines()
        passwd[0] = f"root:x:0:0::{host.dir}:{shell}"
        host.write("/etc/passwd", "\n".join(passwd) + "\n")
        host.run("mkdir -p /run/sshd")
        self._host = host
        self._port = free_port()
        self.keys = world.path(host.dir, "authorized_keys")
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "",
                            "-f", os.path.join(host.dir, name)], check=True)
        self.allow("")
        config = world.write("sshd_config", f"""
Port {self._port}
ListenAddress 127.0.0.1
HostKey {host.dir}/host
AuthorizedKeysFile {self.keys}
StrictModes no
UsePAM no
PidFile none
PermitRootLogin yes
""")
        self._daemon = host.start(SSHD, "-D", "-e", "-f", config)
        self._daemon.wait_log("Server listening")

    def allow(self, options):
        """What authorized_keys says in front of the key."""
        with open(os.path.join(self._host.dir, "user.pub"),
                  encoding="ascii") as key, \
                open(self.keys, "w", encoding="utf-8") as keys:
            keys.write(options + " " + key.read())

    def argv(self, *words):
        return ["/usr/bin/ssh", "-q", "-p", str(self._port), "-o",
                "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile="
                "/dev/null", "-i", os.path.join(self._host.dir, "user"),
                "root@127.0.0.1", *words]

    def run(self, command, stdin=""):
        return subprocess.run(self.argv(command), input=stdin, text=True,
                              capture_output=True, timeout=60, check=False)


def check_ssh(ssh):
    done = ssh.run("streamer sip listen a 7000 7001 ; streamer limit 5 ; "
                   "streamer")
    assert done.returncode == 0, done
    assert done.stdout.count("SUCCESS: ") == 2, done
    assert "tcp a:7000, tls a:7001\n" in done.stdout
    done = ssh.run("nonsense ; get streamer.limit")
    assert done.returncode == 1, done
    assert done.stdout == \
        "Unknown command: nonsense; \"help\" lists all\n5\n", done
    done = ssh.run("uploader rev password", stdin="geheim\n")
    assert done.stdout == "SUCCESS: uploader.rev_password is stored\n", done


def test_login_shell(world):
    """as a login shell over SSH: commands, several of them, a session"""
    host = Host(world)
    host.stand_in("shell", f'PATH={host.environment()["PATH"]}\n'
                  "ASAN_OPTIONS=detect_leaks=0\nexport PATH ASAN_OPTIONS\n"
                  'exec upcast "$@"\n')
    ssh = Ssh(world, host, os.path.join(host.bin, "shell"))
    check_ssh(ssh)
    session = Typist(ssh.argv(), host.environment(), world)
    session.expect("> ")
    session.type("get streamer.limit\r")
    session.expect("5")
    session.type("exit\r")
    assert session.wait() == 0


def test_forced_command(world):
    """as the forced command of a key"""
    host = Host(world)
    host.stand_in("forced", f'PATH={host.environment()["PATH"]}\n'
                  'export PATH\nexec upcast\n')
    ssh = Ssh(world, host, "/bin/sh")
    ssh.allow(f'command="{host.bin}/forced"')
    check_ssh(ssh)
    assert ssh.run("id; touch /etc/x").returncode == 1
    assert not os.path.exists(host.path("/etc/x"))


# ---- other shells ----------------------------------------------------------

def shell_with(world, name, *argv, setup=""):
    """A shell on a terminal that knows an `upcast` with a file of its own."""
    skip_unless(shutil.which(argv[0]), argv[0] + " is not installed")
    cli = Cli(world, name)
    program = world.write(f"{name}/bin/upcast", "#!/bin/sh\nexec " + " ".join(
        cli.argv()) + ' "$@"\n', 0o755)
    env = cli.environment()
    env["PATH"] = os.path.dirname(program) + os.pathsep + env["PATH"]
    env["PS1"] = "ready> "
    shell = Typist([shutil.which(argv[0]), *argv[1:]], env, world)
    shell.expect("ready> ")
    shell.type(setup + "\r")
    shell.expect("\n")
    shell.expect("ready> ")
    return cli, shell


def complete(cli, shell):
    shell.type("upcast stre\tsip resol\t10\t\r")
    shell.expect("SUCCESS: streamer.resolution: 1080p")
    shell.expect("ready> ")
    shell.type("upcast set streamer.media_time\t7s\r")
    shell.expect("SUCCESS: streamer.media_timeout: 7s")
    assert cli.ok("get streamer.resolution") == "1080p\n"
    shell.type("exit\r")
    assert shell.wait() == 0


def test_bash(world):
    """completion with the Tab key of a bash"""
    complete(*shell_with(world, "in-bash", "bash", "--norc", "--noprofile",
                         "-i", setup=". " +
                         source("etc/completion/upcast.bash")))


def test_zsh(world):
    """completion with the Tab key of a zsh"""
    folder = source("etc/completion")
    complete(*shell_with(
        world, "in-zsh", "zsh", "-f", "-i", setup="unset zle_bracketed_paste; "
        f"fpath=({folder} $fpath); autoload -U compinit; compinit -u -D"))


def test_fish(world):
    """completion in a fish"""
    skip_unless(shutil.which("fish"), "fish is not installed")
    cli = Cli(world, "in-fish")
    world.write("in-fish/bin/upcast", "#!/bin/sh\nexec " +
                " ".join(cli.argv()) + ' "$@"\n', 0o755)
    env = cli.environment()
    env["PATH"] = os.path.join(cli.dir, "bin") + os.pathsep + env["PATH"]

    def words(line):
        return subprocess.run(
            ["fish", "--no-config", "-c", "source $argv[1]; complete -C "
             "$argv[2]", source("etc/completion/upcast.fish"), line],
            env=env, capture_output=True, text=True,
            check=True).stdout.split()
    assert words("upcast str") == ["streamer"]
    assert sorted(words("upcast streamer sip resolution ")) == [
        "1080p", "720p", "audio"]
    assert words("upcast set uploader.rev_pa") == ["uploader.rev_password"]
    assert words("upcast nonsense ") == []


# ---- the manuals -----------------------------------------------------------

def examples(page):
    """Blocks and single lines of EXAMPLES, in order, prompts taken away."""
    with open(source("man/" + page), encoding="utf-8") as file:
        text = file.read().partition(".Sh EXAMPLES\n")[2]
    text = text.partition("\n.Sh ")[0]
    found = re.findall(r"(?m)^\.Bd -literal.*\n((?:.*\n)*?)\.Ed|^\.Dl (.*)$",
                       text)
    assert found, page
    for block, line in found:
        # mdoc takes such a word for punctuation and moves it to the left.
        assert not re.search(r" [.,:;?!)\]] ", line), line
        block = (block or line + "\n").replace("\\&", "")
        yield re.sub(r"(?m)^[#$] ", "", block)


def prepare(world):
    """A host on which all that the examples name is there."""
    host = Host(world)
    server = world.authority.server()
    for name, path in (("tac.key", server.key), ("tac.cer", server.cert),
                       ("streamer.key", server.key),
                       ("streamer.crt", server.cert)):
        host.write("/etc/upcast/certs/" + name,
                   open(path, encoding="ascii").read())
    for folder in USERS:
        os.makedirs(host.path("/etc/upcast/secrets/" + folder))
    host.write("/etc/upcast/secrets/streamer/townhall_url",
               "rtmp://u:p@media.example.com/live/townhall", 0o600)
    with open(os.path.join(host.dir, "password-file"), "w",
              encoding="ascii") as file:
        file.write("geheim\n")
    host.stand_in("ssh", 'test "$1" = admin@host && exec upcast -c "$2"\n')
    host.stand_in("systemd-ask-password", "echo geheim\n")
    return host


USERS = ("streamer", "uploader")


def run_commands(host, text):
    done = host.run("set -e\n" + text)
    assert done.status == 0, (text, done.out, done.err)
    assert "FAILURE" not in done.out, (text, done.out)
    return done.out


def test_examples_upcast(world):
    """the examples of upcast(1)"""
    host = prepare(world)
    for text in examples("upcast.1"):
        assert "SUCCESS: " in run_commands(host, text), text
    assert "geheim" in host.read("/etc/upcast/secrets/uploader/rev_password")
    assert "SIP interfaces          : tcp a:7000, tls a:7001\n" in \
        run_commands(host, "upcast streamer")


def test_examples_settings(world):
    """the examples of upcast.ini(5): daemons take them, commands work"""
    host = prepare(world)
    found = list(examples("upcast.ini.5"))
    settings = [text for text in found if text.startswith("[")]
    for text in found:
        if text not in settings:
            run_commands(host, text)
    for text in settings:
        host.write("/etc/upcast/upcast.ini", text)
        instance = re.match(r"\[uploader (\w+)\]", text)
        run_commands(host, "upcast-uploader -n" + (
            " -i " + instance.group(1) if instance else ""))
        run_commands(host, "upcast-streamer -n")
    path = host.path("/etc/upcast/secrets/uploader/cms_password")
    assert os.stat(path).st_mode & 0o777 == 0o640
    assert os.stat(path).st_gid == 64002


def test_examples_streamer(world):
    """the examples of upcast-streamer(8)"""
    skip_without_fuse()
    host = prepare(world)
    settings = ""
    for text in examples("upcast-streamer.8"):
        if not text.startswith("["):
            continue
        settings += text
        host.write("/etc/upcast/upcast.ini", settings)
        run_commands(host, "upcast-streamer -n")
    host.write("/etc/upcast/upcast.ini", settings.replace(
        "a 5060 5061", f"127.0.0.1 {free_port()} {free_port()}") +
        "[upcast]\ngroup = root\n")
    daemon = host.start("upcast-streamer", "-f")
    daemon.wait_log(" started")
    os.makedirs(host.path("/run/upcast-fs"))
    view = host.start("upcast-fs", "-f")
    view.wait_log(" is mounted on ")
    commands = [text for text in examples("upcast-streamer.8")
                if not text.startswith("[")]
    assert commands
    for text in commands:
        run_commands(host, text)
    assert "trace on" in daemon.log_text()
    assert [view.stop(), daemon.stop()] == [0, 0]


def test_examples_uploader(world):
    """the examples of upcast-uploader(8)"""
    host, site = prepare(world), Site(world, share=world.folder("share"))
    uploader = site.uploader(start=False, settings={
        "journal": "/var/lib/upcast/uploader/journal.db", "rev_user":
        "uploader", "cospace_member_access": "none"})
    with open(uploader.config, encoding="utf-8") as file:
        text = re.sub(r"(?m)^(control_dir|secrets_dir) = .*\n", "",
                      file.read())
    host.write("/etc/upcast/upcast.ini", text)
    for name, secret in SECRETS.items():
        host.write("/etc/upcast/secrets/uploader/" + name, secret, 0o600)
    site.put_bytes(SPACE, name_of(0), b"\0\0\0\x08ftyp")
    daemon = host.start("upcast-uploader", "-f")
    wait_for(lambda: host.run("ls /run/upcast/uploader/jobs/*").status == 0,
             what="a recording")
    out = "".join(run_commands(host, text)
                  for text in examples("upcast-uploader.8"))
    for want in ("settings are in order", "SUCCESS: it is deleted again",
                 "why="):
        assert want in out, out
    assert daemon.stop() == 0


if __name__ == "__main__":
    tap.main(World, tidy=True, slow=True)
