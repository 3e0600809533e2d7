# SPDX-License-Identifier: MIT
"""A caller, message by message: the signalling of one call over a stream."""

import itertools
import re
import socket

from harness.paths import source
from harness.wait import PATIENCE

_NUMBERS = itertools.count(1)


def request(method, port, number=1, extra="", body="", tag="", call_id=None,
            target=None):
    """The bytes of a request; the one with that number in its call."""
    return (f"{method} {target or f'sip:room@127.0.0.1:{port}'} SIP/2.0\r\n"
            f"Via: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bKt{number}{method}"
            f"{call_id or ''}\r\n"
            f"From: \"Test space\" <sip:space@b>;tag=x\r\n"
            f"To: <sip:room@b>{tag}\r\n"
            f"Call-ID: {call_id or f'by-hand-{port}'}\r\n"
            f"CSeq: {number} {method}\r\n{extra}"
            f"Content-Length: {len(body)}\r\n\r\n{body}").encode()


def offer():
    """The bridge's."""
    with open(source("tests/corpus/sdp/cms-offer.sdp"), encoding="ascii",
              newline="") as file:
        return file.read()


def invite(port, contact, extra=""):
    return request("INVITE", port, 1, f"Contact: <{contact}>\r\n{extra}"
                   "Content-Type: application/sdp\r\n", offer())


def ack(port, answer):
    """For the 200 to that INVITE."""
    return request("ACK", port, tag=to_tag(answer))


def options(port):
    """The answer to an OPTIONS on a connection of its own."""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(request("OPTIONS", port))
        return Reader(sock).next()


class Reader:
    """Whole SIP messages from a stream."""

    def __init__(self, sock):
        self._sock = sock
        self._data = b""
        sock.settimeout(PATIENCE)

    def next(self):
        """The next message, "" at the end."""
        while True:
            self._data = self._data.lstrip(b"\r\n")
            head, found, rest = self._data.partition(b"\r\n\r\n")
            length = re.search(rb"(?mi)^content-length: *(\d+)", head)
            if found and len(rest) >= int(length.group(1)):
                self._data = rest[int(length.group(1)):]
                return (head + found + rest[:int(length.group(1))]).decode()
            data = self._sock.recv(65536)
            if not data:
                return ""
            self._data += data


def to_tag(answer):
    return re.search(r"To:.*(;tag=\w+)", answer).group(1)


class Caller:
    """A call to a streamer: use as a context manager.

    `context` makes it TLS; `url` goes to x-cisco-stream.
    """

    def __init__(self, port, context=None, user="room"):
        self.port = port
        self._user = user
        self._id = f"call-{port}-{next(_NUMBERS)}"
        self._number = 0
        self._tag = ""
        self._context = context
        self._transport = "tls" if context else "tcp"
        self._sock = None
        self.connect()
        self.contact = ""  # the header line, and others; "": our own
        self.timer = ""  # further header lines of an INVITE
        self.answer = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._sock.close()

    def connect(self):
        """Again: what comes next goes over another connection."""
        if self._sock:
            self._sock.close()
        self._sock = socket.create_connection(("127.0.0.1", self.port))
        if self._context:
            self._sock = self._context.wrap_socket(
                self._sock, server_hostname="127.0.0.1")
        self._reader = Reader(self._sock)

    def _contact(self, url):
        stream = f';x-cisco-stream="{url}"' if url else ""
        return self.contact or (
            f"Contact: <sip:space@127.0.0.1;transport={self._transport}>"
            f"{stream}\r\nSupported: timer\r\n" +
            (self.timer or "Allow: UPDATE,INFO,BYE\r\n"))

    def _send(self, method, extra="", body="", number=None):
        if number is None:
            self._number += 1
        self._sock.sendall(request(
            method, self.port, number or self._number, extra, body, self._tag,
            self._id, f"sip:{self._user}@127.0.0.1:{self.port}"))

    def _take_request(self, message):
        """Answers 200, as a bridge does to INFO, UPDATE and BYE."""
        keep = r"(Via|From|To|Call-ID|CSeq|Session-Expires):"
        echo = "".join(line + "\r\n" for line in message.split("\r\n")
                       if re.match(keep, line))
        self._sock.sendall(("SIP/2.0 200 OK\r\n" + echo +
                            "Content-Length: 0\r\n\r\n").encode())

    def _final(self):
        while True:
            message = self._reader.next()
            assert message, "the connection has ended"
            if not message.startswith(("ACK ", "SIP/2.0 ")):
                self._take_request(message)
            elif re.match(r"SIP/2.0 [2-6]", message):
                return message

    def invite(self, sdp, url=""):
        """INVITE or re-INVITE up to the ACK; the text of the answer."""
        extra = self._contact(url)
        if sdp:
            extra += "Content-Type: application/sdp\r\n"
        self._send("INVITE", extra, sdp or "")
        self.answer = self._final()
        assert self.answer.startswith("SIP/2.0 200"), self.answer
        self._tag = to_tag(self.answer)
        self._send("ACK", number=self._number)
        return self.answer

    def update(self, url="", sdp=""):
        extra = self._contact(url)
        if sdp:
            extra += "Content-Type: application/sdp\r\n"
        self._send("UPDATE", extra, sdp)
        answer = self._final()
        assert answer.startswith("SIP/2.0 200"), answer
        return answer

    def bye(self):
        self._send("BYE")
        answer = self._final()
        assert answer.startswith("SIP/2.0 200"), answer

    def wait_request(self, method, seconds=PATIENCE):
        """Takes what comes up to a request of that method; its text."""
        self._sock.settimeout(seconds)
        while True:
            message = self._reader.next()
            assert message, "the connection has ended"
            if not message.startswith(("ACK ", "SIP/2.0 ")):
                self._take_request(message)
            if message.startswith(method + " "):
                return message

    def wait_bye(self):
        """The other side hangs up; the text of its BYE."""
        return self.wait_request("BYE")

    def ports(self):
        """Audio and video port of the last answer."""
        return [int(port) for port in
                re.findall(r"(?m)^m=(?:audio|video) (\d+)", self.answer)[:2]]
