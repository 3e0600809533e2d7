/* SPDX-License-Identifier: MIT */
#include "tests/fuzz.h"

#include <stdlib.h>

#include "lib/buf.h"
#include "streamer/h264.h"

static void on_unit(void *arg, const struct h264_unit *u)
{
	size_t total = 0;

	if (!u->count || u->count > H264_NALS_MAX)
		abort();
	for (size_t i = 0; i < u->count; i++) {
		total += u->nals[i].len;
		if (u->nals[i].len < 2 || !u->nals[i].data[0])
			abort();
	}
	if (total > H264_UNIT_MAX)
		abort();
}

static void on_config(void *arg, const struct slice *sps,
		      const struct slice *pps, size_t pps_count)
{
	if ((sps->data[0] & 0x1f) != 7 || !pps_count ||
	    pps_count > H264_PPS_MAX || (pps->data[0] & 0x1f) != 8)
		abort();
}

/*
 * Payloads, each behind two bytes: 1 bit marker, 1 bit gap, 2 bits of
 * timestamp, 12 bits of length.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct h264_handler handler = { on_unit, on_config };
	struct h264 *h;

	if (h264_new(&handler, NULL, &h))
		return 0;
	while (size > 2) {
		size_t n = buf_get_u16(data) & 0x0fff;
		struct rtp_packet p = { .marker = data[0] >> 7,
					.gap = data[0] >> 6 & 1,
					.timestamp = data[0] >> 4 & 3,
					.payload = data + 2 };

		p.len = n < size - 2 ? n : size - 2;
		if (h264_push(h, &p))
			break;
		data += 2 + p.len;
		size -= 2 + p.len;
	}
	h264_free(h);
	return 0;
}
