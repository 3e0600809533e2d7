/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_RESOLVE_H
#define UPCAST_RESOLVE_H

#include <stddef.h>

#include "lib/err.h"
#include "lib/loop.h"

/*
 * The addresses of a host, without blocking the loop: a thread of its own asks
 * the C library, and a timer looks whether it is done, so that a question which
 * hangs can be left behind at any time. (getaddrinfo_a() would do the same, but
 * its threads crash under ThreadSanitizer, and what hangs is never given back.)
 *
 * `done` is called once, on the loop, never from inside resolve_start(), unless
 * resolve_cancel(). The question is freed after it returns.
 */
enum { RESOLVE_MAX = 8, RESOLVE_ADDRESS_MAX = 64 };

struct resolve;

struct resolve_result {
	struct err err; /* code 0: `count` addresses, in the order to try */
	size_t count;
	char addresses[RESOLVE_MAX][RESOLVE_ADDRESS_MAX]; /* numeric */
};

typedef void resolve_done_fn(void *arg, const struct resolve_result *result);

int resolve_start(struct loop *loop, const char *host, resolve_done_fn *done,
		  void *arg, struct resolve **ret) ATTR_MUST_CHECK;
/* NULL is allowed. */
void resolve_cancel(struct resolve *r);

#endif
