#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A small HTTPS server that misbehaves to order, for test-http.

    http-server.py DIR      DIR takes its certificates

Prints one line "ready TLS EXPIRED OTHERHOST PLAIN" with four ports on
127.0.0.1 and serves until it is killed. The path says what to do.
"""
import hashlib
import json
import os
import socket
import ssl
import sys
import threading
import time
from urllib.parse import parse_qs, unquote, urlsplit

from make_certs import make_certs

def pump(source, target):
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Connection:
    posts = {}          # path -> how many POSTs came, over all connections
    lock = threading.Lock()

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""
        self.served = 0

    def more(self):
        data = self.sock.recv(65536)
        if not data:
            raise EOFError
        self.buffer += data

    def read_head(self):
        while b"\r\n\r\n" not in self.buffer:
            self.more()
            if self.buffer[0] == 0x16:      # TLS, where none is spoken
                self.answer(400, b"plain HTTP here")
                raise EOFError
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = lines[0].split(" ")
        self.headers = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            self.headers[name.strip().lower()] = value.strip()
        self.length = int(self.headers.get("content-length", 0))

    def read_body(self):
        digest, left = hashlib.sha256(), self.length
        while left:
            if not self.buffer:
                self.more()
            part, self.buffer = self.buffer[:left], self.buffer[left:]
            digest.update(part)
            left -= len(part)
        return digest.hexdigest()

    def answer(self, status, body=b"", *headers):
        head = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
        head += headers
        self.sock.sendall(("\r\n".join(head) + "\r\n\r\n").encode() + body)

    def tunnel(self):
        """A proxy's work: the target is host:port."""
        host, port = self.target.rsplit(":", 1)
        if port in ("1", "2"):
            self.answer(403 if port == "1" else 407, b"no")
            raise EOFError
        with socket.create_connection((host, int(port))) as other:
            self.sock.sendall(b"HTTP/1.1 200 OK\r\nX-Proxy: yes\r\n"
                              b"Content-Type: text/proxy\r\n\r\n")
            threading.Thread(target=pump, args=(other, self.sock),
                             daemon=True).start()
            pump(self.sock, other)
        raise EOFError

    def serve(self):
        self.read_head()
        if self.method == "CONNECT":
            self.tunnel()
        url = urlsplit(self.target)
        query = {k: unquote(v[0]) for k, v in parse_qs(url.query).items()}
        if self.method == "POST":
            with self.lock:
                count = self.posts.get(url.path, 0) + 1
                self.posts[url.path] = count
        self.served += 1
        getattr(self, "do_" + url.path.strip("/"), self.do_none)(query)

    def do_none(self, query):
        self.read_body()
        self.answer(404, b"nothing here", "Content-Type: text/plain")

    def do_echo(self, query):
        digest = self.read_body()
        what = {"method": self.method, "sha256": digest,
                "length": self.length, "served": self.served,
                "headers": self.headers}
        self.answer(200, json.dumps(what).encode(),
                    "Content-Type: application/json",
                    "Date: Tue, 15 Nov 1994 08:12:31 GMT")

    def do_status(self, query):
        self.read_body()
        headers = [h for h in query.get("h", "").split("|") if h]
        self.answer(int(query["s"]), query.get("b", "").encode(), *headers)

    def do_count(self, query):
        self.answer(200, str(self.posts.get(query["p"], 0)).encode())

    def do_drop(self, query):
        """Takes everything, answers nothing."""
        self.read_body()
        raise EOFError

    def do_dropsecond(self, query):
        """The same, but only where the connection was used before."""
        self.read_body()
        if self.served > 1:
            raise EOFError
        self.answer(200, b"first")

    def do_silent(self, query):
        """Takes everything, answers late or never."""
        self.read_body()
        time.sleep(float(query.get("t", 3600)))
        self.answer(200, b"late")

    def do_deaf(self, query):
        """Takes nothing of the body."""
        time.sleep(3600)

    def do_early(self, query):
        """Refuses before the body came."""
        self.answer(413, b"too large", "Connection: close")
        self.sock.shutdown(socket.SHUT_WR)
        try:
            while True:
                self.buffer = b""
                self.more()
        except (EOFError, OSError):
            raise EOFError from None

    def do_big(self, query):
        self.read_body()
        self.answer(200, b"x" * int(query["n"]))

    def do_cut(self, query):
        """Promises more than it gives."""
        self.read_body()
        self.sock.sendall(b"HTTP/1.1 200 X\r\nContent-Length: 99\r\n\r\nshort")
        raise EOFError

    def do_garbage(self, query):
        self.sock.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
        raise EOFError


def serve(sock, context):
    try:
        if context:
            sock = context.wrap_socket(sock, server_side=True)
        connection = Connection(sock)
        while True:
            connection.serve()
    except (EOFError, OSError):
        pass
    finally:
        sock.close()


def listen(context):
    listener = socket.create_server(("127.0.0.1", 0))

    def accept():
        while True:
            sock, _ = listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=serve, args=(sock, context),
                             daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


def main():
    d = sys.argv[1]
    os.makedirs(d, exist_ok=True)
    make_certs(d)
    ports = []
    for name in ("good", "expired", "other"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{d}/{name}.pem", f"{d}/{name}.key")
        ports.append(listen(context))
    ports.append(listen(None))
    print("ready", *ports, flush=True)
    threading.Event().wait()


main()
