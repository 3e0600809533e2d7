/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_CLOCK_H
#define UPCAST_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * RTP timestamps of a call's audio and video on one timeline, in milliseconds.
 * Pure.
 *
 * Until sender reports (RFC 3550 section 6.4.1) of both media have come, a
 * medium begins where its first packet arrived and then follows its own
 * timestamps. Reports say how far the two are apart: if they come before a
 * medium begins, it begins in its place; if later, video is led there, a little
 * with each picture, never in a jump, and audio keeps its even spacing. A
 * medium whose timestamps leap, or that has a new SSRC, goes on from where it
 * was. No lane's time ever goes back, but for pictures whose timestamps do (B
 * pictures, in the order of decoding).
 *
 *	clock_init(&c, 90000, 32000);
 *	ms = clock_map(&c, CLOCK_VIDEO, packet.timestamp, arrival_ms);
 */
/* When the first packet of all is: what belongs before it has room. */
enum { CLOCK_START_MS = 1000 };

enum clock_lane_id { CLOCK_AUDIO, CLOCK_VIDEO, CLOCK_LANES };

struct clock_lane {
	uint32_t rate; /* ticks a second */
	bool started;
	uint32_t last;	/* timestamp of `ticks` */
	int64_t ticks;	/* since the lane's begin, unwrapped */
	double base_ms; /* time of tick 0 */
	double arrival_ms;
	int64_t out_ms; /* the latest that was told */

	bool has_early; /* a report from before the first packet */
	uint32_t early_timestamp;
	uint64_t early_ntp;

	bool has_report;
	int64_t report_ticks;
	double report_ms; /* the sender's clock then */
};

struct clock {
	struct clock_lane lane[CLOCK_LANES];
	double origin_ms; /* arrival of the first packet of all */
	bool started;
	double lead_ms; /* video is to move by this, in total */
};

/* A rate of 0: there is no such medium. */
void clock_init(struct clock *c, uint32_t audio_rate, uint32_t video_rate);
/* Another rate or SSRC: the lane is anchored anew at its next packet. */
void clock_restart(struct clock *c, enum clock_lane_id id, uint32_t rate);

/* The time of a timestamp that arrived at `arrival_ms` of any clock. */
uint64_t clock_map(struct clock *c, enum clock_lane_id id, uint32_t timestamp,
		   uint64_t arrival_ms);

/* A sender report: that timestamp was `ntp` (32.32 bits) at the sender. */
void clock_report(struct clock *c, enum clock_lane_id id, uint32_t timestamp,
		  uint64_t ntp);

#endif
