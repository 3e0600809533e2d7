#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""upcast: the guide's commands one by one and typed, and its settings file."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from secrets import token_hex

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import tap  # noqa: E402
from harness.cli import Cli  # noqa: E402
from harness.leaks import find_leaks, new_secret  # noqa: E402
from harness.mount import Daemon  # noqa: E402
from harness.paths import built  # noqa: E402
from harness.uploader import SECRETS, Uploader, cms_seed  # noqa: E402
from harness.wait import wait_for  # noqa: E402
from harness.world import World, free_port  # noqa: E402

# Ctrl-U and Ctrl-D: what came too early for a key is dropped first.
END = "\x15\x04"
URL_PASSWORD = "hush-hush"

STREAMER = """\
Enabled                 : false
SIP interfaces          : tcp a:7000, tls a:7001
SIP key file            : tac.key
SIP certificate file    : tac.cer
SIP CA Bundle file      : none
SIP Resolution          : 720p
SIP traffic trace       : Disabled
Call Limit              : none
"""

UPLOADER = """\
Enabled                          : false
NFS hostname                     : 192.168.15.38
NFS directory                    : Recording
CMS host                         : join.mextp.local
CMS port                         : 445
CMS user                         : apiadmin
CMS trust bundle                 : ROOTCA.cer
Vbrick Rev hostname              : rev.example.com
Vbrick Rev port                  : 443
Vbrick Rev username              : tacuser
Vbrick Rev trust bundle          : brick.cer
View access                      : Public
cospace_member_access            : edit
recording_owned_by_cospace_owner : false
fallback_owner                   : admin
comments_enabled                 : true
ratings_enabled                  : true
downloads_enabled                : true
active_upon_upload               : true
delete_after_upload              : false
"""

UPLOADER_COMMANDS = """\
uploader nfs 192.168.15.38:Recording
uploader cms host join.mextp.local
uploader cms port 445
uploader cms user apiadmin
uploader cms trust ROOTCA.cer
uploader rev host rev.example.com
uploader rev port 443
uploader rev user tacuser
uploader rev trust brick.cer
uploader access Public
uploader cospace_member_access edit
uploader recording_owned_by_cospace_owner false
uploader fallback_owner admin
uploader comments enable
uploader ratings enable
uploader downloads enable
uploader initial_state active
uploader delete_after_upload false
""".splitlines()


def with_certificates(world, name):
    cli = Cli(world, name)
    server = world.authority.server()
    cli.put_cert(server.key, "tac.key")
    cli.put_cert(server.cert, "tac.cer")
    cli.put_cert(world.authority.bundle, "ROOTCA.cer")
    cli.put_cert(world.authority.bundle, "brick.cer")
    return cli


def test_streamer(world):
    """streamer: the guide's commands, listing and lines"""
    cli = with_certificates(world, "streamer")
    assert cli.ok("streamer disable") == "SUCCESS: Streamer disabled\n"
    cli.ok("streamer sip listen a 7000 7001")
    assert cli.fail("streamer enable") == (
        "FAILURE: TLS port set but no certificates configured\n"
        "FAILURE: Streamer configuration not complete\n")
    cli.ok("streamer sip certs tac.key tac.cer")
    assert cli.ok("streamer") == STREAMER
    assert cli.ok("streamer enable") == (
        "SUCCESS: Key and certificate pair match\n"
        "SUCCESS: Streamer enabled\n")
    assert "Enabled                 : true\n" in cli.ok("streamer")
    cli.ok("streamer sip listen a none 7001")
    assert "SIP interfaces          : tcp none, tls a:7001\n" in \
        cli.ok("streamer")
    cli.ok("streamer sip certs none")
    cli.ok("streamer sip listen a 7000 none")
    assert cli.ok("streamer enable") == "SUCCESS: Streamer enabled\n"


