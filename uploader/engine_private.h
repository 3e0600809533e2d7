/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_ENGINE_PRIVATE_H
#define UPCAST_ENGINE_PRIVATE_H

#include "uploader/engine.h"
#include "uploader/examine.h"
#include "uploader/journal.h"
#include "uploader/lane.h"
#include "uploader/parties.h"
#include "uploader/scan.h"
#include "uploader/settle.h"
#include "uploader/transfer.h"

/*
 * What the files of the engine share: engine.c (journal, start and stop),
 * engine_event.c (states), engine_work.c (waiting), engine_slots.c (whose turn
 * it is), watch.c (scans, settling), steps.h (the actions) and control.c (the
 * owner's side).
 */
enum {
	ENGINE_CALLS_MAX = 16, /* questions to Rev at the same time */
	ENGINE_WALKS_MAX = 2,  /* files whose boxes are walked */
	ENGINE_MARK_MAX = 64,
};

struct engine {
	struct loop *loop;
	struct conf *conf;
	struct engine_calls calls;

	struct source *source;
	struct scan *scan;
	struct journal *journal;
	struct parties *parties;
	struct list retired; /* parties of uploads begun before a reload */
	struct loop_task retire_task;
	struct catalog catalog;

	bool is_open; /* the journal is */
	bool is_standby;
	bool is_paused;
	bool is_swapping; /* the source and the parties: nothing may begin */
	bool is_dry;	  /* nothing is kept by this journal: nothing is sent */
	int64_t journal_created_s;
	uint64_t journal_opened_ms; /* by us */
	char journal_why[ERR_TEXT_MAX];

	struct loop_timer scan_timer;
	uint64_t full_scan_ms; /* when the next one is due */
	uint64_t pass_end_ms;  /* when the last one ended */
	bool rescan_wanted, full_wanted;
	int64_t last_scan_s;
	size_t scanned;
	char scan_why[ERR_TEXT_MAX];

	struct list works;
	struct list queue;   /* works whose turn to upload comes */
	struct list sending; /* works with a transfer */
	struct loop_task dispatch_task;
	struct list call_waiters; /* works that wait for a call to Rev */
	struct list walk_waiters; /* works that wait for a walk */
	unsigned refused_renames; /* recordings since the last that worked */
	bool rename_has_worked;	  /* with these settings */
	uint64_t scout_ms; /* when one more is sent, though they are refused */
	bool has_orphans;  /* memory was too short to go on with some jobs */
	unsigned calls_running;
	unsigned walks_running;
	struct lane rev_lane, cms_lane;
	bool rev_answered, cms_answered;
	struct loop_timer hours_timer;
	struct reconcile *reconcile;
	struct list discards; /* videos of ours to delete beside the jobs */
};

/*
 * What is under way about one recording; freed when it is final. Its task looks
 * what is to be done (engine_work.c: perform()), and it is always one of these
 * that makes the task run again:
 *
 *	the journal	has got the row, or `timer` once memory is there
 *	an operation	has its answer, which is an event with a new action
 *	a line		that the work stands in (`queue_node`) gets to it
 *	a wait		is over: engine_work.c's table `waits` says by whom
 */
struct work {
	struct engine *engine;
	struct item *item;
	struct list node;
	char why[ERR_TEXT_MAX]; /* what holds it where it is */

	/* What is next, and when. */
	enum job_action action;
	struct loop_task task; /* performs it */
	struct loop_timer timer;
	struct list queue_node; /* in queue, sending or one of the waiters */
	uint64_t not_before_ms;
	int64_t next_try_s; /* the same for people */
	unsigned tries;	    /* failures in a row that count */
	uint64_t unsure_ms; /* since when the answer has been missing */

	/* Until the journal has the row nothing else begins. */
	struct journal_op *storing;
	bool must_store; /* it could not be given to the journal */
	bool is_dirty;	 /* the row differs from the journal's */

	/* The operation under way: at most one of these. */
	struct examine *examine;
	struct prepare *prepare;
	struct transfer *transfer;
	struct rev_call *call;
	struct source_op *op;
	bool is_calling;	 /* counted in calls_running */
	struct parties *parties; /* the transfer's */

	/* The file, and what becomes of it on Rev. */
	struct settle settle;
	struct source_attr attr; /* settled: what is uploaded */
	struct policy policy;
	char mark[ENGINE_MARK_MAX]; /* the transfer's metadata point here */

	/* For showing. */
	uint64_t rate_bytes, rate_ms, rate;
	int64_t started_s;
	unsigned progress;
};

/* ---- engine.c --------------------------------------------------------- */

/*
 * A new recording, or (with a video id) one that was uploaded before this
 * journal knew it; -ENOMEM: the next scan meets it again.
 */
