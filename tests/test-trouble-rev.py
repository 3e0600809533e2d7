#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Trouble with Rev and the bridge: what they answer, refuse, or say of
themselves. Nothing is lost, nothing spins, `why` says what it is."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import tap  # noqa: E402
from harness.certs import Authority  # noqa: E402
from harness.media import make_mp4  # noqa: E402
from harness.site import SPACE, Site, check_idle  # noqa: E402
from harness.tap import skip_unless  # noqa: E402
from harness.uploader import (REV_USER, SECRETS, SPACES, cms_seed,  # noqa: E402
                              name_of, rev_seed)
from harness.wait import wait_for  # noqa: E402
from harness.world import World  # noqa: E402

MIB = 1 << 20
LONG = bool(os.environ.get("LONG"))
UPLOADS = "/api/*/uploads/videos"
NSS_WRAPPER = "/usr/lib/x86_64-linux-gnu/libnss_wrapper.so"


class Media:
    """Encoded once."""
    recording = small = None


def prepare(world):
    Media.recording = make_mp4(world.path("media", "recording.mp4"),
                               min_bytes=4 * MIB)
    Media.small = make_mp4(world.path("media", "small.mp4"), seconds=1)


def local_site(world):
    return Site(world, world.folder(f"share{world.number()}"))


REFUSALS = [
    {"status": 400}, {"status": 403}, {"status": 413, "html": "too large"},
    {"status": 415}, {"status": 401},
] + [{"status": 500, "code": code} for code in (
    "MalformedRequest", "FileNotSupported", "FileNotSent", "UserNotProvided",
    "UserDoesNotExist", "UploaderUserDoesNotExist", "UnprocessableEntity",
    "OneOrMoreInvalidCategoriesFoundInRequest", "UnsupportedMediaType",
    "SomethingNew")]
PASSING = [
    {"status": 500, "code": "NotReadyOrReplacingFailedOrVcFailed"},
    {"status": 500, "code": "InternalServerError"}, {"status": 500},
    {"status": 502, "html": "<html><body>bad gateway</body></html>"},
    {"status": 504, "html": "<html><body>gateway time-out</body></html>"},
]


def test_refused(world):
    """what Rev refuses fails with its reason; what passes, passes"""
    site = local_site(world)
    uploader = site.uploader(name="refused", settings={"parallel": 8})
    names = [name_of(n) for n in range(len(REFUSALS) + len(PASSING) + 1)]
    site.rev.order("POST", "/faults", [
        {"path": UPLOADS, **fault} for fault in REFUSALS + PASSING])
    for name in names:
        site.put(SPACE, name, Media.small)
    uploader.wait_counts(failed=len(REFUSALS), seconds=60)
    said = [job["error"] for job in uploader.jobs() if job["error"]]
    for fault in REFUSALS:
        word = fault.get("code") or str(fault["status"])
        assert any(word in text for text in said), (word, said)
    uploader.wait_counts(ready=len(names) - len(REFUSALS), seconds=60)
    for job in uploader.jobs():
        if job["state"] == "failed":
            assert uploader.command(f"retry {job['id']}").startswith("ok")
    uploader.wait_counts(ready=len(names), failed=0, seconds=60)
    site.check_once(*names)


def test_back_off(world):
    """one that fails again and again is tried ever more rarely"""
    site = local_site(world)
    uploader = site.uploader(name="backoff", settings={
        "parallel": 1, "retry_max": "1h", "index_grace": "0s"})
    fault = site.rev.fault(path=UPLOADS, status=408, times=0)
    site.put(SPACE, name_of(0), Media.small)
    wait_for(lambda: site.rev.fired(fault) >= 3, 30, "three tries")
    wait_for(lambda: uploader.job(name_of(0))["next_retry"], what="a next try")
    # The third pause: between 4 and 8 s. Without one it would spin.
    check_idle(uploader, seconds=3)
    assert site.rev.fired(fault) <= 4
    site.rev.heal()
    site.put(SPACE, name_of(1), Media.small)
    uploader.wait_job(name_of(1), "ready")
    uploader.wait_job(name_of(0), "ready")
    site.check_once(name_of(0), name_of(1))


