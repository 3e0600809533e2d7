#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The streamer's signalling in trouble, and at its limits."""

import collections
import itertools
import os
import re
import socket
import ssl
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

# pylint: disable=wrong-import-position
from harness import tap
from harness.paths import built, source
from harness.sip import (Caller, Reader, ack, invite, offer, options, request,
                         to_tag)
from harness.streamer import Streamer, answerer
from harness.wait import PATIENCE, wait_for
from harness.world import World, free_port

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"


# ---- messages --------------------------------------------------------------

def _expected():
    """What each message of RFC 4475 earns, as tests/test-sip-check.c has it.
    """
    with open(source("tests/test-sip-check.c"), encoding="utf-8") as file:
        found = re.findall(r'{ "(\w+)", (-?\w+) }', file.read())
    assert len(found) == 49, len(found)
    return found


def _exchange(port, data):
    """The statuses that come back on a connection of its own."""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        sock.settimeout(PATIENCE)
        text = b""
        while more := sock.recv(65536):
            text += more
    return [int(x) for x in re.findall(rb"(?m)^SIP/2.0 (\d+) ", text)]


def test_torture(world):
    """the messages of RFC 4475: each gets the answer that it earns"""
    streamer = answerer(world)
    for name, want in _expected():
        with open(source(f"tests/corpus/sip-check/{name}.msg"), "rb") as file:
            data = file.read()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(data, ("127.0.0.1", streamer.port))
        got = _exchange(streamer.port, data)
        if name == "clerr":  # on a stream the rest of it is waited for
            want = "-EAGAIN"
        if want.isdigit() and int(want):
            assert got[:1] == [int(want)], (name, want, got)
        elif data.startswith(b"SIP/") or want != "0":
            assert not got, (name, want, got)
        assert options(streamer.port).startswith("SIP/2.0 200"), name
    streamer.process.kill()


def _connect(port):
    sock = socket.create_connection(("127.0.0.1", port))
    sock.settimeout(PATIENCE)
    return sock


def _status(sock, data):
    """Sends a request; the status of the final answer."""
    sock.sendall(data)
    reader = Reader(sock)
    while (text := reader.next()).startswith("SIP/2.0 1"):
        pass
    return int(text.split()[1]), text


def test_message_size(world):
    """a message over the limit is told so, and its connection ended"""
    streamer = answerer(world, sip_max_message="4K")
    for data in (request("OPTIONS", streamer.port, body="x" * 5000),
                 request("OPTIONS", streamer.port, extra="X: " + "y" * 5000 +
                         "\r\n")):
        with _connect(streamer.port) as sock:
            sock.sendall(data)
            reader = Reader(sock)
            try:
                text = reader.next()
                assert not text or text.startswith("SIP/2.0 513"), text
                assert not text or reader.next() == ""
            except ConnectionError:
                pass
    assert options(streamer.port).startswith("SIP/2.0 200")
    streamer.wait_log("message too large", 2)
    streamer.stop()


# ---- limits ----------------------------------------------------------------

def _is_served(port):
    try:
        return options(port).startswith("SIP/2.0 200")
    except ConnectionError:
        return False


def test_connections(world):
    """one connection too many"""
    streamer = answerer(world, sip_connections="2")
    with _connect(streamer.port), _connect(streamer.port) as second:
        assert _status(second, request("OPTIONS", streamer.port))[0] == 200
        with _connect(streamer.port) as third:
            assert third.recv(1) == b""
    streamer.wait_log("too many connections")
    wait_for(lambda: _is_served(streamer.port))
    streamer.stop()


def test_half_open(world):
    """calls that are not acknowledged, and calls at the same time"""
    streamer = answerer(world, half_open_calls="1", calls_per_second="3")
    port = streamer.port
    with _connect(port) as sock, Caller(port) as other:
        status, answer = _status(sock, invite(port, "sip:a@127.0.0.1"))
        assert status == 200
        assert options(port).startswith("SIP/2.0 503")
        assert _status(sock, invite(port, "sip:a@127.0.0.1").replace(
            b"by-hand", b"more").replace(b"INVITE\r\nF", b"I2\r\nF"))[0] == 503
        sock.sendall(ack(port, answer))
        streamer.wait_log("handling sip accepted notification")
        other.invite(offer())
    streamer.stop()


def _new_call(port, name, number=1, tag=""):
    return request("INVITE", port, number, "Contact: <sip:a@h>\r\n"
                   "Content-Type: application/sdp\r\n", offer(), tag,
                   call_id=name)


