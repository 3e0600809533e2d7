# SPDX-License-Identifier: MIT
"""What a Rev account holds: users, groups, categories, fields, videos."""

import os
import threading
import time
import uuid
from dataclasses import dataclass, field

from common.control import BadOrder, Settings
from revsim.answers import iso
from revsim.index import Index, Scrolls
from revsim.limits import Limits
from revsim.sessions import Sessions
from revsim.status import Progress

# Settings that tests may change at any time.
SETTINGS = {
    "session_seconds": 1800.0,     # life of a session, and of each extension
    "lock_after": 5,               # wrong passwords until the account locks
    "apis": ["v1", "v2"],          # a path of another version answers 404
    "unknown_video": 401,          # 401 (documents) or 404 (a sample)
    "unknown_user": 401,           # 401, 403 or 404
    "email_answers_array": True,   # users/{email}: array, or one object
    "public_enabled": True,        # videoAccessControl Public is allowed
    "required_fields": True,       # a required custom field must be given
    "custom_fields_patch": "merge",  # PATCH /CustomFields: merge or replace
    "strict_types": True,          # file part: Content-Type fits the name
    "max_upload": 0,               # bytes; above it 413; 0: no limit
    "chunked_uploads": True,       # Content-Range uploads
    "rate_limits": True,           # published limits apply
    "rate_window": 60.0,           # seconds
    "rate_classes": {},            # {class: limit} instead of the published
    "retry_after": False,          # 429 carries Retry-After
    "index_lag": 0.0,              # seconds until a change can be searched
    "scroll_seconds": 60.0,        # idle time that ends a scroll
    "search_strangers": False,     # searches return all that may be seen
    "hash": True,                  # SHA-256 of what arrives
    # how a video gets ready: seconds in each state
    "uploading_finished_seconds": 0.0,
    "ingesting_seconds": 0.0,
    "processing_seconds": 0.5,
    "transcoding_seconds": 0.0,    # Ready, yet isProcessing
    "early_ready_seconds": 0.0,    # trap: "Ready" right after the upload
    "outcome": "Ready",            # the end state of videos to come
}

MEDIA_CONTRIBUTOR = "Media Contributor"
MEDIA_ADMIN = "Media Admin"
ACCOUNT_ADMIN = "Account Admin"


def new_id():
    return str(uuid.uuid4())


@dataclass
class User:
    username: str
    password: str = ""
    email: str = ""
    firstname: str = ""
    lastname: str = ""
    roles: list = field(default_factory=lambda: [MEDIA_CONTRIBUTOR])
    groups: list = field(default_factory=list)      # group ids
    status: str = "Active"
    may_patch: bool = True
    id: str = field(default_factory=new_id)
    failed_logins: int = 0

    @property
    def is_admin(self):
        return MEDIA_ADMIN in self.roles or ACCOUNT_ADMIN in self.roles

    @property
    def may_upload(self):
        return self.is_admin or MEDIA_CONTRIBUTOR in self.roles

    @property
    def full_name(self):
        return f"{self.firstname} {self.lastname}".strip() or self.username


@dataclass
class Group:
    name: str
    id: str = field(default_factory=new_id)


@dataclass
class Category:
    name: str
    restricted: bool = False
    id: str = field(default_factory=new_id)


@dataclass
class CustomField:
    name: str
    type: str = "Text"
    required: bool = False
    values: list = field(default_factory=list)
    id: str = field(default_factory=new_id)


@dataclass
class Entity:
    """An access control entity that resolved."""
    type: str
    id: str
    name: str
    can_edit: bool = False

    def show(self):
        return {"id": self.id, "name": self.name, "type": self.type,
                "canEdit": self.can_edit}