def test_pauses(world):
    """a pause that Rev asks for, or needs, is kept by everybody"""
    site = local_site(world)
    uploader = site.uploader(name="pauses")
    uploads = site.rev.fault(path=UPLOADS, status=429, retry_after=6)
    site.put(SPACE, name_of(0), Media.small)
    uploader.wait_why(name_of(0), "pause of 6 s (too many calls")
    site.put(SPACE, name_of(1), Media.small)
    assert uploader.state()["rev_state"] == "paused"
    check_idle(uploader, seconds=2)
    assert site.rev.fired(uploads) == 1 and site.uploads() == 1
    uploader.wait_counts(ready=2)
    # Long ones: a person need not wait for them.
    for number, (fault, word) in enumerate((
            ({"status": 429}, "pause of 60 s (too many calls"),
            ({"status": 507}, "pause of 600 s (no room for more"),
            ({"status": 500, "code": "StorageQuotaExceeded"},
             "pause of 600 s (no room for more"),
            ({"status": 503, "retry_after": 90},
             "pause of 90 s (out of service")), 2):
        site.rev.fault(path=UPLOADS, **fault)
        site.put(SPACE, name_of(number), Media.small)
        uploader.wait_why(name_of(number), word)
        if number == 2:
            check_idle(uploader)
        assert uploader.command("resume").startswith("ok")
        uploader.wait_job(name_of(number), "ready")
    site.check_once(*(name_of(n) for n in range(6)))


def test_out_of_service(world):
    """503 and 502 from all that Rev is asked: it waits, and comes back"""
    site = local_site(world)
    uploader = site.uploader(name="outage")
    for number, (fault, word) in enumerate((
            ({"status": 503}, "answered 503: it is out of service"),
            ({"status": 502, "html": "no upstream"},
             "a gateway on the way gets no answer"))):
        site.rev.fault(path="/api/*", times=0, **fault)
        site.put(SPACE, name_of(number), Media.small)
        uploader.wait_why(name_of(number), word)
        first = wait_for(lambda: uploader.job(name_of(number))["next_retry"],
                         what="a next try")
        wait_for(lambda: uploader.job(name_of(number))["next_retry"] > first,
                 what="a later one")
        check_idle(uploader)
        site.rev.heal()
        uploader.wait_job(name_of(number), "ready")
    site.check_once(name_of(0), name_of(1))


def test_session(world):
    """each kind of 401: a session that ends or is killed, a video gone"""
    site = local_site(world)
    uploader = site.uploader(name="session", settings={"bandwidth": "3M"})
    site.put(SPACE, name_of(0), Media.recording)
    site.rev.wait_received(MIB)
    site.rev.kill_sessions()
    uploader.wait_job(name_of(0), "ready")
    site.rev.kill_sessions()
    site.rev.set(processing_seconds=3600)
    site.put(SPACE, name_of(1), Media.small)
    job = uploader.wait_job(name_of(1), "processing")
    # What is gone answers 401, too, and so does a login that is refused.
    logins = site.rev.count("POST", "/user/login")
    site.rev.order("DELETE", f"/videos/{job['video_id']}")
    site.rev.set(processing_seconds=0)
    uploader.wait_job(name_of(1), "failed")
    assert "gone from Rev" in uploader.job(name_of(1))["error"]
    assert site.rev.count("POST", "/user/login") == logins
    assert uploader.command(f"retry {job['id']}").startswith("ok")
    uploader.wait_job(name_of(1), "ready")
    site.check_once(name_of(0), name_of(1))


def test_login(world):
    """401 and 403 at the login: asked once, until a person says resume"""
    site = local_site(world)
    for number, status in enumerate((401, 403)):
        fault = site.rev.fault(path="/api/*/user/login", status=status,
                               times=0)
        uploader = site.uploader(name="login")
        site.put(SPACE, name_of(number), Media.small)
        uploader.wait_state("rev_state", "locked")
        uploader.wait_why(name_of(number), f"refuses the login ({status})")
        check_idle(uploader)
        assert site.rev.fired(fault) == 1
        assert uploader.command("resume").startswith("ok")
        wait_for(lambda: site.rev.fired(fault) == 2, 10, "one more login")
        uploader.wait_state("rev_state", "locked")
        site.rev.heal()
        assert uploader.command("resume").startswith("ok")
        uploader.wait_job(name_of(number), "ready")
        uploader.process.stop()
    site.check_once(name_of(0), name_of(1))


