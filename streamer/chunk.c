/* SPDX-License-Identifier: MIT */
#include "streamer/chunk.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	HEADER_MAX = 3 + 11 + 4, /* basic, message, extended timestamp */
	TS_EXTENDED = 0xffffff,
	WRITTEN_HEADER_MAX = 1 + 11 + 4,
	WRITTEN_CONTINUATION = 1 + 4,
};

/* ---- writing ---------------------------------------------------------- */

void chunk_writer_init(struct chunk_writer *w)
{
	*w = (struct chunk_writer){ .size = CHUNK_SIZE_DEFAULT };
}

int chunk_reserve(const struct chunk_writer *w, struct buf *dst, uint32_t len)
{
	size_t chunks = len / w->size + 1;

	return buf_reserve(dst, WRITTEN_HEADER_MAX + (size_t)len +
					chunks * WRITTEN_CONTINUATION);
}

/* Where the next byte goes; the room is there. */
static uint8_t *end_of(struct buf *dst)
{
	return dst->data + dst->len;
}

static void finish(struct buf *dst, size_t n)
{
	dst->len += n;
	dst->data[dst->len] = '\0';
}

/*
 * The first message of a chunk stream carries its time, later ones the
 * difference, which also takes the step over 2^32. A time that goes back needs
 * the full form again.
 */
void chunk_begin(struct chunk_writer *w, struct buf *dst,
		 const struct chunk_message *m)
{
	uint8_t *p = end_of(dst);
	uint32_t delta = m->ts_ms - w->streams[m->id].ts_ms, ts;
	bool full = !w->streams[m->id].used || delta > INT32_MAX ||
		    w->streams[m->id].stream_id != m->stream_id;
	size_t n = full ? 12 : 8;

	assert(m->id >= 2 && m->id <= CHUNK_ID_MAX && !w->left);
	ts = full ? m->ts_ms : delta;
	w->id = m->id;
	w->room = w->size;
	w->left = m->len;
	w->extended = ts >= TS_EXTENDED;
	w->extended_ts = ts;
	w->streams[m->id].used = true;
	w->streams[m->id].stream_id = m->stream_id;
	w->streams[m->id].ts_ms = m->ts_ms;
	p[0] = (uint8_t)((full ? 0 : 1 << 6) | m->id);
	buf_put_u24(p + 1, w->extended ? TS_EXTENDED : ts);
	buf_put_u24(p + 4, m->len);
	p[7] = m->type;
	if (full) /* the one little-endian number of the protocol */
		for (int i = 0; i < 4; i++)
			p[8 + i] = (uint8_t)(m->stream_id >> 8 * i);
	if (w->extended) {
		buf_put_u32(p + n, ts);
		n += 4;
	}
	finish(dst, n);
}

static void begin_next(struct chunk_writer *w, struct buf *dst)
{
	uint8_t *p = end_of(dst);

	p[0] = (uint8_t)(3 << 6 | w->id);
	if (w->extended)
		buf_put_u32(p + 1, w->extended_ts);
	finish(dst, w->extended ? 5 : 1);
	w->room = w->size;
}

void chunk_put(struct chunk_writer *w, struct buf *dst, const void *data,
	       size_t n)
{
	const uint8_t *p = data;

	assert(n <= w->left);
	while (n) {
		size_t part;

		if (!w->room)
			begin_next(w, dst);
		part = n < w->room ? n : w->room;
		memcpy(end_of(dst), p, part);
		finish(dst, part);
		p += part;
		n -= part;
		w->room -= (uint32_t)part;
		w->left -= (uint32_t)part;
	}
}

/* ---- reading ---------------------------------------------------------- */

struct stream {
	uint32_t id; /* 0: free */
	struct chunk_message m;
	uint32_t delta;
	bool extended;
	uint8_t *body; /* CHUNK_MESSAGE_MAX at most */
	uint32_t size, have;
};

struct chunk_reader {
	uint32_t size;
	uint8_t header[HEADER_MAX];
	size_t header_len;
	struct stream *current; /* whose chunk is being read */
	uint32_t left;		/* of that chunk */
	struct stream streams[CHUNK_STREAMS_MAX];
};

int chunk_reader_new(struct chunk_reader **ret_reader)
{
	struct chunk_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->size = CHUNK_SIZE_DEFAULT;
	*ret_reader = r;
	return 0;
}

void chunk_reader_free(struct chunk_reader *r)
{
	if (!r)
		return;
	for (int i = 0; i < CHUNK_STREAMS_MAX; i++)
		free(r->streams[i].body);
	free(r);
}

int chunk_reader_set_size(struct chunk_reader *r, uint32_t size)
{
	if (!size || size > INT32_MAX)
		return -EBADMSG;
	r->size = size < CHUNK_SIZE_MAX ? size : CHUNK_SIZE_MAX;
	return 0;
}

