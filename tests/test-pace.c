/* SPDX-License-Identifier: MIT */
#include "lib/pace.h"

#include "tests/unit.h"

enum { MS = 1000000 };

static int test_limit(void)
{
	uint64_t now = 12345, sent = 0;
	struct pace p = { 0 };
	int err;

	pace_set(&p, 1000000, now);
	CHECK_EQ(pace_take(&p, 4096, now), 0);
	/* Ten seconds as pace_wait_ms() says, greedily. */
	while (now < 12345 + 10000ULL * MS) {
		uint64_t wait = pace_wait_ms(&p);
		size_t n;

		CHECK(wait > 0 && wait < 100);
		now += wait * MS;
		while ((n = pace_take(&p, 1 << 20, now)))
			sent += n;
	}
	CHECK(sent > 9800000 && sent < 10200000);
	err = 0;
out:
	return err;
}

static int test_burst(void)
{
	struct pace p = { 0 };
	int err;

	pace_set(&p, 1000000, 0);
	/* An hour of silence saves up a quarter of a second. */
	CHECK_EQ(pace_take(&p, 1 << 20, 3600000ULL * MS), 250000);
	CHECK_EQ(pace_take(&p, 1 << 20, 3600000ULL * MS), 0);
	pace_give(&p, 70000);
	CHECK_EQ(pace_take(&p, 1000, 3600000ULL * MS), 1000);
	err = 0;
out:
	return err;
}

static int test_extremes(void)
{
	struct pace p = { 0 };
	int err;

	CHECK_EQ(pace_take(&p, 1 << 20, 5), 1 << 20);
	CHECK_EQ(pace_wait_ms(&p), 0);
	pace_set(&p, 1, 0);
	CHECK_EQ(pace_take(&p, 100, 0), 0);
	CHECK_EQ(pace_wait_ms(&p), 1001);
	CHECK_EQ(pace_take(&p, 100, 1001ULL * MS), 1);
	pace_set(&p, UINT64_MAX, 0);
	CHECK_EQ(pace_take(&p, 1 << 20, 1000ULL * MS), 1 << 20);
	/* The clock may stand still, and small steps add up. */
	pace_set(&p, 1000, 0);
	for (uint64_t t = 0; t < 2000ULL * MS; t += MS / 10)
		pace_take(&p, 0, t);
	CHECK_EQ(pace_take(&p, 1000, 2000ULL * MS), 250);
	err = 0;
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "limit", test_limit, 0 },
	{ "burst", test_burst, 0 },
	{ "extremes", test_extremes, 0 },
};

UNIT_MAIN(tests)
