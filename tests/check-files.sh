#!/bin/sh
# SPDX-License-Identifier: MIT
# TAP: upcast-fs(1) documents every file of the tree and no other, and
# upcast-control(7) every key that is shown as one.
set -eu

. "$top_srcdir/tests/check.sh"

"$top_builddir"/tests/print-layout >"$work/table"

# ".It Pa name" below ".Ss section"; ".It Cm key , key" below ".Ss section".
awk '
	/^\.S[sh] / { section = substr($0, 5) }
	/^\.It Pa / && section { print section "\t" $3 }
' "$top_srcdir/man/upcast-fs.1" |
	grep -v '^FILES' | sort >"$work/documented"
awk '
	{ while (sub(/\\$/, "") && (getline more) > 0) $0 = $0 more }
	/^\.S[sh] / { section = substr($0, 5) }
	/^\.It Cm / && section {
		for (i = 3; i <= NF; i++)
			if ($i != ",")
				print section "\t" $i
	}
' "$top_srcdir/man/upcast-control.7" | sort >"$work/keys"

cut -f 1,2 "$work/table" | sort >"$work/existing"
comm -23 "$work/existing" "$work/documented" >"$work/wrong"
check "every file is documented in upcast-fs(1)" "$work/wrong"
comm -13 "$work/existing" "$work/documented" >"$work/wrong"
check "every file that is documented exists" "$work/wrong"

# What both daemons have stands in a section of its own.
awk -F '\t' '
	FILENAME == ARGV[1] { known[$1 "\t" $2] = 1; next }
	$4 == "" || known[$3 "\t" $4] { next }
	$3 ~ /^The / && known["Both daemons\t" $4] { next }
	{ print $3 ": " $4 }
' "$work/keys" "$work/table" >"$work/wrong"
check "every key is documented in upcast-control(7)" "$work/wrong"

finish
