#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""upcast check: each case of the guide's troubleshooting, made and named."""

import os
import resource
import socket
import subprocess
import sys
from urllib.parse import quote

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import tap  # noqa: E402
from harness.certs import Authority  # noqa: E402
from harness.cli import Cli  # noqa: E402
from harness.leaks import new_secret  # noqa: E402
from harness.mount import Daemon  # noqa: E402
from harness.rtmp import Nginx, Server  # noqa: E402
from harness.site import Site  # noqa: E402
from harness.tap import is_root, skip_unless  # noqa: E402
from harness.uploader import SECRETS, cms_seed  # noqa: E402
from harness.wait import wait_for  # noqa: E402
from harness.world import World, free_port  # noqa: E402

NSS_WRAPPER = "/usr/lib/x86_64-linux-gnu/libnss_wrapper.so"


class Checked:
    """What `upcast check` said."""

    def __init__(self, cli, part):
        self.result = cli.line("check " + part)
        self.out = self.result.out

    def says(self, *lines):
        """Each is in some line: "FAILURE: ...text"."""
        for want in lines:
            word, _, text = want.partition(": ")
            assert any(line.startswith(word + ": ") and text in line
                       for line in self.out.splitlines()), (want, self.out)
        failed = "FAILURE: " in self.out
        assert self.result.status == failed, (self.result.status, self.out)
        return self

    def lacks(self, text):
        assert text not in self.out, (text, self.out)
        return self


def streamer(world, name, *lines):
    """A streamer's settings that are in order, and those lines."""
    cli = Cli(world, name, f"[streamer]\nsip_listen = 127.0.0.1 {free_port()}"
              " none\nallow_from = 192.0.2.0/24\n")
    for line in lines:
        cli.ok(line)
    return cli


def check(cli, part="streamer"):
    return Checked(cli, part)


# ---- the streamer ----------------------------------------------------------

def test_certificates(world):
    """keys and certificates: no pair, expired, early, none for a TLS port"""
    cli = streamer(world, "certs")
    made = {"good": world.authority.issue("good", days=100),
            "soon": world.authority.server(),
            "old": world.authority.expired(),
            "early": world.authority.not_yet_valid()}
    for name, certificate in made.items():
        cli.put_cert(certificate.cert, name + ".cer")
        cli.put_cert(certificate.key, name + ".key")
    cli.ok(f"streamer sip listen 127.0.0.1 none {free_port()}")
    check(cli).says(
        "FAILURE: TLS port set but no certificates configured: \"streamer sip "
        "certs")
    for key, cert, want in (
            ("good", "good", "SUCCESS: good.cer is in date until"),
            ("soon", "soon", "WARNING: soon.cer expires on"),
            ("old", "old", "FAILURE: old.cer has expired on"),
            ("early", "early", "FAILURE: early.cer is not valid before"),
            ("old", "good", "FAILURE: are no pair")):
        cli.ok(f"streamer sip certs {key}.key {cert}.cer")
        check(cli).says(want)
    cli.ok("streamer sip certs good.key good.cer old.cer ; "
           "tls sip verify enable")
    check(cli).says("FAILURE: old.cer has expired on")
    os.unlink(os.path.join(cli.certs, "old.cer"))
    check(cli).says("FAILURE: old.cer: No such file",
                    "FAILURE: old.cer cannot be used: No such file")
    os.unlink(os.path.join(cli.certs, "good.cer"))
    check(cli).says("FAILURE: good.cer: No such file")


def test_ports(world):
    """interfaces that do not exist; ports that another program has"""
    cli = streamer(world, "ports")
    check(cli).says("SUCCESS: interface 127.0.0.1 exists")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        cli.ok(f"streamer sip listen 127.0.0.1 {port} none")
        check(cli).says(f"FAILURE: TCP port {port} of 127.0.0.1 is taken by "
                        "another program: choose another by")
    check(cli).says(f"SUCCESS: TCP port {port} of 127.0.0.1 is free")
    cli.ok(f"streamer sip listen lo {port} none")
    check(cli).says(f"SUCCESS: TCP port {port} of 127.0.0.1 is free")
    cli.ok(f"streamer sip listen any {port} none")
    check(cli).says(f"SUCCESS: TCP port {port} of any is free")
    cli.ok("streamer sip listen nosuch0 7000 none")
    check(cli).says("FAILURE: no network interface nosuch0")
    cli.ok("streamer sip listen e 7000 none")
    check(cli).says("FAILURE: there is no interface e: fewer")


