/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_FS_FACTS_H
#define UPCAST_FS_FACTS_H

#include <stdint.h>

#include "fs/layout.h"
#include "lib/attr.h"
#include "lib/snapshot.h"

/*
 * The values of one object, by the index of their file, and when each last
 * changed. One block of memory holds all texts. Pure.
 *
 * A zeroed struct has no values. Control characters become '?': a value is one
 * line, whatever a daemon wrote.
 */
struct facts {
	char *text;
	uint16_t at[LAYOUT_FILES]; /* in `text`; 0 is the empty value */
	int64_t changed_ms[LAYOUT_FILES];
};

void facts_release(struct facts *f);

/*
 * Sets the values that are not NULL; what differs from before has changed at
 * `now_ms`. -ENOMEM, -EMSGSIZE (64 KiB in all); nothing has changed then.
 */
int facts_set(struct facts *f, const char *const values[LAYOUT_FILES],
	      int64_t now_ms) ATTR_MUST_CHECK;

/* A snapshot's values by their file, "" for what it does not name; or NULL. */
void facts_read(const struct layout *layout, const struct snapshot *s,
		const char *values[LAYOUT_FILES]);

/* "" if unknown or `i` is -1. */
const char *facts_get(const struct facts *f, int i);
uint64_t facts_get_u64(const struct facts *f, int i);

#endif
