/* SPDX-License-Identifier: MIT */
#include "uploader/lane.h"

#include <errno.h>
#include <string.h>

#include "lib/str.h"

enum { OUTAGE_BASE_MS = 2000, DAY_MINUTES = 24 * 60 };

uint64_t lane_backoff_ms(unsigned attempt, uint64_t base_ms, uint64_t max_ms,
			 uint32_t random)
{
	uint64_t ms = base_ms ? base_ms : 1;

	for (unsigned i = 1; i < attempt && ms < max_ms; i++)
		ms *= 2;
	if (ms > max_ms)
		ms = max_ms;
	return ms / 2 + 1 + (ms / 2) * (random & 0xffff) / 0x10000;
}

bool lane_is_open(const struct lane *lane, uint64_t now_ms)
{
	return now_ms >= lane->paused_until_ms;
}

uint64_t lane_wait_ms(const struct lane *lane, uint64_t now_ms)
{
	return lane_is_open(lane, now_ms) ? 0 : lane->paused_until_ms - now_ms;
}

void lane_pause(struct lane *lane, uint64_t now_ms, uint64_t ms,
		const char *why)
{
	if (now_ms + ms < lane->paused_until_ms)
		return;
	lane->paused_until_ms = now_ms + ms;
	str_copy(lane->why, why, sizeof(lane->why));
}

/*
 * Several jobs see one outage: while the lane is shut they do not lengthen it.
 */
void lane_outage(struct lane *lane, uint64_t now_ms, uint64_t max_ms,
		 uint32_t random, const char *why)
{
	if (!lane_is_open(lane, now_ms))
		return;
	lane->failures++;
	lane_pause(lane, now_ms,
		   lane_backoff_ms(lane->failures, OUTAGE_BASE_MS, max_ms,
				   random),
		   why);
}

void lane_open(struct lane *lane)
{
	*lane = (struct lane){ 0 };
}

/* "HH:MM" as minutes of the day; 24:00 is allowed. */
static int parse_clock(const char *s, size_t len, int *ret_minutes)
{
	int h, m;

	if (len != 5 || s[2] != ':' || strspn(s, "0123456789") != 2 ||
	    strspn(s + 3, "0123456789") < 2)
		return -EINVAL;
	h = (s[0] - '0') * 10 + s[1] - '0';
	m = (s[3] - '0') * 10 + s[4] - '0';
	if (m > 59 || h * 60 + m > DAY_MINUTES)
		return -EINVAL;
	*ret_minutes = h * 60 + m;
	return 0;
}

static int parse_range(const char *word, size_t len, int *ret_from, int *ret_to)
{
	if (len != 11 || word[5] != '-' || parse_clock(word, 5, ret_from) ||
	    parse_clock(word + 6, 5, ret_to) || *ret_from == *ret_to)
		return -EINVAL;
	return 0;
}

int lane_parse_hours(const char *text, const struct tm *local, bool *ret_open)
{
	int now = local->tm_hour * 60 + local->tm_min, from, to;
	bool any = false, open = false;
	const char *word;
	size_t len;

	while (str_next_word(&text, &word, &len)) {
		if (parse_range(word, len, &from, &to))
			return -EINVAL;
		any = true;
		if (from < to ? now >= from && now < to
			      : now >= from || now < to)
			open = true;
	}
	*ret_open = open || !any;
	return 0;
}

uint64_t lane_share(uint64_t bytes_per_s, unsigned n)
{
	if (!bytes_per_s)
		return 0;
	return n > 1 && bytes_per_s / n ? bytes_per_s / n : bytes_per_s;
}
