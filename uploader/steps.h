/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_STEPS_H
#define UPCAST_STEPS_H

#include "uploader/engine_private.h"

/*
 * The engine's hands: what each state does. A step starts one operation; its
 * answer becomes one event. Each file has the steps that know the same party.
 */
enum step_need {
	STEP_SOURCE = 1,
	STEP_REV = 2,
	STEP_COUNTED = 4,		     /* among ENGINE_CALLS_MAX */
	STEP_CALL = STEP_REV | STEP_COUNTED, /* a question to Rev */
	/* Something on the share or on Rev: not in a dry run. */
	STEP_CHANGES = 8,
	/* Of what has been sent: also while the uploader is disabled. */
	STEP_FINISHES = 16,
};

/* The action of a state, and what it needs before it may begin. */
struct step {
	void (*run)(struct work *w);
	int needs;
};

extern const struct step steps[]; /* by enum job_action */

enum { STEP_PATH_SIZE = 4096 };

/* step_prepare.c: the file's identity; the bridge, Rev, the policy. */
void step_prepare(struct work *w);
/* step_send.c: the search for the mark, the upload, the search once more. */
void step_search(struct work *w);
void step_send(struct work *w);
void step_wait_index(struct work *w);
/* step_share.c: the file. */
void step_rename(struct work *w);
void step_remove(struct work *w);
void step_rename_back(struct work *w);
/* step_video.c: the video. */
void step_poll(struct work *w);
void step_activate(struct work *w);
void step_discard(struct work *w);

/* ---- for the steps ------------------------------------------------------ */

/* Once more, after a back-off. */
void step_out_of_memory(struct work *w);
void step_source_failed(struct work *w, const struct source_result *result);
/* An answer of Rev that says nothing about this recording alone. */
void step_rev_failed(struct work *w, const struct rev_result *result);
/* The file is not what the last scan has seen: the next one looks anew. */
void step_changed(struct work *w, const char *why);
/* The event, and: it is the video's own fault, a retry sends another. */
void step_video_bad(struct work *w, enum job_event event, const char *why);

/* The row's texts; the journal gets what was set with the next state. */
const char *step_text(const struct work *w, enum row_text which);
int step_set(struct work *w, enum row_text which,
	     const char *value) ATTR_MUST_CHECK;

#endif
