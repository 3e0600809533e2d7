/* SPDX-License-Identifier: MIT */
#include "tests/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/redact.h"

static const char secret[] = "S3CRET";

/* Into arrays of any size; what is written ends within them. */
static void check_sizes(const char *text, size_t size)
{
	char *dst = malloc(size), *line = malloc(strlen(text) + 1);

	if (dst && line) {
		redact_url(text, dst, size);
		redact_value(text, dst, size);
		redact_sip_line(text, dst, size);
		memcpy(line, text, strlen(text) + 1);
		redact_after(":", line, strlen(text) + 1);
	}
	free(dst);
	free(line);
}

static void check_hidden(const char *shown)
{
	if (strstr(shown, secret))
		abort();
}

/* A password with the secret in it, and around it whatever it may hold. */
static void check_secret(const char *before, const char *after)
{
	char url[512], line[600], shown[1024];

	if (strpbrk(before, "@/") || strpbrk(after, "@/"))
		return;
	snprintf(url, sizeof(url), "rtmps://user:%.80s%s%.80s@host/app/stream",
		 before, secret, after);
	redact_url(url, shown, sizeof(shown));
	check_hidden(shown);
	redact_value(url, shown, sizeof(shown));
	check_hidden(shown);
	if (strpbrk(before, "\"\\") || strpbrk(after, "\"\\"))
		return;
	snprintf(line, sizeof(line), "m: <sip:a@b>;x-cisco-stream=\"%s\"", url);
	redact_sip_line(line, shown, sizeof(shown));
	check_hidden(shown);
}

/* A text, and after a line feed what else may stand in a password. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *after;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	check_sizes(text, 1 + (size ? data[0] % 64U : 0));
	after = strchr(text, '\n');
	if (after)
		*after++ = '\0';
	if (!strstr(text, secret))
		check_secret(text, after ? after : "");
	free(text);
	return 0;
}
