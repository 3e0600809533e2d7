/* SPDX-License-Identifier: MIT */
#include "uploader/engine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto.h"
#include "lib/log.h"
#include "lib/mono.h"
#include "lib/str.h"
#include "uploader/discard.h"
#include "uploader/engine_private.h"
#include "uploader/reconcile.h"

enum {
	BACKOFF_BASE_MS = 2000,
	HOURS_CHECK_MS = 20000,
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
	w->waits_for_source = false;
}

void engine_free_work(struct work *w)
{
	if (!w)
		return;
	engine_stop_operations(w);
	if (w->is_storing)
		journal_disown(w->engine->journal, w->item);
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

static void wake_first(struct list *waiters)
{
	struct list *it = list_first(waiters);

	if (!it)
		return;
	list_del(it);
	engine_perform_later(list_entry(it, struct work, queue_node));
}

void engine_call_begins(struct work *w)
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

static bool waits_for_time(struct work *w)
{
	uint64_t now = mono_ms();

	if (now >= w->not_before_ms) {
		w->next_try_s = 0;
		return false;
	}
	loop_timer_start(&w->timer, w->not_before_ms - now);
	return true;
}

bool engine_is_dry(const struct engine *e)
{
	return e->is_dry || conf_bool(e->conf, OPT_UP_DRY_RUN);
}

/* A reload that allows it wakes all. */
static bool waits_for_leave(struct work *w, int needs)
{
	struct engine *e = w->engine;

	if (!conf_bool(e->conf, OPT_UP_ENABLED)) {
		engine_set_why(w, "the uploader is disabled: set "
				  "uploader.enabled");
		return true;
	}
	if (!(needs & STEP_CHANGES) || !engine_is_dry(e))
		return false;
	engine_set_why(w, "dry run: it would go on now");
	return true;
}

static bool waits_for_source(struct work *w, int needs)
{
	struct source_status status;

	if (!(needs & STEP_NEEDS_SOURCE))
		return false;
	if (!w->engine->source) {
		engine_set_why(w, "no source is set");
		return w->waits_for_source = true;
	}
	source_get_status(w->engine->source, &status);
	w->waits_for_source = status.state != SOURCE_READY;
	if (w->waits_for_source)
		engine_set_why(w, "%s",
			       *status.why ? status.why
					   : "connecting to the share");
	return w->waits_for_source;
}

/*
 * A lane that opens lets its waiters go one after the other: the first of them
 * finds out whether Rev is there again.
 */
static bool waits_for_rev(struct work *w, int needs)
{
	struct engine *e = w->engine;
	uint64_t wait;

	if (!(needs & STEP_NEEDS_REV))
		return false;
	if (!e->parties->rev) {
		engine_set_why(w,
			       "no Rev server is set: set uploader.rev_host");
		return true;
	}
	if (rev_is_locked(e->parties->rev)) {
		engine_set_why(w, "%s",
			       *e->rev_lane.why
				       ? e->rev_lane.why
				       : "rev refused the login: correct the "
					 "account, then say resume");
		return true;
	}
	wait = lane_wait_ms(&e->rev_lane, mono_ms());
	if (wait) {
		engine_set_why(w, "%s", e->rev_lane.why);
		loop_timer_start(&w->timer, wait + engine_random() % 250);
		return true;
	}
	if ((needs & STEP_IS_CALL) && e->calls_running >= ENGINE_CALLS_MAX) {
		list_del(&w->queue_node);
		list_add_tail(&e->call_waiters, &w->queue_node);
		return true;
	}
	return false;
}

static void on_stored(void *arg)
{
	struct item *item = arg;
	struct work *w = item->work;

	w->is_storing = false;
	engine_perform_later(w);
}

/* Until the journal has it, nothing else happens to the recording. */
static void store(struct work *w)
{
	struct engine *e = w->engine;

	if (w->is_storing)
		journal_disown(e->journal, w->item);
	w->is_storing =
		!journal_put(e->journal, &w->item->row, on_stored, w->item);
	w->must_store = !w->is_storing;
	w->is_dirty = false;
	if (w->must_store) /* memory is short: perform() tries again */
		loop_timer_start(&w->timer, 1000);
}

static void perform(struct loop_task *task)
{
	struct work *w = list_entry(task, struct work, task);
	const struct step *step = &steps[w->action];

	if (w->engine->is_swapping || w->is_storing || w->examine ||
	    w->prepare || w->transfer || w->call || w->op)
		return;
	if (w->must_store) {
		store(w);
		return;
	}
	if (w->action != JOB_DO_FINISH &&
	    (waits_for_leave(w, step->needs) || waits_for_time(w) ||
	     waits_for_source(w, step->needs) || waits_for_rev(w, step->needs)))
		return;
	if (step->needs & STEP_IS_CALL)
		engine_call_begins(w);
	if (w->action == JOB_DO_FINISH)
		engine_free_work(w);
	else
		step->run(w);
}

void engine_wake_all(struct engine *e)
{
	list_for_each(it, &e->works)
		engine_perform_later(list_entry(it, struct work, node));
	engine_dispatch(e);
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

static void enter(struct work *w, enum job_state next, enum job_action action,
		  const char *why)
{
	struct engine *e = w->engine;
	struct item *item = w->item;
	const char *old_word = job_word(item->row.state);
	bool is_new = item->row.state != next;

	engine_stop_operations(w);
	if (!is_same_way(item->row.state, next) && is_new)
		w->tries = 0;
	if (is_new) {
		w->not_before_ms = 0;
		w->next_try_s = 0;
		w->progress = 0;
		catalog_set_state(&e->catalog, item, next);
		if (job_is_final(next))
			item->row.number[ROW_DONE_S] = mono_wall_s();
		if (next == JOB_READY)
			item->row.number[ROW_ADOPTED] = 1;
		if (next == JOB_SENDING) {
			item->row.number[ROW_SENT_S] = mono_wall_s();
			item->row.number[ROW_ATTEMPTS]++;
		}
		w->unsure_ms = mono_ms();
	}
	w->action = action;
	str_copy(w->why, why ? why : "", sizeof(w->why));
	if (next == JOB_FAILED && row_set(&item->row, ROW_ERROR, why))
		log_error("out of memory: the reason of a failure is lost");
	if (next != JOB_FAILED && is_new)
		(void)!row_set(&item->row, ROW_ERROR, NULL);
	if (job_is_durable(next) && (is_new || w->is_dirty))
		store(w);
	tell_state(e, item, old_word);
	engine_changed(e, item);
	engine_perform_later(w);
}

int engine_event(struct engine *e, struct item *item, enum job_event event,
		 const char *why)
{
	enum job_state next;
	enum job_action action;
	struct work *w;
	bool had_slot = job_has_slot(item->row.state);
	int err = job_step(item->row.state, event, &next, &action);

	if (err)
		return err;
	w = engine_work(e, item);
	if (!w)
		return -ENOMEM;
	enter(w, next, action, why);
	if (had_slot && !job_has_slot(next))
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
 * No answer at all, or a gateway's: the way to Rev is broken, for everybody, so
 * the lane waits and no attempt is counted.
 */
static bool is_outage(const struct rev_result *result)
{
	/* A code: our own want of memory, not Rev's silence. */
	return result->class == REV_TRANSIENT &&
	       ((result->status == 0 && !result->why.code) ||
		result->status == 502 || result->status == 503 ||
		result->status == 504);
}

bool engine_rev_failed(struct work *w, const struct rev_result *result,
		       enum job_event again, enum job_event refused)
{
	struct engine *e = w->engine;
	uint64_t max = conf_number(e->conf, OPT_UP_RETRY_MAX);
	const char *why = result->why.text;

	e->rev_answered = e->rev_answered || result->status;
	switch (result->class) {
	case REV_LANE:
		lane_pause(&e->rev_lane, mono_ms(),
			   (uint64_t)(result->pause_ms > 0 ? result->pause_ms
							   : 60000),
			   why);
		engine_again(w, again, 0, why);
		return true;
	case REV_LOCKED:
		str_copy(e->rev_lane.why, why, sizeof(e->rev_lane.why));
		log_error("%s", why);
		engine_again(w, again, 0, why);
		return true;
	case REV_TRANSIENT:
		if (is_outage(result)) {
			lane_outage(&e->rev_lane, mono_ms(), max,
				    engine_random(), why);
			/* Questions are answered and this upload is not: it
			 * may be the upload. */
			if (w->item->row.state == JOB_SENDING)
				engine_back_off(w, again, why);
			else
				engine_again(w, again, 0, why);
		} else {
			engine_back_off(w, again, why);
		}
		return true;
	case REV_REFUSED:
		engine_event(e, w->item, refused, why);
		return true;
	default:
		return false;
	}
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

int engine_add(struct engine *e, const char *dir, const char *name,
	       const char *video_id, const struct source_attr *attr,
	       struct item **ret)
{
	enum job_state state = video_id ? JOB_PROCESSING : JOB_SETTLING;
	struct row row = { .id = journal_take_id(e->journal), .state = state };
	struct item *item;
	struct work *w;
	int err;

	row.number[ROW_SIZE] = (int64_t)attr->size;
	row.number[ROW_MTIME_NS] = attr->mtime_ns;
	row.number[ROW_FILEID] = (int64_t)attr->fileid;
	row.number[ROW_FIRST_SEEN_S] = mono_wall_s();
	err = row_set(&row, ROW_DIR, dir);
	row.number[ROW_ADOPTED] = video_id != NULL;
	err = err ? err : row_set(&row, ROW_NAME, name);
	err = err ? err : row_set(&row, ROW_VIDEO_ID, video_id);
	err = err ? err : catalog_add(&e->catalog, &row, &item);
	if (err) {
		row_release(&row);
		return err;
	}
	w = engine_work(e, item);
	if (!w) {
		catalog_remove(&e->catalog, item);
		return -ENOMEM;
	}
	w->action = job_action(state);
	store(w);
	engine_perform_later(w);
	*ret = item;
	return 0;
}

/* ---- slots ------------------------------------------------------------ */

static unsigned slots_used(const struct engine *e)
{
	size_t n = 0;

	for (int s = 0; s < JOB_STATE_COUNT; s++)
		if (job_has_slot((enum job_state)s))
			n += e->catalog.counts[s];
	return (unsigned)n;
}

static bool is_open_hour(struct engine *e)
{
	time_t now = (time_t)mono_wall_s();
	struct tm tm;
	bool open = true;

	if (!localtime_r(&now, &tm) ||
	    lane_parse_hours(conf_text(e->conf, OPT_UP_HOURS), &tm, &open))
		return true;
	if (!open)
		loop_timer_start(&e->hours_timer, HOURS_CHECK_MS);
	return open;
}

/* Why nothing is taken from the queue now, or NULL. */
static const char *why_shut(struct engine *e)
{
	if (e->is_paused)
		return "uploads are paused: upcast resume lets them go on";
	if (engine_is_dry(e))
		return "dry run: it would be uploaded now";
	if (!is_open_hour(e))
		return "waits for the upload hours";
	if (slots_used(e) >= conf_number(e->conf, OPT_UP_PARALLEL))
		return "waits for an upload to end";
	return NULL;
}

static void share_bandwidth(struct engine *e)
{
	unsigned n = (unsigned)e->catalog.counts[JOB_SENDING];
	uint64_t share = lane_share(conf_number(e->conf, OPT_UP_BANDWIDTH), n);

	list_for_each(it, &e->sending) {
		struct work *w = list_entry(it, struct work, queue_node);

		transfer_set_speed(w->transfer, share);
	}
}

/* Once for all that has happened in this turn of the loop. */
static void on_dispatch(struct loop_task *task)
{
	struct engine *e = list_entry(task, struct engine, dispatch_task);
	const char *why = NULL;
	struct list *it;

	while ((it = list_first(&e->queue)) && !(why = why_shut(e))) {
		struct work *w = list_entry(it, struct work, queue_node);

		list_del(it);
		engine_event(e, w->item, JOB_EV_SLOT, NULL);
	}
	list_for_each(waiting, &e->queue)
		engine_set_why(list_entry(waiting, struct work, queue_node),
			       "%s", why);
	share_bandwidth(e);
}

void engine_dispatch(struct engine *e)
{
	loop_defer(e->loop, &e->dispatch_task);
}

/* Old parties whose last transfer has ended; not from inside its answer. */
static void on_retire(struct loop_task *task)
{
	struct engine *e = list_entry(task, struct engine, retire_task);

	list_for_each_safe(it, &e->retired) {
		struct parties *p = list_entry(it, struct parties, node);

		if (!p->transfers)
			parties_free(p);
	}
}

static void on_hours(struct loop_timer *timer)
{
	engine_dispatch(list_entry(timer, struct engine, hours_timer));
}

/* ---- the journal ------------------------------------------------------- */

static void on_row(void *arg, struct row *take_row)
{
	struct engine *e = arg;
	struct item *item;

	if (catalog_add(&e->catalog, take_row, &item)) {
		log_warning("journal: row %" PRId64 " (%s/%s) is left out",
			    take_row->id, row_get(take_row, ROW_DIR),
			    row_get(take_row, ROW_NAME));
		row_release(take_row);
	}
}

/* Where each job goes on that a crash, or a stop, has left behind. */
static void resume_items(struct engine *e)
{
	struct item *item, *next;
	enum job_state state;
	struct work *w;

	e->has_orphans = false;
	for (item = e->catalog.items; item; item = next) {
		next = item->by_id.next;
		if (item->work || job_is_final(item->row.state))
			continue;
		state = job_resume(item->row.state);
		catalog_set_state(&e->catalog, item, state);
		w = engine_work(e, item);
		if (!w) {
			e->has_orphans = true; /* engine_tidy() */
			continue;
		}
		w->action = job_action(state);
		w->unsure_ms = mono_ms();
		if (state == JOB_UNSURE)
			engine_set_why(w, "was being uploaded when the "
					  "uploader stopped: looking on Rev");
		engine_perform_later(w);
	}
}

void engine_tidy(struct engine *e)
{
	for (unsigned n = e->calls_running; n < ENGINE_CALLS_MAX; n++)
		wake_first(&e->call_waiters);
	if (e->has_orphans)
		resume_items(e);
}

/* What waits for the journal says so. */
static void on_journal_trouble(void *arg)
{
	struct engine *e = arg;
	const char *why = journal_why(e->journal);

	list_for_each(it, &e->works) {
		struct work *w = list_entry(it, struct work, node);

		if (why && w->is_storing)
			engine_set_why(w, "%s", why);
	}
}

static void on_opened(void *arg, int err, const struct err *why,
		      int64_t created_s)
{
	struct engine *e = arg;

	if (err) {
		if (strcmp(e->journal_why, why->text))
			log_warning("%s", why->text);
		str_copy(e->journal_why, why->text, sizeof(e->journal_why));
		e->is_standby = err == -EBUSY;
		return;
	}
	if (e->is_standby)
		log_info("the other uploader has gone: taking over");
	e->is_open = true;
	e->is_standby = false;
	e->journal_why[0] = '\0';
	e->journal_created_s = created_s;
	resume_items(e);
	e->calls.loaded(e->calls.arg);
	watch_start(e);
	reconcile_start(e->reconcile);
}

/* ---- settings ---------------------------------------------------------- */

static void on_source_changed(void *arg, const char *path)
{
	struct engine *e = arg;
	struct source_status status;

	if (!e->source)
		return;
	source_get_status(e->source, &status);
	if (status.state == SOURCE_READY && !path)
		engine_wake_all(e);
	if (e->is_open && status.state == SOURCE_READY)
		watch_scan_now(e, false);
}

int engine_open_source(struct engine *e, const struct conf *conf,
		       struct source **ret_source, struct scan **ret_scan,
		       struct err *err)
{
	struct scan_calls calls = watch_scan_calls;
	int rc;

	*ret_source = NULL;
	*ret_scan = NULL;
	rc = source_open(e->loop, conf, on_source_changed, e, ret_source, err);
	if (rc == -EINVAL && !conf_bool(conf, OPT_UP_ENABLED))
		return 0;
	if (rc)
		return rc;
	calls.arg = e;
	rc = scan_new(e->loop, *ret_source, &calls, ret_scan);
	if (rc) {
		source_close(*ret_source);
		*ret_source = NULL;
		err_set(err, rc, "out of memory");
	}
	return rc;
}

void engine_close_source(struct engine *e)
{
	struct source *source = e->source;
	struct scan *scan = e->scan;

	/* What a source says while it is closed finds nobody. */
	e->scan = NULL;
	e->source = NULL;
	scan_free(scan);
	source_close(source);
}

int engine_journal_path(const struct conf *conf, char *dst, size_t size)
{
	const char *instance = conf_instance(conf);
	char section[128];
	int n;

	snprintf(section, sizeof(section), "uploader %s",
		 instance ? instance : "");
	if (instance && !conf_find(conf, section, "journal"))
		n = snprintf(dst, size, "/var/lib/upcast/uploader/%s.db",
			     instance);
	else
		n = snprintf(dst, size, "%s", conf_text(conf, OPT_UP_JOURNAL));
	return n < (int)size ? 0 : -ENAMETOOLONG;
}

int engine_new(struct loop *loop, struct conf *take_conf,
	       const struct engine_calls *calls, struct engine **ret,
	       struct err *err)
{
	struct journal_calls journal = { on_row, on_opened, on_journal_trouble,
					 NULL };
	struct engine *e = calloc(1, sizeof(*e));
	char path[2048];
	int rc;

	err_set(err, -ENOMEM, "out of memory");
	if (!e)
		return -ENOMEM;
	e->loop = loop;
	e->conf = take_conf;
	e->calls = *calls;
	list_init(&e->works);
	list_init(&e->queue);
	list_init(&e->call_waiters);
	list_init(&e->walk_waiters);
	list_init(&e->discards);
	list_init(&e->sending);
	list_init(&e->retired);
	loop_task_init(&e->dispatch_task, on_dispatch);
	loop_task_init(&e->retire_task, on_retire);
	rc = loop_timer_init(&e->hours_timer, loop, on_hours);
	rc = rc ? rc : watch_init(e);
	rc = rc ? rc : reconcile_new(e, &e->reconcile);
	rc = rc ? rc : parties_new(loop, e->conf, &e->parties, err);
	rc = rc ? rc
		: engine_open_source(e, e->conf, &e->source, &e->scan, err);
	journal.arg = e;
	e->is_dry = conf_bool(e->conf, OPT_UP_DRY_RUN);
	rc = rc ? rc : engine_journal_path(e->conf, path, sizeof(path));
	rc = rc ? rc
		: journal_open(loop, e->is_dry ? NULL : path, &journal,
			       &e->journal);
	if (rc) {
		e->conf = NULL; /* stays the caller's */
		engine_free(e);
		return rc;
	}
	*ret = e;
	return 0;
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	list_for_each_safe(it, &e->works)
		engine_free_work(list_entry(it, struct work, node));
	reconcile_free(e->reconcile);
	discard_free_all(e);
	loop_cancel(e->loop, &e->retire_task);
	loop_cancel(e->loop, &e->dispatch_task);
	/* Closing what has a helper runs what the loop still has to do: nothing
	 * may come of it, so the scan and then the journal go first. */
	scan_free(e->scan);
	e->scan = NULL;
	journal_close(e->journal);
	engine_close_source(e);
	list_for_each_safe(it, &e->retired)
		parties_free(list_entry(it, struct parties, node));
	parties_free(e->parties);
	loop_timer_release(&e->scan_timer);
	loop_timer_release(&e->hours_timer);
	catalog_release(&e->catalog);
	conf_free(e->conf);
	free(e);
}
