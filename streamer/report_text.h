/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_REPORT_TEXT_H
#define UPCAST_REPORT_TEXT_H

#include "lib/snapshot.h"
#include "streamer/call.h"

/*
 * Calls and figures as the control directory shows them. No secrets: keys stay
 * out, URLs come masked.
 */

/* The snapshot of a call, whole. */
int report_text_call(const struct call *c, struct buf *dst) ATTR_MUST_CHECK;
/* Its line of `counters`. */
int report_text_counters(const struct call *c, const char *id,
			 struct buf *dst) ATTR_MUST_CHECK;
/* What the daemon's snapshot says of the calls. */
void report_text_calls(const struct calls *calls, const struct settings *s,
		       struct snapshot_writer *w);

#endif
