#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Certificates for tests written in C, by the names that they know.

    make_certs.py DIR

DIR/ca.pem signs good (localhost and 127.0.0.1), expired and other (another
host's); DIR/stranger.pem is an authority that signed none of these. Keys are
beside them, *.key.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness.certs import Authority  # noqa: E402


def make_certs(folder):
    names = {"ca.pem": "ca.crt"}
    authority = Authority(folder)
    for name, made in (("good", authority.server()),
                       ("expired", authority.expired()),
                       ("other", authority.wrong_host())):
        names[f"{name}.pem"] = os.path.basename(made.cert)
        names[f"{name}.key"] = os.path.basename(made.key)
    stranger = os.path.join(folder, "stranger")
    os.mkdir(stranger)
    Authority(stranger)
    names["stranger.pem"] = "stranger/ca.crt"
    for link, target in names.items():
        if link != target:
            os.symlink(target, os.path.join(folder, link))


if __name__ == "__main__":
    make_certs(sys.argv[1])
