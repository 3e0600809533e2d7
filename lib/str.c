/* SPDX-License-Identifier: MIT */
#include "lib/str.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* Digits up to `end`; the caller has seen to it that there is one. */
static int parse_digits(const char *s, const char *end, uint64_t *ret_v)
{
	uint64_t v = 0;

	if (s == end)
		return -EINVAL;
	for (; s < end; s++) {
		if (*s < '0' || *s > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return -ERANGE;
	}
	*ret_v = v;
	return 0;
}

int str_parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret_v)
{
	uint64_t v;
	int err = parse_digits(s, s + strlen(s), &v);

	if (err)
		return err;
	if (v < min || v > max)
		return -ERANGE;
	*ret_v = v;
	return 0;
}

int str_parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret_v)
{
	bool negative = *s == '-';
	const char *digits = s + negative;
	uint64_t v;
	int64_t value;
	int err = parse_digits(digits, digits + strlen(digits), &v);

	if (err)
		return err;
	if (v > (uint64_t)INT64_MAX)
		return -ERANGE;
	value = negative ? -(int64_t)v : (int64_t)v;
	if (value < min || value > max)
		return -ERANGE;
	*ret_v = value;
	return 0;
}

struct unit {
	const char *suffix;
	uint64_t factor;
};

/* A number and the unit behind it. Units are tried in the table's order. */
static int parse_unit(const char *s, const struct unit *units, size_t n,
		      uint64_t *ret_v)
{
	size_t digits = strspn(s, "0123456789");
	uint64_t v;
	int err = parse_digits(s, s + digits, &v);

	if (err)
		return err;
	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(s + digits, units[i].suffix))
			continue;
		if (__builtin_mul_overflow(v, units[i].factor, &v))
			return -ERANGE;
		*ret_v = v;
		return 0;
	}
	return -EINVAL;
}

static const struct unit durations[] = {
	{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 },
	{ "s", 1000 },	   { "", 1000 },     { "ms", 1 },
};

int str_parse_duration(const char *s, uint64_t *ret_ms)
{
	return parse_unit(s, durations, ARRAY_SIZE(durations), ret_ms);
}

void str_format_duration(uint64_t ms, char *dst, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(durations); i++) {
		const struct unit *u = &durations[i];

		if (!*u->suffix || (ms && ms % u->factor) ||
		    (!ms && u->factor != 1000))
			continue;
		snprintf(dst, size, "%llu%s",
			 (unsigned long long)(ms / u->factor), u->suffix);
		return;
	}
}

int str_parse_size(const char *s, uint64_t *ret_bytes)
{
	static const struct unit units[] = {
		{ "", 1 },	    { "K", 1 << 10 },	 { "M", 1 << 20 },
		{ "G", 1 << 30 },   { "T", 1ULL << 40 }, { "KiB", 1 << 10 },
		{ "MiB", 1 << 20 }, { "GiB", 1 << 30 },
	};

	return parse_unit(s, units, ARRAY_SIZE(units), ret_bytes);
}

int str_parse_bool(const char *s, bool *ret_v)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {
		{ "true", true },   { "false", false },	  { "yes", true },
		{ "no", false },    { "on", true },	  { "off", false },
		{ "enable", true }, { "disable", false }, { "1", true },
		{ "0", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcasecmp(s, words[i].word))
			continue;
		*ret_v = words[i].value;
		return 0;
	}
	return -EINVAL;
}

