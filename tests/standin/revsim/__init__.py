# SPDX-License-Identifier: MIT
"""A Vbrick Rev server for tests: its REST API, v2 and the v1 that is known."""
