/* SPDX-License-Identifier: MIT */
#include "streamer/order.h"

#include <string.h>

enum { SIZE = ORDER_DEPTH_MAX + 1, INTERVAL_MS = 33, LEAP_MS = 1000 };

void order_begin(struct order *o, unsigned depth, uint32_t interval_ms)
{
	o->depth = depth < ORDER_DEPTH_MAX ? depth : ORDER_DEPTH_MAX;
	o->interval_ms = interval_ms ? interval_ms : INTERVAL_MS;
	o->count = 0;
}

/* As if pictures had come at their pace before. */
static void fill(struct order *o, uint64_t pts_ms)
{
	for (o->count = 0; o->count <= o->depth; o->count++) {
		uint64_t before = (uint64_t)o->count * o->interval_ms;

		o->shown_ms[o->count] = pts_ms > before ? pts_ms - before : 0;
	}
}

static void insert(struct order *o, uint64_t pts_ms)
{
	unsigned at = 0;

	while (at < o->count && o->shown_ms[at] > pts_ms)
		at++;
	/* So many are shown after it and were decoded before. */
	if (at > o->depth)
		o->depth = at < SIZE ? at : ORDER_DEPTH_MAX;
	if (at == SIZE)
		return;
	o->count += o->count < SIZE;
	memmove(&o->shown_ms[at + 1], &o->shown_ms[at],
		(o->count - 1 - at) * sizeof(*o->shown_ms));
	o->shown_ms[at] = pts_ms;
}

uint64_t order_next(struct order *o, uint64_t pts_ms)
{
	uint64_t dts_ms;

	if (!o->count || pts_ms > o->shown_ms[0] + LEAP_MS)
		fill(o, pts_ms);
	else
		insert(o, pts_ms);
	dts_ms = o->shown_ms[o->depth < o->count ? o->depth : o->count - 1];
	if (dts_ms > o->last_ms)
		o->last_ms = dts_ms;
	return o->last_ms;
}
