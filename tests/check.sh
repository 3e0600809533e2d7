# SPDX-License-Identifier: MIT
# Sourced by check-*.sh, whose tests each leave what is wrong in a file.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
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

finish() {
	echo "1..$number"
	exit $failed
}
