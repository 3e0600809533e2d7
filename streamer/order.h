/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_ORDER_H
#define UPCAST_ORDER_H

#include <stdint.h>

/*
 * When H.264 pictures are to be decoded. RTP says when they are shown (RFC 6184
 * section 5.1) and brings them in decoding order, which is another one where
 * there are B pictures; FLV wants both times. Pure.
 *
 * A picture is decoded when the one is shown that comes `depth` pictures before
 * it in the order of showing. The depth is that of the sequence parameter set;
 * where pictures turn out to be further apart than it says, it grows. Decoding
 * times never go back. Without B pictures both times are the same.
 *
 * order_begin() for each new set of parameters; a zeroed struct is one of depth
 * 0 already.
 */
enum { ORDER_DEPTH_MAX = 16 };

struct order {
	unsigned depth;
	uint32_t interval_ms; /* about, from one picture to the next */
	unsigned count;
	uint64_t shown_ms[ORDER_DEPTH_MAX + 1]; /* the latest first */
	uint64_t last_ms;			/* decoding time */
};

void order_begin(struct order *o, unsigned depth, uint32_t interval_ms);
uint64_t order_next(struct order *o, uint64_t pts_ms);

#endif
