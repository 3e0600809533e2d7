#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The streamer's signalling against sipp, stunnel, baresip and kamailio."""

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import warnings

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

# pylint: disable=wrong-import-position
from harness import tap
from harness.paths import built, source
from harness.rtmp import Server
from harness.sip import Caller, Reader, ack, invite, offer, request
from harness.streamer import SECRET, Streamer, answerer
from harness.wait import PATIENCE, wait_for
from harness.world import World, free_port


def _sipp(world, scenario, port, mode="t1", user="room", calls=1):
    """Runs a scenario of tests/sipp to its end.

    What comes twice does not end a call: where the machine is busy, a 200
    whose ACK is late does.
    """
    errors = world.path(f"sipp-{scenario}-{world.number()}.txt")
    process = world.start(
        ["sipp", "-sf", source(f"tests/sipp/{scenario}.xml"), "-s", user,
         "-t", mode, "-i", "127.0.0.1", "-p", str(free_port()), "-m",
         str(calls), "-r", "50", "-nostdin", "-timeout", "60", "-trace_err",
         "-error_file", errors, "-max_socket", "100",
         "-default_behaviors", "all,-abortunexp",
         f"127.0.0.1:{port}"],
        name=f"sipp-{scenario}")
    status = process.wait(70)
    if status and os.path.exists(errors):
        with open(errors, encoding="utf-8", errors="replace") as file:
            raise AssertionError(f"sipp {scenario} {mode}: {file.read()}")
    assert status == 0, f"sipp {scenario} {mode}: {process.log_text()[-2000:]}"


def _run_scenarios(world, streamer, names):
    for name in names:
        for mode in ("t1", "tn", "u1"):
            _sipp(world, name, streamer.port, mode, calls=2)


def test_calls(world):
    """sipp: early and delayed offer, hold, resume, UPDATE, BYE; TCP and UDP"""
    streamer = answerer(world)
    _run_scenarios(world, streamer, ("early", "delayed", "hold"))
    log = streamer.log()
    assert "newIncomingCall, with session description" in log
    assert "newIncomingCall, without session description" in log
    assert re.search(r"call 1: RTMP|publishes to rtmp://user:\*\*\*@"
                     r"127.0.0.1/live/room-2", log), log
    assert "suite AEAD_AES_128_GCM" in log
    streamer.wait_log("ended: the caller hung up", 18)
    events = streamer.events()
    assert " held: the caller sends nothing now" in events, events
    assert " publishing" in events
    streamer.wait_call(1, state="ended", why="the caller hung up",
                       url="rtmp://127.0.0.1:1935/live/room-2",
                       url_source="contact", transport="tcp", space="Space 1",
                       audio="MP4A-LATM", video="H264", encryption="none")
    assert SECRET not in log + events
    streamer.stop()


def test_other_requests(world):
    """sipp: OPTIONS, CANCEL, unknown methods, offers that cannot be taken"""
    streamer = answerer(world)
    _run_scenarios(world, streamer, ("options", "unserved", "cancel",
                                     "refuse"))
    streamer.stop()


def test_where_to(world):
    """a caller that names no URL: route, then default, after url_wait"""
    streamer = answerer(world)
    _sipp(world, "silent", streamer.port, user="board")
    _sipp(world, "silent", streamer.port, user="other")
    streamer.wait_call(1, url="rtmp://127.0.0.1:1935/a/board",
                       url_source="route")
    streamer.wait_call(2, url="rtmp://127.0.0.1:1935/a/dflt",
                       url_source="default")
    assert "retrying (1/1)..." in streamer.log()
    streamer.stop()


def test_secret_url(world):
    """a URL with a password in a file of its own"""
    os.chmod(world.write("secrets/streamer/board_url",
                         "rtmp://u:hush@127.0.0.1/a/hidden\n"), 0o640)
    streamer = Streamer(world, stub=True, url_wait="0s",
                        routes={"board": "secret:board_url",
                                "gone": "secret:no_such_file",
                                "up": "secret:../streamer/board_url"})
    for user in ("board", "gone", "up"):
        with Caller(streamer.port, user=user) as caller:
            caller.invite(offer())
            caller.bye()
    streamer.wait_call(1, url="rtmp://127.0.0.1:1935/a/hidden")
    streamer.wait_call(3, url_source="none")
    log = streamer.log()
    assert "no_such_file" in log and "wanted is the name of a file" in log
    assert "hush" not in log
    streamer.stop()


