/* SPDX-License-Identifier: MIT */
#include "streamer/order.h"

#include "tests/unit.h"

enum { PICTURES_MAX = 12 };

static const struct {
	const char *name;
	unsigned depth;
	uint64_t shown[PICTURES_MAX], decoded[PICTURES_MAX];
} cases[] = {
	{ "no B pictures", 0, { 1000, 1040, 1080 }, { 1000, 1040, 1080 } },
	{ "I P B B P B B",
	  1,
	  { 1000, 1120, 1040, 1080, 1240, 1160, 1200 },
	  { 960, 1000, 1040, 1080, 1120, 1160, 1200 } },
	{ "a pyramid",
	  2,
	  { 1000, 1160, 1080, 1040, 1120, 1320, 1240, 1200, 1280 },
	  { 920, 960, 1000, 1040, 1080, 1120, 1160, 1200, 1240 } },
	{ "found out, and no time goes back",
	  0,
	  { 1000, 1120, 1040, 1080, 1240, 1160, 1200, 1360 },
	  { 1000, 1120, 1120, 1120, 1120, 1160, 1200, 1240 } },
	{ "a leap begins anew",
	  1,
	  { 1000, 1120, 1040, 1080, 9000, 9120, 9040 },
	  { 960, 1000, 1040, 1080, 8960, 9000, 9040 } },
	{ "from 0 on", 2, { 1, 2, 3 }, { 0, 0, 1 } },
};

static int test_cases(void)
{
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct order o = { 0 };

		order_begin(&o, cases[i].depth, 40);
		for (size_t k = 0; k < PICTURES_MAX && cases[i].shown[k]; k++)
			CHECK_EQ(order_next(&o, cases[i].shown[k]),
				 cases[i].decoded[k]);
	}
out:
	return err;
}

/* Another set: what was decoded stays decoded. */
static int test_again(void)
{
	struct order o = { 0 };
	int err = 0;

	CHECK_EQ(order_next(&o, 1000), 1000);
	order_begin(&o, 4, 0);
	CHECK_EQ(order_next(&o, 1040), 1000);
	order_begin(&o, 99, 0);
	for (uint64_t ms = 2000; ms > 1000; ms -= 10)
		CHECK(order_next(&o, ms) >= 1000);
	CHECK_EQ(o.depth, ORDER_DEPTH_MAX);
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "decoding times", test_cases, 0 },
	{ "another set", test_again, 0 },
};

UNIT_MAIN(tests)
