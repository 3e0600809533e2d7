#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The stand-ins of Rev and the bridge, against curl and the vendor's client.

REV_CLIENT_JS may name the vendor's JavaScript client (dist/es/rev-client.mjs,
with its dependencies installed beside it); without it that test is left out.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

# pylint: disable=wrong-import-position
from harness import media, tap
from harness.paths import source
from harness.standins import OrderRefused
from harness.wait import wait_for
from harness.world import World

SPACE = "0e0bf7e0-1111-4222-8333-0123456789ab"
REV_SEED = {
    "groups": [{"name": "Team"}],
    "users": [
        {"username": "uploader", "password": "pw", "email": "up@example.com"},
        {"username": "admin", "password": "pw", "roles": ["Media Admin"]},
        {"username": "user1", "password": "pw", "email": "one@example.com",
         "roles": [], "groups": ["Team"]},
        {"username": "user2", "password": "pw", "email": "two@example.com"},
    ],
    "fields": [{"name": "Room"},
               {"name": "Kind", "type": "Select", "values": ["a", "b"]}],
    "categories": [{"name": "Meetings"},
                   {"name": "Secret", "restricted": True}],
    "api_keys": [{"key": "K", "secret": "S", "user": "uploader"}],
}
CMS_SEED = {
    "admins": [{"name": "apiadmin", "password": "pw"}],
    "users": [{"userJid": "user1@example.com", "name": "Øne & Co",
               "email": "one@example.com"},
              {"userJid": "user2@example.com"}],
    "coSpaces": [{"id": SPACE, "name": "Weekly <ü>", "uri": "1004",
                  "callId": "98765", "owner": "user1@example.com",
                  "members": ["user1@example.com", "user2@example.com"]}],
}


class Answer:
    """What curl got; status 0 where there was no whole answer."""

    def __init__(self, status, head, body, code):
        self.status = status
        self.head = head
        self.body = body
        self.curl_code = code

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def xml(self):
        return ElementTree.fromstring(self.body)

    def header(self, name):
        for line in self.head.splitlines():
            key, _, value = line.partition(":")
            if key.lower() == name.lower():
                return value.strip()
        return None

    def must(self, status, code=None):
        assert self.status == status, (self.status, self.body[:300])
        if code:
            assert self.json["code"] == code, self.json
        return self


class Curl:
    """curl with the test's CA, and credentials once there are any."""

    def __init__(self, world, base, *options):
        self._world = world
        self._base = base
        self.options = list(options)

    def __call__(self, method, path, *options, seconds=30):
        head = self._world.path("curl", f"{threading.get_ident()}.head")
        done = subprocess.run(
            ["curl", "-sS", "--cacert", self._world.authority.bundle,
             "-m", str(seconds), "-D", head, "-X", method, *self.options,
             *options, self._base + path], capture_output=True)
        with open(head, encoding="latin-1") as file:
            text = file.read()
        status = [line.split()[1] for line in text.splitlines()
                  if line.startswith("HTTP/")]
        whole = done.returncode == 0 and status
        return Answer(int(status[-1]) if whole else 0, text,
                      done.stdout.decode(), done.returncode)

    def send(self, method, path, value):
        return self(method, path, "-H", "Content-Type: application/json",
                    "-d", json.dumps(value))


class RevUser(Curl):
    """A user of Rev, logged in."""

    def __init__(self, world, name):
        super().__init__(world, world.rev_server.url)
        session = self.send("POST", "/api/v2/user/login",
                            {"username": name, "password": "pw"}).must(200)
        self.session = session.json
        self.options = ["-H", "Authorization: VBrick " +
                        self.session["token"]]

    def upload(self, file, *options, parts=None,
               path="/api/v2/uploads/videos", **metadata):
        metadata = {"uploader": "uploader", **metadata}
        parts = parts or [
            f"Video={json.dumps(metadata)};type=application/json",
            f"VideoFile=@{file};type=video/mp4"]
        forms = [word for part in parts for word in ("-F", part)]
        return self("POST", path, *forms, *options)

    def video(self, file, **metadata):
        """Uploads; the id."""
        return self.upload(file, **metadata).must(200).json["videoId"]

    def patch(self, video, *operations):
        return self.send("PATCH", f"/api/v2/videos/{video}", [
            dict(zip(("op", "path", "value"), operation))
            for operation in operations])

    def details(self, video):
        return self("GET", f"/api/v2/videos/{video}/details").must(200).json

    def search(self, query):
        found = self("GET", f"/api/v2/videos/search?{query}").must(200).json
        assert found["statusCode"] == 200
        return [hit["id"] for hit in found["videos"]]