def test_odd_url(world):
    """a bridge names one URL, whatever is in it, and no part of it is told"""
    streamer = answerer(world, traffic_trace="true")
    for number, url in enumerate(("rtmp://u:hush,hush@127.0.0.1/a/b",
                                  "rtmp://u:hush;hush@127.0.0.1/a/b",
                                  "rtmp://u:hu/hush@127.0.0.1/a/b"), 1):
        with Caller(streamer.port) as caller:
            caller.invite(offer(), url)
            caller.bye()
        streamer.wait_call(number, state="ended")
    for number in (1, 2):
        streamer.wait_call(number, url="rtmp://127.0.0.1:1935/a/b")
    assert "hush" not in streamer.log() + streamer.events()
    assert not any("hush" in str(streamer.call(n)) for n in range(1, 4))
    streamer.stop()


def test_full(world):
    """a full one and a draining one refuse; a reload opens it again"""
    streamer = answerer(world, limit="0")
    _sipp(world, "full", streamer.port)
    streamer.reload(limit="none")
    _sipp(world, "early", streamer.port)
    assert streamer.command("drain").startswith("ok ")
    _sipp(world, "full", streamer.port, "u1")
    assert streamer.command("resume").startswith("ok ")
    _sipp(world, "options", streamer.port)
    assert streamer.command("limit 0").startswith("ok ")
    _sipp(world, "full", streamer.port)
    streamer.stop()


def test_allow_from(world):
    """callers that are not in allow_from get nowhere"""
    streamer = answerer(world, allow_from="192.0.2.0/24")
    with socket.create_connection(("127.0.0.1", streamer.port)) as sock:
        sock.settimeout(PATIENCE)
        assert sock.recv(1) == b""
    streamer.wait_log("not in allow_from")
    streamer.reload(allow_from="127.0.0.0/8, 192.0.2.0/24")
    _sipp(world, "options", streamer.port)
    streamer.stop()


def test_trace(world):
    """the trace shows messages, and no secret"""
    streamer = answerer(world, traffic_trace="true")
    _sipp(world, "early", streamer.port)
    _sipp(world, "hold", streamer.port)
    log = streamer.log()
    for text in ("<: is incoming connection from 127.0.0.1:",
                 "incoming SIP TCP data from 127.0.0.1:",
                 "outgoing SIP TCP data to 127.0.0.1:",
                 "BEGINNING OF MESSAGE", "END OF MESSAGE",
                 'x-cisco-stream="rtmp://user:***@127.0.0.1/live/room"',
                 "inline:***"):
        assert text in log, text
    assert SECRET not in log and "a2tra2tr" not in log
    streamer.stop()


# ---- by hand ---------------------------------------------------------------

def test_stream(world):
    """bytes one by one, messages together, keep-alives, what is no SIP"""
    streamer = answerer(world)
    with socket.create_connection(("127.0.0.1", streamer.port)) as sock:
        reader = Reader(sock)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in invite(streamer.port, "sip:a@127.0.0.1"):
            sock.sendall(bytes([byte]))
        assert reader.next().startswith("SIP/2.0 100 Trying")
        answer = reader.next()
        assert answer.startswith("SIP/2.0 200 OK")
        sock.sendall(ack(streamer.port, answer) +
                     request("OPTIONS", streamer.port, 2) + b"\r\n\r\n" +
                     request("OPTIONS", streamer.port, 3))
        assert "CSeq: 2 OPTIONS" in reader.next()
        assert "CSeq: 3 OPTIONS" in reader.next().lstrip()
        sock.sendall(b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP h\r\n\r\n")
        assert reader.next().startswith("SIP/2.0 400")
        assert reader.next() == ""
    for garbage in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                    b"x" * 200000, b"\x16\x03\x01\x00\xa5" + b"\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", streamer.port)) as sock:
            sock.settimeout(PATIENCE)
            try:
                sock.sendall(garbage)
                assert sock.recv(10) == b""
            except ConnectionError:
                pass
    streamer.stop()