def test_streamer_settings(world):
    """resolution, limit, trace, and what is no value"""
    cli = with_certificates(world, "st-settings")
    cli.ok("streamer sip resolution 1080p ; streamer limit 6 ; "
           "streamer sip traffic_trace enable ; streamer sip listen 1 2")
    listing = cli.ok("streamer")
    assert "SIP Resolution          : 1080p\n" in listing
    assert "Call Limit              : 6\n" in listing
    assert "SIP traffic trace       : Enabled\n" in listing
    assert "tcp any:1, tls any:2\n" in listing
    cli.ok("streamer sip listen a 7000 7000")  # the first byte tells
    assert "tcp a:7000, tls a:7000\n" in cli.ok("streamer")
    before = cli.read()
    for line in ("streamer sip resolution 4k", "streamer limit 501",
                 "streamer limit -1", "streamer sip listen a 0 none",
                 "streamer sip listen a none none",
                 "streamer sip listen a 70000 none",
                 "streamer sip certs missing.key missing.crt",
                 "streamer sip certs tac.key", "streamer sip",
                 "tls sip min-tls-version 1.0",
                 "uploader cms port 0", "uploader nfs nonsense",
                 "uploader cms trust missing.pem"):
        cli.fail(line)
    assert cli.read() == before


def test_enable(world):
    """a daemon that would not take its settings is not enabled"""
    cli = with_certificates(world, "enable")
    cli.ok("streamer disable")
    for line, said in (("set streamer.limit many", "streamer.limit: "),
                       ("set streamer.allow_from 192.0.2.0/99", "allow_from"),
                       ("set streamer.sip_listen 7000", "sip_listen: ")):
        cli.ok(line)
        result = cli.line("streamer enable")
        assert result.status == 1 and said in result.err, result.err
        assert result.out == "FAILURE: Streamer configuration not complete\n"
        assert "enabled = false" in cli.read()
        cli.ok("unset " + line.split()[1])
    assert cli.ok("streamer enable") == "SUCCESS: Streamer enabled\n"


def test_wrong_pairs(world):
    """keys and certificates that are no pair, expired or nothing of it"""
    cli = with_certificates(world, "pairs")
    other = world.authority.issue("other")
    expired = world.authority.expired()
    early = world.authority.not_yet_valid()
    cli.put_cert(other.cert, "other.cer")
    cli.put_cert(expired.cert, "expired.cer")
    cli.put_cert(expired.key, "expired.key")
    cli.put_cert(early.cert, "early.cer")
    cli.put_cert(early.key, "early.key")
    for key, cert, text in (
            ("tac.key", "other.cer", "Key and certificate pair do not match"),
            ("expired.key", "expired.cer", "expired on 20"),
            ("early.key", "early.cer", "not valid before 20"),
            ("tac.cer", "tac.cer", "holds no private key"),
            ("tac.key", "tac.key", "holds no certificate")):
        cli.ok(f"streamer sip certs {key} {cert}")
        out = cli.fail("streamer enable")
        assert text in out, out
        assert out.endswith(
            "FAILURE: Streamer configuration not complete\n"), out


def test_uploader(world):
    """uploader: the guide's commands, listing and lines"""
    cli = with_certificates(world, "uploader")
    passwords = {"cms": new_secret(), "rev": new_secret()}
    for line in UPLOADER_COMMANDS:
        assert cli.ok(line).startswith("SUCCESS: "), line
    assert cli.ok("uploader") == UPLOADER
    out = cli.fail("uploader enable")
    assert out.count("FAILURE: No ") == 2 and "password" in out, out
    for name, password in passwords.items():
        cli.ok(f"uploader {name} password", stdin=password + "\n")
        path = os.path.join(cli.secrets, "uploader", name + "_password")
        assert os.stat(path).st_mode & 0o777 == 0o640
        with open(path, encoding="utf-8") as file:
            assert file.read() == password
    assert cli.ok("uploader enable") == "SUCCESS: uploader enabled\n"
    assert cli.ok("uploader disable") == "SUCCESS: uploader disabled\n"
    leaks = find_leaks(passwords, [cli.dir], skip=[cli.secrets])
    assert not leaks, leaks


