/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_CTLDIR_H
#define UPCAST_CTLDIR_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/snapshot.h"

/*
 * A daemon's folder of the control directory, the writer's side
 * (upcast-control(7); the reader's side is lib/ctlwatch.h).
 *
 *	DIR/lock	held with an OFD write lock while the daemon lives
 *	DIR/state	snapshot of the daemon
 *	DIR/counters	one table
 *	DIR/events	"epoch.seq time text" lines, append only, trimmed
 *	DIR/<kind>/<id>	one snapshot per object
 *
 * The folder is on a tmpfs: its calls do not wait for a disk and are made on
 * the loop's thread. A full or read-only file system fails a call with its
 * errno and nothing else happens: the caller goes on and may try again.
 *
 * Life cycle: ctldir_open() makes the missing folders (02750, group of the
 * parent, so that the files in them have it too) and takes the lock;
 * ctldir_close() writes nothing, unlocks.
 */
struct ctldir;

enum {
	CTLDIR_EVENTS_MAX = 1 << 20, /* bytes; trimmed to half at this */
	CTLDIR_EVENT_LINE = 4096,    /* bytes; what would be more is cut */
};

/*
 * `kind`: the folder of objects, "calls" or "jobs".
 * Errors: -EBUSY where another process holds the lock (the sentence names its
 * pid), what the system says otherwise.
 */
int ctldir_open(const char *path, const char *kind, struct ctldir **ret,
		struct err *err) ATTR_MUST_CHECK;
void ctldir_close(struct ctldir *d);

/* The start of this writer, epoch seconds: later than any writer before. */
int64_t ctldir_epoch(const struct ctldir *d);

/*
 * Writes beside and renames over. `name`: "state" or "counters". -EINVAL for
 * an id that is none (ctlread_is_id()).
 */
int ctldir_put(struct ctldir *d, const char *name,
	       const struct buf *content) ATTR_MUST_CHECK;
int ctldir_put_object(struct ctldir *d, const char *id,
		      const struct buf *content) ATTR_MUST_CHECK;
/* What it shows now; the caller releases it. */
int ctldir_get_object(struct ctldir *d, const char *id,
		      struct snapshot *ret) ATTR_MUST_CHECK;
/* One that is gone already is no error. */
int ctldir_remove_object(struct ctldir *d, const char *id) ATTR_MUST_CHECK;

/* Removes the objects for which `keep` says no: what a crash left behind. */
typedef bool ctldir_keep_fn(void *arg, const char *id);
int ctldir_sweep(struct ctldir *d, ctldir_keep_fn *keep,
		 void *arg) ATTR_MUST_CHECK;

/* One line for `events`; control characters are escaped. */
int ctldir_event(struct ctldir *d, const char *fmt, ...)
	ATTR_PRINTF(2, 3) ATTR_MUST_CHECK;

#endif
