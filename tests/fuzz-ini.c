/* SPDX-License-Identifier: MIT */
/*
 * Hostile settings files: the reader ends with a file or with a sentence that
 * names it; the editor changes one key of a good file and nothing else.
 */
#include "tests/fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/conf.h"

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* How many keys [route] has, all with a value. */
static size_t count_routes(const struct conf *conf)
{
	const char *value;
	size_t n = 0;

	/* The walk is quadratic: a few hundred tell as much as all. */
	while (n < 300 && conf_free_key(conf, "route", n, &value)) {
		must(*value);
		n++;
	}
	return n;
}

static void check_edited(const struct conf *before, const struct buf *text,
			 const char *section, const char *key,
			 const char *value)
{
	bool is_route = !strcmp(section, "route");
	struct conf *after = NULL;
	struct err err;
	const char *got;
	int e = conf_parse("f", buf_text(text), text->len, NULL, &after, &err);

	/* An option's bad value, a full file: refused by the reader. */
	if (e) {
		must(err.text[0] == 'f' && value);
		return;
	}
	got = conf_find(after, section, key);
	must(value ? got && !strcmp(got, value) : !got);
	if (!is_route)
		must(count_routes(after) == count_routes(before));
	conf_free(after);
}

static void edit(const char *text, size_t size, const struct conf *before,
		 const char *section, const char *key, const char *value)
{
	struct buf b;
	int e;

	buf_init(&b, CONF_FILE_MAX);
	e = conf_edit(text, size, section, key, value, &b);
	must(!e || e == -EINVAL || e == -EMSGSIZE);
	must(!e || !b.len);
	if (!e && before)
		check_edited(before, &b, section, key, value);
	buf_release(&b);
}

/* The last line of the input, as a text to set. */
static char *last_line(const char *text, size_t size)
{
	const char *nl = size ? memrchr(text, '\n', size - 1) : NULL;
	const char *start = nl ? nl + 1 : text;

	return strndup(start, (size_t)(text + size - start));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct conf *conf = NULL, *instance = NULL;
	char *line = last_line(text, size);
	struct err err;

	must(line);
	err.text[0] = '\0';
	if (conf_parse("f", text, size, NULL, &conf, &err))
		must(!conf && err.text[0] == 'f');
	if (!conf_parse("f", text, size, "berlin", &instance, &err))
		must(conf);
	edit(text, size, conf, "route", "7001", line);
	edit(text, size, conf, "uploader", "title", line);
	edit(text, size, conf, "uploader berlin", "rev_port", "444");
	edit(text, size, conf, "uploader", "title", NULL);
	edit(text, size, NULL, line, line, line);
	conf_free(instance);
	conf_free(conf);
	free(line);
	return 0;
}
