/* SPDX-License-Identifier: MIT */
#include "streamer/aac.h"

#include "tests/golden.h"

struct sink {
	struct buf out;
	int err, frames, configs;
	struct asc asc;
	uint32_t timestamp; /* of the latest */
	uint8_t last[AAC_FRAME_MAX];
	size_t last_len;
};

static void on_config(void *arg, const struct asc *asc)
{
	struct sink *s = arg;

	s->configs++;
	s->asc = *asc;
}

static void on_frame(void *arg, const uint8_t *frame, size_t len,
		     uint32_t timestamp)
{
	struct sink *s = arg;

	s->frames++;
	s->timestamp = timestamp;
	memcpy(s->last, frame, len);
	s->last_len = len;
	if (!s->err)
		s->err = buf_add(&s->out, frame, len);
}

static const struct aac_handler handler = { on_config, on_frame };

/* The next frame of an ADTS stream without its header (no CRC). */
static bool next_adts(const struct buf *b, size_t *at, const uint8_t **frame,
		      size_t *len)
{
	const uint8_t *p = b->data + *at;

	if (*at + 7 > b->len)
		return false;
	*len = ((p[3] & 3u) << 11 | p[4] << 3 | p[5] >> 5) - 7;
	*frame = p + 7;
	*at += 7 + *len;
	return *at <= b->len;
}

static int golden(const char *name, const struct aac_format *format,
		  int min_frames)
{
	struct buf in = { 0 }, want = { 0 };
	struct sink s = { 0 };
	struct aac *a = NULL;
	struct rtp_packet p;
	const uint8_t *frame;
	size_t at = 0, want_at = 0, got_at = 0, len;
	uint32_t first = 0;
	int err;

	buf_init(&s.out, 1 << 20);
	err = aac_new(format, &handler, &s, &a);
	CHECK_OK(err);
	err = golden_load(name, &in);
	CHECK_OK(err);
	err = golden_load("aac.adts", &want);
	CHECK_OK(err);
	while (golden_next(&in, &at, &p)) {
		first = s.frames ? first : p.timestamp;
		aac_push(a, &p);
	}
	CHECK_OK(s.err);
	CHECK(s.frames >= min_frames);
	CHECK_EQ(s.timestamp - first,
		 1024 * (s.frames - 1) * (format->clock_rate / 32000));
	CHECK_EQ(s.configs, 1);
	CHECK_EQ(s.asc.sample_rate, 32000);
	CHECK_EQ(s.asc.channels, 1);
	for (int i = 0; i < s.frames; i++) {
		CHECK(next_adts(&want, &want_at, &frame, &len));
		CHECK(got_at + len <= s.out.len);
		CHECK(!memcmp(s.out.data + got_at, frame, len));
		got_at += len;
	}
	CHECK_EQ(got_at, s.out.len);
	CHECK_EQ(aac_counts(a)->dropped, 0);
out:
	err = s.err ? s.err : err;
	aac_free(a);
	buf_release(&s.out);
	buf_release(&in);
	buf_release(&want);
	return err;
}

static int test_golden_latm(void)
{
	static const uint8_t mux[] = { 0x40, 0x00, 0x25, 0x10, 0x3f, 0xc0 };

	return golden("aac-latm.rtp",
		      &(struct aac_format){ .latm = true,
					    .clock_rate = 32000,
					    .config = mux,
					    .config_len = sizeof(mux) },
		      14);
}

/* ffmpeg does not send the last packet that it gathers. */
static int test_golden_hbr(void)
{
	static const uint8_t asc[] = { 0x12, 0x88, 0x56, 0xe5, 0x00 };

	return golden("aac-hbr.rtp",
		      &(struct aac_format){ .clock_rate = 32000,
					    .config = asc,
					    .config_len = sizeof(asc) },
		      12);
}

/* ---- by hand ----------------------------------------------------------- */

/* Writes bits, for packets that no muxer here makes. */
struct writer {
	uint8_t data[1024];
	size_t bits;
};

static void put(struct writer *w, unsigned n, uint32_t v)
{
	for (; n; n--, w->bits++)
		if (v >> (n - 1) & 1)
			w->data[w->bits / 8] |= 0x80u >> w->bits % 8;
}

/* AAC-LC of 48 kHz, stereo. */
static void put_asc(struct writer *w)
{
	put(w, 5, 2);
	put(w, 4, 3);
	put(w, 4, 2);
	put(w, 3, 0);
}

static void put_mux(struct writer *w, bool version1, unsigned frames)
{
	put(w, 1, version1);
	if (version1) {
		put(w, 1, 0);
		put(w, 2, 0); /* taraBufferFullness */
		put(w, 8, 255);
	}
	put(w, 1, 1);
	put(w, 6, frames - 1);
	put(w, 7, 0);
	if (version1) {
		put(w, 2, 0);
		put(w, 8, 16);
	}
	put_asc(w);
	put(w, 3, 0);
	put(w, 8, 255);
	put(w, 1, 1); /* other data: 9 bits */
	if (version1)
		put(w, 2, 0);
	else
		put(w, 1, 0);
	put(w, 8, 9);
	put(w, 1, 1); /* and a checksum */
	put(w, 8, 0x5a);
}

