/* SPDX-License-Identifier: MIT */
#ifndef CALLER_CLIP_H
#define CALLER_CLIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"

/*
 * A clip as RTP packets, made once and sent by all calls: the headers say what
 * is the same for all (payload types are set when it is known), sequence
 * number, timestamp and SSRC are filled in with each call.
 */
enum { CLIP_MTU = 1200, CLIP_PACKET_MAX = 1400 };

enum clip_kind { CLIP_VIDEO, CLIP_LATM, CLIP_HBR, CLIP_KINDS };

struct clip_packet {
	uint32_t at_us; /* from the clip's beginning */
	uint8_t kind;
	bool marker;
	bool key;	 /* the first packet of a key frame */
	uint32_t ticks;	 /* RTP timestamp from the beginning */
	uint32_t offset; /* of the payload in `bytes` */
	uint16_t len;
};

struct clip {
	struct clip_packet *packets; /* in the order of their times */
	size_t count, size;
	uint8_t *bytes;
	size_t bytes_len, bytes_size;
	uint32_t duration_us;
	uint32_t audio_rate, audio_channels;
	uint8_t asc[64], sets[2048]; /* `sets`: SPS and PPS as STAP-A */
	size_t asc_len, sets_len, nal_size;
	char profile[7]; /* profile-level-id */
};

/* Any file that ffmpeg reads as H.264 and AAC. -EIO, with a line on stderr. */
int clip_load(const char *path, struct clip *ret) ATTR_MUST_CHECK;
void clip_release(struct clip *c);

#endif
