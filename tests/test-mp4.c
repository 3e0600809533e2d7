/* SPDX-License-Identifier: MIT */
#include "uploader/mp4.h"

#include <stdlib.h>

#include "lib/buf.h"
#include "tests/unit.h"

/*
 * A file in the making: its first bytes, and a length that may go far beyond
 * them (the rest reads as zeros, as in a sparse file).
 */
static struct buf file;

static int box(uint32_t size, const char *type)
{
	int err = buf_add_u32(&file, size);

	return err ? err : buf_add(&file, type, 4);
}

static int zeros(size_t n)
{
	int err = 0;

	while (n-- && !err)
		err = buf_add_u8(&file, 0);
	return err;
}

static int simple(const char *type, uint32_t body)
{
	int err = box(8 + body, type);

	return err ? err : zeros(body);
}

/* moov with mvhd of version 0: 90.5 s, and mvex if wanted. */
static int moov(const char *more)
{
	int err = box(8 + 108 + (more ? 16 : 8), "moov");

	err = err ? err : box(108, "mvhd");
	err = err ? err : zeros(12);
	err = err ? err : buf_add_u32(&file, 1000);
	err = err ? err : buf_add_u32(&file, 90500);
	err = err ? err : zeros(80);
	if (more)
		err = err ? err : simple(more, 8);
	else
		err = err ? err : simple("trak", 0);
	return err;
}

/* Walks the file as a caller would, as if it were `size` bytes long. */
static struct mp4 walk(uint64_t size)
{
	static uint8_t bytes[MP4_WANT];
	uint64_t offset;
	struct mp4 m;
	size_t n;

	mp4_init(&m, size);
	while (mp4_wants(&m, &offset, &n)) {
		memset(bytes, 0, n);
		if (offset < file.len)
			memcpy(bytes, file.data + offset,
			       n < file.len - offset ? n : file.len - offset);
		mp4_feed(&m, offset, bytes, n);
	}
	return m;
}

static void begin(void)
{
	buf_release(&file);
	buf_init(&file, 1 << 16);
}

static int test_whole(void)
{
	struct mp4 m;
	int err;

	begin();
	CHECK_OK(simple("ftyp", 16));
	CHECK_OK(moov(NULL));
	CHECK_OK(simple("mdat", 100));
	m = walk(file.len);
	CHECK_EQ(m.verdict, MP4_WHOLE);
	CHECK_STR(m.why, "");
	CHECK_EQ(m.duration_ms, 90500);

	begin();
	CHECK_OK(simple("ftyp", 16));
	CHECK_OK(simple("free", 9000));
	CHECK_OK(simple("mdat", 9000));
	CHECK_OK(moov("udta"));
	m = walk(file.len);
	CHECK_EQ(m.verdict, MP4_WHOLE);
	CHECK_EQ(m.duration_ms, 90500);
	err = 0;
out:
	buf_release(&file);
	return err;
}

static int test_cut_anywhere(void)
{
	struct mp4 m;
	int err;

	begin();
	CHECK_OK(simple("ftyp", 16));
	CHECK_OK(simple("mdat", 100));
	CHECK_OK(moov(NULL));
	for (size_t n = 0; n < file.len; n++) {
		m = walk(n);
		CHECK_EQ(m.verdict, MP4_INCOMPLETE);
		CHECK(*m.why);
	}
	m = walk(0);
	CHECK_STR(m.why, "empty");
	m = walk(3);
	CHECK_STR(m.why, "3 bytes of a box only");
	m = walk(24);
	CHECK_STR(m.why, "no moov box yet");
	m = walk(50);
	CHECK_STR(m.why, "box 'mdat' ends 82 bytes past the end");
	m = walk(file.len + 1);
	CHECK_STR(m.why, "1 bytes of a box only");
	m = walk(file.len + 100);
	CHECK_STR(m.why, "zeros at byte 256, not written yet");
	err = 0;
out:
	buf_release(&file);
	return err;
}

static int test_fragmented(void)
{
	struct mp4 m;
	int err;

	begin();
	CHECK_OK(simple("ftyp", 16));
	CHECK_OK(moov("mvex"));
	m = walk(file.len);
	CHECK_EQ(m.verdict, MP4_INCOMPLETE);
	CHECK_STR(m.why, "no media (mdat box) yet");
	for (int i = 0; i < 3; i++) {
		CHECK_OK(simple("moof", 80));
		m = walk(file.len);
		CHECK_EQ(m.verdict, MP4_INCOMPLETE);
		CHECK_OK(simple("mdat", 5000));
		m = walk(file.len);
		CHECK_EQ(m.verdict, MP4_OPEN);
	}
	CHECK_STR(m.why, "fragmented, no closing mfra box");
	CHECK_OK(simple("mfra", 30));
	m = walk(file.len);
	CHECK_EQ(m.verdict, MP4_FRAGMENTED);
	CHECK_OK(simple("free", 0));
	m = walk(file.len);
	CHECK_EQ(m.verdict, MP4_FRAGMENTED);
	CHECK_OK(simple("moof", 80));
	CHECK_OK(simple("mdat", 10));
	m = walk(file.len);
	CHECK_EQ(m.verdict, MP4_OPEN);
	err = 0;
out:
	buf_release(&file);
	return err;
}

