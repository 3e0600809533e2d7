/* SPDX-License-Identifier: MIT */
#include "streamer/h264.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"

/* Types of NAL units: ITU-T H.264 table 7-1, RFC 6184 table 3. */
enum {
	NAL_SLICE = 1,
	NAL_IDR = 5,
	NAL_SEI = 6,
	NAL_SPS = 7,
	NAL_PPS = 8,
	NAL_LAST = 23,
	NAL_STAP_A = 24,
	NAL_FU_A = 28,
};

enum { KEEP_BYTES = 32 << 10 };

struct set {
	uint8_t data[H264_SET_MAX];
	size_t len;
	uint32_t id;
};

struct h264 {
	const struct h264_handler *handler;
	void *arg;
	struct h264_counts counts;
	bool needs_key;

	/* The access unit that gathers. Slices hold offsets until it is whole,
	 * since its buffer moves as it grows. */
	struct buf bytes;
	struct {
		size_t at, len;
	} nals[H264_NALS_MAX];
	size_t nal_count;
	struct slice slices[H264_NALS_MAX];
	bool open; /* something of it has come */
	bool has_picture, key, damaged;
	bool in_fragment;
	size_t fragment_at;
	uint32_t timestamp;

	bool config_changed;
	struct set sps, pps[H264_PPS_MAX];
	size_t pps_count, pps_next;
};

int h264_new(const struct h264_handler *handler, void *arg,
	     struct h264 **ret_h264)
{
	struct h264 *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->handler = handler;
	h->arg = arg;
	h->needs_key = true;
	buf_init(&h->bytes, H264_UNIT_MAX);
	*ret_h264 = h;
	return 0;
}

void h264_free(struct h264 *h)
{
	if (!h)
		return;
	buf_release(&h->bytes);
	free(h);
}

/* ---- parameter sets ---------------------------------------------------- */

static bool store(struct set *set, const uint8_t *nal, size_t len)
{
	if (set->len == len && !memcmp(set->data, nal, len))
		return false;
	memcpy(set->data, nal, len);
	set->len = len;
	return true;
}

/* The first Exp-Golomb number: pic_parameter_set_id, below 256. */
static bool read_ue(const uint8_t *p, size_t len, uint32_t *ret)
{
	uint32_t bits = 0, zeros = 0;

	for (size_t i = 0; i < 4; i++)
		bits = bits << 8 | (i < len ? p[i] : 0);
	while (zeros < 9 && !(bits << zeros & 0x80000000u))
		zeros++;
	if (zeros > 8)
		return false;
	*ret = (bits << zeros >> (31 - zeros)) - 1;
	return true;
}

static struct set *pps_slot(struct h264 *h, uint32_t id)
{
	struct set *set;

	for (size_t i = 0; i < h->pps_count; i++)
		if (h->pps[i].id == id)
			return &h->pps[i];
	if (h->pps_count < H264_PPS_MAX)
		set = &h->pps[h->pps_count++];
	else
		set = &h->pps[h->pps_next++ % H264_PPS_MAX];
	set->id = id;
	set->len = 0;
	return set;
}

static void take_set(struct h264 *h, const uint8_t *nal, size_t len)
{
	uint32_t id;

	/* Four bytes: what an avcC needs of an SPS. */
	if (len > H264_SET_MAX || len < ((nal[0] & 0x1f) == NAL_SPS ? 4 : 2))
		return;
	if ((nal[0] & 0x1f) == NAL_SPS)
		h->config_changed |= store(&h->sps, nal, len);
	else if (read_ue(nal + 1, len - 1, &id))
		h->config_changed |= store(pps_slot(h, id), nal, len);
}

static bool is_set(uint8_t header)
{
	return (header & 0x1f) == NAL_SPS || (header & 0x1f) == NAL_PPS;
}

void h264_set_sprop(struct h264 *h, const uint8_t *sprop, size_t len)
{
	while (len > 2) {
		size_t n = buf_get_u16(sprop);

		if (n > len - 2)
			return;
		if (n && is_set(sprop[2]))
			take_set(h, sprop + 2, n);
		sprop += 2 + n;
		len -= 2 + n;
	}
}

static void tell_config(struct h264 *h)
{
	struct slice sps = { h->sps.data, h->sps.len, true };
	struct slice pps[H264_PPS_MAX];

	for (size_t i = 0; i < h->pps_count; i++)
		pps[i] = (struct slice){ h->pps[i].data, h->pps[i].len, true };
	h->config_changed = false;
	h->handler->on_config(h->arg, &sps, pps, h->pps_count);
}

/* ---- access units ------------------------------------------------------ */

static void begin_unit(struct h264 *h, uint32_t timestamp)
{
	/* What a key frame needed is not kept for the small ones behind it. */
	if (h->bytes.size > KEEP_BYTES)
		buf_release(&h->bytes);
	buf_clear(&h->bytes);
	h->nal_count = 0;
	h->open = true;
	h->has_picture = h->key = h->damaged = h->in_fragment = false;
	h->timestamp = timestamp;
}

static void drop_unit(struct h264 *h)
{
	h->counts.dropped++;
	h->needs_key = true;
}

