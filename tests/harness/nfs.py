# SPDX-License-Identifier: MIT
"""A real NFS server for a test: nfs-ganesha on loopback, v3 and v4.

No portmapper: norpcbind.so says "registered" in its place, and the ports go
into the URL. The export is a directory of this machine, which takes root.
"""

import os
import shutil
import signal
import socket
import subprocess

from harness.paths import built
from harness.tap import is_root, skip_unless
from harness.wait import wait_for

PROGRAM = "/usr/bin/ganesha.nfsd"
NAME = "/rec"
ATTEMPTS = 5

CONFIGURATION = """NFS_CORE_PARAM {{
	Protocols = 3,4;
	NFS_Port = {port};
	MNT_Port = {mount_port};
	NLM_Port = {lock_port};
	Bind_addr = 127.0.0.1;
	Enable_NLM = true;
	Enable_RQUOTA = false;
	Enable_UDP = false;
	mount_path_pseudo = true;
}}
NFSv4 {{
	Graceless = true;
	Grace_Period = 10;
	Lease_Lifetime = {lease};
	RecoveryBackend = fs;
	RecoveryRoot = "{state}";
	Minor_Versions = 0,1,2;
	Only_Numeric_Owners = true;
}}
EXPORT_DEFAULTS {{
	Squash = No_Root_Squash;
	SecType = sys;
	Transports = TCP;
	Protocols = 3,4;
}}
EXPORT {{
	Export_Id = 1;
	Path = {export};
	Pseudo = {name};
	Access_Type = {access};
	Attr_Expiration_Time = {attr_ttl};
	FSAL {{ Name = VFS; }}
}}
MDCACHE {{ Dir_Chunk = 0; }}
LOG {{ Default_Log_Level = EVENT; }}
"""


def _free_ports(count):
    """Different ports, found while all are held."""
    held = [socket.socket() for _ in range(count)]
    try:
        for sock in held:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in held]
    finally:
        for sock in held:
            sock.close()


class Nfs:
    """A server that runs. `export` is its directory.

    access: "RW" or "RO". lease: seconds of a v4 lease. attr_ttl: seconds for
    which it believes its own cache; 0 shows what is changed beside it.
    """

    def __init__(self, world, access="RW", lease=20, attr_ttl=0):
        skip_unless(is_root(), "an NFS server takes root")
        skip_unless(os.path.exists(PROGRAM), "nfs-ganesha is not installed")
        self._world = world
        self._access = access
        self._lease = lease
        self._attr_ttl = attr_ttl
        tag = f"nfs-{world.number()}"
        self.export = world.folder(tag, "export")
        self._state = world.folder(tag, "state")
        self._conf = world.path(tag, "ganesha.conf")
        self._pid_file = world.path(tag, "ganesha.pid")
        self._log = world.path(tag, "ganesha.log")
        self.process = None
        self._find_ports()

    def _find_ports(self):
        """Another program may take a port between the look and the start."""
        for attempt in range(ATTEMPTS):
            ports = _free_ports(3)
            self.port, self.mount_port, self._lock_port = ports
            if self.start(must=attempt == ATTEMPTS - 1):
                return

    def _configure(self):
        with open(self._conf, "w", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(
                port=self.port, mount_port=self.mount_port,
                lock_port=self._lock_port, lease=self._lease,
                state=self._state, access=self._access, export=self.export,
                name=NAME, attr_ttl=self._attr_ttl))

    def start(self, must=True):
        """True when it serves."""
        self._configure()
        with open(self._log, "w", encoding="ascii"):
            pass
        for path in (self._pid_file,):
            if os.path.exists(path):
                os.unlink(path)
        self.process = self._world.start(
            [PROGRAM, "-F", "-L", self._log, "-f", self._conf,
             "-p", self._pid_file], name="ganesha",
            env={"LD_PRELOAD": built("tests/tools/norpcbind.so")})
        wait_for(lambda: self._is_up() or not self.process.alive, 20,
                 "NFS server")
        if must and not self.process.alive:
            raise AssertionError("NFS server: " + self.log_text()[-2000:])
        return self.process.alive

    def log_text(self):
        with open(self._log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def _is_up(self):
        if "NFS SERVER INITIALIZED" not in self.log_text():
            return False
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        self.process.stop()

    def kill(self):
        self.process.kill()

    def restart(self, killed=True):
        """The same ports, the same files."""
        if killed:
            self.kill()
        else:
            self.stop()
        self.start()

    def suspend(self):
        self.process.suspend()

    def resume(self):
        self.process.resume()

    def set_access(self, access):
        """"RO" or "RW", while it runs."""
        self._access = access
        self._configure()
        os.kill(self.process.pid, signal.SIGHUP)

    def url(self, version=3, port=None, mount_port=None):
        """For libnfs programs; ports of a proxy may stand in."""
        text = f"nfs://127.0.0.1{NAME}?version={version}" \
               f"&nfsport={port or self.port}"
        if version == 3:
            text += f"&mountport={mount_port or self.mount_port}"
        return text

    def path(self, *names):
        """A path in the export, its folders made."""
        path = os.path.join(self.export, *names)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def put(self, file, *names):
        """Copies a file in, beside the server."""
        return shutil.copyfile(file, self.path(*names))

    def write(self, file, name, version=3, rate=0, pauses=(), stop_at=None,
              port=None, mount_port=None):
        """Writes a file over NFS: see Writer."""
        return Writer(self._world, self.url(version, port, mount_port), file,
                      name, rate, pauses, stop_at)


class Writer:
    """tests/tools/nfs-write at work.

    At each byte of `pauses` it waits for go(). `stop_at` leaves the file
    short. `rate` is bytes per second.
    """

    def __init__(self, world, url, file, name, rate, pauses, stop_at):
        argv = [built("tests/tools/nfs-write")]
        if rate:
            argv += ["-r", rate]
        for pause in pauses:
            argv += ["-p", pause]
        if stop_at is not None:
            argv += ["-s", stop_at]
        self.process = world.start(argv + [url, name, file],
                                   stdin=subprocess.PIPE, capture=True)

    def wait_paused(self):
        """Until it waits; the byte at which it does."""
        words = self.process.stdout.readline().split()
        assert words[:1] == ["paused"], f"{words}, {self.process.log_text()}"
        return int(words[1])

    def go(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def finish(self, seconds=60):
        """Until all is written and closed."""
        status = self.process.wait(seconds)
        assert status == 0, self.process.log_text()
