#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a call costs the streamer, next to what a user would start for it:
`make bench-streamer`. A line for each figure: bench NAME VALUE UNIT.

clear_cpu_ratio     CPU seconds of a stream-minute, ours / theirs, from RTP to
                    RTMP; 32 calls each, at the same time
secret_cpu_ratio    the same from SRTP (AES_CM_128_HMAC_SHA1_80) to RTMPS
*_cpu_ratio_200     ours with 200 calls, the 32 of theirs having gone
*_mib_call          what a call adds to our RSS, of 200
*_memory_ratio      that / the proportional set size of one of theirs
*_lost              packets that our 200 calls have missed, in a million

Theirs is one `ffmpeg -i call.sdp -c copy -f flv URL` for each call, the
cheapest of what can be had for it (GStreamer takes two to three times as much);
it has no signalling. A call is 720p30 of 2 Mb/s with AAC of 64 kb/s; both get it
from tests/caller and send it to the same nginx-rtmp. CPU is of these programs
alone, from /proc. Names on the command line select; SECONDS of the window and
CALLS in the environment make it shorter or smaller.
"""

import os
import random
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness.paths import built  # noqa: E402
from harness.rtmp import Nginx  # noqa: E402
from harness.streamer import Streamer  # noqa: E402
from harness.wait import TimedOut, wait_for  # noqa: E402
from harness.world import World  # noqa: E402

SECONDS = float(os.environ.get("SECONDS", "20"))
FEW, MANY = (int(n) for n in os.environ.get("CALLS", "32 200").split())
SUITE = "AES_CM_128_HMAC_SHA1_80"
SETTLE_SECONDS = 60  # at most, until all streams flow

# What must hold at most.
AT_MOST = {"clear_cpu_ratio": 0.3, "secret_cpu_ratio": 0.4,
           "clear_cpu_ratio_200": 0.2, "secret_cpu_ratio_200": 0.35,
           "clear_mib_call": 0.5, "secret_mib_call": 0.6,
           "clear_lost": 100, "secret_lost": 100}
missed = []

SDP = """v=0
o=- 0 0 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=video {video} {profile} 96
{crypto}a=rtpmap:96 H264/90000
a=fmtp:96 packetization-mode=1
m=audio {audio} {profile} 97
{crypto}a=rtpmap:97 MPEG4-GENERIC/48000/1
a=fmtp:97 profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;\
indexdeltalength=3;config=1188
"""


def tell(name, value, unit):
    print(f"bench {name} {value:.3f} {unit}", flush=True)
    if value > AT_MOST.get(name, value):
        missed.append(name)


def make_call(path):
    """Noise, so that the encoder needs all of its bit rate."""
    subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-y",
         "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30,noise=alls=12:allf=t",
         "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
         "-t", "6", "-c:v", "libx264", "-preset", "ultrafast", "-profile:v",
         "baseline", "-pix_fmt", "yuv420p", "-g", "60", "-b:v", "2M",
         "-maxrate", "2M", "-bufsize", "1M", "-threads", "1", "-c:a", "aac", "-b:a", "64k", "-ac", "1", path], check=True)
    return path


def free_ports(count):
    """The first of so many UDP ports in a row below the system's own range."""
    while True:
        first, sockets = random.randrange(10000, 30000, 4), []
        try:
            for port in range(first, first + count):
                sockets.append(socket.socket(socket.AF_INET,
                                             socket.SOCK_DGRAM))
                sockets[-1].bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
        finally:
            for sock in sockets:
                sock.close()


def rss_mib(process):
    return process.rss_bytes() / (1 << 20)


def pss_mib(process):
    with open(f"/proc/{process.pid}/smaps_rollup", encoding="ascii") as file:
        return sum(int(line.split()[1]) for line in file
                   if line.startswith("Pss:")) / 1024


