/* SPDX-License-Identifier: MIT */
#include "streamer/flv.h"

#include "tests/unit.h"

static const uint8_t high[] = { 0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40,
				0x78, 0x02, 0x27, 0xe5, 0xc0, 0x44, 0x00,
				0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03,
				0x00, 0xc8, 0x3c, 0x60, 0xc6, 0x58 };
static const uint8_t pps1[] = { 0x68, 0xef, 0x8f, 0xcb };
static const uint8_t pps2[] = { 0x68, 0x01 };
static const struct slice sps = { high, sizeof(high), true };
static const struct slice pps[] = { { pps1, sizeof(pps1), true },
				    { pps2, sizeof(pps2), true } };

static int test_avc_config(void)
{
	static const uint8_t head[] = { 0x17, 0,    0,		 0,    0,
					1,    0x64, 0,		 0x28, 0xff,
					0xe1, 0,    sizeof(high) };
	static const uint8_t tail[] = { 2, 0,	 4, 0x68, 0xef, 0x8f, 0xcb, 0,
					2, 0x68, 1, 0xfd, 0xf8, 0xf8, 0 };
	struct buf b;
	int err = 0;

	buf_init(&b, 256);
	CHECK_OK(flv_avc_config(&b, &sps, pps, 2));
	CHECK_EQ(b.len, sizeof(head) + sizeof(high) + sizeof(tail));
	CHECK(!memcmp(b.data, head, sizeof(head)));
	CHECK(!memcmp(b.data + sizeof(head), high, sizeof(high)));
	CHECK(!memcmp(b.data + sizeof(head) + sizeof(high), tail,
		      sizeof(tail)));
	CHECK_ERR(flv_avc_config(&b, &pps[0], pps, 1), -EBADMSG);
	CHECK_ERR(flv_avc_config(&b, &sps, &sps, 1), -EBADMSG);
	CHECK_ERR(flv_avc_config(&b, &sps, pps, 0), -EBADMSG);
	CHECK_ERR(flv_avc_config(&b, &sps, pps, 33), -EBADMSG);
out:
	buf_release(&b);
	return err;
}

static int test_frames(void)
{
	static const uint8_t a[10], b[3];
	const struct slice s[] = { { a, 10, true },
				   { b, 3, false },
				   { a, 1, true },
				   { a, 2, true },
				   { b, 3, false } };
	uint8_t avc[FLV_AVC_HEADER], aac[FLV_AAC_HEADER];
	int err = 0;

	CHECK_EQ(flv_avc_size(s, 5), 5 + 4 + 13 + 4 + 1 + 4 + 5);
	CHECK_EQ(flv_nal_size(s, 5), 13);
	CHECK_EQ(flv_nal_size(s + 2, 3), 1);
	CHECK_EQ(flv_nal_size(s + 3, 2), 5);
	flv_put_avc(avc, true, 80);
	CHECK(!memcmp(avc, "\x17\x01\x00\x00\x50", 5));
	flv_put_avc(avc, false, -1);
	CHECK(!memcmp(avc, "\x27\x01\xff\xff\xff", 5));
	flv_put_aac(aac);
	CHECK(!memcmp(aac, "\xaf\x01", 2));
out:
	return err;
}

static int test_aac_config(void)
{
	const struct asc asc = { .bytes = { 0x12, 0x10 }, .len = 2 };
	struct buf b;
	int err = 0;

	buf_init(&b, 64);
	CHECK_OK(flv_aac_config(&b, &asc));
	CHECK_EQ(b.len, 4);
	CHECK(!memcmp(b.data, "\xaf\x00\x12\x10", 4));
out:
	buf_release(&b);
	return err;
}

static int test_metadata(void)
{
	static const uint8_t want[] =
		"\x02\x00\x0d@setDataFrame\x02\x00\x0aonMetaData"
		"\x08\x00\x00\x00\x05"
		"\x00\x05width\x00\x40\x94\x00\x00\x00\x00\x00\x00"
		"\x00\x06height\x00\x40\x86\x80\x00\x00\x00\x00\x00"
		"\x00\x09"
		"framerate\x00\x40\x3e\x00\x00\x00\x00\x00\x00"
		"\x00\x0cvideocodecid\x00\x40\x1c\x00\x00\x00\x00\x00\x00"
		"\x00\x07"
		"encoder\x02\x00\x01x"
		"\x00\x00\x09";
	const struct flv_metadata m = { .has_video = true,
					.width = 1280,
					.height = 720,
					.fps_milli = 30000,
					.sample_rate = 48000,
					.encoder = "x" };
	struct buf b;
	int err = 0;

	buf_init(&b, 512);
	CHECK_OK(flv_metadata(&b, &m));
	CHECK_EQ(b.len, sizeof(want) - 1);
	CHECK(!memcmp(b.data, want, b.len));
out:
	buf_release(&b);
	return err;
}

static const struct unit_test tests[] = {
	{ "AVC sequence header", test_avc_config, 0 },
	{ "frames", test_frames, 0 },
	{ "AAC sequence header", test_aac_config, 0 },
	{ "metadata", test_metadata, 0 },
};

UNIT_MAIN(tests)