def test_rate(world):
    """more calls at the same time than are taken: they leave nothing behind"""
    streamer = answerer(world, calls_per_second="2", sip_transactions="20")
    port, got = streamer.port, []
    with _connect(port) as sock:
        for number in range(40):
            status, answer = _status(sock, _new_call(port, f"rate{number}"))
            got.append(status)
            if status == 200:
                sock.sendall(request("ACK", port, tag=to_tag(answer),
                                     call_id=f"rate{number}"))
        assert got[:2] == [200, 200] and got.count(503) > 20, got
        names = (f"more{number}" for number in itertools.count())
        wait_for(lambda: _status(sock, _new_call(port, next(names)))[0] == 200,
                 20)  # before a refusal would be forgotten
    assert 0 < streamer.log().count("too many calls begin at the") < 20
    streamer.process.kill()


def _over_udp(data):
    return data.replace(b"SIP/2.0/TCP 127.0.0.1:9;", b"SIP/2.0/UDP h;rport;")


def test_transactions(world):
    """more transactions than there may be: 503"""
    streamer = answerer(world, sip_transactions="10", calls_per_second="50")
    port, got = streamer.port, []
    with _connect(port) as sock:
        for number in range(12):
            got.append(_status(sock, _new_call(port, f"many{number}"))[0])
    assert got == [200] * 10 + [503] * 2, got
    streamer.process.kill()


def test_flood(world):
    """a flood over UDP of what makes no call leaves room for one"""
    streamer = answerer(world, sip_transactions="10")
    port = streamer.port
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE)
        for number in range(1, 31):
            for method, want in (("OPTIONS", 200), ("BYE", 481),
                                 ("CANCEL", 481), ("SUBSCRIBE", 405)):
                sock.sendto(_over_udp(request(method, port, number)),
                            ("127.0.0.1", port))
                status = int(sock.recv(65536).split()[1])
                assert status == want, (method, number, status)
    with Caller(port) as caller:
        caller.invite(offer())
        caller.bye()
    streamer.stop()


def test_flood_in_call(world):
    """a flood within a call leaves room for others, and for its own end"""
    streamer = answerer(world, sip_transactions="100")
    port, got = streamer.port, collections.Counter()
    with _connect(port) as sock:
        tag = to_tag(_status(sock, _new_call(port, "flood"))[1])
        sock.sendall(request("ACK", port, tag=tag, call_id="flood"))
        reader = Reader(sock)
        for number in range(2, 152):
            sock.sendall(_new_call(port, "flood", number, tag))
            # 200 comes again, for there is no ACK.
            while f"\nCSeq: {number} " not in (text := reader.next()) or \
                    text.startswith("SIP/2.0 100"):
                pass
            got[text.split()[1]] += 1
        assert got == {"200": 1, "500": 63, "503": 86}, got
        with Caller(port) as caller:
            caller.invite(offer())
            caller.bye()
        sock.sendall(request("BYE", port, 152, tag=tag, call_id="flood"))
        while "\nCSeq: 152 BYE" not in (text := reader.next()):
            pass
        assert text.startswith("SIP/2.0 200"), text
    streamer.wait_call(state="ended")
    streamer.stop()


# ---- where it listens, what it says of itself ------------------------------

def test_letters(world):
    """network interfaces by name and by letter"""
    tap.skip_unless(tap.is_root(), "network interfaces take root")
    cards = "ip link set lo up" + "".join(
        f" && ip link add {name} type bridge && ip link set {name} up"
        f" && ip addr add {address}/24 dev {name}"
        for name, address in (("one", "192.0.2.1"), ("two", "192.0.2.2")))
    tap.skip_unless(not subprocess.run(
        ["unshare", "-n", "sh", "-c", cards], stderr=subprocess.DEVNULL,
        check=False).returncode, "cannot make network interfaces")
    for interface, address in (("lo", "127.0.0.1"), ("two", "192.0.2.2"),
                               ("a", "192.0.2.1"), ("b", "192.0.2.2")):
        streamer = answerer(
            world, sip_listen=f"{interface} 5060 none", before=(
                "unshare", "-n", "sh", "-c", f"{cards} && exec \"$@\"", "sh"))
        assert f"listening on TCP {address}:5060" in streamer.log()
        streamer.stop()


def test_advertise(world):
    """an address that the bridge shall use, and a range of ports"""
    streamer = answerer(world, advertise_address="192.0.2.77",
                        rtp_port_min="41000", rtp_port_max="41999")
    with Caller(streamer.port) as caller:
        answer = caller.invite(offer())
        assert f"Contact: <sip:192.0.2.77:{streamer.port};" in answer, answer
        assert "\r\nc=IN IP4 192.0.2.77\r\n" in answer, answer
        assert all(41000 <= port < 42000 and port % 2 == 0
                   for port in caller.ports()), answer
        caller.bye()
    streamer.stop()


