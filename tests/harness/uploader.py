# SPDX-License-Identifier: MIT
"""upcast-uploader under test: its settings, its control directory, its ctl."""

import os
import socket
import uuid

from harness.paths import built
from harness.wait import PATIENCE, wait_for

# What every test of the uploader has, so that tests can look for them.
SECRETS = {"rev_password": "Rev!s3cret/päss", "cms_password": "cms-Geh3im+x"}
REV_USER = "uploader"
CMS_USER = "apiadmin"

# Fast enough for a test; everything else is as users have it.
DEFAULTS = {
    "enabled": "true",
    "scan_interval": "1s",
    "settle_time": "1s",
    "fragmented_settle_time": "4s",
    "status_interval": "500ms",
    "index_grace": "3s",
    "retry_max": "2s",
    "nfs_uid": "0",
    "nfs_gid": "0",
    "nfs_timeout": "3s",
    "title": "{space} {date} {time}",
}


def rev_seed():
    """The uploader's account and a few people."""
    people = [("anna", []), ("ben", []), ("zoë", []), ("admin", [])]
    return {
        "users": [{"username": REV_USER, "email": "uploader@example.com",
                   "password": SECRETS["rev_password"],
                   "roles": ["Media Admin"]}] +
                 [{"username": name, "email": f"{name}@example.com",
                   "password": uuid.uuid4().hex, "roles": ["Media Viewer"],
                   "groups": groups} for name, groups in people],
    }


SPACES = {
    # The owner is known to Rev.
    "Weekly": "6b0f0c1e-1111-4a5b-9c0d-3e5f70a1b2c3",
    # The owner is not.
    "Lab": "7c1f0d2e-2222-4a5b-9c0d-3e5f70a1b2c3",
    # A name that is not ASCII.
    "Vorstand & Räte 役員": "8d2f0e3e-3333-4a5b-9c0d-3e5f70a1b2c3",
}


def cms_seed():
    def person(name):
        return {"userJid": f"{name}@example.com", "name": name.title(),
                "email": f"{name}@example.com"}

    def space(name, owner, members):
        return {"id": SPACES[name], "name": name, "uri": name.lower()[:4],
                "owner": f"{owner}@example.com",
                "members": [f"{member}@example.com" for member in members]}
    weekly, lab, board = SPACES
    return {
        "admins": [{"name": CMS_USER, "password": SECRETS["cms_password"]}],
        "users": [person(name) for name in ("anna", "ben", "zoë", "ghost")],
        "coSpaces": [space(weekly, "anna", ["anna", "ben"]),
                     space(lab, "ghost", ["ben", "ghost"]),
                     space(board, "zoë", ["zoë", "anna"])],
    }


