# SPDX-License-Identifier: MIT
"""Receivers of RTMP streams, and a look at what has arrived."""

import json
import os
import re
import shutil
import socket
import subprocess
import urllib.request
from fractions import Fraction
from xml.etree import ElementTree

from harness.paths import built, source
from harness.tap import skip_unless
from harness.wait import PATIENCE, wait_for
from harness.world import free_port

NGINX_MODULE = "/usr/lib/nginx/modules/ngx_rtmp_module.so"

STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"

NGINX = """load_module {module};
{tls_module}
daemon off;
worker_processes 1;
user root;
pid {dir}/pid;
error_log {dir}/error.log info;
events {{ worker_connections 4096; }}
rtmp {{
	access_log off;
	server {{
		listen 127.0.0.1:{port};
		chunk_size 4096;
		max_message 16M;
		application live {{
			live on;
			record {record};
			record_path {dir}/rec;
			record_unique on;
		}}
	}}
}}
{more}
"""

# RTMPS is TLS before RTMP: nginx has it as a proxy in front of itself.
NGINX_TLS = """stream {{
	server {{
		listen 127.0.0.1:{tls_port} ssl;
		ssl_certificate {cert};
		ssl_certificate_key {key};
		proxy_pass 127.0.0.1:{port};
	}}
}}
"""

NGINX_STAT = """http {{
	access_log off;
	server {{
		listen 127.0.0.1:{stat_port};
		location /stat {{ rtmp_stat all; }}
	}}
}}
"""

NODE = """
const Server = require(process.argv[2] + '/node_modules/node-media-server');
const [, , , port, tls, cert, key] = process.argv;
new Server({ bind: '127.0.0.1', rtmp: { port: +port },
             rtmps: { port: +tls, key, cert },
             auth: { play: false, publish: false } }).run();
"""


