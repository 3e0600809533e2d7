#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Whole calls: SIP in, RTP and SRTP in, RTMP out."""

import base64
import collections
import itertools
import os
import socket
import ssl
import struct
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

# pylint: disable=wrong-import-position
from harness import tap
from harness.media import make_clip, send_rtp
from harness.rtmp import Nginx, frames, packets, sound
from harness.sip import Caller, request
from harness.streamer import Streamer
from harness.wait import PATIENCE, wait_for
from harness.world import World, free_port

KEY = base64.b64encode(bytes(range(30))).decode()
OTHER_KEY = base64.b64encode(bytes(range(60, 90))).decode()
SUITE = "AES_CM_128_HMAC_SHA1_80"
IP_PKTOPTIONS = 9


class Shared:
    """The source, and what is in it."""
    file = None
    video = None


def _prepare(world):
    Shared.file = make_clip(world.path("source.mp4"))
    Shared.video = frames(Shared.file, "v")


def _offer(secret=None, direction="sendonly", audio=30000, version=0):
    proto = "RTP/SAVP" if secret else "RTP/AVP"
    crypto = f"a=crypto:1 {SUITE} inline:{secret}|2^31\r\n" if secret else ""
    return (f"v=0\r\no=test 0 {version} IN IP4 127.0.0.1\r\ns=-\r\n"
            "c=IN IP4 127.0.0.1\r\nb=CT:2000\r\nt=0 0\r\n"
            f"m=audio {audio} {proto} 0 97\r\n{crypto}"
            "a=rtpmap:97 MP4A-LATM/32000\r\n"
            "a=fmtp:97 profile-level-id=30;object=2;cpresent=0;"
            f"config=400025103fc0\r\na={direction}\r\n"
            f"m=video {audio + 2} {proto} 96\r\n{crypto}"
            "a=rtpmap:96 H264/90000\r\na=fmtp:96 profile-level-id=42801f;"
            f"packetization-mode=1;max-fs=3600\r\na={direction}\r\n"
            "m=application 0 UDP/BFCP *\r\n")


def test_clear(world):
    """a call over TCP is published, picture for picture"""
    nginx, streamer = Nginx(world), Streamer(world)
    with Caller(streamer.port) as caller:
        caller.invite(_offer(), nginx.url("clear"))
        streamer.wait_call(state="publishing")
        sender = send_rtp(world, Shared.file, caller.ports())
        streamer.wait_call(resolution="640x360")
        assert streamer.state()["calls_active"] == "1"
        assert sender.wait(30) == 0
        caller.bye()
    streamer.wait_call(state="ended", why="the caller hung up",
                       resolution="640x360", lost="0", audio="MP4A-LATM",
                       video="H264", encryption="none", transport="tcp",
                       space="Test space", user="room", url_source="contact",
                       url=nginx.url("clear").replace("clear", "***"))
    wait_for(lambda: streamer.state()["calls_active"] == "0", what="no calls")
    assert int(streamer.call()["packets"]) > 300, streamer.call()
    assert int(streamer.call()["rtmp_bytes"]) > 10000, streamer.call()
    assert frames(nginx.recording("clear"), "v") == Shared.video
    streamer.stop()