def test_targets(world):
    """RTMP: the form of the URL, its name, its server, its certificate"""
    cli = streamer(world, "targets")
    server = Server(world)
    tls = Server(world, cert=world.authority.server().cert,
                 key=world.authority.server().key)

    def target(url, *lines):
        cli.ok("set streamer.default_url", stdin=url + "\n")
        return check(cli).says(*lines)
    target("http://h/app/s", "FAILURE: default_url: the URL cannot work: "
           '"http" scheme not supported')
    target("rtmp://u:p@127.0.0.1/test",
           "FAILURE: default_url: the URL cannot work: it needs an app")
    target("rtmp://no-such-host.invalid/live/s",
           "FAILURE: check DNS and the server's name")
    target(f"rtmp://127.0.0.1:{free_port()}/live/s",
           "FAILURE: Connection refused; check the server, and its port")
    target(f"rtmp://127.0.0.1:{server.port}/live/s",
           f"SUCCESS: default_url: rtmp://127.0.0.1:{server.port}/live/*** "
           "answers")
    target(f"rtmps://127.0.0.1:{tls.port}/live/s",
           "FAILURE: check its certificate, or set streamer.rtmps_bundle")
    cli.ok(f"set streamer.rtmps_bundle {world.authority.bundle}")
    target(f"rtmps://127.0.0.1:{tls.port}/live/s",
           "SUCCESS: /live/*** answers")
    cli.ok("set streamer.allowed_targets rtmp://*.example.com")
    check(cli).says("FAILURE: is not in allowed_targets")
    cli.ok("unset streamer.allowed_targets ; unset streamer.default_url")
    cli.ok(f"set route.hall rtmp://127.0.0.1:{server.port}/live/hall")
    check(cli).says("SUCCESS: route hall: ")
    assert server.count("publish") + tls.count("publish") == 0
    assert server.count("command") == 0, server.lines()


def test_refused(world):
    """RTMP: an application that the server does not know"""
    nginx = Nginx(world)
    cli = streamer(world, "refused")
    cli.ok(f"set streamer.default_url {nginx.url('s')}")
    check(cli).says("SUCCESS: answers")
    cli.ok(f"set streamer.default_url rtmp://127.0.0.1:{nginx.port}/nope/s")
    check(cli).says("FAILURE: check the application in the URL")


def test_passwords(world):
    """RTMP: user and password taken, refused, missing, or not asked for"""
    cli = streamer(world, "passwords")
    secret = new_secret()
    quoted = quote(secret, safe="")
    for scheme in ("adobe", "llnw"):
        server = Server(world, auth=scheme, user="broadcast", password=secret)
        at = f"127.0.0.1:{server.port}/live/s"

        def target(who, *lines, place=at):
            cli.ok("set streamer.default_url", stdin=f"rtmp://{who}{place}\n")
            out = check(cli).says(*lines).lacks(quoted).out
            assert "wrongpw" not in out, out
        target(f"broadcast:{quoted}@",
               "SUCCESS: answers and takes user and password")
        target("broadcast:wrongpw@", "FAILURE: server refused the password; "
               "check user and password in the URL")
        target("", "FAILURE: no username or password defined")
        assert server.count("publish") == 0, server.lines()
    target("nobody:wrongpw@", "FAILURE: does not know the user")
    plain = Server(world)
    target(f"broadcast:{quoted}@", "WARNING: does not ask for user and "
           "password: whether it takes them shows when a call is published",
           place=f"127.0.0.1:{plain.port}/live/s")
    with open(os.path.join(world.folder("passwords", "secrets", "streamer"),
                           "hall"), "w", encoding="ascii") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(f"rtmp://broadcast:{quoted}@{at}")
    cli.ok("unset streamer.default_url ; set route.hall secret:hall")
    check(cli).says("SUCCESS: route hall: ").lacks(quoted)


def test_callers(world):
    """who may call is limited, or is not"""
    cli = streamer(world, "callers")
    check(cli).says("SUCCESS: who may call is limited")
    cli.ok("unset streamer.allow_from")
    check(cli).says("WARNING: anyone may call: ")
    cli.ok("tls sip verify enable")
    check(cli).says("SUCCESS: who may call is limited")


def test_host(world):
    """clock, socket buffers, file limits, settings, daemons"""
    cli = streamer(world, "host")
    out = check(cli).says("FAILURE: streamer is enabled and does not run").out
    assert "the clock is " in out and ("rmem_max" in out or
                                       "socket buffers" in out), out
    cli.ok("streamer disable")
    check(cli).says("WARNING: streamer is disabled: \"streamer enable\"")
    os.unlink(cli.config)
    check(cli).says(f"FAILURE: {cli.config} does not exist: the first")