static void give_unit(struct h264 *h)
{
	struct h264_unit unit = {
		.nals = h->slices,
		.count = h->nal_count,
		.key = h->key,
		.timestamp = h->timestamp,
	};

	for (size_t i = 0; i < h->nal_count; i++)
		h->slices[i] = (struct slice){ h->bytes.data + h->nals[i].at,
					       h->nals[i].len, true };
	if (h->config_changed)
		tell_config(h);
	h->needs_key = false;
	h->counts.units++;
	h->counts.keys += h->key;
	h->handler->on_unit(h->arg, &unit);
}

static void end_unit(struct h264 *h)
{
	if (!h->open)
		return;
	h->open = false;
	if (h->in_fragment)
		h->damaged = true;
	/* Parameter sets alone, or SEI: nothing to show, nothing lost. */
	if (!h->has_picture && !h->damaged)
		return;
	if (h->damaged || !h->has_picture ||
	    (h->needs_key && !(h->key && h->sps.len && h->pps_count)))
		drop_unit(h);
	else
		give_unit(h);
}

/* A NAL unit is whole: taken out, or part of the access unit. */
static void end_nal(struct h264 *h, size_t at)
{
	const uint8_t *nal = h->bytes.data + at;
	size_t len = h->bytes.len - at;
	uint8_t type = nal[0] & 0x1f;

	if (is_set(nal[0]))
		take_set(h, nal, len);
	if (len < 2 || type == 0 || type > NAL_SEI) {
		h->bytes.len = at;
		return;
	}
	if (h->nal_count == H264_NALS_MAX) {
		h->damaged = true;
		return;
	}
	/*
	 * first_mb_in_slice 0 is a single 1 bit: a picture that is to stand
	 * on its own must have its begin, which a loss may have taken.
	 */
	if (type <= NAL_IDR && !h->has_picture && h->needs_key &&
	    !(nal[1] & 0x80))
		h->damaged = true;
	h->has_picture |= type <= NAL_IDR;
	h->key |= type == NAL_IDR;
	h->nals[h->nal_count].at = at;
	h->nals[h->nal_count++].len = len;
}

/* The access unit is too large, or memory is short: either way it is lost. */
static int add(struct h264 *h, const uint8_t *p, size_t len)
{
	int err = buf_add(&h->bytes, p, len);

	if (err)
		h->damaged = true;
	return err == -ENOMEM ? err : 0;
}

static int add_nal(struct h264 *h, const uint8_t *nal, size_t len)
{
	size_t at = h->bytes.len;
	int err = add(h, nal, len);

	if (!h->damaged)
		end_nal(h, at);
	return err;
}

static int add_aggregate(struct h264 *h, const uint8_t *p, size_t len)
{
	int err = 0;

	while (!err && len > 2) {
		size_t n = buf_get_u16(p);

		if (!n || n > len - 2) {
			h->damaged = true;
			return 0;
		}
		err = add_nal(h, p + 2, n);
		p += 2 + n;
		len -= 2 + n;
	}
	return err;
}

/* FU-A: indicator, header with start and end bits, then the fragment. */
static int add_fragment(struct h264 *h, const uint8_t *p, size_t len)
{
	uint8_t header;
	int err = 0;

	if (len < 3 || h->in_fragment == !!(p[1] & 0x80)) {
		h->damaged = true;
		return 0;
	}
	if (p[1] & 0x80) {
		header = (p[0] & 0xe0) | (p[1] & 0x1f);
		h->fragment_at = h->bytes.len;
		h->in_fragment = true;
		err = add(h, &header, 1);
	}
	if (!err)
		err = add(h, p + 2, len - 2);
	if (p[1] & 0x40) {
		h->in_fragment = false;
		if (!h->damaged)
			end_nal(h, h->fragment_at);
	}
	return err;
}

static int add_payload(struct h264 *h, const uint8_t *p, size_t len)
{
	uint8_t type = p[0] & 0x1f;

	if (type == NAL_FU_A)
		return add_fragment(h, p, len);
	if (h->in_fragment || !type || (type > NAL_LAST && type != NAL_STAP_A))
		h->damaged = true;
	if (h->damaged)
		return 0;
	if (type == NAL_STAP_A)
		return add_aggregate(h, p + 1, len - 1);
	return add_nal(h, p, len);
}

/*
 * What a gap took may belong to the access unit before, to the one behind, or
 * be another one altogether: all that depends on it waits for a key frame.
 */
static void take_gap(struct h264 *h)
{
	h->damaged |= h->open;
	h->needs_key = true;
}

int h264_push(struct h264 *h, const struct rtp_packet *p)
{
	int err = 0;

	if (p->gap)
		take_gap(h);
	if (h->open && p->timestamp != h->timestamp)
		end_unit(h);
	if (!h->open)
		begin_unit(h, p->timestamp);
	if (p->len)
		err = add_payload(h, p->payload, p->len);
	if (p->marker)
		end_unit(h);
	return err;
}

bool h264_needs_key(const struct h264 *h)
{
	return h->needs_key;
}

const struct h264_counts *h264_counts(const struct h264 *h)
{
	return &h->counts;
}
