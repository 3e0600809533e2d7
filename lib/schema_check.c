/* SPDX-License-Identifier: MIT */
/* The values of options: what each type takes, and what is said otherwise. */
#include "lib/schema.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/str.h"

enum { LABEL_MAX = 63, HOST_MAX = 253 };

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') ||
	       ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* "nfs|local": the index of `s`, or -ENOENT. */
static int find_word(const char *words, const char *s, size_t len)
{
	for (int i = 0; *words; i++) {
		size_t n = strcspn(words, "|");

		if (n == len && !memcmp(words, s, n))
			return i;
		words += n + (words[n] == '|');
	}
	return -ENOENT;
}

static void format_words(const char *words, char *dst, size_t size)
{
	size_t len = 0;

	if (size)
		*dst = '\0';
	while (*words && len < size) {
		size_t n = strcspn(words, "|");

		len += (size_t)snprintf(dst + len, size - len, "%s%.*s",
					len ? ", " : "", (int)n, words);
		words += n + (words[n] == '|');
	}
}

static void format_size(uint64_t bytes, char *dst, size_t size)
{
	static const char units[] = "KMGT";
	int u = -1;

	while (bytes && bytes % 1024 == 0 && units[u + 1]) {
		bytes /= 1024;
		u++;
	}
	snprintf(dst, size, "%llu%.*s", (unsigned long long)bytes, u >= 0,
		 u >= 0 ? units + u : "");
}

/* A bound in the unit that people write. */
static void format_bound(const struct schema_option *o, uint64_t v, char *dst,
			 size_t size)
{
	if (o->type == SCHEMA_DURATION)
		str_format_duration(v, dst, size);
	else if (o->type == SCHEMA_SIZE)
		format_size(v, dst, size);
	else
		snprintf(dst, size, "%llu", (unsigned long long)v);
}

/* What a check says: 0, or why not; the text is not in it if it is long. */
static int refuse(struct err *err, const char *text, const char *what)
{
	if (strlen(text) > 64)
		return err_set(err, -EINVAL, "is not %s", what);
	return err_set(err, -EINVAL, "\"%s\" is not %s", text, what);
}

static int in_range(const struct schema_option *o, const char *text, uint64_t v,
		    struct err *err)
{
	char min[32], max[32];

	if (v >= o->min && v <= o->max)
		return 0;
	format_bound(o, o->min, min, sizeof(min));
	format_bound(o, o->max, max, sizeof(max));
	return err_set(err, -ERANGE, "%.64s is out of range, %s to %s", text,
		       min, max);
}

static int check_bool(const struct schema_option *o, const char *text,
		      uint64_t *ret, struct err *err)
{
	bool v;

	if (str_parse_bool(text, &v))
		return refuse(err, text, "true or false");
	*ret = v;
	return 0;
}

typedef int parse_fn(const char *s, uint64_t *ret_v);

static int parse_uint(const char *s, uint64_t *ret_v)
{
	return str_parse_u64(s, 0, UINT64_MAX, ret_v);
}

static int check_quantity(const struct schema_option *o, const char *text,
			  parse_fn *parse, const char *what, uint64_t *ret,
			  struct err *err)
{
	uint64_t v = UINT64_MAX;
	int e = parse(text, &v);

	if (e && e != -ERANGE)
		return refuse(err, text, what);
	e = in_range(o, text, v, err);
	if (!e)
		*ret = v;
	return e;
}

static int check_uint(const struct schema_option *o, const char *text,
		      uint64_t *ret, struct err *err)
{
	return check_quantity(o, text, parse_uint, "a whole number", ret, err);
}

static int check_duration(const struct schema_option *o, const char *text,
			  uint64_t *ret, struct err *err)
{
	return check_quantity(o, text, str_parse_duration,
			      "a time such as 1500ms, 10s, 5m, 2h or 1d", ret,
			      err);
}

