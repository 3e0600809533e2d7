/* SPDX-License-Identifier: MIT */
#include "streamer/feed.h"

#include "streamer/amf.h"
#include "streamer/chunk.h"
#include "streamer/publish.h"
#include "tests/unit.h"

enum {
	LIMIT = 100000,
	BOTH = PUBLISH_AUDIO | PUBLISH_VIDEO,
	LATE_MS = 300,
	PATIENCE_MS = FEED_PATIENCE_MS + LATE_MS,
};

static const uint8_t sps_nal[] = { 0x67, 0x42, 0xc0, 0x1f, 0xda, 0x01, 0x40,
				   0x16, 0xec, 0x04, 0x40, 0x00, 0x00, 0x03,
				   0x00, 0x40, 0x00, 0x00, 0x0f, 0x38 };
static const uint8_t pps_nal[] = { 0x68, 0xce, 0x3c, 0x80 };
static const uint8_t pps_other[] = { 0x68, 0xce, 0x3c, 0x81 };
static const struct asc asc = {
	.bytes = { 0x12, 0x88 }, .len = 2, .sample_rate = 32000, .channels = 1
};
static const uint8_t bytes[60000] = { 0x65 };

/* A feed whose messages are read back. */
struct bench {
	struct feed feed;
	struct rtmp *rtmp;
	struct buf out;
	struct feed_sink sink;
	struct chunk_reader *reader;
	size_t read; /* of out */
};

static void on_event(void *arg, const struct rtmp_event *event)
{
}

static const struct rtmp_config config = { .app = "live",
					   .tc_url = "rtmp://h/live",
					   .query = "",
					   .key = "s",
					   .chunk_size = 65536,
					   .seed = 1 };

/* What a server says until the client is live, built by hand. */
static int go_live(struct bench *b)
{
	static const uint8_t answers[] =
		"\x03\0\0\0\0\0\x1d\x14\0\0\0\0\x02\0\x07_result"
		"\0\x3f\xf0\0\0\0\0\0\0\x05\x03\0\0\x09\x05\x05\x05\x05\x05"
		"\x03\0\0\0\0\0\x1d\x14\0\0\0\0\x02\0\x07_result"
		"\0\x40\x10\0\0\0\0\0\0\x05\0\x3f\xf0\0\0\0\0\0\0"
		"\x03\0\0\0\0\0\x3c\x14\0\0\0\0\x02\0\x08onStatus"
		"\0\0\0\0\0\0\0\0\0\x05\x03\0\x04"
		"code\x02\0\x17NetStream.Publish.Start\0\0\x09\x05\x05\x05";
	uint8_t handshake[3073] = { 3 };
	int err = rtmp_receive(b->rtmp, handshake, sizeof(handshake), &b->out);

	return err ? err
		   : rtmp_receive(b->rtmp, answers, sizeof(answers) - 1,
				  &b->out);
}

/* Brings the reader to where the writer is. */
static int read_session(struct bench *b)
{
	const uint8_t *at = b->out.data + 3073, *body;
	size_t left = b->out.len - 3073;
	struct chunk_message m;
	int err;

	while (!(err = chunk_read(b->reader, &at, &left, &m, &body)))
		if (m.type == 1 &&
		    chunk_reader_set_size(b->reader, buf_get_u32(body)))
			return -EBADMSG;
	buf_clear(&b->out);
	return err == -EAGAIN ? 0 : err;
}

static int bench_init(struct bench *b, unsigned media)
{
	int err;

	memset(b, 0, sizeof(*b));
	feed_init(&b->feed, media, LATE_MS);
	buf_init(&b->out, 1 << 20);
	err = rtmp_new(&config, on_event, NULL, &b->rtmp);
	err = err ? err : rtmp_start(b->rtmp, &b->out);
	err = err ? err : go_live(b);
	err = err ? err : chunk_reader_new(&b->reader);
	err = err ? err : read_session(b);
	if (err)
		return err;
	b->sink = (struct feed_sink){ .rtmp = b->rtmp,
				      .out = &b->out,
				      .limit = LIMIT };
	feed_begin(&b->feed);
	return rtmp_is_publishing(b->rtmp) ? 0 : -EPROTO;
}

static void bench_release(struct bench *b)
{
	feed_release(&b->feed);
	rtmp_free(b->rtmp);
	chunk_reader_free(b->reader);
	buf_release(&b->out);
}

