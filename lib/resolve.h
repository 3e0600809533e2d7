/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_RESOLVE_H
#define UPCAST_RESOLVE_H

#include <stddef.h>

#include "lib/err.h"
#include "lib/loop.h"

/*
 * The addresses of a host, without blocking the loop: each query has a thread
 * that calls getaddrinfo(3), and a timer polls for its result, so that a query
 * which hangs can be abandoned at any time. (getaddrinfo_a() would do the same,
 * but its threads crash under ThreadSanitizer, and a query that hangs is never
 * given back.)
 *
 * `done` is called once, on the loop, never from inside resolve_start(), unless
 * resolve_cancel() came first. The query frees itself after it returns.
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
