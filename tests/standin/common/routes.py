# SPDX-License-Identifier: MIT
"""Tables of routes: method, path pattern, handler.

A pattern is a path whose `{name}` segments stand for one segment each and are
handed to the handler, percent-decoded, as keyword arguments. Paths compare
without regard to case, as both servers do it.
"""

import re
from urllib.parse import unquote


class Route:
    def __init__(self, method, pattern, handler, **options):
        self.method = method
        self.pattern = pattern
        self.handler = handler
        self.options = options
        expression = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)",
                            re.escape(pattern))
        self._regex = re.compile(expression + "/?", re.IGNORECASE)

    def match(self, path):
        found = self._regex.fullmatch(path)
        if not found:
            return None
        return {name: unquote(value)
                for name, value in found.groupdict().items()}


class Routes:
    """First match wins: write exact paths before those with names."""

    def __init__(self, table):
        self._table = list(table)

    def find(self, method, raw_path):
        """(route, arguments), (None, True) for a path that has other methods,
        (None, False) for a path that is not there."""
        known = False
        for route in self._table:
            arguments = route.match(raw_path)
            if arguments is None:
                continue
            if route.method == method:
                return route, arguments
            known = True
        return None, known
