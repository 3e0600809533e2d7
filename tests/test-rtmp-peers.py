#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The publisher on real RTMP servers, and what servers do to it."""

import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import tap  # noqa: E402
from harness.media import make_clip  # noqa: E402
from harness.rtmp import (Nginx, NodeMediaServer, Publisher,  # noqa: E402
                          Server, frames, is_open, packets)
from harness.wait import wait_for  # noqa: E402
from harness.world import World, free_port  # noqa: E402


class Shared:
    """The source, and what is in it."""
    file = None
    video = audio = None


def prepare(world):
    Shared.file = make_clip(world.path("source.flv"), size="320x180", gop=12,
                            b_pictures=2, sample_rate=48000)
    Shared.video = frames(Shared.file, "v")
    Shared.audio = frames(Shared.file, "a")


def check_whole(path):
    """Every frame, checksum for checksum; sound and picture in step."""
    assert frames(path, "v") == Shared.video
    assert frames(path, "a") == Shared.audio
    for kind in ("video", "audio"):
        was = [p for p in packets(Shared.file) if p[0] == kind]
        now = [p for p in packets(path) if p[0] == kind]
        shift = now[0][1] - was[0][1]
        worst = max(abs(n[1] - w[1] - shift) for n, w in zip(now, was))
        assert worst < 0.002, (kind, worst)
        assert abs(shift) < 0.04, (kind, shift)


def check_order(path):
    """Within a medium no time goes back."""
    for kind in ("video", "audio"):
        times = [p[1] for p in packets(path) if p[0] == kind]
        assert times == sorted(times), kind


def test_nginx(world):
    """nginx-rtmp gets every frame, in slices of 100 bytes too"""
    nginx = Nginx(world)
    kinds = {"whole": (), "cut": ("-f", "100"), "offset": ("-o", "4294960000")}
    publishers = [Publisher(world, Shared.file, nginx.url(name), *options)
                  for name, options in kinds.items()]
    for name, publisher in zip(kinds, publishers):
        result = publisher.result()
        assert result["status"] == 0, result
        assert result["video_dropped"] == "0", result
        check_whole(nginx.recording(name))


def test_ffmpeg_listen(world):
    """ffmpeg -listen gets every frame"""
    port = free_port()
    out = world.path("listen.flv")
    ffmpeg = world.start(
        ["ffmpeg", "-v", "error", "-nostdin", "-y", "-listen", "1", "-i",
         f"rtmp://127.0.0.1:{port}/live/x", "-c", "copy", "-f", "flv", out],
        name="ffmpeg")
    # It serves one connection only: no looking at the port.
    result = Publisher(world, Shared.file,
                       f"rtmp://127.0.0.1:{port}/live/x").result()
    assert result["status"] == 0, result
    ffmpeg.wait(20)
    assert frames(out, "v") == Shared.video
    check_order(out)


def test_node_media_server(world):
    """node-media-server, over RTMP and RTMPS, verified and pinned"""
    server = NodeMediaServer(world, world.authority.server())
    tls = f"rtmps://localhost:{server.tls_port}/live/"
    trust = ("-T", world.authority.bundle)
    for url, options in ((f"rtmp://127.0.0.1:{server.port}/live/a", ()),
                         (tls + "b", trust)):
        out = world.path(url[-1] + ".flv")
        publisher = Publisher(world, Shared.file, url, "-l", "2", *options)
        publisher.wait_log("RTMP publish successful")
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", url,
                        "-t", "1", "-c", "copy", out], check=True,
                       timeout=20)
        result = publisher.result()
        assert result["status"] == 0, result
        got = frames(out, "v")
        assert len(got) >= 20
        assert all(frame in Shared.video for frame in got)


def test_certificates(world):
    """a certificate that proves nothing is refused, with the reason"""
    authority = world.authority
    for made, host, words in (
            (authority.expired(), "localhost", "certificate has expired"),
            (authority.wrong_host(), "localhost", "hostname mismatch"),
            (authority.server(), "127.0.0.1", None)):
        server = Server(world, cert=made.cert, key=made.key)
        url = f"rtmps://{host}:{server.port}/live/x"
        publisher = Publisher(world, Shared.file, url, "-x", "700",
                              "-T", authority.bundle)
        result = publisher.result()
        if words:
            assert words in result["why"], result
            assert result["state"] == "retrying" and not server.count(
                "connect"), result
        else:
            server.wait("publish x")
        # and what the system trusts does not do
        result = Publisher(world, Shared.file, url, "-x", "500").result()
        assert "certificate is not trusted" in result["why"], result
        result = Publisher(world, Shared.file, url, "-x", "500",
                           "-n").result()
        assert result["state"] == "publishing", result