void str_format_time(int64_t epoch_s, char *dst)
{
	time_t t = (time_t)epoch_s;
	struct tm tm;

	*dst = '\0';
	if (epoch_s <= 0 || !gmtime_r(&t, &tm))
		return;
	strftime(dst, STR_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static bool is_unreserved(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c && strchr("-._~", c));
}

int str_pct_encode(struct buf *dst, const char *src)
{
	size_t start = dst->len;
	int err = 0;

	for (; *src && !err; src++) {
		unsigned char c = (unsigned char)*src;

		err = is_unreserved(c) ? buf_add_u8(dst, c)
				       : buf_printf(dst, "%%%02X", c);
	}
	if (err && dst->data) {
		dst->len = start;
		dst->data[start] = '\0';
	}
	return err;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that two hex digits say, or -1. */
static int hex_byte(const char *s)
{
	int hi = hex_digit(s[0]), lo = hi < 0 ? -1 : hex_digit(s[1]);

	return lo < 0 ? -1 : hi << 4 | lo;
}

int str_pct_decode(char *s)
{
	for (const char *p = s; (p = strchr(p, '%')); p += 3)
		if (hex_byte(p + 1) <= 0)
			return -EINVAL;
	for (char *p = s; *p; s++) {
		if (*p == '%') {
			*s = (char)hex_byte(p + 1);
			p += 3;
		} else {
			*s = *p++;
		}
	}
	*s = '\0';
	return 0;
}

/*
 * The length of the UTF-8 sequence at `s`, 0 if there is none within `len`
 * (RFC 3629 section 4).
 */
static size_t utf8_sequence(const unsigned char *s, size_t len)
{
	size_t n = s[0] < 0x80	 ? 1
		   : s[0] < 0xc2 ? 0
		   : s[0] < 0xe0 ? 2
		   : s[0] < 0xf0 ? 3
		   : s[0] < 0xf5 ? 4
				 : 0;

	if (!n || n > len)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

bool str_is_utf8(const char *s, size_t len)
{
	while (len) {
		size_t n = utf8_sequence((const unsigned char *)s, len);

		if (!n)
			return false;
		s += n;
		len -= n;
	}
	return true;
}

int str_escape(struct buf *dst, const char *src)
{
	size_t start = dst->len, left = strlen(src);
	int err = 0;

	while (left && !err) {
		unsigned char c = (unsigned char)*src;
		size_t n = utf8_sequence((const unsigned char *)src, left);

		if (c == '\n')
			err = buf_add_str(dst, "\\n");
		else if (c == '\\')
			err = buf_add_str(dst, "\\\\");
		else if (!n || c < 0x20 || c == 0x7f)
			err = buf_printf(dst, "\\x%02x", c);
		else
			err = buf_add(dst, src, n);
		n = n ? n : 1;
		src += n;
		left -= n;
	}
	if (err && dst->data) {
		dst->len = start;
		dst->data[start] = '\0';
	}
	return err;
}

/* How many bytes the escape at `p` (a backslash) has, and its value. */
static size_t parse_escape(const char *p, char *ret_c)
{
	int byte;

	*ret_c = '\0';
	switch (p[1]) {
	case 'n':
		*ret_c = '\n';
		return 2;
	case '\\':
		*ret_c = '\\';
		return 2;
	case 'x':
		byte = hex_byte(p + 2);
		*ret_c = (char)byte;
		return byte > 0 ? 4 : 0;
	default:
		return 0;
	}
}

int str_unescape(char *s)
{
	char c;
	size_t n;

	for (const char *p = s; (p = strchr(p, '\\')); p += n) {
		n = parse_escape(p, &c);
		if (!n)
			return -EINVAL;
	}
	for (char *p = s; *p; s++) {
		if (*p == '\\') {
			n = parse_escape(p, &c);
			*s = c;
			p += n;
		} else {
			*s = *p++;
		}
	}
	*s = '\0';
	return 0;
}

void str_clean(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
}

size_t str_fit(const char *s, size_t max)
{
	size_t n = strnlen(s, max);

	/* Back to the first byte of the sequence that would be split. */
	if (s[n])
		while (n && ((unsigned char)s[n] & 0xc0) == 0x80)
			n--;
	return n;
}

bool str_is_guid(const char *s)
{
	if (strlen(s) != 36)
		return false;
	for (int i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : hex_digit(s[i]) < 0)
			return false;
	}
	return true;
}

bool str_next_word(const char **at, const char **ret_word, size_t *ret_len)
{
	const char *word = *at + strspn(*at, " \t,");
	size_t len = strcspn(word, " \t,");

	*at = word + len;
	*ret_word = word;
	*ret_len = len;
	return len > 0;
}

size_t str_copy(char *dst, const char *src, size_t size)
{
	size_t len = strlen(src);
	size_t n = len < size ? len : size ? size - 1 : 0;

	if (size) {
		memcpy(dst, src, n);
		dst[n] = '\0';
	}
	return len;
}

void str_wipe(char **s)
{
	if (*s)
		explicit_bzero(*s, strlen(*s));
	free(*s);
	*s = NULL;
}

int str_replace(char **dst, const char *src)
{
	char *copy = src ? strdup(src) : NULL;

	if (src && !copy)
		return -ENOMEM;
	str_wipe(dst);
	*dst = copy;
	return 0;
}
