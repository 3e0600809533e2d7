# SPDX-License-Identifier: MIT
# fish completion for upcast: the program knows what may follow.
function __upcast_choices
    set -l words (commandline -opc)
    upcast -C -- $words[2..-1] (commandline -ct) 2>/dev/null
end
complete -c upcast -f -a '(__upcast_choices)'
