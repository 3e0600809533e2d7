/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SCAN_H
#define UPCAST_SCAN_H

#include "uploader/source.h"

/*
 * Goes through the share: one pass lists the root, forwardedCalls and spaces,
 * and of the folders below those whose mtime has changed, those that somebody
 * wants to see (unsettled recordings are in them), or, in a full pass, all.
 * A folder that has changed is listed once more in the next pass: a file that
 * came in the same tick of the server's clock has not moved the mtime again.
 *
 * Memory is one small record per folder. A few listings run at the same time.
 */
struct scan;

enum { SCAN_PARALLEL = 4 };

struct scan_calls {
	/* Does the folder hold what must be looked at in every pass? */
	bool (*wants)(void *arg, const char *dir);
	/* A folder's files; folders are not among the entries' concern. */
	void (*folder)(void *arg, const char *dir,
		       const struct source_entry *entries, size_t count);
	/* The folder is gone, and all that was in it. */
	void (*gone)(void *arg, const char *dir);
	/* The pass is over; `err` is what ended it early, 0: nothing. */
	void (*finished)(void *arg, int err, const struct err *why,
			 size_t folders_listed);
	void *arg;
};

int scan_new(struct loop *loop, struct source *source,
	     const struct scan_calls *calls, struct scan **ret) ATTR_MUST_CHECK;
void scan_free(struct scan *s);

/* Starts a pass; -EALREADY while one is under way. */
int scan_start(struct scan *s, bool full) ATTR_MUST_CHECK;
bool scan_is_running(const struct scan *s);

#endif
