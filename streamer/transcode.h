/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_TRANSCODE_H
#define UPCAST_TRANSCODE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/attr.h"
#include "streamer/aac.h"
#include "streamer/msg.h"

/*
 * Audio other than AAC made into AAC-LC: Opus (RFC 7587), G.722 and G.711 (RFC
 * 3551). Optional: without libavcodec, transcode_new() is -ENOTSUP and
 * transcode_is_available() false.
 *
 * Speech codecs keep their sampling rate, so that the encoder costs little.
 * What packets are missing of is filled with silence, up to a second; after
 * that the stream begins anew.
 *
 * Life cycle: transcode_new(), transcode_free(). The handler is that of aac.h;
 * timestamps are of the RTP clock.
 */
struct transcode;

/* Once in a program, before threads. */
void transcode_start(void);
bool transcode_is_available(void);

/* `channels`: of what comes out, 1 or 2; 0 is 1. Errors: -ENOTSUP, -ENOMEM. */
int transcode_new(enum msg_codec codec, uint32_t clock_rate, uint8_t channels,
		  const struct aac_handler *handler, void *arg,
		  struct transcode **ret_transcode) ATTR_MUST_CHECK;
void transcode_free(struct transcode *t);

/* One packet, in order; what is of no use is left out. */
void transcode_push(struct transcode *t, const struct rtp_packet *p);

#endif
