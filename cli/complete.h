/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_COMPLETE_H
#define UPCAST_COMPLETE_H

#include <stddef.h>

#include "cli/cli.h"

/*
 * What a word that is being typed may become: for the shell of our own, and
 * for bash, zsh and fish, which ask with `upcast -C -- WORD...`.
 */
enum { COMPLETE_MAX = 2048 };

struct complete {
	size_t count;
	char *words[COMPLETE_MAX]; /* sorted, each once */
};

/*
 * The last of `argv` is the word being typed, "" if it has not begun. What
 * cannot be found out (no settings, no daemon) is left out.
 */
int complete_find(struct cli *cli, int argc, const char *const *argv,
		  struct complete *ret) ATTR_MUST_CHECK;
void complete_release(struct complete *c);

/* The same, a word a line to standard output. */
int complete_print(struct cli *cli, int argc, const char *const *argv);

#endif