def test_one_shot(world):
    """as arguments, as one word, as a login shell and as a forced command"""
    cli = Cli(world, "oneshot")
    commands = "streamer limit 7 ; streamer sip resolution audio"
    for result in (cli.run(*commands.split()), cli.run(commands),
                   cli.line(commands)):
        assert result.status == 0, result.out
        assert result.out.count("SUCCESS: ") == 2, result.out
    forced = subprocess.run(
        cli.argv(), env={**cli.environment(),
                         "SSH_ORIGINAL_COMMAND": "get streamer.limit"},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    assert forced.stdout == "7\n"
    bad = cli.line("nonsense ; streamer limit 8")
    assert bad.status == 1
    assert bad.out.startswith("Unknown command: nonsense; "), bad.out
    assert cli.ok("get streamer.limit") == "8\n"
    script = cli.run(stdin="# a script\nget streamer.limit\nversion\n")
    assert script.out.startswith("8\nupcast "), script.out


def test_disk_full(world):
    """an answer that could not be written is no success"""
    cli = Cli(world, "full")
    for words in (["streamer"], ["streamer", "--json"], ["help"]):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run(cli.argv(*words), stdout=full, text=True,
                                  stderr=subprocess.PIPE, check=False)
        assert done.returncode == 1, words
        assert "could be written" in done.stderr, done.stderr


def test_json(world):
    """--json says the same to programs"""
    cli = Cli(world, "json")
    cli.ok("uploader fallback_owner zoë ; streamer limit 9")
    assert json.loads(cli.ok("streamer --json"))["call_limit"] == "9"
    listing = json.loads(cli.ok("uploader --json"))
    assert listing["fallback_owner"] == "zoë"
    assert len(listing) == 20


LISTINGS = {"streamer", "uploader", "tls sip", "pki list", "status", "calls",
            "recordings", "show", "events", "bridge show"}


def test_json_everywhere(world):
    """whatever lists takes --json, and what it then prints is JSON"""
    settings = bridge_settings(world, world.cms(seed=cms_seed()))
    cli = Scene(world, "lists", settings).cli
    cli.ok("uploader cms password", stdin=SECRETS["cms_password"] + "\n")
    found = {line.split(" <")[0].split(" [")[0]
             for line in cli.ok("help").splitlines() if "--json]" in line}
    assert found == LISTINGS, found ^ LISTINGS
    for words in found - {"show"} | {"show 9", "show 7-2", "calls --all",
                                     "recordings failed"}:
        json.loads(cli.ok(f"{words} --json"))
        json.loads(cli.ok(f"{words.split()[0]} --json " +
                          " ".join(words.split()[1:])))


def test_unknown(world):
    """unknown words are answered with the nearest known ones"""
    cli = Cli(world, "unknown")
    for line, answer in (
            ("stremaer", "Unknown command: stremaer; did you mean streamer?"),
            ("uploader cms hots x",
             "Unknown command: uploader cms hots; did you mean host?"),
            ("streamer sip resolution 721p", "did you mean 720p?"),
            ("get uploader.rev_prot", "rev_port"),
            ("set uplaoder.rev_port 1", "uploader")):
        out = cli.fail(line)
        assert answer in out, out


def test_help(world):
    """help, license and version; every line of help is a command"""
    cli = Cli(world, "help")
    lines = cli.ok("help").splitlines()
    assert len(lines) > 70 and all(len(line) < 130 for line in lines), lines
    assert any(re.match(r"uploader cms port <port> +port of the bridge's API$",
                        line) for line in lines), lines
    some = cli.ok("help uploader rev").splitlines()
    assert len(some) == 5 and all(line.startswith("uploader rev ")
                                  for line in some), some
    assert cli.ok("?") == cli.ok("help")
    assert "did you mean uploader?" in cli.fail("help uplaoder")
    assert cli.fail("pki").startswith("Usage: pki csr <basename>")
    assert "No license is needed" in cli.ok("license")
    assert re.fullmatch(r"upcast \d\S+\n", cli.ok("version"))


def test_settings(world):
    """get, set and unset; secrets and URLs are not shown"""
    cli = Cli(world, "settings")
    secret = new_secret()
    cli.ok("set uploader.parallel 4")
    assert cli.ok("get uploader.parallel") == "4\n"
    cli.ok("unset uploader.parallel")
    assert cli.ok("get uploader.parallel") == "2\n"
    cli.ok("set streamer.default_url rtmp://u:hush@h/app/s")
    assert "hush" not in cli.ok("get streamer.default_url")
    out = cli.ok("set route.hall rtmp://u:hush@h/app/s")
    assert "hush" not in out + cli.ok("get route.hall")
    out = cli.ok("set streamer.default_url rtmp://h/app/hush, "
                 "rtmp://i/app/hush")
    assert "hush" not in out, out
    out = cli.ok("get streamer.default_url")
    assert out == "rtmp://h/app/***, rtmp://i/app/***\n", out
    assert "secret" in cli.fail("get uploader.rev_password")
    assert "asked for" in cli.fail("set uploader.rev_password x")
    cli.ok("set uploader.rev_api_secret", stdin=secret + "\n")
    assert secret not in cli.read()
    assert "1 to 65535" in cli.fail("set uploader.rev_port 70000")
    assert cli.run("-i", "b", "uploader", "rev", "port", "444").status == 0
    assert cli.ok("get uploader.rev_port") == "443\n"
    assert cli.run("-i", "b", "get uploader.rev_port").out == "444\n"


def test_secrets(world):
    """secrets: not in arguments of programs, not in answers"""
    cli = Cli(world, "secrets")
    secret = token_hex(8)
    log = world.path("secrets", "log")
    folder = world.folder("secrets", "bin")
    for name in ("upcast-streamer", "upcast-uploader"):
        world.write(f"secrets/bin/{name}",
                    f'#!/bin/sh\necho "$0 $@" >>{log}\nenv >>{log}\n', 0o755)
    cli.variables = {"PATH": folder + os.pathsep + os.environ["PATH"]}
    url = f"rtmp://u:{secret}@h/live/x"
    said = [cli.ok("uploader rev password", stdin=secret + "\n"),
            cli.ok("set streamer.default_url", stdin=url + "\n"),
            cli.ok("set route.x " + url), cli.ok("get route.x"),
            cli.ok("get streamer.default_url"),
            cli.fail("get uploader.rev_password"),
            cli.fail("uploader rev password " + secret),
            cli.fail("set uploader.rev_password " + secret),
            cli.fail("set streamer.limit"),
            cli.ok("uploader nfs h:d ; uploader rev host h ; uploader rev "
                   "user u"),
            cli.line("check").out, cli.ok("uploader"), cli.ok("streamer"),
            cli.ok("status --json")]
    assert not [text for text in said if secret in text], said
    with open(log, encoding="utf-8") as file:
        text = file.read()
    assert text.count("--probe") == 2 and secret not in text, text


def handshake(port, version):
    """Whether a client with that version of TLS gets through."""
    return subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", version],
        stdin=subprocess.DEVNULL, capture_output=True, check=False,
        timeout=20).returncode == 0


