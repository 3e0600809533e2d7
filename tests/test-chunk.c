/* SPDX-License-Identifier: MIT */
#include "streamer/chunk.h"

#include <stdlib.h>

#include "tests/unit.h"

enum { HANDSHAKE = 3073, CAPTURE_MAX = 64 << 10, TYPE_CHUNK_SIZE = 1 };

/* What ffmpeg 5.1 sent to nginx-rtmp, by an independent reading of it. */
static const struct {
	uint32_t id;
	uint8_t type;
	uint32_t ts_ms, len, sum;
} captured[] = {
	{ 3, 20, 0, 140, 9247 },   { 2, 1, 0, 4, 16 },
	{ 3, 20, 0, 33, 1899 },	   { 3, 20, 0, 29, 1410 },
	{ 3, 20, 0, 25, 1347 },	   { 8, 20, 0, 34, 1753 },
	{ 4, 18, 0, 309, 18206 },  { 6, 9, 0, 42, 2569 },
	{ 4, 8, 0, 7, 518 },	   { 4, 8, 0, 193, 22705 },
	{ 6, 9, 64, 1887, 5586 },  { 4, 8, 64, 178, 24470 },
	{ 4, 8, 128, 166, 24283 }, { 6, 9, 164, 356, 43725 },
	{ 4, 8, 192, 129, 16683 }, { 4, 8, 256, 132, 17079 },
	{ 6, 9, 264, 471, 54638 }, { 4, 8, 320, 127, 15758 },
	{ 6, 9, 364, 351, 44142 }, { 4, 8, 384, 133, 17763 },
	{ 4, 8, 448, 136, 17731 }, { 6, 9, 464, 428, 52888 },
	{ 4, 8, 512, 130, 15270 }, { 6, 9, 564, 1517, 42381 },
	{ 4, 8, 576, 125, 16341 }, { 4, 8, 640, 121, 15987 },
	{ 6, 9, 664, 363, 44555 }, { 4, 8, 704, 133, 17016 },
	{ 6, 9, 764, 504, 59610 }, { 4, 8, 768, 141, 16775 },
	{ 4, 8, 832, 125, 14432 }, { 6, 9, 864, 380, 47678 },
	{ 4, 8, 896, 133, 16984 }, { 4, 8, 960, 153, 17916 },
	{ 6, 9, 964, 456, 54420 }, { 4, 8, 1024, 147, 19987 },
	{ 6, 9, 964, 5, 25 },	   { 3, 20, 0, 31, 1655 },
	{ 3, 20, 0, 34, 1661 },
};

static int load(const char *name, uint8_t *dst, size_t *ret_n)
{
	FILE *f = fopen(unit_data(name), "rb");

	if (!f)
		return -ENOENT;
	*ret_n = fread(dst, 1, CAPTURE_MAX, f);
	fclose(f);
	return 0;
}

static uint32_t sum_of(const uint8_t *body, uint32_t len)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < len; i++)
		sum += body[i];
	return sum & 0xffff;
}

/* Feeds the capture in pieces of `step` bytes. */
static int read_capture(size_t step)
{
	static uint8_t data[CAPTURE_MAX];
	struct chunk_reader *r = NULL;
	struct chunk_message m;
	const uint8_t *body, *at;
	size_t n = 0, left, count = 0;
	int err = 0;

	CHECK_OK(load("rtmp/ffmpeg-to-nginx", data, &n));
	CHECK(n > HANDSHAKE);
	CHECK_OK(chunk_reader_new(&r));
	for (size_t done = HANDSHAKE; done < n; done += step) {
		at = data + done;
		left = step < n - done ? step : n - done;
		while (!(err = chunk_read(r, &at, &left, &m, &body))) {
			CHECK(count < ARRAY_SIZE(captured));
			CHECK_EQ(m.id, captured[count].id);
			CHECK_EQ(m.type, captured[count].type);
			CHECK_EQ(m.ts_ms, captured[count].ts_ms);
			CHECK_EQ(m.len, captured[count].len);
			CHECK_EQ(sum_of(body, m.len), captured[count].sum);
			count++;
			if (m.type == TYPE_CHUNK_SIZE)
				CHECK_OK(chunk_reader_set_size(
					r, buf_get_u32(body)));
		}
		CHECK_ERR(err, -EAGAIN);
		err = 0;
	}
	CHECK_EQ(count, ARRAY_SIZE(captured));
out:
	chunk_reader_free(r);
	return err;
}

