#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The guide from its first command to its last, typed and one by one: two
daemons run on what it has set, take a call's signalling and upload."""

import os
import re
import socket
import ssl
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import tap  # noqa: E402
from harness.host import Host  # noqa: E402
from harness.leaks import find_leaks  # noqa: E402
from harness.nfs import NAME  # noqa: E402
from harness.sip import Reader, request  # noqa: E402
from harness.site import SPACE, Site  # noqa: E402
from harness.uploader import REV_USER, SECRETS, name_of  # noqa: E402
from harness.wait import wait_for  # noqa: E402
from harness.world import World, free_port  # noqa: E402

STREAMER = """\
Enabled                 : {enabled}
SIP interfaces          : tcp 127.0.0.1:{tcp}, tls 127.0.0.1:{tls}
SIP key file            : tac.key
SIP certificate file    : tac.cer
SIP CA Bundle file      : none
SIP Resolution          : 720p
SIP traffic trace       : Disabled
Call Limit              : none
"""

UPLOADER = """\
Enabled                          : true
NFS hostname                     : 127.0.0.1
NFS directory                    : rec
CMS host                         : 127.0.0.1
CMS port                         : {cms}
CMS user                         : apiadmin
CMS trust bundle                 : ROOTCA.cer
Vbrick Rev hostname              : 127.0.0.1
Vbrick Rev port                  : {rev}
Vbrick Rev username              : uploader
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

CREATED = ("Created key file tac.key and CSR tac.csr\n"
           "CSR file tac.csr ready for download via SFTP\n")
INCOMPLETE = ("FAILURE: TLS port set but no certificates configured\n"
              "FAILURE: Streamer configuration not complete\n")
COMPLETE = ("SUCCESS: Key and certificate pair match\n"
            "SUCCESS: Streamer enabled\n")
OUR_OWN = """\
uploader access Public
uploader cospace_member_access edit
uploader recording_owned_by_cospace_owner false
uploader fallback_owner admin
uploader comments enable
uploader ratings enable
uploader downloads enable
uploader initial_state active
uploader delete_after_upload false
set uploader.scan_interval 1s
set uploader.settle_time 1s
set uploader.status_interval 500ms
set uploader.nfs_uid 0
set uploader.nfs_gid 0
""".splitlines()


class OneShot:
    """Each command as `upcast WORD...`."""

    def __init__(self, host):
        self._host = host

    def say(self, line):
        return self._host.run("upcast " + line).out

    def secret(self, line, secret):
        return self._host.run("upcast " + line, stdin=secret + "\n").out

    def end(self):
        pass


class Typed:
    """Each command typed into the shell."""

    def __init__(self, host):
        self._prompt = socket.gethostname().split(".")[0] + "> "
        self.shell = host.shell("upcast")
        self.shell.expect(self._prompt)

    def _answer(self):
        return self.shell.expect(self._prompt, 30).replace("\r", "")

    def say(self, line):
        """The answer without the line's echo, which comes once or twice."""
        self.shell.type(line + "\r")
        answer = self._answer()
        while answer.startswith(line + "\n"):
            answer = answer[len(line) + 1:]
        return answer

    def secret(self, line, secret):
        self.shell.type(line + "\r")
        self.shell.expect("Please enter password:")
        self.shell.type(secret + "\r")
        return self._answer().lstrip("\n")

    def end(self):
        self.shell.type("exit\r")
        assert self.shell.wait() == 0
        for secret in SECRETS.values():
            assert secret not in self.shell.screen


def sign(world, host):
    """What an authority does with a request, and SFTP with the answer."""
    certs = host.path("/etc/upcast/certs")
    world.authority.sign(os.path.join(certs, "tac.csr"),
                         os.path.join(certs, "tac.cer"))
    bundle = open(world.authority.bundle, encoding="ascii").read()
    for name in ("ROOTCA.cer", "brick.cer"):
        host.write(f"/etc/upcast/certs/{name}", bundle)


def certificates(world, host, console):
    out = console.say("pki csr tac CN:*.example.com "
                      "subjectAltName:streamer.example.com,127.0.0.1")
    dots, _, rest = out.partition("Created")
    assert re.fullmatch(r"[.\n]+", dots) and "Created" + rest == CREATED, out
    sign(world, host)
    assert console.say("pki list") == (
        "User supplied certificates and keys:\n"
        "ROOTCA.cer\nbrick.cer\ntac.cer\ntac.csr\ntac.key\n")
    assert console.say("pki match tac.key tac.cer") == \
        "SUCCESS: Key and certificate pair match\n"
    assert console.say("pki verify tac.cer ROOTCA.cer").startswith("SUCCESS: ")


