/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_CTLWATCH_H
#define UPCAST_CTLWATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/ctlread.h"
#include "lib/loop.h"
#include "lib/snapshot.h"

/*
 * Follows the whole control directory on a loop: every daemon's folder in it,
 * also of daemons that come later, and tells what is there, what changed and
 * what is gone. inotify says where to look; when its queue overflows everything
 * is looked at again. What is unreadable or malformed is told as gone.
 *
 * Bounded: CTLWATCH_FOLDERS folders, CTLWATCH_OBJECTS objects in each (more
 * are not looked at), CTLWATCH_SLICE files a turn of the loop; many changes of
 * one file between two turns are one. Short of memory it tries again a second
 * later.
 *
 * Life cycle: ctlwatch_new(), calls on the loop, never from inside it;
 * ctlwatch_free(), which calls nothing. The directory may be missing: it is
 * waited for.
 */
enum {
	CTLWATCH_FOLDERS = 32,
	CTLWATCH_OBJECTS = 32768,
	CTLWATCH_SLICE = 128,
};

/* All are needed. `folder` is "streamer", "uploader" or "uploader@NAME". */
struct ctlwatch_ops {
	void (*folder)(void *arg, const char *folder, bool exists);
	/* Told when it changes; `since_s` is the last heartbeat. */
	void (*status)(void *arg, const char *folder,
		       enum ctlread_status status, int64_t since_s);
	/* `s` is NULL where there is none (any more). */
	void (*state)(void *arg, const char *folder, const struct snapshot *s,
		      int64_t mtime_ns);
	void (*object)(void *arg, const char *folder, const char *id,
		       const struct snapshot *s, int64_t mtime_ns);
	/* The table as it stands, "" where there is none; may be changed. */
	void (*counters)(void *arg, const char *folder, char *text);
	/* A new line of `events`, without its newline. */
	void (*event)(void *arg, const char *folder, const char *line);
	/* Once: all that was there at the start has been told. */
	void (*settled)(void *arg);
};

struct ctlwatch;

int ctlwatch_new(struct loop *loop, const char *path,
		 const struct ctlwatch_ops *ops, void *arg,
		 struct ctlwatch **ret) ATTR_MUST_CHECK;
void ctlwatch_free(struct ctlwatch *w);

#endif
