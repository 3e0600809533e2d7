/* SPDX-License-Identifier: MIT */
/*
 * What is under way about each recording: one operation at a time, and what it
 * waits for before it may begin.
 */
#include "uploader/engine_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mono.h"
#include "lib/str.h"
#include "uploader/steps.h"

/* ---- telling ---------------------------------------------------------- */

void engine_set_why(struct work *w, const char *fmt, ...)
{
	char text[sizeof(w->why)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	str_clean(text);
	if (!strcmp(text, w->why))
		return;
	str_copy(w->why, text, sizeof(w->why));
	engine_changed(w->engine, w->item);
}

void engine_identify(const struct engine *e, const struct item *item,
		     struct engine_identity *ret)
{
	const char *name = conf_text(e->conf, OPT_UP_SHARE_NAME);

	ret->share = (struct source_status){ .where = "" };
	if (e->source)
		source_get_status(e->source, &ret->share);
	ret->it = (struct examine_identity){
		.share = *name ? name : ret->share.where,
		.dir = item->folder->dir,
		.name = item->stem,
	};
}

void engine_mark(const struct item *item, char mark[ENGINE_MARK_MAX])
{
	snprintf(mark, ENGINE_MARK_MAX, "upcast-%s",
		 row_get(&item->row, ROW_KEY));
}

int engine_path(const struct item *item, const char *video_id, char *dst,
		size_t size)
{
	char name[RECORDING_NAME_MAX];
	int n, err = 0;

	if (video_id)
		err = recording_format_uploaded(item->stem, video_id, name);
	if (err)
		return err;
	n = snprintf(dst, size, "%s/%s", item->folder->dir,
		     video_id ? name : row_get(&item->row, ROW_NAME));
	return n < (int)size ? 0 : -ENAMETOOLONG;
}

/* ---- works ------------------------------------------------------------ */

void engine_transfer_ends(struct work *w)
{
	struct engine *e = w->engine;
	struct parties *p = w->parties;

	w->transfer = NULL;
	w->parties = NULL;
	p->transfers--;
	if (!p->transfers && p != e->parties)
		loop_defer(e->loop, &e->retire_task);
}

void engine_stop_operations(struct work *w)
{
	examine_cancel(w->examine);
	if (w->examine)
		engine_walk_ends(w);
	prepare_cancel(w->prepare);
	w->prepare = NULL;
	transfer_cancel(w->transfer);
	if (w->transfer)
		engine_transfer_ends(w);
	if (w->call)
		rev_cancel(w->call);
	w->call = NULL;
	if (w->op)
		source_cancel(w->op);
	w->op = NULL;
	engine_call_ends(w);
	list_del(&w->queue_node);
	loop_timer_stop(&w->timer);
	loop_cancel(w->engine->loop, &w->task);
}

void engine_free_work(struct work *w)
{
	if (!w)
		return;
	engine_stop_operations(w);
	journal_disown(w->storing);
	w->item->work = NULL;
	list_del(&w->node);
	loop_timer_release(&w->timer);
	policy_release(&w->policy);
	free(w);
}

static void perform(struct loop_task *task);

static void on_timer(struct loop_timer *timer)
{
	struct work *w = list_entry(timer, struct work, timer);

	perform(&w->task);
}

struct work *engine_work(struct engine *e, struct item *item)
{
	struct work *w = item->work;

	if (w)
		return w;
	w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->engine = e;
	w->item = item;
	loop_task_init(&w->task, perform);
	list_init(&w->queue_node);
	list_init(&w->node);
	settle_init(&w->settle);
	if (loop_timer_init(&w->timer, e->loop, on_timer)) {
		free(w);
		return NULL;
	}
	list_add_tail(&e->works, &w->node);
	item->work = w;
	return w;
}

void engine_perform_later(struct work *w)
{
	loop_defer(w->engine->loop, &w->task);
}

/* ---- waiting ---------------------------------------------------------- */

void engine_line_up(struct work *w, struct list *line)
{
	list_del(&w->queue_node);
	list_add_tail(line, &w->queue_node);
}

static void wake_first(struct list *waiters)
{
	struct list *it = list_first(waiters);

	if (!it)
		return;
	list_del(it);
	engine_perform_later(list_entry(it, struct work, queue_node));
}

void engine_wake_callers(struct engine *e)
{
	for (unsigned n = e->calls_running; n < ENGINE_CALLS_MAX; n++)
		wake_first(&e->call_waiters);
}

static void call_begins(struct work *w)
{
	if (w->is_calling)
		return;
	w->is_calling = true;
	w->engine->calls_running++;
}

void engine_call_ends(struct work *w)
{
	struct engine *e = w->engine;

	if (!w->is_calling)
		return;
	w->is_calling = false;
	e->calls_running--;
	wake_first(&e->call_waiters);
}

void engine_walk_ends(struct work *w)
{
	w->examine = NULL;
	w->engine->walks_running--;
	wake_first(&w->engine->walk_waiters);
}

bool engine_is_dry(const struct engine *e)
{
	return e->is_dry || conf_bool(e->conf, OPT_UP_DRY_RUN);
}

bool engine_is_at_upload(const struct engine *e)
{
	return conf_number(e->conf, OPT_UP_PUBLISH) == 1;
}

bool engine_is_ours(const struct engine *e, const struct rev_video *v)
{
	return v->has_mark && (!v->is_active || engine_is_at_upload(e));
}

static bool waits_for_leave(struct work *w, int needs)
{
	struct engine *e = w->engine;

	if (!(needs & STEP_FINISHES) && !conf_bool(e->conf, OPT_UP_ENABLED)) {
		engine_set_why(w, "the uploader is disabled: set "
				  "uploader.enabled");
		return true;
	}
	if (!(needs & STEP_CHANGES) || !engine_is_dry(e))
		return false;
	engine_set_why(w, "dry run: it would go on now");
	return true;
}

static bool waits_for_time(struct work *w, int needs)
{
	uint64_t now = mono_ms();

	if (now >= w->not_before_ms) {
		w->next_try_s = 0;
		return false;
	}
	loop_timer_start(&w->timer, w->not_before_ms - now);
	return true;
}

static bool waits_for_source(struct work *w, int needs)
{
	struct source_status status = { .why = "no source is set" };

	if (!(needs & STEP_SOURCE))
		return false;
	if (w->engine->source)
		source_get_status(w->engine->source, &status);
	if (status.state == SOURCE_READY)
		return false;
	engine_set_why(w, "%s",
		       *status.why ? status.why : "connecting to the share");
	return true;
}

static bool waits_for_login(struct work *w, int needs)
{
	struct engine *e = w->engine;

	if (!(needs & STEP_REV))
		return false;
	if (!e->parties->rev)
		engine_set_why(w,
			       "no Rev server is set: set uploader.rev_host");
	else if (rev_is_locked(e->parties->rev))
		engine_set_why(w, "%s",
			       *e->rev_lane.why
				       ? e->rev_lane.why
				       : "rev refused the login: correct the "
					 "account, then say resume");
	else
		return false;
	return true;
}

/* It gets later each time that the lane stays shut. */
static void show_next_try(struct work *w, uint64_t wait_ms)
{
	int64_t next_s = mono_wall_s() + (int64_t)(wait_ms + 999) / 1000;

	if (w->next_try_s == next_s)
		return;
	w->next_try_s = next_s;
	engine_changed(w->engine, w->item);
}

/*
 * A lane that opens lets its waiters go one after the other: the first of them
 * finds out whether Rev is there again.
 */
static bool waits_for_lane(struct work *w, int needs)
{
	struct engine *e = w->engine;
	uint64_t wait;

	if (!(needs & STEP_REV))
		return false;
	wait = lane_wait_ms(&e->rev_lane, mono_ms());
	if (!wait)
		return false;
	engine_set_why(w, "%s", e->rev_lane.why);
	show_next_try(w, wait);
	loop_timer_start(&w->timer, wait + engine_random() % 250);
	return true;
}

static bool waits_for_call(struct work *w, int needs)
{
	struct engine *e = w->engine;

	if (!(needs & STEP_COUNTED) || e->calls_running < ENGINE_CALLS_MAX)
		return false;
	engine_line_up(w, &e->call_waiters);
	return true;
}

/*
 * What a step may have to wait for, in the order in which it is asked, and who
 * makes the work ask again. Each says why in the work. A reload and a person's
 * resume wake everything.
 */
static bool (*const waits[])(struct work *w, int needs) = {
	waits_for_leave,  /* a reload */
	waits_for_time,	  /* the work's timer */
	waits_for_source, /* the source, when its state changes */
	waits_for_login,  /* a reload, a resume */
	waits_for_lane,	  /* the work's timer */
	waits_for_call,	  /* engine_call_ends() of another */
};

static bool has_to_wait(struct work *w, int needs)
{
	for (size_t i = 0; i < ARRAY_SIZE(waits); i++)
		if (waits[i](w, needs))
			return true;
	return false;
}

/* ---- doing -------------------------------------------------------------- */

static void on_stored(void *arg)
{
	struct work *w = arg;

	w->storing = NULL;
	engine_perform_later(w);
}

void engine_store(struct work *w)
{
	journal_disown(w->storing);
	w->storing = NULL;
	w->must_store = journal_put(w->engine->journal, &w->item->row,
				    on_stored, w, &w->storing);
	w->is_dirty = false;
	if (w->must_store) /* memory is short: perform() tries again */
		loop_timer_start(&w->timer, 1000);
}

static bool is_busy(const struct work *w)
{
	return w->storing || w->examine || w->prepare || w->transfer ||
	       w->call || w->op;
}

static void perform(struct loop_task *task)
{
	struct work *w = list_entry(task, struct work, task);
	const struct step *step = &steps[w->action];

	if (w->engine->is_swapping || is_busy(w))
		return;
	if (w->must_store) {
		engine_store(w);
	} else if (w->action == JOB_DO_FINISH) {
		engine_free_work(w);
	} else if (!has_to_wait(w, step->needs)) {
		if (step->needs & STEP_COUNTED)
			call_begins(w);
		step->run(w);
	}
}

void engine_wake_all(struct engine *e)
{
	list_for_each(it, &e->works)
		engine_perform_later(list_entry(it, struct work, node));
	engine_dispatch(e);
}
