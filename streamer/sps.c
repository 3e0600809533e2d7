/* SPDX-License-Identifier: MIT */
#include "streamer/sps.h"

#include <errno.h>
#include <string.h>

#include "streamer/bits.h"

enum {
	RBSP_MAX = 1024, /* a set is some dozen bytes; the rest is extension */
	MACROBLOCKS_MAX = 1024,
	EXTENDED_SAR = 255,
	REORDER_MAX = 16,
	BASELINE = 66,
};

/* ue(v), section 9.1. */
static uint32_t get_ue(struct bits *b)
{
	unsigned zeros = 0;

	while (!bits_get(b, 1)) {
		if (b->overrun || ++zeros > 31) {
			b->overrun = true;
			return 0;
		}
	}
	return (1u << zeros) - 1 + bits_get(b, zeros);
}

static void skip_ue(struct bits *b, int n)
{
	while (n--)
		get_ue(b);
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
		bits_get(b, 1); /* separate_colour_plane_flag */
	s->bit_depth_luma = (uint8_t)(8 + (get_ue(b) & 7));
	s->bit_depth_chroma = (uint8_t)(8 + (get_ue(b) & 7));
	bits_get(b, 1); /* qpprime_y_zero_transform_bypass_flag */
	if (!bits_get(b, 1))
		return;
	for (int i = 0; i < (s->chroma_format == 3 ? 12 : 8); i++)
		if (bits_get(b, 1))
			skip_scaling_list(b, i < 6 ? 16 : 64);
}

/* True if pictures are shown in the order of decoding (type 2). */
static bool read_order_count(struct bits *b)
{
	uint32_t type = get_ue(b);

	if (type == 0)
		get_ue(b); /* log2_max_pic_order_cnt_lsb_minus4 */
	if (type != 1)
		return type == 2;
	bits_get(b, 1);
	get_se(b);
	get_se(b);
	for (uint32_t n = get_ue(b) & 0xff; n && !b->overrun; n--)
		get_se(b);
	return false;
}

static int read_size(struct bits *b, struct sps *s)
{
	uint32_t width = get_ue(b) + 1, height = get_ue(b) + 1;
	bool frames_only = bits_get(b, 1);
	uint32_t crop[4] = { 0 }, unit_x, unit_y;

	if (width > MACROBLOCKS_MAX || height > MACROBLOCKS_MAX)
		return -EBADMSG;
	if (!frames_only)
		bits_get(b, 1); /* mb_adaptive_frame_field_flag */
	bits_get(b, 1);		/* direct_8x8_inference_flag */
	if (bits_get(b, 1))
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

static void read_timing(struct bits *b, struct sps *s)
{
	uint32_t units, scale;

	if (!bits_get(b, 1))
		return;
	units = bits_get(b, 32);
	scale = bits_get(b, 32);
	bits_get(b, 1); /* fixed_frame_rate_flag */
	if (!b->overrun && units && scale / units <= 1000)
		s->fps_milli =
			(uint32_t)((uint64_t)scale * 1000 / (2ULL * units));
}

/* hrd_parameters(), section E.1.2; true if they are there. */
static bool skip_hrd(struct bits *b)
{
	uint32_t count;

	if (!bits_get(b, 1))
		return false;
	count = get_ue(b) + 1;
	bits_skip(b, 8);
	for (; count && !b->overrun; count--) {
		skip_ue(b, 2);
		bits_get(b, 1);
	}
	bits_skip(b, 20);
	return true;
}

static void read_restriction(struct bits *b, struct sps *s)
{
	uint32_t reorder;

	if (!bits_get(b, 1))
		return;
	bits_get(b, 1); /* motion_vectors_over_pic_boundaries_flag */
	skip_ue(b, 4);
	reorder = get_ue(b);
	if (!b->overrun && reorder <= REORDER_MAX)
		s->reorder = (uint8_t)reorder;
}

/* Section E.1.1; what is cut off leaves the rest unknown. */
static void read_vui(struct bits *b, struct sps *s)
{
	bool hrd;

	if (!bits_get(b, 1))
		return;
	if (bits_get(b, 1) && bits_get(b, 8) == EXTENDED_SAR)
		bits_skip(b, 32);
	if (bits_get(b, 1))
		bits_get(b, 1); /* overscan_appropriate_flag */
	if (bits_get(b, 1)) {
		bits_skip(b, 4); /* video_format, video_full_range_flag */
		if (bits_get(b, 1))
			bits_skip(b, 24);
	}
	if (bits_get(b, 1))
		skip_ue(b, 2);
	read_timing(b, s);
	hrd = skip_hrd(b);
	hrd |= skip_hrd(b);
	bits_skip(b,
		  hrd + 1u); /* low_delay_hrd_flag, pic_struct_present_flag */
	read_restriction(b, s);
}

int sps_parse(const uint8_t *nal, uint32_t len, struct sps *ret)
{
	struct sps s = { .chroma_format = 1,
			 .bit_depth_luma = 8,
			 .bit_depth_chroma = 8 };
	uint8_t rbsp[RBSP_MAX];
	struct bits b;
	bool in_order;
	int err;

	if (len < 5 || (nal[0] & 0x1f) != 7)
		return -EBADMSG;
	bits_init(&b, rbsp, unescape(nal + 1, len - 1, rbsp));
	s.profile = (uint8_t)bits_get(&b, 8);
	s.constraints = (uint8_t)bits_get(&b, 8);
	s.level = (uint8_t)bits_get(&b, 8);
	get_ue(&b); /* seq_parameter_set_id */
	if (has_chroma_format(s.profile))
		read_chroma(&b, &s);
	get_ue(&b); /* log2_max_frame_num_minus4 */
	in_order = read_order_count(&b);
	get_ue(&b);	 /* max_num_ref_frames */
	bits_get(&b, 1); /* gaps_in_frame_num_value_allowed_flag */
	err = read_size(&b, &s);
	if (err || b.overrun)
		return -EBADMSG;
	read_vui(&b, &s);
	/* Neither has B pictures, whatever the set says of others. */
	if (in_order || s.profile == BASELINE)
		s.reorder = 0;
	*ret = s;
	return 0;
}
