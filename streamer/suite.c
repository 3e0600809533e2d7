/* SPDX-License-Identifier: MIT */
#include "streamer/suite.h"

#include <string.h>

static const struct {
	const char *name;
	uint8_t key, salt;
} suites[SUITE_COUNT] = {
	[SUITE_NONE] = { "", 0, 0 },
	[SUITE_AES_CM_128_HMAC_SHA1_80] = { "AES_CM_128_HMAC_SHA1_80", 16, 14 },
	[SUITE_AES_CM_128_HMAC_SHA1_32] = { "AES_CM_128_HMAC_SHA1_32", 16, 14 },
	[SUITE_AEAD_AES_128_GCM] = { "AEAD_AES_128_GCM", 16, 12 },
	[SUITE_AEAD_AES_256_GCM] = { "AEAD_AES_256_GCM", 32, 12 },
};

const char *suite_name(enum suite suite)
{
	return suites[suite].name;
}

enum suite suite_by_name(const char *name, size_t len)
{
	for (int i = SUITE_NONE + 1; i < SUITE_COUNT; i++)
		if (strlen(suites[i].name) == len &&
		    !memcmp(suites[i].name, name, len))
			return (enum suite)i;
	return SUITE_NONE;
}

size_t suite_key_len(enum suite suite)
{
	return suites[suite].key + suites[suite].salt;
}
