/* SPDX-License-Identifier: MIT */
#include "streamer/rtcp.h"

#include <errno.h>
#include <string.h>

#include "lib/buf.h"

enum { FMT_PLI = 1, FMT_FIR = 4, CNAME = 1 };

int rtcp_next(const uint8_t **data, size_t *len, struct rtcp_packet *ret)
{
	const uint8_t *p = *data;
	size_t size, pad = 0;

	if (!*len)
		return -EAGAIN;
	if (*len < 4 || p[0] >> 6 != 2)
		return -EBADMSG;
	size = 4 + 4u * buf_get_u16(p + 2);
	if (size > *len)
		return -EBADMSG;
	if (p[0] & 0x20)
		pad = p[size - 1] ? p[size - 1] : size;
	if (pad > size - 4)
		return -EBADMSG;
	*ret = (struct rtcp_packet){ .type = p[1], .count = p[0] & 0x1f };
	if (size - pad >= 8) {
		ret->ssrc = buf_get_u32(p + 4);
		ret->body = p + 8;
		ret->len = size - pad - 8;
	}
	*data += size;
	*len -= size;
	return 0;
}

int rtcp_parse_sr(const struct rtcp_packet *p, struct rtcp_sr *ret)
{
	if (p->type != RTCP_SR || p->len < 20)
		return -EBADMSG;
	*ret = (struct rtcp_sr){
		.ntp = buf_get_u64(p->body),
		.timestamp = buf_get_u32(p->body + 8),
		.packets = buf_get_u32(p->body + 12),
		.octets = buf_get_u32(p->body + 16),
	};
	return 0;
}

/* Visible ASCII without what RFC 3986 keeps out of URLs and texts quote. */
static bool is_url_byte(uint8_t c)
{
	return c > 0x20 && c < 0x7f && c != '"' && c != '<' && c != '>';
}

static size_t scheme_len(const uint8_t *p, size_t len)
{
	if (len >= 7 && !memcmp(p, "rtmp://", 7))
		return 7;
	if (len >= 8 && !memcmp(p, "rtmps://", 8))
		return 8;
	return 0;
}

static void find_url(const uint8_t *p, size_t len, struct rtcp_app *app)
{
	for (size_t at = 0; at < len; at++) {
		size_t scheme = scheme_len(p + at, len - at);
		size_t end = at + scheme;

		if (!scheme)
			continue;
		while (end < len && is_url_byte(p[end]))
			end++;
		if (end == at + scheme)
			continue;
		app->url = (const char *)p + at;
		app->url_len = end - at;
		return;
	}
}

int rtcp_parse_app(const struct rtcp_packet *p, struct rtcp_app *ret)
{
	if (p->type != RTCP_APP || p->len < 4)
		return -EBADMSG;
	*ret = (struct rtcp_app){ .subtype = p->count };
	for (int i = 0; i < 4; i++)
		ret->name[i] = p->body[i] > 0x20 && p->body[i] < 0x7f
				       ? (char)p->body[i]
				       : '?';
	find_url(p->body + 4, p->len - 4, ret);
	return 0;
}

/* The header for `words` 32-bit words behind it. */
static uint8_t *begin(uint8_t *dst, uint8_t count, uint8_t type, size_t words)
{
	dst[0] = 0x80 | count;
	dst[1] = type;
	buf_put_u16(dst + 2, (uint16_t)words);
	return dst + 4;
}

size_t rtcp_build_rr(uint8_t *dst, uint32_t ssrc,
		     const struct rtcp_block *block)
{
	uint8_t *p = begin(dst, !!block, RTCP_RR, block ? 7 : 1);

	buf_put_u32(p, ssrc);
	if (!block)
		return 8;
	buf_put_u32(p + 4, block->ssrc);
	p[8] = block->fraction_lost;
	buf_put_u24(p + 9, (uint32_t)block->lost & 0xffffff);
	buf_put_u32(p + 12, block->highest_seq);
	buf_put_u32(p + 16, block->jitter);
	buf_put_u32(p + 20, block->last_sr);
	buf_put_u32(p + 24, block->delay_sr);
	return 32;
}

/* The items end with at least one zero byte and at a word, section 6.5. */
size_t rtcp_build_sdes(uint8_t *dst, uint32_t ssrc, const char *cname)
{
	size_t n = strnlen(cname, RTCP_CNAME_MAX);
	size_t words = 1 + (2 + n) / 4 + 1;
	uint8_t *p = begin(dst, 1, RTCP_SDES, words);

	memset(p, 0, 4 * words);
	buf_put_u32(p, ssrc);
	p[4] = CNAME;
	p[5] = (uint8_t)n;
	memcpy(p + 6, cname, n);
	return 4 + 4 * words;
}

size_t rtcp_build_pli(uint8_t *dst, uint32_t ssrc, uint32_t sender)
{
	uint8_t *p = begin(dst, FMT_PLI, RTCP_PSFB, 2);

	buf_put_u32(p, ssrc);
	buf_put_u32(p + 4, sender);
	return 12;
}

/* RFC 5104 section 4.3.1: the header names nobody, the entry the sender. */
size_t rtcp_build_fir(uint8_t *dst, uint32_t ssrc, uint32_t sender, uint8_t seq)
{
	uint8_t *p = begin(dst, FMT_FIR, RTCP_PSFB, 4);

	buf_put_u32(p, ssrc);
	buf_put_u32(p + 4, 0);
	buf_put_u32(p + 8, sender);
	buf_put_u32(p + 12, (uint32_t)seq << 24);
	return 20;
}

size_t rtcp_build_bye(uint8_t *dst, uint32_t ssrc)
{
	buf_put_u32(begin(dst, 1, RTCP_BYE, 1), ssrc);
	return 8;
}