# ---- the world around it ---------------------------------------------------

def test_restart(world):
    """what a daemon that was killed said of its calls stays, as ended"""
    streamer = answerer(world)
    with Caller(streamer.port) as first, Caller(streamer.port) as second:
        first.invite(offer(), "rtmp://u:p@127.0.0.1/live/a")
        second.invite(offer(), "rtmp://127.0.0.1/live/b")
        second.bye()
        streamer.wait_call(1, state="publishing")
        streamer.wait_call(2, state="ended")
        before = set(streamer.ids())
        streamer.process.kill()
    streamer.start()
    streamer.wait_call(1, state="ended", why="the streamer went down",
                       url="rtmp://127.0.0.1:1935/live/a")
    streamer.wait_call(2, state="ended", why="the caller hung up")
    streamer.wait_log("1 calls were cut off")
    wait_for(lambda: " ended: the streamer went down\n" in streamer.events())
    with Caller(streamer.port) as caller:
        caller.invite(offer())
        caller.bye()
    fresh = set(streamer.ids()) - before
    assert before < set(streamer.ids()) and len(fresh) == 1, streamer.ids()
    streamer.stop()


def _fill(path):
    """A file that takes what is left of its file system."""
    try:
        with open(path, "wb", 0) as file:
            while True:
                file.write(bytes(4096))
    except OSError:
        pass


def test_run_full(world):
    """a full control directory: calls come and go, and are seen afterwards"""
    tap.skip_unless(tap.is_root(), "mounting takes root")
    control = world.folder("small")
    tap.skip_unless(not subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k", "none", control],
        check=False).returncode, "cannot mount a tmpfs")
    world.on_close(lambda: subprocess.run(["umount", "-l", control],
                                          check=False))
    streamer = answerer(world, control=control)
    filler = os.path.join(control, "filler")
    with Caller(streamer.port) as up, Caller(streamer.port) as gone:
        gone.invite(offer(), "rtmp://u:p@127.0.0.1/live/gone")
        streamer.wait_call(1, state="publishing")
        _fill(filler)
        up.invite(offer(), "rtmp://u:p@127.0.0.1/live/up")
        gone.bye()
        streamer.wait_log("calls go on unseen")
        streamer.wait_log("[USAGE] : 1 / none calls", 2)
        assert not streamer.call(1) and not streamer.call(2).get("state")
        assert streamer.command("ping") == "ok pong"
        os.unlink(filler)
        streamer.wait_log("can be written again")
        streamer.wait_call(2, state="publishing")
        up.bye()
    streamer.wait_call(2, state="ended")
    streamer.stop()