def prepare(world):
    world.rev_server = world.rev(store=True, settings={
        "processing_seconds": 0.1})
    world.rev_server.order("POST", "/seed", REV_SEED)
    world.cms_server = world.cms(seed=CMS_SEED)
    world.file = media.make_mp4(world.path("v.mp4"), seconds=1,
                                min_bytes=2500000)
    with open(world.file, "rb") as file:
        world.sha256 = hashlib.sha256(file.read()).hexdigest()


def fresh(world):
    """The stand-in as after its start, and its uploader logged in."""
    world.rev_server.reset()
    world.rev_server.set(processing_seconds=0.1)
    return RevUser(world, "uploader")


def shown(world, video):
    """What the control port knows of a video."""
    return world.rev_server.order("GET", f"/videos/{video}")


# ---- Rev: sessions -----------------------------------------------------

def test_login(world):
    """rev: login by password; wrong ones lock the account"""
    user = fresh(world)
    assert set(user.session) == {
        "token", "issuer", "expiration", "id", "email", "username",
        "firstName", "lastName", "language"}
    assert user.session["issuer"] == "VBrick"
    world.rev_server.set(lock_after=2)
    path, wrong = "/api/v2/user/login", {"username": "uploader",
                                         "password": "no"}
    user.send("POST", path, wrong).must(401)
    user.send("POST", path, wrong).must(401)
    right = {"username": "uploader", "password": "pw"}
    user.send("POST", path, right).must(401)
    world.rev_server.change_user("uploader", status="Active")
    user.send("POST", path, right).must(200)


def test_api_key(world):
    """rev: login by API key answers three fields; extended, logged off"""
    fresh(world)
    curl = Curl(world, world.rev_server.url)
    answer = curl.send("POST", "/api/v2/authenticate",
                       {"apiKey": "K", "secret": "S"}).must(200)
    assert set(answer.json) == {"token", "issuer", "expiration"}
    curl.send("POST", "/api/v2/authenticate",
              {"apiKey": "K", "secret": "no"}).must(401)
    curl.options = ["-H", "authorization: vbrick " + answer.json["token"]]
    for path in ("/api/v2/user/extend-session",
                 "/api/v2/auth/extend-session-timeout/K"):
        assert "expiration" in curl("POST", path).must(200).json
    curl("DELETE", "/api/v2/tokens/K").must(200)
    curl("GET", "/api/v2/user/session").must(401)


def test_session(world):
    """rev: sessions end, are extended, checked, killed"""
    user = fresh(world)
    user("GET", "/api/v2/user/session").must(200)
    before = user.session["expiration"]
    world.rev_server.set(session_seconds=3600)
    for path, body in (("extend-session", None),
                       ("extend-session-timeout",
                        {"userId": user.session["id"]})):
        answer = user.send("POST", f"/api/v2/user/{path}", body).must(200)
        assert answer.json["expiration"] > before
    user.send("POST", "/api/v2/user/logoff",
              {"userId": user.session["id"]}).must(200)
    user("GET", "/api/v2/users/me").must(401)
    world.rev_server.set(session_seconds=0.2)
    short = RevUser(world, "uploader")
    wait_for(lambda: short("GET", "/api/v2/user/session").status == 401,
             what="end of a session")
    world.rev_server.set(session_seconds=100)
    user = RevUser(world, "uploader")
    world.rev_server.kill_sessions()
    user("GET", "/api/v2/user/session").must(401)


def test_limits(world):
    """rev: the published limits, with and without Retry-After"""
    user = fresh(world)
    world.rev_server.set(rate_limits=True, rate_classes={"search": 2})
    for _ in range(2):
        user.search("q=x")
    answer = user("GET", "/api/v2/videos/search?q=x").must(429)
    assert answer.header("Retry-After") is None
    assert not answer.body.startswith("{")
    world.rev_server.set(retry_after=True)
    answer = user("GET", "/api/v2/videos/search?q=x").must(429)
    assert 0 < int(answer.header("Retry-After")) <= 60
    user("GET", "/api/v2/users/me").must(200)


