/* SPDX-License-Identifier: MIT */
#include "streamer/h264.h"

#include "tests/golden.h"

/* What came out, in Annex B form: start codes, parameter sets in front. */
struct sink {
	struct buf out;
	int err;
	int units, keys, configs;
	size_t last_count;
	uint32_t last_timestamp;
};

static void add(struct sink *s, const struct slice *n)
{
	if (!s->err)
		s->err = buf_add_u32(&s->out, 1);
	if (!s->err)
		s->err = buf_add(&s->out, n->data, n->len);
}

static void on_unit(void *arg, const struct h264_unit *u)
{
	struct sink *s = arg;

	s->units++;
	s->keys += u->key;
	s->last_count = u->count;
	s->last_timestamp = u->timestamp;
	for (size_t i = 0; i < u->count; i++)
		add(s, &u->nals[i]);
}

static void on_config(void *arg, const struct slice *sps,
		      const struct slice *pps, size_t pps_count)
{
	struct sink *s = arg;

	s->configs++;
	add(s, sps);
	for (size_t i = 0; i < pps_count; i++)
		add(s, &pps[i]);
}

static const struct h264_handler handler = { on_unit, on_config };

static int open_sink(struct sink *s, struct h264 **h)
{
	*s = (struct sink){ 0 };
	buf_init(&s->out, 1 << 20);
	return h264_new(&handler, s, h);
}

/* The next NAL unit of a stream with start codes, of any length of those. */
static bool next_nal(const struct buf *b, size_t *at, struct slice *ret)
{
	size_t i = *at, end;

	while (i + 3 < b->len &&
	       !(!b->data[i] && !b->data[i + 1] && b->data[i + 2] == 1))
		i++;
	if (i + 3 >= b->len)
		return false;
	i += 3;
	for (end = i; end + 3 <= b->len; end++)
		if (!b->data[end] && !b->data[end + 1] && b->data[end + 2] <= 1)
			break;
	if (end + 3 > b->len)
		end = b->len;
	*ret = (struct slice){ b->data + i, end - i, true };
	*at = end;
	return true;
}

/* As next_nal(), without what h264 takes out; sets only where `sets`. */
static bool next_kept(const struct buf *b, size_t *at, bool *sets,
		      struct slice *ret)
{
	while (next_nal(b, at, ret)) {
		uint8_t type = ret->data[0] & 0x1f;

		if (type >= 1 && type <= 6)
			return true;
		if ((type == 7 || type == 8) && *sets) {
			*sets = type == 7;
			return true;
		}
	}
	return false;
}

/*
 * All that ffmpeg's muxer was given comes out again, in order and unchanged;
 * SEI comes before the parameter sets in some streams, so compare by kind.
 */
static int test_golden(void)
{
	struct buf in = { 0 }, want = { 0 };
	struct sink s;
	struct h264 *h = NULL;
	struct rtp_packet p;
	struct slice a, b;
	size_t at = 0, got_at = 0, want_at = 0;
	bool no_sets = false;
	int n = 0, err = open_sink(&s, &h);

	CHECK_OK(err);
	err = golden_load("h264-mode1.rtp", &in);
	CHECK_OK(err);
	err = golden_load("h264.h264", &want);
	CHECK_OK(err);
	while (golden_next(&in, &at, &p)) {
		err = h264_push(h, &p);
		CHECK_OK(err);
	}
	CHECK_OK(s.err);
	CHECK_EQ(s.units, 12);
	CHECK_EQ(s.keys, 2);
	CHECK_EQ(s.configs, 1);
	while (next_kept(&want, &want_at, &no_sets, &a)) {
		CHECK(next_kept(&s.out, &got_at, &no_sets, &b));
		CHECK_EQ(b.len, a.len);
		CHECK(!memcmp(a.data, b.data, a.len));
		n++;
	}
	CHECK(n >= 24);
	CHECK(!next_kept(&s.out, &got_at, &no_sets, &b));
	CHECK(!h264_needs_key(h));
out:
	err = s.err ? s.err : err;
	h264_free(h);
	buf_release(&s.out);
	buf_release(&in);
	buf_release(&want);
	return err;
}

