/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_ASK_H
#define UPCAST_ASK_H

#include <stdbool.h>

#include "cli/table.h"
#include "lib/attr.h"
#include "lib/buf.h"

/*
 * What a command needs to know from the person at the terminal.
 */

/* Adds the arguments from `first` on, with `between` between them. */
int ask_words(const struct table_match *m, int first, const char *between,
	      struct buf *dst) ATTR_MUST_CHECK;

/*
 * Adds a secret to `dst`: asked for without echo, or the next line of standard
 * input where that is no terminal. -ENODATA where there is none, -EINTR after
 * Ctrl-C. Release `dst` with buf_wipe().
 */
int ask_secret(const char *prompt, struct buf *dst) ATTR_MUST_CHECK;

/* A question for "y" or "n"; false where nobody can answer. */
bool ask_yes(const char *question);

/*
 * The next line of standard input, without its newline; -ENODATA at the end,
 * -EMSGSIZE past the cap of `dst`. Never reads further than the line.
 */
int ask_line(struct buf *dst) ATTR_MUST_CHECK;

#endif