static int test_capture(void)
{
	return read_capture(CAPTURE_MAX);
}

static int test_capture_bytes(void)
{
	return read_capture(1);
}

struct sent {
	uint32_t id, stream_id, ts_ms, len, chunk_size;
};

/* Times forward, back, over 24 bits and over 32; lengths around a chunk. */
static const struct sent sent[] = {
	{ 4, 1, 0, 0, 128 },
	{ 4, 1, 20, 1, 128 },
	{ 6, 1, 5, 128, 128 },
	{ 6, 1, 5, 129, 128 },
	{ 6, 1, 4, 257, 128 },
	{ 6, 1, 0xfffffe, 10, 4096 },
	{ 6, 1, 0xffffff, 5000, 4096 },
	{ 6, 1, 0x1000000, 5000, 4096 },
	{ 4, 1, 0x1000000, 9000, 4096 },
	{ 4, 2, 0x1000001, 300, 4096 },
	{ 6, 1, 0xfffffff0, 9000, 4096 },
	{ 6, 1, 0xfffffffe, 4097, 4096 },
	{ 6, 1, 3, 4096, 4096 },
	{ 6, 1, 0x80000010, 60, 16 },
	{ 2, 0, 0, 4, 1 },
	{ 6, 1, 0x80000011, 65536, 65536 },
};

static void write_one(struct chunk_writer *w, struct buf *out,
		      const struct sent *s, const uint8_t *body)
{
	const struct chunk_message m = { .id = s->id,
					 .type = 9,
					 .stream_id = s->stream_id,
					 .ts_ms = s->ts_ms,
					 .len = s->len };
	uint32_t first = s->len / 3;

	chunk_begin(w, out, &m);
	chunk_put(w, out, body, first);
	chunk_put(w, out, body + first, s->len - first);
}

static int test_round_trip(void)
{
	static uint8_t bytes[65536];
	struct chunk_reader *r = NULL;
	struct chunk_writer w;
	struct chunk_message m;
	const uint8_t *body, *at;
	struct buf out;
	size_t left;
	int err = 0;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251);
	buf_init(&out, 1 << 20);
	chunk_writer_init(&w);
	CHECK_OK(chunk_reader_new(&r));
	for (size_t i = 0; i < ARRAY_SIZE(sent); i++) {
		buf_clear(&out);
		w.size = sent[i].chunk_size;
		CHECK_OK(chunk_reader_set_size(r, w.size));
		CHECK_OK(chunk_reserve(&w, &out, sent[i].len));
		left = out.size;
		write_one(&w, &out, &sent[i], bytes);
		CHECK_EQ(out.size, left);
		CHECK(out.len <= out.size);
		at = out.data;
		left = out.len;
		CHECK_OK(chunk_read(r, &at, &left, &m, &body));
		CHECK_EQ(left, 0);
		CHECK_EQ(m.id, sent[i].id);
		CHECK_EQ(m.stream_id, sent[i].stream_id);
		CHECK_EQ(m.ts_ms, sent[i].ts_ms);
		CHECK_EQ(m.len, sent[i].len);
		CHECK(!m.len || !memcmp(body, bytes, m.len));
	}
out:
	buf_release(&out);
	chunk_reader_free(r);
	return err;
}

/* Every continuation of a chunk with an extended time repeats it. */
static int test_extended(void)
{
	static const uint8_t want[] = {
		0x06, 0xff, 0xff, 0xff, 0, 0, 3,    9,	  1, 0, 0, 0,
		0x01, 0,    0,	  0,	1, 2, 0xc6, 0x01, 0, 0, 0, 3,
	};
	const struct sent s = { 6, 1, 0x1000000, 3, 2 };
	static const uint8_t body[] = { 1, 2, 3 };
	struct chunk_writer w;
	struct buf out;
	int err = 0;

	buf_init(&out, 256);
	chunk_writer_init(&w);
	w.size = 2;
	CHECK_OK(chunk_reserve(&w, &out, 3));
	write_one(&w, &out, &s, body);
	CHECK_EQ(out.len, sizeof(want));
	CHECK(!memcmp(out.data, want, sizeof(want)));
out:
	buf_release(&out);
	return err;
}

