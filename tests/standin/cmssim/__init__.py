# SPDX-License-Identifier: MIT
"""A bridge for tests: the XML API of Cisco Meeting Server 3."""