static int test_long_sizes(void)
{
	uint64_t mdat = (uint64_t)50 << 32;
	struct mp4 m;
	int err;

	begin();
	CHECK_OK(simple("ftyp", 16));
	CHECK_OK(moov(NULL));
	CHECK_OK(box(1, "mdat"));
	CHECK_OK(buf_add_u64(&file, mdat));
	m = walk(file.len - 16 + mdat);
	CHECK_EQ(m.verdict, MP4_WHOLE);
	m = walk(file.len - 16 + mdat - 5);
	CHECK_STR(m.why, "box 'mdat' ends 5 bytes past the end");
	m = walk(file.len - 1);
	CHECK_EQ(m.verdict, MP4_INCOMPLETE);
	memset(file.data + file.len - 8, 0xff, 8);
	m = walk(UINT64_MAX);
	CHECK_EQ(m.verdict, MP4_INCOMPLETE);
	memset(file.data + file.len - 8, 0, 8);
	file.data[file.len - 1] = 15;
	m = walk(file.len + 100);
	CHECK_EQ(m.verdict, MP4_INCOMPLETE);
	CHECK(strstr(m.why, "no valid size"));
	err = 0;
out:
	buf_release(&file);
	return err;
}

static int test_size_zero(void)
{
	struct mp4 m;
	int err;

	begin();
	CHECK_OK(simple("ftyp", 16));
	CHECK_OK(box(0, "mdat"));
	CHECK_OK(zeros(100));
	m = walk(file.len);
	CHECK_EQ(m.verdict, MP4_INCOMPLETE);
	CHECK_STR(m.why, "no moov box yet");

	begin();
	CHECK_OK(simple("ftyp", 16));
	CHECK_OK(moov(NULL));
	CHECK_OK(box(0, "mdat"));
	CHECK_OK(zeros(100));
	m = walk(file.len);
	CHECK_EQ(m.verdict, MP4_OPEN);
	CHECK_STR(m.why, "the last box has no length of its own");
	err = 0;
out:
	buf_release(&file);
	return err;
}

static int test_damaged(void)
{
	struct mp4 m;
	int err;

	begin();
	CHECK_OK(buf_add_str(&file, "RIFF1234AVI LIST"));
	m = walk(file.len);
	CHECK_EQ(m.verdict, MP4_OTHER);
	CHECK_STR(m.why, "not an MP4");

	begin();
	CHECK_OK(zeros(100));
	m = walk(file.len);
	CHECK_EQ(m.verdict, MP4_INCOMPLETE);
	CHECK_STR(m.why, "zeros at byte 0, not written yet");

	begin();
	CHECK_OK(simple("ftyp", 16));
	CHECK_OK(box(30, "moov"));
	CHECK_OK(box(40, "mvhd"));
	CHECK_OK(zeros(100));
	m = walk(file.len);
	CHECK_STR(m.why, "box 'mvhd' ends 18 bytes past the end of moov");

	begin();
	CHECK_OK(simple("ftyp", 16));
	CHECK_OK(box(16, "moov"));
	CHECK_OK(simple("trak", 0));
	CHECK_OK(simple("mdat", 8));
	m = walk(file.len);
	CHECK_STR(m.why, "the moov box has no mvhd");

	begin();
	CHECK_OK(simple("ftyp", 0));
	CHECK_OK(buf_add(&file, "\0\0\0\x08\1\2\3\4", 8));
	m = walk(file.len);
	CHECK_STR(m.why, "no box at byte 8");
	err = 0;
out:
	buf_release(&file);
	return err;
}

/* Boxes of 8 bytes for ever: the walk ends all the same. */
static int test_endless(void)
{
	static uint8_t page[MP4_WANT];
	uint64_t offset;
	struct mp4 m;
	size_t n;
	int err = 0;

	for (size_t i = 0; i < sizeof(page); i += 8)
		memcpy(page + i,
		       "\0\0\0\x08"
		       "free",
		       8);
	mp4_init(&m, UINT64_MAX / 8 * 8);
	while (mp4_wants(&m, &offset, &n))
		mp4_feed(&m, offset, page, n);
	CHECK_EQ(m.verdict, MP4_INCOMPLETE);
	CHECK_EQ(m.boxes, MP4_BOXES_MAX);
out:
	return err;
}

static int test_short_reads(void)
{
	static const uint8_t start[] = "\0\0\0\x10"
				       "ftypisom";
	struct mp4 m;
	int err = 0;

	mp4_init(&m, 1000);
	mp4_feed(&m, 0, start, 12);
	CHECK_EQ(m.verdict, MP4_INCOMPLETE);
	CHECK_STR(m.why, "the file got shorter");
	mp4_init(&m, 1000);
	mp4_feed(&m, 8, start, 0);
	CHECK_EQ(m.verdict, MP4_INCOMPLETE);
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "whole files", test_whole, 0 },
	{ "a file cut anywhere", test_cut_anywhere, 0 },
	{ "fragmented files", test_fragmented, 0 },
	{ "64-bit sizes", test_long_sizes, 0 },
	{ "a box to the end", test_size_zero, 0 },
	{ "damaged files", test_damaged, 0 },
	{ "endless boxes", test_endless, 0 },
	{ "short reads", test_short_reads, 0 },
};
UNIT_MAIN(tests)
