#!/bin/sh
# SPDX-License-Identifier: MIT
# TAP: upcast(1) documents every command of the table and no other.
set -eu

. "$top_srcdir/tests/check.sh"

"$top_builddir"/tests/print-commands | sort >"$work/known"
sed -n 's/^\.It Ic //p' "$top_srcdir/man/upcast.1" | sort >"$work/documented"

comm -23 "$work/known" "$work/documented" >"$work/wrong"
check "every command is documented in upcast(1)" "$work/wrong"
comm -13 "$work/known" "$work/documented" >"$work/wrong"
check "every command that is documented exists" "$work/wrong"

finish