def test_retransmission(world):
    """over UDP the 200 comes again until its ACK does"""
    streamer = answerer(world)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(PATIENCE)
        text = invite(streamer.port, "sip:a@127.0.0.1").replace(
            b"SIP/2.0/TCP 127.0.0.1:9;", b"SIP/2.0/UDP 127.0.0.1:9;rport;")
        for _ in range(2):
            sock.sendto(text, ("127.0.0.1", streamer.port))
        answers = [sock.recv(65536).decode() for _ in range(3)]
        assert answers[0].startswith("SIP/2.0 100"), answers[0]
        assert answers[1].startswith("SIP/2.0 200"), answers[1]
        assert answers[1] == answers[2]
        assert ";rport=" in answers[1] and ";received=127.0.0.1" in answers[1]
        sock.sendto(ack(streamer.port, answers[1]),
                    ("127.0.0.1", streamer.port))
        streamer.wait_log("handling sip accepted notification")
    assert streamer.log().count("newIncomingCall") == 1
    streamer.process.kill()


def test_old_ack(world):
    """an ACK with the branch of its INVITE, as of RFC 2543, is taken"""
    streamer = answerer(world)
    with socket.create_connection(("127.0.0.1", streamer.port)) as sock:
        reader = Reader(sock)
        sock.sendall(invite(streamer.port, "sip:a@127.0.0.1"))
        reader.next()
        sock.sendall(ack(streamer.port, reader.next()).replace(
            b"z9hG4bKt1ACK", b"z9hG4bKt1INVITE"))
        streamer.wait_log("handling sip accepted notification")
    streamer.stop()


def test_ipv6(world):
    """calls over IPv6, and both families on \"any\""""
    tap.skip_unless(os.path.exists("/proc/net/if_inet6"), "no IPv6")
    port = free_port()
    for interface, hosts in (("::1", ("::1",)),
                             ("any", ("::1", "127.0.0.1"))):
        streamer = answerer(world, sip_listen=f"{interface} {port} none")
        for host in hosts:
            with socket.create_connection((host, port)) as sock:
                reader = Reader(sock)
                sock.sendall(invite(port, "sip:a@[::1]").replace(
                    b"Call-ID: by-hand", b"Call-ID: to-" + host.encode()
                ).replace(b"z9hG4bK", b"z9hG4bK" + str(len(host)).encode()))
                reader.next()
                answer = reader.next()
            shown = f"[{host}]" if ":" in host else host
            assert f"Contact: <sip:{shown}:{port};" in answer, answer
        streamer.process.kill()


def test_session_timer(world):
    """session timers: refreshed by UPDATE or re-INVITE, or the call ends"""
    tap.skip_unless(os.environ.get("LONG"), "takes a minute: LONG=1")
    streamer = answerer(world)
    cases = (("uas", "INVITE,BYE,UPDATE"), ("uas", "INVITE,BYE"),
             ("uac", "INVITE,BYE,UPDATE"))
    callers = [Caller(streamer.port) for _ in cases]
    for caller, (refresher, allow) in zip(callers, cases):
        caller.timer = (f"Session-Expires: 90;refresher={refresher}\r\n"
                        f"Min-SE: 90\r\nAllow: {allow}\r\n")
        caller.invite(offer())
        assert f"Session-Expires: 90;refresher={refresher}" in caller.answer
    for caller, method in zip(callers, ("UPDATE", "INVITE", "BYE")):
        caller.wait_request(method, 70)
    streamer.wait_log("ended: the session timer ran out")
    for number in (1, 2):
        assert streamer.call(number)["state"] != "ended"
    for caller in callers[:2]:
        caller.bye()
    streamer.stop()


