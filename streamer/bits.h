/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_BITS_H
#define UPCAST_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Reads bits, most significant first. Past the end zeroes come and `overrun`
 * is set, so that a parser checks once, at its end. Pure.
 */
struct bits {
	const uint8_t *data;
	size_t size, pos; /* in bits */
	bool overrun;
};

static inline void bits_init(struct bits *b, const uint8_t *data, size_t len)
{
	*b = (struct bits){ .data = data, .size = 8 * len };
}

/* At most 32. */
static inline uint32_t bits_get(struct bits *b, unsigned n)
{
	uint32_t v = 0;

	if (n > b->size - b->pos) {
		b->overrun = true;
		b->pos = b->size;
		return 0;
	}
	for (; n; n--, b->pos++)
		v = v << 1 | (b->data[b->pos >> 3] >> (7 - (b->pos & 7)) & 1);
	return v;
}

static inline void bits_skip(struct bits *b, size_t n)
{
	b->overrun |= n > b->size - b->pos;
	b->pos = n > b->size - b->pos ? b->size : b->pos + n;
}

static inline size_t bits_left(const struct bits *b)
{
	return b->size - b->pos;
}

/* Copies `len` bytes from any bit position; false past the end. */
static inline bool bits_copy(struct bits *b, uint8_t *dst, size_t len)
{
	unsigned shift = b->pos & 7;
	const uint8_t *p = b->data + (b->pos >> 3);

	if (len > bits_left(b) / 8) {
		b->overrun = true;
		return false;
	}
	if (!shift)
		memcpy(dst, p, len);
	else
		for (size_t i = 0; i < len; i++)
			dst[i] = (uint8_t)(p[i] << shift |
					   p[i + 1] >> (8 - shift));
	b->pos += 8 * len;
	return true;
}

#endif