static int configure_video(struct bench *b, const uint8_t *pps)
{
	const struct slice s = { sps_nal, sizeof(sps_nal), true };
	const struct slice p = { pps, sizeof(pps_nal), true };

	return feed_video_config(&b->feed, &s, &p, 1);
}

static enum feed_result video(struct bench *b, size_t len, bool key,
			      uint64_t dts, uint64_t pts)
{
	const struct slice s[] = { { bytes, len / 2, true },
				   { bytes + len / 2, len - len / 2, false } };

	return feed_video(&b->feed, &b->sink, s, 2, key, dts, pts);
}

static enum feed_result audio(struct bench *b, uint64_t ts)
{
	return feed_audio(&b->feed, &b->sink, bytes, 100, ts);
}

/* The next message that went out is of that type and time, and begins so. */
static int expect(struct bench *b, uint8_t type, uint32_t ts_ms, size_t len,
		  const char *head, size_t head_len)
{
	const uint8_t *at = b->out.data + b->read, *body;
	size_t left = b->out.len - b->read;
	struct chunk_message m;
	int err = 0;

	CHECK_OK(chunk_read(b->reader, &at, &left, &m, &body));
	b->read = b->out.len - left;
	CHECK_EQ(m.type, type);
	CHECK_EQ(m.ts_ms, ts_ms);
	CHECK(!len || m.len == len);
	CHECK(m.len >= head_len);
	CHECK(!memcmp(body, head, head_len));
out:
	return err;
}

/* A feed without memory drops what it is given. */
#define CHECK_FEED(result, want)                                               \
	do {                                                                   \
		enum feed_result check_result = (result);                      \
		if (unit_is_oom() && check_result == FEED_DROPPED) {           \
			err = -ENOMEM;                                         \
			goto out;                                              \
		}                                                              \
		CHECK_EQ(check_result, want);                                  \
	} while (0)

#define EXPECT(b, type, ts, len, head)                                         \
	CHECK_OK(expect(b, type, ts, len, head, sizeof(head) - 1))

static int test_start(void)
{
	struct bench b;
	int err = 0;

	CHECK_OK(bench_init(&b, BOTH));
	CHECK_FEED(video(&b, 50, true, 1000, 1000), FEED_NEEDS_KEY);
	CHECK_OK(configure_video(&b, pps_nal));
	CHECK_OK(feed_audio_config(&b.feed, &asc));
	CHECK_FEED(video(&b, 50, false, 1000, 1000), FEED_NEEDS_KEY);
	CHECK_FEED(audio(&b, 990), FEED_LEFT_OUT);
	CHECK_FEED(audio(&b, 1022), FEED_LEFT_OUT);
	CHECK_FEED(video(&b, 50, true, 1020, 1060), FEED_ADDED);
	CHECK_FEED(audio(&b, 995), FEED_LEFT_OUT);
	CHECK_FEED(audio(&b, 1025), FEED_ADDED);
	CHECK_FEED(video(&b, 60, false, 1053, 1053), FEED_ADDED);
	EXPECT(&b, 18, 0, 0, "\x02\0\x0d@setDataFrame");
	EXPECT(&b, 9, 0, 0, "\x17\0\0\0\0\x01\x42\xc0\x1f");
	EXPECT(&b, 8, 0, 4, "\xaf\0\x12\x88");
	EXPECT(&b, 9, 0, 59, "\x17\x01\0\0\x28\0\0\0\x32\x65");
	EXPECT(&b, 8, 2, 102, "\xaf\x01\x65");
	EXPECT(&b, 8, 5, 102, "\xaf\x01\x65");
	EXPECT(&b, 9, 33, 69, "\x27\x01\0\0\0\0\0\0\x3c\x65");
	CHECK_EQ(b.read, b.out.len);
out:
	bench_release(&b);
	return err;
}