def test_real_streamer(world):
    """the guide's commands end in a streamer that runs; tls sip is obeyed"""
    cli = with_certificates(world, "real-st")
    tcp, tls = free_port(), free_port()
    cli.ok("streamer disable")
    cli.ok(f"streamer sip listen 127.0.0.1 {tcp} {tls}")
    cli.ok("streamer sip certs tac.key tac.cer ; tls sip trust ROOTCA.cer ; "
           "set streamer.drain_time 0s")
    streamer = world.start([built("streamer/upcast-streamer"), "-f", "-c",
                            cli.config])
    wait_for(lambda: "running" in cli.ok("status") or
             "disabled" in cli.ok("status"), what="status")
    assert cli.ok("streamer enable").endswith("SUCCESS: Streamer enabled\n")
    assert "SIP CA Bundle file      : none\n" in cli.ok("streamer")
    assert "ROOTCA.cer" in cli.ok("tls sip")
    assert handshake(tls, "-tls1_2")
    cli.ok("tls sip min-tls-version 1.3 ; reload streamer")
    assert not handshake(tls, "-tls1_2") and handshake(tls, "-tls1_3")
    cli.ok("tls sip min-tls-version 1.2 ; reload")
    cli.ok("tls sip ciphers ECDHE-ECDSA-AES256-GCM-SHA384 ; reload")
    assert handshake(tls, "-tls1_2")
    cli.ok("tls sip ciphers NONSENSE")
    assert "sip_ciphers" in cli.fail("reload")
    cli.ok("tls sip ciphers none ; reload ; streamer drain ; streamer resume")
    assert "does not run" not in cli.line("check streamer").out
    assert streamer.stop() == 0


def test_edits_by_hand(world):
    """comments and order survive a hundred sets"""
    cli = Cli(world, "hand", "# hand-made: keep me\n\n"
              "[uploader]\n; rev_port = 443\n\n\trev_host   =  x.example\n"
              "# last word\n")
    before = cli.read()
    keys = ("parallel", "rev_port", "cms_port", "title")
    script = [f"set uploader.{keys[number % 4]} {number % 30 + 1}\n"
              for number in range(100)]
    assert cli.run(stdin="".join(script)).status == 0
    kept = [line for line in cli.read().splitlines()
            if not line.startswith(keys)]
    assert kept == before.splitlines(), cli.read()
    assert "; rev_port = 443\nrev_port = 8\n" in cli.read(), cli.read()
    assert cli.run(stdin="".join(f"unset uploader.{key}\n"
                                 for key in keys)).status == 0
    assert cli.read() == before


