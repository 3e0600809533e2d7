/* SPDX-License-Identifier: MIT */
#include "uploader/job.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "lib/attr.h"

enum { DURABLE = 1, FINAL = 2, SLOT = 4 };

static const struct {
	const char *name, *word;
	enum job_action action;
	enum job_state resume;
	int flags;
} states[JOB_STATE_COUNT] = {
	[JOB_SETTLING] = { "settling", "settling", JOB_DO_WATCH, JOB_SETTLING,
			   DURABLE },
	[JOB_QUEUED] = { "queued", "queued", JOB_DO_ENQUEUE, JOB_SETTLING, 0 },
	[JOB_PREPARING] = { "preparing", "queued", JOB_DO_PREPARE, JOB_SETTLING,
			    SLOT },
	[JOB_SEARCHING] = { "searching", "queued", JOB_DO_SEARCH, JOB_SETTLING,
			    SLOT },
	/* The bytes may have gone out before the crash. */
	[JOB_SENDING] = { "sending", "uploading", JOB_DO_SEND, JOB_UNSURE,
			  DURABLE | SLOT },
	[JOB_UNSURE] = { "unsure", "uploading", JOB_DO_WAIT_INDEX, JOB_UNSURE,
			 DURABLE },
	[JOB_MARKING] = { "marking", "marking", JOB_DO_RENAME, JOB_MARKING,
			  DURABLE },
	[JOB_PROCESSING] = { "processing", "processing", JOB_DO_POLL,
			     JOB_PROCESSING, DURABLE },
	/* The answer to the last status may be old: ask again. */
	[JOB_ACTIVATING] = { "activating", "activating", JOB_DO_ACTIVATE,
			     JOB_PROCESSING, 0 },
	[JOB_READY] = { "ready", "ready", JOB_DO_FINISH, JOB_READY,
			DURABLE | FINAL },
	[JOB_DELETING] = { "deleting", "ready", JOB_DO_REMOVE, JOB_DELETING,
			   DURABLE },
	[JOB_DELETED] = { "deleted", "deleted", JOB_DO_FINISH, JOB_DELETED,
			  DURABLE | FINAL },
	[JOB_DISCARDING] = { "discarding", "settling", JOB_DO_DISCARD,
			     JOB_DISCARDING, DURABLE },
	[JOB_UNMARKING] = { "unmarking", "settling", JOB_DO_RENAME_BACK,
			    JOB_UNMARKING, DURABLE },
	[JOB_FAILED] = { "failed", "failed", JOB_DO_FINISH, JOB_FAILED,
			 DURABLE | FINAL },
	[JOB_IGNORED] = { "ignored", "ignored", JOB_DO_FINISH, JOB_IGNORED,
			  DURABLE | FINAL },
};

/*
 * One row per thing that can happen. The columns of a state stand together and
 * in the order of a recording's life.
 */