def _apart(path):
    """How far sound and picture of the second half are from where they were to
    each other in the first; what is published twice is the source, twice."""
    pictures = [p[2] for p in packets(path) if p[0] == "video"]
    heard = collections.defaultdict(list)
    for checksum, time in sound(path):
        heard[checksum].append(time)
    first, second = [times for times in heard.values() if len(times) == 2][-1]
    return second - first - (pictures[-1] - pictures[len(pictures) // 2 - 1])


def test_secure(world):
    """TLS and SRTP, another source and key in mid-call: whole and in step"""
    pair = world.authority.server()
    nginx = Nginx(world)
    streamer = Streamer(world, tls=pair, media_encryption="required")
    context = ssl.create_default_context(cafile=world.authority.bundle)
    with Caller(streamer.port, context) as caller:
        caller.invite(_offer(KEY), nginx.url("secure"))
        assert f"a=crypto:1 {SUITE} inline:" in caller.answer
        streamer.wait_call(state="publishing", encryption=SUITE,
                           transport="tls")
        assert send_rtp(world, Shared.file, caller.ports(),
                        secret=(SUITE, KEY)).wait(30) == 0
        caller.invite(_offer(OTHER_KEY, version=1))
        assert send_rtp(world, Shared.file, caller.ports(),
                        secret=(SUITE, OTHER_KEY)).wait(30) == 0
        caller.bye()
    streamer.wait_call(state="ended", lost="0", reconnects="0")
    assert frames(nginx.recording("secure"), "v") == 2 * Shared.video
    apart = _apart(nginx.recording("secure"))
    assert abs(apart) < 0.02, apart
    assert KEY not in streamer.log() and OTHER_KEY not in streamer.log()
    streamer.stop()


def test_moves(world):
    """UPDATE moves the stream; hold and resume; SIGTERM hangs up"""
    nginx, streamer = Nginx(world), Streamer(world)
    with Caller(streamer.port) as caller:
        caller.invite(_offer(), nginx.url("first"))
        sender = send_rtp(world, Shared.file, caller.ports(), loop=-1)
        wait_for(lambda: nginx.recordings("first"), what="first stream")
        caller.update(nginx.url("second"))
        wait_for(lambda: nginx.recordings("second"), what="second stream")
        caller.invite(_offer(direction="inactive", version=1))
        assert "a=inactive" in caller.answer
        streamer.wait_call(state="held")
        ports = caller.ports()
        caller.invite(_offer(version=2))
        assert caller.ports() == ports
        streamer.wait_call(state="publishing")
        streamer.process.signal(15)
        caller.wait_bye()
        sender.kill()
    assert streamer.process.wait() == 0
    assert streamer.call()["why"] == "the streamer is going down"
    assert "state=stopped" in open(os.path.join(streamer.dir, "state"),
                                   encoding="utf-8").read()


def _app(url):
    """RTCP: an empty receiver report, and APP with a URL in it."""
    data = url.encode().ljust(1024, b"\0")
    return struct.pack("!BBHI", 0x80, 201, 1, 7) + struct.pack(
        "!BBHI4s", 0x81, 204, 2 + len(data) // 4, 7, b"TEST") + data


def test_rtcp_url(world):
    """a URL in RTCP counts from the signalled address, a flood of them does not
    """
    nginx = Nginx(world)
    streamer = Streamer(world, url_wait="2s", routes={
        "room": nginx.url("route")})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtcp, \
            Caller(streamer.port) as caller:
        rtcp.bind(("127.0.0.1", 0))
        caller.invite(_offer(audio=rtcp.getsockname()[1] - 1))
        streamer.wait_call(state="waiting-url")
        audio, _ = caller.ports()
        rtcp.sendto(_app(nginx.url("rtcp")), ("127.0.0.1", audio + 1))
        streamer.wait_call(url_source="rtcp")
        streamer.wait_call(state="publishing")
        for number in range(100):
            rtcp.sendto(_app(nginx.url(f"flood{number}")),
                        ("127.0.0.1", audio + 1))
        # Later on another is heard.
        wait_for(lambda: rtcp.sendto(_app(nginx.url("later")), (
            "127.0.0.1", audio + 1)) and streamer.log().count(
                "retrieved stream URL from RTCP") > 1)
        caller.bye()
    with Caller(streamer.port) as caller:
        caller.invite(_offer())
        streamer.wait_call(2, url_source="route")
        caller.bye()
    assert 2 <= streamer.log().count("retrieved stream URL from RTCP") < 20
    streamer.stop()


def _marks(said):
    return [value[0] for _, kind, value in said if kind == socket.IP_TOS]


def test_dscp(world):
    """what goes to callers and servers is marked, on IPv6 sockets, too"""
    port = free_port()
    streamer = Streamer(world, dscp="34", sip_dscp="24", rtmp_dscp="18",
                        sip_listen=f"any {port} none")
    streamer.port = port
    with socket.create_server(("127.0.0.1", 0)) as server, \
            Caller(port) as caller:
        server.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        server.settimeout(PATIENCE)
        caller.invite(_offer(),
                      f"rtmp://127.0.0.1:{server.getsockname()[1]}/live/a")
        with server.accept()[0] as sock:
            said = sock.getsockopt(socket.IPPROTO_IP, IP_PKTOPTIONS, 64)
        assert said[16] == 18 << 2, said
        caller.bye()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sip:
        sip.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        sip.settimeout(PATIENCE)
        sip.sendto(request("OPTIONS", port).replace(
            b"TCP 127.0.0.1:9;", b"UDP h;rport;"), ("127.0.0.1", port))
        assert _marks(sip.recvmsg(2048, 64)[1]) == [24 << 2]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtcp, \
            Caller(streamer.port) as caller:
        rtcp.bind(("127.0.0.1", 0))
        rtcp.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        rtcp.settimeout(PATIENCE)
        caller.invite(_offer(audio=rtcp.getsockname()[1] - 1))
        caller.bye()
        data, said, _, _ = rtcp.recvmsg(2048, 64)
    assert data[1] == 201, data  # a report of what was received
    assert _marks(said) == [34 << 2], said
    streamer.stop()


def _key_frame_asked(sock, port):
    """What RTCP asks a sender of pictures for that no key frame begins."""
    sock.settimeout(0.02)
    for number in range(3000):
        sock.sendto(struct.pack("!BBHII", 0x80, 0x80 | 96, number,
                                number * 3000, 9) + b"\x41\x9a\0\0",
                    ("127.0.0.1", port))
        try:
            data = sock.recv(2048)
        except TimeoutError:
            continue
        while len(data) >= 4:
            head, kind, words = struct.unpack("!BBH", data[:4])
            if kind == 206:
                return {1: "pli", 4: "fir"}[head & 31]
            data = data[4 * words + 4:]
    return None


def test_mux(world):
    """rtcp-mux: RTCP on the port of RTP; FIR for who knows no PLI"""
    nginx = Nginx(world)
    streamer = Streamer(world, allowed_targets="127.0.0.1")
    for kind, line in (("fir", "ccm fir"), ("pli", "nack pli")):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtp, \
                Caller(streamer.port) as caller:
            rtp.bind(("127.0.0.1", 0))
            offer = _offer(audio=rtp.getsockname()[1] - 2).replace(
                "a=rtpmap:96", f"a=rtcp-mux\r\na=rtcp-fb:* {line}\r\n"
                "a=rtpmap:96")
            answer = caller.invite(offer, nginx.url(kind))
            assert answer.count("a=rtcp-mux") == 1, answer
            assert f"a=rtcp-fb:* {line}" in answer, answer
            assert _key_frame_asked(rtp, caller.ports()[1]) == kind
            caller.bye()
    streamer.stop()


class Stranger:
    """Sends to a call what would ruin it, from another host, for a while."""

    def __init__(self, ports, url):
        self._ports, self._url = ports, url
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _run(self):
        bye = struct.pack("!BBHI", 0x80, 201, 1, 9) + struct.pack(
            "!BBHI", 0x81, 203, 1, 9)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.2", 0))
            for number in itertools.count():
                for port, kind in zip(self._ports, (97, 96)):
                    rtp = struct.pack("!BBHII", 0x80, 0x80 | kind,
                                      number & 0xffff, number * 900, 9)
                    sock.sendto(rtp + b"\x65\x88" + b"x" * 99,
                                ("127.0.0.1", port))
                    sock.sendto(bye, ("127.0.0.1", port + 1))
                    sock.sendto(_app(self._url), ("127.0.0.1", port + 1))
                if self._over.wait(0.01):
                    return


def test_stranger(world):
    """RTP, a BYE and a URL from another host: nothing comes of them"""
    nginx = Nginx(world)
    streamer = Streamer(world, tls=world.authority.server())
    context = ssl.create_default_context(cafile=world.authority.bundle)
    for number, (name, secret) in enumerate(
            (("open", None), ("closed", (SUITE, KEY))), 1):
        with Caller(streamer.port, context) as caller:
            caller.invite(_offer(secret and KEY), nginx.url(name))
            streamer.wait_call(number, state="publishing")
            with Stranger(caller.ports(), nginx.url("stranger")):
                assert send_rtp(world, Shared.file, caller.ports(),
                                secret=secret).wait(30) == 0
            caller.bye()
        streamer.wait_call(number, state="ended", lost="0",
                           url_source="contact")
        assert frames(nginx.recording(name), "v") == Shared.video, name
    assert not nginx.recordings("stranger")
    assert "left its media" not in streamer.log()
    streamer.stop()


def test_own_offer(world):
    """an INVITE without an offer gets ours, and its answer is followed"""
    nginx, streamer = Nginx(world), Streamer(world, resolution="1080p")
    with Caller(streamer.port) as caller:
        caller.invite("", nginx.url("own"))
        assert "m=video" in caller.answer and "max-fs=8276" in caller.answer
    streamer.wait_call(state="ended", why="the caller gave no answer to our "
                       "offer")
    streamer.stop()


if __name__ == "__main__":
    tap.main(World, _prepare)
