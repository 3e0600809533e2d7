/* SPDX-License-Identifier: MIT */
#include "streamer/clock.h"

#include "tests/unit.h"

/* A sender: video at 90 kHz and 30 pictures, audio at 32 kHz and 32 ms. */
struct sender {
	struct clock c;
	uint32_t audio_ts, video_ts; /* at sender time 0 */
	int64_t audio_delay, video_delay;
	uint64_t ntp_s;
};

static uint64_t audio(struct sender *s, int64_t ms)
{
	return clock_map(&s->c, CLOCK_AUDIO, s->audio_ts + (uint32_t)(ms * 32),
			 (uint64_t)(5000 + ms + s->audio_delay)) -
	       CLOCK_START_MS;
}

static uint64_t video(struct sender *s, int64_t ms)
{
	return clock_map(&s->c, CLOCK_VIDEO, s->video_ts + (uint32_t)(ms * 90),
			 (uint64_t)(5000 + ms + s->video_delay)) -
	       CLOCK_START_MS;
}

static void report(struct sender *s, int64_t ms)
{
	uint64_t ntp = (s->ntp_s << 32) + ((uint64_t)ms << 32) / 1000;

	clock_report(&s->c, CLOCK_AUDIO, s->audio_ts + (uint32_t)(ms * 32),
		     ntp);
	clock_report(&s->c, CLOCK_VIDEO, s->video_ts + (uint32_t)(ms * 90),
		     ntp);
}

static struct sender sender(void)
{
	struct sender s = { .ntp_s = 3900000000,
			    .audio_ts = 77,
			    .video_ts = 12345 };

	clock_init(&s.c, 32000, 90000);
	return s;
}

static int test_arrival(void)
{
	struct sender s = sender();
	int err = 0;

	s.video_delay = 40;
	CHECK_EQ(audio(&s, 0), 0);
	CHECK_EQ(video(&s, 0), 40);
	CHECK_EQ(audio(&s, 32), 32);
	CHECK_EQ(video(&s, 33), 73);
	s.audio_delay = 500; /* the network does not move the timeline */
	CHECK_EQ(audio(&s, 64), 64);
out:
	return err;
}

/* Video arrives 300 ms late; reports bring it back, step by step. */
static int test_align(void)
{
	struct sender s = sender();
	uint64_t last = 0, ms;
	int err = 0;

	s.video_delay = 300;
	for (int64_t t = 0; t < 20000; t += 10) {
		if (t % 40 == 0)
			CHECK_EQ(audio(&s, t), t);
		if (t % 30 == 0) {
			ms = video(&s, t);
			CHECK(ms >= last);
			CHECK(!t || ms <= last + 32);
			CHECK(t < 2000 || ms > last + 27);
			last = ms;
		}
		if (t % 1000 == 0 && t)
			report(&s, t - 500);
		if (t == 990)
			CHECK_EQ(last, 990 + 300);
	}
	CHECK(last >= 19980 - 1 && last <= 19980 + 1);
out:
	return err;
}

/* Reports that come first, as many senders do: no slewing, in either order. */
static int test_early(void)
{
	struct sender s = sender();
	int err = 0;

	s.video_delay = 300;
	report(&s, 0);
	CHECK_EQ(audio(&s, 0), 0);
	CHECK_EQ(video(&s, 0), 0);
	CHECK_EQ(video(&s, 40), 40);
	s = sender();
	s.audio_delay = 300;
	report(&s, 0);
	CHECK_EQ(video(&s, 0), 0);
	CHECK_EQ(audio(&s, 0), 0);
	CHECK_EQ(audio(&s, 32), 32);
	report(&s, 32);
	CHECK_EQ(video(&s, 40), 40);
out:
	return err;
}

static int test_wrap(void)
{
	struct sender s = sender();
	int err = 0;

	s.audio_ts = 0xffffff00;
	s.video_ts = 0xfffff000;
	for (int64_t t = 0; t < 3000; t += 30) {
		CHECK_EQ(video(&s, t), t);
		CHECK_EQ(audio(&s, t), t);
	}
out:
	return err;
}

