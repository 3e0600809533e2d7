/* SPDX-License-Identifier: MIT */
#include "uploader/settle.h"

#include "tests/unit.h"

static const struct settle_config config = { .settle_ms = 10000,
					     .fragmented_ms = 600000 };

static struct mp4 verdict_of(enum mp4_verdict verdict, const char *why)
{
	struct mp4 m = { .verdict = verdict, .duration_ms = 1234 };

	snprintf(m.why, sizeof(m.why), "%s", why);
	return m;
}

static int test_growing(void)
{
	struct source_attr attr = { .is_file = true, .size = 10 };
	struct mp4 whole = verdict_of(MP4_WHOLE, "");
	struct settle_result r;
	struct settle s;
	int err = 0;

	settle_init(&s);
	settle_check(&s, &config, 0, &r);
	CHECK_EQ(r.state, SETTLE_WAIT);
	CHECK(settle_see(&s, &attr, 1000));
	settle_check(&s, &config, 4000, &r);
	CHECK_EQ(r.state, SETTLE_WAIT);
	CHECK_STR(r.why, "first seen 3 s ago, needs 10s");
	CHECK_EQ(r.next_ms, 11000);
	attr.size = 20;
	CHECK(settle_see(&s, &attr, 11000));
	settle_check(&s, &config, 15000, &r);
	CHECK_STR(r.why, "size changed 4 s ago, needs 10s");
	attr.ctime_ns = 1;
	CHECK(settle_see(&s, &attr, 21000));
	settle_check(&s, &config, 40000, &r);
	CHECK_EQ(r.state, SETTLE_WAIT);
	CHECK_STR(r.why, "written to 19 s ago, needs a second look");
	CHECK(!settle_see(&s, &attr, 41000));
	settle_check(&s, &config, 41000, &r);
	CHECK_EQ(r.state, SETTLE_WALK);
	settle_walked(&s, &attr, &whole, 42000);
	settle_check(&s, &config, 42000, &r);
	CHECK_EQ(r.state, SETTLE_DONE);
	CHECK_EQ(s.duration_ms, 1234);
out:
	return err;
}

static int test_changed_while_walked(void)
{
	struct source_attr attr = { .is_file = true, .size = 10 };
	struct mp4 whole = verdict_of(MP4_WHOLE, "");
	struct settle_result r;
	struct settle s;
	int err = 0;

	settle_init(&s);
	settle_see(&s, &attr, 0);
	settle_see(&s, &attr, 10000);
	settle_check(&s, &config, 10000, &r);
	CHECK_EQ(r.state, SETTLE_WALK);
	attr.mtime_ns = 5;
	settle_walked(&s, &attr, &whole, 10500);
	settle_check(&s, &config, 10500, &r);
	CHECK_EQ(r.state, SETTLE_WAIT);
	CHECK_STR(r.why, "written to 0 s ago, needs 10s");
out:
	return err;
}

static int test_incomplete(void)
{
	struct source_attr attr = { .is_file = true, .size = 10 };
	struct mp4 broken = verdict_of(MP4_INCOMPLETE, "no moov box yet");
	uint64_t now = 10000, rest[] = { 10000, 20000, 40000 };
	struct settle_result r;
	struct settle s;
	int err = 0;

	settle_init(&s);
	settle_see(&s, &attr, 0);
	settle_see(&s, &attr, now);
	for (size_t i = 0; i < ARRAY_SIZE(rest); i++) {
		settle_walked(&s, &attr, &broken, now);
		settle_check(&s, &config, now + rest[i] - 1, &r);
		CHECK_EQ(r.state, SETTLE_WAIT);
		CHECK_STR(r.why, "no moov box yet");
		CHECK_EQ(r.next_ms, now + rest[i]);
		now += rest[i];
		settle_check(&s, &config, now, &r);
		CHECK_EQ(r.state, SETTLE_WALK);
	}
	for (int i = 0; i < 100; i++)
		settle_walked(&s, &attr, &broken, now);
	CHECK_EQ(s.rest_ms, SETTLE_WALK_MAX_MS);
	attr.size++;
	CHECK(settle_see(&s, &attr, now));
	settle_check(&s, &config, now, &r);
	CHECK_STR(r.why, "size changed 0 s ago, needs 10s");
out:
	return err;
}

/* All are walked at once, and never again so. */
static int test_crowd(void)
{
	enum { CROWD = 10000 };
	struct settle_config c = { .settle_ms = 0, .crowd = CROWD };
	struct mp4 broken = verdict_of(MP4_INCOMPLETE, "no moov box yet");
	struct settle_result r;
	uint64_t first = 0, last = 0;
	int err = 0;

	for (int i = 0; i < CROWD; i++) {
		struct source_attr attr = { .ctime_ns = i * 12345678ll };
		struct settle s;

		settle_init(&s);
		settle_see(&s, &attr, 0);
		settle_see(&s, &attr, 1);
		settle_check(&s, &c, 1, &r);
		CHECK_EQ(r.state, SETTLE_WALK);
		settle_walked(&s, &attr, &broken, 1);
		settle_check(&s, &c, 1, &r);
		CHECK_EQ(r.state, SETTLE_WAIT);
		first = !i || r.next_ms < first ? r.next_ms : first;
		last = r.next_ms > last ? r.next_ms : last;
		settle_check(&s, &c, r.next_ms, &r);
		CHECK_EQ(r.state, SETTLE_WALK);
	}
	CHECK(first >= CROWD * SETTLE_WALK_EACH_MS);
	CHECK(last - first > CROWD * SETTLE_WALK_EACH_MS / 2);
out:
	return err;
}

static int test_open_ended(void)
{
	struct source_attr attr = { .is_file = true, .size = 10 };
	struct mp4 fragmented = verdict_of(MP4_OPEN, "fragmented, no mfra");
	struct settle_config quick = { .settle_ms = 0, .fragmented_ms = 0 };
	struct settle_result r;
	struct settle s;
	int err = 0;

	settle_init(&s);
	settle_see(&s, &attr, 0);
	settle_see(&s, &attr, 10000);
	settle_walked(&s, &attr, &fragmented, 10000);
	settle_check(&s, &config, 20000, &r);
	CHECK_EQ(r.state, SETTLE_WAIT);
	CHECK_EQ(r.next_ms, 600000);
	CHECK_STR(r.why, "fragmented, no mfra, first seen 20 s ago, needs 10m");
	settle_check(&s, &config, 600000, &r);
	CHECK_EQ(r.state, SETTLE_DONE);

	settle_init(&s);
	settle_see(&s, &attr, 0);
	settle_check(&s, &quick, 0, &r);
	CHECK_EQ(r.state, SETTLE_WAIT);
	settle_see(&s, &attr, 1);
	settle_check(&s, &quick, 1, &r);
	CHECK_EQ(r.state, SETTLE_WALK);
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "a growing file waits", test_growing, 0 },
	{ "a change during the walk voids it", test_changed_while_walked, 0 },
	{ "an incomplete file is walked rarely", test_incomplete, 0 },
	{ "a crowd shares its walks", test_crowd, 0 },
	{ "an open end waits longer", test_open_ended, 0 },
};
UNIT_MAIN(tests)
