/* SPDX-License-Identifier: MIT */
#include "streamer/rtp.h"

#include "tests/unit.h"

enum { SLOTS = 16, WAIT_MS = 100 };

static const uint8_t plain[] = { 0x80, 0xe0, 0x12, 0x34, 0, 0, 0, 9,
				 0xde, 0xad, 0xbe, 0xef, 1, 2, 3 };

static int test_header(void)
{
	struct rtp_packet p;
	int err = rtp_parse(plain, sizeof(plain), &p);

	CHECK_OK(err);
	CHECK_EQ(p.payload_type, 96);
	CHECK(p.marker);
	CHECK_EQ(p.seq, 0x1234);
	CHECK_EQ(p.timestamp, 9);
	CHECK_EQ(p.ssrc, 0xdeadbeef);
	CHECK_EQ(p.len, 3);
	CHECK(p.payload == plain + 12);
	CHECK(!rtp_is_rtcp(plain, sizeof(plain)));
out:
	return err;
}

/* One CSRC, an extension of one word, two bytes of padding. */
static int test_header_full(void)
{
	static const uint8_t full[] = { 0xb1, 0x08, 0, 1, 0, 0, 0, 2,	 0,
					0,    0,    3, 9, 9, 9, 9, 0xbe, 0xde,
					0,    1,    8, 8, 8, 8, 7, 0,	 2 };
	struct rtp_packet p;
	int err = rtp_parse(full, sizeof(full), &p);

	CHECK_OK(err);
	CHECK_EQ(p.len, 1);
	CHECK_EQ(p.payload[0], 7);
	for (size_t n = 0; n < sizeof(full) - 1; n++)
		CHECK(rtp_parse(full, n, &p) || n >= 24);
out:
	return err;
}

static int test_header_bad(void)
{
	static const uint8_t cases[][16] = {
		{ 0x40, 96 },				/* version 1 */
		{ 0x8f, 96 },				/* 15 CSRCs */
		{ 0x90, 96, [14] = 0xff, [15] = 0xff }, /* long extension */
		{ 0xa0, 96, [15] = 5 },			/* padding 5 of 4 */
		{ 0xa0, 96 },				/* padding 0 */
	};
	struct rtp_packet p;
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		CHECK_ERR(rtp_parse(cases[i], sizeof(cases[i]), &p), -EBADMSG);
	CHECK(rtp_is_rtcp((const uint8_t[]){ 0x80, 200 }, 2));
out:
	return err;
}

/*
 * The script of a stream: each put followed by what must come out. A packet
 * carries its number as payload; 'g' after it: a gap is told.
 */
struct step {
	uint16_t seq;
	uint32_t ssrc;
	uint64_t now_ms;
	const char *want;
};

static int play(const struct step *steps, size_t n, struct rtp_counts *ret)
{
	struct rtp_queue *q = NULL;
	int err = rtp_queue_new(SLOTS, WAIT_MS, &q);

	CHECK_OK(err);
	for (size_t i = 0; i < n; i++) {
		struct rtp_packet p = { .seq = steps[i].seq,
					.ssrc = steps[i].ssrc };
		uint8_t bytes[2] = { (uint8_t)(p.seq >> 8), (uint8_t)p.seq };
		const struct rtp_packet *o;
		char got[512] = "";

		p.payload = bytes;
		p.len = 2;
		CHECK_OK(rtp_queue_put(q, &p, steps[i].now_ms));
		while ((o = rtp_queue_next(q, steps[i].now_ms +
						      (i ? 0 : WAIT_MS)))) {
			CHECK_EQ(o->payload[0] << 8 | o->payload[1], o->seq);
			snprintf(got + strlen(got), sizeof(got) - strlen(got),
				 "%u%s ", o->seq, o->gap ? "g" : "");
		}
		CHECK_STR(got, steps[i].want);
	}
	*ret = *rtp_queue_counts(q);
out:
	rtp_queue_free(q);
	return err;
}

