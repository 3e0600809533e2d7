/* SPDX-License-Identifier: MIT */
#include "uploader/html.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "lib/attr.h"
#include "lib/str.h"

/* What is read and what is written, and whether a blank is due. */
struct html {
	const char *at, *end;
	char *dst;
	size_t used, size;
	bool blank;
	bool full;
};

static bool starts_with(const struct html *h, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(h->end - h->at) >= n && !strncasecmp(h->at, word, n);
}

static void put(struct html *h, const char *bytes, size_t n)
{
	size_t blank = h->blank && h->used ? 1 : 0;

	if (h->used + blank + n + 1 > h->size) {
		h->full = true;
		return;
	}
	if (blank)
		h->dst[h->used++] = ' ';
	h->blank = false;
	memcpy(h->dst + h->used, bytes, n);
	h->used += n;
}

/* Moves behind `word`, or to the end. */
static void skip_past(struct html *h, const char *word)
{
	while (h->at < h->end && !starts_with(h, word))
		h->at++;
	h->at += starts_with(h, word) ? strlen(word) : 0;
}

static void skip_tag(struct html *h)
{
	static const struct {
		const char *open, *close;
	} hidden[] = {
		{ "<!--", "-->" },
		{ "<script", "</script" },
		{ "<style", "</style" },
		{ "<title", "</title" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++) {
		if (!starts_with(h, hidden[i].open))
			continue;
		skip_past(h, hidden[i].close);
		if (i == 0)
			return;
	}
	skip_past(h, ">");
	h->blank = true;
}

static void put_entity(struct html *h)
{
	static const struct {
		const char *name, *text;
	} entities[] = {
		{ "&amp;", "&" },   { "&lt;", "<" },   { "&gt;", ">" },
		{ "&quot;", "\"" }, { "&apos;", "'" }, { "&#39;", "'" },
	};

	if (starts_with(h, "&nbsp;")) {
		h->at += strlen("&nbsp;");
		h->blank = true;
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(entities); i++) {
		if (!starts_with(h, entities[i].name))
			continue;
		h->at += strlen(entities[i].name);
		put(h, entities[i].text, 1);
		return;
	}
	put(h, h->at++, 1);
}

static void put_char(struct html *h)
{
	unsigned char c = (unsigned char)*h->at;
	size_t left = (size_t)(h->end - h->at), n = 1;

	if (c >= 0xf0)
		n = 4;
	else if (c >= 0xe0)
		n = 3;
	else if (c >= 0xc0)
		n = 2;
	if (n <= left && str_is_utf8(h->at, n)) {
		put(h, h->at, n);
		h->at += n;
	} else {
		put(h, "?", 1);
		h->at++;
	}
}

static bool is_html(struct html *h)
{
	const char *start = h->at;
	bool found;

	while (h->at < h->end && !starts_with(h, "<html") &&
	       !starts_with(h, "<body") && !starts_with(h, "<!doctype"))
		h->at++;
	found = h->at < h->end;
	h->at = start;
	return found;
}

/* To the body, where there is one. */
static void find_body(struct html *h)
{
	const char *start = h->at;

	while (h->at < h->end && !starts_with(h, "<body"))
		h->at++;
	if (h->at == h->end)
		h->at = start;
}

void html_text(const char *src, size_t len, char *dst, size_t size)
{
	struct html h = { src, src + len, dst, 0, size, false, false };
	bool html = len && is_html(&h);

	if (html)
		find_body(&h);
	while (len && h.at < h.end && !h.full) {
		unsigned char c = (unsigned char)*h.at;

		if (html && c == '<') {
			skip_tag(&h);
		} else if (html && c == '&') {
			put_entity(&h);
		} else if (c <= ' ' || c == 0x7f) {
			h.blank = true;
			h.at++;
		} else {
			put_char(&h);
		}
	}
	if (size)
		dst[h.used] = '\0';
}
