/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_ENDED_H
#define UPCAST_ENDED_H

#include "lib/ctldir.h"

/*
 * The calls in the control directory that have ended: the last ENDED_MAX, also
 * those of daemons before this one. A call whose daemon went down without a
 * word is shown as ended from the next start on.
 *
 * Life cycle: ended_new() before any call of this daemon is written,
 * ended_free(). `dir` is borrowed. Errors: -ENOMEM, and what the system says of
 * the directory, which costs no more than the view.
 */
enum { ENDED_MAX = 1000, ENDED_ID_SIZE = 48 };

/* The name of a call, "<epoch>-<number>": its daemon's start, its place. */
struct ended_id {
	uint64_t epoch, number;
};

void ended_format_id(struct ended_id id, char dst[ENDED_ID_SIZE]);
int ended_parse_id(const char *text, struct ended_id *ret) ATTR_MUST_CHECK;

struct ended;

int ended_new(struct ctldir *dir, struct ended **ret) ATTR_MUST_CHECK;
void ended_free(struct ended *e);

/* Shows what a daemon before left; the number of calls that it cut off. */
int ended_adopt(struct ended *e, unsigned *ret_cut) ATTR_MUST_CHECK;
/* One more, which is written already or soon; the oldest goes. */
int ended_add(struct ended *e, struct ended_id id) ATTR_MUST_CHECK;

#endif