static int check_size(const struct schema_option *o, const char *text,
		      uint64_t *ret, struct err *err)
{
	return check_quantity(o, text, str_parse_size,
			      "a size such as 65536, 512K, 20M or 1G", ret,
			      err);
}

static int check_enum(const struct schema_option *o, const char *text,
		      uint64_t *ret, struct err *err)
{
	int i = find_word(o->words, text, strlen(text));
	char what[256] = "one of ";
	size_t n = strlen(what);

	if (i < 0) {
		format_words(o->words, what + n, sizeof(what) - n);
		return refuse(err, text, what);
	}
	*ret = (uint64_t)i;
	return 0;
}

/* What all forms of text have in common: length, UTF-8, no controls. */
static int check_text(const struct schema_option *o, const char *text,
		      uint64_t *ret, struct err *err)
{
	size_t len = strlen(text);

	if (!len && o->min)
		return err_set(err, -EINVAL, "must not be empty");
	if (len < o->min || len > o->max)
		return err_set(err, -ERANGE,
			       "is %zu bytes long, %llu to %llu are allowed",
			       len, (unsigned long long)o->min,
			       (unsigned long long)o->max);
	if (!str_is_utf8(text, len))
		return err_set(err, -EINVAL, "is not valid UTF-8");
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return err_set(err, -EINVAL,
				       "holds a control character");
	return 0;
}

/* RFC 1123 section 2.1, and the underscore that the field uses. */
static bool is_host_name(const char *s)
{
	bool numeric = true;
	size_t n;

	if (strlen(s) > HOST_MAX)
		return false;
	for (; *s; s += n + (s[n] == '.')) {
		n = strcspn(s, ".");
		if (!n || n > LABEL_MAX || s[0] == '-' || s[n - 1] == '-')
			return false;
		numeric = strspn(s, "0123456789") >= n;
		for (size_t i = 0; i < n; i++)
			if (!is_alnum(s[i]) && !strchr("-_", s[i]))
				return false;
	}
	/* A last label of digits is an address, and not a good one. */
	return !numeric;
}

static bool is_host(const char *s, size_t len)
{
	unsigned char address[sizeof(struct in6_addr)];
	char host[HOST_MAX + 3];
	size_t skip = len > 2 && s[0] == '[' && s[len - 1] == ']';

	if (len >= sizeof(host))
		return false;
	memcpy(host, s + skip, len - 2 * skip);
	host[len - 2 * skip] = '\0';
	if (inet_pton(AF_INET6, host, address) == 1)
		return true;
	if (skip)
		return false;
	return inet_pton(AF_INET, host, address) == 1 || is_host_name(host);
}

static int check_host(const struct schema_option *o, const char *text,
		      uint64_t *ret, struct err *err)
{
	int e = check_text(o, text, ret, err);

	if (e || !*text)
		return e;
	return is_host(text, strlen(text))
		       ? 0
		       : refuse(err, text, "a host name or address");
}

static int check_hosts(const struct schema_option *o, const char *text,
		       uint64_t *ret, struct err *err)
{
	const char *word, *at = text;
	char host[65];
	size_t len;
	int e = check_text(o, text, ret, err);

	while (!e && str_next_word(&at, &word, &len)) {
		if (is_host(word, len))
			continue;
		snprintf(host, sizeof(host), "%.*s", (int)len, word);
		e = refuse(err, host, "a host name or address");
	}
	return e;
}

static int check_path(const struct schema_option *o, const char *text,
		      uint64_t *ret, struct err *err)
{
	int e = check_text(o, text, ret, err);

	if (e || !*text || *text == '/')
		return e;
	return refuse(err, text, "an absolute path (it starts with /)");
}

