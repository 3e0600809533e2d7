/* SPDX-License-Identifier: MIT */
#include "uploader/lane.h"

#include "tests/unit.h"

static int test_backoff(void)
{
	int err = 0;

	for (unsigned n = 1; n < 200; n++) {
		uint64_t least = lane_backoff_ms(n, 1000, 900000, 0);
		uint64_t most = lane_backoff_ms(n, 1000, 900000, UINT32_MAX);
		uint64_t full = n < 11 ? 1000ULL << (n - 1) : 900000;

		full = full < 900000 ? full : 900000;
		CHECK_EQ(least, full / 2 + 1);
		CHECK(most > full - full / 100 && most <= full);
	}
	CHECK(lane_backoff_ms(1, 0, 0, 0) > 0);
out:
	return err;
}

static int test_pause(void)
{
	struct lane lane = { 0 };
	int err = 0;

	CHECK(lane_is_open(&lane, 0));
	lane_pause(&lane, 1000, 500, "rev answered 429");
	CHECK(!lane_is_open(&lane, 1499));
	CHECK_EQ(lane_wait_ms(&lane, 1200), 300);
	lane_pause(&lane, 1000, 100, "shorter");
	CHECK_STR(lane.why, "rev answered 429");
	CHECK(lane_is_open(&lane, 1500));
	lane_outage(&lane, 2000, 900000, 0, "down");
	CHECK_EQ(lane_wait_ms(&lane, 2000), 1001);
	lane_outage(&lane, 2000, 900000, 0, "down, says another job");
	CHECK_EQ(lane_wait_ms(&lane, 2000), 1001);
	CHECK_EQ(lane.failures, 1);
	lane_outage(&lane, 4000, 900000, 0, "still down");
	CHECK_EQ(lane_wait_ms(&lane, 4000), 2001);
	lane_open(&lane);
	CHECK(lane_is_open(&lane, 4000) && !lane.failures);
out:
	return err;
}

static int test_hours(void)
{
	static const struct {
		const char *text;
		int hour, minute;
		bool open;
	} cases[] = {
		{ "", 3, 0, true },
		{ "22:00-06:00", 23, 0, true },
		{ "22:00-06:00", 5, 59, true },
		{ "22:00-06:00", 6, 0, false },
		{ "22:00-06:00, 12:00-13:00", 11, 30, false },
		{ "22:00-06:00, 12:00-13:00", 12, 0, true },
		{ "00:00-24:00", 12, 0, true },
	};
	struct tm tm = { 0 };
	bool open;
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		tm.tm_hour = cases[i].hour;
		tm.tm_min = cases[i].minute;
		CHECK_OK(lane_parse_hours(cases[i].text, &tm, &open));
		CHECK_EQ(open, cases[i].open);
	}
	CHECK_ERR(lane_parse_hours("22:00", &tm, &open), -EINVAL);
	CHECK_ERR(lane_parse_hours("22:00-22:00", &tm, &open), -EINVAL);
	CHECK_ERR(lane_parse_hours("25:00-26:00", &tm, &open), -EINVAL);
	CHECK_ERR(lane_parse_hours("2x:00-06:00", &tm, &open), -EINVAL);
	CHECK_ERR(lane_parse_hours("22:00-06:60", &tm, &open), -EINVAL);
out:
	return err;
}

static int test_share(void)
{
	int err = 0;

	CHECK_EQ(lane_share(0, 3), 0);
	CHECK_EQ(lane_share(900, 3), 300);
	CHECK_EQ(lane_share(900, 0), 900);
	CHECK(lane_share(2, 5) > 0);
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "back-off is capped and jittered", test_backoff, 0 },
	{ "pauses and outages", test_pause, 0 },
	{ "hours of the day", test_hours, 0 },
	{ "shares of a bandwidth", test_share, 0 },
};
UNIT_MAIN(tests)
