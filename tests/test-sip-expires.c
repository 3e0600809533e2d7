/* SPDX-License-Identifier: MIT */
#include "streamer/sip_expires.h"

#include "tests/unit.h"

#define UAC SIP_REFRESHER_UAC
#define UAS SIP_REFRESHER_UAS
#define NONE SIP_REFRESHER_NONE

static const struct {
	struct sip_expires_ask ask;
	uint32_t ours_s;
	int status;
	uint32_t interval_s;
	bool by_us, require;
} answers[] = {
	/* the bridge: 1800, no refresher, timer supported */
	{ { 1800, NONE, 90, true }, 1800, 0, 1800, true, true },
	{ { 1800, UAC, 90, true }, 1800, 0, 1800, false, true },
	{ { 1800, UAS, 90, true }, 1800, 0, 1800, true, true },
	/* ours is shorter, but not shorter than its Min-SE */
	{ { 3600, NONE, 0, true }, 1800, 0, 1800, true, true },
	{ { 3600, NONE, 2000, true }, 1800, 0, 2000, true, true },
	{ { 100, NONE, 0, true }, 1800, 0, 100, true, true },
	{ { 89, NONE, 0, true }, 1800, 422, 0, false, false },
	/* no session timer asked for */
	{ { 0, NONE, 0, true }, 1800, 0, 1800, true, true },
	{ { 0, NONE, 0, true }, 0, 0, 0, true, false },
	{ { 0, NONE, 0, false }, 1800, 0, 1800, true, false },
	/* a proxy put it in for a peer that does not know it */
	{ { 60, UAC, 0, false }, 1800, 0, 90, true, false },
};

static int test_answers(void)
{
	struct sip_expires e;
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		CHECK_EQ(sip_expires_answer(&answers[i].ask, answers[i].ours_s,
					    &e),
			 answers[i].status);
		if (answers[i].status)
			continue;
		CHECK_EQ(e.interval_s, answers[i].interval_s);
		CHECK_EQ(e.by_us, answers[i].by_us);
		CHECK_EQ(e.require, answers[i].require);
		CHECK_EQ(e.refresher, e.by_us ? UAS : UAC);
	}
	err = 0;
out:
	return err;
}

static int test_take(void)
{
	struct sip_expires e = { .interval_s = 1800, .by_us = true };
	struct sip_expires_ask said = { .interval_s = 600, .refresher = UAS };
	int err;

	sip_expires_take(&said, &e);
	CHECK_EQ(e.interval_s, 600);
	CHECK(!e.by_us); /* in its 2xx the peer is the UAS */
	said.interval_s = 0;
	sip_expires_take(&said, &e);
	CHECK_EQ(e.interval_s, 0);
	err = 0;
out:
	return err;
}

static int test_times(void)
{
	struct sip_expires e = { .interval_s = 1800 };
	int err;

	CHECK_EQ(sip_expires_refresh_ms(&e), 900000);
	CHECK_EQ(sip_expires_end_ms(&e), 1768000);
	e.interval_s = 90;
	CHECK_EQ(sip_expires_end_ms(&e), 60000);
	err = 0;
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "what is answered", test_answers, 0 },
	{ "what an answer settles", test_take, 0 },
	{ "when", test_times, 0 },
};
UNIT_MAIN(tests)
