/* SPDX-License-Identifier: MIT */
#include "tests/fuzz.h"

#include <stdlib.h>

#include "streamer/rtcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;
	struct rtcp_packet p;
	struct rtcp_sr sr;
	struct rtcp_app app;

	while (!rtcp_next(&data, &size, &p)) {
		if (data + size != end || (p.body && p.body + p.len > data))
			abort();
		if (!rtcp_parse_sr(&p, &sr) && p.len < 20)
			abort();
		if (!rtcp_parse_app(&p, &app) && app.url &&
		    (const uint8_t *)app.url + app.url_len > p.body + p.len)
			abort();
	}
	return 0;
}
