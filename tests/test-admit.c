/* SPDX-License-Identifier: MIT */
#include "streamer/admit.h"

#include "tests/unit.h"

static int test_limits(void)
{
	struct admit a = { .limit = 2, .half_open_limit = 1, .per_second = 5 };
	int err;

	CHECK(!admit_check(&a, 1, 0));
	CHECK_STR(admit_check(&a, 2, 0), "the call limit is reached");
	CHECK(admit_check(&a, 1, 1));
	a.limit = 0;
	CHECK(admit_check(&a, 0, 0));
	err = 0;
out:
	return err;
}

static int test_rate(void)
{
	struct admit a = { .limit = 100,
			   .half_open_limit = 100,
			   .per_second = 5 };
	uint64_t now = 1000000;
	int err;

	for (int i = 0; i < 5; i++)
		CHECK(!admit_take(&a, 0, 0, now));
	CHECK(admit_take(&a, 0, 0, now));
	CHECK(admit_take(&a, 0, 0, now + 199));
	CHECK(!admit_take(&a, 0, 0, now + 200));
	CHECK(admit_take(&a, 0, 0, now + 201));
	now += 3600000;
	for (int i = 0; i < 5; i++)
		CHECK(!admit_take(&a, 0, 0, now));
	CHECK(admit_take(&a, 0, 0, now));
	err = 0;
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "limits", test_limits, 0 },
	{ "calls a second", test_rate, 0 },
};
UNIT_MAIN(tests)
