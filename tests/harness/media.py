# SPDX-License-Identifier: MIT
"""Real media: recordings, clips for calls, and ffmpeg as a sender of RTP."""

import os
import shutil
import subprocess

from harness.tap import skip_unless

FRAGMENTED = "frag_keyframe+empty_moov+default_base_moof"
BLOCK = 1 << 20


def make_mp4(path, seconds=2, size="320x180", rate=25, faststart=True,
             fragmented=False, mfra=True, tone=440, min_bytes=0,
             sample_rate=48000):
    """Writes a recording and returns its path.

    fragmented: moov first, then fragments; closed by mfra or not.
    min_bytes: a free box at the end makes it exactly so long.
    """
    skip_unless(shutil.which("ffmpeg"), "ffmpeg is not installed")
    flags = []
    if fragmented:
        flags = [FRAGMENTED + ("" if mfra else "+skip_trailer")]
    elif faststart:
        flags = ["faststart"]
    command = [
        "ffmpeg", "-v", "error", "-nostdin", "-y",
        "-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}",
        "-f", "lavfi", "-i", f"sine=frequency={tone}:sample_rate={sample_rate}",
        "-t", str(seconds), "-c:v", "libx264", "-preset", "ultrafast",
        "-threads", "1", "-pix_fmt", "yuv420p", "-g", str(rate),
        "-c:a", "aac", "-b:a", "64k", "-threads", "1"]
    for flag in flags:
        command += ["-movflags", flag]
    subprocess.run([*command, "-f", "mp4", path], check=True)
    if min_bytes:
        pad(path, min_bytes)
    return path


def make_clip(path, seconds=3, size="640x360", rate=25, gop=25, b_pictures=0,
              sample_rate=32000):
    """Writes a clip for calls, mono, and returns its path."""
    skip_unless(shutil.which("ffmpeg"), "ffmpeg is not installed")
    profile = ["main", "-bf", str(b_pictures), "-b_strategy", "0"] \
        if b_pictures else ["baseline"]
    subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-y",
         "-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}",
         "-f", "lavfi", "-i", f"sine=frequency=440:sample_rate={sample_rate}",
         "-t", str(seconds), "-c:v", "libx264", "-preset", "ultrafast",
         "-profile:v", *profile, "-pix_fmt", "yuv420p", "-g", str(gop),
         "-threads", "1", "-c:a", "aac", "-b:a", "48k", "-ac", "1", path],
        check=True)
    return path


def send_rtp(world, file, ports, audio="latm", secret=None, loop=0):
    """ffmpeg as the bridge: video and audio, each a stream of its own.

    `ports`: of audio and video. `secret`: suite and key, in base64.
    """
    codec = {"latm": ["copy", "-rtpflags", "latm"], "hbr": ["copy"],
             "opus": ["libopus"], "pcmu": ["pcm_mulaw", "-ar", "8000"]}[audio]
    crypto = ["-srtp_out_suite", secret[0], "-srtp_out_params", secret[1]] \
        if secret else []
    urls = [f"{'srtp' if secret else 'rtp'}://127.0.0.1:{port}?pkt_size=1200"
            for port in ports]
    return world.start(
        ["ffmpeg", "-v", "error", "-nostdin", "-re", "-stream_loop", loop,
         "-i", file, "-map", "0:v", "-c", "copy", "-bsf:v",
         "h264_mp4toannexb,dump_extra=freq=keyframe", "-payload_type", "96",
         "-f", "rtp", *crypto, urls[1],
         "-map", "0:a", "-c", *codec, "-payload_type", "97", "-f", "rtp",
         *crypto, urls[0]], name="ffmpeg")


def pad(path, total):
    """Appends a free box of random bytes up to a length of `total`."""
    left = total - os.path.getsize(path)
    if left == 0:
        return
    assert left >= 16, "no room for a free box"
    with open(path, "ab") as file:
        # A size of 1 says that the true one follows, in 64 bits.
        file.write(b"\0\0\0\1free" + left.to_bytes(8, "big"))
        left -= 16
        block = os.urandom(min(left, BLOCK))
        while left:
            piece = block[:min(left, BLOCK)]
            file.write(piece)
            left -= len(piece)


def boxes(path):
    """(type, offset, length) of the top-level boxes."""
    found, at, end = [], 0, os.path.getsize(path)
    with open(path, "rb") as file:
        while at + 8 <= end:
            file.seek(at)
            head = file.read(16)
            length = int.from_bytes(head[:4], "big")
            if length == 1:
                length = int.from_bytes(head[8:], "big")
            found.append((head[4:8].decode("latin-1"), at, length))
            if length < 8:
                break
            at += length
    return found


def duration(path):
    """Seconds, as ffprobe tells."""
    out = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", "format=duration",
         "-of", "default=nw=1:nk=1", path], check=True,
        capture_output=True, text=True).stdout
    return float(out)