def test_power_cut(world):
    """a power cut at any step of a change leaves the file as it was, or new"""
    cli = Cli(world, "cut", "# a comment\n[streamer]\nlimit = 1\n")
    before = cli.read()
    after = before.replace("limit = 1", "limit = 2")
    crash = {"LD_PRELOAD": built("tests/tools/crashsync.so"),
             "ASAN_OPTIONS": "verify_asan_link_order=0"}
    seen = []
    for step in (1, -1, 2, -2):
        with open(cli.config, "w", encoding="utf-8") as file:
            file.write(before)
        cli.variables = {**crash, "CRASH_AT": str(step)}
        result = cli.line("streamer limit 2")
        assert result.status == -signal.SIGKILL, (step, result.status)
        seen.append(cli.read())
    # The first step is the new file's, the second that of its new name.
    assert seen == [before, before, after, after], seen
    cli.variables = {}
    cli.ok("streamer limit 3")
    assert cli.read() == before.replace("limit = 1", "limit = 3")
    cli.variables = {**crash, "CRASH_AT": "-1"}
    cli.ok("get streamer.limit")
    assert cli.line("uploader rev password", stdin="x\n").status == \
        -signal.SIGKILL
    assert "rev_password" not in os.listdir(os.path.join(cli.secrets,
                                                         "uploader"))


def test_two_writers(world):
    """two concurrent writers lose nothing"""
    cli = Cli(world, "writers")
    script = {
        "a": "".join(f"set route.a{n} rtmp://h/a/{n}\n" for n in range(40)),
        "b": "".join(f"set route.b{n} rtmp://h/b/{n}\n" for n in range(40)),
    }
    writers = []
    for text in script.values():
        writer = subprocess.Popen(cli.argv(), stdin=subprocess.PIPE,
                                  stdout=subprocess.DEVNULL, text=True)
        writers.append((writer, text))
    for writer, text in writers:
        writer.stdin.write(text)
        writer.stdin.close()
    assert [writer.wait(60) for writer, _ in writers] == [0, 0]
    assert cli.read().count(" = rtmp://h/") == 80


def test_shell(world):
    """the guide's commands typed: prompt, password without echo, history"""
    cli = with_certificates(world, "typed")
    secret = token_hex(8)
    prompt = socket.gethostname().split(".")[0] + "> "
    shell = cli.shell()
    shell.expect(prompt)

    def type_line(line):
        shell.type(line + "\r")
        shell.expect("\n")
        return shell.expect(prompt).replace("\r", "")
    for line in ("streamer disable", "streamer sip listen a 7000 7001",
                 "streamer sip certs tac.key tac.cer", *UPLOADER_COMMANDS):
        out = type_line(line)
        assert "SUCCESS: " in out, out
    assert STREAMER in type_line("streamer")
    assert UPLOADER in type_line("uploader")
    for name in ("cms", "rev"):
        shell.type(f"uploader {name} password\r")
        shell.expect("Please enter password:")
        shell.type(secret + "\r")
        shell.expect(" is stored")
        shell.expect(prompt)
    assert "SUCCESS: uploader enabled\n" in type_line("uploader enable")
    assert ("SUCCESS: Key and certificate pair match\n"
            "SUCCESS: Streamer enabled\n") in type_line("streamer enable")
    assert "uploader cms port 445" in type_line("history")
    shell.type("set route.hall rtmp://u:" + URL_PASSWORD + "@h/app/hall\r")
    shell.expect("SUCCESS: route.hall is set")
    shell.expect(prompt)
    shell.type("uploader rev password " + URL_PASSWORD + "\r")
    shell.expect("FAILURE: a password is asked for, not given on the line")
    shell.expect(prompt)
    shell.type("set route.room\r")
    shell.expect("Please enter value:")
    shell.type("rtmp://u:" + secret + "@h/app/room\r")
    shell.expect("SUCCESS: route.room is set")
    shell.expect(prompt)
    shell.type("exit\r")
    assert shell.wait() == 0, shell.screen[-3000:]
    assert secret not in shell.screen
    history = world.path("typed", ".upcast_history")
    assert os.stat(history).st_mode & 0o777 == 0o600
    with open(history, encoding="utf-8") as file:
        text = file.read()
    assert "uploader rev password\nuploader enable\n" in text, text
    assert "set route.hall rtmp://***\nuploader rev password ***\n" \
        "set route.room\n" in text, text
    assert secret not in text and URL_PASSWORD not in text, text


