/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_UPLOADER_REPORT_H
#define UPCAST_UPLOADER_REPORT_H

#include "lib/buf.h"
#include "lib/ctldir.h"
#include "uploader/engine.h"

/*
 * Shows the engine in the control directory (upcast-control(7)): `state`,
 * `counters`, `events`, and a snapshot per recording: all that are unfinished
 * or failed, and the latest REPORT_DONE_MAX that are done.
 *
 * Snapshots are written a little later and not more than so many at a time, so
 * that ten thousand changes at once do not hold up the loop. A control
 * directory that cannot be written is logged once and never in the way.
 *
 * Life cycle: report_new(), its calls go to the engine, report_attach(),
 * report_free() after the engine.
 */
struct report;

enum { REPORT_DONE_MAX = 10000 };

int report_new(struct loop *loop, struct ctldir *dir,
	       struct report **ret) ATTR_MUST_CHECK;
void report_free(struct report *r);
/* What the engine calls. */
void report_get_calls(struct report *r, struct engine_calls *ret);
/* From now on the engine is there to be asked. */
void report_attach(struct report *r, struct engine *engine);
/*
 * The snapshot of one recording. Long texts are cut, and the shorter the more
 * escapes they need, so that it never is larger than a snapshot may be.
 */
int report_format(const struct item *item, struct buf *dst) ATTR_MUST_CHECK;
/* The daemon goes: says so in `state`. */
void report_stopping(struct report *r);

#endif
