/* SPDX-License-Identifier: MIT */
#include "streamer/rtp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"

/*
 * MAX_DROPOUT as in RFC 3550 appendix A.1. Behind the window's beginning only
 * as many packets count as late as a network delays; a larger step back is a
 * restart. After SILENCE_MS another SSRC needs no confirmation.
 */
enum { MAX_DROPOUT = 3000, MAX_LATE = 256, HISTORY = 64, SILENCE_MS = 200 };

int rtp_parse(const uint8_t *data, size_t len, struct rtp_packet *ret)
{
	size_t head = RTP_HEADER_LEN, pad = 0;

	if (len < head || data[0] >> 6 != 2)
		return -EBADMSG;
	head += 4u * (data[0] & 0x0f);
	if (data[0] & 0x10) {
		if (len < head + 4)
			return -EBADMSG;
		head += 4 + 4u * buf_get_u16(data + head + 2);
	}
	if (data[0] & 0x20)
		pad = data[len - 1] ? data[len - 1] : len;
	if (head + pad > len)
		return -EBADMSG;
	*ret = (struct rtp_packet){
		.payload_type = data[1] & 0x7f,
		.marker = data[1] >> 7,
		.seq = buf_get_u16(data + 2),
		.timestamp = buf_get_u32(data + 4),
		.ssrc = buf_get_u32(data + 8),
		.payload = data + head,
		.len = len - head - pad,
	};
	return 0;
}

/* A packet that waits; its bytes are its own, freed when it is given out. */
struct slot {
	struct rtp_packet packet;
	uint8_t *data; /* NULL: it is free */
};

struct rtp_queue {
	unsigned mask;
	uint32_t wait_ms;

	bool started;
	uint32_t ssrc;
	uint32_t next;	  /* extended sequence number that is due */
	uint64_t history; /* bit n: next - 1 - n was received */
	bool gap;	  /* since the last packet that was given out */
	bool settling;	  /* the very first may have come out of order */
	uint64_t settle_ms;
	uint64_t heard_ms;

	struct rtp_packet passing; /* borrowed: the one of the last put */
	bool is_passing;
	unsigned held;
	struct slot probe; /* what may be the begin of something new */
	uint8_t *given;	   /* bytes of what was given out last */

	struct rtp_counts counts;
	/* For reports. */
	uint32_t base, highest;
	uint64_t received, prior_expected, prior_received;

	struct slot *slots;
};

int rtp_queue_new(unsigned slots, uint32_t wait_ms,
		  struct rtp_queue **ret_queue)
{
	struct rtp_queue *q = calloc(1, sizeof(*q));

	if (!q)
		return -ENOMEM;
	q->mask = slots - 1;
	q->wait_ms = wait_ms;
	q->slots = calloc(slots, sizeof(*q->slots));
	if (!q->slots) {
		rtp_queue_free(q);
		return -ENOMEM;
	}
	*ret_queue = q;
	return 0;
}

static void clear(struct slot *s)
{
	free(s->data);
	s->data = NULL;
}

static void clear_all(struct rtp_queue *q)
{
	for (unsigned i = 0; q->slots && i <= q->mask; i++)
		clear(&q->slots[i]);
	clear(&q->probe);
}

void rtp_queue_free(struct rtp_queue *q)
{
	if (!q)
		return;
	clear_all(q);
	free(q->given);
	free(q->slots);
	free(q);
}

void rtp_queue_reset(struct rtp_queue *q)
{
	clear_all(q);
	q->held = 0;
	q->is_passing = false;
	q->gap = q->started; /* what comes next does not continue this */
	q->started = q->settling = false;
	q->history = 0;
	q->received = q->prior_expected = q->prior_received = 0;
}

static struct slot *slot_of(const struct rtp_queue *q, uint32_t seq)
{
	return &q->slots[seq & q->mask];
}

/* Without memory it has not come. */
static int keep(struct slot *s, const struct rtp_packet *p, uint64_t now_ms)
{
	uint8_t *data = malloc(p->len + 1);

	if (!data)
		return -ENOMEM;
	memcpy(data, p->payload, p->len);
	clear(s);
	*s = (struct slot){ *p, data };
	s->packet.payload = data;
	s->packet.arrival_ms = now_ms;
	return 0;
}

static void pass(struct rtp_queue *q, const struct rtp_packet *p,
		 uint64_t now_ms)
{
	q->passing = *p;
	q->passing.arrival_ms = now_ms;
	q->is_passing = true;
}

