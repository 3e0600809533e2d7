/* SPDX-License-Identifier: MIT */
#include "streamer/aac.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "streamer/latm.h"

struct aac {
	const struct aac_handler *handler;
	void *arg;
	struct aac_counts counts;
	struct aac_format format; /* `config` is not kept */

	bool has_mux, told;
	struct latm_mux mux; /* AAC-hbr: its `asc` alone */

	/* What comes in pieces: an AudioMuxElement, or one frame. */
	struct buf pieces;
	uint32_t pieces_timestamp;
	size_t pieces_want; /* AAC-hbr: bytes of the whole frame */

	uint8_t frame[AAC_FRAME_MAX];
};

static int take_config(struct aac *a, const struct aac_format *f)
{
	struct bits b;
	int err;

	if (f->latm && f->in_band)
		return 0;
	if (!f->latm) {
		err = asc_parse(f->config, f->config_len, &a->mux.asc);
	} else {
		bits_init(&b, f->config, f->config_len);
		err = latm_read_mux(&b, &a->mux);
	}
	a->has_mux = !err;
	return err;
}

static int take_format(struct aac *a, const struct aac_format *f)
{
	a->format = *f;
	a->format.config = NULL;
	if (!f->size_length && !f->index_length && !f->index_delta_length) {
		a->format.size_length = 13;
		a->format.index_length = 3;
		a->format.index_delta_length = 3;
	}
	if (!f->clock_rate || a->format.size_length < 1 ||
	    a->format.size_length > 16 || a->format.index_length > 16 ||
	    a->format.index_delta_length > 16)
		return -EINVAL;
	return take_config(a, f);
}

int aac_new(const struct aac_format *format, const struct aac_handler *handler,
	    void *arg, struct aac **ret_aac)
{
	struct aac *a = calloc(1, sizeof(*a));
	int err;

	if (!a)
		return -ENOMEM;
	a->handler = handler;
	a->arg = arg;
	buf_init(&a->pieces, AAC_ELEMENT_MAX);
	err = take_format(a, format);
	/* So much at once that no packet allocates. */
	if (!err)
		err = buf_reserve(&a->pieces, 2 * AAC_FRAME_MAX);
	if (err) {
		aac_free(a);
		return err;
	}
	*ret_aac = a;
	return 0;
}

void aac_free(struct aac *a)
{
	if (!a)
		return;
	buf_release(&a->pieces);
	free(a);
}

static void give(struct aac *a, const uint8_t *frame, size_t len,
		 uint32_t timestamp)
{
	if (!a->told)
		a->handler->on_config(a->arg, &a->mux.asc);
	a->told = true;
	a->counts.frames++;
	a->handler->on_frame(a->arg, frame, len, timestamp);
}

/* The RTP clock may be another than the sampling rate: LATM at 90 kHz. */
static uint32_t frame_ticks(const struct aac *a, unsigned frames)
{
	return (uint32_t)((uint64_t)frames * a->mux.asc.frame_samples *
			  a->format.clock_rate / a->mux.asc.sample_rate);
}

/* ---- LATM -------------------------------------------------------------- */

static int read_mux(struct aac *a, struct bits *b)
{
	struct latm_mux mux;
	int err;

	if (!a->format.in_band || bits_get(b, 1))
		return a->has_mux ? 0 : -EPROTO;
	err = latm_read_mux(b, &mux);
	if (err)
		return err;
	if (!a->has_mux || mux.asc.len != a->mux.asc.len ||
	    memcmp(mux.asc.bytes, a->mux.asc.bytes, mux.asc.len))
		a->told = false;
	a->mux = mux;
	a->has_mux = true;
	return 0;
}

/* Once to see whether the element is whole, then to give its frames away. */
static int walk_frames(struct aac *a, struct bits b, uint32_t timestamp,
		       bool whole)
{
	for (unsigned i = 0; i < a->mux.frames; i++) {
		uint32_t len = latm_read_length(&b);

		if (len > AAC_FRAME_MAX)
			return -EMSGSIZE;
		if (!whole)
			bits_skip(&b, 8 * (size_t)len);
		else if (len && bits_copy(&b, a->frame, len))
			give(a, a->frame, len, timestamp + frame_ticks(a, i));
	}
	bits_skip(&b, a->mux.other_data_bits);
	return b.overrun ? -EAGAIN : 0;
}

