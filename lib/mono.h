/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_MONO_H
#define UPCAST_MONO_H

#include <stdint.h>
#include <time.h>

/*
 * The two clocks. Intervals are measured on the monotonic one, which no clock
 * step moves; the wall clock only goes into what people and other hosts read.
 */
static inline uint64_t mono_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static inline uint64_t mono_ms(void)
{
	return mono_ns() / 1000000;
}

static inline int64_t mono_wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static inline int64_t mono_wall_s(void)
{
	return mono_wall_ms() / 1000;
}

#endif