/* The first packet of a stream. */
static void begin(struct rtp_queue *q, const struct rtp_packet *p)
{
	q->settling = false;
	q->started = true;
	q->ssrc = p->ssrc;
	q->next = 0x10000u + p->seq;
	q->base = q->highest = q->next;
}

static void count_in(struct rtp_queue *q, const struct rtp_packet *p,
		     uint32_t seq)
{
	q->counts.packets++;
	q->counts.bytes += p->len;
	q->received++;
	if ((int32_t)(seq - q->highest) > 0)
		q->highest = seq;
	else if (seq != q->base)
		q->counts.reordered++;
}

static bool was_received(const struct rtp_queue *q, uint32_t behind)
{
	return behind <= HISTORY && q->history >> (behind - 1) & 1;
}

static void put_late(struct rtp_queue *q, uint32_t behind)
{
	if (was_received(q, behind)) {
		q->counts.duplicate++;
		return;
	}
	q->counts.late++;
	if (behind <= HISTORY)
		q->history |= 1ull << (behind - 1);
}

/*
 * The window is too small for what comes: rtp_queue_next() gives out what is
 * held, as if the wait were over, and then this one.
 */
static int put_ahead(struct rtp_queue *q, const struct rtp_packet *p,
		     uint32_t ahead, uint64_t now_ms)
{
	struct slot *s = slot_of(q, q->next + ahead);
	int err;

	if (ahead > q->mask) {
		pass(q, p, now_ms);
	} else if (s->data) {
		q->counts.duplicate++;
		return 0;
	} else {
		err = keep(s, p, now_ms);
		if (err)
			return err;
		q->held++;
	}
	count_in(q, p, q->next + ahead);
	return 0;
}

/* True if `p` continues where the probe began: then both are the stream. */
static bool is_confirmed(struct rtp_queue *q, const struct rtp_packet *p)
{
	return q->probe.data && q->probe.packet.ssrc == p->ssrc &&
	       (uint16_t)(q->probe.packet.seq + 1) == p->seq;
}

static int restart(struct rtp_queue *q, const struct rtp_packet *p,
		   uint64_t now_ms)
{
	struct slot first = q->probe;

	q->probe.data = NULL;
	rtp_queue_reset(q);
	q->counts.restarts++;
	begin(q, &first.packet);
	first.packet.arrival_ms = now_ms;
	*slot_of(q, q->next) = first;
	q->held = 1;
	count_in(q, &first.packet, q->next);
	return put_ahead(q, p, 1, now_ms);
}

/* What does not fit: alone it is noise, with a successor a new beginning. */
static int put_probe(struct rtp_queue *q, const struct rtp_packet *p,
		     uint64_t now_ms)
{
	return is_confirmed(q, p) ? restart(q, p, now_ms)
				  : keep(&q->probe, p, now_ms);
}

static int put_in_stream(struct rtp_queue *q, const struct rtp_packet *p,
			 uint64_t now_ms)
{
	int ahead = (int16_t)(p->seq - (uint16_t)q->next);

	if (ahead >= MAX_DROPOUT || ahead < -MAX_LATE)
		return put_probe(q, p, now_ms);
	q->heard_ms = now_ms;
	clear(&q->probe);
	if (ahead > 0)
		return put_ahead(q, p, (uint32_t)ahead, now_ms);
	if (ahead) {
		put_late(q, (uint32_t)-ahead);
	} else {
		pass(q, p, now_ms);
		count_in(q, p, q->next);
	}
	return 0;
}

/* The first that is held; there is one. */
static uint32_t first_held(const struct rtp_queue *q)
{
	uint32_t seq = q->next;

	while (!slot_of(q, seq)->data)
		seq++;
	return seq;
}

/*
 * Packets that were sent before the first one to arrive may follow it, and
 * are the begin of a key frame that nobody wants to wait for again: leave room
 * in front, and a moment for them.
 */
static void settle(struct rtp_queue *q, uint64_t now_ms)
{
	q->settling = true;
	q->settle_ms = now_ms + q->wait_ms;
	q->next -= (q->mask + 1) / 4;
}

/* The one of the last put is before all that are held. */
static bool is_due(const struct rtp_queue *q)
{
	return q->is_passing && q->passing.seq == (uint16_t)q->next;
}

static void end_settling(struct rtp_queue *q)
{
	q->settling = false;
	if (is_due(q))
		q->base = q->next;
	else if (q->held)
		q->base = first_held(q);
	q->next = q->base;
}