# ---- Rev: uploads ------------------------------------------------------

def test_upload(world):
    """rev: an upload by curl, its bytes and its metadata"""
    user = fresh(world)
    video = user.video(world.file, title="Ü ☃", isActive=True,
                       tags=["k1"], description="d",
                       customFields=[{"name": "Room", "value": "red"}],
                       categories=["Meetings", "unknown"],
                       videoAccessControl="AllUsers",
                       accessControlEntities=[
                           {"name": "user1", "type": "User"},
                           {"name": "Team", "type": "group", "canEdit": True},
                           {"name": "nobody", "type": "User"}])
    kept = shown(world, video)
    assert kept["sha256"] == world.sha256 and kept["size"] == 2500000
    assert kept["title"] == "Ü ☃" and kept["viewers"] == ["user1"]
    assert kept["editors"] == ["Team"] and kept["fields"] == {"Room": "red"}
    assert kept["categories"] == ["Meetings"] and kept["access"] == "AllUsers"
    played = user("GET", f"/media/{video}.mp4", "-r", "100-199",
                  "-o", world.path("played"))
    assert played.status == 206
    with open(world.file, "rb") as whole, \
            open(world.path("played"), "rb") as part:
        assert whole.read()[100:200] == part.read()


def test_upload_forms(world):
    """rev: parts in any order, any names, chunked, older path, HTTP/1.0"""
    user = fresh(world)
    data = '{"uploader":"uploader"}'
    file = f"@{world.file};type=video/mp4"
    for parts in ([f"VideoFile={file}", f"Video={data}"],
                  [f"video={data}", f"file={file}"],
                  [f"VIDEO={data};type=application/json", f"={file}"]):
        user.upload(None, parts=parts).must(200)
    for options in (["-H", "Transfer-Encoding: chunked"], ["-H", "Expect:"],
                    ["--http1.0"], ["--limit-rate", "20M"]):
        video = user.upload(world.file, *options).must(200).json["videoId"]
        assert shown(world, video)["sha256"] == world.sha256
    user.upload(world.file, path="/api/uploads/videos").must(200)