@dataclass
class Video:
    uploader: User
    owner: User
    uploaded_by: User
    title: str = ""
    description: str = ""
    categories: list = field(default_factory=list)  # Category
    tags: list = field(default_factory=list)
    is_active: bool = False
    flags: dict = field(default_factory=dict)       # enableRatings and so on
    access: str = "Private"
    entities: list = field(default_factory=list)    # Entity
    password: str = None
    fields: dict = field(default_factory=dict)      # field id: value
    source_type: str = "REV"
    unlisted: bool = False
    publish_date: str = None
    expiration: str = None
    legacy_views: int = 0
    owner_given: bool = False
    id: str = field(default_factory=new_id)
    created: float = field(default_factory=time.time)
    when_uploaded: float = field(default_factory=time.time)
    file_name: str = ""
    size: int = 0
    sha256: str = None
    stored: str = None
    metadata: dict = field(default_factory=dict)    # as it came
    progress: Progress = None
    assembly: object = None       # while chunks are coming
    patches: int = 0
    replaced: int = 0
    extras: list = field(default_factory=list)      # side files

    def discard(self):
        """Its bytes on disk are no longer wanted."""
        pieces = self.assembly.paths if self.assembly else []
        for path in [self.stored, *pieces]:
            if path:
                os.unlink(path)
        self.stored = None

    def can_edit(self, user):
        return (user.is_admin or user is self.owner or
                self._entity_of(user, True))

    def can_view(self, user):
        """An inactive video is not visible to viewers."""
        if self.can_edit(user):
            return True
        if not self.is_active:
            return False
        return (self.access in ("Public", "AllUsers") or
                self._entity_of(user, False))

    def _entity_of(self, user, editing):
        return any(entity.id == user.id or entity.id in user.groups
                   for entity in self.entities
                   if entity.can_edit or not editing)


