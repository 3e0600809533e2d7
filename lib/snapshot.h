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
 * Writing: the writer remembers the first failure (-EMSGSIZE past the cap of
 * the buffer, -EINVAL a bad key, -ENOMEM) and adds nothing after it, so that
 * only the end asks. The buffer is the caller's.
 *
 *	buf_init(&b, SNAPSHOT_MAX);
 *	snapshot_begin(&w, &b);
 *	snapshot_add(&w, "state", "ready");
 *	err = w.err;
 */
enum { SNAPSHOT_MAX = 4096, SNAPSHOT_KEYS = 96, SNAPSHOT_TEXT_MAX = 512 };

struct snapshot_writer {
	struct buf *dst;
	size_t text_max; /* bytes that snapshot_add_text() takes of a value */
	int err;
};

/* Empties `dst` and writes the first line. */
void snapshot_begin(struct snapshot_writer *w, struct buf *dst);
void snapshot_add(struct snapshot_writer *w, const char *key,
		  const char *value);
void snapshot_add_u64(struct snapshot_writer *w, const char *key,
		      uint64_t value);
/* Unknown (0) becomes an empty value; else RFC 3339 UTC. */
void snapshot_add_time(struct snapshot_writer *w, const char *key,
		       int64_t epoch_s);
/* Cut to `max` bytes at a UTF-8 boundary. */
void snapshot_add_cut(struct snapshot_writer *w, const char *key,
		      const char *value, size_t max);
/* Cut to what snapshot_write() leaves it, SNAPSHOT_TEXT_MAX at most. */
void snapshot_add_text(struct snapshot_writer *w, const char *key,
		       const char *value);

/*
 * A snapshot whose texts are foreign and of any length: `fill` adds it, and
 * once more with shorter texts as long as the whole does not fit.
 */
typedef void snapshot_fill_fn(struct snapshot_writer *w, const void *arg);
int snapshot_write(struct buf *dst, snapshot_fill_fn *fill,
		   const void *arg) ATTR_MUST_CHECK;

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
