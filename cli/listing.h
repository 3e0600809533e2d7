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
 *	struct listing l;
 *
 *	listing_init(&l);
 *	listing_add(&l, "Enabled", "false");
 *	return listing_end_pairs(&l, 24, json);
 *
 * What fails on the way is remembered, and told and returned at the end. Values
 * may be NULL: unknown, null in JSON.
 */
struct json_t;

struct listing {
	struct json_t *rows; /* each an array of pairs [label, value] */
	struct json_t *row;  /* the last of them */
	int err;
};

void listing_init(struct listing *l);
/* Where it is not shown after all. */
void listing_release(struct listing *l);

/* A pair of the current row. */
void listing_add(struct listing *l, const char *label, const char *value);
/* The pairs to come belong to another row. */
void listing_next(struct listing *l);

/* printf("%-*s: %s\n"); "none" where a value is NULL or empty. */
int listing_end_pairs(struct listing *l, int width, bool json) ATTR_MUST_CHECK;
/* "-" where a value is NULL or empty. */
int listing_end_table(struct listing *l, bool json) ATTR_MUST_CHECK;

#endif