/* Other parameter sets go out before the next key frame, the same do not. */
static int test_new_sets(void)
{
	struct bench b;
	int err = 0;

	CHECK_OK(bench_init(&b, BOTH));
	CHECK_OK(configure_video(&b, pps_nal));
	CHECK_FEED(video(&b, 50, true, 0, 0), FEED_ADDED);
	CHECK_OK(configure_video(&b, pps_nal));
	CHECK_FEED(video(&b, 50, false, 10, 10), FEED_ADDED);
	CHECK_OK(configure_video(&b, pps_other));
	CHECK_FEED(video(&b, 50, false, 20, 20), FEED_NEEDS_KEY);
	CHECK_FEED(video(&b, 50, true, 30, 30), FEED_ADDED);
	b.read = 0;
	EXPECT(&b, 18, 0, 0, "\x02");
	EXPECT(&b, 9, 0, 0, "\x17\0");
	EXPECT(&b, 9, 0, 0, "\x17\x01");
	EXPECT(&b, 9, 10, 0, "\x27\x01");
	EXPECT(&b, 18, 30, 0, "\x02");
	EXPECT(&b, 9, 30, 0, "\x17\0");
	EXPECT(&b, 9, 30, 0, "\x17\x01");
	CHECK_ERR(feed_video_config(&b.feed,
				    &(struct slice){ pps_nal, 4, true },
				    &(struct slice){ pps_nal, 4, true }, 1),
		  -EBADMSG);
	CHECK_FEED(video(&b, 50, false, 40, 40), FEED_ADDED);
out:
	bench_release(&b);
	return err;
}

static int test_audio_alone(void)
{
	struct bench b;
	int err = 0;

	CHECK_OK(bench_init(&b, PUBLISH_AUDIO));
	CHECK_FEED(audio(&b, 500), FEED_LEFT_OUT);
	CHECK_OK(feed_audio_config(&b.feed, &asc));
	CHECK_FEED(audio(&b, 520), FEED_ADDED);
	EXPECT(&b, 18, 0, 0, "\x02");
	EXPECT(&b, 8, 0, 4, "\xaf\0");
	EXPECT(&b, 8, 0, 102, "\xaf\x01");
out:
	bench_release(&b);
	return err;
}

/* A picture that never comes does not hold the sound for ever. */
static int test_patience(void)
{
	struct bench b;
	int err = 0;

	CHECK_OK(bench_init(&b, BOTH));
	CHECK_OK(configure_video(&b, pps_nal));
	CHECK_OK(feed_audio_config(&b.feed, &asc));
	CHECK_FEED(audio(&b, 500), FEED_LEFT_OUT);
	CHECK_FEED(audio(&b, 500 + PATIENCE_MS - 1), FEED_LEFT_OUT);
	CHECK_FEED(audio(&b, 500 + PATIENCE_MS), FEED_ADDED);
	CHECK_FEED(video(&b, 50, true, 600 + PATIENCE_MS, 0), FEED_ADDED);
	EXPECT(&b, 18, 0, 0, "\x02");
	EXPECT(&b, 8, 0, 4, "\xaf\0");
	EXPECT(&b, 8, 0, 102, "\xaf\x01");
	EXPECT(&b, 18, 100, 0, "\x02");
	EXPECT(&b, 9, 100, 0, "\x17\0");
	EXPECT(&b, 9, 100, 0, "\x17\x01");
out:
	bench_release(&b);
	return err;
}

static int test_slow(void)
{
	struct bench b;
	int err = 0;

	CHECK_OK(bench_init(&b, BOTH));
	CHECK_OK(configure_video(&b, pps_nal));
	CHECK_OK(feed_audio_config(&b.feed, &asc));
	CHECK_FEED(video(&b, 50, true, 0, 0), FEED_ADDED);
	b.sink.pending = LIMIT - 20000;
	CHECK_FEED(video(&b, 20000, false, 10, 10), FEED_DROPPED);
	/* small enough, but its reference is gone */
	CHECK_FEED(video(&b, 50, false, 20, 20), FEED_DROPPED);
	CHECK_FEED(audio(&b, 20), FEED_ADDED);
	CHECK_FEED(video(&b, 50, true, 30, 30), FEED_DROPPED);
	b.sink.pending = LIMIT / 2 - 20000;
	CHECK_FEED(video(&b, 50, false, 40, 40), FEED_DROPPED);
	CHECK_FEED(video(&b, 50, true, 50, 50), FEED_ADDED);
	CHECK_FEED(video(&b, 50, false, 60, 60), FEED_ADDED);
	b.sink.pending = LIMIT;
	CHECK_FEED(audio(&b, 70), FEED_DROPPED);
	/* one that only an empty buffer takes */
	CHECK_FEED(video(&b, 60000, false, 70, 70), FEED_DROPPED);
	b.sink.pending = 1;
	CHECK_FEED(video(&b, 60000, true, 80, 80), FEED_DROPPED);
	b.sink.pending = 0;
	CHECK_FEED(video(&b, 60000, true, 90, 90), FEED_ADDED);
out:
	bench_release(&b);
	return err;
}