/* Two messages interleaved, on chunk streams of one and of three bytes. */
static int test_interleaved(void)
{
	static const uint8_t data[] = {
		0x03, 0,   0,	 1,    0,    0,	   3,	 20, 0,	  0,
		0,    0,   'a',	 'b',  0x01, 0x00, 0x01, 0,  0,	  2,
		0,    0,   2,	 18,   7,    0,	   0,	 0,  'x', 'y',
		0xc3, 'c', 0xc1, 0x00, 0x01, 'u',  'v', /* as the last, 2 ms
							   later */
	};
	static const struct {
		uint32_t id, ts_ms;
		const char *text;
	} want[] = { { 320, 2, "xy" }, { 3, 1, "abc" }, { 320, 4, "uv" } };
	const uint8_t *at = data, *body;
	size_t left = sizeof(data);
	struct chunk_reader *r = NULL;
	struct chunk_message m;
	int err = 0;

	CHECK_OK(chunk_reader_new(&r));
	CHECK_OK(chunk_reader_set_size(r, 2));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		CHECK_OK(chunk_read(r, &at, &left, &m, &body));
		CHECK_EQ(m.id, want[i].id);
		CHECK_EQ(m.ts_ms, want[i].ts_ms);
		CHECK_EQ(m.len, strlen(want[i].text));
		CHECK(!memcmp(body, want[i].text, m.len));
	}
	CHECK_ERR(chunk_read(r, &at, &left, &m, &body), -EAGAIN);
out:
	chunk_reader_free(r);
	return err;
}

static int feed_once(const uint8_t *data, size_t n)
{
	struct chunk_reader *r = NULL;
	struct chunk_message m;
	const uint8_t *body;
	int err = chunk_reader_new(&r);

	while (!err)
		err = chunk_read(r, &data, &n, &m, &body);
	chunk_reader_free(r);
	return err;
}

static int test_refused(void)
{
	static const uint8_t orphan[] = { 0xc3 };
	static const uint8_t orphan_delta[] = { 0x43, 0, 0, 0, 0, 0, 1, 9 };
	static const uint8_t restart[] = {
		3, 0, 0, 0, 0, 1, 0, 9, 0, 0, 0, 0, [12 + 128] = 3,
		0, 0, 0, 0, 1, 0, 9, 0, 0, 0, 0
	};
	static const uint8_t huge[] = { 3,    0, 0, 0, 0xff, 0xff,
					0xff, 9, 0, 0, 0,    0 };
	uint8_t many[17 * 12] = { 0 };
	int err = 0;

	for (int i = 0; i < 17; i++)
		many[12 * i] = (uint8_t)(3 + i);
	CHECK_ERR(feed_once(orphan, sizeof(orphan)), -EBADMSG);
	CHECK_ERR(feed_once(orphan_delta, sizeof(orphan_delta)), -EBADMSG);
	CHECK_ERR(feed_once(restart, sizeof(restart)), -EBADMSG);
	CHECK_ERR(feed_once(huge, sizeof(huge)), -EMSGSIZE);
	CHECK_ERR(feed_once(many, sizeof(many)), -EMSGSIZE);
out:
	return err;
}

static int test_abort(void)
{
	static const uint8_t data[] = { 3,  0, 0, 0, 0, 0,   3,
					20, 0, 0, 0, 0, 'a', 'b' };
	static const uint8_t again[] = { 3,  0, 0, 0, 0, 0,   2,
					 20, 0, 0, 0, 0, 'c', 'd' };
	const uint8_t *at = data, *body;
	size_t left = sizeof(data);
	struct chunk_reader *r = NULL;
	struct chunk_message m;
	int err = 0;

	CHECK_OK(chunk_reader_new(&r));
	CHECK_ERR(chunk_reader_set_size(r, 0), -EBADMSG);
	CHECK_ERR(chunk_reader_set_size(r, 0x80000000), -EBADMSG);
	CHECK_OK(chunk_reader_set_size(r, 2));
	CHECK_ERR(chunk_read(r, &at, &left, &m, &body), -EAGAIN);
	chunk_reader_abort(r, 3);
	at = again;
	left = sizeof(again);
	CHECK_OK(chunk_read(r, &at, &left, &m, &body));
	CHECK(m.len == 2 && !memcmp(body, "cd", 2));
out:
	chunk_reader_free(r);
	return err;
}

static const struct unit_test tests[] = {
	{ "capture of ffmpeg", test_capture, 0 },
	{ "the same byte by byte", test_capture_bytes, UNIT_NO_OOM },
	{ "round trip", test_round_trip, 0 },
	{ "extended timestamps", test_extended, 0 },
	{ "interleaved", test_interleaved, 0 },
	{ "refused", test_refused, 0 },
	{ "abort", test_abort, 0 },
};

UNIT_MAIN(tests)
