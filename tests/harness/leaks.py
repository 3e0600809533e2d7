# SPDX-License-Identifier: MIT
"""Has a secret got out? Searches files and processes for it.

    password = new_secret()
    ...
    leaks = find_leaks({"rev password": password}, [world.dir])
    assert not leaks, leaks

A leak is named, never quoted. Every process of the machine is looked at:
secrets must be new ones, or tests that run beside each other find theirs.
"""

import base64
import json
import os
import stat
from secrets import token_hex
from urllib.parse import quote

CHUNK = 1 << 20


def new_secret():
    """Text that is nowhere yet, with characters that get quoted."""
    return f'p {token_hex(8)}+"\u00f8'


def _disguises(secret):
    """How the bytes of a secret may look."""
    raw = secret.encode()
    yield raw
    yield quote(secret, safe="").encode()
    yield json.dumps(secret)[1:-1].encode()
    yield json.dumps(secret, ensure_ascii=False)[1:-1].encode()
    # In base64 a secret within other text has three phases.
    for phase in range(3):
        coded = base64.b64encode(b"\0" * phase + raw).rstrip(b"=")
        skip = -(-phase * 8 // 6)
        inner = coded[skip:len(coded) - 1]
        if len(inner) >= 8:
            yield inner


def _needles(secrets):
    return {name: set(_disguises(value)) for name, value in secrets.items()}


def _search(data, needles):
    return [name for name, looks in needles.items()
            if any(look in data for look in looks)]


def _search_file(path, needles):
    longest = max(len(look) for looks in needles.values() for look in looks)
    found, tail = set(), b""
    try:
        with open(path, "rb") as file:
            while data := file.read(CHUNK):
                found.update(_search(tail + data, needles))
                tail = data[-longest:]
    except OSError:
        pass
    return found


def _files(tops, skip):
    skip = {os.path.realpath(path) for path in skip}
    for top in tops:
        for folder, folders, names in os.walk(top):
            folders[:] = [name for name in folders if os.path.realpath(
                os.path.join(folder, name)) not in skip]
            for name in names:
                path = os.path.join(folder, name)
                try:
                    mode = os.lstat(path).st_mode
                except OSError:
                    continue
                if stat.S_ISREG(mode) and os.path.realpath(path) not in skip:
                    yield path


def find_leaks(secrets, tops, skip=(), pids=None):
    """Where secrets show: a list of sentences.

    `tops` are searched below, `skip` are files and folders where a secret
    belongs. `pids` are the processes whose arguments and environment are
    read, all by default.
    """
    needles = _needles(secrets)
    leaks = [f"{name} in {path}" for path in _files(tops, skip)
             for name in sorted(_search_file(path, needles))]
    for pid in pids or [n for n in os.listdir("/proc") if n.isdigit()]:
        if str(pid) == str(os.getpid()):
            continue
        for what in ("cmdline", "environ"):
            leaks += [f"{name} in {what} of process {pid}" for name in
                      sorted(_search_file(f"/proc/{pid}/{what}", needles))]
    return leaks
