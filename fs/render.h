/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_FS_RENDER_H
#define UPCAST_FS_RENDER_H

#include <stddef.h>
#include <stdint.h>

#include "fs/model.h"
#include "fs/text.h"
#include "lib/attr.h"

/*
 * What a file of the tree says. Pure: the time is given.
 *
 * A fact is its value and a newline; unknown is nothing at all. The files of
 * the root are worked out from everything at most once a second (the picture
 * once a minute) and kept, so that a stat() and the open() behind it agree.
 */
struct render;

struct render_text {
	const char *text; /* until the next call */
	size_t len;
	int64_t changed_ms;
};

int render_new(const struct model *m, struct render **ret) ATTR_MUST_CHECK;
void render_free(struct render *r);

/* File `i` of the folder's layout; `events` and `stream` are empty here. */
int render_file(struct render *r, const struct node *dir, unsigned i,
		int64_t now_ms, struct render_text *ret) ATTR_MUST_CHECK;

/* Seconds since 1970 of an RFC 3339 time in UTC; 0 if it is none. */
int64_t render_parse_time(const char *text);
/* Sum of a value over the objects of a daemon in that state. */
uint64_t render_sum(const struct model *m, const struct daemon *d,
		    const char *state, const char *key);

/* The parts of it: fs/metrics.c, fs/tables.c, fs/picture.c. */
typedef void render_fn(const struct model *m, int64_t now_ms, struct text *dst);
render_fn render_metrics, render_summary, render_calls, render_recordings,
	render_readme, render_picture;

#endif
