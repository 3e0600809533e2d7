#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""upcast-fs with 10 000 recordings against a file system of the same shape that
answers constants: ls, find, cat and grep take at most 1.5 times as long.

Both are mounted in one run; each command runs in turn on both, the best of
three counts.
"""

import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import tap  # noqa: E402
from harness.mount import Mount, skip_without_fuse  # noqa: E402
from harness.paths import built  # noqa: E402
from harness.wait import wait_for  # noqa: E402
from harness.world import World  # noqa: E402

SPACES, RECORDINGS, ROUNDS, ALLOWED = 10, 1000, 3, 1.5


class Shared:
    """The folders above the spaces."""
    ours = None
    theirs = None
    mount = None


def prepare(world):
    skip_without_fuse()
    Shared.mount = mount = Mount(world)
    mount.daemon("uploader").order("fill", str(SPACES * RECORDINGS - 1))
    wait_for(lambda: len(os.listdir(mount.path("uploader/by-state/failed")))
             == SPACES * RECORDINGS // 4, 60)
    Shared.ours = mount.path("uploader/recordings/spaces")
    some = os.path.join(Shared.ours, "space-1")
    files = len(os.listdir(os.path.join(some, os.listdir(some)[0])))
    Shared.theirs = world.folder("constant")
    constant = world.start([built("tests/tools/constant-fs"), Shared.theirs,
                            str(SPACES), str(RECORDINGS), str(files)])
    world.on_close(lambda: subprocess.run(["umount", "-l", Shared.theirs],
                                          check=False))
    wait_for(lambda: os.path.ismount(Shared.theirs) or not constant.alive)


def seconds(command, top):
    time.sleep(1.1)  # what the kernel remembers is over
    begin = time.monotonic()
    subprocess.run(["sh", "-c", command], cwd=top, check=False,
                   stdout=subprocess.DEVNULL)
    return time.monotonic() - begin


def compare(command):
    ours, theirs = [], []
    for _ in range(ROUNDS):
        theirs.append(seconds(command, Shared.theirs))
        ours.append(seconds(command, Shared.ours))
    ratio = min(ours) / min(theirs)
    print(f"# {command}: {min(ours):.3f} s, constants {min(theirs):.3f} s, "
          f"{ratio:.2f} times; {Shared.mount.process.peak_rss_bytes() >> 20}"
          " MiB")
    assert ratio <= ALLOWED


def test_ls(world):
    """ls -l of a space"""
    compare("ls -l space-1")


def test_ls_all(world):
    """ls -lR"""
    compare("ls -lR .")


def test_find(world):
    """find"""
    compare("find .")


def test_cat(world):
    """cat of one fact of a thousand recordings"""
    compare("cat space-1/*/* > /dev/null")


def test_grep(world):
    """grep -r"""
    compare("grep -rl nothing space-1 space-2")


def test_memory(world):
    """less than 64 MiB"""
    assert Shared.mount.process.peak_rss_bytes() < 64 << 20


if __name__ == "__main__":
    tap.main(World, prepare)
