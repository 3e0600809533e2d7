/* SPDX-License-Identifier: MIT */
#include "uploader/steps.h"

#include <stdio.h>
#include <string.h>

void step_out_of_memory(struct work *w)
{
	engine_back_off(w, JOB_EV_AGAIN, "out of memory");
}

void step_rev_failed(struct work *w, const struct rev_result *result)
{
	/* What may be on Rev is looked for until Rev says so. */
	bool insists = w->item->row.state == JOB_UNSURE;

	if ((insists && result->class == REV_REFUSED) ||
	    !engine_rev_failed(w, result, JOB_EV_AGAIN, JOB_EV_REFUSED))
		engine_back_off(w, JOB_EV_AGAIN, result->why.text);
}

void step_source_failed(struct work *w, const struct source_result *result)
{
	engine_source_failed(w, result->err, &result->why, JOB_EV_AGAIN);
}

void step_changed(struct work *w, const char *why)
{
	settle_init(&w->settle);
	engine_event(w->engine, w->item, JOB_EV_CHANGED, why);
}

const char *step_text(const struct work *w, enum row_text which)
{
	return row_get(&w->item->row, which);
}

int step_set(struct work *w, enum row_text which, const char *value)
{
	w->is_dirty = true;
	return row_set(&w->item->row, which, value);
}

void step_video_bad(struct work *w, enum job_event event, const char *why)
{
	w->item->row.number[ROW_VIDEO_BAD] = 1;
	w->is_dirty = true;
	engine_event(w->engine, w->item, event, why);
}

static void do_enqueue(struct work *w)
{
	engine_line_up(w, &w->engine->queue);
	engine_dispatch(w->engine);
}

static void do_nothing(struct work *w)
{
}

const struct step steps[] = {
	[JOB_DO_NOTHING] = { do_nothing, 0 },
	[JOB_DO_WATCH] = { watch_settle, STEP_SOURCE },
	[JOB_DO_ENQUEUE] = { do_enqueue, 0 },
	[JOB_DO_PREPARE] = { step_prepare, STEP_SOURCE | STEP_REV },
	[JOB_DO_SEARCH] = { step_search, STEP_CALL },
	[JOB_DO_SEND] = { step_send, STEP_SOURCE | STEP_REV | STEP_CHANGES },
	[JOB_DO_WAIT_INDEX] = { step_wait_index, STEP_CALL | STEP_FINISHES },
	[JOB_DO_RENAME] = { step_rename,
			    STEP_SOURCE | STEP_CHANGES | STEP_FINISHES },
	[JOB_DO_POLL] = { step_poll, STEP_CALL | STEP_FINISHES },
	[JOB_DO_ACTIVATE] = { step_activate,
			      STEP_CALL | STEP_CHANGES | STEP_FINISHES },
	[JOB_DO_FINISH] = { do_nothing, 0 },
	[JOB_DO_REMOVE] = { step_remove,
			    STEP_SOURCE | STEP_CALL | STEP_CHANGES },
	[JOB_DO_DISCARD] = { step_discard,
			     STEP_CALL | STEP_CHANGES | STEP_FINISHES },
	[JOB_DO_RENAME_BACK] = { step_rename_back,
				 STEP_SOURCE | STEP_CHANGES | STEP_FINISHES },
};
