/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SNAPSHOT_H
#define UPCAST_SNAPSHOT_H

#include "lib/buf.h"

/*
 * A snapshot of the control directory: the first line "format=1", then
 * "key=value" lines in a fixed order. Keys are [a-z0-9_]; control characters,
 * backslashes and what is not UTF-8 in values are escaped as str_escape() does.
 * At most SNAPSHOT_MAX bytes and SNAPSHOT_KEYS keys (upcast-control(7)). Pure.
 *
 * Writing: buf_init(&b, SNAPSHOT_MAX), snapshot_begin(), snapshot_add()...
 * An addition that does not fit fails with -EMSGSIZE; a writer then leaves the
 * key out or cuts the value (snapshot_add_cut()).
 */
enum { SNAPSHOT_MAX = 4096, SNAPSHOT_KEYS = 96 };

int snapshot_begin(struct buf *dst) ATTR_MUST_CHECK;
int snapshot_add(struct buf *dst, const char *key,
		 const char *value) ATTR_MUST_CHECK;
int snapshot_add_u64(struct buf *dst, const char *key,
		     uint64_t value) ATTR_MUST_CHECK;
/* Unknown (0) becomes an empty value; else RFC 3339 UTC. */
int snapshot_add_time(struct buf *dst, const char *key,
		      int64_t epoch_s) ATTR_MUST_CHECK;
/* Cut to `max` bytes at a UTF-8 boundary. */
int snapshot_add_cut(struct buf *dst, const char *key, const char *value,
		     size_t max) ATTR_MUST_CHECK;

/*
 * Reading: the struct holds a copy of the text with the values unescaped.
 * Unknown keys are kept, later duplicates ignored.
 * Errors: -EBADMSG not a snapshot, -ENOTSUP another format, -EMSGSIZE, -ENOMEM.
 */
struct snapshot {
	char *text;
	size_t count;
	struct {
		const char *key, *value;
	} pairs[SNAPSHOT_KEYS];
};

int snapshot_parse(const char *text, size_t len,
		   struct snapshot *ret) ATTR_MUST_CHECK;
void snapshot_release(struct snapshot *s);
/* NULL if the key is not there. */
const char *snapshot_get(const struct snapshot *s, const char *key);

#endif
