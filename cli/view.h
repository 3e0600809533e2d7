/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_VIEW_H
#define UPCAST_VIEW_H

#include <dirent.h>
#include <stdint.h>

#include "cli/cli.h"
#include "lib/ctlread.h"

/*
 * One look at a daemon's folder of the control directory: how it is, what it
 * says of itself, and its objects.
 *
 *	err = view_open(cli, "uploader", &v);
 *	for (size_t i = 0; i < v->count; i++)
 *		if (!view_read(v, view_id(v, i), &s)) {
 *			use(view_get(v, view_id(v, i), &s, "state"));
 *			snapshot_release(&s);
 *		}
 *	view_close(v);
 */
struct view {
	char folder[CLI_NAME_SIZE];
	int fd, objects_fd; /* -1: there is none */
	enum ctlread_status status;
	int64_t since_s;
	struct snapshot state; /* empty where there is none */
	size_t count;
	struct dirent **objects; /* oldest first: view_id() */
	struct buf counters;
	char value[128]; /* what view_get() gave last */
};

/* A daemon that never ran is no error: its view is empty. -ENOMEM. */
int view_open(const struct cli *cli, const char *section,
	      struct view **ret) ATTR_MUST_CHECK;
void view_close(struct view *v);

const char *view_id(const struct view *v, size_t i);
/* The snapshot of an object; -ENOENT and so on. */
int view_read(const struct view *v, const char *id,
	      struct snapshot *ret) ATTR_MUST_CHECK;
/*
 * A fact about it: from the counters, which are newer, else from the snapshot;
 * NULL if it is not known. Valid until the next call.
 */
const char *view_get(struct view *v, const char *id, const struct snapshot *s,
		     const char *key);
/* A fact about the daemon, "" if it is not known. */
const char *view_state(const struct view *v, const char *key);

#endif
