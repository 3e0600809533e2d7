/* SPDX-License-Identifier: MIT */
#include "streamer/asc.h"

#include <errno.h>

/* Audio object types, ISO/IEC 14496-3 table 1.17. */
enum { AAC_LC = 2, SBR = 5, PS = 29, ESCAPE = 31 };

static const uint32_t rates[] = { 96000, 88200, 64000, 48000, 44100,
				  32000, 24000, 22050, 16000, 12000,
				  11025, 8000,	7350 };

static uint32_t read_object_type(struct bits *b)
{
	uint32_t type = bits_get(b, 5);

	return type == ESCAPE ? 32 + bits_get(b, 6) : type;
}

/* 0: reserved. */
static uint32_t read_rate(struct bits *b)
{
	uint32_t index = bits_get(b, 4);

	if (index == 15)
		return bits_get(b, 24);
	return index < ARRAY_SIZE(rates) ? rates[index] : 0;
}

/* program_config_element, section 4.4.1.1; `start`: of the configuration. */
static void skip_pce(struct bits *b, size_t start)
{
	uint32_t front, side, back, lfe, assoc, coupling;

	bits_skip(b, 4 + 2 + 4);
	front = bits_get(b, 4);
	side = bits_get(b, 4);
	back = bits_get(b, 4);
	lfe = bits_get(b, 2);
	assoc = bits_get(b, 3);
	coupling = bits_get(b, 4);
	for (int i = 0; i < 2; i++) /* mono and stereo mix-down */
		if (bits_get(b, 1))
			bits_skip(b, 4);
	if (bits_get(b, 1))
		bits_skip(b, 3);
	bits_skip(b, 5 * (front + side + back + coupling) + 4 * (lfe + assoc));
	bits_skip(b, -(b->pos - start) & 7);
	bits_skip(b, 8 * bits_get(b, 8));
}

/* GASpecificConfig, section 4.4.1, of AAC-LC. */
static void read_general(struct bits *b, size_t start, struct asc *asc)
{
	asc->frame_samples = bits_get(b, 1) ? 960 : 1024;
	if (bits_get(b, 1))
		bits_skip(b, 14);
	bits_skip(b, 1);
	if (!asc->channels)
		skip_pce(b, start);
}

/* The bits from `start` to where `b` is now, or to its end. */
static int keep_bytes(const struct bits *b, size_t start, size_t end,
		      struct asc *asc)
{
	struct bits from = *b;
	size_t len = (end - start + 7) / 8;

	if (len > ASC_MAX)
		return -EMSGSIZE;
	from.pos = start;
	for (size_t i = 0; i < len; i++) {
		size_t left = end - from.pos;
		unsigned n = left < 8 ? (unsigned)left : 8;

		asc->bytes[i] = (uint8_t)(bits_get(&from, n) << (8 - n));
	}
	asc->len = (uint8_t)len;
	return 0;
}

static int read_known(struct bits *b, struct asc *asc)
{
	size_t start = b->pos;
	uint32_t type = read_object_type(b);

	*asc = (struct asc){ .sample_rate = read_rate(b) };
	asc->channels = (uint8_t)bits_get(b, 4);
	if (type == SBR || type == PS) {
		read_rate(b);
		type = read_object_type(b);
	}
	if (b->overrun)
		return -EBADMSG;
	if (type != AAC_LC || !asc->sample_rate)
		return -ENOTSUP;
	read_general(b, start, asc);
	return b->overrun ? -EBADMSG : 0;
}

int asc_read(struct bits *b, struct asc *ret)
{
	size_t start = b->pos;
	struct asc asc;
	int err = read_known(b, &asc);

	if (!err)
		err = keep_bytes(b, start, b->pos, &asc);
	if (!err)
		*ret = asc;
	return err;
}

int asc_parse(const uint8_t *data, size_t len, struct asc *ret)
{
	struct bits b;
	struct asc asc;
	int err;

	bits_init(&b, data, len);
	err = read_known(&b, &asc);
	if (!err)
		err = keep_bytes(&b, 0, b.size, &asc);
	if (!err)
		*ret = asc;
	return err;
}
