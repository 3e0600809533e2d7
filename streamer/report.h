/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_STREAMER_REPORT_H
#define UPCAST_STREAMER_REPORT_H

#include "lib/ctldir.h"
#include "streamer/call.h"

/*
 * Shows the calls in the control directory (upcast-control(7)): `state` of the
 * daemon, a snapshot for each call that is up and for the last that have ended
 * (ended.h), `counters` of those that are up, and a
 * line in `events` for each change of a call's state.
 *
 * A control directory that cannot be written is logged once and is in nobody's
 * way.
 *
 * Life cycle: report_new(), its observer goes to calls_new(), report_attach(),
 * report_free() after the calls.
 */
struct report;

int report_new(struct loop *loop, struct ctldir *dir,
	       struct report **ret) ATTR_MUST_CHECK;
void report_free(struct report *r);
struct calls_observer report_observer(struct report *r);
/* From now on the calls are there to be asked. */
void report_attach(struct report *r, const struct calls *calls,
		   const struct settings *settings);
/* Other settings are in force. */
void report_reload(struct report *r, const struct settings *settings);
/* The daemon goes: says so in `state`. */
void report_stopping(struct report *r);

/* The number in a call's name "<epoch>-<number>", or a bare one; -EINVAL. */
int report_parse_id(const struct ctldir *dir, const char *id,
		    uint64_t *ret_number) ATTR_MUST_CHECK;

#endif