def test_files(world):
    """open files: by the limit of the streamer that runs, else by the shell's"""
    cli = streamer(world, "files")
    low = subprocess.run(
        cli.argv("check", "streamer"), env=cli.environment(), text=True,
        capture_output=True, check=False, preexec_fn=lambda:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1000, 1000))).stdout
    # What the manager gives it is not known before it runs.
    managed = os.path.isdir("/run/systemd/system")
    assert managed or "WARNING: at most 1000 files may be open, 500 calls " \
        "need" in low, low
    daemon = Daemon(world, cli.run_dir, "streamer")
    limited = world.start(["prlimit", "--nofile=900", "sleep", "600"])
    daemon.state(state="running", pid=str(limited.pid))
    # The limit is not there before the program has begun.
    wait_for(lambda: "WARNING: at most 900 files may be open, 500 calls need"
             in check(cli).out)
    cli.ok("streamer limit 20")
    check(cli).says("SUCCESS: enough files may be open for 20 calls")


def test_service_users(world):
    """service users may read their files, or may not"""
    skip_unless(is_root(), "needs root")
    skip_unless(os.path.exists(NSS_WRAPPER), "nss_wrapper is not installed")
    cli = streamer(world, "users", "set uploader.rev_host 127.0.0.1")
    server = world.authority.server()
    os.chmod(world.dir, 0o711)
    cli.put_cert(server.cert, "tac.cer")
    cli.put_cert(server.key, "tac.key")
    passwd = world.write("passwd", "".join(
        f"{name}:x:{uid}:{uid}::/:/bin/false\n" for name, uid in
        (("root", 0), ("upcast-streamer", 64001), ("upcast-uploader", 64002))))
    group = world.write("group", "root:x:0:\nupcast-streamer:x:64001:\n"
                        "upcast-uploader:x:64002:\n")
    cli.variables = {"LD_PRELOAD": NSS_WRAPPER, "NSS_WRAPPER_PASSWD": passwd,
                     "NSS_WRAPPER_GROUP": group,
                     "ASAN_OPTIONS": "verify_asan_link_order=0"}
    key = os.path.join(cli.certs, "tac.key")
    cli.ok("streamer sip certs tac.key tac.cer")
    assert os.stat(key).st_mode & 0o777 == 0o640
    assert os.stat(key).st_gid == 64001
    check(cli).says(f"SUCCESS: upcast-streamer may read {key}")
    os.chmod(key, 0o600)
    check(cli).says(f"FAILURE: upcast-streamer may not read {key}: chgrp")
    os.chmod(key, 0o640)
    os.chmod(cli.certs, 0o700)
    check(cli).says(f"FAILURE: upcast-streamer may not read {key}")
    cli.ok("uploader rev password", stdin="x\n")
    path = os.path.join(cli.secrets, "uploader", "rev_password")
    check(cli, "uploader").says(f"SUCCESS: upcast-uploader may read {path}")
    os.chown(path, 0, 0)
    check(cli, "uploader").says(
        f"FAILURE: upcast-uploader may not read {path}")
    cli.run("-i", "east", "uploader", "rev", "password", stdin="y\n")
    os.chown(path + "@east", 0, 0)
    out = cli.run("-i", "east", "check", "uploader").out
    assert f"FAILURE: upcast-uploader may not read {path}@east: " in out, out


def test_bridge(world):
    """the bridge: profile, rules, ports, encryption, spaces, URLs"""
    cms = world.cms(seed=cms_seed())
    tcp, tls = free_port(), free_port()
    cli = streamer(
        world, "bridge", f"uploader cms host 127.0.0.1 ; uploader cms port "
        f"{cms.port} ; uploader cms user apiadmin ; uploader cms trust "
        f"{world.authority.bundle} ; streamer sip listen 127.0.0.1 {tcp} "
        f"{tls}")
    cli.ok("uploader cms password", stdin="wrong\n")
    check(cli).says("FAILURE: the bridge refuses user apiadmin")
    cli.ok("uploader cms password", stdin=SECRETS["cms_password"] + "\n")
    check(cli).says("WARNING: the system's call profile on the bridge names "
                    "no streamer: \"bridge setup <domain>\"",
                    "WARNING: no space of the bridge has a stream URL")
    profile = cms.add("callProfiles", sipStreamerUri="streamer@s.example.com")
    check(cli).says("WARNING: is not in the system's profile")
    cms.order("DELETE", f"/objects/callProfiles/{profile}")
    cli.ok("bridge setup s.example.com --yes")
    check(cli).says("SUCCESS: the bridge sends streamer@s.example.com to this")
    profile, = cms.order("GET", "/objects/callProfiles")
    cms.order("POST", f"/objects/callProfiles/{profile['id']}",
              {"streamingMode": "disabled"})
    check(cli).says("WARNING: call profile on the bridge disables streaming")
    cli.ok("bridge remove --yes ; bridge setup s.example.com --yes")
    for rule in cms.order("GET", "/objects/outboundDialPlanRules"):
        cms.order("DELETE", f"/objects/outboundDialPlanRules/{rule['id']}")
    check(cli).says("WARNING: there is no outbound rule for s.example.com")
    for proxy, encryption, why in (
            (f"192.0.2.1:{tcp}", "unencrypted", "its address is none of this"),
            (f"127.0.0.1:{free_port()}", "unencrypted",
             "its port is none that the streamer listens on"),
            (f"127.0.0.1:{tcp}", "encrypted",
             "it is encrypted and its port is not the TLS port"),
            (f"127.0.0.1:{tls}", "unencrypted",
             "it is unencrypted and its port is the TLS port")):
        rule = cms.add("outboundDialPlanRules", domain="s.example.com",
                       sipProxy=proxy, sipControlEncryption=encryption)
        check(cli).says(f"WARNING: of the one to {proxy}, {why}")
        cms.order("DELETE", f"/objects/outboundDialPlanRules/{rule}")
    cms.add("outboundDialPlanRules", domain="S.example.com",
            sipProxy=f"127.0.0.1:{tls}", sipControlEncryption="auto")
    cli.ok("bridge stream Weekly", stdin="rtmp://h/Weekly\n")
    check(cli).says("SUCCESS: the bridge sends", "FAILURE: the stream URL of "
                    "space Weekly cannot work: it needs an application")
    cli.ok("bridge stream Weekly rtmp://h/live/Weekly")
    check(cli).says("SUCCESS: 1 spaces have a stream URL")
    for number in range(230):
        cms.add("coSpaces", name=f"Room {number}")
    check(cli).says("WARNING: only the first 200 spaces of the bridge")
    cms.stop()
    check(cli).says("FAILURE: the bridge: ")


