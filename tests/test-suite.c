/* SPDX-License-Identifier: MIT */
#include "streamer/suite.h"

#include "tests/unit.h"

static int test_names(void)
{
	int err = 0;

	for (int i = SUITE_NONE + 1; i < SUITE_COUNT; i++) {
		const char *name = suite_name((enum suite)i);

		CHECK_EQ(suite_by_name(name, strlen(name)), i);
		CHECK_EQ(suite_by_name(name, strlen(name) - 1), SUITE_NONE);
		CHECK(suite_key_len((enum suite)i) <= SUITE_KEY_MAX);
	}
	CHECK_STR(suite_name(SUITE_NONE), "");
	CHECK_EQ(suite_by_name("", 0), SUITE_NONE);
	CHECK_EQ(suite_key_len(SUITE_AES_CM_128_HMAC_SHA1_80), 30);
	CHECK_EQ(suite_key_len(SUITE_AEAD_AES_256_GCM), 44);
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "names and lengths", test_names, 0 },
};
UNIT_MAIN(tests)