def is_open(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


class Nginx:
    """nginx-rtmp; what it records is in recordings(). With a certificate it
    takes RTMPS, too. `count`: it records nothing, received() has the bytes."""

    def __init__(self, world, certificate=None, count=False):
        skip_unless(shutil.which("nginx") and os.path.exists(NGINX_MODULE),
                    "nginx-rtmp is not installed")
        self._world = world
        self._dir = world.folder(f"nginx-{world.number()}")
        os.makedirs(os.path.join(self._dir, "rec"))
        self.port = free_port()
        self.tls_port = None
        self._more = self._tls_module = ""
        self._record = "off" if count else "all"
        if count:
            self._stat_port = free_port()
            self._more = NGINX_STAT.format(stat_port=self._stat_port)
        if certificate:
            self._configure_tls(certificate)
        self.process = None
        self.start()

    def _configure_tls(self, certificate):
        skip_unless(os.path.exists(STREAM_MODULE),
                    "nginx's stream module is not installed")
        self.tls_port = free_port()
        self._tls_module = f"load_module {STREAM_MODULE};"
        self._more += NGINX_TLS.format(
            tls_port=self.tls_port, port=self.port, cert=certificate.cert,
            key=certificate.key)

    def start(self):
        conf = os.path.join(self._dir, "nginx.conf")
        with open(conf, "w", encoding="ascii") as file:
            file.write(NGINX.format(module=NGINX_MODULE, dir=self._dir,
                                    port=self.port, more=self._more,
                                    record=self._record,
                                    tls_module=self._tls_module))
        self.process = self._world.start(["nginx", "-c", conf], name="nginx")
        wait_for(lambda: is_open(self.port), what="nginx")

    def kill(self):
        """Master and worker: the worker goes with its channel."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children",
                  encoding="ascii") as file:
            workers = [int(pid) for pid in file.read().split()]
        self.process.kill()
        for pid in workers:
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
        wait_for(lambda: not is_open(self.port), what="end of nginx")

    def url(self, stream):
        return f"rtmp://127.0.0.1:{self.port}/live/{stream}"

    def tls_url(self, stream):
        return f"rtmps://127.0.0.1:{self.tls_port}/live/{stream}"

    def received(self):
        """Bytes so far of each stream that is being published."""
        url = f"http://127.0.0.1:{self._stat_port}/stat"
        with urllib.request.urlopen(url, timeout=10) as answer:
            streams = ElementTree.fromstring(answer.read()).iter("stream")
        return {s.findtext("name"): int(s.findtext("bytes_in"))
                for s in streams if s.find("publishing") is not None}

    def recording(self, stream):
        """The first of that stream; waits for its begin."""
        return wait_for(lambda: self.recordings(stream),
                        what="recording of " + stream)[0]

    def recordings(self, stream):
        folder = os.path.join(self._dir, "rec")
        return sorted(os.path.join(folder, name)
                      for name in os.listdir(folder)
                      if re.fullmatch(rf"{stream}-\d+\.flv", name))


class NodeMediaServer:
    """node-media-server of npm, RTMP and RTMPS; NODE_MEDIA_SERVER may name
    the folder where it is installed."""

    def __init__(self, world, certificate):
        skip_unless(shutil.which("node"), "node is not installed")
        self._world = world
        folder = self._install()
        self.port, self.tls_port = free_port(), free_port()
        script = world.write("node-media-server.js", NODE)
        self.process = world.start(
            ["node", script, folder, self.port, self.tls_port,
             certificate.cert, certificate.key], name="node-media-server",
            cwd=world.folder("node-media-server"))  # it writes to ./data
        wait_for(lambda: is_open(self.port) and is_open(self.tls_port),
                 what="node-media-server")

    def _install(self):
        folder = os.environ.get("NODE_MEDIA_SERVER")
        if folder:
            return folder
        skip_unless(shutil.which("npm"), "npm is not installed")
        folder = self._world.folder("npm")
        try:
            done = subprocess.run(
                ["npm", "install", "--silent", "--prefix", folder,
                 "node-media-server@4.4.3"], timeout=60,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            done = None
        skip_unless(done and done.returncode == 0,
                    "npm cannot be reached")
        return folder


class Server:
    """tests/tools/rtmp-server.py with these options: refuse="...", move=True"""

    def __init__(self, world, port=0, **options):
        argv = [source("tests/tools/rtmp-server.py"), "--port", str(port)]
        for name, value in options.items():
            argv += ["--" + name] + ([] if value is True else [str(value)])
        self.process = world.start(argv, name="rtmp-server")
        self.process.wait_log("port ")
        self.port = int(self.lines()[0].split()[1])

    def lines(self):
        return self.process.log_text().splitlines()

    def count(self, word):
        return sum(line.startswith(word) for line in self.lines())

    def wait(self, word, number=1, seconds=PATIENCE):
        wait_for(lambda: self.count(word) >= number, seconds,
                 lambda: f"{number} x {word}, not {self.lines()[-20:]}")


class Publisher:
    """tests/tools/flv-publish at work."""

    def __init__(self, world, file, url, *options):
        self.process = world.start(
            [built("tests/tools/flv-publish"), "-S", *options, file, url],
            name="flv-publish")

    def result(self, seconds=60):
        """Exit status, and the counters of its last line."""
        status = self.process.wait(seconds)
        last = [line for line in self.process.log_text().splitlines()
                if line.startswith("state=")][-1]
        found = dict(word.split("=", 1) for word in
                     last.partition(" why=")[0].split())
        found["why"] = last.partition(" why=")[2]
        found["status"] = status
        return found

    def wait_log(self, text, seconds=PATIENCE):
        self.process.wait_log(text, seconds)


def frames(path, kind):
    """MD5 and length of each decoded frame; `kind` is "v" or "a"."""
    out = subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-threads", "1", "-i", path,
         "-map", "0:" + kind, "-f", "framemd5", "-"], check=True,
        capture_output=True, text=True).stdout
    return [re.split(r",\s*", line)[4:] for line in out.splitlines()
            if line and line[0] != "#"]


def sound(path):
    """(checksum, time in seconds) of each frame of sound, undecoded."""
    out = subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-i", path, "-map", "0:a",
         "-c", "copy", "-f", "framemd5", "-"], check=True,
        capture_output=True, text=True).stdout
    lines = [re.split(r",\s*", line) for line in out.splitlines()]
    base = [line[0] for line in lines if line[0].startswith("#tb 0:")][0]
    tick = Fraction(base.split()[2])
    return [(line[5], float(int(line[2]) * tick)) for line in lines
            if not line[0].startswith("#")]


def packets(path):
    """(kind, dts, pts, size) of audio and video packets, times in seconds."""
    out = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries",
         "packet=codec_type,dts_time,pts_time,size", "-of", "json", path],
        check=True, capture_output=True, text=True).stdout
    return [(p["codec_type"], float(p["dts_time"]), float(p["pts_time"]),
             int(p["size"]))
            for p in json.loads(out)["packets"]
            if p["codec_type"] in ("audio", "video")]
