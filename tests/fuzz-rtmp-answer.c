/* SPDX-License-Identifier: MIT */
#include "tests/fuzz.h"

#include "streamer/rtmp.h"

static void on_event(void *arg, const struct rtmp_event *event)
{
	unsigned *count = arg;

	*count += event->kind;
}

/*
 * What a server says after the handshake; every answer the client gives is
 * bounded by what it heard.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct rtmp_config config = { .app = "live",
						   .tc_url = "rtmp://h/live",
						   .query = "",
						   .key = "s",
						   .chunk_size = 4096,
						   .seed = 1 };
	static const uint8_t handshake[3073] = { 3 };
	struct rtmp *r;
	struct buf out;
	unsigned count = 0;

	if (rtmp_new(&config, on_event, &count, &r))
		return 0;
	buf_init(&out, 1 << 20);
	if (!rtmp_start(r, &out) &&
	    !rtmp_receive(r, handshake, sizeof(handshake), &out) &&
	    !rtmp_receive(r, data, size, &out) && rtmp_is_publishing(r) &&
	    !rtmp_begin(r, &out, RTMP_VIDEO, 0, 1)) {
		rtmp_put(r, &out, "x", 1);
		if (rtmp_unpublish(r, &out))
			count++;
	}
	rtmp_free(r);
	buf_release(&out);
	return 0;
}
