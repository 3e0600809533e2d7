/* SPDX-License-Identifier: MIT */
#include "cli/words.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

const char words_separator[] = ";";

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * Takes a word at `src`, without its quotes, to `*dst`, which is never ahead of
 * it. Returns what follows, or NULL where a quote has no end.
 */
static const char *take_word(const char *src, char **dst)
{
	char quote = 0;

	for (; *src && (quote || !is_blank(*src)); src++) {
		if (*src == '\\' && quote != '\'' && src[1])
			*(*dst)++ = *++src;
		else if (!quote && (*src == '\'' || *src == '"'))
			quote = *src;
		else if (quote == *src)
			quote = 0;
		else
			*(*dst)++ = *src;
	}
	return quote ? NULL : src;
}

static bool has_control(const char *line)
{
	for (; *line; line++)
		if (((unsigned char)*line < ' ' && *line != '\t') ||
		    *line == 0x7f)
			return true;
	return false;
}

static int split(const char *src, struct words *w, struct err *err)
{
	char *dst = w->text;

	for (;;) {
		const char *start;

		while (is_blank(*src))
			src++;
		if (!*src)
			return 0;
		if (w->count == WORDS_MAX)
			return err_set(err, -E2BIG, "more than %d words",
				       WORDS_MAX);
		start = src;
		w->at[w->count] = dst;
		src = take_word(src, &dst);
		if (!src)
			return err_set(err, -EINVAL, "a quote has no end");
		if (src - start == 1 && *start == ';')
			w->at[w->count] = words_separator;
		w->count++;
		*dst++ = '\0';
	}
}

int words_split(const char *line, struct words *ret, struct err *err)
{
	struct words w = { 0 };
	size_t n = strlen(line);
	int code;

	if (n > WORDS_LINE_MAX)
		return err_set(err, -E2BIG, "the line is longer than %d bytes",
			       WORDS_LINE_MAX);
	if (has_control(line))
		return err_set(err, -EINVAL,
			       "the line holds control characters");
	/* A word and its NUL need no more than the word and its blank. */
	w.text = malloc(n + 2);
	if (!w.text)
		return err_set(err, -ENOMEM, "out of memory");
	code = split(line, &w, err);
	if (code)
		words_release(&w);
	else
		*ret = w;
	return code;
}

void words_release(struct words *w)
{
	free(w->text);
	*w = (struct words){ 0 };
}
