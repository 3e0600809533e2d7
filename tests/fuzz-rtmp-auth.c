/* SPDX-License-Identifier: MIT */
#include "tests/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "streamer/rtmp_auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct rtmp_auth_user user = { "user", "password", "live" };
	char *text = malloc(size + 1);
	const char *scheme;
	struct buf query;
	struct err err;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	buf_init(&query, RTMP_AUTH_QUERY_MAX);
	if (!rtmp_auth_answer(text, &user, 1, &query, &scheme, &err) &&
	    !query.len)
		abort();
	buf_wipe(&query);
	free(text);
	return 0;
}
