/* SPDX-License-Identifier: MIT */
#include "streamer/sdes.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int decode_digit(char c)
{
	const char *p = c ? strchr(alphabet, c) : NULL;

	return p ? (int)(p - alphabet) : -1;
}

int sdes_decode(const char *text, size_t len, uint8_t *dst, size_t size)
{
	uint32_t bits = 0;
	size_t n = 0;

	while (len && text[len - 1] == '=')
		len--;
	if (len % 4 == 1)
		return -EBADMSG;
	for (size_t i = 0; i < len; i++) {
		int digit = decode_digit(text[i]);

		if (digit < 0)
			return -EBADMSG;
		bits = bits << 6 | (uint32_t)digit;
		if (i % 4 == 0)
			continue;
		if (n == size)
			return -EMSGSIZE;
		dst[n++] = (uint8_t)(bits >> (6 - i % 4 * 2));
	}
	return (int)n;
}

static int add_base64(struct buf *dst, const uint8_t *p, size_t len)
{
	int err = 0;

	for (size_t i = 0; i < len && !err; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t bits = (uint32_t)p[i] << 16;
		char text[5] = "====";

		if (n > 1)
			bits |= (uint32_t)p[i + 1] << 8;
		if (n > 2)
			bits |= p[i + 2];
		for (size_t k = 0; k <= n; k++)
			text[k] = alphabet[bits >> (18 - 6 * k) & 63];
		err = buf_add(dst, text, 4);
	}
	return err;
}

/* Digits up to `end` or what `*ret_end` then points to. */
static bool parse_number(const char *s, uint64_t max, uint64_t *ret,
			 const char **ret_end)
{
	const char *start = s;
	uint64_t v = 0;

	for (; *s >= '0' && *s <= '9'; s++) {
		v = v * 10 + (uint64_t)(*s - '0');
		if (v > max)
			return false;
	}
	*ret = v;
	*ret_end = s;
	return s > start;
}

/* "1:4": value and length in bytes. */
static int parse_mki(const char *s, size_t len, struct suite_key *key)
{
	uint64_t value, bytes;
	const char *end;

	if (!parse_number(s, UINT64_MAX / 16, &value, &end) || *end != ':' ||
	    !parse_number(end + 1, 128, &bytes, &end) || end != s + len ||
	    !bytes)
		return -EBADMSG;
	if (bytes > SUITE_MKI_MAX)
		return -ENOTSUP;
	if (bytes < 8 && value >> (8 * bytes))
		return -EBADMSG;
	key->mki_len = (uint8_t)bytes;
	for (size_t i = 0; i < bytes; i++)
		key->mki[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
	return 0;
}

/* "2^31" or "1048576" */
static int parse_lifetime(const char *s, size_t len)
{
	uint64_t v;
	const char *end;

	if (!strncmp(s, "2^", 2))
		return parse_number(s + 2, 48, &v, &end) && end == s + len
			       ? 0
			       : -EBADMSG;
	return parse_number(s, UINT64_MAX / 16, &v, &end) && end == s + len
		       ? 0
		       : -EBADMSG;
}

/* inline:KEY[|lifetime][|MKI:length], up to a blank */
static int parse_key(const char *s, size_t len, struct suite_key *key)
{
	const char *end = s + len;
	size_t n;
	int err;

	if (memchr(s, ';', len))
		return -ENOTSUP;
	if (len < 7 || strncasecmp(s, "inline:", 7))
		return -ENOTSUP;
	s += 7;
	n = strcspn(s, "| \t");
	err = sdes_decode(s, n, key->key, sizeof(key->key));
	if (err < 0)
		return err;
	if ((size_t)err != suite_key_len(key->suite))
		return -EBADMSG;
	for (s += n, err = 0; s < end && !err; s += n) {
		s++;
		n = strcspn(s, "| \t");
		err = memchr(s, ':', n) ? parse_mki(s, n, key)
					: parse_lifetime(s, n);
	}
	return err;
}

/* Only the hint for windows is harmless (RFC 4568 section 6.3). */
static int check_params(const char *s)
{
	while (*(s += strspn(s, " \t"))) {
		if (strncasecmp(s, "WSH=", 4) && *s != '-')
			return -ENOTSUP;
		s += strcspn(s, " \t");
	}
	return 0;
}

int sdes_parse(const char *value, struct sdes *ret)
{
	struct sdes s = { 0 };
	const char *suite, *key;
	uint64_t tag;
	size_t n;
	int err;

	if (!parse_number(value, 999999999, &tag, &value))
		return -EBADMSG;
	s.tag = (uint32_t)tag;
	suite = value + strspn(value, " \t");
	n = strcspn(suite, " \t");
	if (suite == value || !n)
		return -EBADMSG;
	s.key.suite = suite_by_name(suite, n);
	if (s.key.suite == SUITE_NONE)
		return -ENOTSUP;
	key = suite + n + strspn(suite + n, " \t");
	n = strcspn(key, " \t");
	err = parse_key(key, n, &s.key);
	if (!err)
		err = check_params(key + n);
	if (!err)
		*ret = s;
	explicit_bzero(&s, sizeof(s));
	return err;
}

int sdes_format(const struct sdes *s, struct buf *dst)
{
	int err = buf_printf(dst, "a=crypto:%u %s inline:", s->tag,
			     suite_name(s->key.suite));

	if (!err)
		err = add_base64(dst, s->key.key, suite_key_len(s->key.suite));
	return err ? err : buf_add_str(dst, "\r\n");
}
