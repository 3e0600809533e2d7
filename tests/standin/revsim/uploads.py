# SPDX-License-Identifier: MIT
"""Uploads: a video, another file for a video, side files, chunks."""

import hashlib
import os
import re

from common.httpd import Response
from revsim import metadata
from revsim.answers import (Refusal, bad, malformed, parse_json,
                            unauthorized)
from revsim.model import Video, new_id
from revsim.multipart import BadMultipart, parts
from revsim.status import Progress

MAX_METADATA = 1 << 20

# extension: media types that agree with it
KINDS = {
    "mp4": ("video/mp4", "application/mp4"),
    "m4v": ("video/x-m4v", "video/mp4", "video/m4v"),
    "m4a": ("audio/mp4", "audio/x-m4a", "audio/m4a"),
    "mp3": ("audio/mpeg", "audio/mp3"),
    "flv": ("video/x-flv",),
    "f4v": ("video/x-f4v", "video/mp4"),
    "mkv": ("video/x-matroska",),
    "mov": ("video/quicktime",),
    "wmv": ("video/x-ms-wmv",),
    "mpg": ("video/mpeg",),
    "mpeg": ("video/mpeg",),
    "mts": ("video/mp2t", "model/vnd.mts", "video/vnd.dlna.mpeg-tts"),
    "ogv": ("video/ogg",),
    "ts": ("video/mp2t",),
    "zip": ("application/zip", "application/x-zip-compressed"),
}
SIDE_TYPES = {"srt": "subtitles", "vtt": "subtitles",
              "jpg": "image", "jpeg": "image", "png": "image",
              "gif": "image"}


class Received:
    """A file as it arrives: counted, hashed, kept on disk where asked."""

    def __init__(self, rev, part):
        self.name = part.filename
        self.content_type = part.content_type.split(";")[0].strip().lower()
        self.size = 0
        self._hash = hashlib.sha256() if rev.settings.hash else None
        self.path = None
        self._file = None
        if rev.store:
            self.path = os.path.join(rev.store, new_id())
            self._file = open(self.path, "wb")

    def take(self, part, limit):
        try:
            for view in part.chunks():
                self.size += len(view)
                if limit and self.size > limit:
                    raise Refusal(413)
                if self._hash:
                    self._hash.update(view)
                if self._file:
                    self._file.write(view)
        except BaseException:
            self.discard()
            raise
        if self._file:
            self._file.close()

    def discard(self):
        if self._file:
            self._file.close()
            os.unlink(self.path)
            self._file = self.path = None

    @property
    def sha256(self):
        return self._hash.hexdigest() if self._hash else None

    @property
    def extension(self):
        return self.name.rpartition(".")[2].lower()


class Form:
    """The parts of an upload, whatever their order and names."""

    def __init__(self, rev, request):
        kind, parameters = request.content_type()
        if kind != "multipart/form-data":
            raise malformed("content type is not multipart/form-data")
        self.fields = {}
        self.files = []
        try:
            for part in parts(request.body, parameters.get("boundary")):
                self._take(rev, part)
        except BadMultipart as error:
            self.discard()
            raise malformed(str(error)) from error
        except BaseException:
            self.discard()
            raise

    def _take(self, rev, part):
        """The part with a file name is the file."""
        if part.filename is None:
            self.fields[part.name.lower()] = part.read(MAX_METADATA)
            return
        received = Received(rev, part)
        received.take(part, rev.settings.max_upload)
        self.files.append(received)

    def json(self, name):
        if name.lower() not in self.fields:
            return None
        return parse_json(self.fields[name.lower()])

    def discard(self):
        for file in self.files:
            file.discard()


def _check_kind(rev, file):
    kinds = KINDS.get(file.extension)
    if not kinds:
        raise bad("FileNotSupported", f"type of {file.name}")
    if rev.settings.strict_types and file.content_type not in kinds:
        raise bad("FileNotSupported",
                  f"{file.content_type or 'no type'} for {file.name}")


def _one_file(rev, form):
    if len(form.files) != 1 or form.files[0].size == 0:
        raise bad("FileNotSent")
    _check_kind(rev, form.files[0])
    return form.files[0]


def _attach(video, file):
    video.file_name = file.name
    video.size = file.size
    video.sha256 = file.sha256
    video.stored = file.path


def _content_range(request):
    """(first, last, total) of a chunk, None for a whole file."""
    text = request.header("content-range")
    if not text:
        return None
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", text)
    if not found:
        raise malformed("Content-Range")
    first, last, total = map(int, found.groups())
    if first > last or last >= total:
        raise malformed("Content-Range")
    return first, last, total


def _check_length(rev, request):
    limit = rev.settings.max_upload
    length = request.header("content-length")
    if limit and length.isdigit() and int(length) > limit + MAX_METADATA:
        raise Refusal(413)