static void put_frame(struct writer *w, uint8_t fill, unsigned len)
{
	unsigned left;

	for (left = len; left >= 255; left -= 255)
		put(w, 8, 255);
	put(w, 8, left);
	for (; len; len--)
		put(w, 8, fill);
}

static void push(struct aac *a, const struct writer *w, size_t from, size_t to,
		 uint32_t timestamp, bool marker)
{
	size_t len = (w->bits + 7) / 8;
	struct rtp_packet p = { .payload = w->data + from,
				.timestamp = timestamp,
				.marker = marker };

	p.len = (to && to < len ? to : len) - from;
	aac_push(a, &p);
}

static int in_band(bool version1)
{
	const struct aac_format format = { .latm = true,
					   .clock_rate = 90000,
					   .in_band = true };
	struct writer same = { 0 }, with = { 0 };
	struct sink s = { 0 };
	struct aac *a = NULL;
	int err = aac_new(&format, &handler, &s, &a);

	CHECK_OK(err);
	buf_init(&s.out, 1 << 20);
	put(&same, 1, 1);
	put(&with, 1, 0);
	put_mux(&with, version1, 2);
	for (int i = 0; i < 2; i++) {
		struct writer *w = i ? &with : &same;

		put_frame(w, 0x11, 3);
		put_frame(w, 0xa5, 300);
		put(w, 9, 0x1ff);
	}
	push(a, &same, 0, 0, 0, true);
	CHECK_EQ(s.frames, 0); /* no configuration yet */
	CHECK_EQ(aac_counts(a)->dropped, 1);
	push(a, &with, 0, 0, 100, true);
	CHECK_EQ(s.frames, 2);
	CHECK_EQ(s.configs, 1);
	CHECK_EQ(s.asc.sample_rate, 48000);
	CHECK_EQ(s.asc.channels, 2);
	CHECK_EQ(s.asc.len, 2);
	CHECK_EQ(s.asc.bytes[0], 0x11);
	CHECK_EQ(s.asc.bytes[1], 0x90);
	CHECK_EQ(s.last_len, 300);
	CHECK_EQ(s.last[299], 0xa5);
	CHECK_EQ(s.timestamp, 100 + 1920); /* 1024 samples at 90 kHz */
	push(a, &same, 0, 0, 200, false);  /* the marker is not needed */
	CHECK_EQ(s.frames, 4);
	push(a, &same, 0, 100, 300, false);
	push(a, &same, 100, 200, 300, false);
	push(a, &same, 200, 0, 300, true);
	CHECK_EQ(s.frames, 6);
	push(a, &same, 0, 100, 400, false); /* the rest is lost */
	push(a, &same, 0, 0, 500, true);
	CHECK_EQ(s.frames, 8);
	push(a, &same, 0, 100, 600, true); /* not whole, though it says so */
	push(a, &with, 0, 0, 700, true);
	CHECK_EQ(s.frames, 10);
	CHECK_EQ(s.configs, 1);
	CHECK_EQ(aac_counts(a)->dropped, 3);
out:
	err = s.err ? s.err : err;
	aac_free(a);
	buf_release(&s.out);
	return err;
}

static int test_in_band(void)
{
	int err = in_band(false);

	CHECK_OK(err);
	err = in_band(true);
	CHECK_OK(err);
out:
	return err;
}

static int test_hbr_pieces(void)
{
	static const uint8_t asc[] = { 0x11, 0x90 };
	const struct aac_format format = { .clock_rate = 48000,
					   .config = asc,
					   .config_len = 2 };
	struct writer first = { 0 }, second = { 0 }, two = { 0 };
	struct sink s = { 0 };
	struct aac *a = NULL;
	int err = aac_new(&format, &handler, &s, &a);

	CHECK_OK(err);
	buf_init(&s.out, 1 << 20);
	for (int i = 0; i < 2; i++) {
		struct writer *w = i ? &second : &first;

		put(w, 16, 16);
		put(w, 13, 500);
		put(w, 3, 0);
		for (int n = 0; n < (i ? 200 : 300); n++)
			put(w, 8, 0x42);
	}
	put(&two, 16, 32);
	put(&two, 13, 2);
	put(&two, 3, 0);
	put(&two, 13, 1);
	put(&two, 3, 0);
	put(&two, 24, 0x010203);
	push(a, &first, 0, 0, 1000, false);
	CHECK_EQ(s.frames, 0);
	push(a, &second, 0, 0, 1000, true);
	CHECK_EQ(s.frames, 1);
	CHECK_EQ(s.last_len, 500);
	push(a, &two, 0, 0, 2024, true);
	CHECK_EQ(s.frames, 3);
	CHECK_EQ(s.timestamp, 2024 + 1024);
	CHECK_EQ(s.last[0], 3);
	push(a, &first, 0, 0, 4000, false);
	push(a, &two, 0, 0, 5024, true);
	CHECK_EQ(s.frames, 5);
	CHECK_EQ(aac_counts(a)->dropped, 1);
	push(a, &two, 0, 8, 6000, true); /* the second is cut */
	CHECK_EQ(aac_counts(a)->dropped, 2);
	two.data[5] |= 1; /* interleaved */
	push(a, &two, 0, 0, 7000, true);
	push(a, &two, 0, 3, 7000, true);
	push(a, &two, 0, 1, 7000, true);
	CHECK_EQ(aac_counts(a)->dropped, 5);
out:
	err = s.err ? s.err : err;
	aac_free(a);
	buf_release(&s.out);
	return err;
}

