/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_AAC_H
#define UPCAST_AAC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "streamer/asc.h"
#include "streamer/rtp.h"

/*
 * AAC out of RTP: MP4A-LATM (RFC 6416, ISO/IEC 14496-3 section 1.7) and
 * mpeg4-generic in mode AAC-hbr (RFC 3640 section 3.3.6). Pure.
 *
 * Raw frames come out, and the AudioSpecificConfig that they are to be decoded
 * with: from the signalling, or from the stream itself with LATM. One program,
 * one layer. A frame may come in pieces; several may come in one packet.
 * Interleaved frames are not taken.
 *
 * Life cycle: aac_new(), aac_free(). What the handler gets is borrowed.
 */
enum {
	AAC_FRAME_MAX = 8 << 10,    /* bytes: 6 channels at the most */
	AAC_ELEMENT_MAX = 64 << 10, /* of what comes in pieces */
};

struct aac_handler {
	/* Before the first frame, and when it has changed. */
	void (*on_config)(void *arg, const struct asc *asc);
	void (*on_frame)(void *arg, const uint8_t *frame, size_t len,
			 uint32_t timestamp);
};

struct aac_format {
	bool latm; /* else AAC-hbr */
	uint32_t clock_rate;
	/* From the signalling: StreamMuxConfig of LATM, AudioSpecificConfig
	 * of AAC-hbr; with `in_band`, the stream holds the former. */
	const uint8_t *config;
	size_t config_len;
	bool in_band;
	/* AAC-hbr; three zeroes mean 13, 3 and 3. */
	uint8_t size_length, index_length, index_delta_length;
};

struct aac_counts {
	uint64_t frames;
	uint64_t dropped; /* packets that were of no use */
};

struct aac;

/* Errors: those of asc_parse(), -EINVAL no such lengths or rate, -ENOMEM. */
int aac_new(const struct aac_format *format, const struct aac_handler *handler,
	    void *arg, struct aac **ret_aac) ATTR_MUST_CHECK;
void aac_free(struct aac *a);

/* One packet, in order; what is of no use is counted. */
void aac_push(struct aac *a, const struct rtp_packet *p);

const struct aac_counts *aac_counts(const struct aac *a);

#endif
