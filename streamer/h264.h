/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_H264_H
#define UPCAST_H264_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "streamer/rtp.h"
#include "streamer/slice.h"

/*
 * H.264 out of RTP (RFC 6184, packetization modes 0 and 1): single NAL units,
 * STAP-A and FU-A become access units. Pure.
 *
 * Packets come in order, with `gap` where some are missing. An access unit ends
 * at the marker, or where the timestamp changes. Parameter sets, access unit
 * delimiters and filler are taken out of it: the sets are told when they
 * change, before the key frame that follows.
 *
 * After a loss, and at the start, access units are left out until a whole IDR
 * picture with its parameter sets has come: a decoder must not be shown
 * pictures whose references are missing. h264_needs_key() is true meanwhile.
 *
 * Life cycle: h264_new(), h264_free(). The handler's slices are borrowed.
 */
enum {
	H264_UNIT_MAX = 2 << 20, /* bytes of an access unit */
	H264_NALS_MAX = 512,	 /* and NAL units */
	H264_SET_MAX = 1024,	 /* bytes of a parameter set */
	H264_PPS_MAX = 8,
};

struct h264_unit {
	const struct slice *nals; /* each of them whole */
	size_t count;
	bool key; /* an IDR picture */
	uint32_t timestamp;
};

struct h264_handler {
	void (*on_unit)(void *arg, const struct h264_unit *unit);
	/* New parameter sets; those that are in use. */
	void (*on_config)(void *arg, const struct slice *sps,
			  const struct slice *pps, size_t pps_count);
};

struct h264_counts {
	uint64_t units, keys; /* handed over */
	uint64_t dropped;
};

struct h264;

int h264_new(const struct h264_handler *handler, void *arg,
	     struct h264 **ret_h264) ATTR_MUST_CHECK;
void h264_free(struct h264 *h);

/*
 * Parameter sets that came with the signalling: NAL units, each behind two
 * bytes of length. What is no parameter set is passed over.
 */
void h264_set_sprop(struct h264 *h, const uint8_t *sprop, size_t len);

/* One packet. -ENOMEM: the access unit counts as damaged. */
int h264_push(struct h264 *h, const struct rtp_packet *p) ATTR_MUST_CHECK;

bool h264_needs_key(const struct h264 *h);
const struct h264_counts *h264_counts(const struct h264 *h);

#endif