static const struct {
	enum job_state state;
	enum job_event event;
	enum job_state next;
} table[] = {
	{ JOB_SETTLING, JOB_EV_SETTLED, JOB_QUEUED },
	{ JOB_SETTLING, JOB_EV_CHANGED, JOB_SETTLING },
	{ JOB_SETTLING, JOB_EV_VANISHED, JOB_DELETED },
	{ JOB_SETTLING, JOB_EV_SEEN_MARKED, JOB_PROCESSING },
	{ JOB_SETTLING, JOB_EV_REFUSED, JOB_FAILED },
	{ JOB_SETTLING, JOB_EV_CANCEL, JOB_IGNORED },

	{ JOB_QUEUED, JOB_EV_SLOT, JOB_PREPARING },
	{ JOB_QUEUED, JOB_EV_CHANGED, JOB_SETTLING },
	{ JOB_QUEUED, JOB_EV_VANISHED, JOB_DELETED },
	{ JOB_QUEUED, JOB_EV_SEEN_MARKED, JOB_PROCESSING },
	{ JOB_QUEUED, JOB_EV_RETRY, JOB_QUEUED },
	{ JOB_QUEUED, JOB_EV_CANCEL, JOB_IGNORED },

	{ JOB_PREPARING, JOB_EV_PREPARED, JOB_SEARCHING },
	{ JOB_PREPARING, JOB_EV_CHANGED, JOB_SETTLING },
	{ JOB_PREPARING, JOB_EV_AGAIN, JOB_QUEUED },
	{ JOB_PREPARING, JOB_EV_REFUSED, JOB_FAILED },
	{ JOB_PREPARING, JOB_EV_CANCEL, JOB_IGNORED },

	{ JOB_SEARCHING, JOB_EV_NOT_FOUND, JOB_SENDING },
	{ JOB_SEARCHING, JOB_EV_FOUND, JOB_MARKING },
	{ JOB_SEARCHING, JOB_EV_AGAIN, JOB_QUEUED },
	{ JOB_SEARCHING, JOB_EV_REFUSED, JOB_FAILED },
	{ JOB_SEARCHING, JOB_EV_CANCEL, JOB_IGNORED },

	{ JOB_SENDING, JOB_EV_SENT, JOB_MARKING },
	{ JOB_SENDING, JOB_EV_UNKNOWN, JOB_UNSURE },
	{ JOB_SENDING, JOB_EV_STALE, JOB_DISCARDING },
	/* Not all bytes had gone: there is no video. */
	{ JOB_SENDING, JOB_EV_AGAIN, JOB_QUEUED },
	{ JOB_SENDING, JOB_EV_CHANGED, JOB_SETTLING },
	{ JOB_SENDING, JOB_EV_REFUSED, JOB_FAILED },
	{ JOB_SENDING, JOB_EV_CANCEL, JOB_IGNORED },

	{ JOB_UNSURE, JOB_EV_FOUND, JOB_MARKING },
	{ JOB_UNSURE, JOB_EV_NOT_FOUND, JOB_SETTLING },
	{ JOB_UNSURE, JOB_EV_SEEN_MARKED, JOB_PROCESSING },
	{ JOB_UNSURE, JOB_EV_AGAIN, JOB_UNSURE },
	{ JOB_UNSURE, JOB_EV_REFUSED, JOB_UNSURE },
	{ JOB_UNSURE, JOB_EV_RETRY, JOB_UNSURE },

	{ JOB_MARKING, JOB_EV_MARKED, JOB_PROCESSING },
	{ JOB_MARKING, JOB_EV_RACE_LOST, JOB_PROCESSING },
	{ JOB_MARKING, JOB_EV_STALE, JOB_DISCARDING },
	{ JOB_MARKING, JOB_EV_AGAIN, JOB_MARKING },
	{ JOB_MARKING, JOB_EV_REFUSED, JOB_FAILED },
	{ JOB_MARKING, JOB_EV_RETRY, JOB_MARKING },
	{ JOB_MARKING, JOB_EV_VANISHED, JOB_PROCESSING },

	{ JOB_PROCESSING, JOB_EV_PROCESSED, JOB_ACTIVATING },
	{ JOB_PROCESSING, JOB_EV_ACTIVATED, JOB_READY },
	{ JOB_PROCESSING, JOB_EV_STALE, JOB_DISCARDING },
	{ JOB_PROCESSING, JOB_EV_AGAIN, JOB_PROCESSING },
	{ JOB_PROCESSING, JOB_EV_RETRY, JOB_PROCESSING },
	{ JOB_PROCESSING, JOB_EV_VIDEO_GONE, JOB_FAILED },
	{ JOB_PROCESSING, JOB_EV_REFUSED, JOB_FAILED },

	{ JOB_ACTIVATING, JOB_EV_ACTIVATED, JOB_READY },
	{ JOB_ACTIVATING, JOB_EV_AGAIN, JOB_PROCESSING },
	{ JOB_ACTIVATING, JOB_EV_VIDEO_GONE, JOB_FAILED },
	{ JOB_ACTIVATING, JOB_EV_REFUSED, JOB_FAILED },

	{ JOB_READY, JOB_EV_REMOVE, JOB_DELETING },
	{ JOB_READY, JOB_EV_VANISHED, JOB_DELETED },
	{ JOB_READY, JOB_EV_SEEN, JOB_SETTLING },

	{ JOB_DELETING, JOB_EV_REMOVED, JOB_DELETED },
	{ JOB_DELETING, JOB_EV_AGAIN, JOB_DELETING },
	{ JOB_DELETING, JOB_EV_RETRY, JOB_DELETING },
	{ JOB_DELETING, JOB_EV_REFUSED, JOB_READY },

	{ JOB_DELETED, JOB_EV_SEEN, JOB_SETTLING },
	{ JOB_DELETED, JOB_EV_SEEN_MARKED, JOB_PROCESSING },

	{ JOB_DISCARDING, JOB_EV_DISCARDED, JOB_UNMARKING },
	{ JOB_DISCARDING, JOB_EV_VIDEO_GONE, JOB_UNMARKING },
	/* It can be seen on Rev after all. */
	{ JOB_DISCARDING, JOB_EV_FOUND, JOB_PROCESSING },
	{ JOB_DISCARDING, JOB_EV_AGAIN, JOB_DISCARDING },
	{ JOB_DISCARDING, JOB_EV_RETRY, JOB_DISCARDING },
	{ JOB_DISCARDING, JOB_EV_REFUSED, JOB_UNMARKING },

	{ JOB_UNMARKING, JOB_EV_UNMARKED, JOB_SETTLING },
	{ JOB_UNMARKING, JOB_EV_AGAIN, JOB_UNMARKING },
	{ JOB_UNMARKING, JOB_EV_RETRY, JOB_UNMARKING },

	{ JOB_FAILED, JOB_EV_CHANGED, JOB_SETTLING },
	{ JOB_FAILED, JOB_EV_VANISHED, JOB_DELETED },
	{ JOB_FAILED, JOB_EV_RETRY, JOB_SETTLING },
	/* A person retries what has a video: that one goes first. */
	{ JOB_FAILED, JOB_EV_STALE, JOB_DISCARDING },
	{ JOB_FAILED, JOB_EV_SEEN_MARKED, JOB_PROCESSING },
	{ JOB_FAILED, JOB_EV_CANCEL, JOB_IGNORED },

	/*
	 * Not even a share that was empty for a while takes these words back.
	 */
	{ JOB_IGNORED, JOB_EV_RETRY, JOB_SETTLING },
	{ JOB_IGNORED, JOB_EV_SEEN_MARKED, JOB_PROCESSING },
};

int job_step(enum job_state state, enum job_event event,
	     enum job_state *ret_state, enum job_action *ret_action)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (table[i].state != state || table[i].event != event)
			continue;
		*ret_state = table[i].next;
		*ret_action = states[table[i].next].action;
		return 0;
	}
	return -EINVAL;
}

enum job_state job_resume(enum job_state state)
{
	return states[state].resume;
}

enum job_action job_action(enum job_state state)
{
	return states[state].action;
}

bool job_is_durable(enum job_state state)
{
	return states[state].flags & DURABLE;
}

bool job_is_final(enum job_state state)
{
	return states[state].flags & FINAL;
}

bool job_has_slot(enum job_state state)
{
	return states[state].flags & SLOT;
}

const char *job_word(enum job_state state)
{
	return states[state].word;
}

const char *job_name(enum job_state state)
{
	return states[state].name;
}

int job_parse_name(const char *name, enum job_state *ret_state)
{
	for (int i = 0; i < JOB_STATE_COUNT; i++) {
		if (strcmp(states[i].name, name))
			continue;
		*ret_state = (enum job_state)i;
		return 0;
	}
	return -EINVAL;
}