def test_shell_keys(world):
    """completion, Ctrl-C and the end of input in the shell"""
    cli = with_certificates(world, "keys")
    prompt = socket.gethostname().split(".")[0] + "> "
    shell = cli.shell()
    shell.expect(prompt)
    shell.type("stre\tsip ce\ttac.k\ttac.c\t\r")
    shell.expect("SUCCESS: streamer.sip_certificate: tac.cer")
    shell.expect(prompt)
    shell.type("uploader cms \t")
    shell.expect("password")
    shell.expect(prompt)
    shell.type("\x03")
    shell.expect("^C")
    shell.expect(prompt)
    shell.type("version" + " " * 9000 + "x\r")
    shell.expect("FAILURE: the line is longer than 8192 bytes")
    shell.expect(prompt)
    shell.type("version\r")
    shell.expect("upcast ")
    shell.expect(prompt)
    assert shell.wait(key=END) == 0, shell.screen[-3000:]


def test_pki(world):
    """pki: real keys and requests, private, as openssl sees them"""
    cli = Cli(world, "pki")
    os.umask(0o022)
    out = cli.ok("pki csr tac CN:*.example.com 'O:Example & Söhne' "
                 "subjectAltName:streamer.example.com,192.0.2.1")
    dots, rest = out.split("Created ")
    assert set(dots) == {".", "\n"}, dots
    assert rest == ("key file tac.key and CSR tac.csr\n"
                    "CSR file tac.csr ready for download via SFTP\n"), rest
    key = os.path.join(cli.certs, "tac.key")
    assert os.stat(key).st_mode & 0o777 == 0o600
    text = subprocess.run(
        ["openssl", "req", "-verify", "-noout", "-text", "-nameopt", "utf8",
         "-in", os.path.join(cli.certs, "tac.csr")], check=True,
        capture_output=True, text=True).stdout
    for part in ("CN=*.example.com", "O=Example & Söhne",
                 "DNS:streamer.example.com, IP Address:192.0.2.1",
                 "(2048 bit)"):
        assert part in text, (part, text)
    assert "is there already" in cli.fail("pki csr tac CN:x")
    assert "attributes are" in cli.fail("pki csr two XY:x")
    assert "base name" in cli.fail("pki csr ../two CN:x")
    cli.fail("pki csr two subjectAltName:a@b")
    assert not os.path.exists(os.path.join(cli.certs, "two.key"))
    cli.ok("pki selfsigned own CN:localhost")
    server = world.authority.issue("pki")
    cli.put_cert(server.cert, "tac.cer")
    cli.put_cert(server.key, "signed.key")
    cli.put_cert(world.authority.bundle, "ROOTCA.cer")
    assert cli.ok("pki list") == (
        "User supplied certificates and keys:\nROOTCA.cer\nown.crt\n"
        "own.key\nsigned.key\ntac.cer\ntac.csr\ntac.key\n")
    assert len(json.loads(cli.ok("pki list --json"))) == 7
    assert "Issuer: CN = localhost" in cli.ok("pki inspect own.crt")
    shown = cli.ok("pki inspect tac.key")
    assert shown == "Private key: RSA, 2048 bits\n", shown
    cli.ok("pki match own.key own.crt ; pki match signed.key tac.cer")
    assert "no pair" in cli.fail("pki match tac.key tac.cer")
    cli.ok("pki verify tac.cer ROOTCA.cer ; pki verify own.crt own.crt")
    assert cli.fail("pki verify own.crt ROOTCA.cer").startswith("FAILURE: ")
    cli.fail("pki inspect missing")
    cli.fail("pki verify own.crt own.key")


class Scene:
    """Two daemons that are played, with calls and recordings."""

    def __init__(self, world, name, text=""):
        self.cli = Cli(world, name, text)
        self.streamer = Daemon(world, self.cli.run_dir, "streamer")
        self.uploader = Daemon(world, self.cli.run_dir, "uploader")
        self.streamer.state(state="running", calls_active="1",
                            listen="tcp:192.0.2.1:5060",
                            started="2026-11-25T01:00:00Z")
        self.streamer.put("7-1", state="ended", space="Old")
        self.streamer.put("7-2", state="publishing", space="Weekly",
                          caller="sip:weekly@cb", url="rtmp://h/a/***",
                          bitrate="1")
        self.streamer.order("counters", "7-2%2061%2030%201900000%209%203")
        self.uploader.state(state="running", failed="1", ready="1",
                            source_state="ready")
        self.uploader.put(9, state="ready", path="spaces/a/9.mp4")
        self.uploader.put(10, state="failed", path="spaces/b/10.mp4",
                          why="rev says \x1b[31mno")
        self.uploader.event("recording 9 is ready")
        self.streamer.event("call 2 publishes")


