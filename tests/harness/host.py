# SPDX-License-Identifier: MIT
"""A host of its own, as far as files go: /etc, /run, /var/log and /var/lib.

A mount namespace, so that programs find settings, certificates and the control
directory where they look by default, with the users that the packages make,
and nothing of the machine changes. Network and processes are the machine's.
"""

import os
import subprocess

from harness.cli import Result, Typist
from harness.paths import built
from harness.tap import is_root, skip_unless

ENTER = """set -e
cp -a /etc "$0/etc"
cat "$0/users" >>"$0/etc/passwd"
cat "$0/groups" >>"$0/etc/group"
mkdir -p "$0/etc/upcast/certs" "$0/etc/upcast/secrets" "$0/run/upcast" \
	"$0/log" "$0/lib/upcast/uploader"
mount --bind "$0/etc" /etc
mount --bind "$0/run" /run
mount --bind "$0/log" /var/log
mount --bind "$0/lib" /var/lib
echo ready
exec cat
"""

USERS = ("upcast-streamer", "upcast-uploader")


class Host:
    """`bin` is a folder for stand-ins, the first in PATH."""

    def __init__(self, world):
        skip_unless(is_root(), "a mount namespace takes root")
        self._world = world
        self.dir = world.folder(f"host-{world.number()}")
        self.bin = os.path.join(self.dir, "bin")
        os.mkdir(self.bin)
        for name, line in (("users", "{0}:x:{1}:{1}::/:/bin/false\n"),
                           ("groups", "{0}:x:{1}:\n")):
            with open(os.path.join(self.dir, name), "w",
                      encoding="ascii") as file:
                file.writelines(line.format(user, 64001 + number)
                                for number, user in enumerate(USERS))
        self._holder = world.start(
            ["unshare", "-m", "--propagation", "private", "sh", "-c", ENTER,
             self.dir], stdin=subprocess.PIPE, capture=True)
        skip_unless(self._holder.stdout.readline() == "ready\n",
                    "no mount namespace: " + self._holder.log_text())

    def path(self, name):
        """Where a file of the host is, seen from outside."""
        for inside, outside in (("/var/", ""), ("/", "")):
            if name.startswith(inside):
                return os.path.join(self.dir, outside, name[len(inside):])
        raise ValueError(name)

    def write(self, name, text, mode=0o644):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def stand_in(self, name, script):
        """A shell script in the place of a program."""
        path = os.path.join(self.bin, name)
        with open(path, "w", encoding="ascii") as file:
            file.write("#!/bin/sh\n" + script)
        os.chmod(path, 0o755)

    def environment(self):
        folders = [self.bin, *map(built, ("cli", "streamer", "uploader",
                                          "fs"))]
        return {**os.environ, "HOME": self.dir,
                "PATH": os.pathsep.join([*folders, os.environ["PATH"]])}

    def argv(self, *words):
        return ["nsenter", "-m", "-t", str(self._holder.pid),
                "--wd=" + self.dir, "--", *map(str, words)]

    def run(self, command, stdin=""):
        """A line for the shell; its Result."""
        return Result(subprocess.run(
            self.argv("sh", "-c", command), input=stdin, text=True,
            capture_output=True, timeout=60, check=False,
            env=self.environment()))

    def start(self, *argv):
        """A program that runs: a Process."""
        return self._world.start(self.argv(*argv), name=argv[0],
                                 env=self.environment())

    def shell(self, *words):
        """Words typed into a program on a pseudo-terminal: a Typist."""
        return Typist(["/usr/bin/" + self.argv()[0], *self.argv(*words)[1:]],
                      self.environment(), self._world)
