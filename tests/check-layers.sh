#!/bin/sh
# SPDX-License-Identifier: MIT
# TAP: who may know whom. Each program includes lib/ and itself, lib/ includes
# itself; each third-party header stands in the files that speak for it only.
set -u
cd "$top_srcdir" || exit 1

. "$top_srcdir/tests/check.sh"
find lib uploader streamer fs cli -name '*.[ch]' | sort >"$work/files"
xargs grep -Hno '^ *# *include *[<"][^>"]*' <"$work/files" |
	sed 's/^\([^:]*\):\([0-9]*\):.*[<"]\(.*\)/\1 \2 \3/' >"$work/includes"

# FILE LINE HEADER: a header with a slash of our own folders.
awk '
	{ split($1, file, "/"); split($3, header, "/") }
	header[1] !~ /^(lib|uploader|streamer|fs|cli|tests)$/ { next }
	header[1] != "lib" && header[1] != file[1] {
		print $1 ":" $2 ": " file[1] "/ must not know " $3
	}
' "$work/includes" >"$work/layers"
check "programs include lib/ and themselves" "$work/layers"

# header | files that may include it (extended regular expressions)
cat >"$work/owners" <<'END'
event2/          ^(lib|uploader|streamer|fs)/
ini[.]h          ^lib/conf
osip             ^streamer/(sip|sdp)
srtp2?/          ^streamer/(srtp|suite)
openssl/         ^(lib/(tls|crypto)|streamer/(stream|srtp|suite|sip_tls|rtmp_auth)|cli/(cmd_)?pki)
nfsc/            ^uploader/(source_)?nfs
curl/            ^lib/http
expat[.]h        ^lib/cms
jansson[.]h      ^(uploader/rev|cli/)
sqlite3[.]h      ^uploader/journal
fuse             ^fs/
histedit|editline|readline  ^cli/shell
libav|libsw      ^streamer/transcode
systemd/         ^lib/notify
uthash[.]h       ^lib/hash
END
awk '
	NR == FNR { header[++n] = $1; owner[n] = $2; next }
	{
		for (i = 1; i <= n; i++)
			if ($3 ~ "^(" header[i] ")" && $1 !~ owner[i])
				print $1 ":" $2 ": <" $3 "> belongs to " \
					owner[i]
	}
' "$work/owners" "$work/includes" >"$work/foreign"
check "each library is included where it belongs" "$work/foreign"

# x.c begins with x.h (or its x_priv...h), so that headers stand on their own.
awk '
	NR == FNR { exists[$1] = 1; next }
	{ header = $1; sub(/c$/, "h", header) }
	$1 !~ /[.]c$/ || seen[$1]++ || !exists[header] || $3 == header { next }
	{ private = $1; sub(/[.]c$/, "_priv", private) }
	index($3, private) != 1 { print $1 ": does not begin with " header }
' "$work/files" "$work/includes" >"$work/own"
check "own header first" "$work/own"

# A function's body is between a { and a } that begin a line.
xargs awk '
	FNR == 1 { body = 0 }
	/^{/ { body = 1 }
	/^}/ { body = 0 }
	body && /^[ \t]*#[ \t]*(if|else|elif)/ {
		print FILENAME ":" FNR ": " $0
	}
' <"$work/files" >"$work/cpp"
check "no conditional compilation inside functions" "$work/cpp"

{
	cat "$work/files"
	find tests scripts etc man -type f \
		\( -name '*.[ch1-8]' -o -name '*.sh' -o -name '*.am' \
		-o -name '*.in' -o -name '*.py' \)
} | xargs awk '
	function ask() {
		if (name && !found)
			print name ": no SPDX-License-Identifier: MIT on top"
	}
	FNR == 1 { ask(); name = FILENAME; found = 0 }
	FNR <= 3 && /SPDX-License-Identifier: MIT/ { found = 1 }
	END { ask() }
' >"$work/spdx"
check "every file names its licence" "$work/spdx"

# What no .am file names would be missing from a release.
cat ./*.am ./*/*.am | tr -s ' \t\\' '\n' >"$work/named"
{
	cat "$work/files"
	find tests -maxdepth 1 -name '*.[ch]'
} | grep -vxFf "$work/named" >"$work/unnamed"
check "every source is in an .am file" "$work/unnamed"

# The two ways that README.md tells are along modules that there are.
sed -n "/^A recording's way/,/^## /p" README.md | grep -o '`[a-z_0-9]*`' |
	tr -d '`' | while read -r module; do
	ls uploader/"$module".[ch] streamer/"$module".[ch] 2>/dev/null |
		grep -q . || echo "$module: no such module"
done >"$work/modules"
check "the modules of README.md exist" "$work/modules"

finish