def test_status(world):
    """status, calls, recordings and show, for people and for programs"""
    scene = Scene(world, "status")
    cli = scene.cli
    screen = cli.ok("status")
    for text in ("running since 2026-11-25T01:00:00Z", "Weekly", "spaces/b/10",
                 "listens at", "192.0.2.1:5060"):
        assert text in screen, (text, screen)
    assert "spaces/a/9" not in screen and "\x1b" not in screen, screen
    calls = json.loads(cli.ok("calls --json"))
    assert [call["id"] for call in calls] == ["7-2"], calls
    assert calls[0]["bitrate"] == "1900000" and calls[0]["lost"] == "3"
    assert len(json.loads(cli.ok("calls --all --json"))) == 2
    recordings = json.loads(cli.ok("recordings --json"))
    assert [job["id"] for job in recordings] == ["9", "10"], recordings
    failed = cli.ok("recordings failed")
    assert "10.mp4" in failed and "9.mp4" not in failed
    assert "did you mean failed?" in cli.fail("recordings faild")
    assert "path                : spaces/a/9.mp4\n" in cli.ok("show 9")
    assert json.loads(cli.ok("show 7-2 --json"))["space"] == "Weekly"
    for bad in ("8", "../state", "7-3", "."):
        assert "has the id" in cli.fail(f"show {bad}")
    state = json.loads(cli.ok("status --json"))
    assert state["uploader_failed"] == "1", state
    scene.streamer.end()
    assert "stopped since 20" in cli.ok("status")


def test_orders(world):
    """retry and its like reach the daemon, whose verdict decides"""
    scene = Scene(world, "orders")
    assert scene.cli.ok("retry 10").startswith("SUCCESS: ")
    assert scene.cli.fail("retry 99").startswith("FAILURE: ")
    assert scene.cli.ok("uploader pause").startswith("SUCCESS: ")
    scene.uploader.end()
    assert scene.cli.fail("retry 10") == \
        "FAILURE: upcast-uploader does not run\n"
    assert "does not run" in Cli(world, "nobody").fail("hangup 1")
    assert "neither" in Cli(world, "nobody").fail("reload")


def test_events(world):
    """events of both daemons, and with -f those to come, until Ctrl-C"""
    scene = Scene(world, "events")
    out = scene.cli.ok("events")
    assert " uploader recording 9 is ready\n" in out, out
    assert " streamer call 2 publishes\n" in out, out
    events = json.loads(scene.cli.ok("events --json"))
    assert [(event["daemon"], event["text"]) for event in events
            if "is ready" in event["text"]] == [
                ("uploader", "recording 9 is ready")], events
    # Without an end there is no list: an object each.
    follow = subprocess.Popen(scene.cli.argv("events", "-f", "--json"),
                              stdout=subprocess.PIPE, text=True)
    text = "".join(iter(lambda: follow.stdout.readline(), "}\n")) + "}"
    follow.kill()
    assert json.loads(text)["daemon"] == "uploader", text
    follow.wait()
    # Those of one second stay in their order.
    for number in range(20):
        scene.uploader.event(f"{30 - number} to go")
    found = re.findall(r"(\d+) to go", scene.cli.ok("events"))
    assert found == [str(30 - number) for number in range(20)], found
    shell = scene.cli.shell()
    shell.expect("> ")
    shell.type("events -f\r")
    shell.expect("call 2 publishes")
    scene.uploader.event("something new")
    shell.expect("uploader something new")
    shell.type("\x03")
    shell.expect("> ")
    shell.type("status -w\r")
    shell.expect("Weekly")
    shell.expect("Weekly")
    shell.type("\x03")
    shell.expect("> ")
    assert shell.wait(key=END) == 0


