/* SPDX-License-Identifier: MIT */
#include "fs/eventlog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

enum { LINE_MAX_BYTES = 8192 };

void eventlog_init(struct eventlog *log)
{
	*log = (struct eventlog){ 0 };
	buf_init(&log->text, EVENTLOG_HELD_MAX + LINE_MAX_BYTES);
}

void eventlog_release(struct eventlog *log)
{
	buf_release(&log->text);
}

/* Down to whole lines of half the bound. */
static void trim(struct eventlog *log)
{
	size_t max = log->holds ? EVENTLOG_HELD_MAX : EVENTLOG_MAX;
	size_t n = log->text.len;
	const char *text = buf_text(&log->text), *end;

	if (n <= max)
		return;
	n -= max / 2;
	end = memchr(text + n, '\n', log->text.len - n);
	n = end ? (size_t)(end - text) + 1 : log->text.len;
	buf_consume(&log->text, n);
	log->base += n;
}

/* Time first: the lines of all daemons sort, and awk finds it in one place. */
int eventlog_add(struct eventlog *log, const char *from, const char *line,
		 int64_t now_ms)
{
	const char *time = strchr(line, ' ');
	const char *text = time ? strchr(time + 1, ' ') : NULL;
	int err;

	if (!text || strlen(line) + strlen(from) > LINE_MAX_BYTES / 2)
		return -EBADMSG;
	trim(log);
	err = buf_printf(&log->text, "%.*s %s %.*s%s\n", (int)(text - time - 1),
			 time + 1, from, (int)(time - line), line, text);
	if (err)
		return err;
	log->changed_ms = now_ms;
	return 0;
}

struct line {
	const char *text;
	size_t len;
};

/* By the time in front; equal ones stay as they came. */
static int compare(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	size_t nx = strcspn(x->text, " "), ny = strcspn(y->text, " ");
	int order = strncmp(x->text, y->text, nx < ny ? nx : ny);

	return order ? order : (x->text > y->text) - (x->text < y->text);
}

static size_t split(const struct buf *text, struct line *lines)
{
	const char *at = buf_text(text), *end;
	size_t n = 0;

	for (; (end = strchr(at, '\n')); at = end + 1, n++)
		if (lines)
			lines[n] = (struct line){ at, (size_t)(end - at) + 1 };
	return n;
}

int eventlog_sort(struct eventlog *log)
{
	size_t n = split(&log->text, NULL);
	struct line *lines = calloc(n + 1, sizeof(*lines));
	struct buf sorted;
	int err;

	if (!lines)
		return -ENOMEM;
	buf_init(&sorted, log->text.cap);
	split(&log->text, lines);
	qsort(lines, n, sizeof(*lines), compare);
	err = buf_reserve(&sorted, log->text.len);
	for (size_t i = 0; i < n && !err; i++)
		err = buf_add(&sorted, lines[i].text, lines[i].len);
	free(lines);
	if (err) {
		buf_release(&sorted);
		return err;
	}
	buf_release(&log->text);
	log->text = sorted;
	return 0;
}

size_t eventlog_read(const struct eventlog *log, uint64_t *at, size_t max,
		     const char **ret_text)
{
	uint64_t end = eventlog_end(log);
	size_t n;

	if (*at < log->base)
		*at = log->base;
	n = *at < end ? (size_t)(end - *at) : 0;
	*ret_text = buf_text(&log->text) + (end - log->base - n);
	return n < max ? n : max;
}
