/* SPDX-License-Identifier: MIT */
#include "lib/snapshot.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

static const char first_line[] = "format=1";

static bool is_key(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') ||
		      (s[i] >= '0' && s[i] <= '9') || s[i] == '_'))
			return false;
	return len > 0;
}

int snapshot_begin(struct buf *dst)
{
	return buf_printf(dst, "%s\n", first_line);
}

int snapshot_add(struct buf *dst, const char *key, const char *value)
{
	size_t start = dst->len;
	int err;

	if (!is_key(key, strlen(key)))
		return -EINVAL;
	err = buf_printf(dst, "%s=", key);
	if (!err)
		err = str_escape(dst, value);
	if (!err)
		err = buf_add_str(dst, "\n");
	if (err && dst->data) {
		dst->len = start;
		dst->data[start] = '\0';
	}
	return err;
}

int snapshot_add_u64(struct buf *dst, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return snapshot_add(dst, key, text);
}

int snapshot_add_time(struct buf *dst, const char *key, int64_t epoch_s)
{
	char text[STR_TIME_SIZE];

	str_format_time(epoch_s, text);
	return snapshot_add(dst, key, text);
}

int snapshot_add_cut(struct buf *dst, const char *key, const char *value,
		     size_t max)
{
	size_t n = strnlen(value, max);
	char *cut;
	int err;

	/* Back to the first byte of the sequence that the cut would split. */
	if (value[n])
		while (n && ((unsigned char)value[n] & 0xc0) == 0x80)
			n--;
	cut = strndup(value, n);
	if (!cut)
		return -ENOMEM;
	err = snapshot_add(dst, key, cut);
	free(cut);
	return err;
}

/* The first line says which format follows. */
static int parse_format(const char *line)
{
	if (!strcmp(line, first_line))
		return 0;
	return strncmp(line, first_line, strlen("format=")) ? -EBADMSG
							    : -ENOTSUP;
}

static int parse_pair(char *line, struct snapshot *s)
{
	char *equals = strchr(line, '=');

	if (!equals || !is_key(line, (size_t)(equals - line)))
		return -EBADMSG;
	*equals = '\0';
	if (str_unescape(equals + 1))
		return -EBADMSG;
	if (snapshot_get(s, line))
		return 0;
	if (s->count == SNAPSHOT_KEYS)
		return -EMSGSIZE;
	s->pairs[s->count].key = line;
	s->pairs[s->count].value = equals + 1;
	s->count++;
	return 0;
}

static int parse_lines(struct snapshot *s)
{
	char *line = s->text, *end = strchr(line, '\n');
	int err;

	*end = '\0';
	err = parse_format(line);
	for (line = end + 1; *line && !err; line = end + 1) {
		end = strchr(line, '\n');
		*end = '\0';
		err = parse_pair(line, s);
	}
	return err;
}

int snapshot_parse(const char *text, size_t len, struct snapshot *ret)
{
	struct snapshot s = { 0 };
	int err;

	if (len > SNAPSHOT_MAX)
		return -EMSGSIZE;
	if (!len || text[len - 1] != '\n' || memchr(text, '\0', len))
		return -EBADMSG;
	s.text = strndup(text, len);
	if (!s.text)
		return -ENOMEM;
	err = parse_lines(&s);
	if (err) {
		snapshot_release(&s);
		return err;
	}
	*ret = s;
	return 0;
}

void snapshot_release(struct snapshot *s)
{
	free(s->text);
	s->text = NULL;
	s->count = 0;
}

const char *snapshot_get(const struct snapshot *s, const char *key)
{
	for (size_t i = 0; i < s->count; i++)
		if (!strcmp(s->pairs[i].key, key))
			return s->pairs[i].value;
	return NULL;
}
