#!/bin/sh
# SPDX-License-Identifier: MIT
# TAP: upcast.ini(5) documents every option of lib/options.def with its default
# and range, and no other.
set -eu

page=$top_srcdir/man/upcast.ini.5
. "$top_srcdir/tests/check.sh"

"$top_builddir"/tests/print-options >"$work/table"

# An entry is ".It Cm key" below ".Ss Section name". Its last sentences are on
# lines of their own: "Default ...", "Needs a restart." or "A secret.".
awk -v keys="$work/keys" -v sentences="$work/sentences" '
	function flush() {
		if (key && sentence)
			print section "\t" key "\t" sentence > sentences
		sentence = ""
	}
	/^\.S[sh] / { flush(); section = $2 == "Section" ? $3 : ""; key = "" }
	/^\.It Cm / && section {
		flush()
		key = $3
		print section "\t" key > keys
	}
	/^Default .*\.$/ || /^A secret\.$/ { sentence = $0 }
	/^Needs a restart\.$/ { sentence = sentence " " $0 }
	END { flush() }
' "$page"

cut -f1,2 "$work/table" | sort >"$work/known"
sort "$work/keys" >"$work/documented"

comm -23 "$work/known" "$work/documented" >"$work/missing"
check "every option is in upcast.ini(5)" "$work/missing"

comm -13 "$work/known" "$work/documented" >"$work/extra"
check "no other option is in upcast.ini(5)" "$work/extra"

uniq -d "$work/documented" >"$work/twice"
check "no option is there twice" "$work/twice"

cut -f1,2,3 "$work/table" | sort >"$work/want"
sort "$work/sentences" >"$work/have"
comm -23 "$work/want" "$work/have" >"$work/wrong"
check "defaults and ranges are those of lib/options.def" "$work/wrong"

# The example as it is, and with its comments in force.
{
	"$top_builddir"/tests/print-options "$top_srcdir/etc/upcast.ini" || :
	sed 's/^; \([a-z_]* =\)/\1/' "$top_srcdir/etc/upcast.ini" \
		>"$work/upcast.ini"
	"$top_builddir"/tests/print-options "$work/upcast.ini" || :
} >"$work/example"
check "the example of etc/ is a settings file" "$work/example"

finish
