/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_LOOKUP_H
#define UPCAST_LOOKUP_H

#include "lib/list.h"
#include "lib/resolve.h"

/*
 * The addresses of hosts for many who ask. A name is looked up once at a time:
 * who asks for it meanwhile, or again, gets the same answer. The C library has
 * twenty threads for questions that hang, and calls to one dead name would
 * otherwise hold them all.
 *
 * Life cycle: lookups_init(); a struct lookup is a member of who asks:
 * lookup_init(), lookup_start(), then either done() on the loop, never from
 * inside lookup_start(), or lookup_cancel(). lookups_release(): nobody asks any
 * more.
 */
struct lookups {
	struct loop *loop;
	struct list names; /* that are being looked up */
};

struct lookup {
	struct list node; /* among those who wait for the same name */
	resolve_done_fn *done;
	void *arg;
};

void lookups_init(struct lookups *lookups, struct loop *loop);
void lookups_release(struct lookups *lookups);

void lookup_init(struct lookup *l);
/* Errors as those of resolve_start(). */
int lookup_start(struct lookups *lookups, struct lookup *l, const char *host,
		 resolve_done_fn *done, void *arg) ATTR_MUST_CHECK;
void lookup_cancel(struct lookup *l);

#endif
