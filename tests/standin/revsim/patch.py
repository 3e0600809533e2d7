# SPDX-License-Identifier: MIT
"""JSON Patch (RFC 6902) on a document whose member names have any case.

    new = apply(document, operations)     # the document stays as it is
"""

import copy


class PatchError(ValueError):
    """The patch is not well formed."""


class NotThere(PatchError):
    """An operation on a value that does not exist."""


class TestFailed(PatchError):
    """A `test` found another value."""


NEEDS = {"add": "value", "replace": "value", "test": "value",
         "copy": "from", "move": "from", "remove": None}


def _split(path):
    if not isinstance(path, str) or not path.startswith("/"):
        raise PatchError("path does not begin with /")
    return [step.replace("~1", "/").replace("~0", "~")
            for step in path[1:].split("/")]


def _member(node, step, must_exist=True):
    """The name or index that a step means in a node."""
    if isinstance(node, dict):
        for name in node:
            if name.lower() == step.lower():
                return name
        if must_exist:
            raise NotThere(step)
        return step
    if isinstance(node, list):
        if step == "-" and not must_exist:
            return len(node)
        if not step.isdigit():
            raise PatchError(f"{step} is not an index")
        index = int(step)
        if index > len(node) or (must_exist and index == len(node)):
            raise NotThere(step)
        return index
    raise NotThere(step)


def _parent(document, path):
    *way, last = _split(path)
    node = document
    for step in way:
        node = node[_member(node, step)]
    return node, last


def _get(document, path):
    node, last = _parent(document, path)
    return node[_member(node, last)]


def _add(document, path, value):
    node, last = _parent(document, path)
    at = _member(node, last, must_exist=False)
    if isinstance(node, list):
        node.insert(at, value)
    else:
        node[at] = value


def _remove(document, path):
    node, last = _parent(document, path)
    at = _member(node, last)
    value = node[at]
    if isinstance(node, list):
        del node[at]
    else:
        node[at] = [] if isinstance(value, list) else None
    return value


def _replace(document, path, value):
    node, last = _parent(document, path)
    node[_member(node, last)] = value


def _one(document, operation):
    kind, path = operation["op"], operation["path"]
    value = copy.deepcopy(operation.get("value"))
    if kind == "add":
        _add(document, path, value)
    elif kind == "replace":
        _replace(document, path, value)
    elif kind == "remove":
        _remove(document, path)
    elif kind == "test":
        if _get(document, path) != value:
            raise TestFailed(path)
    elif kind == "copy":
        _add(document, path, copy.deepcopy(_get(document,
                                                operation["from"])))
    else:
        _add(document, path, _remove(document, operation["from"]))


def _check(operation):
    if not isinstance(operation, dict):
        raise PatchError("operation is not an object")
    if operation.get("op") not in NEEDS:
        raise PatchError("op")
    need = NEEDS[operation["op"]]
    if "path" not in operation or (need and need not in operation):
        raise PatchError(f"{operation['op']} without path or {need}")


def apply(document, operations):
    """A new document, all operations done in turn, or an exception."""
    if not isinstance(operations, list):
        raise PatchError("not an array")
    document = copy.deepcopy(document)
    for operation in operations:
        _check(operation)
        _one(document, operation)
    return document
