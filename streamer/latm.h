/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_LATM_H
#define UPCAST_LATM_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/attr.h"
#include "streamer/asc.h"
#include "streamer/bits.h"

/*
 * The multiplex of LATM (ISO/IEC 14496-3 section 1.7.3) as far as RTP uses it:
 * one program, one layer, frames of variable length. Pure.
 */
struct latm_mux {
	struct asc asc;
	uint8_t frames;		  /* in each AudioMuxElement */
	uint32_t other_data_bits; /* behind them */
};

/* StreamMuxConfig. Errors: -EBADMSG, -ENOTSUP, -EMSGSIZE. */
int latm_read_mux(struct bits *b, struct latm_mux *ret) ATTR_MUST_CHECK;

/* PayloadLengthInfo: bytes of the next frame; check `b->overrun`. */
uint32_t latm_read_length(struct bits *b);

#endif