def test_keyframe(world):
    """INFO asks for a key frame"""
    streamer = answerer(world)
    with socket.create_connection(("127.0.0.1", streamer.port)) as sock:
        reader = Reader(sock)
        sock.sendall(invite(streamer.port, "sip:a@127.0.0.1"))
        reader.next()
        sock.sendall(ack(streamer.port, reader.next()))
        streamer.wait_log("handling sip accepted notification")
        assert streamer.command("keyframe 1").startswith("ok ")
        info = reader.next()
        assert info.startswith("INFO sip:a@127.0.0.1 SIP/2.0"), info
        assert "picture_fast_update" in info
    streamer.process.kill()


# ---- TLS -------------------------------------------------------------------

def _stunnel(world, port, certificate=None):
    """A plain port that leads to a TLS port."""
    plain = free_port()
    client = f"cert = {certificate.cert}\nkey = {certificate.key}\n" \
        if certificate else ""
    conf = world.write(f"stunnel-{plain}.conf",
                       "foreground = yes\nsyslog = no\npid =\n"
                       f"[sip]\nclient = yes\naccept = 127.0.0.1:{plain}\n"
                       f"connect = 127.0.0.1:{port}\n{client}"
                       f"CAfile = {world.authority.bundle}\n"
                       "verifyChain = yes\ncheckIP = 127.0.0.1\n")
    process = world.start(["stunnel4", conf], name="stunnel")
    process.wait_log("Configuration successful")
    return plain


def _with_tls(world, **settings):
    port = free_port()
    pair = world.authority.server()
    return answerer(world, sip_listen=f"127.0.0.1 {port} {port}",
                    sip_key=pair.key, sip_certificate=pair.cert,
                    sip_bundle=world.authority.bundle, **settings), port


def test_tls(world):
    """sipp over TLS (stunnel), on the same port as TCP"""
    tap.skip_unless(shutil.which("stunnel4"), "no stunnel4")
    streamer, port = _with_tls(world)
    plain = _stunnel(world, port)
    _sipp(world, "early", plain)
    _sipp(world, "early", port)
    assert streamer.call(1)["transport"] == "tls"
    assert streamer.call(2)["transport"] == "tcp"
    for scenario in ("delayed", "hold", "options", "cancel", "refuse"):
        _sipp(world, scenario, plain)
    streamer.stop()


def _context(world, version=None):
    context = ssl.create_default_context(cafile=world.authority.bundle)
    if version:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            context.minimum_version = context.maximum_version = version
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


def test_tls_versions(world):
    """TLS 1.2 and 1.3, and nothing older"""
    streamer, port = _with_tls(world)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with Caller(port, _context(world, version)) as caller:
            caller.invite(offer())
            caller.bye()
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        try:
            Caller(port, _context(world, version))
        except (ssl.SSLError, ConnectionError):
            continue
        raise AssertionError(f"{version} is taken")
    streamer.stop()


def test_tls_reload(world):
    """a new key and certificate, while a call over TLS goes on"""
    streamer, port = _with_tls(world)
    with Caller(port, _context(world)) as caller:
        caller.invite(offer(), "rtmp://u:p@127.0.0.1/live/a")
        fresh = world.authority.issue("renewed")
        streamer.reload(sip_key=fresh.key, sip_certificate=fresh.cert)
        caller.update("rtmp://u:p@127.0.0.1/live/b")
        streamer.wait_call(1, url="rtmp://127.0.0.1:1935/live/b")
        caller.bye()
    shown = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False).stdout
    assert "CN = renewed" in shown, shown
    assert "TLSv1.3" in shown
    streamer.stop()


def test_tls_verify(world):
    """with sip_verify a caller needs a certificate"""
    tap.skip_unless(shutil.which("stunnel4"), "no stunnel4")
    streamer, port = _with_tls(world, sip_verify="true")
    plain = _stunnel(world, port)
    with socket.create_connection(("127.0.0.1", plain)) as sock:
        sock.settimeout(PATIENCE)
        try:
            sock.sendall(request("OPTIONS", port))
            assert sock.recv(1) == b""
        except ConnectionError:
            pass
    streamer.wait_log("did not return a certificate")
    _sipp(world, "options", _stunnel(world, port,
                                     world.authority.issue("bridge")))
    streamer.stop()


