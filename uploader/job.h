/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_JOB_H
#define UPCAST_JOB_H

#include <stdbool.h>

/*
 * The life of one recording: a table of (state, event) -> (state, action).
 * Pure: who drives it is uploader/engine.c.
 *
 * What makes "exactly once" hold:
 *  - a state that is durable is in the journal before its action begins, so
 *    nothing is sent before the intent is kept, nothing is renamed before the
 *    video id is, and nothing becomes visible before the rename;
 *  - job_resume() says where a job goes on that a crash has left in a state:
 *    one that may have sent its bytes first looks for them on Rev;
 *  - the rename on the share decides between two uploaders: who finds the
 *    recording renamed by another has lost and deletes its own, inactive video.
 */
enum job_state {
	JOB_SETTLING,	/* the file grows, or is not whole yet */
	JOB_QUEUED,	/* whole; waits for its turn */
	JOB_PREPARING,	/* reads the file's ends; asks the bridge and Rev */
	JOB_SEARCHING,	/* looks on Rev for its own mark */
	JOB_SENDING,	/* the intent is durable; bytes go */
	JOB_UNSURE,	/* sent, answer unknown: waits for Rev's index */
	JOB_MARKING,	/* the video id is durable; the file is renamed */
	JOB_PROCESSING, /* renamed; Rev works on it */
	JOB_ACTIVATING, /* Rev is done; made visible, mark removed */
	JOB_READY,
	JOB_DELETING,	/* the file is removed from the share */
	JOB_DELETED,	/* it is, by us or by somebody */
	JOB_DISCARDING, /* a video of ours that must not stay is deleted */
	JOB_UNMARKING,	/* the file gets its old name back */
	JOB_FAILED,	/* waits for a person */
	JOB_IGNORED,	/* a person said so */
	JOB_STATE_COUNT
};

enum job_event {
	JOB_EV_SETTLED,
	JOB_EV_CHANGED,	  /* the file is not what it was: settle anew */
	JOB_EV_VANISHED,  /* the file is gone, uploaded by nobody */
	JOB_EV_SEEN,	  /* the file is there again, not renamed */
	JOB_EV_SEEN_MARKED, /* it is there under a renamed name */
	JOB_EV_SLOT,	  /* its turn */
	JOB_EV_PREPARED,
	JOB_EV_FOUND,	  /* Rev has a video with our mark */
	JOB_EV_NOT_FOUND,
	JOB_EV_SENT,	  /* Rev answered with a video id */
	JOB_EV_UNKNOWN,	  /* all bytes went out, no answer came */
	JOB_EV_MARKED,
	JOB_EV_RACE_LOST, /* renamed by another, with another video */
	JOB_EV_STALE,	  /* the video holds what the file no longer is */
	JOB_EV_PROCESSED,
	JOB_EV_ACTIVATED,
	JOB_EV_VIDEO_GONE,
	JOB_EV_DISCARDED,
	JOB_EV_UNMARKED,
	JOB_EV_REMOVE,	  /* ready, and the settings say to delete */
	JOB_EV_REMOVED,
	JOB_EV_AGAIN,	  /* transient: back to the queue after a pause */
	JOB_EV_REFUSED,	  /* permanent */
	JOB_EV_RETRY,	  /* a person's words ... */
	JOB_EV_CANCEL,
	JOB_EVENT_COUNT
};

enum job_action {
	JOB_DO_NOTHING,
	JOB_DO_WATCH,	  /* the scan looks at the file */
	JOB_DO_ENQUEUE,
	JOB_DO_PREPARE,
	JOB_DO_SEARCH,
	JOB_DO_SEND,
	JOB_DO_WAIT_INDEX,
	JOB_DO_RENAME,
	JOB_DO_POLL,
	JOB_DO_ACTIVATE,
	JOB_DO_FINISH,
	JOB_DO_REMOVE,
	JOB_DO_DISCARD,
	JOB_DO_RENAME_BACK,
};

/*
 * The next state and what to do on entering it. -EINVAL where the event means
 * nothing in the state: the caller then stays where it is (an answer that came
 * too late), and tells a person so if the event was a command.
 */
int job_step(enum job_state state, enum job_event event,
	     enum job_state *ret_state, enum job_action *ret_action);

/* Where a job goes on that the journal has in `state`. */
enum job_state job_resume(enum job_state state);
/* What entering a state asks for. */
enum job_action job_action(enum job_state state);

/* Must the journal have it before its action begins? */
bool job_is_durable(enum job_state state);
/* Is nothing left to do (unless a person or the share says so)? */
bool job_is_final(enum job_state state);
/* Does it hold one of the upload slots? */
bool job_has_slot(enum job_state state);

/* The word of the control directory: "uploading". */
const char *job_word(enum job_state state);
/* The word of the journal, one per state: "unsure". */
const char *job_name(enum job_state state);
/* -EINVAL: no such word. */
int job_parse_name(const char *name, enum job_state *ret_state);

#endif
