#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the golden RTP packets of this folder again, with ffmpeg's muxer.

Each NAME.rtp holds packets behind two bytes of length each (big-endian);
what they carry is in h264.h264 (start codes) or aac.adts; the session
description that goes with them is NAME.sdp.
"""
import os
import socket
import struct
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
VIDEO = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25', '-frames:v',
         '12', '-pix_fmt', 'yuv420p', '-c:v', 'libx264', '-profile:v', 'baseline', '-g', '6',
         '-crf', '30', '-x264-params', 'slices=2:aud=1', '-threads', '1',
         '-fflags', '+bitexact', '-flags', '+bitexact']
AUDIO = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=32000', '-t',
         '0.4', '-c:a', 'aac', '-b:a', '48k', '-ac', '1', '-fflags',
         '+bitexact', '-flags', '+bitexact']
CASES = {
    'h264-mode1': (VIDEO, 'h264', [], ['-bsf:v',
                    'h264_mp4toannexb,dump_extra=freq=keyframe']),
    'aac-latm': (AUDIO, 'adts', ['-rtpflags', 'latm'], []),
    'aac-hbr': (AUDIO, 'adts', [], []),
}


def ffmpeg(*args):
    subprocess.run(['ffmpeg', '-v', 'error', '-nostdin', '-y', *args],
                   check=True)


def make(name, source, ext, flags, bsf):
    plain = os.path.join(HERE, f'{name.split("-")[0]}.{ext}')
    sdp = os.path.join(HERE, name + '.sdp')
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(('127.0.0.1', 0))
    sock.settimeout(0.5)
    port = sock.getsockname()[1]
    with tempfile.TemporaryDirectory() as tmp:
        clip = os.path.join(tmp, 'clip.mp4')
        ffmpeg(*source, clip)
        ffmpeg('-i', clip, '-c', 'copy', plain)
        ffmpeg('-re', '-i', clip, '-c', 'copy', *bsf, '-f', 'rtp', *flags,
               '-sdp_file', sdp, f'rtp://127.0.0.1:{port}?pkt_size=500')
    with open(os.path.join(HERE, name + '.rtp'), 'wb') as out:
        try:
            while True:
                data = sock.recv(2048)
                out.write(struct.pack('>H', len(data)) + data)
        except socket.timeout:
            pass


for case, (args) in CASES.items():
    make(case, *args)