int engine_add(struct engine *e, const char *dir, const char *name,
	       const char *video_id, const struct source_attr *attr,
	       struct item **ret) ATTR_MUST_CHECK;
/* Forgets the recording, also in the journal: `item` is dead then. -ENOMEM. */
int engine_remove(struct engine *e, struct item *item) ATTR_MUST_CHECK;
/*
 * Wakes works that wait for a call although there is room, and takes up the
 * jobs for which there was no memory.
 */
void engine_tidy(struct engine *e);
/* While the uploader is disabled it needs none: `*ret_source` is NULL then. */
int engine_open_source(struct engine *e, const struct conf *conf,
		       struct source **ret_source, struct scan **ret_scan,
		       struct err *err) ATTR_MUST_CHECK;
void engine_close_source(struct engine *e);

/* ---- engine_event.c --------------------------------------------------- */

/*
 * The event happens to the recording: its old operation ends, the new state is
 * made durable if it must be, then its action begins. `why` is the sentence
 * that is shown meanwhile, NULL: none.
 */
int engine_event(struct engine *e, struct item *item, enum job_event event,
		 const char *why);
/* The same state again, after `ms`. */
void engine_again(struct work *w, enum job_event event, uint64_t ms,
		  const char *why);
/* Again after a back-off that grows with each failure in a row. */
void engine_back_off(struct work *w, enum job_event event, const char *why);
/*
 * Sorts an answer of Rev that is not REV_OK: lane, lock, back-off (`again`) or
 * `refused`. True if it was sorted: REV_GONE is the caller's.
 */
bool engine_rev_failed(struct work *w, const struct rev_result *result,
		       enum job_event again, enum job_event refused);
/* Rev is there. A pause that it asked for lasts all the same. */
void engine_rev_answered(struct engine *e);
/* A failure of the source: of the session, or of this file. */
void engine_source_failed(struct work *w, int err, const struct err *why,
			  enum job_event again);
void engine_changed(struct engine *e, struct item *item);
void engine_note(struct engine *e, const struct item *item, const char *fmt,
		 ...) ATTR_PRINTF(3, 4);
uint32_t engine_random(void);

/* ---- engine_work.c ---------------------------------------------------- */

/* Gives a final item a work again, or returns the one it has; NULL: -ENOMEM. */
struct work *engine_work(struct engine *e, struct item *item);
void engine_free_work(struct work *w);
void engine_set_why(struct work *w, const char *fmt, ...) ATTR_PRINTF(2, 3);
/* Until the journal has the row, nothing else happens to the recording. */
void engine_store(struct work *w);
/* Begins the action of its state, once nothing is in the way. */
void engine_perform_later(struct work *w);
void engine_stop_operations(struct work *w);
/* To the end of that line of works: a work stands in one at most. */
void engine_line_up(struct work *w, struct list *line);
/* A question to Rev, a walk, a transfer has ended: the next one may begin. */
void engine_call_ends(struct work *w);
void engine_walk_ends(struct work *w);
void engine_transfer_ends(struct work *w);
void engine_wake_callers(struct engine *e);
/* What waited for the share, for Rev, for anything: looks again. */
void engine_wake_all(struct engine *e);
/* May nothing be changed on the share and on Rev? */
bool engine_is_dry(const struct engine *e);
/* publish = at-upload: are videos visible from the first byte on? */
bool engine_is_at_upload(const struct engine *e);
/* What bears our mark and was made visible by nobody else: may be deleted. */
bool engine_is_ours(const struct engine *e, const struct rev_video *v);
/* Which recording it is, of all shares whose videos are in the account. */
struct engine_identity {
	struct examine_identity it;
	struct source_status share;
};
void engine_identify(const struct engine *e, const struct item *item,
		     struct engine_identity *ret);
/* "upcast-<key>" */
void engine_mark(const struct item *item, char mark[ENGINE_MARK_MAX]);
/* "dir/name": the new name, or (with an id) the one after the upload. */
int engine_path(const struct item *item, const char *video_id, char *dst,
		size_t size) ATTR_MUST_CHECK;

/* ---- engine_slots.c --------------------------------------------------- */

int engine_slots_init(struct engine *e) ATTR_MUST_CHECK;
void engine_slots_release(struct engine *e);
/* Hands out upload slots. */
void engine_dispatch(struct engine *e);
/* A recording could not be renamed; or the share says that none could be. */
void engine_rename_refused(struct engine *e, bool is_said);
void engine_rename_worked(struct engine *e);

/* ---- watch.c ---------------------------------------------------------- */

extern const struct scan_calls watch_scan_calls;
int watch_init(struct engine *e) ATTR_MUST_CHECK;
void watch_start(struct engine *e); /* scans from now on */
void watch_scan_now(struct engine *e, bool full);
/* Looks again at a recording that settles: JOB_DO_WATCH. */
void watch_settle(struct work *w);

#endif
