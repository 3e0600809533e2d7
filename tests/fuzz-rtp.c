/* SPDX-License-Identifier: MIT */
#include "tests/fuzz.h"

#include <stdlib.h>

#include "lib/buf.h"
#include "streamer/rtp.h"

/*
 * Packets, each behind two bytes of length. What comes out must be in
 * sequence but where a gap is told, and the counts must add up.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rtp_queue *q;
	const struct rtp_packet *o;
	struct rtp_packet p;
	uint64_t now = 0, out = 0;
	uint16_t next = 0;

	if (rtp_queue_new(32, 50, &q))
		return 0;
	while (size > 2) {
		size_t n = buf_get_u16(data) & 0x7ff;

		n = n < size - 2 ? n : size - 2;
		now += data[0] >> 3;
		if (!rtp_parse(data + 2, n, &p)) {
			(void)!rtp_queue_put(q, &p, now);
			while ((o = rtp_queue_next(q, now))) {
				if (out++ && !o->gap && o->seq != next)
					abort();
				next = (uint16_t)(o->seq + 1);
			}
		}
		data += 2 + n;
		size -= 2 + n;
	}
	if (out > rtp_queue_counts(q)->packets)
		abort();
	rtp_queue_free(q);
	return 0;
}
