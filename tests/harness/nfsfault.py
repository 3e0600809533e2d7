# SPDX-License-Identifier: MIT
"""An NFS server's bad days: a proxy that knows calls from answers.

    faults = world.nfs_faults(nfs)
    faults.answer("READ", JUKEBOX, times=3)
    faults.lose("RENAME")
    faults.before("RENAME", lambda: os.unlink(path))
    ... nfs.url(port=faults.port) ...

`answer` sends an error of its own, the server never sees the call. `lose`
lets the server do the work and cuts the connection in place of the answer.
`before` does something once a call has come and before the server has it: the
instant between two calls of a client.
NFSv3 calls are known by their procedure; of v4, where a call is a COMPOUND,
`answer` fails the first operation and a call is known by an operation that it
has (RFC 1813, RFC 7530, RFC 5531).
"""

import socket
import struct
import threading

PERM, NOENT, IO, ACCESS, EXIST = 1, 2, 5, 13, 17
NO_SPACE, READ_ONLY, STALE, SERVER_FAULT, JUKEBOX = 28, 30, 70, 10006, 10008

# name: (procedure of v3, words of a failed answer, operation of v4)
CALLS = {
    "GETATTR": (1, 0, 9), "SETATTR": (2, 2, 34), "LOOKUP": (3, 1, 15),
    "ACCESS": (4, 1, 3), "READ": (6, 1, 25), "WRITE": (7, 2, 38),
    "CREATE": (8, 2, 18), "MKDIR": (9, 2, 6), "REMOVE": (12, 2, 28),
    "RENAME": (14, 4, 29), "READDIR": (16, 1, 26), "READDIRPLUS": (17, 1, 26),
    "FSSTAT": (18, 1, 9), "FSINFO": (19, 1, 9), "COMMIT": (21, 2, 5),
}
NFS_PROGRAM = 100003
LAST = 0x80000000


def _receive(sock, size):
    data = bytearray()
    while len(data) < size:
        piece = sock.recv(min(size - len(data), 1 << 20))
        if not piece:
            raise OSError("end of stream")
        data += piece
    return bytes(data)


def _record(sock):
    """One message, its fragments joined (RFC 5531, section 11)."""
    data, last = b"", False
    while not last:
        mark = struct.unpack(">I", _receive(sock, 4))[0]
        last = bool(mark & LAST)
        data += _receive(sock, mark & ~LAST)
    return data


def _send(sock, data):
    sock.sendall(struct.pack(">I", LAST | len(data)) + data)


def _padded(size):
    return (size + 3) & ~3


class Call:
    """A call's header, and its arguments."""

    def __init__(self, data):
        self.xid, _, _, self.program, self.version, self.procedure = \
            struct.unpack(">6I", data[:24])
        at = 24
        for _ in range(2):            # credential and verifier
            at += 8 + _padded(struct.unpack(">I", data[at + 4:at + 8])[0])
        self.arguments = data[at:]

    def is_of(self, name):
        procedure, _, operation = CALLS[name]
        if self.program != NFS_PROGRAM:
            return False
        if self.version == 3:
            return self.procedure == procedure
        return self.procedure == 1 and self._has(operation)

    def _has(self, operation):
        """A word of the COMPOUND is the operation: near enough for a test,
        which says by `text` which file it means."""
        words = self.arguments[:len(self.arguments) & ~3]
        return operation in struct.unpack(f">{len(words) // 4}I", words)

    def failed(self, name, status):
        """A whole answer that says no."""
        head = struct.pack(">6I", self.xid, 1, 0, 0, 0, 0)
        if self.version == 3:
            return head + struct.pack(">I", status) + bytes(
                4 * CALLS[name][1])
        tag = struct.unpack(">I", self.arguments[:4])[0]
        first = 4 + _padded(tag) + 8
        operation = self.arguments[first:first + 4]
        return head + struct.pack(">3I", status, 0, 1) + operation + \
            struct.pack(">I", status)


class Rule:
    def __init__(self, name, times, text, status=None, action=None,
                 silent=False):
        if name not in CALLS:
            raise ValueError(f"no such call: {name}")
        self.name = name
        self.status = status          # of a made-up answer, or
        self.action = action          # what is done first, or
        self.silent = silent          # nothing at all; none of these: lost
        self.left = times             # 0: all
        self.endless = times == 0
        self.text = text if isinstance(text, bytes) else text.encode()
        self.fired = 0

    def takes(self, call):
        if not (self.endless or self.left) or not call.is_of(self.name) or \
                self.text not in call.arguments:
            return False
        self.left -= 1
        self.fired += 1
        return True


class Pair:
    """A client's connection and the server's that goes with it."""

    def __init__(self, faults, client, server):
        self._faults = faults
        self._client = client
        self._server = server
        self._lost = set()
        self._lock = threading.Lock()

    def start(self):
        for work in (self._calls, self._answers):
            threading.Thread(target=self._guard, args=(work,),
                             daemon=True).start()

    def _guard(self, work):
        try:
            while True:
                work()
        except OSError:
            self.close()

    def close(self):
        for sock in (self._client, self._server):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _calls(self):
        data = _record(self._client)
        call = Call(data)
        rule = self._faults.rule_for(call)
        if rule and rule.status is not None:
            with self._lock:
                _send(self._client, call.failed(rule.name, rule.status))
            return
        if rule and rule.silent:
            return
        if rule and rule.action:
            rule.action()
        elif rule:
            self._lost.add(call.xid)
        _send(self._server, data)

    def _answers(self):
        data = _record(self._server)
        if struct.unpack(">I", data[:4])[0] in self._lost:
            raise OSError("the answer is lost")
        with self._lock:
            _send(self._client, data)


class NfsFaults:
    """Listens at `port` in front of an NFS server."""

    def __init__(self, world, nfs):
        self._nfs = nfs
        self._rules = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        world.on_close(self._listener.close)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(
                    ("127.0.0.1", self._nfs.port))
            except OSError:
                client.close()
                continue
            for sock in (client, server):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            Pair(self, client, server).start()

    def rule_for(self, call):
        with self._lock:
            for rule in self._rules:
                if rule.takes(call):
                    return rule
        return None

    def _add(self, rule):
        with self._lock:
            self._rules.append(rule)
        return rule

    def answer(self, name, status, times=1, text=""):
        """The next `times` calls (0: all) get this error."""
        return self._add(Rule(name, times, text, status=status))

    def lose(self, name, times=1, text=""):
        """The next calls are done, and their answers lost."""
        return self._add(Rule(name, times, text))

    def swallow(self, name, times=1, text=""):
        """The next calls (0: all) are not heard."""
        return self._add(Rule(name, times, text, silent=True))

    def before(self, name, action, times=1, text=""):
        """action() before the next calls reach the server."""
        return self._add(Rule(name, times, text, action=action))

    def clear(self):
        with self._lock:
            self._rules.clear()
