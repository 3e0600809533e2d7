# SPDX-License-Identifier: MIT
"""Sessions: two kinds of login, expiry, extension, logoff, locked accounts."""

import base64
import os
import time

from revsim.answers import iso, unauthorized

ISSUER = "VBrick"


class Session:
    def __init__(self, user, seconds, api_key=None):
        self.token = base64.urlsafe_b64encode(os.urandom(96)).decode()
        self.user = user
        self.api_key = api_key
        self.expires = time.time() + seconds

    def extend(self, seconds):
        self.expires = time.time() + seconds


class Sessions:
    def __init__(self, rev):
        self._rev = rev
        self._by_token = {}
        self.logins = 0
        self.refused = 0
        self.killed = 0

    def _open(self, user, api_key=None):
        seconds = self._rev.settings.session_seconds
        session = Session(user, seconds, api_key)
        self._by_token[session.token] = session
        self.logins += 1
        return session

    def _refuse(self):
        self.refused += 1
        raise unauthorized()

    def login(self, username, password):
        """A session of a user; too many wrong passwords lock the account."""
        user = self._rev.user_named(username)
        if not user or user.status != "Active":
            self._refuse()
        if not user.password or user.password != password:
            user.failed_logins += 1
            lock_after = self._rev.settings.lock_after
            if lock_after and user.failed_logins >= lock_after:
                user.status = "LockedOut"
            self._refuse()
        user.failed_logins = 0
        return self._open(user)

    def authenticate(self, api_key, secret):
        known = self._rev.api_keys.get(api_key)
        if not known or known[0] != secret or known[1].status != "Active":
            self._refuse()
        return self._open(known[1], api_key)

    def of(self, request):
        """The live session of a request, or a 401."""
        scheme, _, token = request.header("authorization").partition(" ")
        session = self._by_token.get(token.strip())
        if scheme.lower() != "vbrick" or not session:
            raise unauthorized()
        if session.expires <= time.time():
            del self._by_token[session.token]
            raise unauthorized()
        return session

    def extend(self, session):
        session.extend(self._rev.settings.session_seconds)
        return {"expiration": iso(session.expires)}

    def end(self, session):
        self._by_token.pop(session.token, None)

    def kill(self, user=None):
        """All sessions, or those of one user, are over."""
        for token, session in list(self._by_token.items()):
            if user is None or session.user is user:
                del self._by_token[token]
                self.killed += 1

    def describe(self):
        return {"logins": self.logins, "refused": self.refused,
                "killed": self.killed,
                "live": [{"user": s.user.username,
                          "kind": "api_key" if s.api_key else "password",
                          "expires": iso(s.expires)}
                         for s in self._by_token.values()
                         if s.expires > time.time()]}