int rtp_queue_put(struct rtp_queue *q, const struct rtp_packet *p,
		  uint64_t now_ms)
{
	if (q->started && p->ssrc != q->ssrc) {
		if (now_ms - q->heard_ms < SILENCE_MS)
			return put_probe(q, p, now_ms);
		rtp_queue_reset(q);
		q->counts.restarts++;
	}
	if (!q->started) {
		begin(q, p);
		if (!q->counts.packets)
			settle(q, now_ms);
	}
	return put_in_stream(q, p, now_ms);
}

/* Moves the window's begin behind `seq`, which is given out now. */
static void advance(struct rtp_queue *q, uint32_t seq)
{
	uint32_t skipped = seq - q->next;

	q->counts.lost += skipped;
	q->gap |= skipped > 0;
	q->history = skipped + 1 < HISTORY ? q->history << (skipped + 1) : 0;
	q->history |= 1;
	q->next = seq + 1;
}

static const struct rtp_packet *give(struct rtp_queue *q, struct rtp_packet *p,
				     uint32_t seq)
{
	advance(q, seq);
	p->gap = q->gap;
	q->gap = false;
	return p;
}

static const struct rtp_packet *give_held(struct rtp_queue *q, uint32_t seq)
{
	struct slot *s = slot_of(q, seq);

	free(q->given);
	q->given = s->data;
	s->data = NULL;
	q->held--;
	return give(q, &s->packet, seq);
}

static const struct rtp_packet *give_passing(struct rtp_queue *q)
{
	uint32_t ahead = (uint16_t)(q->passing.seq - (uint16_t)q->next);

	q->is_passing = false;
	return give(q, &q->passing, q->next + ahead);
}

const struct rtp_packet *rtp_queue_next(struct rtp_queue *q, uint64_t now_ms)
{
	uint32_t seq;

	if (q->settling) {
		if (now_ms < q->settle_ms && !q->is_passing)
			return NULL;
		end_settling(q);
	}
	if (is_due(q) || (q->is_passing && !q->held))
		return give_passing(q);
	if (!q->held)
		return NULL;
	seq = first_held(q);
	if (seq == q->next || q->is_passing ||
	    now_ms - slot_of(q, seq)->packet.arrival_ms >= q->wait_ms)
		return give_held(q, seq);
	return NULL;
}

uint64_t rtp_queue_deadline(const struct rtp_queue *q)
{
	if (!q->held)
		return 0;
	if (q->settling)
		return q->settle_ms;
	return slot_of(q, first_held(q))->packet.arrival_ms + q->wait_ms;
}

const struct rtp_counts *rtp_queue_counts(const struct rtp_queue *q)
{
	return &q->counts;
}

bool rtp_queue_ssrc(const struct rtp_queue *q, uint32_t *ret_ssrc)
{
	if (q->started)
		*ret_ssrc = q->ssrc;
	return q->started;
}

bool rtp_queue_report(struct rtp_queue *q, struct rtp_report *ret)
{
	uint64_t expected = (uint64_t)(q->highest - q->base) + 1;
	int64_t due, missed, lost;

	if (!q->started)
		return false;
	due = (int64_t)(expected - q->prior_expected);
	missed = due - (int64_t)(q->received - q->prior_received);
	lost = (int64_t)(expected - q->received);
	*ret = (struct rtp_report){
		.ssrc = q->ssrc,
		.fraction_lost = due > 0 && missed > 0
					 ? (uint8_t)(missed * 255 / due)
					 : 0,
		.lost = lost > 0x7fffff ? 0x7fffff : (int32_t)lost,
		/* Cycles are counted from 0, RFC 3550 appendix A.1. */
		.highest_seq = q->highest - 0x10000u,
	};
	q->prior_expected = expected;
	q->prior_received = q->received;
	return true;
}

void rtp_jitter_add(struct rtp_jitter *j, uint32_t timestamp,
		    uint64_t arrival_us)
{
	uint64_t ticks = arrival_us / 1000000 * j->clock_rate +
			 arrival_us % 1000000 * j->clock_rate / 1000000;
	int32_t transit = (int32_t)((uint32_t)ticks - timestamp);
	int64_t d = (int32_t)((uint32_t)transit - (uint32_t)j->transit);

	j->transit = transit;
	if (!j->started || llabs(d) > 30 * (int64_t)j->clock_rate) {
		j->started = true;
		return;
	}
	j->sum += llabs(d) - ((j->sum + 8) >> 4);
	if (j->sum < 0)
		j->sum = 0;
}