/* Never back, and over the end of 32 bits. */
static int test_time(void)
{
	const uint64_t start = 123456789;
	struct bench b;
	int err = 0;

	CHECK_OK(bench_init(&b, BOTH));
	CHECK_OK(configure_video(&b, pps_nal));
	CHECK_OK(feed_audio_config(&b.feed, &asc));
	CHECK_FEED(video(&b, 50, true, start, start), FEED_ADDED);
	CHECK_FEED(video(&b, 50, false, start + 40, 0), FEED_ADDED);
	CHECK_FEED(video(&b, 50, false, start + 30, 0), FEED_ADDED);
	CHECK_FEED(video(&b, 50, false, start - 5, 0), FEED_ADDED);
	CHECK_FEED(audio(&b, start + 50), FEED_ADDED);
	CHECK_FEED(audio(&b, start + 45), FEED_ADDED);
	CHECK_FEED(video(&b, 50, false, start + 0xfffffff0, 0), FEED_ADDED);
	CHECK_FEED(video(&b, 50, false, start + 0x100000005, 0), FEED_ADDED);
	EXPECT(&b, 18, 0, 0, "\x02");
	EXPECT(&b, 9, 0, 0, "\x17\0");
	EXPECT(&b, 8, 0, 0, "\xaf\0");
	EXPECT(&b, 9, 0, 0, "\x17\x01");
	EXPECT(&b, 9, 40, 0, "\x27\x01");
	EXPECT(&b, 9, 40, 0, "\x27\x01");
	EXPECT(&b, 9, 40, 0, "\x27\x01");
	EXPECT(&b, 8, 50, 0, "\xaf\x01");
	EXPECT(&b, 8, 50, 0, "\xaf\x01");
	EXPECT(&b, 9, 0xfffffff0, 0, "\x27\x01");
	EXPECT(&b, 9, 5, 0, "\x27\x01");
	CHECK_EQ(b.read, b.out.len);
out:
	bench_release(&b);
	return err;
}

/* After a reconnect all is told again, from 0. */
static int test_again(void)
{
	struct bench b;
	int err = 0;

	CHECK_OK(bench_init(&b, BOTH));
	CHECK_OK(configure_video(&b, pps_nal));
	CHECK_OK(feed_audio_config(&b.feed, &asc));
	CHECK_FEED(video(&b, 50, true, 0, 0), FEED_ADDED);
	CHECK_FEED(video(&b, 50, false, 40, 40), FEED_ADDED);
	feed_begin(&b.feed);
	CHECK_FEED(video(&b, 50, false, 80, 80), FEED_NEEDS_KEY);
	CHECK_FEED(audio(&b, 80), FEED_LEFT_OUT);
	CHECK_FEED(video(&b, 50, true, 120, 120), FEED_ADDED);
	EXPECT(&b, 18, 0, 0, "\x02");
	EXPECT(&b, 9, 0, 0, "\x17\0");
	EXPECT(&b, 8, 0, 0, "\xaf\0");
	EXPECT(&b, 9, 0, 0, "\x17\x01");
	EXPECT(&b, 9, 40, 0, "\x27\x01");
	EXPECT(&b, 18, 0, 0, "\x02");
	EXPECT(&b, 9, 0, 0, "\x17\0");
	EXPECT(&b, 8, 0, 0, "\xaf\0");
	EXPECT(&b, 9, 0, 0, "\x17\x01");
	CHECK_EQ(b.read, b.out.len);
out:
	bench_release(&b);
	return err;
}

static const struct unit_test tests[] = {
	{ "start of a stream", test_start, 0 },
	{ "new parameter sets", test_new_sets, 0 },
	{ "audio alone", test_audio_alone, 0 },
	{ "patience with video", test_patience, 0 },
	{ "a slow server", test_slow, 0 },
	{ "times", test_time, 0 },
	{ "again", test_again, 0 },
};

UNIT_MAIN(tests)