class Uploader:
    """`share`: an Nfs, or the path of a local directory.

    `settings` go into [uploader]; None takes one away. The program runs in the
    foreground under ASan or not, as it was built.
    """

    def __init__(self, world, share, rev=None, cms=None, settings=None,
                 version=3, name="up", start=True):
        self._world = world
        self.dir = world.folder(name)
        self.control = os.path.join(self.dir, "run", "uploader")
        self.config = os.path.join(self.dir, "upcast.ini")
        self.journal = os.path.join(world.folder(name, "var"), "journal.db")
        world.folder(name, "run")
        self.settings = {**DEFAULTS, "journal": self.journal}
        self._point_at_share(share, version)
        self._point_at(rev, "rev", REV_USER, world)
        self._point_at(cms, "cms", CMS_USER, world)
        self.settings.update(settings or {})
        self.write_secrets(SECRETS)
        self.write_settings()
        self.process = None
        if start:
            self.start()

    def _point_at_share(self, share, version):
        if isinstance(share, str):
            self.settings.update(source="local", local_directory=share)
            return
        self.settings.update(source="nfs", nfs_host="127.0.0.1",
                             nfs_directory="/rec", nfs_version=version,
                             nfs_port=share.port,
                             nfs_mount_port=share.mount_port)

    def _point_at(self, standin, prefix, user, world):
        if not standin:
            return
        self.settings.update({f"{prefix}_host": "127.0.0.1",
                              f"{prefix}_port": standin.port,
                              f"{prefix}_user": user,
                              f"{prefix}_trust": world.authority.bundle})

    def write_secrets(self, secrets):
        folder = self._world.folder(os.path.basename(self.dir), "secrets",
                                    "uploader")
        for name, value in secrets.items():
            path = os.path.join(folder, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(value + "\n")
            os.chmod(path, 0o600)

    def write_settings(self, **changes):
        self.settings.update(changes)
        lines = ["[upcast]", f"control_dir = {self.dir}/run",
                 f"secrets_dir = {self.dir}/secrets", "group = root",
                 "", "[uploader]"]
        lines += [f"{key} = {value}" for key, value in self.settings.items()
                  if value is not None]
        with open(self.config, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")

    def arguments(self, *more):
        return [built("uploader/upcast-uploader"), "-c", self.config, *more]

    def start(self, *more, env=None):
        self.process = self._world.start(
            self.arguments("-f", "-v", *more), name="uploader", env=env)
        return self

    def run(self, *more):
        """The program with other arguments, until it ends; its Process."""
        process = self._world.start(self.arguments(*more), name="uploader")
        process.wait(60)
        return process

    def restart(self):
        self.process.stop()
        self.start()

    # ---- the control directory -------------------------------------------

    def _snapshot(self, *names):
        try:
            with open(os.path.join(self.control, *names),
                      encoding="utf-8") as file:
                text = file.read()
        except (FileNotFoundError, NotADirectoryError):
            return {}
        return dict(line.split("=", 1) for line in text.splitlines())

    def state(self):
        return self._snapshot("state")

    def jobs(self):
        folder = os.path.join(self.control, "jobs")
        names = os.listdir(folder) if os.path.isdir(folder) else []
        found = [self._snapshot("jobs", name) for name in names
                 if name.isdigit()]
        return sorted((job for job in found if job),
                      key=lambda job: int(job["id"]))

    def job(self, path_part):
        """The one recording whose path has `path_part`, or {}."""
        for job in self.jobs():
            if path_part in job["path"]:
                return job
        return {}

    def events(self):
        try:
            with open(os.path.join(self.control, "events"),
                      encoding="utf-8") as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def wait_state(self, key, value, seconds=PATIENCE):
        return wait_for(lambda: self.state().get(key) == value, seconds,
                        lambda: f"{key}={value}, not {self.state()}")

    def wait_job(self, path_part, state, seconds=PATIENCE):
        def there():
            job = self.job(path_part)
            return job if job.get("state") == state else None
        return wait_for(there, seconds, lambda: f"{path_part} {state}, not "
                        f"{self.job(path_part)}")

    def wait_why(self, path_part, text, seconds=PATIENCE):
        def there():
            job = self.job(path_part)
            return job if text in job.get("why", "") else None
        return wait_for(there, seconds, lambda: f"{text!r} of {path_part}, "
                        f"not {self.job(path_part)}")

    def wait_counts(self, seconds=PATIENCE, **counts):
        """Until `state` counts so many recordings: ready=3."""
        def there():
            state = self.state()
            return all(state.get(word) == str(number)
                       for word, number in counts.items())
        return wait_for(there, seconds, lambda: f"{counts}, not "
                        f"{self.state()}, {self.jobs()}")

    # ---- commands ----------------------------------------------------------

    def command(self, text, seconds=5):
        """One line to `ctl`; the verdict."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(seconds)
            sock.connect(os.path.join(self.control, "ctl"))
            sock.sendall(text.encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                piece = sock.recv(4096)
                if not piece:
                    break
                answer += piece
        return answer.decode().strip()


def name_of(number):
    """A recording's name: one for each number."""
    return f"20210618{number // 3600:02}{number // 60 % 60:02}" \
           f"{number % 60:02}+0000.mp4"
