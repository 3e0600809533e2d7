#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How fast the mount is, next to one of the same shape that answers constants:
`make bench-fs`. A line for each figure: bench NAME VALUE UNIT.

ls_ratio, ls_all_ratio      time of `ls -l` of 1 000 recordings and of `ls -lR` of
                            10 000, ours / tests/tools/constant-fs
find_ratio, grep_ratio      of `find` over all, of `grep -r` over 2 000
cat_ratio                   of `cat` of every fact of 1 000
rss_mib                     peak RSS with the 10 000
calls_cpu_percent           of one core, while the counters of 1 000 live calls
                            change each second and nobody reads
calls_rss_mib               peak RSS with these

Both are mounted in one run; each command runs on them in turn, ROUNDS times or
more, and the best counts. Before each, what the kernel remembers is over. Names
on the command line select.
"""

import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness.mount import Mount, skip_without_fuse  # noqa: E402
from harness.paths import built  # noqa: E402
from harness.tap import Skip  # noqa: E402
from harness.wait import wait_for  # noqa: E402
from harness.world import World  # noqa: E402

SPACES, RECORDINGS, CALLS = 10, 1000, 1000
ROUNDS = int(os.environ.get("ROUNDS", "3"))
COMMANDS = {
    "ls": "ls -l space-1", "ls_all": "ls -lR .", "find": "find .",
    "grep": "grep -rl nothing space-1 space-2", "cat": "cat space-1/*/*"}
# What takes a hundredth of a second meets others' work in most rounds.
MORE_ROUNDS = {"ls": 4 * ROUNDS}
AT_MOST = {"rss_mib": 64, "calls_rss_mib": 64, "calls_cpu_percent": 5,
           **{name + "_ratio": 1.5 for name in COMMANDS}}
missed = []


def tell(name, value, unit):
    print(f"bench {name} {value:.2f} {unit}", flush=True)
    if value > AT_MOST[name]:
        missed.append(name)


def seconds(command, top):
    time.sleep(1.1)
    begin = time.monotonic()
    subprocess.run(["sh", "-c", command], cwd=top, check=False,
                   stdout=subprocess.DEVNULL)
    return time.monotonic() - begin


def mount_constants(world, some):
    """The same numbers of folders and files."""
    top = world.folder("constant")
    files = len(os.listdir(os.path.join(some, os.listdir(some)[0])))
    world.start([built("tests/tools/constant-fs"), top, SPACES, RECORDINGS,
                 files])
    world.on_close(lambda: subprocess.run(["umount", "-l", top], check=False))
    wait_for(lambda: os.path.ismount(top))
    return top


def tell_rss(name, mount):
    tell(name, mount.process.peak_rss_bytes() / (1 << 20), "MiB")


def bench_recordings(world):
    mount = Mount(world)
    mount.daemon("uploader").order("fill", str(SPACES * RECORDINGS - 1))
    failed = mount.path("uploader/by-state/failed")
    wait_for(lambda: len(os.listdir(failed)) == SPACES * RECORDINGS // 4, 60)
    ours = mount.path("uploader/recordings/spaces")
    theirs = mount_constants(world, os.path.join(ours, "space-1"))
    for name, command in COMMANDS.items():
        best = [min(times) for times in zip(*(
            (seconds(command, ours), seconds(command, theirs))
            for _ in range(MORE_ROUNDS.get(name, ROUNDS))))]
        print(f"# {command}: {best[0]:.3f} s, constants {best[1]:.3f} s")
        tell(name + "_ratio", best[0] / best[1], "times")
    tell_rss("rss_mib", mount)


def bench_calls(world):
    mount = Mount(world)
    streamer = mount.daemon("streamer")
    streamer.order("fill", str(CALLS))
    streamer.order("churn", str(CALLS))
    wait_for(lambda: mount.peek(f"streamer/calls/{CALLS}/bitrate"))
    tell("calls_cpu_percent", mount.process.cpu_percent(20), "%")
    tell_rss("calls_rss_mib", mount)


def main():
    for name in sys.argv[1:] or ("recordings", "calls"):
        with World() as world:
            try:
                skip_without_fuse()
                globals()["bench_" + name](world)
            except Skip as reason:
                print(f"# {name} left out: {reason}")
    if missed:
        print("# missed: " + ", ".join(missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