def test_api_key(world):
    """an API key: renewed, killed, refused, put right"""
    site = local_site(world)
    site.rev.order("POST", "/api-keys",
                   {"key": "the-key", "secret": "k3y-s3cret", "user": REV_USER})
    site.rev.set(session_seconds=1.5)
    uploader = site.uploader(name="apikey", start=False, settings={
        "rev_login": "api-key", "rev_api_key": "the-key", "bandwidth": "2M"})
    uploader.write_secrets({"rev_api_secret": "k3y-s3cret"})
    uploader.start()
    # Longer than a session: it is renewed meanwhile.
    site.put(SPACE, name_of(0), Media.recording)
    uploader.wait_job(name_of(0), "ready")
    assert site.rev.count("POST", "extend-session")
    assert site.rev.count("POST", "/authenticate") == 1
    site.rev.kill_sessions()
    site.put(SPACE, name_of(1), Media.small)
    uploader.wait_job(name_of(1), "ready")
    assert site.rev.count("POST", "/authenticate") == 2
    uploader.write_secrets({"rev_api_secret": "wrong-s3cret"})
    uploader.command("reload")
    site.put(SPACE, name_of(2), Media.small)
    uploader.wait_why(name_of(2), "or the API key")
    check_idle(uploader)
    assert site.rev.count("POST", "/authenticate") == 3
    uploader.write_secrets({"rev_api_secret": "k3y-s3cret"})
    uploader.command("reload")
    uploader.wait_job(name_of(2), "ready")
    assert not site.rev.count("POST", "/user/login")
    site.check_once(*(name_of(n) for n in range(3)))
    told = uploader.process.log_text() + "".join(uploader.events())
    assert "s3cret" not in told


def test_redirect(world):
    """a redirect to another host gets nothing, no credentials least of all"""
    site = local_site(world)
    other = world.rev(seed=rev_seed())
    uploader = site.uploader(name="redirect")
    for path in (UPLOADS, "/api/*/user/login", "/api/*/videos/search"):
        site.rev.fault(path=path, redirect=f"{other.url}/api/v2/x", times=0)
    site.put(SPACE, name_of(0), Media.small)
    uploader.wait_why(name_of(0), "redirects")
    check_idle(uploader)
    site.rev.heal()
    uploader.wait_job(name_of(0), "ready")
    assert other.log() == [], other.log()
    site.check_once(name_of(0))


def test_slow(world):
    """bodies and answers that stall, are cut, or come slowly"""
    site = local_site(world)
    uploader = site.uploader(name="slow", settings={
        "rev_timeout": "2s", "rev_upload_timeout": "2s", "parallel": 4})
    names = [name_of(n) for n in range(5)]
    fault = site.rev.fault(path=UPLOADS, stall_at=MIB)
    site.put(SPACE, names[0], Media.recording)
    site.rev.wait_received(MIB)
    check_idle(uploader, seconds=1)
    site.rev.heal(fault)
    uploader.wait_job(names[0], "ready")
    site.rev.order("POST", "/faults", [
        {"path": UPLOADS, "stall_at": MIB, "seconds": 20},
        {"path": UPLOADS, "stall": True, "seconds": 20},
        {"path": UPLOADS, "truncate": 10},
        {"path": UPLOADS, "answer_rate": 60},
        {"path": UPLOADS, "cut_at": MIB, "reset": True},
        {"path": "/api/*/videos/search", "stall": True, "seconds": 20},
        {"path": "/api/*/videos/*/status", "truncate": 3},
        {"path": "/api/*/videos/*/status", "stall": True, "seconds": 20},
    ])
    for name in names[1:]:
        site.put(SPACE, name, Media.recording)
    uploader.wait_counts(ready=5, seconds=90)
    site.check_once(*names)


def test_certificates(world):
    """expired, of another host, of an unknown authority: named and refused"""
    site = local_site(world)
    good = world.authority.server()
    stranger = Authority(world.folder("stranger"))
    cases = [(world.authority.expired(), "expired"),
             (world.authority.wrong_host(), "another host"),
             (stranger.server(), "{}_trust")]
    uploader = site.uploader(name="certificates", settings={
        "cms_cache_time": "0s"})
    numbers = iter(range(100))
    for server, prefix in ((site.rev, "rev"), (site.cms, "cms")):
        for certificate, word in cases:
            name = name_of(next(numbers))
            server.use_certificate(certificate)
            site.put(SPACE, name, Media.small)
            uploader.wait_why(name, word.format(prefix))
            if certificate is cases[0][0]:
                check_idle(uploader)
            server.use_certificate(good)
            uploader.command("resume")
            uploader.wait_job(name, "ready")
    site.check_once(*(name_of(n) for n in range(next(numbers))))