/* Days of video: the 90 kHz timestamp wraps each 13 hours. */
static int test_days(void)
{
	struct sender s = sender();
	int err = 0;

	for (int64_t t = 0; t < 3 * 86400000ll; t += 1000)
		CHECK_EQ(video(&s, t), t);
out:
	return err;
}

/* Audio is sampled too fast, by 100 millionths: the reports make up for it. */
static int test_drift(void)
{
	struct sender s = sender();
	int err = 0;

	for (int64_t t = 0; t < 20 * 3600000ll; t += 100) {
		uint32_t ts = s.audio_ts + (uint32_t)(t * 32 + t * 32 / 10000);
		uint64_t ntp = (s.ntp_s << 32) + ((uint64_t)t << 32) / 1000;
		int64_t a = (int64_t)clock_map(&s.c, CLOCK_AUDIO, ts,
					       (uint64_t)(5000 + t));
		int64_t v = (int64_t)video(&s, t) + CLOCK_START_MS;

		CHECK(a - v < 5 && v - a < 5);
		if (t % 5000 == 0)
			clock_report(&s.c, CLOCK_AUDIO, ts, ntp);
		if (t % 5000 == 2500)
			clock_report(&s.c, CLOCK_VIDEO,
				     s.video_ts + (uint32_t)(t * 90), ntp);
	}
out:
	return err;
}

static int test_leap(void)
{
	struct sender s = sender();
	int err = 0;

	CHECK_EQ(audio(&s, 0), 0);
	CHECK_EQ(audio(&s, 32), 32);
	s.audio_ts += 0x40000000; /* another source, 20 ms later */
	CHECK_EQ(audio(&s, 52), 52);
	CHECK_EQ(audio(&s, 84), 84);
	s.audio_ts -= 0x50000000;
	CHECK_EQ(audio(&s, 116), 116);
	clock_restart(&s.c, CLOCK_AUDIO, 48000);
	CHECK_EQ(audio(&s, 200), 200);
out:
	return err;
}

/* The sender's wall clock is set; its first report alone must do nothing. */
static int test_wall_clock(void)
{
	struct sender s = sender();
	int err = 0;

	for (int64_t t = 0; t < 10000; t += 20) {
		if (t == 5000)
			s.ntp_s += 3600;
		if (t % 1000 == 0)
			report(&s, t);
		CHECK_EQ(audio(&s, t), t);
		CHECK_EQ(video(&s, t), t);
	}
	clock_report(&s.c, CLOCK_VIDEO, 1, 0);
out:
	return err;
}

/* Whatever timestamps come, no lane goes back. */
static int test_never_back(void)
{
	struct clock c;
	uint64_t last[CLOCK_LANES] = { 0 }, now = 1000;
	uint32_t seed = 1;
	int err = 0;

	clock_init(&c, 8000, 90000);
	for (int i = 0; i < 100000; i++) {
		enum clock_lane_id id;
		uint64_t ms;

		seed = seed * 1664525 + 1013904223;
		id = seed >> 31 ? CLOCK_AUDIO : CLOCK_VIDEO;
		now += seed >> 8 & 31;
		if ((seed & 0x700) == 0)
			clock_report(&c, id, seed << 3, (uint64_t)seed << 17);
		ms = clock_map(&c, id, seed * 77, now);
		CHECK(ms >= last[id]);
		last[id] = ms;
	}
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "arrival", test_arrival, 0 },
	{ "sender reports", test_align, 0 },
	{ "early reports", test_early, 0 },
	{ "wrap", test_wrap, 0 },
	{ "days", test_days, 0 },
	{ "drift", test_drift, 0 },
	{ "leap", test_leap, 0 },
	{ "wall clock", test_wall_clock, 0 },
	{ "never back", test_never_back, 0 },
};
UNIT_MAIN(tests)
