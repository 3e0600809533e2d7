/* SPDX-License-Identifier: MIT */
#include "tests/fuzz.h"

#include <stdlib.h>

#include "streamer/h264.h"
#include "streamer/order.h"
#include "streamer/sps.h"
#include "tests/fuzz_payload.h"

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
	struct sps s;

	if ((sps->data[0] & 0x1f) != 7 || !pps_count ||
	    pps_count > H264_PPS_MAX || (pps->data[0] & 0x1f) != 8)
		abort();
	if (!sps_parse(sps->data, (uint32_t)sps->len, &s) &&
	    s.reorder > ORDER_DEPTH_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct h264_handler handler = { on_unit, on_config };
	struct rtp_packet p;
	struct h264 *h;

	if (h264_new(&handler, NULL, &h))
		return 0;
	while (fuzz_payload(&data, &size, &p) && !h264_push(h, &p))
		;
	h264_free(h);
	return 0;
}
