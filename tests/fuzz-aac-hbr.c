/* SPDX-License-Identifier: MIT */
#include "tests/fuzz.h"

#include <stdlib.h>

#include "streamer/aac.h"
#include "tests/fuzz_payload.h"

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
 * lengths, then payloads.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct aac_handler handler = { on_config, on_frame };
	struct aac_format format = { .clock_rate = 48000, .config = data };
	struct rtp_packet p;
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
	while (fuzz_payload(&data, &size, &p))
		aac_push(a, &p);
	aac_free(a);
	return 0;
}
