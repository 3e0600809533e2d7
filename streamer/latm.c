/* SPDX-License-Identifier: MIT */
#include "streamer/latm.h"

#include <errno.h>

/* LatmGetValue, table 1.45. */
static uint32_t read_value(struct bits *b)
{
	unsigned bytes = bits_get(b, 2) + 1;

	return bits_get(b, 8 * bytes);
}

/* In version 1 the length comes first, so that unknown tails can be kept. */
static int read_asc(struct bits *b, bool version1, struct asc *ret)
{
	struct bits part;
	size_t len;
	uint8_t bytes[ASC_MAX] = { 0 };

	if (!version1)
		return asc_read(b, ret);
	len = read_value(b);
	if (len > bits_left(b))
		return -EBADMSG;
	if (len > 8 * ASC_MAX)
		return -EMSGSIZE;
	part = *b;
	for (size_t i = 0; i < len; i++)
		bytes[i / 8] |= (uint8_t)(bits_get(&part, 1) << (7 - i % 8));
	bits_skip(b, len);
	return asc_parse(bytes, (len + 7) / 8, ret);
}

static uint32_t read_other_data(struct bits *b, bool version1)
{
	uint32_t bits = 0, more;

	if (!bits_get(b, 1))
		return 0;
	if (version1)
		return read_value(b);
	do {
		more = bits_get(b, 1);
		bits = bits << 8 | bits_get(b, 8);
	} while (more && !b->overrun);
	return bits;
}

int latm_read_mux(struct bits *b, struct latm_mux *ret)
{
	struct latm_mux mux = { 0 };
	bool version1 = bits_get(b, 1), plain;
	int err;

	if (version1 && bits_get(b, 1))
		return -ENOTSUP;
	if (version1)
		read_value(b); /* taraBufferFullness */
	plain = bits_get(b, 1);
	mux.frames = (uint8_t)(bits_get(b, 6) + 1);
	/* All streams framed alike, one program, one layer. */
	if (!plain || bits_get(b, 4) || bits_get(b, 3))
		return b->overrun ? -EBADMSG : -ENOTSUP;
	err = read_asc(b, version1, &mux.asc);
	if (err)
		return err;
	if (bits_get(b, 3)) /* frameLengthType: variable */
		return b->overrun ? -EBADMSG : -ENOTSUP;
	bits_skip(b, 8); /* latmBufferFullness */
	mux.other_data_bits = read_other_data(b, version1);
	if (bits_get(b, 1))
		bits_skip(b, 8); /* crcCheckSum of this configuration */
	if (b->overrun)
		return -EBADMSG;
	*ret = mux;
	return 0;
}

uint32_t latm_read_length(struct bits *b)
{
	uint32_t len = 0, byte;

	do {
		byte = bits_get(b, 8);
		len += byte;
	} while (byte == 255 && !b->overrun);
	return len;
}
