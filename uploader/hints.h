/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_HINTS_H
#define UPCAST_HINTS_H

#include "lib/attr.h"
#include "lib/loop.h"

/*
 * Tells when something happened in a folder, by inotify. Hints only: what is
 * not told here a scan finds (no events come from other hosts, the number of
 * watches is limited, queues overflow).
 *
 * `fn` is called with the folder's name as given to hints_name(), or NULL when
 * events were lost. hints_new() fails with -ENOMEM or what the system says.
 */
struct hints;

typedef void hints_fn(void *arg, const char *path);

int hints_new(struct loop *loop, hints_fn *fn, void *arg,
	      struct hints **ret) ATTR_MUST_CHECK;
void hints_free(struct hints *h);

/* Watches the open folder `dir`; from any thread. The watch or negative. */
int hints_add(struct hints *h, int dir);
/* Gives a watch its name; from the loop. */
void hints_name(struct hints *h, int watch, const char *path);

#endif
