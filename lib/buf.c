/* SPDX-License-Identifier: MIT */
#include "lib/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUF_FIRST = 256 };

void buf_init(struct buf *b, size_t cap)
{
	*b = (struct buf){ .cap = cap };
}

void buf_release(struct buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = b->size = 0;
}

void buf_wipe(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->size + 1);
	buf_release(b);
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->data)
		b->data[0] = '\0';
}

/* Not realloc(): it could leave a copy of a secret behind. */
static int grow(struct buf *b, size_t size)
{
	uint8_t *data = malloc(size + 1);

	if (!data)
		return -ENOMEM;
	if (b->data) {
		memcpy(data, b->data, b->len);
		explicit_bzero(b->data, b->len);
		free(b->data);
	}
	data[b->len] = '\0';
	b->data = data;
	b->size = size;
	return 0;
}

int buf_reserve(struct buf *b, size_t n)
{
	size_t need, size;

	if (n > b->cap || b->len > b->cap - n)
		return -EMSGSIZE;
	need = b->len + n;
	if (b->data && need <= b->size)
		return 0;
	size = b->size ? b->size : BUF_FIRST;
	while (size < need)
		size *= 2;
	return grow(b, size < b->cap ? size : b->cap);
}

int buf_add(struct buf *b, const void *p, size_t n)
{
	int err = buf_reserve(b, n);

	if (err)
		return err;
	if (n)
		memcpy(b->data + b->len, p, n);
	b->len += n;
	b->data[b->len] = '\0';
	return 0;
}

int buf_add_str(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int buf_add_u8(struct buf *b, uint8_t v)
{
	return buf_add(b, &v, 1);
}

int buf_add_u16(struct buf *b, uint16_t v)
{
	uint8_t p[2];

	buf_put_u16(p, v);
	return buf_add(b, p, sizeof(p));
}

int buf_add_u32(struct buf *b, uint32_t v)
{
	uint8_t p[4];

	buf_put_u32(p, v);
	return buf_add(b, p, sizeof(p));
}

int buf_add_u64(struct buf *b, uint64_t v)
{
	uint8_t p[8];

	buf_put_u32(p, (uint32_t)(v >> 32));
	buf_put_u32(p + 4, (uint32_t)v);
	return buf_add(b, p, sizeof(p));
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n, err;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return -EINVAL;
	err = buf_reserve(b, (size_t)n);
	if (err)
		return err;
	va_start(ap, fmt);
	vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}

void buf_consume(struct buf *b, size_t n)
{
	if (n > b->len)
		n = b->len;
	if (!n)
		return;
	memmove(b->data, b->data + n, b->len - n + 1);
	b->len -= n;
}
