/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_CALLER_CLIP_H
#define UPCAST_CALLER_CLIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/err.h"
#include "tests/caller/srtp_out.h"

/*
 * A film as the packets of a call: H.264 in packetization mode 1, AAC as
 * MP4A-LATM with its configuration in band, or as mpeg4-generic. All are made
 * (and encrypted) once, for as long as the calls last, and every call sends the
 * same bytes: this is what makes hundreds of calls cheap.
 *
 * The film is what ffmpeg can copy into FLV: MP4 with H.264 and AAC. It is
 * played over and over.
 */
enum clip_medium { CLIP_AUDIO, CLIP_VIDEO, CLIP_MEDIA };

enum {
	CLIP_MTU = 1200, /* bytes of an RTP packet, before encryption */
	CLIP_PACKET_MAX = 1500,
	CLIP_VIDEO_RATE = 90000,
};

struct clip_config {
	const char *path;
	uint32_t seconds; /* how much to prepare */
	bool generic;	  /* mpeg4-generic, not LATM */
	uint8_t payload_type[CLIP_MEDIA];
	uint32_t ssrc[CLIP_MEDIA];
	uint16_t first_seq[CLIP_MEDIA];
	uint32_t first_ts[CLIP_MEDIA];
	struct srtp_out *srtp; /* NULL: in the clear */
};

struct clip_packet {
	uint64_t due_us; /* since the start of the call */
	size_t at;	 /* in `data` */
	uint16_t len;
	uint8_t medium;
	bool key; /* begins a key frame */
};

struct clip {
	uint8_t *data;
	size_t size, room;
	struct clip_packet *packets; /* in the order of `due_us` */
	size_t count, packets_room;
	uint32_t audio_rate;
	uint8_t channels;
	uint8_t asc[8];
	size_t asc_len;
	uint32_t profile_level_id;
	uint64_t frames[CLIP_MEDIA]; /* in one round of the film */
};

/* Errors: with a sentence. */
int clip_new(const struct clip_config *config, struct clip **ret_clip,
	     struct err *err) ATTR_MUST_CHECK;
void clip_free(struct clip *clip);

/* The RTP timestamp of a moment of the call. */
uint32_t clip_rtp_time(const struct clip *clip, const struct clip_config *c,
		       enum clip_medium medium, uint64_t at_us);

#endif
