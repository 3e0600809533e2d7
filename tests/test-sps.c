/* SPDX-License-Identifier: MIT */
#include "streamer/sps.h"

#include "tests/unit.h"

static const struct {
	const char *name;
	uint8_t nal[40];
	uint32_t len;
	struct sps want;
} sets[] = {
	/* x264, baseline 3.1, CBR with HRD, and an emulation byte */
	{ "720p30",
	  { 0x67, 0x42, 0xc0, 0x1f, 0xda, 0x01, 0x40, 0x16, 0xec,
	    0x04, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40, 0x00, 0x00,
	    0x0f, 0x38, 0x90, 0x00, 0x3d, 0x09, 0x00, 0x07, 0xa1,
	    0x38, 0xa8, 0x80, 0x1e, 0x30, 0x65, 0x40 },
	  34,
	  { 66, 0xc0, 31, 1, 8, 8, 1280, 720, 30000, 0 } },
	/* x264, high 4.0: 1088 lines cropped to 1080 */
	{ "1080p25",
	  { 0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02,
	    0x27, 0xe5, 0xc0, 0x44, 0x00, 0x00, 0x03, 0x00, 0x04,
	    0x00, 0x00, 0x03, 0x00, 0xc8, 0x3c, 0x60, 0xc6, 0x58 },
	  27,
	  { 100, 0, 40, 1, 8, 8, 1920, 1080, 25000, 2 } },
};

static int test_known(void)
{
	struct sps s;
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		CHECK_OK(sps_parse(sets[i].nal, sets[i].len, &s));
		CHECK_EQ(s.profile, sets[i].want.profile);
		CHECK_EQ(s.constraints, sets[i].want.constraints);
		CHECK_EQ(s.level, sets[i].want.level);
		CHECK_EQ(s.chroma_format, sets[i].want.chroma_format);
		CHECK_EQ(s.bit_depth_luma, sets[i].want.bit_depth_luma);
		CHECK_EQ(s.width, sets[i].want.width);
		CHECK_EQ(s.height, sets[i].want.height);
		CHECK_EQ(s.fps_milli, sets[i].want.fps_milli);
		CHECK_EQ(s.reorder, sets[i].want.reorder);
	}
out:
	return err;
}

static int test_short(void)
{
	struct sps s;
	int err = 0;

	/*
	 * Cut within the timing it is still a set, before the size it is not.
	 */
	for (uint32_t n = 0; n < 8; n++)
		CHECK_ERR(sps_parse(sets[0].nal, n, &s), -EBADMSG);
	CHECK_OK(sps_parse(sets[0].nal, 16, &s));
	CHECK_EQ(s.width, 1280);
	CHECK_EQ(s.fps_milli, 0);
out:
	return err;
}

static int test_refused(void)
{
	static const uint8_t pps[] = { 0x68, 0xcb, 0x83, 0xcb, 0x20 };
	static const uint8_t ones[] = { 0x67, 0x42, 0xc0, 0x1f, 0x00, 0x00,
					0x00, 0x00, 0x00, 0x00, 0x00, 0x00 };
	struct sps s;
	int err = 0;

	CHECK_ERR(sps_parse(pps, sizeof(pps), &s), -EBADMSG);
	CHECK_ERR(sps_parse(ones, sizeof(ones), &s), -EBADMSG);
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "known sets", test_known, 0 },
	{ "cut short", test_short, 0 },
	{ "refused", test_refused, 0 },
};

UNIT_MAIN(tests)