def test_commands(world):
    """commands and their verdicts; the daemon's own snapshot"""
    streamer = answerer(world)
    for command, want in (
            ("ping", "ok pong"), ("hangup 7", "error ENOENT "),
            ("hangup 1-1", "error ENOENT "), ("hangup", "error EINVAL "),
            ("limit x", "error EINVAL "), ("trace maybe", "error EINVAL "),
            ("trace on", "ok "), ("drain now", "error EINVAL "),
            ("dance", "error EINVAL unknown command dance")):
        verdict = streamer.command(command)
        assert verdict.startswith(want), f"{command}: {verdict}"
    with open(os.path.join(streamer.dir, "state"), encoding="utf-8") as file:
        state = file.read()
    assert "state=running\n" in state, state
    assert f"listen=tcp:127.0.0.1:{streamer.port} udp:" in state, state
    assert "calls_limit=none\n" in state
    streamer.stop()
    with open(os.path.join(streamer.dir, "state"), encoding="utf-8") as file:
        assert "state=stopped\n" in file.read()


def test_settings(world):
    """settings that cannot work say so"""
    port = free_port()
    pair = world.authority.server()
    other = world.authority.issue("other")
    expired = world.authority.expired()
    tls = {"sip_listen": f"127.0.0.1 none {port}"}
    for settings, words in (
            (tls, "TLS port set but no certificates configured"),
            ({**tls, "sip_key": pair.key}, "of no use"),
            ({**tls, "sip_key": other.key, "sip_certificate": pair.cert},
             "cannot be used"),
            ({**tls, "sip_key": expired.key,
              "sip_certificate": expired.cert}, "has expired"),
            ({"sip_listen": "nonesuch 5060 none"}, "no network interface"),
            ({"limit": "many"}, "streamer.limit"),
            ({"allow_from": "everyone"}, "streamer.allow_from"),
            ({"rtp_port_min": "5000", "rtp_port_max": "5002"}, "no room")):
        ini = world.write("bad.ini", "[upcast]\ncontrol_dir = "
                          f"{world.folder('bad')}\n[streamer]\n" + "\n".join(
            f"{key} = {value}" for key, value in settings.items()) + "\n")
        done = subprocess.run([built("tests/tools/streamer-stub"), "-f", "-c",
                               ini],
                              capture_output=True, text=True, timeout=20,
                              check=False)
        assert done.returncode == 1 and words in done.stderr, done.stderr
    ini = world.write("worse.ini", "[streamer]\nlimit = many\n"
                      "allow_from = everyone\nsip_listen = ?\n")
    done = subprocess.run([built("streamer/upcast-streamer"), "-n", "-c", ini],
                          capture_output=True, text=True, timeout=20,
                          check=False)
    assert done.returncode == 1 and done.stderr.count("\n") == 3, done.stderr


# ---- other implementations -------------------------------------------------

BARESIP = """module_path {modules}
sip_listen 127.0.0.1:{port}
audio_source ausine,440
audio_player aufile,{folder}/out.wav
audio_alert aufile,{folder}/alert.wav
video_source fakevideo,nil
video_display fakevideo,nil
net_interface 127.0.0.1
video_size 640x360
avcodec_h264enc libx264
module g711.so
module opus.so
module ausine.so
module aufile.so
module avcodec.so
module avformat.so
module swscale.so
module fakevideo.so
module srtp.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
"""


def _modules():
    """Where baresip's are, if that for H.264 is among them."""
    found = subprocess.run(["dpkg", "-L", "baresip-ffmpeg"], check=False,
                           capture_output=True, text=True).stdout
    return next((os.path.dirname(line) for line in found.splitlines()
                 if line.endswith("/avcodec.so")), None)


def _free_pair():
    """A port whose successor is free, too: for TLS, even where it is unused.
    """
    while True:
        port = free_port()
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port + 1))
                return port
            except OSError:
                pass


