/* SPDX-License-Identifier: MIT */
#include "streamer/admit.h"

#include <stddef.h>

const char *admit_check(const struct admit *a, unsigned calls,
			unsigned half_open)
{
	if (calls >= a->limit)
		return "the call limit is reached";
	if (half_open >= a->half_open_limit)
		return "too many calls are not acknowledged yet";
	return NULL;
}

/* A bucket that holds one second's worth. */
static void refill(struct admit *a, uint64_t now_ms)
{
	uint64_t full = (uint64_t)a->per_second * 1000;
	uint64_t passed = now_ms - a->refilled_ms;

	if (!a->refilled_ms || passed >= 1000)
		a->milli_tokens = full;
	else
		a->milli_tokens += passed * a->per_second;
	if (a->milli_tokens > full)
		a->milli_tokens = full;
	a->refilled_ms = now_ms;
}

const char *admit_take(struct admit *a, unsigned calls, unsigned half_open,
		       uint64_t now_ms)
{
	const char *why = admit_check(a, calls, half_open);

	if (why)
		return why;
	refill(a, now_ms);
	if (a->milli_tokens < 1000)
		return "too many calls begin at the same time";
	a->milli_tokens -= 1000;
	return NULL;
}
