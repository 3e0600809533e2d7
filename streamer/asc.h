/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_ASC_H
#define UPCAST_ASC_H

#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "streamer/bits.h"

/*
 * AudioSpecificConfig (ISO/IEC 14496-3 section 1.6.2.1): what an AAC decoder
 * has to know. Pure. Taken is AAC-LC, alone or under explicitly signalled SBR
 * and PS.
 */
enum { ASC_MAX = 64 };

struct asc {
	uint8_t bytes[ASC_MAX]; /* as it was, moved to a byte's beginning */
	uint8_t len;
	uint8_t channels;	/* 0: told by the stream's elements */
	uint32_t sample_rate;	/* of the core */
	uint16_t frame_samples; /* of the core: 1024 or 960 */
};

/*
 * Reads a configuration that ends at `len`: what follows the known part is
 * kept, since decoders find SBR there. Errors: -EBADMSG; -ENOTSUP another
 * kind of audio; -EMSGSIZE.
 */
int asc_parse(const uint8_t *data, size_t len,
	      struct asc *ret) ATTR_MUST_CHECK;
/* Reads one whose end only its content tells; `b` is moved behind it. */
int asc_read(struct bits *b, struct asc *ret) ATTR_MUST_CHECK;

#endif