/* The same with a packet missing: nothing until the next key frame. */
static int lose(size_t lost, int want_units, int want_keys)
{
	struct buf in = { 0 };
	struct sink s;
	struct h264 *h = NULL;
	struct rtp_packet p;
	size_t at = 0, n = 0;
	int err = open_sink(&s, &h);

	CHECK_OK(err);
	err = golden_load("h264-mode1.rtp", &in);
	CHECK_OK(err);
	while (golden_next(&in, &at, &p)) {
		p.gap = n == lost + 1;
		if (n++ == lost)
			continue;
		err = h264_push(h, &p);
		CHECK_OK(err);
		if (p.gap)
			CHECK(h264_needs_key(h));
	}
	CHECK_EQ(s.units, want_units);
	CHECK_EQ(s.keys, want_keys);
out:
	err = s.err ? s.err : err;
	h264_free(h);
	buf_release(&s.out);
	buf_release(&in);
	return err;
}

static int test_loss(void)
{
	int err = lose(5, 6, 1); /* within the first key frame */

	CHECK_OK(err);
	err = lose(11, 1 + 6, 2); /* the end of a picture, with its marker */
	CHECK_OK(err);
	err = lose(12, 2 + 6, 2); /* the begin of one */
	CHECK_OK(err);
	err = lose(20, 12, 2); /* parameter sets that are known already */
	CHECK_OK(err);
	err = lose(21, 6, 1); /* the begin of the second key frame */
	CHECK_OK(err);
out:
	return err;
}

/* ---- by hand ----------------------------------------------------------- */

static int push(struct h264 *h, uint32_t timestamp, bool marker,
		const char *bytes, size_t len)
{
	struct rtp_packet p = { .timestamp = timestamp,
				.marker = marker,
				.payload = (const uint8_t *)bytes,
				.len = len };

	return h264_push(h, &p);
}

#define PUSH(h, ts, marker, bytes) push(h, ts, marker, bytes, sizeof(bytes) - 1)
#define SPS "\x67\x42\xc0\x1f\x01"
#define PPS "\x68\xce\x01"
#define IDR "\x65\x88\x80"
#define PIC "\x41\x9a\x01"

static int test_sprop(void)
{
	struct sink s;
	struct h264 *h = NULL;
	int err = open_sink(&s, &h);

	CHECK_OK(err);
	CHECK_OK(PUSH(h, 1, true, IDR));
	CHECK_EQ(s.units, 0); /* no parameter sets */
	h264_set_sprop(h, (const uint8_t *)"\0\5" SPS "\0\1\x09\0\3" PPS, 15);
	CHECK_OK(PUSH(h, 2, true, PIC));
	CHECK_EQ(s.units, 0);
	CHECK_OK(PUSH(h, 3, true, IDR));
	CHECK_EQ(s.units, 1);
	CHECK_EQ(s.configs, 1);
	CHECK_OK(PUSH(h, 4, true, PIC));
	CHECK_EQ(s.units, 2);
	CHECK_EQ(s.last_timestamp, 4);
	h264_set_sprop(h, (const uint8_t *)"\0\5" SPS "\xff", 8);
	h264_set_sprop(h, (const uint8_t *)"\0\x09" SPS, 7);
	CHECK_OK(PUSH(h, 5, true, IDR));
	CHECK_EQ(s.configs, 1);
out:
	err = s.err ? s.err : err;
	h264_free(h);
	buf_release(&s.out);
	return err;
}

/* Sets that change, no markers, several slices, delimiters and filler. */
static int test_change(void)
{
	struct sink s;
	struct h264 *h = NULL;
	int err = open_sink(&s, &h);

	CHECK_OK(err);
	CHECK_OK(PUSH(h, 1, false, "\x18\0\2\x09\xf0\0\5" SPS "\0\3" PPS));
	CHECK_OK(PUSH(h, 1, false, IDR));
	CHECK_OK(PUSH(h, 1, false, "\x65\x40\1")); /* its second slice */
	CHECK_OK(PUSH(h, 1, false, "\x0c\xff\x80"));
	CHECK_EQ(s.units, 0);
	CHECK_OK(PUSH(h, 2, false, PIC));
	CHECK_EQ(s.units, 1);
	CHECK_EQ(s.last_count, 2);
	CHECK_OK(PUSH(h, 3, false, "\x67\x42\xc0\x28\x01"));
	CHECK_EQ(s.units, 2);
	CHECK_OK(PUSH(h, 3, false, "\x68\x5e\x01")); /* PPS 1 beside PPS 0 */
	CHECK_OK(PUSH(h, 3, true, IDR));
	CHECK_EQ(s.units, 3);
	CHECK_EQ(s.configs, 2);
	/* Parameter sets in an access unit of their own are no loss. */
	CHECK_OK(PUSH(h, 4, true, SPS));
	CHECK(!h264_needs_key(h));
	CHECK_EQ(h264_counts(h)->dropped, 0);
	CHECK_EQ(h264_counts(h)->keys, 2);
out:
	err = s.err ? s.err : err;
	h264_free(h);
	buf_release(&s.out);
	return err;
}

