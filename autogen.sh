#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes ./configure from a checkout.
cd "$(dirname "$0")" && mkdir -p build-aux m4 && exec autoreconf -fi