/* "22:00-06:00"; 24:00 only as an end. */
static bool is_span(const char *s, size_t len)
{
	static const char form[] = "00:00-00:00";
	int v[4], k = 0;

	if (len != sizeof(form) - 1)
		return false;
	for (size_t i = 0; i < len; i++)
		if (form[i] == '0' ? s[i] < '0' || s[i] > '9' : s[i] != form[i])
			return false;
	for (size_t i = 0; i < len; i += 3)
		v[k++] = (s[i] - '0') * 10 + s[i + 1] - '0';
	return v[0] < 24 && v[1] < 60 && v[3] < 60 &&
	       (v[2] < 24 || (v[2] == 24 && !v[3])) && memcmp(s, s + 6, 5);
}

static int check_hours(const struct schema_option *o, const char *text,
		       uint64_t *ret, struct err *err)
{
	const char *word, *at = text;
	size_t len;
	int e = check_text(o, text, ret, err);

	while (!e && str_next_word(&at, &word, &len))
		if (!is_span(word, len))
			e = refuse(err, text,
				   "hours such as 22:00-06:00, 12:00-13:00");
	return e;
}

static int check_list(const struct schema_option *o, const char *text,
		      uint64_t *ret, struct err *err)
{
	const char *word, *at = text;
	char bad[65], what[256] = "one of ";
	size_t len, n = strlen(what);
	int e = check_text(o, text, ret, err);

	while (!e && o->words && str_next_word(&at, &word, &len)) {
		if (find_word(o->words, word, len) >= 0)
			continue;
		snprintf(bad, sizeof(bad), "%.*s", (int)len, word);
		format_words(o->words, what + n, sizeof(what) - n);
		e = refuse(err, bad, what);
	}
	return e;
}

typedef int check_fn(const struct schema_option *o, const char *text,
		     uint64_t *ret, struct err *err);

static const struct {
	check_fn *check;
	const char *range; /* NULL: bounds or words say it */
} types[] = {
	[SCHEMA_BOOL] = { check_bool, "true or false" },
	[SCHEMA_UINT] = { check_uint, NULL },
	[SCHEMA_DURATION] = { check_duration, NULL },
	[SCHEMA_SIZE] = { check_size, NULL },
	[SCHEMA_ENUM] = { check_enum, NULL },
	[SCHEMA_TEXT] = { check_text, NULL },
	[SCHEMA_HOST] = { check_host, "a host name or address" },
	[SCHEMA_HOSTS] = { check_hosts, "host names or addresses" },
	[SCHEMA_PATH] = { check_path, "an absolute path" },
	[SCHEMA_HOURS] = { check_hours, "hours such as 22:00-06:00" },
	[SCHEMA_LIST] = { check_list, "words" },
};

int schema_check(enum schema_id id, const char *text,
		 struct schema_value *ret_value, struct err *err)
{
	const struct schema_option *o = &schema_options[id];
	uint64_t number = 0;
	int e = types[o->type].check(o, text, &number, err);

	if (e)
		return e;
	*ret_value = (struct schema_value){ .text = text, .number = number };
	return 0;
}

static void format_length(const struct schema_option *o, char *dst, size_t size)
{
	if (o->min)
		snprintf(dst, size, "text of %llu to %llu bytes",
			 (unsigned long long)o->min,
			 (unsigned long long)o->max);
	else
		snprintf(dst, size, "text of at most %llu bytes",
			 (unsigned long long)o->max);
}

void schema_format_range(enum schema_id id, char *dst, size_t size)
{
	const struct schema_option *o = &schema_options[id];
	char min[32], max[32], words[256];

	if (o->words) {
		format_words(o->words, words, sizeof(words));
		snprintf(dst, size, "%s%s", o->type == SCHEMA_LIST ? "of " : "",
			 words);
	} else if (types[o->type].range) {
		snprintf(dst, size, "%s", types[o->type].range);
	} else if (o->type == SCHEMA_TEXT) {
		format_length(o, dst, size);
	} else {
		format_bound(o, o->min, min, sizeof(min));
		format_bound(o, o->max, max, sizeof(max));
		snprintf(dst, size, "%s to %s", min, max);
	}
}
