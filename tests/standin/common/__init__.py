# SPDX-License-Identifier: MIT
"""What both stand-ins share: HTTP over TLS, routes, faults, control."""