static int test_malformed(void)
{
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = {
#define BAD(text) { text, sizeof(text) - 1 }
		BAD("\x1c\x85"),	 /* a fragment of nothing */
		BAD("\x1c\x05\x01"),	 /* without its start */
		BAD("\x18\0\xff\x41"),	 /* longer than the packet */
		BAD("\x18\0\0\x41"),	 /* an empty unit */
		BAD("\x1d\x85\x01"),	 /* FU-B */
		BAD("\x19\0\0\0\1\x41"), /* STAP-B */
		BAD("\0\1"),
	};
	struct sink s;
	struct h264 *h = NULL;
	int err = open_sink(&s, &h);

	CHECK_OK(err);
	for (uint32_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CHECK_OK(PUSH(h, 10 * i, false, SPS));
		CHECK_OK(PUSH(h, 10 * i, false, PPS));
		CHECK_OK(PUSH(h, 10 * i, true, IDR));
		CHECK(!h264_needs_key(h));
		CHECK_OK(PUSH(h, 10 * i + 1, false, PIC));
		CHECK_OK(push(h, 10 * i + 1, true, cases[i].bytes,
			      cases[i].len));
		CHECK(h264_needs_key(h));
		CHECK_EQ(h264_counts(h)->dropped, i + 1);
	}
	/* A fragment that never ends, and a packet that has no payload. */
	CHECK_OK(PUSH(h, 200, false, "\x7c\x85\x88\x80"));
	CHECK_OK(PUSH(h, 200, true, ""));
	CHECK_OK(PUSH(h, 201, true, IDR));
	CHECK(!h264_needs_key(h));
out:
	err = s.err ? s.err : err;
	h264_free(h);
	buf_release(&s.out);
	return err;
}

/* An access unit beyond the limit is left out, and the next works again. */
static int test_too_large(void)
{
	static char big[2000] = "\x65\x80";
	struct sink s;
	struct h264 *h = NULL;
	int err = open_sink(&s, &h);

	CHECK_OK(err);
	for (int round = 0; round < 2; round++) {
		CHECK_OK(PUSH(h, 1, false, SPS));
		CHECK_OK(PUSH(h, 1, false, PPS));
		for (int i = 0; i <= H264_NALS_MAX; i++) {
			err = push(h, 1, false, big, round ? sizeof(big) : 100);
			CHECK_OK(err);
		}
		for (int i = 0; round && i < H264_UNIT_MAX / 2000; i++) {
			err = push(h, 1, false, big, sizeof(big));
			CHECK_OK(err);
		}
		CHECK_OK(PUSH(h, 1, true, IDR));
		CHECK_EQ(h264_counts(h)->dropped, 1 + round);
		CHECK_OK(PUSH(h, 2, true, IDR));
		CHECK_EQ(s.units, 1 + round);
		CHECK_OK(PUSH(h, 3, true, "\1")); /* nothing but a header */
		CHECK(!h264_needs_key(h));
	}
out:
	err = s.err ? s.err : err;
	h264_free(h);
	buf_release(&s.out);
	return err;
}

static const struct unit_test tests[] = {
	{ "golden packets", test_golden, 0 },
	{ "loss", test_loss, 0 },
	{ "parameter sets of the signalling", test_sprop, 0 },
	{ "parameter sets that change", test_change, 0 },
	{ "malformed", test_malformed, 0 },
	{ "too large", test_too_large, 0 },
};
UNIT_MAIN(tests)
