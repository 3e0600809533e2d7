/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_FUZZ_PAYLOAD_H
#define UPCAST_FUZZ_PAYLOAD_H

#include <stdbool.h>

#include "lib/buf.h"
#include "streamer/rtp.h"

/*
 * The next of the payloads in a fuzzer's input, false at its end. Each stands
 * behind two bytes: 1 bit marker, 1 bit gap, 2 bits of timestamp, 12 bits of
 * length.
 */
static inline bool fuzz_payload(const uint8_t **data, size_t *size,
				struct rtp_packet *ret)
{
	const uint8_t *at = *data;
	size_t n;

	if (*size <= 2)
		return false;
	n = buf_get_u16(at) & 0x0fff;
	*ret = (struct rtp_packet){ .marker = at[0] >> 7,
				    .gap = at[0] >> 6 & 1,
				    .timestamp = at[0] >> 4 & 3,
				    .payload = at + 2,
				    .len = n < *size - 2 ? n : *size - 2 };
	*data += 2 + ret->len;
	*size -= 2 + ret->len;
	return true;
}

#endif
