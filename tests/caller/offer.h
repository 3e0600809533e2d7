/* SPDX-License-Identifier: MIT */
#ifndef CALLER_OFFER_H
#define CALLER_OFFER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "streamer/suite.h"
#include "tests/caller/clip.h"

/* The session description of a bridge: what a streamer takes, and the lines
 * around it that it has to decline. */
struct offer {
	const char *local;
	bool is_ipv6, video, inactive, optional_crypto, no_feedback;
	uint16_t port; /* RTP of both media; RTCP is on the next */
	int audio;     /* 0 none, 1 LATM, 2 AAC-hbr */
	const struct suite_key *key; /* video, audio */
	const struct clip *clip;
	unsigned version;
};

int offer_format(const struct offer *o, struct buf *dst) ATTR_MUST_CHECK;

#endif
