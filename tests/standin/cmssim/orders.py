# SPDX-License-Identifier: MIT
"""What a test may order of the bridge, beyond the common control routes."""

from cmssim.kinds import KINDS, Failure
from common.control import BadOrder
from common.routes import Route


class Orders:
    """Handlers of the control port: each takes (order, **names)."""

    def __init__(self, cms):
        self._cms = cms

    def routes(self):
        members = "/objects/coSpaces/{space}/coSpaceUsers"
        return [
            Route("POST", "/seed", self._plant),
            Route("GET", "/traces", self._traces),
            Route("POST", "/admins", self._add_admin),
            Route("POST", members, self._add_member),
            Route("DELETE", members + "/{key}", self._remove_member),
            Route("GET", "/objects/{name}", self._list),
            Route("POST", "/objects/{name}", self._create),
            Route("POST", "/objects/{name}/{key}", self._change),
            Route("DELETE", "/objects/{name}/{key}", self._remove),
        ]

    @staticmethod
    def _kind(name):
        for kind in KINDS:
            if kind.collection.lower() == name.lower():
                return kind
        raise BadOrder("no such collection")

    def _plant(self, order):
        self._cms.plant(order)

    def _traces(self, order):
        with self._cms.lock:
            return list(self._cms.traces)

    def _add_admin(self, order):
        self._cms.admins[order["name"]] = order["password"]

    def _list(self, order, name):
        with self._cms.lock:
            table = self._cms.tables[self._kind(name).collection]
            return [{"id": key, **item} for key, item in table.items()]

    def _create(self, order, name):
        orders = order if isinstance(order, list) else [order]
        with self._cms.lock:
            ids = [self._cms.plant_object(self._kind(name), item)
                   for item in orders]
        return {"id": ids[-1], "ids": ids}

    def _guarded(self, work, *arguments):
        try:
            with self._cms.lock:
                return work(*arguments)
        except Failure as failure:
            raise BadOrder(str(failure.details)) from failure

    def _add_member(self, order, space):
        return {"id": self._guarded(self._cms.add_member, space, order)}

    def _remove_member(self, order, space, key):
        self._guarded(self._cms.member, space, key)
        with self._cms.lock:
            del self._cms.members_of(space)[key]

    def _change(self, order, name, key):
        self._guarded(self._cms.change, self._kind(name), key, order)

    def _remove(self, order, name, key):
        self._guarded(self._cms.remove, self._kind(name), key)