def streamer(console, tcp, tls):
    assert console.say("streamer disable") == "SUCCESS: Streamer disabled\n"
    assert console.say(f"streamer sip listen 127.0.0.1 {tcp} {tls}"
                       ).startswith("SUCCESS: ")
    assert console.say("streamer enable") == INCOMPLETE
    assert console.say("streamer sip certs tac.key tac.cer"
                       ).startswith("SUCCESS: ")
    for line in ("tls sip trust ROOTCA.cer", "tls sip verify enable"):
        assert console.say(line).startswith("SUCCESS: "), line
    assert console.say("streamer") == STREAMER.format(enabled="false", tcp=tcp,
                                                      tls=tls)
    out = console.say("streamer enable")
    assert out.startswith(COMPLETE), out
    assert console.say("streamer") == STREAMER.format(enabled="true", tcp=tcp,
                                                      tls=tls)


def uploader(console, site):
    assert console.say("uploader disable") == "SUCCESS: uploader disabled\n"
    for line in (f"uploader nfs 127.0.0.1:{NAME[1:]}",
                 "uploader cms host 127.0.0.1",
                 f"uploader cms port {site.cms.port}",
                 "uploader cms user apiadmin",
                 "uploader cms trust ROOTCA.cer",
                 "uploader rev host 127.0.0.1",
                 f"uploader rev port {site.rev.port}",
                 f"uploader rev user {REV_USER}",
                 "uploader rev trust brick.cer", *OUR_OWN,
                 f"set uploader.nfs_port {site.nfs.port}",
                 f"set uploader.nfs_mount_port {site.nfs.mount_port}"):
        assert console.say(line).startswith("SUCCESS: "), line
    for name in ("cms", "rev"):
        out = console.secret(f"uploader {name} password",
                             SECRETS[name + "_password"])
        assert out.startswith("SUCCESS: "), out
    out = console.say("uploader enable")
    assert out.startswith("SUCCESS: uploader enabled\n"), out
    assert console.say("uploader") == UPLOADER.format(cms=site.cms.port,
                                                      rev=site.rev.port)


def check_call(world, port):
    """OPTIONS over TLS: not without a certificate, 200 with one."""
    context = ssl.create_default_context(cafile=world.authority.bundle)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.wrap_socket(socket.create_connection(("127.0.0.1", port)),
                            server_hostname="127.0.0.1").recv(1)
        raise AssertionError("a caller without a certificate gets in")
    except (ssl.SSLError, ConnectionError):
        pass
    bridge = world.authority.server()
    context.load_cert_chain(bridge.cert, bridge.key)
    with context.wrap_socket(socket.create_connection(("127.0.0.1", port)),
                             server_hostname="127.0.0.1") as sock:
        sock.sendall(request("OPTIONS", port))
        answer = Reader(sock).next()
    assert answer.startswith("SIP/2.0 200 OK"), answer


def walk(world, console_of):
    host, site = Host(world), Site(world)
    console = console_of(host)
    tcp, tls = free_port(), free_port()
    certificates(world, host, console)
    streamer(console, tcp, tls)
    uploader(console, site)
    daemons = [host.start(f"upcast-{name}", "-f") for name in
               ("streamer", "uploader")]
    for daemon in daemons:
        daemon.wait_log(" started")
    check_call(world, tls)
    site.put_bytes(SPACE, name_of(0), SMALL)
    site.rev.wait_active(1)
    wait_for(lambda: "ready" in console.say("recordings ready"), 20, "ready")
    site.check_once(name_of(0))
    shown = console.say("status")
    assert shown.count("running since ") == 2, shown
    console.end()
    assert [daemon.stop() for daemon in daemons] == [0, 0]
    leaks = find_leaks(SECRETS, [host.dir],
                       skip=[host.path("/etc/upcast/secrets")])
    assert not leaks, leaks
    return host


def box(kind, *parts):
    body = b"".join(parts)
    return (8 + len(body)).to_bytes(4, "big") + kind + body


SMALL = box(b"ftyp", b"isom\0\0\2\0isom") + box(b"mdat", b"\0" * 4096) + \
    box(b"moov", box(b"mvhd", b"\0" * 100))


def test_one_by_one(world):
    """one command at a time"""
    walk(world, OneShot)


def test_typed(world):
    """typed into the shell, whose history has no password"""
    host = walk(world, Typed)
    history = host.read("/.upcast_history")
    assert "uploader rev password\n" in history
    for secret in SECRETS.values():
        assert secret not in history


if __name__ == "__main__":
    tap.main(World, tidy=True, slow=True)
