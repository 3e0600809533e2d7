/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_FS_EVENTLOG_H
#define UPCAST_FS_EVENTLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/buf.h"

/*
 * The lines of all daemons in the order of their arrival, the newest
 * EVENTLOG_MAX bytes. Positions count from the first line ever and never go
 * back; `base` is the position of the oldest line kept. Pure.
 *
 * While somebody holds the log open (`holds`) it is trimmed later, so that
 * tail -f does not meet a file that has shrunk.
 */
enum { EVENTLOG_MAX = 1 << 20, EVENTLOG_HELD_MAX = 4 << 20 };

struct eventlog {
	struct buf text;
	uint64_t base;
	int64_t changed_ms;
	unsigned holds;
};

void eventlog_init(struct eventlog *log);
void eventlog_release(struct eventlog *log);

/* A line of `events` of a daemon, "epoch.seq time text", or anything else. */
int eventlog_add(struct eventlog *log, const char *from, const char *line,
		 int64_t now_ms) ATTR_MUST_CHECK;
/* Sorts what is there by time: for what is read at the start. */
int eventlog_sort(struct eventlog *log) ATTR_MUST_CHECK;

static inline uint64_t eventlog_end(const struct eventlog *log)
{
	return log->base + log->text.len;
}

/*
 * The bytes from `*at` on, at most `max`; `*at` is moved up to `base` first
 * if what it points to is gone. Returns how many there are.
 */
size_t eventlog_read(const struct eventlog *log, uint64_t *at, size_t max,
		     const char **ret_text);

#endif
