#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An RTMP server of a few lines, for what real ones do not do on demand.

    rtmp-server.py [--auth adobe|llnw --user U --password P]
                   [--refuse CODE] [--stall] [--ban CODE] [--move TCURL]
                   [--digest] [--talk N]
                   [--cert FILE --key FILE] [--port N] [--flv FILE]

It prints "port N", then a line for each thing that happens:
"connect APP", "publish KEY", "message TYPE TS LEN", "bye". With --flv the
media of the first publisher is written as an FLV file. SIGUSR1: its host goes
off the network, nothing that comes is heard any more; SIGUSR2: it is back.
"""

import argparse
import base64
import ctypes
import hashlib
import hmac
import os
import signal
import socket
import ssl
import struct
import threading
from urllib.parse import unquote

HANDSHAKE = 1536


def say(*words):
    print(*words, flush=True)


def md5(text):
    return hashlib.md5(text.encode())


def b64(text):
    return base64.b64encode(md5(text).digest()).decode()


# ---- AMF0 -------------------------------------------------------------------

def amf(*values):
    out = b""
    for v in values:
        if v is None:
            out += b"\5"
        elif isinstance(v, str):
            out += b"\2" + struct.pack(">H", len(v)) + v.encode()
        elif isinstance(v, dict):
            out += b"\3"
            for key, item in v.items():
                out += struct.pack(">H", len(key)) + key.encode() + amf(item)
            out += b"\0\0\x09"
        else:
            out += b"\0" + struct.pack(">d", v)
    return out


def amf_values(data):
    values, at = [], 0

    def string(at):
        n = struct.unpack_from(">H", data, at)[0]
        return data[at + 2:at + 2 + n].decode(), at + 2 + n

    def value(at):
        kind, at = data[at], at + 1
        if kind == 0:
            return struct.unpack_from(">d", data, at)[0], at + 8
        if kind == 1:
            return bool(data[at]), at + 1
        if kind == 2:
            return string(at)
        if kind in (3, 8):
            at += 4 if kind == 8 else 0
            found = {}
            while data[at:at + 3] != b"\0\0\x09":
                key, at = string(at)
                found[key], at = value(at)
            return found, at + 3
        return None, at

    while at < len(data):
        item, at = value(at)
        values.append(item)
    return values


# ---- the handshake in its digest form -----------------------------------------

END = bytes.fromhex("f0eec24a8068bee82e00d0d1029e7e57"
                    "6eec5d2d29806fab93b8e636cfeb31ae")
PLAYER = b"Genuine Adobe Flash Player 001" + END
SERVER = b"Genuine Adobe Flash Media Server 001" + END


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def digest_place(block, at):
    return at + 4 + sum(block[at:at + 4]) % 728


def digest_of(block, at, key):
    return mac(key, block[:at] + block[at + 32:])


# ---- a connection -----------------------------------------------------------

class Gone(Exception):
    pass


class Client:
    def __init__(self, sock, options):
        self.sock = sock
        self.options = options
        self.size = 128
        self.streams = {}
        self.publishing = False
        self.flv = None

    def read(self, n):
        data = b""
        while len(data) < n:
            piece = self.sock.recv(n - len(data))
            if not piece:
                raise Gone
            data += piece
        return data

    def send(self, kind, body, stream=0):
        head = struct.pack(">B3s3sB", 3, b"\0\0\0",
                           struct.pack(">I", len(body))[1:], kind)
        out = head + struct.pack("<I", stream)
        while True:
            out, body = out + body[:128], body[128:]
            if not body:
                break
            out += b"\xc3"
        self.sock.sendall(out)

    def message(self):
        while True:
            first = self.read(1)[0]
            fmt, cid = first >> 6, first & 63
            head = self.read((11, 7, 3, 0)[fmt])
            s = self.streams.setdefault(
                cid, dict(ts=0, delta=0, ext=False, body=b""))
            if fmt < 3:
                stamp = int.from_bytes(head[:3], "big")
                s["ext"] = stamp == 0xffffff
            if s["ext"]:
                extended = struct.unpack(">I", self.read(4))[0]
                stamp = extended if fmt < 3 else None
            if fmt < 2:
                s["len"] = int.from_bytes(head[3:6], "big")
                s["kind"] = head[6]
            if fmt == 0:
                s["ts"] = stamp
            elif fmt < 3:
                s["ts"] = (s["ts"] + stamp) & 0xffffffff
            n = min(self.size, s["len"] - len(s["body"]))
            s["body"] += self.read(n)
            if len(s["body"]) == s["len"]:
                body, s["body"] = s["body"], b""
                return s["kind"], s["ts"], body

    def status(self, code, level="status", text="", name="onStatus", call=0):
        self.send(20, amf(name, call, None, {
            "level": level, "code": code, "description": text}))

    def reject(self, text):
        self.status("NetConnection.Connect.Rejected", "error", text,
                    "_error", 1)
        raise Gone

    # ---- authentication

    def authorize(self, app):
        o = self.options
        name, _, query = app.partition("?")
        words = dict(pair.partition("=")[::2] for pair in query.split("&"))
        if words.get("authmod") != o.auth:
            self.reject("[ AccessManager.Reject ] : [ code=403 need auth; "
                        f"authmod={o.auth} ] : ")
        if unquote(words["user"]) != o.user:
            self.reject(f"[ authmod={o.auth} ] : ?reason=nosuchuser")
        salt, opaque, nonce = "SaLt", "b3BhcXVl", "bm9uY2U="
        if "response" not in words:
            more = f"nonce={nonce}" if o.auth == "llnw" else \
                f"salt={salt}&challenge={opaque}&opaque={opaque}"
            self.reject(f"[ authmod={o.auth} ] : ?reason=needauth&"
                        f"user={o.user}&{more}")
        if o.auth == "adobe":
            want = b64(b64(o.user + salt + o.password) + opaque +
                       words["challenge"])
        else:
            ha1 = md5(f"{o.user}:live:{o.password}").hexdigest()
            end = "" if "/" in name else "/_definst_"
            ha2 = md5(f"publish:/{name}{end}").hexdigest()
            want = md5(f"{ha1}:{nonce}:00000001:{words['cnonce']}:auth:"
                       f"{ha2}").hexdigest()
        if words["response"] != want:
            self.reject(f"[ authmod={o.auth} ] : ?reason=authfailed&"
                        f"opaque={opaque}")

    # ---- commands

    def on_connect(self, call, values):
        app = values[2]["app"]
        say("connect", app, values[2]["tcUrl"])
        if self.options.auth:
            self.authorize(app)
        self.send(5, struct.pack(">I", 5000000))
        self.send(6, struct.pack(">IB", 5000000, 2))
        self.send(4, struct.pack(">HI", 6, 12345))
        self.status("NetConnection.Connect.Success", call=1, name="_result")

    def on_create(self, call, values):
        self.send(20, amf("_result", call, None, 1))

    def on_publish(self, call, values):
        say("publish", values[3])
        if self.options.refuse:
            self.status(self.options.refuse, "error",
                        f"not you: {values[3]} is taken")
            raise Gone
        self.publishing = True
        self.status("NetStream.Publish.Start")
        if self.options.flv and not Client.taken:
            Client.taken = True
            self.flv = open(self.options.flv, "wb")
            self.flv.write(b"FLV\1\5\0\0\0\x09\0\0\0\0")
        for number in range(self.options.talk):
            self.send(6, struct.pack(">IB", 4000 + number, 2))
            self.send(5, struct.pack(">I", 4000000 + number))
        if self.options.ban:
            self.status(self.options.ban, "error", "go away")
        if self.options.move is not None and not Client.moved:
            Client.moved = True
            self.send(20, amf("onStatus", 0, None, {
                "level": "status", "description": "elsewhere, please",
                "code": "NetConnection.Connect.ReconnectRequest",
                **({"tcUrl": self.options.move} if self.options.move else {})
            }))

    def command(self, body):
        values = amf_values(body)
        known = {"connect": self.on_connect, "createStream": self.on_create,
                 "publish": self.on_publish}
        if values[0] in known:
            known[values[0]](values[1], values)
        else:
            say("command", values[0])
            if values[0] == "releaseStream":
                self.status("NetConnection.Call.Failed", "error", "unknown",
                            "_error", values[1])

    def media(self, kind, ts, body):
        say("message", kind, ts, len(body))
        if not self.flv:
            return
        tag = struct.pack(">B", kind) + struct.pack(">I", len(body))[1:] + \
            struct.pack(">I", ts)[1:] + struct.pack(">B", ts >> 24) + \
            b"\0\0\0" + body
        self.flv.write(tag + struct.pack(">I", len(tag)))
        self.flv.flush()

    taken = moved = False

    def shake(self):
        """The digest form: who has no digest in C1 and C2 is sent away."""
        c1 = self.read(1 + HANDSHAKE)[1:]
        at = digest_place(c1, 8)
        if digest_of(c1, at, PLAYER[:30]) != c1[at:at + 32]:
            say("C1 without digest")
            raise Gone
        s1 = b"\0\0\0\0\x04\x05\0\1" + os.urandom(HANDSHAKE - 8)
        there = digest_place(s1, 772)
        s1 = s1[:there] + digest_of(s1, there, SERVER[:36]) + s1[there + 32:]
        s2 = os.urandom(HANDSHAKE - 32)
        s2 += mac(mac(SERVER, c1[at:at + 32]), s2)
        self.sock.sendall(b"\3" + s1 + s2)
        c2 = self.read(HANDSHAKE)
        proof = mac(mac(PLAYER, s1[there:there + 32]), c2[:-32])
        say("digest", "right" if proof == c2[-32:] else "wrong")

    def greet(self):
        c0 = self.read(1 + HANDSHAKE)
        s1 = b"\0\0\0\0\x04\x05\0\1" + os.urandom(HANDSHAKE - 8)
        self.sock.sendall(b"\3" + s1 + c0[1:])
        if self.read(HANDSHAKE) != s1:
            say("C2 is no echo")

    def run(self):
        (self.shake if self.options.digest else self.greet)()
        while True:
            if self.options.stall and self.publishing:
                say("stalled")
                threading.Event().wait()
            kind, ts, body = self.message()
            if kind == 1:
                self.size = struct.unpack(">I", body)[0]
            elif kind == 20:
                self.command(body)
            elif kind == 4 and body[:2] == b"\0\7":
                say("pong", struct.unpack(">I", body[2:])[0])
            elif kind in (8, 9):
                self.media(kind, ts, body)


# ---- the network -------------------------------------------------------------

SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27
DROP_ALL = ctypes.create_string_buffer(struct.pack("=HBBI", 6, 0, 0, 0), 8)
FILTER = struct.pack("@HP", 1, ctypes.addressof(DROP_ALL))


def set_filter(sockets, option, value):
    for sock in sockets:
        if sock.fileno() >= 0:
            sock.setsockopt(socket.SOL_SOCKET, option, value)


def serve(sock, options):
    try:
        if options.cert:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(options.cert, options.key)
            sock = context.wrap_socket(sock, server_side=True)
        Client(sock, options).run()
    except (Gone, OSError) as error:
        if isinstance(error, ssl.SSLError):
            say("tls", error.reason)
    say("bye")
    sock.close()


def main():
    p = argparse.ArgumentParser()
    for name in ("auth", "user", "password", "refuse", "ban", "cert", "key",
                 "flv", "move"):
        p.add_argument("--" + name)
    p.add_argument("--stall", action="store_true")
    p.add_argument("--digest", action="store_true")
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--talk", type=int, default=0,
                   help="control messages that nobody needs")
    p.add_argument("--rcvbuf", type=int, default=0,
                   help="bytes that the kernel takes for a reader who waits")
    options = p.parse_args()
    listener = socket.create_server(("127.0.0.1", options.port))
    if options.rcvbuf:
        # Before anybody connects: the window is agreed upon then.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                            options.rcvbuf)
    sockets = [listener]
    signal.signal(signal.SIGUSR1, lambda *_: set_filter(
        sockets, SO_ATTACH_FILTER, FILTER))
    signal.signal(signal.SIGUSR2, lambda *_: set_filter(
        sockets, SO_DETACH_FILTER, 0))
    say("port", listener.getsockname()[1])
    while True:
        sock, _ = listener.accept()
        sockets.append(sock)
        threading.Thread(target=serve, args=(sock, options),
                         daemon=True).start()


main()
