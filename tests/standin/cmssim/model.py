# SPDX-License-Identifier: MIT
"""What a bridge holds: tables of objects, members of spaces, profiles."""

import threading
import time
import uuid
from collections import deque

from cmssim.kinds import COLLECTIONS, MEMBER, PROFILES, Failure
from common.control import BadOrder, Settings

SETTINGS = {
    "page_max": {},               # {collection: most items in one answer}
    "busy": False,                # everything answers 503
    "extra_elements": False,      # answers carry elements nobody knows
    "profiles_root": "profiles",  # root element of system/profiles
    "software_version": "3.2",
}
TRACES = 10000


def new_id():
    return str(uuid.uuid4())


class Cms:
    """The bridge. Handlers hold `lock`."""

    def __init__(self):
        self.lock = threading.RLock()
        self.port = 0
        self.settings = Settings(SETTINGS)
        self._planted = []
        self.started = time.time()
        self._empty()

    def _empty(self):
        self.admins = {}                      # name: password
        self.tables = {name: {} for name in COLLECTIONS}
        self.members = {}                     # space id: {id: member}
        self.profiles = {}
        self.alarms = {}
        self.traces = deque(maxlen=TRACES)
        self.trace_number = 0

    def reset(self):
        with self.lock:
            self.settings.reset()
            self._empty()
            for seed in self._planted:
                self._plant(seed)

    # ---- objects --------------------------------------------------------

    def get(self, kind, object_id):
        item = self.tables[kind.collection].get(object_id.lower())
        if item is None:
            raise Failure(kind.missing)
        return item

    def _check_references(self, kind, values):
        for name, collection in kind.references.items():
            if values.get(name):
                self.get(COLLECTIONS[collection], values[name])

    def _check_space(self, values, object_id):
        """URI and call id are unique among spaces."""
        for key, failure in (("uri", "duplicateCoSpaceUri"),
                             ("callId", "duplicateCoSpaceId")):
            if values.get(key) and any(
                    other.get(key, "").lower() == values[key].lower()
                    for other_id, other in self.tables["coSpaces"].items()
                    if other_id != object_id):
                raise Failure(failure)

    def _own(self, values):
        """An owner is given by JID and shown with its id too."""
        if "ownerJid" in values:
            user = self.user_with_jid(values["ownerJid"])
            values["ownerId"] = user[0] if user else ""

    def _take(self, kind, item, values, object_id):
        self._check_references(kind, values)
        if kind.collection == "coSpaces":
            self._check_space(values, object_id)
            self._own(values)
        for name, value in values.items():
            if value == "":
                item.pop(name, None)
            else:
                item[name] = value

    def create(self, kind, values, object_id=None):
        object_id = (object_id or new_id()).lower()
        for name in kind.required:
            if not values.get(name):
                raise Failure("parameterError", parameter=name,
                              error="invalidValue")
        item = dict(kind.defaults)
        self._take(kind, item, values, object_id)
        self.tables[kind.collection][object_id] = item
        if kind.collection == "coSpaces":
            self.members[object_id] = {}
        return object_id

    def change(self, kind, object_id, values):
        self._take(kind, self.get(kind, object_id), values,
                   object_id.lower())

    def remove(self, kind, object_id):
        self.get(kind, object_id)
        del self.tables[kind.collection][object_id.lower()]
        self.members.pop(object_id.lower(), None)
        for name, value in list(self.profiles.items()):
            if value == object_id.lower():
                del self.profiles[name]

    def user_with_jid(self, jid):
        """(id, user) or None"""
        for user_id, user in self.tables["users"].items():
            if user.get("userJid", "").lower() == jid.lower():
                return user_id, user
        return None

    # ---- members --------------------------------------------------------

    def members_of(self, space):
        self.get(COLLECTIONS["coSpaces"], space)
        return self.members[space.lower()]

    def add_member(self, space, values, member_id=None):
        members = self.members_of(space)
        jid = values.get("userJid")
        user = self.user_with_jid(jid) if jid else None
        if not user:
            raise Failure("userDoesNotExist")
        self._check_references(MEMBER, values)
        member_id = member_id or new_id()
        members[member_id] = {"userId": user[0], **MEMBER.defaults, **values,
                              "userJid": user[1]["userJid"]}
        return member_id

    def member(self, space, member):
        found = self.members_of(space).get(member.lower())
        if found is None:
            raise Failure(MEMBER.missing)
        return found

    def spaces_of(self, user_id):
        """(member id, space id) of every space that a user is in."""
        return [(member_id, space)
                for space, members in self.members.items()
                for member_id, member in members.items()
                if member["userId"] == user_id]

    # ---- profiles -------------------------------------------------------

    def set_profiles(self, values):
        for name, value in values.items():
            if value and PROFILES[name]:
                self.get(COLLECTIONS[PROFILES[name]], value)
            if value:
                self.profiles[name] = value.lower()
            else:
                self.profiles.pop(name, None)

    # ---- traces ---------------------------------------------------------

    def trace(self, request, response):
        """Two lines per request, as the bridge's API tracing writes them."""
        with self.lock:
            self.trace_number += 1
            number = self.trace_number
            self.traces.append(
                f'API trace {number}: {request.method} for '
                f'"{request.target}" (from {request.peer[0]})')
            self.traces.append(
                f"API trace {number}: sending {response.status} response, "
                f"size {len(response.body)}")

    # ---- seeds and tests ------------------------------------------------

    def plant(self, seed):
        with self.lock:
            self._plant(seed)
            self._planted.append(seed)

    def _plant(self, seed):
        known = {"admins", "profiles", "alarms", "settings", *COLLECTIONS}
        unknown = set(seed) - known
        if unknown:
            raise BadOrder(f"seed: unknown {sorted(unknown)}")
        self.settings.update(seed.get("settings", {}))
        for admin in seed.get("admins", []):
            self.admins[admin["name"]] = admin["password"]
        # Users first: spaces point to them.
        for name in ("users", "callLegProfiles", "callProfiles",
                     "dtmfProfiles", "coSpaces", "outboundDialPlanRules",
                     "calls", "callLegs"):
            for order in seed.get(name, []):
                self.plant_object(COLLECTIONS[name], order)
        for alarm in seed.get("alarms", []):
            self.alarms[new_id()] = alarm
        self.set_profiles(seed.get("profiles", {}))

    def plant_object(self, kind, order):
        """Creates by order: any element goes, `members` of spaces too."""
        order = dict(order)
        members = order.pop("members", [])
        owner = order.pop("owner", None)
        if owner:
            order["ownerJid"] = owner
        try:
            object_id = self.create(kind, order, order.pop("id", None))
            for member in members:
                if not isinstance(member, dict):
                    member = {"userJid": member}
                self.add_member(object_id, member)
        except Failure as failure:
            raise BadOrder(f"{kind.element}: {failure.details}") from failure
        return object_id

    def state(self):
        with self.lock:
            shown = {name: [{"id": key, **item}
                            for key, item in table.items()]
                     for name, table in self.tables.items()}
            for space in shown["coSpaces"]:
                space["members"] = [
                    {"id": key, **member} for key, member
                    in self.members[space["id"]].items()]
            shown["profiles"] = dict(self.profiles)
            shown["traces"] = len(self.traces)
            return shown
