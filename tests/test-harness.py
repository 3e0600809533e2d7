#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The ground that system tests stand on, tried by itself."""

import http.client
import os
import shutil
import ssl
import subprocess
import sys
from urllib.parse import quote

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

# pylint: disable=wrong-import-position
from harness import media, nfsfault, tap
from harness.leaks import find_leaks, new_secret
from harness.wait import TimedOut, wait_for
from harness.world import World


def _get(stand_in, authority, host="127.0.0.1"):
    """Status of a request that verifies the server."""
    context = ssl.create_default_context(cafile=authority.bundle)
    connection = http.client.HTTPSConnection(host, stand_in.port,
                                             context=context, timeout=10)
    try:
        connection.request("GET", "/api/v2/system-health")
        return connection.getresponse().status
    finally:
        connection.close()


def _refusal(stand_in, authority):
    try:
        _get(stand_in, authority)
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    raise AssertionError("the certificate was taken")


def test_certificates(world):
    """certificates: good, expired, early, of another host, of another CA"""
    rev = world.rev()
    assert _get(rev, world.authority) == 200
    assert _get(rev, world.authority, "localhost") == 200
    rev.use_certificate(world.authority.expired())
    assert "expired" in _refusal(rev, world.authority)
    rev.use_certificate(world.authority.not_yet_valid())
    assert "not yet valid" in _refusal(rev, world.authority)
    rev.use_certificate(world.authority.wrong_host())
    assert "IP address mismatch" in _refusal(rev, world.authority)
    rev.stop()


def test_wait(world):
    """waiting ends with the condition or the deadline"""
    assert wait_for(lambda: 7, 1) == 7
    try:
        wait_for(lambda: None, 0.05, "nothing")
    except TimedOut as error:
        assert "nothing" in str(error)
    else:
        raise AssertionError("no deadline")


def test_process(world):
    """programs are stopped, killed, suspended by their id"""
    process = world.start(["sleep", "100"])
    process.suspend()
    process.resume()
    assert process.alive and process.rss_bytes() > 0
    assert process.stop() == -15
    process = world.start(["sh", "-c", "echo said; exec sleep 100"])
    process.wait_log("said")
    process.kill()
    assert process.status == -9


