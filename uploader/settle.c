/* SPDX-License-Identifier: MIT */
#include "uploader/settle.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/str.h"

enum {
	LOOKS_MIN = 2, /* a file must have been seen this often as it is */
	SPREAD = 1024,
};

static uint64_t since(uint64_t then_ms, uint64_t now_ms)
{
	return now_ms > then_ms ? now_ms - then_ms : 0;
}

void settle_init(struct settle *s)
{
	memset(s, 0, sizeof(*s));
}

bool settle_is_same(const struct source_attr *a, const struct source_attr *b)
{
	return a->size == b->size && a->mtime_ns == b->mtime_ns &&
	       a->ctime_ns == b->ctime_ns;
}

static void start_over(struct settle *s, const struct source_attr *attr,
		       enum settle_change change, uint64_t now_ms)
{
	settle_init(s);
	s->attr = *attr;
	s->change = change;
	s->changed_ms = now_ms;
	s->looks = 1;
}

bool settle_see(struct settle *s, const struct source_attr *attr,
		uint64_t now_ms)
{
	if (s->looks == 0) {
		start_over(s, attr, SETTLE_FIRST, now_ms);
		return true;
	}
	if (!settle_is_same(&s->attr, attr)) {
		start_over(s, attr,
			   s->attr.size == attr->size ? SETTLE_TIME
						      : SETTLE_SIZE,
			   now_ms);
		return true;
	}
	if (s->looks < LOOKS_MIN)
		s->looks++;
	return false;
}

void settle_walked(struct settle *s, const struct source_attr *attr,
		   const struct mp4 *mp4, uint64_t now_ms)
{
	uint64_t rest_ms = s->is_walked ? s->rest_ms * 2 : SETTLE_WALK_MIN_MS;

	if (settle_see(s, attr, now_ms))
		return;
	s->is_walked = true;
	s->verdict = mp4->verdict;
	s->duration_ms = mp4->duration_ms;
	s->walked_ms = now_ms;
	s->rest_ms = rest_ms < SETTLE_WALK_MAX_MS ? rest_ms
						  : SETTLE_WALK_MAX_MS;
	str_copy(s->why, mp4->why, sizeof(s->why));
}

/* "size changed 4 s ago, needs 10s" */
static void say_quiet(const struct settle *s, uint64_t needs_ms,
		      uint64_t now_ms, struct settle_result *ret)
{
	static const char *const changes[] = {
		[SETTLE_FIRST] = "first seen",
		[SETTLE_SIZE] = "size changed",
		[SETTLE_TIME] = "written to",
	};
	char needs[32];

	if (since(s->changed_ms, now_ms) >= needs_ms)
		str_copy(needs, "a second look", sizeof(needs));
	else
		str_format_duration(needs_ms, needs, sizeof(needs));
	snprintf(ret->why, sizeof(ret->why),
		 "%s%s%s %" PRIu64 " s ago, needs %s",
		 s->is_walked ? s->why : "", s->is_walked ? ", " : "",
		 changes[s->change], since(s->changed_ms, now_ms) / 1000,
		 needs);
}

/* Has nothing changed for `needs_ms`? Else says so. */
static bool is_quiet(const struct settle *s, uint64_t needs_ms, uint64_t now_ms,
		     struct settle_result *ret)
{
	if (s->looks >= LOOKS_MIN && since(s->changed_ms, now_ms) >= needs_ms)
		return true;
	ret->state = SETTLE_WAIT;
	ret->next_ms = s->changed_ms + needs_ms;
	say_quiet(s, needs_ms, now_ms, ret);
	return false;
}

/* A crowd was walked all at once: the file's time spreads what comes next. */
static uint64_t rest_ms(const struct settle *s,
			const struct settle_config *config)
{
	uint64_t crowd_ms = config->crowd * SETTLE_WALK_EACH_MS;
	uint64_t chance = (uint64_t)s->attr.ctime_ns / 1000 % SPREAD;

	crowd_ms += crowd_ms * chance / SPREAD;
	return crowd_ms > s->rest_ms ? crowd_ms : s->rest_ms;
}

/* Not whole: is it time to walk again? */
static void check_broken(const struct settle *s,
			 const struct settle_config *config, uint64_t now_ms,
			 struct settle_result *ret)
{
	uint64_t needs_ms = rest_ms(s, config);
	bool rested = since(s->walked_ms, now_ms) >= needs_ms;

	ret->state = rested ? SETTLE_WALK : SETTLE_WAIT;
	ret->next_ms = s->walked_ms + needs_ms;
	str_copy(ret->why, s->why, sizeof(ret->why));
}

void settle_check(const struct settle *s, const struct settle_config *config,
		  uint64_t now_ms, struct settle_result *ret)
{
	uint64_t open_ms = config->fragmented_ms > config->settle_ms
				   ? config->fragmented_ms
				   : config->settle_ms;

	memset(ret, 0, sizeof(*ret));
	ret->next_ms = now_ms;
	if (s->looks == 0) {
		str_copy(ret->why, "not seen yet", sizeof(ret->why));
		return;
	}
	if (!is_quiet(s, config->settle_ms, now_ms, ret))
		return;
	if (!s->is_walked) {
		ret->state = SETTLE_WALK;
		str_copy(ret->why, "checking its boxes", sizeof(ret->why));
	} else if (s->verdict == MP4_OPEN) {
		if (is_quiet(s, open_ms, now_ms, ret))
			ret->state = SETTLE_DONE;
	} else if (s->verdict == MP4_WHOLE || s->verdict == MP4_FRAGMENTED) {
		ret->state = SETTLE_DONE;
	} else {
		check_broken(s, config, now_ms, ret);
	}
}
