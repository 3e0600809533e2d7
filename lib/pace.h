/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_PACE_H
#define UPCAST_PACE_H

#include <stddef.h>
#include <stdint.h>

/*
 * A speed limit that may change at any time: a token bucket that holds what a
 * quarter of a second may send. Pure; the caller says what time it is
 * (mono_ns()).
 *
 *	n = pace_take(&p, n, mono_ns());
 *	if (!n)
 *		try again after pace_wait_ms(&p)
 */
struct pace {
	uint64_t rate;	 /* bytes per second, 0: no limit */
	uint64_t tokens; /* bytes that may go now */
	uint64_t at_ns;	 /* when they were counted */
};

void pace_set(struct pace *p, uint64_t bytes_per_s, uint64_t now_ns);
/* How many of `want` bytes may go now; 0 while they are too few for a write. */
size_t pace_take(struct pace *p, size_t want, uint64_t now_ns);
/* Gives back what was taken and not used. */
void pace_give(struct pace *p, size_t n);
/* How long until pace_take() gives some. */
uint64_t pace_wait_ms(const struct pace *p);

#endif
