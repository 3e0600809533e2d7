/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_FS_TEXT_H
#define UPCAST_FS_TEXT_H

#include "lib/buf.h"

/*
 * A text that is put together piece by piece. Once a piece has found no room,
 * nothing is added any more and `err` says why: it is asked once, at the end.
 */
struct text {
	struct buf buf;
	int err;
};

static inline void text_init(struct text *t, size_t cap)
{
	t->err = 0;
	buf_init(&t->buf, cap);
}

static inline void text_clear(struct text *t)
{
	t->err = 0;
	buf_clear(&t->buf);
}

static inline void text_add(struct text *t, const char *s)
{
	if (!t->err)
		t->err = buf_add_str(&t->buf, s);
}

#define text_printf(t, ...)                                                    \
	do {                                                                   \
		if (!(t)->err)                                                 \
			(t)->err = buf_printf(&(t)->buf, __VA_ARGS__);         \
	} while (0)

#endif