static int test_order(void)
{
	static const struct step steps[] = {
		{ 65533, 1, 1, "65533 " },
		{ 65534, 1, 2, "65534 " },
		{ 0, 1, 3, "" },
		{ 1, 1, 3, "" },
		{ 0, 1, 3, "" }, /* again */
		{ 65535, 1, 4, "65535 0 1 " },
		{ 65535, 1, 5, "" }, /* again */
		{ 2, 1, 6, "2 " },
	};
	struct rtp_counts c;
	int err = play(steps, ARRAY_SIZE(steps), &c);

	CHECK_OK(err);
	CHECK_EQ(c.packets, 6);
	CHECK_EQ(c.lost, 0);
	CHECK_EQ(c.duplicate, 2);
	CHECK_EQ(c.reordered, 1);
out:
	return err;
}

static int test_loss(void)
{
	static const struct step steps[] = {
		{ 10, 1, 0, "10 " }, { 12, 1, 10, "" },
		{ 13, 1, 50, "" },   { 14, 1, 110, "12g 13 14 " },
		{ 11, 1, 111, "" },  /* late */ { 15, 1, 112, "15 " },
		{ 17, 1, 113, "" },  { 40, 1, 114, "17g 40g " },
	};
	struct rtp_counts c;
	int err = play(steps, ARRAY_SIZE(steps), &c);

	CHECK_OK(err);
	CHECK_EQ(c.lost, 1 + 1 + 22);
	CHECK_EQ(c.late, 1);
	CHECK_EQ(c.duplicate, 0);
out:
	return err;
}

/* The first packets of all come in disorder. */
static int test_start(void)
{
	struct rtp_queue *q = NULL;
	const struct rtp_packet *o;
	static const uint16_t seqs[] = { 2, 4, 1, 0, 5 };
	static const uint16_t want[] = { 0, 1, 2, 4, 5 };
	static const uint64_t arrived[] = { 3, 2, 0, 1, 4 };
	int n = 0, err = rtp_queue_new(SLOTS, WAIT_MS, &q);

	CHECK_OK(err);
	for (size_t i = 0; i < ARRAY_SIZE(seqs); i++) {
		struct rtp_packet p = { .seq = seqs[i], .payload = plain };

		CHECK_OK(rtp_queue_put(q, &p, i));
		CHECK(!rtp_queue_next(q, i));
	}
	while ((o = rtp_queue_next(q, 200))) {
		CHECK_EQ(o->seq, want[n]);
		CHECK_EQ(o->gap, o->seq == 4);
		CHECK_EQ(o->arrival_ms, arrived[n]);
		n++;
	}
	CHECK_EQ(n, 5);
	CHECK_EQ(rtp_queue_counts(q)->lost, 1);
out:
	rtp_queue_free(q);
	return err;
}

/* One that was sent a quarter of a window before the first is the beginning. */
static int test_start_early(void)
{
	static const uint16_t seqs[] = { 100, 100 - SLOTS / 4 };
	struct rtp_queue *q = NULL;
	const struct rtp_packet *o;
	struct rtp_report report;
	int err = rtp_queue_new(SLOTS, WAIT_MS, &q);

	CHECK_OK(err);
	for (size_t i = 0; i < ARRAY_SIZE(seqs); i++) {
		struct rtp_packet p = { .seq = seqs[i], .payload = plain };

		CHECK_OK(rtp_queue_put(q, &p, i));
	}
	for (size_t i = ARRAY_SIZE(seqs); i--;) {
		o = rtp_queue_next(q, WAIT_MS);
		CHECK(o && o->seq == seqs[i]);
	}
	CHECK(!rtp_queue_next(q, WAIT_MS));
	CHECK_EQ(rtp_queue_counts(q)->lost, SLOTS / 4 - 1);
	CHECK(rtp_queue_report(q, &report));
	CHECK_EQ(report.highest_seq, 100);
	CHECK_EQ(report.lost, SLOTS / 4 - 1);
out:
	rtp_queue_free(q);
	return err;
}