def test_names(world):
    """names of Rev, the bridge and the share that no server knows, until"""
    skip_unless(os.path.exists(NSS_WRAPPER), "nss_wrapper is not installed")
    site = Site(world)
    hosts = world.write("hosts", "127.0.0.1 localhost\n")
    names = {"rev": "rev.upcast.test", "cms": "bridge.upcast.test"}
    uploader = site.uploader(name="names", start=False, settings={
        "nfs_host": "nas.upcast.invalid",
        **{f"{prefix}_host": name for prefix, name in names.items()}})
    certificate = world.authority.issue("named", [
        f"DNS:{name}" for name in names.values()])
    site.rev.use_certificate(certificate)
    site.cms.use_certificate(certificate)
    uploader.start(env={"LD_PRELOAD": NSS_WRAPPER,
                        "NSS_WRAPPER_HOSTS": hosts})
    site.put(SPACE, name_of(0), Media.small)
    uploader.wait_state("source_state", "down")
    assert "nas.upcast.invalid" in uploader.state()["source_why"]
    check_idle(uploader)
    # The wrapper does not know how the share's name is looked up.
    uploader.write_settings(nfs_host="127.0.0.1")
    assert uploader.command("reload").startswith("ok")
    for prefix, name in names.items():
        uploader.wait_why(name_of(0), name)
        assert name in uploader.state()[f"{prefix}_why"]
        check_idle(uploader)
        with open(hosts, "a", encoding="ascii") as file:
            file.write(f"127.0.0.1 {name}\n")
    uploader.wait_job(name_of(0), "ready")
    site.check_once(name_of(0))


def test_bridge(world):
    """bridge down, its password wrong, its space gone, members in pages"""
    site = local_site(world)
    uploader = site.uploader(name="bridge", start=False,
                             settings={"fallback_owner": "admin"})
    uploader.write_secrets({"cms_password": "wrong"})
    uploader.start()
    for number in range(4):
        site.put(SPACE, name_of(number), Media.small)
    uploader.wait_why(name_of(3), "refuses user")
    site.put("forwardedCalls", name_of(5), Media.small)
    uploader.wait_job("forwardedCalls", "ready")
    check_idle(uploader)
    # The bridge locks accounts: one question for all of them.
    asked = site.cms.count("GET", "/coSpaces")
    assert asked <= 2, asked
    uploader.write_secrets(SECRETS)
    uploader.command("reload")
    uploader.wait_counts(ready=5)
    site.cms.stop()
    site.put(f"spaces/{SPACES['Lab']}", name_of(20), Media.small)
    uploader.wait_why(name_of(20), "bridge")
    check_idle(uploader)
    seed = cms_seed()
    crowd = 10000 if LONG else 300
    lab = seed["coSpaces"][1]
    for number in range(crowd):
        jid = f"m{number}@example.com"
        lab["members"].append(jid)
        seed["users"].append({"userJid": jid, "name": jid, "email": jid})
    del seed["coSpaces"][2]
    site.cms = world.cms(seed=seed, port=site.cms.port)
    uploader.wait_job(name_of(20), "ready", 240 if LONG else 40)
    # Each page of a hundred was asked for.
    assert site.cms.count("GET", "/coSpaceUsers") >= crowd // 100
    gone = f"spaces/{SPACES['Vorstand & Räte 役員']}"
    site.put(gone, name_of(30), Media.small)
    assert uploader.wait_job(name_of(30), "ready")["owner"] == "admin"
    site.check_once(*(name_of(number) for number in range(4)))


def test_gateway_pause(world):
    """a gateway that is out of service, with all of the recording sent on"""
    site = local_site(world)
    uploader = site.uploader(name="gateway", settings={
        "publish": "at-upload", "index_grace": "6s"})
    site.rev.set(index_lag=4)
    site.rev.fault(path=UPLOADS, status=503, commit=True, retry_after=1)
    site.put(SPACE, name_of(0), Media.small)
    uploader.wait_job(name_of(0), "ready")
    assert site.uploads() == 1
    site.check_once(name_of(0))


def test_husks(world):
    """videos that have failed on Rev are not taken for the recording"""
    site = local_site(world)
    uploader = site.uploader(name="husks", settings={"index_grace": "0s"})
    search = {"path": "/api/*/videos/search", "status": 500, "times": 0}
    site.rev.fault(path=UPLOADS, status=504, commit=True, times=2)
    blind = site.rev.fault(**search, skip=1)
    site.put(SPACE, name_of(0), Media.small)
    wait_for(site.rev.videos, 20, "a video")
    first = site.rev.videos()[0]["id"]
    site.rev.order("POST", f"/videos/{first}", {"status": "UploadFailed"})
    site.rev.fault(**search, skip=2)
    site.rev.heal(blind)
    # That one is no upload: sent again, and the answer is lost again.
    wait_for(lambda: len(site.rev.videos()) == 2, 30, "a second upload")
    site.rev.order("POST", f"/videos/{first}", {"status": "ProcessingFailed"})
    site.rev.heal()
    uploader.wait_job(name_of(0), "ready")
    videos = {video["id"]: video for video in site.rev.videos()}
    marked = site.names()[0].split("_vid-id=")[1].split("@")[0]
    assert marked != first and videos[marked]["active"], (marked, videos)
    assert len(videos) == 2, videos


tap.main(World, prepare, tidy=True, slow=True, apart=3,
         brief=("refused", "session", "login", "api_key"))
