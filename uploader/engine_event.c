/* SPDX-License-Identifier: MIT */
/*
 * What happens to a recording: the next state of uploader/job.h, kept, told,
 * and begun; and what a failure means for it and for the others.
 */
#include "uploader/engine_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/crypto.h"
#include "lib/log.h"
#include "lib/mono.h"
#include "lib/str.h"

enum {
	BACKOFF_BASE_MS = 2000,
	PAUSE_DEFAULT_MS = 60000, /* where Rev does not say how long */
};

uint32_t engine_random(void)
{
	uint32_t random;

	crypto_random(&random, sizeof(random));
	return random;
}

/* ---- telling ---------------------------------------------------------- */

void engine_changed(struct engine *e, struct item *item)
{
	e->calls.changed(e->calls.arg, item);
}

void engine_note(struct engine *e, const struct item *item, const char *fmt,
		 ...)
{
	char text[1024], line[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(line, sizeof(line), "%" PRId64 " %s/%s: %s", item->row.id,
		 item->folder->dir, item->stem, text);
	log_info("%s", line);
	e->calls.event(e->calls.arg, line);
}

/* ---- states ----------------------------------------------------------- */

static void tell_state(struct engine *e, struct item *item, const char *old)
{
	const char *word = job_word(item->row.state);
	const char *why = item->work->why;

	if (!strcmp(old, word))
		return;
	if (item->row.state == JOB_READY)
		engine_note(e, item, "ready: video %s",
			    row_get(&item->row, ROW_VIDEO_ID));
	else
		engine_note(e, item, "%s%s%s", word, *why ? ": " : "", why);
}

/*
 * Are both on one way to the same end? Then what failed before still counts: a
 * recording that fails in its upload does not begin anew by being queued.
 */
static bool is_same_way(enum job_state a, enum job_state b)
{
	bool before = a <= JOB_UNSURE;
	bool after = a == JOB_PROCESSING || a == JOB_ACTIVATING;

	return (before && b <= JOB_UNSURE) ||
	       (after && (b == JOB_PROCESSING || b == JOB_ACTIVATING));
}

/* What the row and the work of a recording begin a state with. */
static void begin_state(struct work *w, enum job_state next)
{
	struct item *item = w->item;
	int64_t *number = item->row.number;

	if (!is_same_way(item->row.state, next))
		w->tries = 0;
	w->not_before_ms = 0;
	w->next_try_s = 0;
	w->progress = 0;
	w->unsure_ms = mono_ms();
	catalog_set_state(&w->engine->catalog, item, next);
	if (job_is_final(next))
		number[ROW_DONE_S] = mono_wall_s();
	if (next == JOB_READY)
		number[ROW_ADOPTED] = 1;
	if (next == JOB_SENDING) {
		number[ROW_SENT_S] = mono_wall_s();
		number[ROW_ATTEMPTS]++;
	}
}

static void keep_error(struct work *w, const char *why)
{
	bool failed = w->item->row.state == JOB_FAILED;

	if (row_set(&w->item->row, ROW_ERROR, failed ? why : NULL))
		log_error("out of memory: the reason of a failure is lost");
}

static void enter(struct work *w, enum job_state next, enum job_action action,
		  const char *why)
{
	const char *old_word = job_word(w->item->row.state);
	bool is_new = w->item->row.state != next;

	engine_stop_operations(w);
	if (is_new)
		begin_state(w, next);
	w->action = action;
	str_copy(w->why, why ? why : "", sizeof(w->why));
	if (is_new || next == JOB_FAILED)
		keep_error(w, why);
	if (job_is_durable(next) && (is_new || w->is_dirty))
		engine_store(w);
	tell_state(w->engine, w->item, old_word);
	engine_changed(w->engine, w->item);
	engine_perform_later(w);
}

int engine_event(struct engine *e, struct item *item, enum job_event event,
		 const char *why)
{
	enum job_state next;
	enum job_action action;
	struct work *w;
	enum job_state old = item->row.state;
	int err = job_step(old, event, &next, &action);

	if (err)
		return err;
	w = engine_work(e, item);
	if (!w)
		return -ENOMEM;
	enter(w, next, action, why);
	if ((job_has_slot(old) && !job_has_slot(next)) || old == JOB_MARKING)
		engine_dispatch(e);
	return 0;
}

void engine_again(struct work *w, enum job_event event, uint64_t ms,
		  const char *why)
{
	uint64_t not_before = mono_ms() + ms;
	int64_t next_try = mono_wall_s() + (int64_t)(ms + 999) / 1000;
	unsigned tries = w->tries;

	if (engine_event(w->engine, w->item, event, why))
		return;
	w->tries = tries;
	w->not_before_ms = not_before;
	w->next_try_s = next_try;
	engine_changed(w->engine, w->item);
}

void engine_back_off(struct work *w, enum job_event event, const char *why)
{
	uint64_t max = conf_number(w->engine->conf, OPT_UP_RETRY_MAX);

	w->tries++;
	engine_again(w, event,
		     lane_backoff_ms(w->tries, BACKOFF_BASE_MS, max,
				     engine_random()),
		     why);
}

/*
 * No answer at all, or a gateway's: the way to Rev is broken, for everybody.
 */
static bool is_outage(const struct rev_result *result)
{
	/* A code: our own want of memory, not Rev's silence. */
	return result->class == REV_TRANSIENT &&
	       ((result->status == 0 && !result->why.code) ||
		result->status == 502 || result->status == 503 ||
		result->status == 504);
}

static void rev_pauses(struct work *w, const struct rev_result *result,
		       enum job_event again)
{
	uint64_t ms = result->pause_ms > 0 ? (uint64_t)result->pause_ms
					   : PAUSE_DEFAULT_MS;

	lane_pause(&w->engine->rev_lane, mono_ms(), ms, result->why.text);
	/* A gateway's 503 may be for this one alone. */
	if (result->status == 503)
		engine_back_off(w, again, result->why.text);
	else
		engine_again(w, again, 0, result->why.text);
}

/* The lane for all; and the job waits, too, for it may be this one alone. */
static void rev_is_away(struct work *w, const struct rev_result *result,
			enum job_event again)
{
	struct engine *e = w->engine;
	const char *why = result->why.text;

	if (is_outage(result))
		lane_outage(&e->rev_lane, mono_ms(),
			    conf_number(e->conf, OPT_UP_RETRY_MAX),
			    engine_random(), why);
	engine_back_off(w, again, why);
}

static void rev_locks(struct work *w, const struct rev_result *result,
		      enum job_event again)
{
	struct lane *lane = &w->engine->rev_lane;

	str_copy(lane->why, result->why.text, sizeof(lane->why));
	log_error("%s", result->why.text);
	engine_again(w, again, 0, result->why.text);
}

bool engine_rev_failed(struct work *w, const struct rev_result *result,
		       enum job_event again, enum job_event refused)
{
	static void (*const waits[])(struct work * w,
				     const struct rev_result *result,
				     enum job_event again) = {
		[REV_TRANSIENT] = rev_is_away,
		[REV_LANE] = rev_pauses,
		[REV_LOCKED] = rev_locks,
	};
	struct engine *e = w->engine;

	e->rev_answered = e->rev_answered || result->status;
	if (result->class == REV_REFUSED)
		engine_event(e, w->item, refused, result->why.text);
	else if (result->class < ARRAY_SIZE(waits) && waits[result->class])
		waits[result->class](w, result, again);
	else
		return false;
	return true;
}

void engine_rev_answered(struct engine *e)
{
	e->rev_answered = true;
	if (lane_is_open(&e->rev_lane, mono_ms()) &&
	    !(e->parties->rev && rev_is_locked(e->parties->rev)))
		lane_open(&e->rev_lane);
}

void engine_source_failed(struct work *w, int err, const struct err *why,
			  enum job_event again)
{
	/* The session: perform() waits until the source is ready again. */
	if (err == -ENOTCONN)
		engine_again(w, again, 0, why->text);
	else
		engine_back_off(w, again, why->text);
}
