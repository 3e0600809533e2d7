#!/bin/sh
# SPDX-License-Identifier: MIT
# TAP: upcast(1) documents every command of the table and no other.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$top_builddir"/tests/print-commands | sort >"$work/known"
sed -n 's/^\.It Ic //p' "$top_srcdir/man/upcast.1" | sort >"$work/documented"

number=0
failed=0

check() { # title, file with what is wrong
	number=$((number + 1))
	if [ -s "$2" ]; then
		failed=1
		sed 's/^/# /' "$2"
		echo "not ok $number - $1"
	else
		echo "ok $number - $1"
	fi
}

comm -23 "$work/known" "$work/documented" >"$work/wrong"
check "every command is documented in upcast(1)" "$work/wrong"
comm -13 "$work/known" "$work/documented" >"$work/wrong"
check "every command that is documented exists" "$work/wrong"

echo "1..$number"
exit $failed