def pin_of(certificate):
    spki = subprocess.run(["openssl", "x509", "-in", certificate.cert,
                           "-pubkey", "-noout"], check=True,
                          capture_output=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"],
                         input=spki, check=True, capture_output=True).stdout
    digest = subprocess.run(["openssl", "dgst", "-sha256", "-binary"],
                            input=der, check=True,
                            capture_output=True).stdout
    return "sha256//" + subprocess.run(
        ["base64", "-w0"], input=digest, check=True,
        capture_output=True).stdout.decode()


def test_pin(world):
    """a pinned key needs no authority, another key does not do"""
    made = world.authority.server()
    other = world.authority.issue("other")
    server = Server(world, cert=made.cert, key=made.key)
    url = f"rtmps://127.0.0.1:{server.port}/live/x"
    for pins, state in ((pin_of(other) + "," + pin_of(made), "publishing"),
                        (pin_of(other), "retrying")):
        result = Publisher(world, Shared.file, url, "-x", "700", "-P",
                           pins).result()
        assert result["state"] == state, result


def test_authentication(world):
    """adobe and llnw, with a password of special characters"""
    password = "p@:/?#&= %ü"
    kinds = (("adobe", "live"), ("llnw", "live"), ("llnw", "live/inst"))
    calls = []
    for scheme, app in kinds:
        flv = world.path(f"{scheme}-{app.replace('/', '-')}.flv")
        server = Server(world, auth=scheme, user="us@er", password=password,
                        flv=flv)
        url = "rtmp://us@er:p@:%2F?#&=%20%25%C3%BC@127.0.0.1:" \
              f"{server.port}/{app}/room?x=1"
        calls.append((scheme, flv, server,
                      Publisher(world, Shared.file, url)))
    for scheme, flv, server, publisher in calls:
        result = publisher.result()
        assert result["status"] == 0, result
        assert server.count("connect") == 3
        assert server.count("publish room?x=1") == 1
        assert server.count("pong 12345") == 1
        assert server.count("C2 is no echo") == 0
        check_whole(flv)
        log = publisher.process.log_text()
        assert f"authenticating (authmod={scheme})" in log
        assert "p@:" not in log and "p%40" not in log, log


def test_wrong_password(world):
    """a wrong password is not tried again and again"""
    for scheme in ("adobe", "llnw"):
        server = Server(world, auth=scheme, user="u", password="right")
        for user, words in (("u:wrong@", "refused the password"),
                            ("x:right@", "does not know the user"),
                            ("", "no username or password")):
            before = server.count("connect")
            url = f"rtmp://{user}127.0.0.1:{server.port}/live/x"
            result = Publisher(world, Shared.file, url).result()
            assert result["state"] == "failed", result
            assert words in result["why"], result
            assert server.count("connect") - before <= 3


def test_killed(world):
    """a server killed and started again soon has the stream"""
    nginx = Nginx(world)
    publisher = Publisher(world, Shared.file, nginx.url("x"), "-l", "5")
    wait_for(lambda: nginx.recordings("x"), what="recording")
    nginx.kill()
    publisher.wait_log("retrying (1/3)...")
    publisher.wait_log("retrying (2/3)...")
    before = len(nginx.recordings("x"))
    nginx.start()
    begin = time.monotonic()
    wait_for(lambda: publisher.process.log_text().count(
        "RTMP publish successful") == 2, what="second publish")
    # 3 s where the machine is not busy.
    assert time.monotonic() - begin < 8, time.monotonic() - begin
    result = publisher.result()
    assert result["status"] == 0 and result["reconnects"] == "1", result
    again = wait_for(lambda: nginx.recordings("x")[before:],
                     what="second recording")
    # It begins with a key frame at 0, and all of it can be decoded.
    got = frames(again[-1], "v")
    assert got and all(frame in Shared.video for frame in got)
    assert packets(again[-1])[0][1] < 0.1
    check_order(again[-1])