static int test_config(void)
{
	static const uint8_t sbr[] = { 0x2b, 0x11, 0x88, 0x00 },
			     ld[] = { 0xb9, 0x8c, 0x00 },
			     escape_rate[] = { 0x17, 0x80, 0x5d, 0xc0, 0x08 },
			     pce[] = { 0x11, 0x80, 0x04, 0xc4, 0x00,
				       0x00, 0x20, 0x01, 'x' },
			     reserved[] = { 0x16, 0x88 };
	struct asc asc;
	int err = asc_parse(sbr, sizeof(sbr), &asc);

	CHECK_OK(err);
	CHECK_EQ(asc.sample_rate, 24000);
	CHECK_EQ(asc.channels, 2);
	CHECK_EQ(asc.len, 4);
	CHECK_OK(asc_parse(escape_rate, sizeof(escape_rate), &asc));
	CHECK_EQ(asc.sample_rate, 48000);
	CHECK_EQ(asc.channels, 1);
	CHECK_OK(asc_parse(pce, sizeof(pce), &asc));
	CHECK_EQ(asc.channels, 0);
	CHECK_ERR(asc_parse(ld, sizeof(ld), &asc), -ENOTSUP);
	CHECK_ERR(asc_parse(reserved, sizeof(reserved), &asc), -ENOTSUP);
	CHECK_ERR(asc_parse(sbr, 1, &asc), -EBADMSG);
	CHECK_ERR(asc_parse(sbr, 0, &asc), -EBADMSG);
	CHECK_ERR(asc_parse(pce, sizeof(pce) - 2, &asc), -EBADMSG);
out:
	return err;
}

static int test_format(void)
{
	static const uint8_t asc[] = { 0x11, 0x90 };
	struct aac_format f = { .config = asc, .config_len = 2 };
	struct aac *a = NULL;
	int err = 0;

	CHECK_ERR(aac_new(&f, &handler, NULL, &a), -EINVAL);
	f.clock_rate = 48000;
	f.size_length = 17;
	CHECK_ERR(aac_new(&f, &handler, NULL, &a), -EINVAL);
	f.size_length = 6;
	f.latm = true;
	CHECK_ERR(aac_new(&f, &handler, NULL, &a), -ENOTSUP);
out:
	return err;
}

static const struct {
	uint8_t bytes[6];
	size_t len;
	int err;
	uint32_t rate;
	uint8_t channels;
} ascs[] = {
	{ { 0x12, 0x10 }, 2, 0, 44100, 2 },
	{ { 0x11, 0x88 }, 2, 0, 48000, 1 },
	{ { 0x11, 0x88, 0x56, 0xe5, 0x00 }, 5, 0, 48000, 1 },
	{ { 0x17, 0x80, 0x3e, 0x80, 0x10 }, 5, 0, 32000, 2 },
	{ { 0x17, 0x80, 0x3e }, 3, -EBADMSG, 0, 0 },
	{ { 0x16, 0x90 }, 2, -ENOTSUP, 0, 0 },
	{ { 0x12 }, 1, -EBADMSG, 0, 0 },
	{ { 0x02, 0x10 }, 2, -ENOTSUP, 0, 0 },
};

static int test_asc(void)
{
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(ascs); i++) {
		struct asc asc = { 0 };

		CHECK_EQ(asc_parse(ascs[i].bytes, ascs[i].len, &asc),
			 ascs[i].err);
		CHECK_EQ(asc.sample_rate, ascs[i].rate);
		CHECK_EQ(asc.channels, ascs[i].channels);
	}
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "configurations", test_asc, 0 },
	{ "golden LATM", test_golden_latm, 0 },
	{ "golden AAC-hbr", test_golden_hbr, 0 },
	{ "LATM with configuration in band", test_in_band, 0 },
	{ "AAC-hbr in pieces", test_hbr_pieces, 0 },
	{ "AudioSpecificConfig", test_config, 0 },
	{ "formats", test_format, 0 },
};
UNIT_MAIN(tests)
