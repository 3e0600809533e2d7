# SPDX-License-Identifier: MIT
"""A small HTTP/1.1 server that streams bodies of any size.

One thread per connection, blocking sockets. A body is never held: the
application reads it through Request.body piece by piece into its own buffer,
whether it came with Content-Length or chunked. A Gate (see faults.py) may sit
between the body and the wire.

    server = Server(app, port=0, tls=context)
    server.start()                     # server.port is known from now on
    ...
    server.stop()

`app` is called with a Request and returns a Response; what it raises ends the
connection without an answer.
"""

import json
import re
import socket
import ssl
import struct
import sys
import threading
import time
import traceback
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote

MAX_HEAD = 64 * 1024
# A client that did not read an early answer yet must not meet a reset.
LINGER_BYTES = 1 << 20
LINGER_SECONDS = 5.0
READ_SIZE = 256 * 1024
# What a socket raises that another thread closed: of TLS a ValueError, too.
LOST = (OSError, ValueError)


class HttpError(Exception):
    """The request cannot be understood; the connection ends."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class Disconnected(Exception):
    """The peer went away, or a fault cut the connection."""


def hang_up(sock):
    """Another thread may sit in a read: shutdown wakes it, close does not."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    sock.close()


class Stream:
    """A connected socket with a little read-ahead."""

    def __init__(self, sock):
        self.sock = sock
        self._ahead = bytearray()

    def _fill(self):
        try:
            data = self.sock.recv(16384)
        except LOST as error:
            raise Disconnected(str(error)) from error
        if not data:
            raise Disconnected("end of stream")
        self._ahead += data

    def read_until(self, mark, limit):
        """Bytes up to and with `mark`; HttpError where there are too many."""
        start = 0
        while True:
            end = self._ahead.find(mark, start)
            if end >= 0:
                end += len(mark)
                data = bytes(self._ahead[:end])
                del self._ahead[:end]
                return data
            if len(self._ahead) > limit:
                raise HttpError(431, "head too long")
            start = max(0, len(self._ahead) - len(mark) + 1)
            self._fill()

    def readinto(self, view):
        """At least one byte into view, or Disconnected."""
        if self._ahead:
            size = min(len(view), len(self._ahead))
            view[:size] = self._ahead[:size]
            del self._ahead[:size]
            return size
        try:
            size = self.sock.recv_into(view)
        except LOST as error:
            raise Disconnected(str(error)) from error
        if size == 0:
            raise Disconnected("end of stream in a body")
        return size

    def write(self, data):
        try:
            self.sock.sendall(data)
        except LOST as error:
            raise Disconnected(str(error)) from error

    def reset(self):
        """Close with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        hang_up(self.sock)


class NoBody:
    """The body of a request that has none."""

    received = 0
    finished = True

    def readinto(self, view):
        return 0


class LengthBody:
    """A body with Content-Length."""

    def __init__(self, stream, length):
        self._stream = stream
        self._left = length
        self.received = 0

    @property
    def finished(self):
        return self._left == 0

    def readinto(self, view):
        if self._left == 0:
            return 0
        if len(view) > self._left:
            view = view[:self._left]
        size = self._stream.readinto(view)
        self._left -= size
        self.received += size
        return size


class ChunkedBody:
    """A body with Transfer-Encoding: chunked (RFC 9112, 7.1)."""

    def __init__(self, stream):
        self._stream = stream
        self._left = 0
        self._first = True
        self.received = 0
        self.finished = False

    def _next_chunk(self):
        if not self._first and self._stream.read_until(b"\r\n", 2) != b"\r\n":
            raise HttpError(400, "chunk without its end")
        self._first = False
        line = self._stream.read_until(b"\r\n", 1024)
        size = line.split(b";")[0].strip()
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,15}", size):
            raise HttpError(400, "bad chunk size")
        self._left = int(size, 16)
        if self._left == 0:
            while self._stream.read_until(b"\r\n", MAX_HEAD) != b"\r\n":
                pass
            self.finished = True

    def readinto(self, view):
        if self._left == 0 and not self.finished:
            self._next_chunk()
        if self.finished:
            return 0
        if len(view) > self._left:
            view = view[:self._left]
        size = self._stream.readinto(view)
        self._left -= size
        self.received += size
        return size


class ContinueBody:
    """Says "100 Continue" when the body is first wanted (RFC 9110)."""

    def __init__(self, stream, body):
        self._stream = stream
        self._body = body
        self.invited = False

    received = property(lambda self: self._body.received)
    finished = property(lambda self: self._body.finished)

    def readinto(self, view):
        if not self.invited:
            self.invited = True
            self._stream.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return self._body.readinto(view)


class Request:
    """Head of a request, and the way to its body."""

    def __init__(self, method, target, version, headers, peer):
        self.method = method
        self.target = target
        self.version = version
        self.headers = headers
        self.peer = peer
        self.body = NoBody()
        self.started = time.time()
        self.raw_path, _, query = target.partition("?")
        self.path = unquote(self.raw_path)
        self.query = dict(parse_qsl(query, keep_blank_values=True))

    def header(self, name, default=""):
        return self.headers.get(name.lower(), default)

    def content_type(self):
        """Media type in lower case, and its parameters."""
        kind, *rest = self.header("content-type").split(";")
        parameters = {}
        for item in rest:
            name, _, value = item.strip().partition("=")
            parameters[name.lower()] = value.strip().strip('"')
        return kind.strip().lower(), parameters

    def read(self, limit=4 << 20):
        """The whole body of at most `limit` bytes."""
        data = bytearray()
        buffer = memoryview(bytearray(65536))
        while size := self.body.readinto(buffer):
            data += buffer[:size]
            if len(data) > limit:
                raise HttpError(413, "body too long")
        return bytes(data)

    def wants_close(self):
        connection = self.header("connection").lower()
        return "close" in connection or (self.version == "HTTP/1.0" and
                                         "keep-alive" not in connection)


class Response:
    """Status, headers and a body in memory, or a file with `file`."""

    def __init__(self, status=200, body=b"", content_type=None, headers=(),
                 file=None):
        self.status = status
        self.body = body.encode() if isinstance(body, str) else body
        self.headers = list(headers)
        self.file = file
        if content_type:
            self.headers.append(("Content-Type", content_type))

    @classmethod
    def json(cls, value, status=200, headers=()):
        text = json.dumps(value, ensure_ascii=False)
        return cls(status, text, "application/json; charset=utf-8", headers)

    def length(self):
        return self.file.length if self.file else len(self.body)

    def chunks(self):
        """The body in pieces."""
        return self.file.chunks() if self.file else [self.body]

    def head(self, close):
        try:
            phrase = HTTPStatus(self.status).phrase
        except ValueError:
            phrase = "Unknown"
        lines = [f"HTTP/1.1 {self.status} {phrase}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        lines.append(f"Content-Length: {self.length()}")
        if close:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class FilePart:
    """`length` bytes of a file from `offset`, to be sent as a body."""

    def __init__(self, path, offset, length):
        self.path = path
        self.offset = offset
        self.length = length

    def chunks(self):
        left = self.length
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            while left and (data := file.read(min(left, READ_SIZE))):
                left -= len(data)
                yield data


def parse_head(data, peer):
    """Request of a head; HttpError where it is not one."""
    lines = data.decode("latin-1").split("\r\n")
    first = lines[0].split(" ")
    if len(first) != 3 or not first[2].startswith("HTTP/1."):
        raise HttpError(400, "bad request line")
    headers = {}
    for line in lines[1:]:
        if not line:
            continue
        name, colon, value = line.partition(":")
        if not colon or name != name.strip():
            raise HttpError(400, "bad header line")
        headers[name.lower()] = value.strip()
    return Request(first[0], first[1], first[2], headers, peer)


def body_of(request, stream):
    """The body that the head announces."""
    coding = request.header("transfer-encoding").lower()
    length = request.header("content-length")
    if coding:
        if coding != "chunked":
            raise HttpError(501, "transfer coding not known")
        body = ChunkedBody(stream)
    elif length:
        if not length.isdigit():
            raise HttpError(400, "bad Content-Length")
        body = LengthBody(stream, int(length))
        if body.finished:
            return NoBody()
    else:
        return NoBody()
    if request.header("expect").lower() == "100-continue":
        return ContinueBody(stream, body)
    return body


class Connection:
    """An accepted socket and the thread that serves it."""

    def __init__(self, sock, serve):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.thread = threading.Thread(target=serve, args=(self,),
                                       daemon=True)

    def handshake(self, tls):
        if not tls:
            return
        self.sock.settimeout(30)
        self.sock = tls.wrap_socket(self.sock, server_side=True,
                                    do_handshake_on_connect=False,
                                    suppress_ragged_eofs=True)
        self.sock.do_handshake()
        self.sock.settimeout(None)

    def end(self):
        hang_up(self.sock)


class Server:
    """Listens on loopback; see the head of this file."""

    def __init__(self, app, port=0, tls=None, faults=None, name="stand-in",
                 observer=None):
        self._app = app
        self._tls = tls
        self._faults = faults
        self._name = name
        self._observer = observer
        self._listener = socket.create_server(("127.0.0.1", port),
                                              backlog=128)
        self._connections = set()
        self._lock = threading.Lock()
        self.port = self._listener.getsockname()[1]

    def start(self):
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self._listener.close()
        self.cut_all()

    def cut_all(self, wait=0.0):
        """Ends every connection there is.

        With `wait`, returns when their threads have ended too: no request
        that was sent before is handled after. At most so many seconds each.
        """
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            connection.end()
        for connection in connections if wait else ():
            connection.thread.join(wait)
            if connection.thread.is_alive():
                sys.stderr.write(f"{self._name}: a connection does not end\n")

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            connection = Connection(sock, self._serve)
            with self._lock:
                self._connections.add(connection)
                connection.thread.start()

    def _serve(self, connection):
        try:
            connection.handshake(self._tls)
            peer = connection.sock.getpeername()
            self._serve_stream(Stream(connection.sock), peer)
        except LOST:
            pass
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.end()

    def _serve_stream(self, stream, peer):
        try:
            while self._serve_one(stream, peer):
                pass
        except Disconnected:
            pass
        except HttpError as error:
            self._refuse(stream, error)
        except Exception:  # a bug must show, and must not end the server
            sys.stderr.write(f"{self._name}: {traceback.format_exc()}")

    @staticmethod
    def _refuse(stream, error):
        try:
            stream.write(Response(error.status, str(error),
                                  "text/plain").head(True))
            stream.write(str(error).encode())
        except Disconnected:
            pass

    def _serve_one(self, stream, peer):
        head = stream.read_until(b"\r\n\r\n", MAX_HEAD)
        request = parse_head(head, peer)
        request.body = body_of(request, stream)
        fault = self._faults.pick(request) if self._faults else None
        if self._observer:
            self._observer.began(request)
        response = None
        try:
            if fault:
                response = fault.run(request, stream, self._app)
            else:
                response = self._app(request)
            return self._answer(stream, request, response, fault)
        finally:
            if self._observer:
                self._observer.ended(request, response)

    def _answer(self, stream, request, response, fault):
        close = request.wants_close() or not self._drain(request)
        if fault:
            fault.answer(stream, request, response, close)
        else:
            send(stream, request, response, close)
        if close:
            self._linger(request)
        return not close

    @staticmethod
    def _drain(request):
        """Reads what is left of a short body; False if there is too much."""
        body = request.body
        if body.finished:
            return True
        if isinstance(body, ContinueBody) and not body.invited:
            return False
        scratch = memoryview(bytearray(65536))
        seen = 0
        while seen < LINGER_BYTES and (size := body.readinto(scratch)):
            seen += size
        return body.finished

    @staticmethod
    def _linger(request):
        end = time.monotonic() + LINGER_SECONDS
        scratch = memoryview(bytearray(READ_SIZE))
        body = request.body
        if isinstance(body, ContinueBody) and not body.invited:
            return
        while time.monotonic() < end and not body.finished:
            body.readinto(scratch)


def send(stream, request, response, close):
    """Writes a whole answer."""
    head = response.head(close)
    if request.method == "HEAD":
        stream.write(head)
        return
    for data in response.chunks():
        stream.write(head + data)
        head = b""
    stream.write(head)
