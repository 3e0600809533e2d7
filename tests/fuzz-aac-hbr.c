/* SPDX-License-Identifier: MIT */
#include "tests/fuzz.h"

#include <stdlib.h>

#include "lib/buf.h"
#include "streamer/aac.h"

static void on_config(void *arg, const struct asc *asc)
{
	if (!asc->sample_rate || !asc->len)
		abort();
}

static void on_frame(void *arg, const uint8_t *frame, size_t len,
		     uint32_t timestamp)
{
	if (!len || len > AAC_FRAME_MAX)
		abort();
}

/*
 * Five bytes of configuration (the first also tells how many count), three of
 * lengths, then payloads, each behind two bytes: 1 bit marker, 1 bit gap, 2
 * bits of timestamp, 12 bits of length.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct aac_handler handler = { on_config, on_frame };
	struct aac_format format = { .clock_rate = 48000, .config = data };
	struct aac *a;

	if (size < 8)
		return 0;
	format.config_len = data[0] >> 5;
	format.size_length = data[5];
	format.index_length = data[6];
	format.index_delta_length = data[7];
	if (aac_new(&format, &handler, NULL, &a))
		return 0;
	data += 8;
	size -= 8;
	while (size > 2) {
		size_t n = buf_get_u16(data) & 0x0fff;
		struct rtp_packet p = { .marker = data[0] >> 7,
					.gap = data[0] >> 6 & 1,
					.timestamp = data[0] >> 4 & 3,
					.payload = data + 2 };

		p.len = n < size - 2 ? n : size - 2;
		aac_push(a, &p);
		data += 2 + p.len;
		size -= 2 + p.len;
	}
	aac_free(a);
	return 0;
}
