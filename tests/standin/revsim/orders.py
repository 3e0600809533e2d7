# SPDX-License-Identifier: MIT
"""What a test may order of Rev, beyond the common control routes."""

from common.control import BadOrder
from common.routes import Route


class Orders:
    """Handlers of the control port: each takes (order, **names)."""

    def __init__(self, rev):
        self._rev = rev

    def routes(self):
        return [
            Route("POST", "/seed", self._plant),
            Route("POST", "/users", self._add(self._rev.add_user)),
            Route("POST", "/groups", self._add(self._rev.add_group)),
            Route("POST", "/categories", self._add(self._rev.add_category)),
            Route("POST", "/fields", self._add(self._rev.add_field)),
            Route("POST", "/api-keys", self._add_key),
            Route("POST", "/videos", self._add(self._rev.add_video)),
            Route("POST", "/users/{name}", self._change_user),
            Route("POST", "/videos/{video}", self._change_video),
            Route("DELETE", "/videos/{video}", self._delete_video),
            Route("GET", "/videos/{video}", self._get_video),
            Route("POST", "/sessions/kill", self._kill),
        ]

    def _plant(self, order):
        self._rev.plant(order)

    def _add(self, make):
        def handler(order):
            with self._rev.lock:
                return {"id": make(order).id}
        return handler

    def _add_key(self, order):
        with self._rev.lock:
            self._rev.add_api_key(order)

    def _change_user(self, order, name):
        with self._rev.lock:
            user = self._rev.user_named(name)
            if not user:
                raise BadOrder("no such user")
            for key, value in order.items():
                if key not in ("status", "password", "roles", "may_patch",
                               "email", "failed_logins"):
                    raise BadOrder(f"no such fact of a user: {key}")
                setattr(user, key, value)
            if order.get("status") == "Active":
                user.failed_logins = 0

    def _video(self, video):
        if video not in self._rev.videos:
            raise BadOrder("no such video")
        return self._rev.videos[video]

    def _change_video(self, order, video):
        with self._rev.lock:
            item = self._video(video)
            for key, value in order.items():
                if key == "status":
                    item.progress.pin(value, order.get("processing", False),
                                      order.get("progress", 1.0))
                elif key in ("is_active", "title", "tags"):
                    setattr(item, key, value)
                elif key not in ("processing", "progress"):
                    raise BadOrder(f"no such fact of a video: {key}")
            self._rev.index.changed(item)

    def _delete_video(self, order, video):
        with self._rev.lock:
            self._rev.drop_video(self._video(video))

    def _get_video(self, order, video):
        with self._rev.lock:
            return self._rev.show_video(self._video(video))

    def _kill(self, order):
        with self._rev.lock:
            name = order.get("user")
            self._rev.sessions.kill(self._rev.user_named(name)
                                    if name else None)