def test_refused(world):
    """what a server says against it, and that it is tried again"""
    for code, option in (("NetStream.Publish.BadName", "refuse"),
                         ("NetStream.Publish.Denied", "refuse"),
                         ("NetStream.Failed", "ban")):
        server = Server(world, **{option: code})
        url = f"rtmp://127.0.0.1:{server.port}/live/x"
        publisher = Publisher(world, Shared.file, url)
        server.wait("publish", 2)
        publisher.process.kill()
        assert code in publisher.process.log_text()
    assert "Connection refused" in _trouble(world, free_port())


def _trouble(world, port, host="127.0.0.1", milliseconds=20000):
    """What holds a publisher that goes on trying."""
    publisher = Publisher(world, Shared.file, f"rtmp://{host}:{port}/live/x",
                          "-t", milliseconds)
    publisher.wait_log("state=retrying why=")
    publisher.process.kill()
    return publisher.process.log_text()


def test_secret_repeated(world):
    """a server that repeats the name of the stream does not give it away"""
    server = Server(world, refuse="NetStream.Publish.BadName")
    publisher = Publisher(
        world, Shared.file, f"rtmp://127.0.0.1:{server.port}/live/hush",
        "-x", "1000")
    result = publisher.result()
    assert "BadName: ***" in result["why"], result
    assert "hush" not in publisher.process.log_text()


def test_no_such_host(world):
    """a name that does not resolve, and a server of another protocol"""
    assert "cannot be resolved" in _trouble(world, 1935,
                                            "no-such-host.invalid")
    http = world.start([sys.executable, "-m", "http.server", "--bind",
                        "127.0.0.1", str(port := free_port())])
    wait_for(lambda: is_open(port), what="HTTP server")
    why = _trouble(world, port, milliseconds=1000)
    assert "does not speak RTMP" in why or "no answer" in why, why
    http.kill()


def test_silent(world):
    """a server that says nothing is given up after the time-out"""
    server = Server(world)
    server.process.suspend()
    assert "no answer from" in _trouble(world, server.port, milliseconds=800)
    server.process.resume()


def test_vanished(world):
    """a host that goes off the network is noticed, and looked for every 3 s"""
    server = Server(world)
    # So slow that what is not acknowledged would fit for a minute.
    publisher = Publisher(world, Shared.file,
                          f"rtmp://127.0.0.1:{server.port}/live/x",
                          "-s", "0.1", "-l", "99", "-t", "1000")
    server.wait("message 9")
    server.process.signal(signal.SIGUSR1)
    publisher.wait_log("state=retrying why=127.0.0.1:"
                       f"{server.port}: Connection timed out")
    publisher.process.kill()
    publisher = Publisher(world, Shared.file,
                          f"rtmp://127.0.0.1:{server.port}/live/y",
                          "-t", "60000")
    publisher.wait_log("retrying (1/3)...")
    server.process.signal(signal.SIGUSR2)
    server.wait("publish y")
    publisher.process.kill()
    assert publisher.process.log_text().count("Connection timed out")


def test_stalled(world):
    """a server that takes nothing costs pictures, then the connection"""
    server = Server(world, stall=True)
    url = f"rtmp://127.0.0.1:{server.port}/live/x"
    publisher = Publisher(world, Shared.file, url, "-s", "20", "-l", "500",
                          "-b", "200000", "-t", "1000", "-x", "8000")
    publisher.wait_log("takes nothing any more")
    server.wait("publish", 2)
    rss = publisher.process.peak_rss_bytes()
    result = publisher.result()
    assert int(result["video_dropped"]) > 100, result
    assert rss < 64 << 20, rss


def test_slow(world):
    """a slow server gets what can be decoded, and nothing grows"""
    flv = world.path("slow.flv")
    server = Server(world, flv=flv, rcvbuf=32768)
    url = f"rtmp://127.0.0.1:{server.port}/live/x"
    publisher = Publisher(world, Shared.file, url, "-s", "8", "-l", "20",
                          "-b", "60000")
    publisher.wait_log("RTMP publish successful")
    for _ in range(4):
        server.process.suspend()
        time.sleep(0.7)
        server.process.resume()
        time.sleep(0.5)
    result = publisher.result()
    assert int(result["video_dropped"]) > 0, result
    assert result["reconnects"] == "0", result
    got = frames(flv, "v")
    assert len(got) > 200
    wrong = sum(frame not in Shared.video for frame in got)
    assert wrong == 0, f"{wrong} of {len(got)} pictures are broken"
    check_order(flv)