class Bench:
    """Both sides, in the clear or with SRTP and TLS."""

    def __init__(self, world, secret):
        self.world, self.secret = world, secret
        self.made = world.authority.server()
        self.nginx = Nginx(world, self.made, count=True)
        self.clip = make_call(world.path("call.mp4"))
        self.url = (self.nginx.tls_url if secret else self.nginx.url)

    def caller(self, count, uri, *options):
        suite = ["-s", SUITE] if self.secret else []
        return self.world.start(
            [built("tests/caller/caller"), "-n", count, "-R", "20", "-t",
             "1h", *suite, *options, self.clip, uri], name="caller")

    def ours(self, count):
        """A streamer with so many calls, and what sends them."""
        streamer = Streamer(self.world, tls=self.made, calls_per_second="1000",
                            rtmps_bundle=self.world.authority.bundle,
                            session_expires="0s", media_timeout="0s")
        before = rss_mib(streamer.process)
        options = ["-T"] if self.secret else []
        caller = self.caller(
            count, f"sip:x@127.0.0.1:{streamer.port}", *options, "-u",
            self.url(f"ours{count}-%d").replace("127.0.0.1", "localhost"))
        return streamer, caller, before

    def theirs(self, count):
        """One ffmpeg for each call, and what sends them."""
        first = free_ports(4 * count)
        crypto = "" if not self.secret else (
            f"a=crypto:1 {SUITE} inline:"
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd\n")
        programs = []
        for number in range(count):
            video = first + 4 * number
            sdp = self.world.write(f"call{number}.sdp", SDP.format(
                video=video, audio=video + 2, crypto=crypto,
                profile="RTP/SAVP" if self.secret else "RTP/AVP"))
            programs.append(self.world.start(
                ["ffmpeg", "-nostdin", "-v", "error", "-protocol_whitelist",
                 "file,udp,rtp,srtp,crypto", "-i", sdp, "-c", "copy", "-f",
                 "flv", "-flvflags", "no_duration_filesize",
                 self.url(f"theirs-{number}")], name="ffmpeg"))
        caller = self.caller(count, f"sip:x@127.0.0.1:{first}", "-r", "-a",
                             "hbr")
        return programs, caller

    def wait_flow(self, count):
        """Until every stream is at its pace: a second of it has come.

        Three of four will do where the machine is too small for all.
        """
        def flowing():
            return sum(n > 250000 for n in self.nginx.received().values())
        try:
            wait_for(lambda: flowing() >= count, SETTLE_SECONDS)
        except TimedOut:
            print(f"# {flowing()} streams, not {count}", flush=True)
            assert flowing() >= 0.75 * count

    def cost(self, *sides):
        """CPU seconds of a stream-minute that arrived, for each side.

        Each is (processes, name of its streams): on a machine that is too
        small for all of it, a side pays only for what it brings.
        """
        begin, before, start = self.used(sides), self.nginx.received(), \
            time.monotonic()
        time.sleep(SECONDS)
        end, after = self.used(sides), self.nginx.received()
        seconds = time.monotonic() - start
        bytes_in = {name: after[name] - had for name, had in before.items()}
        whole = max(bytes_in.values())  # of a stream that lost nothing
        assert whole > seconds * 1.8e6 / 8, f"{whole} bytes in {seconds} s"
        minutes = [sum(n for name, n in bytes_in.items() if side in name) /
                   whole * seconds / 60 for _, side in sides]
        return [(b - a) / m for a, b, m in zip(begin, end, minutes)]

    @staticmethod
    def used(sides):
        return [sum(p.cpu_seconds() for p in processes)
                for processes, _ in sides]


def compare(world, name, secret):
    bench = Bench(world, secret)
    programs, sender = bench.theirs(FEW)
    streamer, caller, _ = bench.ours(FEW)
    bench.wait_flow(2 * FEW)
    ours, theirs = bench.cost(([streamer.process], "ours"),
                              (programs, "theirs"))
    pss = sum(pss_mib(p) for p in programs) / FEW
    print(f"# {name}: ours {ours:.4f}, theirs {theirs:.4f} CPU s a "
          f"stream-minute; theirs {pss:.1f} MiB", flush=True)
    tell(f"{name}_cpu_ratio", ours / theirs, "of theirs")
    for process in (caller, streamer.process, sender, *programs):
        process.kill()
    wait_for(lambda: not bench.nginx.received(), 30, "the end of all streams")
    streamer, caller, before = bench.ours(MANY)
    bench.wait_flow(MANY)
    many, sending = bench.cost(([streamer.process], "ours"),
                               ([caller], "ours"))
    mib = (rss_mib(streamer.process) - before) / MANY
    packets, lost = count_packets(streamer)
    print(f"# {name}: ours {many:.4f} with {MANY} calls, the caller "
          f"{sending:.4f}; {packets} packets, {lost} lost", flush=True)
    tell(f"{name}_cpu_ratio_{MANY}", many / theirs, "of theirs")
    tell(f"{name}_mib_call", mib, "MiB")
    tell(f"{name}_memory_ratio", mib / pss, "of theirs")
    tell(f"{name}_lost", lost * 1e6 / packets, "in a million")
    for process in (caller, streamer.process):
        process.kill()


def count_packets(streamer):
    """Packets and those that were missed, of all calls."""
    with open(os.path.join(streamer.dir, "counters"), encoding="ascii") as file:
        rows = [line.split(" ") for line in file if line[0] != "#"]
    # id duration fps bitrate packets lost: upcast-control(7)
    return (sum(int(row[4]) for row in rows), sum(int(row[5]) for row in rows))


def bench_clear(world):
    compare(world, "clear", False)


def bench_secret(world):
    compare(world, "secret", True)


def main():
    benches = {name[len("bench_"):]: function for name, function
               in globals().items() if name.startswith("bench_")}
    for name in sys.argv[1:] or benches:
        with World() as world:
            benches[name](world)
    if missed:
        print("# missed: " + ", ".join(missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