def test_baresip(world):
    """baresip calls, with Opus and H.264 over SDES-SRTP, and is published"""
    modules = shutil.which("baresip") and _modules()
    tap.skip_unless(modules, "no baresip with H.264")
    server = Server(world)
    streamer = Streamer(world, url_wait="0s", routes={
        "board": f"rtmp://u:p@127.0.0.1:{server.port}/live/board"})
    folder, port = world.folder("baresip"), _free_pair()
    world.write("baresip/config", BARESIP.format(modules=modules, port=port,
                                                 folder=folder))
    world.write("baresip/accounts",
                f"<sip:caller@127.0.0.1:{port};transport=tcp>;regint=0;"
                "mediaenc=srtp-mand;audio_codecs=opus/48000/2,pcma;"
                "video_codecs=h264\n")
    world.write("baresip/contacts", "")
    baresip = world.start(
        ["baresip", "-f", folder, "-e",
         f"/dial sip:board@127.0.0.1:{streamer.port};transport=tcp",
         "-t", "90"], name="baresip", stdin=subprocess.PIPE)
    streamer.wait_call(state="publishing", url_source="route", video="H264",
                       audio="opus", resolution="640x360",
                       encryption="AES_CM_128_HMAC_SHA1_80")
    server.wait("message 9", 20)
    server.wait("message 8", 20)
    baresip.signal(signal.SIGTERM)
    streamer.wait_call(state="ended", why="the caller hung up")
    baresip.wait()
    streamer.stop()


KAMAILIO = """#!KAMAILIO
debug=1
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
listen=tcp:127.0.0.1:{port}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "dispatcher.so"
modparam("dispatcher", "list_file", "{list}")
modparam("dispatcher", "flags", 2)
modparam("dispatcher", "ds_ping_interval", 1)
modparam("dispatcher", "ds_probing_mode", 1)
modparam("dispatcher", "ds_probing_threshold", 1)
modparam("dispatcher", "ds_ping_reply_codes", "class=2")
request_route {{
	if (!mf_process_maxfwd_header("10")) {{ exit; }}
	if (has_totag()) {{
		if (loose_route()) {{ t_relay(); exit; }}
		if (is_method("ACK")) {{ exit; }}
		sl_send_reply("404", "Not here");
		exit;
	}}
	if (is_method("OPTIONS")) {{ sl_send_reply("200", "OK"); exit; }}
	record_route();
	if (!ds_select_dst("1", "4")) {{
		sl_send_reply("503", "No streamer");
		exit;
	}}
	t_on_failure("NEXT");
	t_relay();
}}
failure_route[NEXT] {{
	if (t_check_status("503") && ds_next_dst()) {{ t_relay(); exit; }}
}}
"""


def test_kamailio(world):
    """two behind a kamailio dispatcher share calls; a draining one gets none
    """
    tap.skip_unless(shutil.which("kamailio"), "no kamailio")
    pair = [answerer(world), answerer(world)]
    port = free_port()
    targets = world.write("dispatcher.list", "".join(
        f"1 sip:127.0.0.1:{one.port};transport=tcp\n" for one in pair))
    conf = world.write("kamailio.cfg", KAMAILIO.format(port=port,
                                                       list=targets))
    kamailio = world.start(
        ["kamailio", "-f", conf, "-P", world.path("kamailio.pid"), "-Y",
         world.dir, "-DD", "-E", "-m", "32", "-M", "4"], name="kamailio")
    wait_for(lambda: not kamailio.alive or _is_open(port),
             what="kamailio")
    _sipp(world, "early", port, calls=6)
    assert [one.log().count("newIncomingCall") for one in pair] == [3, 3]
    assert "Record-Route" not in pair[0].log()
    assert pair[0].command("drain").startswith("ok ")
    _sipp(world, "early", port, calls=4)
    assert [one.log().count("newIncomingCall") for one in pair] == [3, 7]
    kamailio.stop()
    for one in pair:
        one.stop()


def _is_open(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def _prepare(_world):
    tap.skip_unless(shutil.which("sipp"), "no sipp")


if __name__ == "__main__":
    tap.main(World, _prepare)
