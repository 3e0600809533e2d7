# SPDX-License-Identifier: MIT
"""Certificates for tests, by the openssl program."""

import os
import subprocess
from datetime import datetime, timedelta, timezone

LOOPBACK = ("IP:127.0.0.1", "IP:::1", "DNS:localhost")


def _openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def _stamp(days):
    when = datetime.now(timezone.utc) + timedelta(days=days)
    return when.strftime("%Y%m%d%H%M%SZ")


class Certificate:
    """Paths of a certificate and its key."""

    def __init__(self, folder, name):
        self.cert = os.path.join(folder, name + ".crt")
        self.key = os.path.join(folder, name + ".key")


class Authority:
    """A CA of its own; `bundle` is what a client trusts."""

    def __init__(self, folder):
        self._folder = folder
        self._ca = Certificate(folder, "ca")
        self.bundle = self._ca.cert
        self._database()
        self._key(self._ca)
        _openssl("req", "-x509", "-new", "-key", self._ca.key, "-days", "30",
                 "-subj", "/CN=upcast test CA", "-addext",
                 "keyUsage=critical,keyCertSign,cRLSign",
                 "-out", self._ca.cert)

    def _path(self, name):
        return os.path.join(self._folder, name)

    def _database(self):
        """`openssl ca` signs with any dates; Debian 12's x509 does not."""
        with open(self._path("index.txt"), "w", encoding="ascii"):
            pass
        with open(self._path("serial"), "w", encoding="ascii") as file:
            file.write("1000\n")
        with open(self._path("ca.cnf"), "w", encoding="ascii") as file:
            file.write(f"""[ca]
default_ca = test
[test]
dir = {self._folder}
new_certs_dir = $dir
database = $dir/index.txt
serial = $dir/serial
certificate = $dir/ca.crt
private_key = $dir/ca.key
default_md = sha256
policy = any
copy_extensions = copy
x509_extensions = server
unique_subject = no
[server]
basicConstraints = critical, CA:FALSE
authorityKeyIdentifier = keyid
subjectKeyIdentifier = hash
[any]
commonName = supplied
""")

    @staticmethod
    def _key(certificate):
        _openssl("genpkey", "-algorithm", "EC", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-out", certificate.key)
        os.chmod(certificate.key, 0o600)

    def issue(self, name, alt_names=LOOPBACK, from_days=-1, days=10):
        """A server certificate, valid from `from_days` for `days` days."""
        made = Certificate(self._folder, name)
        request = self._path(name + ".csr")
        self._key(made)
        _openssl("req", "-new", "-key", made.key, "-subj", f"/CN={name}",
                 "-addext", "subjectAltName=" + ",".join(alt_names),
                 "-out", request)
        self.sign(request, made.cert, from_days, days)
        return made

    def sign(self, request, certificate, from_days=-1, days=10):
        """Makes a certificate of a request, whatever its subject is."""
        _openssl("ca", "-batch", "-config", self._path("ca.cnf"),
                 "-startdate", _stamp(from_days),
                 "-enddate", _stamp(from_days + days), "-notext",
                 "-in", request, "-out", certificate)

    def server(self):
        """Good for 127.0.0.1, ::1 and localhost; the same one each time."""
        made = Certificate(self._folder, "localhost")
        return made if os.path.exists(made.cert) else self.issue("localhost")

    def expired(self):
        return self.issue("expired", from_days=-20, days=10)

    def not_yet_valid(self):
        return self.issue("early", from_days=5)

    def wrong_host(self):
        return self.issue("elsewhere", ("DNS:elsewhere.example.com",))
