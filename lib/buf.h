/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_BUF_H
#define UPCAST_BUF_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/attr.h"

/*
 * A byte buffer that grows up to a cap given at birth.
 *
 * Life cycle: buf_init(), any of the others, buf_release(). The caller owns the
 * struct, the buffer owns its bytes. `data` may be NULL while `len` is 0 and
 * moves when the buffer grows; `data[len]` is a NUL whenever `data` is set, so
 * text needs no further care. `len` and `data` are read directly.
 *
 * Errors: -EMSGSIZE when an addition would pass the cap, -ENOMEM; the content
 * is then as before. Multi-byte integers are big-endian (network order).
 *
 *	struct buf b;
 *	buf_init(&b, 4096);
 *	err = buf_printf(&b, "id=%u\n", id);
 *	...
 *	buf_release(&b);
 */
struct buf {
	uint8_t *data;
	size_t len;
	size_t size; /* allocated, without the NUL */
	size_t cap;  /* never hold more than this */
};

void buf_init(struct buf *b, size_t cap);
void buf_release(struct buf *b);
/* As buf_release(), and the bytes are wiped first: for secrets. */
void buf_wipe(struct buf *b);
/* Empties the buffer, keeps its memory. */
void buf_clear(struct buf *b);

/* Makes room for `n` more bytes, so that the next additions cannot fail. */
int buf_reserve(struct buf *b, size_t n) ATTR_MUST_CHECK;
int buf_add(struct buf *b, const void *p, size_t n) ATTR_MUST_CHECK;
int buf_add_str(struct buf *b, const char *s) ATTR_MUST_CHECK;
int buf_add_u8(struct buf *b, uint8_t v) ATTR_MUST_CHECK;
int buf_add_u16(struct buf *b, uint16_t v) ATTR_MUST_CHECK;
int buf_add_u32(struct buf *b, uint32_t v) ATTR_MUST_CHECK;
int buf_add_u64(struct buf *b, uint64_t v) ATTR_MUST_CHECK;
int buf_printf(struct buf *b, const char *fmt, ...)
	ATTR_PRINTF(2, 3) ATTR_MUST_CHECK;

/* Drops the first `n` (at most `len`) bytes. */
void buf_consume(struct buf *b, size_t n);

/* The content as text: never NULL, "" while empty. */
static inline const char *buf_text(const struct buf *b)
{
	return b->data ? (const char *)b->data : "";
}

static inline uint16_t buf_get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t buf_get_u24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static inline uint32_t buf_get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t buf_get_u64(const uint8_t *p)
{
	return (uint64_t)buf_get_u32(p) << 32 | buf_get_u32(p + 4);
}

static inline void buf_put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void buf_put_u24(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 16);
	p[1] = (uint8_t)(v >> 8);
	p[2] = (uint8_t)v;
}

static inline void buf_put_u32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	buf_put_u24(p + 1, v);
}

#endif
