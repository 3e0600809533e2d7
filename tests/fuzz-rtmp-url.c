/* SPDX-License-Identifier: MIT */
#include "tests/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "streamer/url.h"

/* What moving gives is a URL, and never one that gives up TLS. */
static void check_move(const char *url, const char *tc_url)
{
	char moved[2 * URL_MAX];
	struct url from, to;
	struct err err;

	if (url_move(url, tc_url, moved, sizeof(moved)) ||
	    url_parse(moved, &to, &err))
		return;
	if (url_parse(url, &from, &err))
		abort();
	if ((from.tls && !to.tls) || strcmp(from.key, to.key) ||
	    strcmp(from.password, to.password))
		abort();
	url_release(&from);
	url_release(&to);
}

/* A URL, and after a line feed a list of allowed targets or a tcUrl. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *list, shown[256];
	struct url u;
	struct err err;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	list = strchr(text, '\n');
	if (list)
		*list++ = '\0';
	if (!url_parse(text, &u, &err)) {
		url_format(&u, shown, sizeof(shown));
		url_is_allowed(&u, list ? list : "");
		url_release(&u);
		check_move(text, list ? list : "");
	}
	free(text);
	return 0;
}
