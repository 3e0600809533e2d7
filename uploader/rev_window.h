/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_REV_WINDOW_H
#define UPCAST_REV_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"

/*
 * Keeps a limit of `n` requests a minute. Rev's minute begins with the first
 * request that it sees, which we cannot know: so no minute whatever, and no
 * second beside it for the way there, has more than `n`. Pure.
 */
enum { REV_WINDOW_MS = 61000 };

struct rev_window {
	uint64_t *sent_ms; /* when the last `n` went, a ring */
	size_t n, next;
};

int rev_window_init(struct rev_window *w, unsigned n) ATTR_MUST_CHECK;
void rev_window_release(struct rev_window *w);
/* 0: a request may go now, and is counted; else how long to wait. */
uint64_t rev_window_take(struct rev_window *w, uint64_t now_ms);

#endif
