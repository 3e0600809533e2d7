# SPDX-License-Identifier: MIT
# bash completion for upcast: the program knows what may follow.
_upcast()
{
	local IFS=$'\n'

	COMPREPLY=($("${COMP_WORDS[0]}" -C -- \
		"${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -F _upcast upcast
