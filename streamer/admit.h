/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_ADMIT_H
#define UPCAST_ADMIT_H

#include <stdint.h>

/*
 * Whether one more call may come: a limit on those there are, on those not
 * acknowledged yet, and on how many begin in a second. Pure; the caller brings
 * the time.
 */
struct admit {
	unsigned limit, half_open_limit, per_second;
	uint64_t refilled_ms;
	uint64_t milli_tokens; /* thousandths of a call that may begin */
};

/* NULL: it may; else why not, for the log. Nothing is counted. */
const char *admit_check(const struct admit *a, unsigned calls,
			unsigned half_open);
/* The same for a call that begins now; counts it. */
const char *admit_take(struct admit *a, unsigned calls, unsigned half_open,
		       uint64_t now_ms);

#endif