void chunk_reader_abort(struct chunk_reader *r, uint32_t id)
{
	for (int i = 0; i < CHUNK_STREAMS_MAX; i++)
		if (r->streams[i].id == id)
			r->streams[i].have = 0;
}

/* The stream of that id, a free one, or NULL. */
static struct stream *find_stream(struct chunk_reader *r, uint32_t id)
{
	for (int i = 0; i < CHUNK_STREAMS_MAX; i++)
		if (r->streams[i].id == id || !r->streams[i].id)
			return &r->streams[i];
	return NULL;
}

/* How long the basic header is, section 5.3.1.1. */
static size_t basic_len(uint8_t first)
{
	return (first & 63) == 0 ? 2 : (first & 63) == 1 ? 3 : 1;
}

static uint32_t basic_id(const uint8_t *h)
{
	uint32_t id = h[0] & 63;

	if (id == 0)
		return 64 + h[1];
	return id == 1 ? 64 + h[1] + ((uint32_t)h[2] << 8) : id;
}

/*
 * The length of the whole header as far as the bytes so far tell: more than
 * `header_len` while some are missing.
 */
static size_t header_need(const struct chunk_reader *r, const struct stream *s,
			  size_t basic)
{
	static const uint8_t lengths[] = { 11, 7, 3, 0 };
	int fmt = r->header[0] >> 6;
	size_t need = basic + lengths[fmt];
	bool extended = fmt == 3 && s->extended;

	if (fmt < 3 && r->header_len >= basic + 3)
		extended = buf_get_u24(r->header + basic) == TS_EXTENDED;
	return need + (extended ? 4 : 0);
}

/* Section 5.3.1.2: what a header of each kind says, and what it leaves. */
static int take_header(struct chunk_reader *r, struct stream *s, size_t basic)
{
	const uint8_t *h = r->header + basic;
	int fmt = r->header[0] >> 6;
	uint32_t ts = fmt < 3 ? buf_get_u24(h) : 0;

	if (fmt == 3 ? !s->id : s->have != 0 || (fmt && !s->id))
		return -EBADMSG;
	s->id = basic_id(r->header);
	if (fmt < 3)
		s->extended = ts == TS_EXTENDED;
	if (fmt < 3 && s->extended)
		ts = buf_get_u32(r->header + r->header_len - 4);
	if (fmt < 2) {
		s->m.len = buf_get_u24(h + 3);
		s->m.type = h[6];
	}
	if (fmt == 0)
		s->m.stream_id = h[7] | (uint32_t)h[8] << 8 |
				 (uint32_t)h[9] << 16 | (uint32_t)h[10] << 24;
	if (fmt < 3)
		s->delta = ts;
	if (fmt == 0)
		s->m.ts_ms = ts;
	else if (!s->have)
		s->m.ts_ms += s->delta;
	s->m.id = s->id;
	return s->m.len > CHUNK_MESSAGE_MAX ? -EMSGSIZE : 0;
}

static int reserve_body(struct stream *s)
{
	uint8_t *body;

	if (s->size >= s->m.len)
		return 0;
	body = realloc(s->body, s->m.len);
	if (!body)
		return -ENOMEM;
	s->body = body;
	s->size = s->m.len;
	return 0;
}

/* One more byte of a header; it may be the last. */
static int add_header(struct chunk_reader *r, uint8_t byte)
{
	struct stream *s;
	size_t basic;
	int err;

	r->header[r->header_len++] = byte;
	basic = basic_len(r->header[0]);
	if (r->header_len < basic)
		return 0;
	s = find_stream(r, basic_id(r->header));
	if (!s)
		return -EMSGSIZE;
	if (r->header_len < header_need(r, s, basic))
		return 0;
	err = take_header(r, s, basic);
	err = err ? err : reserve_body(s);
	if (err)
		return err;
	r->header_len = 0;
	r->current = s;
	r->left = s->m.len - s->have;
	r->left = r->left < r->size ? r->left : r->size;
	return 0;
}

static void add_body(struct chunk_reader *r, const uint8_t **data, size_t *n)
{
	struct stream *s = r->current;
	size_t part = *n < r->left ? *n : r->left;

	if (part)
		memcpy(s->body + s->have, *data, part);
	s->have += (uint32_t)part;
	r->left -= (uint32_t)part;
	*data += part;
	*n -= part;
}

int chunk_read(struct chunk_reader *r, const uint8_t **data, size_t *n,
	       struct chunk_message *ret_m, const uint8_t **ret_body)
{
	struct stream *s;
	int err;

	for (;;) {
		while (!r->current) {
			if (!*n)
				return -EAGAIN;
			err = add_header(r, **data);
			if (err)
				return err;
			++*data;
			--*n;
		}
		add_body(r, data, n);
		if (r->left)
			return -EAGAIN;
		s = r->current;
		r->current = NULL;
		if (s->have < s->m.len)
			continue;
		s->have = 0;
		*ret_m = s->m;
		*ret_body = s->body;
		return 0;
	}
}
