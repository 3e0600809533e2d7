/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SHELL_H
#define UPCAST_SHELL_H

#include "cli/cli.h"

/*
 * Commands as they are typed, until the end of input or "exit": with a prompt,
 * history and completion on a terminal, a line at a time elsewhere. The only
 * user of libedit.
 *
 * Returns 0, or without a terminal the first error of a command: a script can
 * then learn of it.
 */
int shell_run(struct cli *cli);

#endif