def test_real_uploader(world):
    """a real uploader obeys enable, disable and reload"""
    folder = world.folder("share")
    for name in ("spaces", "forwardedCalls"):
        world.folder("share", name)
    up = Uploader(world, folder, name="real", settings={
        "enabled": "false", "rev_host": "127.0.0.1", "rev_port": 9,
        "rev_user": "u"})
    cli = Cli(world, "real-cli", config=up.config)
    up.wait_state("state", "disabled")
    assert cli.ok("uploader enable") == "SUCCESS: uploader enabled\n"
    # Sooner than the heartbeat.
    wait_for(lambda: up.state()["state"] != "disabled", 8, "enabled")
    assert cli.ok("reload uploader") == \
        "SUCCESS: uploader: the settings are read again\n"
    assert cli.ok("uploader disable") == "SUCCESS: uploader disabled\n"
    up.wait_state("state", "disabled", 8)
    hint = cli.line("uploader rev port 10")
    assert "take effect" in hint.err, hint.err


def bridge_settings(world, cms):
    return (f"[uploader]\ncms_host = 127.0.0.1\ncms_port = {cms.port}\n"
            f"cms_user = apiadmin\ncms_trust = {world.authority.bundle}\n"
            "[streamer]\nsip_listen = 127.0.0.1 7000 7001\n")


def test_bridge(world):
    """bridge: a profile and rules are made, shown, found again and removed"""
    cms = world.cms(seed=cms_seed())
    cli = Cli(world, "bridge", bridge_settings(world, cms))
    assert "cms_password" in cli.fail("bridge show")
    cli.ok("uploader cms password", stdin="wrong\n")
    assert "refuses user apiadmin" in cli.fail("bridge show")
    cli.ok("uploader cms password", stdin=SECRETS["cms_password"] + "\n")
    result = cli.line("bridge show")
    assert result.status == 0 and "names no streamer" in result.err, result.err
    out = cli.fail("bridge setup stream.example.com --tls", stdin="n\n")
    assert out.startswith(
        "Create the system's call profile: sipStreamerUri "
        "streamer@stream.example.com, streamingMode manual\n"
        "Create outbound rule: stream.example.com to 127.0.0.1:7001, "
        "encrypted\n"
        "Create outbound rule: stream.example.com to 127.0.0.1:7000, "
        "unencrypted\n"), out
    assert json.loads(cli.ok("bridge show --json")) == []
    cli.ok("bridge setup stream.example.com --tls --automatic --yes")
    cli.ok("bridge stream Weekly rtmp://u:hush@h/live/Weekly")
    shown = cli.line("bridge show")
    assert shown.out.count("to this streamer") == 2, shown.out
    assert "hush" not in shown.out and "Weekly" in shown.out
    assert "automatic, the system's" in shown.out and not shown.err
    assert "SUCCESS: the bridge sends streamer@stream.example.com to this " \
        "streamer" in cli.line("check streamer").out
    # What would be lost is said.
    assert "sipStreamerUri streamer@b.example.com instead of streamer@" \
        "stream.example.com, " in cli.fail("bridge setup b.example.com",
                                           stdin="n\n")
    again = cli.ok("bridge setup stream.example.com --tls --yes")
    assert "instead of" not in again, again
    assert "outbound rule" not in again, again
    cli.ok("set streamer.sip_listen 127.0.0.1 7002 none")
    assert "no outbound rule for stream.example.com leads" in \
        cli.line("bridge show").err
    assert "WARNING: no outbound rule for stream.example.com leads" in \
        cli.line("check streamer").out
    cli.ok("set streamer.sip_listen 127.0.0.1 7000 7001")
    assert "Delete the system's call profile, which says nothing but " in \
        cli.ok("bridge remove --yes ; bridge stream Weekly none")
    assert json.loads(cli.ok("bridge show --json")) == []
    # A profile that says more is the administrator's.
    cli.ok("bridge setup stream.example.com --yes")
    profile, = cms.order("GET", "/objects/callProfiles")
    cms.order("POST", f"/objects/callProfiles/{profile['id']}",
              {"participantLimit": "40"})
    out = cli.ok("bridge remove --yes")
    assert "Take streamer@stream.example.com out of " in out, (
        out, cms.order("GET", "/objects/callProfiles"))
    profile, = cms.order("GET", "/objects/callProfiles")
    assert profile["participantLimit"] == "40", profile
    assert not profile.get("sipStreamerUri"), profile
    assert "has no space Nowhere" in cli.fail(
        "bridge stream Nowhere rtmp://h/a/b")
    cms.stop()
    assert "the bridge: " in cli.fail("bridge show")


if __name__ == "__main__":
    tap.main(World)
