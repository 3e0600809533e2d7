/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_NEAREST_H
#define UPCAST_NEAREST_H

#include <stddef.h>

#include "lib/attr.h"

/*
 * The known words that somebody may have meant by an unknown one. Pure.
 *
 * Near means a small edit distance: letters added, left out, replaced, or
 * swapped with their neighbour. The nearest are kept, best first; they point
 * into what was offered.
 *
 *	struct nearest n;
 *	nearest_init(&n, "rev_prot");
 *	for (...)
 *		nearest_offer(&n, option->key);
 *	if (n.count)
 *		err_set(err, -ENOENT, "no %s; near it: %s", typed, n.words[0]);
 */
enum { NEAREST_WORDS = 3, NEAREST_LENGTH = 63 };

struct nearest {
	const char *typed;
	size_t count;
	const char *words[NEAREST_WORDS];
	unsigned distances[NEAREST_WORDS];
};

void nearest_init(struct nearest *n, const char *typed);
void nearest_offer(struct nearest *n, const char *word);
/* "one", "one or two", "one, two or three"; "" if nothing is near. */
void nearest_format(const struct nearest *n, char *dst, size_t size);

#endif
