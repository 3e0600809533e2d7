# SPDX-License-Identifier: MIT
"""XML as the bridge writes it: elements, attributes and text, no more.

A value is text, a number, a bool, None (left out), a dict of elements, or a
list of values for repeated elements. Dict keys that begin with @ are
attributes, the key # is text.
"""

from xml.sax.saxutils import escape, quoteattr

PROLOG = '<?xml version="1.0"?>'


def _text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape(str(value))


def element(name, value):
    if value is None:
        return ""
    if isinstance(value, list):
        return "".join(element(name, item) for item in value)
    if not isinstance(value, dict):
        return f"<{name}>{_text(value)}</{name}>"
    attributes = "".join(f" {key[1:]}={quoteattr(_text(item))}"
                         for key, item in value.items()
                         if key.startswith("@"))
    content = _text(value["#"]) if "#" in value else ""
    content += "".join(element(key, item) for key, item in value.items()
                       if key[0] not in "@#")
    if not content:
        return f"<{name}{attributes}/>"
    return f"<{name}{attributes}>{content}</{name}>"


def document(name, value):
    return PROLOG + element(name, value)
