/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_LANE_H
#define UPCAST_LANE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "lib/err.h"

/*
 * When something may be tried: back-off, pauses, hours of the day. Pure: the
 * clock's values and the random numbers come from outside.
 */

/*
 * The pause before try `attempt` (1 is the first retry): between half and all
 * of min(max_ms, base_ms * 2^(attempt-1)), by `random`. Never 0.
 */
uint64_t lane_backoff_ms(unsigned attempt, uint64_t base_ms, uint64_t max_ms,
			 uint32_t random);

/*
 * A destination that all jobs share, the Rev account: paused for a time after
 * a 429 or an outage, locked after a refused login.
 */
struct lane {
	uint64_t paused_until_ms; /* monotonic, 0: open */
	unsigned failures;	  /* outages in a row */
	char why[ERR_TEXT_MAX];	  /* while it is paused */
};

bool lane_is_open(const struct lane *lane, uint64_t now_ms);
/* How long it stays shut, 0: open. */
uint64_t lane_wait_ms(const struct lane *lane, uint64_t now_ms);
/* Shut for `ms`; a longer pause that is already there stays. */
void lane_pause(struct lane *lane, uint64_t now_ms, uint64_t ms,
		const char *why);
/* The destination is out of reach: shut, longer each time in a row. */
void lane_outage(struct lane *lane, uint64_t now_ms, uint64_t max_ms,
		 uint32_t random, const char *why);
/* It answers. */
void lane_open(struct lane *lane);

/*
 * "22:00-06:00, 12:00-13:00": may an upload start at this local time? An empty
 * text is always. -EINVAL where the text is not of the form.
 */
int lane_parse_hours(const char *text, const struct tm *local, bool *ret_open);

/* The share of each of `n` uploads in a limit; at least 1, 0 for no limit. */
uint64_t lane_share(uint64_t bytes_per_s, unsigned n);

#endif