class Rev:
    """The account. Handlers hold `lock`; uploads take it when they commit."""

    def __init__(self, store=None):
        self.lock = threading.RLock()
        self.store = store
        self.port = 0
        self.settings = Settings(SETTINGS)
        self._planted = []
        self._empty()

    def _empty(self):
        self.users = {}
        self.groups = {}
        self.categories = {}
        self.fields = {}
        self.api_keys = {}            # key: (secret, user)
        self.videos = {}
        self.deleted = []
        self.sessions = Sessions(self)
        self.limits = Limits(self.settings)
        self.index = Index(self.settings)
        self.scrolls = Scrolls(self.settings)

    def reset(self):
        """As after the start with the same seed."""
        with self.lock:
            self.settings.reset()
            for video in self.videos.values():
                video.discard()
            self._empty()
            for seed in self._planted:
                self._plant(seed)

    # ---- looking up -----------------------------------------------------

    def user_named(self, name):
        wanted = str(name).lower()
        for user in self.users.values():
            if user.username.lower() == wanted:
                return user
        return None

    def user_by_email(self, email):
        wanted = str(email).lower()
        for user in self.users.values():
            if user.email and user.email.lower() == wanted:
                return user
        return None

    def group_named(self, name):
        return self._named(self.groups, name)

    def category_named(self, name):
        return self._named(self.categories, name)

    def field_named(self, name):
        """Custom fields compare exactly: a typo is another field."""
        for item in self.fields.values():
            if item.name == name:
                return item
        return None

    @staticmethod
    def _named(table, name):
        for item in table.values():
            if item.name.lower() == str(name).lower():
                return item
        return None

    # ---- planting -------------------------------------------------------

    def plant(self, seed):
        """Adds the objects of a seed; they survive reset()."""
        with self.lock:
            self._plant(seed)
            self._planted.append(seed)

    def _plant(self, seed):
        makers = {"groups": self.add_group, "users": self.add_user,
                  "categories": self.add_category,
                  "fields": self.add_field, "api_keys": self.add_api_key,
                  "videos": self.add_video, "settings": None}
        unknown = set(seed) - set(makers)
        if unknown:
            raise BadOrder(f"seed: unknown {sorted(unknown)}")
        self.settings.update(seed.get("settings", {}))
        for name, make in makers.items():
            for order in seed.get(name, []) if make else []:
                make(order)

    def add_user(self, order):
        order = dict(order)
        names = order.pop("groups", [])
        user = User(**order)
        if self.user_named(user.username):
            raise BadOrder(f"user {user.username} is there already")
        user.groups = [self._must(self.group_named(name), name).id
                       for name in names]
        self.users[user.id] = user
        return user

    def add_group(self, order):
        group = Group(**order)
        self.groups[group.id] = group
        return group

    def add_category(self, order):
        category = Category(**order)
        self.categories[category.id] = category
        return category

    def add_field(self, order):
        item = CustomField(**order)
        self.fields[item.id] = item
        return item

    def add_api_key(self, order):
        user = self._must(self.user_named(order["user"]), order["user"])
        self.api_keys[order["key"]] = (order["secret"], user)

    def add_video(self, order):
        """A video that somebody else uploaded, for searches to find."""
        order = dict(order)
        uploader = self._must(self.user_named(order.pop("uploader")), "user")
        name = order.pop("owner", None)
        owner = self._must(self.user_named(name), name) if name else uploader
        fields = order.pop("fields", {})
        video = Video(uploader=uploader, owner=owner, uploaded_by=uploader,
                      **order)
        video.fields = {self._must(self.field_named(key), key).id: value
                        for key, value in fields.items()}
        self.keep_video(video)
        return video

    @staticmethod
    def _must(found, name):
        if not found:
            raise BadOrder(f"unknown: {name}")
        return found

    # ---- videos ---------------------------------------------------------

    def keep_video(self, video):
        """A new video: on its way to Ready, and soon in the index."""
        if not video.progress:
            video.progress = Progress(self.settings)
        self.videos[video.id] = video
        self.index.changed(video)

    def drop_video(self, video):
        video.discard()
        del self.videos[video.id]
        self.deleted.append(video.id)
        self.index.removed(video)

    def url(self, path):
        return f"https://127.0.0.1:{self.port}{path}"

    # ---- what tests see -------------------------------------------------

    def state(self):
        with self.lock:
            return {
                "videos": [self.show_video(v) for v in self.videos.values()],
                "deleted": list(self.deleted),
                "users": [self.show_user(u) for u in self.users.values()],
                "groups": [vars(g) for g in self.groups.values()],
                "categories": [vars(c) for c in self.categories.values()],
                "fields": [vars(f) for f in self.fields.values()],
                "sessions": self.sessions.describe(),
                "limits": self.limits.describe(),
            }

    def show_user(self, user):
        shown = dict(vars(user))
        del shown["password"]
        shown["groups"] = [self.groups[i].name for i in user.groups]
        return shown

    def show_video(self, video):
        word, processing, progress = video.progress.now()
        names = {item.id: item.name for item in self.fields.values()}
        return {
            "id": video.id, "title": video.title,
            "description": video.description,
            "categories": [c.name for c in video.categories],
            "tags": list(video.tags), "active": video.is_active,
            "flags": dict(video.flags), "access": video.access,
            "entities": [e.show() for e in video.entities],
            "viewers": [e.name for e in video.entities if not e.can_edit],
            "editors": [e.name for e in video.entities if e.can_edit],
            "fields": {names.get(i, i): v for i, v in video.fields.items()},
            "owner": video.owner.username,
            "uploader": video.uploader.username,
            "uploaded_by": video.uploaded_by.username,
            "unlisted": video.unlisted, "source_type": video.source_type,
            "publish_date": video.publish_date,
            "when_uploaded": iso(video.when_uploaded),
            "file_name": video.file_name, "size": video.size,
            "sha256": video.sha256, "stored": video.stored,
            "status": word, "processing": processing, "progress": progress,
            "metadata": video.metadata, "patches": video.patches,
            "replaced": video.replaced, "extras": video.extras,
            "playback_url": self.url(f"/embed?id={video.id}"),
        }
