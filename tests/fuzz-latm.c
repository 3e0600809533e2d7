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
 * Payloads, with the configuration in band; all of it is tried as one of the
 * signalling, too.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct aac_handler handler = { on_config, on_frame };
	struct aac_format format = { .latm = true,
				     .clock_rate = 90000,
				     .config = data,
				     .config_len = size };
	struct rtp_packet p;
	struct aac *a;

	if (!aac_new(&format, &handler, NULL, &a))
		aac_free(a);
	format.in_band = true;
	if (aac_new(&format, &handler, NULL, &a))
		return 0;
	while (fuzz_payload(&data, &size, &p))
		aac_push(a, &p);
	aac_free(a);
	return 0;
}