static int test_restart(void)
{
	static const struct step steps[] = {
		{ 10, 1, 0, "10 " },
		{ 500, 2, 1, "" }, /* a stranger, once */
		{ 11, 1, 2, "11 " },
		{ 500, 2, 3, "" }, /* a new SSRC, confirmed */
		{ 501, 2, 4, "500g 501 " },
		{ 9000, 2, 5, "" }, /* a jump, confirmed */
		{ 9001, 2, 6, "9000g 9001 " },
		{ 70, 3, 500, "70g " }, /* after silence at once */
	};
	struct rtp_counts c;
	int err = play(steps, ARRAY_SIZE(steps), &c);

	CHECK_OK(err);
	CHECK_EQ(c.restarts, 3);
	CHECK_EQ(c.lost, 0);
out:
	return err;
}

static int put(struct rtp_queue *q, uint16_t seq)
{
	struct rtp_packet p = { .seq = seq, .ssrc = 7, .payload = plain };
	int err = rtp_queue_put(q, &p, 0);

	while (rtp_queue_next(q, 1000))
		;
	return err;
}

static int test_report(void)
{
	struct rtp_queue *q = NULL;
	struct rtp_report r;
	int err = rtp_queue_new(SLOTS, WAIT_MS, &q);

	CHECK_OK(err);
	CHECK(!rtp_queue_report(q, &r));
	for (int i = 0; i < 8; i++)
		if (i != 2 && i != 5)
			CHECK_OK(put(q, (uint16_t)(65530 + i)));
	CHECK(rtp_queue_report(q, &r));
	CHECK_EQ(r.ssrc, 7);
	CHECK_EQ(r.fraction_lost, 2 * 255 / 8);
	CHECK_EQ(r.lost, 2);
	CHECK_EQ(r.highest_seq, 0x10001);
	CHECK_OK(put(q, 2));
	CHECK(rtp_queue_report(q, &r));
	CHECK_EQ(r.fraction_lost, 0);
	CHECK_EQ(r.lost, 2);
out:
	rtp_queue_free(q);
	return err;
}

static int test_deadline(void)
{
	struct rtp_queue *q = NULL;
	struct rtp_packet p = { .seq = 1, .payload = plain };
	int err = rtp_queue_new(SLOTS, WAIT_MS, &q);

	CHECK_OK(err);
	CHECK_OK(rtp_queue_put(q, &p, 5));
	CHECK(!rtp_queue_next(q, 5));
	CHECK_EQ(rtp_queue_deadline(q), 5 + WAIT_MS);
	CHECK(rtp_queue_next(q, 5 + WAIT_MS));
	CHECK_EQ(rtp_queue_deadline(q), 0);
	p.seq = 3;
	CHECK_OK(rtp_queue_put(q, &p, 70));
	CHECK(!rtp_queue_next(q, 70));
	CHECK_EQ(rtp_queue_deadline(q), 70 + WAIT_MS);
	CHECK(rtp_queue_next(q, 70 + WAIT_MS));
	CHECK_EQ(rtp_queue_deadline(q), 0);
out:
	rtp_queue_free(q);
	return err;
}

/* A sender whose packets alternately come 10 ms late. */
static int test_jitter(void)
{
	struct rtp_jitter j = { .clock_rate = 8000 };
	int err = 0;

	for (unsigned i = 0; i < 400; i++)
		rtp_jitter_add(&j, 0xffffff00u + i * 160,
			       5000000 + i * 20000ull + (i & 1 ? 10000 : 0));
	CHECK(rtp_jitter_ticks(&j) >= 79 && rtp_jitter_ticks(&j) <= 81);
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "header", test_header, 0 },
	{ "header with everything", test_header_full, 0 },
	{ "malformed headers", test_header_bad, 0 },
	{ "order", test_order, 0 },
	{ "loss", test_loss, 0 },
	{ "start", test_start, 0 },
	{ "an early start", test_start_early, 0 },
	{ "restart", test_restart, 0 },
	{ "report", test_report, 0 },
	{ "deadline", test_deadline, 0 },
	{ "jitter", test_jitter, 0 },
};
UNIT_MAIN(tests)