def test_clock(world):
    """a clock that jumps by hours moves no call"""
    tap.skip_unless(os.path.exists(FAKETIME), "no libfaketime")
    tap.skip_unless("asan" not in subprocess.run(
        ["ldd", built("tests/tools/streamer-stub")], capture_output=True,
        text=True, check=False).stdout,
        "libfaketime and sanitizers do not go together")
    stamp = world.write("offset", "+0\n")
    streamer = answerer(world, env={
        "LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": stamp,
        "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
    for number, offset in enumerate(("+20h", "-20h"), 1):
        with Caller(streamer.port, user="board") as caller:
            caller.timer = "Session-Expires: 1800;refresher=uac\r\n"
            caller.invite(offer())
            world.write("offset", offset + "\n")
            streamer.wait_call(number, state="publishing", url_source="route")
            assert int(streamer.call(number)["duration"]) < 60
            caller.bye()
        streamer.wait_call(number, state="ended", why="the caller hung up")
        assert int(streamer.call(number)["duration"]) < 60, streamer.call(
            number)
    streamer.stop()


def _lose_connection(streamer, number, host, tls=(None, None),
                     address="127.0.0.1"):
    """A call whose connection is gone; then we hang up. The BYE.

    `tls`: contexts for a client and a server, which is at `address`.
    """
    with socket.create_server((address, 0)) as server:
        contact = f"sip:a@{host}:{server.getsockname()[1]};transport=" + \
            ("tls" if tls[0] else "tcp")
        with Caller(streamer.port, tls[0]) as caller:
            caller.contact = f"Contact: <{contact}>\r\n" \
                f"Record-Route: <{contact};lr>\r\n"
            caller.invite(offer())
            streamer.wait_log("handling sip accepted notification", number)
        # This one, and both of each call before.
        streamer.wait_log(" has ended: ", 2 * number - 1)
        verdict = streamer.command(f"hangup {number}")
        assert verdict.startswith("ok "), verdict
        server.settimeout(PATIENCE)
        if tls[1]:
            server = tls[1].wrap_socket(server, server_side=True)
        with server.accept()[0] as sock:
            bye = Reader(sock).next()
    assert bye.startswith(f"BYE {contact} SIP/2.0\r\n"), bye
    assert f"Route: <{contact};lr>" in bye, bye


def test_lost_connection(world):
    """a call outlives its connection; the BYE finds another way, by name too
    """
    streamer = answerer(world)
    _lose_connection(streamer, 1, "127.0.0.1")
    _lose_connection(streamer, 2, "localhost")
    with Caller(streamer.port) as caller:
        caller.contact = "Contact: <sip:a@nowhere.invalid>\r\n"
        caller.invite(offer())
        streamer.wait_log("handling sip accepted notification", 3)
    streamer.wait_log(" has ended: ", 5)
    assert streamer.command("hangup 3").startswith("ok ")
    streamer.wait_log("nowhere.invalid cannot be resolved")
    with Caller(streamer.port) as caller:
        caller.invite(offer())
        caller.connect()
        caller.update()
        assert streamer.command("hangup 4").startswith("ok ")
        caller.wait_bye()
    streamer.stop()


def test_lost_tls(world):
    """the same over TLS"""
    pair = world.authority.server()
    streamer = answerer(world, tls=pair)
    near = ssl.create_default_context(cafile=world.authority.bundle)
    far = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    far.load_cert_chain(pair.cert, pair.key)
    _lose_connection(streamer, 1, "127.0.0.1", (near, far))
    _lose_connection(streamer, 2, "localhost", (near, far))
    streamer.stop()


def test_two_addresses(world):
    """where one of a name's addresses is dead, the BYE goes to the other"""
    tap.skip_unless(tap.is_root(), "a host of two addresses takes root")
    hosts = world.write("hosts", "127.0.0.1 both\n127.86.1.1 both\n")
    pair = world.authority.server()
    streamer = answerer(world, tls=pair, before=(
        "unshare", "-m", "sh", "-c",
        f"mount --bind {hosts} /etc/hosts && exec \"$@\"", "sh"))
    near = ssl.create_default_context(cafile=world.authority.bundle)
    far = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    far.load_cert_chain(pair.cert, pair.key)
    for number, address in enumerate(("127.0.0.1", "127.86.1.1"), 1):
        _lose_connection(streamer, number, "both", address=address)
    _lose_connection(streamer, 3, "both", (near, far), "127.86.1.1")
    streamer.stop()


def test_hung_names(world):
    """a name server that never answers does not hold up the end"""
    tap.skip_unless(tap.is_root(), "a name server of its own takes root")
    conf = world.write("resolv.conf",
                       "nameserver 127.86.1.1\noptions timeout:30\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.86.1.1", 53))
        streamer = Streamer(world, before=(
            "unshare", "-m", "sh", "-c",
            f"mount --bind {conf} /etc/resolv.conf && exec \"$@\"", "sh"))
        with Caller(streamer.port) as caller:
            caller.invite(offer(), "rtmp://hung.example/live/a")
            silent.settimeout(PATIENCE)
            assert b"hung" in silent.recv(512)
            streamer.wait_call(state="connecting")
            begin = time.monotonic()
            streamer.stop()
            assert time.monotonic() - begin < 8
        streamer.wait_call(state="ended")


def test_slow(world):
    """half a message, and a connection without any, are ended"""
    streamer = answerer(world, sip_setup_timeout="1s")
    for data in (b"", b"OPTIONS sip:a SIP/2.0\r\n"):
        with socket.create_connection(("127.0.0.1", streamer.port)) as sock:
            sock.settimeout(PATIENCE)
            sock.sendall(data)
            assert sock.recv(1) == b""
    streamer.wait_log("has ended: too slow", 2)
    streamer.stop()


def test_media_stop(world):
    """a caller that sends nothing more is hung up, with the reason"""
    streamer = Streamer(world, media_timeout="1s")
    with Caller(streamer.port) as caller:
        caller.invite(offer())
        caller.wait_bye()
    streamer.wait_call(state="ended", why="its media have stopped")
    streamer.wait_log("call 1: ended: its media have stopped")
    wait_for(lambda: "ended: its media have stopped\n" in streamer.events())
    streamer.stop()


tap.main(World)