# ---- the uploader ----------------------------------------------------------

def test_uploader(world):
    """share, bridge and Rev: down, wrong, forbidden, in order"""
    site = Site(world)
    uploader = site.uploader(name="probe", start=False)
    cli = Cli(world, "probe-cli", config=uploader.config)
    uploader.write_settings(enabled="false")

    def look(*lines, **settings):
        uploader.write_settings(**settings)
        return check(cli, "uploader").says(*lines)
    look("SUCCESS: the share can be listed and holds spaces and forwarded",
         "SUCCESS: the bridge answers and its user may read spaces",
         "SUCCESS: logged in to Rev", "SUCCESS: may upload",
         "WARNING: uploader is disabled")
    site.rev.change_user("uploader", may_patch=False)
    check(cli, "uploader --full").says("FAILURE: activating it: ")
    site.rev.change_user("uploader", may_patch=True)
    check(cli, "uploader --full").says("SUCCESS: it is active and has lost",
                                       "SUCCESS: it is deleted again")
    site.nfs.set_access("RO")
    wait_for(lambda: "FAILURE: cannot rename in " in
             cli.line("check uploader").out, what="a read-only export")
    look("FAILURE: Permission denied: export it for writing to this host")
    site.nfs.set_access("RW")
    wait_for(lambda: "may be renamed" in
             cli.line("check uploader").out, what="a writable export")
    look("FAILURE: the share ", nfs_directory="/nowhere")
    look("FAILURE: the share ", nfs_directory="/rec", nfs_port=free_port())
    look("FAILURE: No such file", nfs_port=site.nfs.port,
         cms_trust="/nowhere.pem")
    look("FAILURE: No Vbrick Rev host configured", rev_host="",
         cms_trust=world.authority.bundle)
    uploader.write_secrets({"rev_password": "wrong", "cms_password": "wrong"})
    look("FAILURE: refuses user apiadmin (401): check cms_user, its password",
         "FAILURE: refuses the login (401): check rev_user and its password",
         rev_host="127.0.0.1")
    uploader.write_secrets(SECRETS)
    other = Authority(world.folder("another-ca"))
    look("FAILURE: add its CA certificate to this file (setting rev_trust)",
         rev_trust=other.bundle)
    look("FAILURE: no-such-host.invalid", rev_host="no-such-host.invalid",
         rev_trust=world.authority.bundle)
    uploader.write_settings(rev_host="127.0.0.1")
    site.rev.change_user("uploader", roles=["Media Viewer"])
    look("FAILURE: the Rev user uploader may not upload: give it the role")
    site.rev.change_user("uploader", roles=["Media Admin"])
    look("FAILURE: the fall-back owner nobody is unknown to Rev",
         fallback_owner="nobody")
    os.rename(site.path("", "spaces"), site.path("", "elsewhere"))
    os.rename(site.path("", "forwardedCalls"), site.path("", "gone"))
    look("FAILURE: the share holds neither spaces nor forwardedCalls")
    site.rev.stop()
    site.cms.stop()
    look("FAILURE: 127.0.0.1", fallback_owner="admin")


if __name__ == "__main__":
    tap.main(World, tidy=True)