def test_moves(world):
    """to another URL in mid-call, and when the server asks for it"""
    first, second = Server(world), Server(world)
    url = "rtmp://127.0.0.1:{}/live/{}"
    publisher = Publisher(world, Shared.file, url.format(first.port, "x"),
                          "-l", "2", "-m",
                          "1000," + url.format(second.port, "y"))
    second.wait("publish y")
    first.wait("command deleteStream")
    assert first.count("command FCUnpublish") == 1
    result = publisher.result()
    assert result["status"] == 0, result
    assert second.count("message 9") > 20
    server = Server(world, move="")
    result = Publisher(world, Shared.file,
                       url.format(server.port, "x")).result()
    assert result["status"] == 0 and result["reconnects"] == "1", result
    assert server.count("publish x") == 2


def test_sent_away(world):
    """a server names another; what fails there comes back"""
    url = "rtmp://{}127.0.0.1:{}/{}"
    other = Server(world)
    first = Server(world, move=url.format("", other.port, "far/away"))
    result = Publisher(world, Shared.file,
                       url.format("u:secret@", first.port, "live/x?y=1")
                       ).result()
    assert result["status"] == 0 and result["reconnects"] == "1", result
    assert first.count("command deleteStream") == 1
    assert other.count("connect far/away " +
                       url.format("", other.port, "far/away")) == 1
    assert other.count("publish x?y=1") == 1
    for move, words in ((url.format("", free_port(), "x"),
                         "Connection refused"),
                        ("http://127.0.0.1/x", "is no RTMP URL"),
                        ("rtmp://elsewhere.example/x",
                         "is not in allowed_targets")):
        first = Server(world, move=move)
        publisher = Publisher(world, Shared.file,
                              url.format("", first.port, "live/x"), "-a",
                              "127.0.0.1", "-l", "9", "-x", "6000")
        first.wait("publish x", 2)
        publisher.process.kill()
        assert words in publisher.process.log_text()


def test_digest(world):
    """the digest form of the handshake, where it is wanted and elsewhere"""
    server = Server(world, digest=True)
    url = f"rtmp://127.0.0.1:{server.port}/live/x"
    result = Publisher(world, Shared.file, url, "-d", "-s", "4").result()
    assert result["status"] == 0, result
    assert server.count("digest right") == 1, server.lines()
    result = Publisher(world, Shared.file, url, "-x", "500").result()
    assert result["state"] == "retrying", result
    assert server.count("C1 without digest") == 1, server.lines()
    nginx, plain = Nginx(world), Server(world)
    for target in (nginx.url("d"), f"rtmp://127.0.0.1:{plain.port}/live/d"):
        publisher = Publisher(world, Shared.file, target, "-d", "-s",
                              "4")
        assert publisher.result()["status"] == 0
        assert ("knows our digest" in publisher.process.log_text()) == \
            (target == nginx.url("d"))
    assert plain.count("C2 is no echo") == 0
    check_whole(nginx.recording("d"))


def test_talk(world):
    """a server that talks without end does not fill the log"""
    server = Server(world, talk=500)
    publisher = Publisher(world, Shared.file,
                          f"rtmp://127.0.0.1:{server.port}/live/x", "-s", "4")
    assert publisher.result()["status"] == 0
    log = publisher.process.log_text()
    lines = log.count("window size") + log.count("Bandwidth")
    assert 4 < lines < 64, lines


def test_allowed(world):
    """a target that is not allowed is not connected to"""
    server = Server(world)
    publisher = Publisher(world, Shared.file,
                          f"rtmp://127.0.0.1:{server.port}/live/x", "-a",
                          "*.example.com")
    assert publisher.process.wait() == 2
    assert "is not in allowed_targets" in publisher.process.log_text()
    assert server.count("connect") == 0


tap.main(World, prepare)
