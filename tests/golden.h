/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_GOLDEN_H
#define UPCAST_GOLDEN_H

#include <stdio.h>

#include "lib/buf.h"
#include "streamer/rtp.h"
#include "tests/unit.h"

/*
 * The golden packets that tests/data/make-rtp.py writes: a file in a buffer,
 * and its packets, each behind two bytes of length.
 */
enum { GOLDEN_MAX = 1 << 20 };

static inline int golden_load(const char *name, struct buf *ret)
{
	FILE *f = fopen(unit_data(name), "rb");
	uint8_t block[4096];
	size_t n;
	int err = f ? 0 : -ENOENT;

	buf_init(ret, GOLDEN_MAX);
	while (!err && (n = fread(block, 1, sizeof(block), f)))
		err = buf_add(ret, block, n);
	if (f)
		fclose(f);
	return err;
}

/* False at the end. `at` begins at 0. */
static inline bool golden_next(const struct buf *b, size_t *at,
			       struct rtp_packet *ret)
{
	size_t len;

	if (*at + 2 > b->len)
		return false;
	len = buf_get_u16(b->data + *at);
	*at += 2 + len;
	return *at <= b->len && !rtp_parse(b->data + *at - len, len, ret);
}

#endif
