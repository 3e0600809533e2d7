/* SPDX-License-Identifier: MIT */
#include "tests/fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/listen.h"
#include "cli/words.h"

enum { WHY_MAX = 65536 };

static void on_next(void *arg, enum table_kind kind, const char *text,
		    size_t len)
{
	size_t *bytes = arg;

	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || strchr("<>[]|", text[i]))
			abort(); /* not a word but a piece of a syntax */
	*bytes += len;
}

/* What matches has taken words of the line and nothing else. */
static void match(int argc, const char *const *argv)
{
	struct table_match m;
	struct buf why;
	size_t bytes = 0;
	int code;

	buf_init(&why, WHY_MAX);
	code = table_match(&commands, argc, argv, &m, &why);
	if (!code && m.argc + m.flag_count > argc)
		abort();
	for (int i = 0; !code && i < m.argc; i++)
		if (!m.argv[i])
			abort();
	if (code == -ENOENT && !why.len)
		abort();
	table_next(&commands, argc, argv, on_next, &bytes);
	buf_release(&why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = strndup((const char *)data, size), shown[256];
	struct words w;
	struct err err;
	int first = 0;

	if (!line)
		return 0;
	listen_format(line, shown, sizeof(shown));
	if (words_split(line, &w, &err)) {
		if (!*err.text)
			abort();
		free(line);
		return 0;
	}
	for (int i = 0; i <= w.count; i++) {
		if (i < w.count && w.at[i] != words_separator)
			continue;
		if (i > first)
			match(i - first, w.at + first);
		first = i + 1;
	}
	words_release(&w);
	free(line);
	return 0;
}
