#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Certificates for tests: one authority, and servers good and bad.

    make_certs.py DIR

DIR/ca.pem signs good (localhost and 127.0.0.1), expired and other (another
host's); DIR/stranger.pem is an authority that signed nothing. Keys are beside
them, *.key.
"""
import os
import subprocess
import sys

CA_CONF = """
[ca]
default_ca = d
[d]
dir = {dir}
database = {dir}/index
serial = {dir}/serial
new_certs_dir = {dir}
certificate = {dir}/ca.pem
private_key = {dir}/ca.key
default_md = sha256
policy = p
unique_subject = no
copy_extensions = copy
[p]
commonName = supplied
"""


def openssl(*args):
    subprocess.run(["openssl", *args], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_certs(d):
    """One authority; certificates that are good, expired, and another's."""
    with open(f"{d}/ca.conf", "w") as f:
        f.write(CA_CONF.format(dir=d))
    open(f"{d}/index", "w").close()
    with open(f"{d}/serial", "w") as f:
        f.write("01\n")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *key, "-keyout", f"{d}/ca.key", "-out",
            f"{d}/ca.pem", "-subj", "/CN=Test CA", "-days", "2")
    openssl("req", "-x509", *key, "-keyout", f"{d}/stranger.key", "-out",
            f"{d}/stranger.pem", "-subj", "/CN=Stranger", "-days", "2")
    local = "DNS:localhost,IP:127.0.0.1"
    for name, host, names, start, end in (
            ("good", "localhost", local, "20240101000000Z",
             "20991231000000Z"),
            ("expired", "localhost", local, "20200101000000Z",
             "20200201000000Z"),
            ("other", "elsewhere.test", "DNS:elsewhere.test",
             "20240101000000Z", "20991231000000Z")):
        openssl("req", "-new", *key, "-keyout", f"{d}/{name}.key", "-out",
                f"{d}/{name}.csr", "-subj", f"/CN={host}", "-addext",
                f"subjectAltName={names}")
        openssl("ca", "-batch", "-notext", "-config", f"{d}/ca.conf", "-in",
                f"{d}/{name}.csr", "-out", f"{d}/{name}.pem", "-startdate",
                start, "-enddate", end)


if __name__ == "__main__":
    os.makedirs(sys.argv[1], exist_ok=True)
    make_certs(sys.argv[1])
