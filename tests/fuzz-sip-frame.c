/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "streamer/sip_frame.h"
#include "tests/fuzz.h"

/* In one piece and byte by byte the messages must be the same. */
static size_t cut(const uint8_t *data, size_t size, size_t step)
{
	struct sip_framer f = { .max_head = 4096, .max_body = 4096 };
	struct sip_frame frame;
	size_t start = 0, sum = 0;
	unsigned pings;

	for (size_t end = step < size ? step : size; end <= size;) {
		int err = sip_frame_next(&f, data + start, end - start, &frame);

		if (err == -EAGAIN && end == size)
			break;
		if (err == -EAGAIN) {
			end = end + step < size ? end + step : size;
			continue;
		}
		if (err)
			return sum * 31 + (size_t)-err;
		if (frame.len > end - start ||
		    frame.head_len + frame.body_len != frame.len)
			abort();
		start += frame.len;
		sum = sum * 31 + frame.len;
	}
	if (sip_frame_keepalive(data + start, size - start, &pings) >
	    size - start)
		abort();
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sip_frame frame;

	/* Limits may strike at another byte, so only small inputs compare. */
	if (size < 2048 && cut(data, size, size) != cut(data, size, 7))
		abort();
	if (!sip_frame_datagram(data, size, &frame) &&
	    frame.head_len + frame.body_len > size)
		abort();
	return 0;
}