def test_world_ends(world):
    """a world killed with SIGKILL leaves no program behind"""
    code = ("import sys; sys.path.insert(0, sys.argv[1])\n"
            "from harness.world import World\n"
            "w = World(); p = w.start(['sleep', '100'])\n"
            "print(p.pid, w.dir, flush=True); input()\n")
    child = subprocess.Popen(
        [sys.executable, "-B", "-c", code, sys.path[0]], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    pid, folder = child.stdout.readline().split()
    child.kill()
    child.communicate()
    wait_for(lambda: not os.path.exists(f"/proc/{pid}") or
             open(f"/proc/{pid}/stat").read().split()[2] == "Z", 5,
             "end of the orphan")
    shutil.rmtree(folder)


def test_media(world):
    """recordings: moov first or last, fragments, exact lengths"""
    def kinds(**options):
        path = media.make_mp4(world.path("m.mp4"), seconds=1, **options)
        found = media.boxes(path)
        assert sum(box[2] for box in found) == os.path.getsize(path)
        return [box[0] for box in found]
    fast = kinds()
    assert fast.index("moov") < fast.index("mdat")
    slow = kinds(faststart=False)
    assert slow.index("mdat") < slow.index("moov")
    assert kinds(fragmented=True)[-1] == "mfra"
    assert kinds(fragmented=True, mfra=False)[-1] == "mdat"
    assert kinds(min_bytes=3000000)[-1] == "free"
    assert os.path.getsize(world.path("m.mp4")) == 3000000
    assert 0.9 < media.duration(world.path("m.mp4")) < 1.2


def _cat(url):
    head, _, tail = url.partition("?")
    return subprocess.run(["nfs-cat", f"{head}/a/b.mp4?{tail}"],
                          capture_output=True, timeout=30)


def test_nfs(world):
    """an NFS server serves v3 and v4, restarts, turns read-only"""
    nfs = world.nfs()
    name = world.write("file", "x" * 300000)
    for version in (3, 4):
        nfs.write(name, "/a/b.mp4", version).finish()
        assert os.path.getsize(nfs.path("a", "b.mp4")) == 300000
        assert len(_cat(nfs.url(version)).stdout) == 300000
        nfs.restart()
        assert len(_cat(nfs.url(version)).stdout) == 300000
        os.unlink(nfs.path("a", "b.mp4"))
    nfs.set_access("RO")
    def refused():
        writer = nfs.write(name, "/c.mp4")
        return writer.process.wait() != 0
    wait_for(refused, 10, "a read-only export")


def test_slow_writer(world):
    """a writer over NFS pauses where told and stops short where told"""
    nfs = world.nfs()
    name = world.write("file", "y" * 300000)
    writer = nfs.write(name, "/slow.mp4", pauses=(100000, 200000))
    for byte in (100000, 200000):
        assert writer.wait_paused() == byte
        assert os.path.getsize(nfs.path("slow.mp4")) == byte
        writer.go()
    writer.finish()
    assert os.path.getsize(nfs.path("slow.mp4")) == 300000
    nfs.write(name, "/short.mp4", stop_at=12345).finish()
    assert os.path.getsize(nfs.path("short.mp4")) == 12345


def test_nfs_faults(world):
    """an NFS server refuses a call, and loses an answer"""
    nfs = world.nfs()
    faults = world.nfs_faults(nfs)
    name = world.write("file", "z" * 300000)
    nfs.put(name, "a", "b.mp4")
    for version in (3, 4):
        url = nfs.url(version, port=faults.port)
        rule = faults.answer("READ", nfsfault.ACCESS, times=0)
        assert _cat(url).returncode != 0 and rule.fired
        faults.clear()
        assert len(_cat(url).stdout) == 300000
        made = f"made{version}.mp4"
        lost = faults.lose("CREATE", text=made)
        nfs.write(name, "/" + made, version, port=faults.port).process.wait()
        # On v4 nfs-write first opens the name as it may be: lost, too.
        assert lost.fired == 1
        assert os.path.exists(nfs.path(made)) == (version == 3)


def test_proxy(world):
    """a proxy delays, cuts, stalls and counts"""
    rev = world.rev()
    proxy = world.proxy(rev.control_port)
    url = f"http://127.0.0.1:{proxy.port}/settings"

    def curl(seconds=5):
        return subprocess.run(
            ["curl", "-s", "-o", "/dev/null", "-m", str(seconds), "-w",
             "%{http_code} %{time_total}", url], capture_output=True,
            text=True).stdout.split()
    assert curl()[0] == "200"
    proxy.delay(30)
    status, seconds = curl()
    # There and back once; the handshake of TCP is the proxy's own.
    assert status == "200" and float(seconds) >= 0.06
    proxy.delay(0)
    proxy.stall()
    assert curl(0.3)[0] == "000"
    proxy.stall(False)
    proxy.hold_answers()
    before = proxy.count()
    assert curl(0.3)[0] == "000"
    assert proxy.count()[1] > before[1] and proxy.count()[2] == before[2]
    proxy.hold_answers(False)
    proxy.refuse()
    assert curl()[0] == "000"
    proxy.refuse(False)
    proxy.cut_after(10, "client")
    assert curl()[0] == "000"
    assert curl()[0] == "200"
    rev.stop()


def test_leaks(world):
    """secrets are found in files, arguments and environments, not quoted"""
    folder = world.folder("leaks")
    secret = new_secret()
    assert not find_leaks({"it": secret}, [folder])
    world.write("leaks/a", "x" * 1048570 + secret)
    world.write("leaks/b", "url=" + quote(secret, safe=""))
    world.write("leaks/skip", secret)
    loud = world.start(["sleep", "100"], env={"PASSWORD": secret})
    tell = world.start(["sh", "-c", "read x", secret],
                       stdin=subprocess.PIPE)
    wait_for(lambda: len(find_leaks({"it": secret}, [folder])) >= 5)
    found = find_leaks({"it": secret}, [folder],
                       skip=[world.path("leaks", "skip")])
    assert sorted(found) == sorted([
        f"it in {folder}/a", f"it in {folder}/b",
        f"it in environ of process {loud.pid}",
        f"it in cmdline of process {tell.pid}"])
    loud.stop()
    tell.stop()


if __name__ == "__main__":
    tap.main(World)
