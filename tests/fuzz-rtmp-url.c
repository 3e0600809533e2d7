/* SPDX-License-Identifier: MIT */
#include "tests/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "streamer/url.h"

/* A URL, and after a line feed a list of allowed targets. */
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
	}
	free(text);
	return 0;
}
