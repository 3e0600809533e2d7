/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_WORDS_H
#define UPCAST_WORDS_H

#include "lib/attr.h"
#include "lib/err.h"

/*
 * A typed line as words. Blanks separate; '...' and "..." hold blanks, a
 * backslash outside of '...' takes the next character as it is. A word ";" of
 * its own ends a command, as management software sends several in one line: it
 * is `words_separator` then, known by its address. Pure.
 *
 *	struct words w;
 *	err = words_split("uploader cms port 445 ; uploader", &w, &e);
 *	... w.count, w.at[i] ...
 *	words_release(&w);
 */
enum { WORDS_MAX = 256, WORDS_LINE_MAX = 8192 };

extern const char words_separator[];

struct words {
	char *text; /* what the words stand in */
	int count;
	const char *at[WORDS_MAX];
};

/*
 * -EINVAL with a sentence: a quote without its end, control characters.
 * -E2BIG too much of it. Nothing to release then.
 */
int words_split(const char *line, struct words *ret,
		struct err *err) ATTR_MUST_CHECK;
void words_release(struct words *w);

#endif
