/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_LISTING_H
#define UPCAST_LISTING_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/attr.h"

/*
 * What a command lists, gathered and then shown: for people in columns, with
 * --json for programs.
 *
 * A listing of pairs is "label : value" a line and one JSON object, whose keys
 * are the labels in lower case with '_' for what is no letter or digit. A table
 * has a line for each row below a line of titles, and is an array of objects.
 *
 *	struct listing *l;
 *	err = listing_new(&l);
 *	err = listing_add(l, "Enabled", "false");
 *	err = listing_print_pairs(l, 24, json);
 *	listing_free(l);
 *
 * Errors: -ENOMEM. Values may be NULL: unknown, null in JSON.
 */
struct listing;

int listing_new(struct listing **ret) ATTR_MUST_CHECK;
void listing_free(struct listing *l);

/* A pair of the current row. */
int listing_add(struct listing *l, const char *label,
		const char *value) ATTR_MUST_CHECK;
/* The pairs to come belong to another row. */
void listing_next(struct listing *l);

/* printf("%-*s: %s\n"); "none" where a value is NULL or empty. */
int listing_print_pairs(struct listing *l, int width,
			bool json) ATTR_MUST_CHECK;
/* "-" where a value is NULL or empty. */
int listing_print_table(struct listing *l, bool json) ATTR_MUST_CHECK;

#endif
