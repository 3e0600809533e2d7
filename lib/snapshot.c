/* SPDX-License-Identifier: MIT */
#include "lib/snapshot.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

enum { TEXT_MAX_MIN = 32 }; /* escaped, that many of them fit */

static const char first_line[] = "format=1";

static bool is_key(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') ||
		      (s[i] >= '0' && s[i] <= '9') || s[i] == '_'))
			return false;
	return len > 0;
}

static int add(struct buf *dst, const char *key, const char *value)
{
	int err;

	if (!is_key(key, strlen(key)))
		return -EINVAL;
	err = buf_printf(dst, "%s=", key);
	if (!err)
		err = str_escape(dst, value);
	return err ? err : buf_add_str(dst, "\n");
}

void snapshot_begin(struct snapshot_writer *w, struct buf *dst)
{
	buf_clear(dst);
	*w = (struct snapshot_writer){
		.dst = dst,
		.text_max = SNAPSHOT_TEXT_MAX,
		.err = buf_printf(dst, "%s\n", first_line),
	};
}

void snapshot_add(struct snapshot_writer *w, const char *key, const char *value)
{
	if (!w->err)
		w->err = add(w->dst, key, value);
}

void snapshot_add_u64(struct snapshot_writer *w, const char *key,
		      uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	snapshot_add(w, key, text);
}

void snapshot_add_time(struct snapshot_writer *w, const char *key,
		       int64_t epoch_s)
{
	char text[STR_TIME_SIZE];

	str_format_time(epoch_s, text);
	snapshot_add(w, key, text);
}

void snapshot_add_cut(struct snapshot_writer *w, const char *key,
		      const char *value, size_t max)
{
	char *cut = strndup(value, str_fit(value, max));

	if (cut)
		snapshot_add(w, key, cut);
	else if (!w->err)
		w->err = -ENOMEM;
	free(cut);
}

void snapshot_add_text(struct snapshot_writer *w, const char *key,
		       const char *value)
{
	snapshot_add_cut(w, key, value, w->text_max);
}

int snapshot_write(struct buf *dst, snapshot_fill_fn *fill, const void *arg)
{
	struct snapshot_writer w = { .err = -EMSGSIZE };

	for (size_t max = SNAPSHOT_TEXT_MAX;
	     w.err == -EMSGSIZE && max >= TEXT_MAX_MIN; max /= 2) {
		snapshot_begin(&w, dst);
		w.text_max = max;
		fill(&w, arg);
	}
	return w.err;
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
