# SPDX-License-Identifier: MIT
"""Where the sources and the built programs are."""

import os

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.realpath(__file__))))
BUILD = os.environ.get("top_builddir") or os.path.join(SOURCE, "build")


def built(name):
    """Path of a built file, e.g. "tests/tools/delayproxy"."""
    return os.path.join(BUILD, name)


def source(name):
    return os.path.join(SOURCE, name)
