/* SPDX-License-Identifier: MIT */
#include "streamer/sps.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* An RBSP as bits; reads past its end give zeros and set `overrun`. */
struct bits {
	const uint8_t *data;
	uint32_t len; /* bytes */
	uint32_t at;  /* bits */
	bool overrun;
};

enum {
	RBSP_MAX = 1024, /* a set is some dozen bytes; the rest is extension */
	MACROBLOCKS_MAX = 1024,
	EXTENDED_SAR = 255,
};

static uint32_t get_bit(struct bits *b)
{
	uint32_t bit;

	if (b->at / 8 >= b->len) {
		b->overrun = true;
		return 0;
	}
	bit = b->data[b->at / 8] >> (7 - b->at % 8) & 1;
	b->at++;
	return bit;
}

static uint32_t get_bits(struct bits *b, int n)
{
	uint32_t v = 0;

	while (n--)
		v = v << 1 | get_bit(b);
	return v;
}

/* ue(v), section 9.1. */
static uint32_t get_ue(struct bits *b)
{
	int zeros = 0;

	while (!get_bit(b)) {
		if (b->overrun || ++zeros > 31) {
			b->overrun = true;
			return 0;
		}
	}
	return (1u << zeros) - 1 + get_bits(b, zeros);
}

static int32_t get_se(struct bits *b)
{
	uint32_t v = get_ue(b);

	return v & 1 ? (int32_t)(v / 2 + 1) : -(int32_t)(v / 2);
}

/* Takes the emulation prevention bytes out, section 7.4.1. */
static uint32_t unescape(const uint8_t *nal, uint32_t len, uint8_t *rbsp)
{
	uint32_t n = 0;
	int zeros = 0;

	for (uint32_t i = 0; i < len && n < RBSP_MAX; i++) {
		if (zeros >= 2 && nal[i] == 3) {
			zeros = 0;
			continue;
		}
		zeros = nal[i] ? 0 : zeros + 1;
		rbsp[n++] = nal[i];
	}
	return n;
}

static void skip_scaling_list(struct bits *b, int size)
{
	int32_t last = 8, next = 8;

	for (int i = 0; i < size && !b->overrun; i++) {
		if (next)
			next = (int32_t)((uint32_t)last + get_se(b)) & 0xff;
		last = next ? next : last;
	}
}

static bool has_chroma_format(uint8_t profile)
{
	static const uint8_t profiles[] = { 100, 110, 122, 244, 44,  83, 86,
					    118, 128, 138, 139, 134, 135 };

	return memchr(profiles, profile, sizeof(profiles));
}

static void read_chroma(struct bits *b, struct sps *s)
{
	s->chroma_format = (uint8_t)(get_ue(b) & 3);
	if (s->chroma_format == 3)
		get_bit(b); /* separate_colour_plane_flag */
	s->bit_depth_luma = (uint8_t)(8 + (get_ue(b) & 7));
	s->bit_depth_chroma = (uint8_t)(8 + (get_ue(b) & 7));
	get_bit(b); /* qpprime_y_zero_transform_bypass_flag */
	if (!get_bit(b))
		return;
	for (int i = 0; i < (s->chroma_format == 3 ? 12 : 8); i++)
		if (get_bit(b))
			skip_scaling_list(b, i < 6 ? 16 : 64);
}

static void skip_order_count(struct bits *b)
{
	uint32_t type = get_ue(b);

	if (type == 0)
		get_ue(b); /* log2_max_pic_order_cnt_lsb_minus4 */
	if (type != 1)
		return;
	get_bit(b);
	get_se(b);
	get_se(b);
	for (uint32_t n = get_ue(b) & 0xff; n && !b->overrun; n--)
		get_se(b);
}

static int read_size(struct bits *b, struct sps *s)
{
	uint32_t width = get_ue(b) + 1, height = get_ue(b) + 1;
	bool frames_only = get_bit(b);
	uint32_t crop[4] = { 0 }, unit_x, unit_y;

	if (width > MACROBLOCKS_MAX || height > MACROBLOCKS_MAX)
		return -EBADMSG;
	if (!frames_only)
		get_bit(b); /* mb_adaptive_frame_field_flag */
	get_bit(b);	    /* direct_8x8_inference_flag */
	if (get_bit(b))
		for (int i = 0; i < 4; i++)
			crop[i] = get_ue(b) & 0xffff;
	unit_x = s->chroma_format == 1 || s->chroma_format == 2 ? 2 : 1;
	unit_y = (s->chroma_format == 1 ? 2 : 1) * (frames_only ? 1 : 2);
	width *= 16;
	height *= frames_only ? 16 : 32;
	if ((crop[0] + crop[1]) * unit_x >= width ||
	    (crop[2] + crop[3]) * unit_y >= height)
		return -EBADMSG;
	s->width = (uint16_t)(width - (crop[0] + crop[1]) * unit_x);
	s->height = (uint16_t)(height - (crop[2] + crop[3]) * unit_y);
	return 0;
}

/* Section E.1.1, as far as the timing; what is missing leaves it unknown. */
static void read_timing(struct bits *b, struct sps *s)
{
	uint32_t units, scale;

	if (!get_bit(b))
		return;
	if (get_bit(b) && get_bits(b, 8) == EXTENDED_SAR)
		get_bits(b, 32);
	if (get_bit(b))
		get_bit(b); /* overscan_appropriate_flag */
	if (get_bit(b)) {
		get_bits(b, 4); /* video_format, video_full_range_flag */
		if (get_bit(b))
			get_bits(b, 24);
	}
	if (get_bit(b)) {
		get_ue(b);
		get_ue(b);
	}
	if (!get_bit(b))
		return;
	units = get_bits(b, 32);
	scale = get_bits(b, 32);
	if (!b->overrun && units && scale / units <= 1000)
		s->fps_milli =
			(uint32_t)((uint64_t)scale * 1000 / (2ULL * units));
}

int sps_parse(const uint8_t *nal, uint32_t len, struct sps *ret)
{
	struct sps s = { .chroma_format = 1,
			 .bit_depth_luma = 8,
			 .bit_depth_chroma = 8 };
	uint8_t rbsp[RBSP_MAX];
	struct bits b = { .data = rbsp };
	int err;

	if (len < 5 || (nal[0] & 0x1f) != 7)
		return -EBADMSG;
	b.len = unescape(nal + 1, len - 1, rbsp);
	s.profile = (uint8_t)get_bits(&b, 8);
	s.constraints = (uint8_t)get_bits(&b, 8);
	s.level = (uint8_t)get_bits(&b, 8);
	get_ue(&b); /* seq_parameter_set_id */
	if (has_chroma_format(s.profile))
		read_chroma(&b, &s);
	get_ue(&b); /* log2_max_frame_num_minus4 */
	skip_order_count(&b);
	get_ue(&b);  /* max_num_ref_frames */
	get_bit(&b); /* gaps_in_frame_num_value_allowed_flag */
	err = read_size(&b, &s);
	if (err || b.overrun)
		return -EBADMSG;
	read_timing(&b, &s);
	*ret = s;
	return 0;
}
