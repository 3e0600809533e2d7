/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_RTP_H
#define UPCAST_RTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"

/*
 * RTP (RFC 3550): the header, and a window that puts packets in order. Pure.
 */
enum { RTP_HEADER_LEN = 12 };

struct rtp_packet {
	uint8_t payload_type;
	bool marker;
	uint16_t seq;
	uint32_t timestamp, ssrc;
	const uint8_t *payload; /* borrowed; padding taken off */
	size_t len;
	/* Set by the queue. */
	bool gap; /* packets before this one are missing */
	uint64_t arrival_ms;
};

/* Errors: -EBADMSG. With rtcp-mux, rtp_is_rtcp() tells RTCP apart first. */
int rtp_parse(const uint8_t *data, size_t len,
	      struct rtp_packet *ret) ATTR_MUST_CHECK;

/* RFC 5761 section 4: packet types 192 to 223 are RTCP's. */
static inline bool rtp_is_rtcp(const uint8_t *data, size_t len)
{
	return len >= 2 && data[1] >= 192 && data[1] <= 223;
}

/*
 * The queue of one stream. A packet that is the next one passes through as it
 * is; one that is early is copied and waits for those before it, until the
 * window is full or the wait is over; then they count as lost. The very first
 * packets are held back for that wait: one that was sent before them may
 * follow. What jumps in sequence, or has another SSRC while the old one still
 * sends, waits as a probe until its successor confirms that the sender has
 * begun anew.
 *
 *	err = rtp_queue_put(q, &packet, now_ms);
 *	while ((p = rtp_queue_next(q, now_ms)))
 *		use(p);
 *
 * After each put rtp_queue_next() must be called until it gives NULL, since `p`
 * may borrow the bytes of the packet that was put. It is also to be called at
 * rtp_queue_deadline().
 */
struct rtp_queue;

struct rtp_counts {
	uint64_t packets, bytes; /* taken in, payload */
	uint64_t lost;		 /* given up; those that come later still */
	uint64_t late;		 /* are counted here as well */
	uint64_t duplicate, reordered, restarts;
};

/* `slots`: packets of the window, a power of two. -ENOMEM. */
int rtp_queue_new(unsigned slots, uint32_t wait_ms,
		  struct rtp_queue **ret_queue) ATTR_MUST_CHECK;
void rtp_queue_free(struct rtp_queue *q);

/* -ENOMEM: it is as if it had not come. */
int rtp_queue_put(struct rtp_queue *q, const struct rtp_packet *p,
		  uint64_t now_ms) ATTR_MUST_CHECK;
const struct rtp_packet *rtp_queue_next(struct rtp_queue *q, uint64_t now_ms);

/* When rtp_queue_next() will give up a gap; 0: nothing waits. */
uint64_t rtp_queue_deadline(const struct rtp_queue *q);

/* Forgets the stream, keeps the counts: for other media on the same port. */
void rtp_queue_reset(struct rtp_queue *q);

const struct rtp_counts *rtp_queue_counts(const struct rtp_queue *q);
/* True if anything was received; then `ret_ssrc` is whose. */
bool rtp_queue_ssrc(const struct rtp_queue *q, uint32_t *ret_ssrc);

/* The figures of a receiver report, RFC 3550 section 6.4.1. */
struct rtp_report {
	uint32_t ssrc;
	uint8_t fraction_lost;
	int32_t lost;
	uint32_t highest_seq;
};

/* False without a stream. Each call begins a new interval. */
bool rtp_queue_report(struct rtp_queue *q, struct rtp_report *ret);

/* Interarrival jitter, RFC 3550 section 6.4.1 and appendix A.8. */
struct rtp_jitter {
	uint32_t clock_rate;
	bool started;
	int64_t transit, sum; /* `sum`: 16 times the jitter, in ticks */
};

void rtp_jitter_add(struct rtp_jitter *j, uint32_t timestamp,
		    uint64_t arrival_us);
static inline uint32_t rtp_jitter_ticks(const struct rtp_jitter *j)
{
	return (uint32_t)(j->sum >> 4);
}

#endif