def test_upload_boundaries(world):
    """rev: a delimiter wherever it falls among the reads"""
    user = fresh(world)
    mark = b"\r\n--B"
    sizes = [1, 2, 3, 16379, 16383, 16384, 131071, 131072, 524287, 524288]
    for size in sizes:
        bytes_ = (b"\r\n--A" * (size // 5 + 1))[:size]
        body = (b"preamble\r\n--B\r\nContent-Disposition: form-data; "
                b'name="video"\r\n\r\n{"uploader":"uploader"}' + mark +
                b'\r\nContent-Disposition: form-data; name="VideoFile"; '
                b'filename="a.mp4"\r\nContent-Type: video/mp4\r\n\r\n' +
                bytes_ + mark + b"--\r\n\r\n")
        with open(world.path("raw"), "wb") as file:
            file.write(body)
        video = user("POST", "/api/v2/uploads/videos", "-H",
                     "Content-Type: multipart/form-data; boundary=B",
                     "--data-binary", "@" + world.path("raw")).must(200)
        kept = shown(world, video.json["videoId"])
        assert kept["size"] == size, (kept["size"], size)
        assert kept["sha256"] == hashlib.sha256(bytes_).hexdigest()


def test_upload_refused(world):
    """rev: bad input is 500 with a code, a bad access 400, no right 401"""
    user = fresh(world)
    def refused(code, status=500, **metadata):
        user.upload(world.file, **metadata).must(status, code)
    refused("UserNotProvided", uploader="")
    refused("UserDoesNotExist", uploader="nobody")
    refused("UserDoesNotExist", owner={"username": "nobody"})
    refused(None, 400, videoAccessControl="Friends")
    refused("OneOrMoreInvalidCategoriesFoundInRequest", categoryIds=["x"])
    refused(None, 401, categories=["Secret"])
    refused("MalformedRequest",
            customFields=[{"name": "room", "value": "x"}])
    refused("MalformedRequest",
            customFields=[{"name": "Kind", "value": "c"}])
    refused("MalformedRequest", publishDate="18.6.2021")
    refused("MalformedRequest", isActive="true")
    file = f"VideoFile=@{world.file}"
    user.upload(None, parts=['Video={"uploader":"uploader"}']).must(
        500, "FileNotSent")
    user.upload(None, parts=["Video={", file + ";type=video/mp4"]).must(
        500, "MalformedRequest")
    for kind in (";type=text/plain", ";type=video/mp4;filename=a.exe"):
        user.upload(None, parts=['Video={"uploader":"uploader"}',
                                 file + kind]).must(500, "FileNotSupported")
    RevUser(world, "user1").upload(world.file).must(401)
    assert not world.rev_server.videos()
    store = world.folder("standin", "store")
    assert not os.listdir(store), "a refused upload left its bytes"


def test_upload_too_long(world):
    """rev: 413, by its length before the body, or when it has come"""
    user = fresh(world)
    world.rev_server.set(max_upload=1000)
    user.upload(world.file).must(413)
    user.upload(world.file, "-H", "Transfer-Encoding: chunked").must(413)


def test_chunks(world):
    """rev: an upload in chunks with Content-Range"""
    user = fresh(world)
    with open(world.file, "rb") as file:
        data = file.read()
    video, step = None, 1000000
    for first in range(0, len(data), step):
        with open(world.path("chunk.mp4"), "wb") as file:
            file.write(data[first:first + step])
        last = min(first + step, len(data)) - 1
        answer = user.upload(
            world.path("chunk.mp4"), "-H",
            f"Content-Range: bytes {first:010}-{last}/{len(data)}",
            **({"videoId": video} if video else {})).must(200)
        video = answer.json["videoId"]
    assert shown(world, video)["sha256"] == world.sha256
    assert len(world.rev_server.videos()) == 1


# ---- Rev: after the upload ---------------------------------------------

def _status(user, video):
    answer = user("GET", f"/api/v2/videos/{video}/status").must(200).json
    return (answer["status"], answer["isProcessing"],
            answer["overallProgress"])


def test_status(world):
    """rev: the way to Ready, its traps and its other ends"""
    user = fresh(world)
    stages = {"early_ready": ("Ready", False), "ingesting": ("Ingesting", True),
              "processing": ("Processing", True), "transcoding": ("Ready", True)}
    world.rev_server.set(**{f"{name}_seconds": 3600 for name in stages})
    video = user.video(world.file)
    for name, shown_as in stages.items():
        assert _status(user, video)[:2] == shown_as, name
        world.rev_server.set(**{f"{name}_seconds": 0})
    assert _status(user, video) == ("Ready", False, 1.0)
    for end in ("ProcessingFailed", "ReadyButProcessingFailed",
                "UploadFailed", "Canceled"):
        world.rev_server.reset()
        world.rev_server.set(outcome=end, processing_seconds=0)
        user = RevUser(world, "uploader")
        assert _status(user, user.video(world.file))[0] == end
    assert user("GET", "/api/v2/videos/no/status").status == 401
    world.rev_server.set(unknown_video=404)
    assert user("GET", "/api/v2/videos/no/status").status == 404


def test_rights(world):
    """rev: an owner takes the uploader's rights, viewers see what is active"""
    user = fresh(world)
    owner, viewer = RevUser(world, "user2"), RevUser(world, "user1")
    video = user.video(world.file, owner={"email": "two@example.com"},
                       accessControlEntities=[{"name": "Team",
                                               "type": "Group"}])
    status = f"/api/v2/videos/{video}/status"
    user("GET", status).must(401)
    viewer("GET", status).must(401)
    RevUser(world, "admin")("GET", status).must(200)
    owner.patch(video, ("replace", "/IsActive", True)).must(200)
    viewer("GET", status).must(200)
    viewer.patch(video, ("replace", "/Title", "x")).must(401)
    kept = user.video(world.file, owner={"username": "user2"},
                      accessControlEntities=[{"name": "uploader",
                                              "type": "User",
                                              "canEdit": True}])
    user.patch(kept, ("replace", "/IsActive", True)).must(200)
    assert user.details(kept)["canEdit"] is True
    assert user.details(kept)["owner"]["userName"] == "user2"


def test_patch(world):
    """rev: JSON Patch, all or nothing"""
    user = fresh(world)
    video = user.video(world.file, tags=["k1", "k2"],
                       customFields=[{"name": "Room", "value": "red"},
                                     {"name": "Kind", "value": "a"}])
    user.patch(video, ("test", "/Tags/0", "k1"), ("remove", "/Tags/0"),
               ("replace", "/isactive", True), ("add", "/Tags/-", "k3"),
               ("replace", "/CustomFields",
                [{"name": "Room", "value": ""}])).must(200)
    kept = shown(world, video)
    assert kept["tags"] == ["k2", "k3"] and kept["active"]
    assert kept["fields"] == {"Kind": "a"}
    user.patch(video, ("replace", "/Title", "x"),
               ("test", "/Tags/0", "k1")).must(409)
    user.patch(video, ("remove", "/Tags/7")).must(500, "UnprocessableEntity")
    user.patch(video, ("scratch", "/Tags/7")).must(500, "MalformedRequest")
    user.patch(video, ("replace", "/IsActive", "yes")).must(500)
    user.patch(video, ("replace", "/VideoAccessControl", "no")).must(400)
    assert shown(world, video)["title"] == kept["title"]
    assert shown(world, video)["patches"] == 1
    world.rev_server.change_user("uploader", may_patch=False)
    user.patch(video, ("replace", "/IsActive", False)).must(401)


def test_changes(world):
    """rev: PUT resets, access control, migration, replacing, deletion"""
    user = fresh(world)
    world.rev_server.set(processing_seconds=3600)
    video = user.video(world.file, tags=["k1"], title="T")
    base = f"/api/v2/videos/{video}"
    user("PUT", f"/api/v2/uploads/videos/{video}", "-F",
         f"VideoFile=@{world.file};type=video/mp4").must(
             500, "NotReadyOrReplacingFailedOrVcFailed")
    user.send("PUT", base, {"title": "U"}).must(200)
    kept = shown(world, video)
    assert kept["tags"] == [] and kept["title"] == "U"
    assert kept["flags"]["enableComments"] is False
    user.send("PUT", base + "/access-control", {
        "accessControl": "AllUsers", "accessControlEntities": [
            {"name": "user1", "type": "User"}]}).must(200)
    user.send("PUT", base + "/migration",
              {"whenUploaded": "2021-06-18T03:23:09Z"}).must(200)
    assert user.details(video)["whenUploaded"] == "2021-06-18T03:23:09.000Z"
    world.rev_server.set(processing_seconds=0)
    user("PUT", f"/api/v2/uploads/videos/{video}", "-F",
         f"VideoFile=@{world.file};type=video/mp4").must(200)
    assert shown(world, video)["replaced"] == 1
    user("DELETE", base).must(200)
    user("DELETE", base).must(401)
    assert world.rev_server.state()["deleted"] == [video]


def test_search(world):
    """rev: search, scrolling, unknown fields, unlisted, strangers, lag"""
    user = fresh(world)
    one = user.video(world.file, title="Weekly one", tags=["k1"],
                     customFields=[{"name": "Room", "value": "red"}])
    two = user.video(world.file, title="Weekly two", unlisted=True)
    assert user.search("q=weekly&unlisted=all") == [two, one]
    assert user.search("q=weekly") == [one]
    assert user.search("q=weekly&searchField=title&exactMatch=true") == []
    assert user.search("q=k1&searchField=tags&exactMatch=true") == [one]
    assert user.search("Room=red") == [one]
    assert user.search("Room=blue&unlisted=all") == []
    assert user.search("room=blue&unlisted=all") == [two, one]
    assert user.search("status=Active&unlisted=all") == []
    world.rev_server.order("POST", "/videos", {
        "uploader": "user2", "title": "Stranger", "is_active": True,
        "access": "AllUsers"})
    world.rev_server.set(search_strangers=True)
    assert len(user.search("Room=red")) == 3
    world.rev_server.set(search_strangers=False, index_lag=3600)
    late = user.video(world.file, tags=["late"])
    assert user.search("q=late&searchField=tags") == []
    world.rev_server.set(index_lag=0)
    assert user.search("q=late&searchField=tags") == [late]
    assert "customFields" not in user(
        "GET", "/api/v2/videos/search?count=1").json["videos"][0]


def test_scroll(world):
    """rev: pages go forward and lapse with a status in a 200"""
    user = fresh(world)
    for number in range(3):
        user.video(world.file, title=f"T{number}")
    path, found = "/api/v2/videos/search?count=2", []
    page = user("GET", path).must(200).json
    while page["videos"]:
        found += [hit["id"] for hit in page["videos"]]
        assert page["totalVideos"] == 3
        page = user("GET", f"{path}&scrollId={page['scrollId']}").json
    assert len(set(found)) == 3
    world.rev_server.set(scroll_seconds=0)
    page = user("GET", path).json
    lapsed = user("GET", f"{path}&scrollId={page['scrollId']}").must(200)
    assert lapsed.json["statusCode"] == 404


def test_people(world):
    """rev: users by id, name, e-mail; groups; entities; the account"""
    user = fresh(world)
    me = user("GET", "/api/v2/users/me").must(200).json
    assert me["permissions"]["canUpload"] is True
    assert user("GET", f"/api/v2/users/{me['userId']}").json == me
    assert user("GET", "/api/v2/users/UPLOADER?type=username").json == me
    for at in ("@", "%40"):
        assert user("GET", f"/api/v2/users/up{at}example.com?type=email"
                    ).json == [me]
    world.rev_server.set(email_answers_array=False)
    assert user("GET", "/api/v2/users/up@example.com?type=email").json == me
    for status in (401, 403, 404):
        world.rev_server.set(unknown_user=status)
        user("GET", "/api/v2/users/nobody?type=username").must(status)
    hits = user("GET", "/api/v2/search/access-entity?type=User&q=user"
                ).json["accessEntities"]
    assert {hit["UserName"] for hit in hits} == {"user1", "user2"}
    group = user("GET", "/api/v2/groups").json[0]
    assert user("GET", f"/api/v2/search/groups/{group['id']}/users"
                ).json["totalUsers"] == 1
    assert [field["name"] for field in user(
        "GET", "/api/v2/video-fields").json] == ["Room", "Kind"]
    Curl(world, world.rev_server.url)(
        "GET", "/api/v2/system-health").must(200)


def test_v1(world):
    """rev: version 1, and a server that lacks a version"""
    user = fresh(world)
    video = user.video(world.file)
    for name in ("status", "details", "playback-url"):
        user("GET", f"/api/v1/videos/{video}/{name}").must(200)
    world.rev_server.set(apis=["v1"])
    user("GET", f"/api/v2/videos/{video}/status").must(404)
    user("GET", f"/api/v1/videos/{video}/status").must(200)


# ---- faults ------------------------------------------------------------

def test_answers_made_up(world):
    """faults: another answer, the n-th time, committed or not"""
    user, rev = fresh(world), world.rev_server
    rev.fault(path="/api/v2/users/me", skip=1, times=2, status=502,
              html="Bad gateway", retry_after=7)
    seen = [user("GET", "/api/v2/users/me") for _ in range(4)]
    assert [answer.status for answer in seen] == [200, 502, 502, 200]
    assert seen[1].header("Retry-After") == "7"
    assert "<h1>Bad gateway</h1>" in seen[1].body
    rev.fault(method="POST", path="/api/*/uploads/videos", status=500,
              code="InternalServerError")
    user.upload(world.file).must(500, "InternalServerError")
    assert not rev.videos()
    rev.fault(path="/api/*/uploads/videos", status=504, commit=True)
    user.upload(world.file).must(504)
    assert len(rev.videos()) == 1
    rev.fault(path="/api/v2/users/*", redirect="https://127.0.0.1:1/x")
    answer = user("GET", "/api/v2/users/me").must(302)
    assert answer.header("Location") == "https://127.0.0.1:1/x"
    rev.fault(path="/api/*/uploads/videos", status=413, early=True)
    user.upload(world.file, "-H", "Expect:").must(413)
    try:
        rev.fault(pth="/")
    except OrderRefused as error:
        assert "pth" in str(error)
    else:
        raise AssertionError("an unknown fault was taken")


def test_cuts(world):
    """faults: the lost answer, a cut body, half an answer"""
    user, rev = fresh(world), world.rev_server
    for reset, code in ((False, 52), (True, 56)):
        rev.fault(path="/api/*/uploads/videos", drop=True, reset=reset)
        assert user.upload(world.file).curl_code == code
    assert len(rev.videos()) == 2
    rev.fault(path="/api/*/uploads/videos", cut_at=1000000)
    assert user.upload(world.file).status == 0
    wait_for(lambda: rev.log()[-1]["received"] == 1000000, what="the cut")
    assert len(rev.videos()) == 2
    rev.fault(path="/api/v2/users/me", truncate=10)
    answer = user("GET", "/api/v2/users/me")
    assert answer.curl_code == 18 and len(answer.body) == 10
    assert len(os.listdir(world.folder("standin", "store"))) >= 2


def test_stalls(world):
    """faults: delays and stalls, in a body and before an answer"""
    user, rev = fresh(world), world.rev_server
    rev.fault(path="/api/v2/users/me", delay=0.2)
    begin = time.monotonic()
    user("GET", "/api/v2/users/me").must(200)
    assert time.monotonic() - begin >= 0.2
    rev.fault(path="/api/v2/users/me", stall=True, seconds=5)
    assert user("GET", "/api/v2/users/me", seconds=0.3).curl_code == 28
    rev.heal()
    fault = rev.fault(path="/api/*/uploads/videos", stall_at=1000000)
    answers = []
    sender = threading.Thread(
        target=lambda: answers.append(user.upload(world.file)))
    sender.start()
    rev.wait_received(1000000)
    assert max(request["received"]
               for request in rev.in_flight()) == 1000000
    rev.heal(fault)
    sender.join()
    answers[0].must(200)
    rev.fault(path="/api/*/uploads/videos", body_rate=5000000)
    begin = time.monotonic()
    user.upload(world.file).must(200)
    assert time.monotonic() - begin >= 0.4


def test_vendor_client(world):
    """rev: the vendor's JavaScript client"""
    client = os.environ.get("REV_CLIENT_JS")
    tap.skip_unless(client, "REV_CLIENT_JS is not set")
    tap.skip_unless(shutil.which("node"), "node is not installed")
    fresh(world)
    done = subprocess.run(
        ["node", source("tests/standin/vendor-client.mjs"), client,
         world.rev_server.url, world.file], capture_output=True, text=True,
        env={**os.environ, "NODE_EXTRA_CA_CERTS": world.authority.bundle},
        timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


# ---- the bridge --------------------------------------------------------

def bridge(world):
    world.cms_server.reset()
    return Curl(world, world.cms_server.url + "/api/v1", "-u", "apiadmin:pw")


def failure(answer):
    answer.must(400)
    assert answer.xml.tag == "failureDetails"
    return answer.xml[0]


def test_cms_login(world):
    """cms: Basic with the realm, an empty 401, a busy 503"""
    curl = bridge(world)
    curl("GET", "/coSpaces").must(200)
    curl.options = ["-u", "apiadmin:no"]
    answer = curl("GET", "/coSpaces").must(401)
    assert answer.body == ""
    assert answer.header("WWW-Authenticate") == 'Basic realm="acano"'
    world.cms_server.set(busy=True)
    bridge_user = Curl(world, world.cms_server.url, "-u", "apiadmin:pw")
    bridge_user("GET", "/api/v1/coSpaces").must(503)


def test_cms_spaces(world):
    """cms: a space, its members, a user; paths of any case"""
    curl = bridge(world)
    space = curl("GET", f"/cospaces/{SPACE}").must(200).xml
    assert space.get("id") == SPACE
    assert space.findtext("name") == "Weekly <ü>"
    assert space.findtext("ownerJid") == "user1@example.com"
    owner = space.findtext("ownerId")
    user = curl("GET", f"/users/{owner}").must(200).xml
    assert user.findtext("name") == "Øne & Co"
    assert user.findtext("email") == "one@example.com"
    members = curl("GET", f"/coSpaces/{SPACE}/coSpaceUsers").must(200).xml
    assert members.get("total") == "2"
    assert {m.findtext("userJid") for m in members} == {
        "user1@example.com", "user2@example.com"}
    spaces = curl("GET", f"/users/{owner}/usercoSpaces").must(200).xml
    assert spaces[0].findtext("coSpaceId") == SPACE
    none = "00000000-0000-4000-8000-000000000000"
    assert failure(curl("GET", f"/coSpaces/{none}")).tag == \
        "coSpaceDoesNotExist"
    assert failure(curl("GET", f"/users/{none}")).tag == "userDoesNotExist"
    assert failure(curl("GET", "/streamers")).tag == "unrecognisedObject"
    world.cms_server.set(extra_elements=True)
    assert curl("GET", f"/coSpaces/{SPACE}").xml.find("laterRelease")


def test_cms_pages(world):
    """cms: pages hold what their collection allows, not what is asked"""
    curl = bridge(world)
    world.cms_server.order("POST", "/objects/coSpaces", [
        {"name": f"Room {number}", "uri": f"r{number}"}
        for number in range(60)])
    names, asked = [], 0
    while True:
        page = curl("GET", f"/coSpaces?limit=50&offset={len(names)}").xml
        if not len(page):
            break
        assert page.get("total") == "61" and len(page) <= 20
        names += [space.findtext("name") for space in page]
        asked += 1
    assert len(set(names)) == 61 and asked == 4
    found = curl("GET", "/coSpaces?filter=room%205&limit=3").xml
    assert found.get("total") == "11" and len(found) == 3


def test_cms_changes(world):
    """cms: objects that lead a call to the streamer"""
    curl = bridge(world)
    def make(path, **form):
        words = [w for k, v in form.items() for w in ("-d", f"{k}={v}")]
        answer = curl("POST", path, *words).must(200)
        assert answer.body == ""
        return answer.header("Location").removeprefix("/api/v1")
    profile = make("/callProfiles", streamingMode="automatic",
                   sipStreamerUri="live@streamer.example.com")
    assert curl("GET", profile).xml.findtext("streamingMode") == "automatic"
    curl("PUT", "/system/profiles", "-d",
         "callProfile=" + profile.rpartition("/")[2]).must(200)
    assert curl("GET", "/system/profiles").xml.findtext("callProfile") == \
        profile.rpartition("/")[2]
    rule = make("/outboundDialPlanRules", domain="streamer.example.com",
                sipProxy="127.0.0.1:7001", sipControlEncryption="encrypted")
    assert curl("GET", rule).xml.findtext("trunkType") == "sip"
    wrong = failure(curl("PUT", rule, "-d", "sipControlEncryption=maybe"))
    assert wrong.get("parameter") == "sipControlEncryption"
    assert wrong.get("error") == "invalidValue"
    space = f"/coSpaces/{SPACE}"
    assert failure(curl("PUT", space, "-d", "streamUrl=http://x")).get(
        "parameter") == "streamUrl"
    curl("PUT", space, "-d", "streamUrl=rtmp://u:p@host/live/x").must(200)
    assert curl("GET", space).xml.findtext("streamUrl")
    curl("PUT", space, "-d", "streamUrl=").must(200)
    assert curl("GET", space).xml.findtext("streamUrl") is None
    assert failure(curl("POST", "/coSpaces", "-d", "uri=1004")).tag == \
        "duplicateCoSpaceUri"
    curl("DELETE", rule).must(200)
    assert failure(curl("GET", rule)).tag == \
        "outboundDialPlanRuleDoesNotExist"
    traces = world.cms_server.traces()
    assert 'API trace 1: POST for "/api/v1/callProfiles"' in traces[0]
    assert traces[1] == "API trace 1: sending 200 response, size 0"


def test_cms_calls(world):
    """cms: calls and their legs, by order of a test"""
    curl = bridge(world)
    call = world.cms_server.add("calls", coSpace=SPACE, name="Weekly")
    world.cms_server.add("callLegs", call=call, type="sip",
                         remoteParty="live@streamer.example.com",
                         status={"state": "connected",
                                 "txVideo": {"@role": "main",
                                             "codec": "h264"}})
    leg = curl("GET", f"/calls/{call}/callLegs").must(200).xml[0]
    whole = curl("GET", f"/callLegs/{leg.get('id')}").must(200).xml
    assert whole.find("status/txVideo").get("role") == "main"
    curl("PUT", f"/calls/{call}", "-d", "streaming=true").must(200)
    assert curl("GET", f"/calls/{call}").xml.findtext("streaming") == "true"
    curl("DELETE", f"/callLegs/{leg.get('id')}").must(200)
    assert curl("GET", f"/calls/{call}/callLegs").xml.get("total") == "0"


if __name__ == "__main__":
    tap.main(World, prepare)