def upload_video(rev, request, session):
    """POST uploads/videos"""
    if not session.user.may_upload:
        raise unauthorized()
    _check_length(rev, request)
    chunk = _content_range(request)
    form = Form(rev, request)
    try:
        with rev.lock:
            video = (_commit_chunk(rev, form, session, chunk) if chunk
                     else _commit(rev, form, session))
    except BaseException:
        form.discard()
        raise
    return {"videoId": video.id,
            "statusUri": rev.url(f"/api/v2/videos/{video.id}/status")}


def _new_video(rev, form, session, file):
    raw = form.json("video")
    if raw is None:
        raise bad("UserNotProvided")
    user = session.user
    video = Video(uploader=user, owner=user, uploaded_by=user)
    video.file_name = file.name
    metadata.apply_upload(rev, video, raw, user)
    return video


def _commit(rev, form, session):
    file = _one_file(rev, form)
    video = _new_video(rev, form, session, file)
    _attach(video, file)
    rev.keep_video(video)
    return video


# ---- chunks ------------------------------------------------------------

class Assembly:
    """A video whose chunks are still coming, in order."""

    def __init__(self, total):
        self.total = total
        self.size = 0
        self.hashes = []
        self.paths = []

    def add(self, file, first):
        if first != self.size:
            raise malformed("chunk out of order")
        self.size += file.size
        self.hashes.append(file.sha256)
        if file.path:
            self.paths.append(file.path)

    @property
    def is_whole(self):
        return self.size == self.total


def _commit_chunk(rev, form, session, chunk):
    if not rev.settings.chunked_uploads:
        raise malformed("Content-Range")
    first, last, total = chunk
    file = _one_file(rev, form)
    if file.size != last - first + 1:
        raise malformed("chunk length")
    raw = form.json("video") or {}
    video = rev.videos.get(raw.get("videoId"))
    if not video:
        if first:
            raise unauthorized()
        video = _new_video(rev, form, session, file)
        video.progress = Progress(rev.settings)
        video.progress.receiving = True
        video.assembly = Assembly(total)
        rev.keep_video(video)
    if not video.assembly or video.uploaded_by is not session.user:
        raise unauthorized()
    video.assembly.add(file, first)
    if video.assembly.is_whole:
        _assemble(rev, video, file)
    return video


def _assemble(rev, video, last):
    """All chunks are here: one file."""
    done, video.assembly = video.assembly, None
    _attach(video, last)
    video.size = done.size
    video.sha256 = done.hashes[0] if len(done.hashes) == 1 else None
    if done.paths:
        digest = hashlib.sha256()
        with open(done.paths[0], "ab") as whole:
            for path in done.paths[1:]:
                with open(path, "rb") as piece:
                    while data := piece.read(1 << 20):
                        whole.write(data)
                os.unlink(path)
        with open(done.paths[0], "rb") as whole:
            while data := whole.read(1 << 20):
                digest.update(data)
        video.sha256 = digest.hexdigest()
        video.stored = done.paths[0]
    video.progress.receiving = False
    video.progress.restart()
    rev.index.changed(video)


# ---- other files -------------------------------------------------------

def _editable(rev, session, video_id):
    video = rev.videos.get(video_id)
    if not video or not video.can_edit(session.user):
        raise Refusal(rev.settings.unknown_video)
    return video


def replace_video(rev, request, session, video):
    """PUT uploads/videos/{id}: another file for the same video"""
    with rev.lock:
        item = _editable(rev, session, video)
    _check_length(rev, request)
    form = Form(rev, request)
    try:
        with rev.lock:
            item = _editable(rev, session, video)
            if item.progress.is_busy:
                raise bad("NotReadyOrReplacingFailedOrVcFailed")
            file = _one_file(rev, form)
            item.discard()
            title = item.title
            _attach(item, file)
            item.title = title
            item.replaced += 1
            item.progress.restart()
            rev.index.changed(item)
    except BaseException:
        form.discard()
        raise
    return Response(200)


def _side_file(rev, request, session, video, wanted):
    with rev.lock:
        _editable(rev, session, video)
    form = Form(rev, request)
    if not form.files:
        raise bad("FileNotSent")
    for file in form.files:
        if SIDE_TYPES.get(file.extension) != wanted:
            form.discard()
            raise Refusal(415, "UnsupportedMediaType")
    with rev.lock:
        item = _editable(rev, session, video)
        item.extras += [{"kind": wanted, "name": file.name,
                         "size": file.size, "sha256": file.sha256}
                        for file in form.files]
    return form


def upload_subtitles(rev, request, session, video):
    """POST uploads/transcription-files/{id}"""
    form = _side_file(rev, request, session, video, "subtitles")
    told = (form.json("transcriptionfiles") or {}).get("files", [])
    names = {item.get("fileName") for item in told
             if isinstance(item, dict)}
    if names != {file.name for file in form.files}:
        raise malformed("fileName is not the name of a file")
    return Response(200)


def upload_image(rev, request, session, video):
    """POST uploads/images/{id}"""
    _side_file(rev, request, session, video, "image")
    return Response(200)