/* -EAGAIN: it is not whole. */
static int read_element(struct aac *a, const uint8_t *p, size_t len,
			uint32_t timestamp)
{
	struct bits b;
	int err;

	bits_init(&b, p, len);
	err = read_mux(a, &b);
	if (err)
		return b.overrun ? -EAGAIN : err;
	err = walk_frames(a, b, timestamp, false);
	return err ? err : walk_frames(a, b, timestamp, true);
}

/*
 * The marker is to be on the last piece, and is not everywhere: what is whole
 * is taken, with marker or without, and what is not waits unless it has one.
 */
static int push_latm(struct aac *a, const struct rtp_packet *p)
{
	int err;

	if (!a->pieces.len) {
		err = read_element(a, p->payload, p->len, p->timestamp);
	} else {
		err = buf_add(&a->pieces, p->payload, p->len);
		if (!err)
			err = read_element(a, a->pieces.data, a->pieces.len,
					   p->timestamp);
	}
	if (err != -EAGAIN || p->marker) {
		buf_clear(&a->pieces);
		return err;
	}
	if (!a->pieces.len)
		err = buf_add(&a->pieces, p->payload, p->len);
	a->pieces_timestamp = p->timestamp;
	return err == -EAGAIN ? 0 : err;
}

/* ---- AAC-hbr ----------------------------------------------------------- */

/* A piece of a frame: the header tells the size of the whole. */
static int push_piece(struct aac *a, const struct rtp_packet *p,
		      const uint8_t *data, size_t len, size_t want)
{
	int err;

	if (want > AAC_FRAME_MAX || (a->pieces.len && a->pieces_want != want)) {
		buf_clear(&a->pieces);
		return -EBADMSG;
	}
	a->pieces_want = want;
	a->pieces_timestamp = p->timestamp;
	err = buf_add(&a->pieces, data, len);
	if (err || a->pieces.len < want)
		return err;
	if (a->pieces.len == want)
		give(a, a->pieces.data, want, p->timestamp);
	buf_clear(&a->pieces);
	return 0;
}

static int push_frames(struct aac *a, const struct rtp_packet *p,
		       struct bits *headers, const uint8_t *data, size_t len)
{
	const struct aac_format *f = &a->format;
	unsigned index_bits = f->index_length;

	for (unsigned i = 0; bits_left(headers) >= f->size_length + index_bits;
	     i++) {
		size_t size = bits_get(headers, f->size_length);

		/* The first index is a number, the others are distances. */
		if (bits_get(headers, index_bits) && i)
			return -ENOTSUP;
		if (size > len)
			return i ? -EBADMSG : push_piece(a, p, data, len, size);
		if (!i && a->pieces.len)
			return push_piece(a, p, data, len, size);
		if (size && size <= AAC_FRAME_MAX)
			give(a, data, size, p->timestamp + frame_ticks(a, i));
		data += size;
		len -= size;
		index_bits = f->index_delta_length;
	}
	return 0;
}

/* RFC 3640 section 3.2.1: bits of headers, headers, then the frames. */
static int push_hbr(struct aac *a, const struct rtp_packet *p)
{
	struct bits headers;
	size_t len;

	if (p->len < 2)
		return -EBADMSG;
	len = (buf_get_u16(p->payload) + 7u) / 8;
	if (!len || len > p->len - 2)
		return -EBADMSG;
	bits_init(&headers, p->payload + 2, len);
	headers.size = buf_get_u16(p->payload);
	return push_frames(a, p, &headers, p->payload + 2 + len,
			   p->len - 2 - len);
}

void aac_push(struct aac *a, const struct rtp_packet *p)
{
	int err;

	/* What a lost packet, or another frame, leaves unfinished. */
	if (a->pieces.len && (p->gap || p->timestamp != a->pieces_timestamp)) {
		buf_clear(&a->pieces);
		a->counts.dropped++;
	}
	err = a->format.latm ? push_latm(a, p) : push_hbr(a, p);
	if (err)
		a->counts.dropped++;
}

const struct aac_counts *aac_counts(const struct aac *a)
{
	return &a->counts;
}
