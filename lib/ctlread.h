/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_CTLREAD_H
#define UPCAST_CTLREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/snapshot.h"

/*
 * One look into the control directory (upcast-control(7)), the reader's side;
 * lib/ctlwatch.h follows it. Nothing is believed: a name that is no regular
 * file, too long or no snapshot is an error, and nothing here waits.
 *
 * Folders are given by a descriptor: one of DIR/streamer, DIR/uploader and so
 * on, or of the folder of objects in it.
 *
 *	int fd = ctlread_open(AT_FDCWD, "/run/upcast/uploader");
 *	err = ctlread_snapshot(fd, "state", &s, NULL);
 */
enum {
	CTLREAD_COUNTERS_MAX = 1 << 20,
	CTLREAD_STALE_S = 15,
	CTLREAD_ID_MAX = 63,
};

/* An object's name: 1..CTLREAD_ID_MAX of [A-Za-z0-9._-], no dot in front. */
bool ctlread_is_id(const char *id);

/* The folder of objects in a daemon's folder; NULL if it is no daemon's. */
const char *ctlread_kind(const char *folder);

/* A descriptor of a folder, or -errno. */
int ctlread_open(int at_fd, const char *path) ATTR_MUST_CHECK;

/* What a reader needs to know about the file that it has read. */
struct ctlread_stamp {
	uint64_t inode;
	int64_t mtime_ns;
};

/*
 * Adds the whole file to `dst`. -EMSGSIZE if it is longer than `dst` takes,
 * -EINVAL if it is no regular file. `ret_stamp` may be NULL.
 */
int ctlread_file(int dir_fd, const char *name, struct buf *dst,
		 struct ctlread_stamp *ret_stamp) ATTR_MUST_CHECK;
int ctlread_snapshot(int dir_fd, const char *name, struct snapshot *ret,
		     struct ctlread_stamp *ret_stamp) ATTR_MUST_CHECK;

/* Does a process hold the folder's lock? */
bool ctlread_is_alive(int dir_fd);

enum ctlread_status {
	CTLREAD_STOPPED, /* nobody holds the lock */
	CTLREAD_HANGING, /* somebody does, but `state` is CTLREAD_STALE_S old */
	CTLREAD_RUNNING,
};

/*
 * The same with the age of the heartbeat: `*ret_since_s` is the time of the
 * last write of `state`, 0 if there was none.
 */
enum ctlread_status ctlread_status(int dir_fd, int64_t *ret_since_s);

#endif
