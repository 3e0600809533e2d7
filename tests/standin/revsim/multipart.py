# SPDX-License-Identifier: MIT
"""multipart/form-data as a stream (RFC 7578, RFC 2046 section 5.1).

    for part in parts(body, boundary):
        part.name, part.filename, part.content_type
        for view in part.chunks(): ...     # or part.read(limit)

One buffer serves the whole body; a view is valid until the next one is asked
for. A preamble and an epilogue are passed over.
"""

import re

BUFFER = 512 * 1024
MAX_PART_HEAD = 16 * 1024
WINDOW = 128 * 1024


class BadMultipart(ValueError):
    """The body is not what its boundary promises."""


def _parameters(value):
    """Parameters of a Content-Disposition, names in lower case."""
    found = {}
    pattern = r';\s*([\w*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))'
    for name, quoted, plain in re.findall(pattern, value):
        found[name.lower()] = re.sub(r"\\(.)", r"\1", quoted) or plain
    return found


class Part:
    """One part; its bytes must be taken before the next part is."""

    def __init__(self, reader, head):
        self._reader = reader
        self.headers = {}
        for line in head.decode("utf-8", "replace").split("\r\n"):
            name, colon, value = line.partition(":")
            if colon:
                self.headers[name.strip().lower()] = value.strip()
        disposition = self.headers.get("content-disposition", "")
        if not disposition.lower().startswith("form-data"):
            raise BadMultipart("part without Content-Disposition: form-data")
        parameters = _parameters(disposition)
        self.name = parameters.get("name", "")
        self.filename = parameters.get("filename")
        self.content_type = self.headers.get("content-type", "")

    def chunks(self):
        return self._reader.part_chunks()

    def read(self, limit):
        data = bytearray()
        for view in self.chunks():
            data += view
            if len(data) > limit:
                raise BadMultipart("part too long")
        return bytes(data)


class Reader:
    def __init__(self, body, boundary):
        if not boundary or len(boundary) > 70:
            raise BadMultipart("no boundary, or longer than 70 characters")
        self._body = body
        self._mark = b"\r\n--" + boundary.encode("latin-1")
        self._buffer = bytearray(BUFFER)
        self._view = memoryview(self._buffer)
        # The first delimiter may open the body: as if a line had ended there.
        self._buffer[:2] = b"\r\n"
        self._start = 0
        self._end = 2

    def _refill(self):
        """Reads on; what is left moves to the front first."""
        if self._end + WINDOW > BUFFER:
            left = self._end - self._start
            self._buffer[:left] = self._buffer[self._start:self._end]
            self._start, self._end = 0, left
        if self._end == BUFFER:
            raise BadMultipart("part head too long")
        stop = min(BUFFER, self._end + WINDOW)
        begin = self._end
        while self._end < stop:
            room = self._view[self._end:stop]
            size = self._body.readinto(room)
            if size == 0:
                break
            self._end += size
            # A short record means that no more waits: do not wait either.
            if size < min(len(room), 16384):
                break
        if self._end == begin:
            raise BadMultipart("body ends within a part")

    def part_chunks(self):
        """Views of the bytes up to the next delimiter, which is consumed."""
        keep = len(self._mark) - 1
        while True:
            at = self._buffer.find(self._mark, self._start, self._end)
            if at >= 0:
                if at > self._start:
                    yield self._view[self._start:at]
                self._start = at + len(self._mark)
                return
            safe = self._end - keep
            if safe > self._start:
                yield self._view[self._start:safe]
                self._start = safe
            self._refill()

    def _take_until(self, mark, limit):
        while True:
            at = self._buffer.find(mark, self._start, self._end)
            if at >= 0:
                data = bytes(self._buffer[self._start:at])
                self._start = at + len(mark)
                return data
            if self._end - self._start > limit:
                raise BadMultipart("head too long")
            self._refill()

    def _is_last(self):
        while self._end - self._start < 2:
            self._refill()
        return self._buffer[self._start:self._start + 2] == b"--"

    def _finish(self):
        while self._body.readinto(self._view):
            pass

    def parts(self):
        for _ in self.part_chunks():
            pass
        while not self._is_last():
            if self._take_until(b"\r\n", 256).strip():
                raise BadMultipart("text after a delimiter")
            # A part without headers begins with the empty line at once.
            self._start -= 2
            head = self._take_until(b"\r\n\r\n", MAX_PART_HEAD)
            yield Part(self, head)
        self._finish()


def parts(body, boundary):
    """The parts of a body; see the head of this file."""
    return Reader(body, boundary).parts()
