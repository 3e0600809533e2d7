/* SPDX-License-Identifier: MIT */
/*
 * The engine's owner: new settings, a person's words, and what is shown.
 */
#include "uploader/engine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "lib/mono.h"
#include "lib/str.h"
#include "uploader/discard.h"
#include "uploader/engine_private.h"
#include "uploader/reconcile.h"

/* ---- reload ------------------------------------------------------------ */

/* What failed is tried again: the settings may have been the reason. */
static void retry_failed(struct engine *e)
{
	struct item *item, *next;
	struct err ignored;

	for (item = e->catalog.items; item; item = next) {
		next = item->by_id.next;
		if (item->row.state == JOB_FAILED)
			(void)!engine_retry(e, item->row.id, &ignored);
	}
}

static bool is_other_source(const struct conf *a, const struct conf *b)
{
	for (int id = OPT_UP_SOURCE; id <= OPT_UP_LOCAL_DIRECTORY; id++)
		if (strcmp(conf_text(a, (enum schema_id)id),
			   conf_text(b, (enum schema_id)id)))
			return true;
	return false;
}

/*
 * Before the parties change: what is asked is asked anew; an upload keeps its
 * old party, unless its source goes away under it.
 */
static void suspend(struct work *w, bool source_changes)
{
	bool committed = w->transfer && transfer_is_committed(w->transfer);

	if (w->transfer && (!source_changes || committed))
		return;
	if (w->transfer) {
		engine_again(w, JOB_EV_AGAIN, 0, "the source was changed");
		return;
	}
	engine_stop_operations(w);
	if (job_has_slot(w->item->row.state))
		engine_again(w, JOB_EV_AGAIN, 0, "the settings were changed");
}

/*
 * A transfer that has sent everything reads no more: its source may go once
 * the operations on it have; reader_free() closes its file with the transfer,
 * so the transfer is ended as one whose answer is unknown.
 */
static void end_committed(struct engine *e)
{
	list_for_each(it, &e->works) {
		struct work *w = list_entry(it, struct work, node);

		if (w->transfer)
			engine_event(e, w->item, JOB_EV_UNKNOWN,
				     "the source was changed: looking on Rev");
	}
}

static void swap_parties(struct engine *e, struct parties *parties)
{
	reconcile_stop(e->reconcile);
	discard_free_all(e);
	e->parties->take_conf = e->conf;
	if (e->parties->transfers)
		list_add_tail(&e->retired, &e->parties->node);
	else
		parties_free(e->parties);
	e->conf = NULL;
	e->parties = parties;
	lane_open(&e->rev_lane);
	lane_open(&e->cms_lane);
	e->rev_answered = e->cms_answered = false;
}

int engine_reload(struct engine *e, struct conf *take_conf, struct err *err)
{
	bool source_changes = !e->source || is_other_source(e->conf, take_conf);
	struct source *source = NULL;
	struct parties *parties = NULL;
	struct scan *scan = NULL;
	int rc;

	rc = parties_new(e->loop, take_conf, &parties, err);
	if (!rc && source_changes)
		rc = engine_open_source(e, take_conf, &source, &scan, err);
	if (rc) {
		parties_free(parties);
		return rc;
	}
	e->is_swapping = true; /* closing a source runs the loop's tasks */
	list_for_each(it, &e->works) {
		list_entry(it, struct work, node)->not_before_ms = 0;
		suspend(list_entry(it, struct work, node), source_changes);
	}
	e->scout_ms = 0;
	e->rename_has_worked = false;
	if (source_changes) {
		end_committed(e);
		engine_close_source(e);
		e->source = source;
		e->scan = scan;
	}
	swap_parties(e, parties);
	e->conf = take_conf;
	e->is_swapping = false;
	if (e->is_open) {
		retry_failed(e);
		engine_wake_all(e);
		watch_start(e);
		reconcile_start(e->reconcile);
	}
	return 0;
}

/* ---- a person's words --------------------------------------------------- */

const struct conf *engine_conf(const struct engine *e)
{
	return e->conf;
}

struct catalog *engine_catalog(struct engine *e)
{
	return &e->catalog;
}

static struct item *find(struct engine *e, int64_t id, struct err *answer)
{
	struct item *item = e->is_open ? catalog_find(&e->catalog, id) : NULL;

	if (!item)
		err_set(answer, -ENOENT, "no recording has the id %" PRId64,
			id);
	return item;
}

/* "7 is ready: there is nothing to retry" */
static int refuse(const struct item *item, int err, const char *why,
		  struct err *answer)
{
	if (err == -ENOMEM)
		return err_set(answer, err, "out of memory");
	return err_set(answer, -EBUSY, "%" PRId64 " is %s: %s", item->row.id,
		       job_word(item->row.state), why);
}

/* Which event a retry is depends on what there is to go on from. */
static enum job_event retry_event(struct item *item)
{
	bool has_failed = item->row.state == JOB_FAILED;
	bool polls = item->row.state == JOB_PROCESSING;

	if (!*row_get(&item->row, ROW_VIDEO_ID) || (!has_failed && !polls))
		return JOB_EV_RETRY;
	if (item->row.number[ROW_VIDEO_BAD])
		return JOB_EV_STALE;
	return has_failed ? JOB_EV_SEEN_MARKED : JOB_EV_RETRY;
}

int engine_retry(struct engine *e, int64_t id, struct err *answer)
{
	struct item *item = find(e, id, answer);
	enum job_event event;
	int err;

	if (!item)
		return -ENOENT;
	event = retry_event(item);
	if (event == JOB_EV_STALE && row_set(&item->row, ROW_DISCARD_ID,
					     row_get(&item->row, ROW_VIDEO_ID)))
		return err_set(answer, -ENOMEM, "out of memory");
	err = engine_event(e, item, event, "a person said retry");
	if (err)
		return refuse(item, err, "there is nothing to retry", answer);
	item->work->not_before_ms = 0;
	err_set(answer, 0, "%" PRId64 " is %s", id, job_word(item->row.state));
	return 0;
}

int engine_cancel(struct engine *e, int64_t id, struct err *answer)
{
	struct item *item = find(e, id, answer);
	const struct work *w;
	int err = 0;

	if (!item)
		return -ENOENT;
	w = item->work;
	if (w && w->transfer && transfer_is_committed(w->transfer))
		err = -EBUSY;
	err = err ? err
		  : engine_event(
			    e, item, JOB_EV_CANCEL,
			    "a person said cancel: retry takes it up again");
	if (err)
		return refuse(item, err, "it can no longer be cancelled",
			      answer);
	err_set(answer, 0, "%" PRId64 " is ignored", id);
	return 0;
}

int engine_forget(struct engine *e, int64_t id, struct err *answer)
{
	struct item *item = find(e, id, answer);

	if (!item)
		return -ENOENT;
	if (!job_is_final(item->row.state))
		return refuse(item, -EBUSY, "cancel it first", answer);
	engine_note(e, item, "forgotten");
	if (engine_remove(e, item))
		return err_set(answer, -ENOMEM, "out of memory");
	err_set(answer, 0, "%" PRId64 " is forgotten", id);
	return 0;
}

void engine_pause(struct engine *e)
{
	e->is_paused = true;
	engine_dispatch(e);
}

void engine_resume(struct engine *e)
{
	e->is_paused = false;
	if (e->parties->rev)
		rev_unlock(e->parties->rev);
	lane_open(&e->rev_lane);
	lane_open(&e->cms_lane);
	list_for_each(it, &e->works)
		list_entry(it, struct work, node)->not_before_ms = 0;
	engine_wake_all(e);
}

void engine_rescan(struct engine *e)
{
	if (e->is_open)
		watch_scan_now(e, true);
}

void engine_reconcile(struct engine *e)
{
	if (e->is_open)
		reconcile_now(e->reconcile);
}

/* ---- showing ------------------------------------------------------------ */

/* Of any size: 100 times 2^58 does not fit. */
static unsigned percent(uint64_t part, uint64_t whole)
{
	if (whole > UINT64_MAX / 100)
		return (unsigned)(part / (whole / 100));
	return whole ? (unsigned)(part * 100 / whole) : 0;
}

/* Rev's published limits hold it back: no state of its own. */
static const char *limit_why(const struct work *w)
{
	if (w->transfer)
		return transfer_limit_why(w->transfer);
	return w->call ? rev_limit_why(w->call) : NULL;
}

void engine_view(const struct item *item, struct engine_view *ret)
{
	const struct work *w = item->work;

	*ret = (struct engine_view){ .why = row_get(&item->row, ROW_ERROR) };
	if (*row_get(&item->row, ROW_VIDEO_ID))
		ret->bytes_sent = (uint64_t)item->row.number[ROW_SIZE];
	if (job_is_final(item->row.state))
		ret->progress = item->row.state == JOB_READY ? 100 : 0;
	if (!w)
		return;
	if (*w->why)
		ret->why = w->why;
	if (limit_why(w))
		ret->why = limit_why(w);
	ret->next_retry_s = w->next_try_s;
	ret->started_s = w->transfer ? w->started_s : 0;
	if (!job_is_final(item->row.state))
		ret->progress = w->progress;
	if (w->transfer) {
		ret->bytes_sent = transfer_sent(w->transfer);
		ret->rate = w->rate;
		ret->progress = percent(ret->bytes_sent, w->attr.size);
	}
}

/* The rate is a moving average, half of it new each second. */
bool engine_tick(struct engine *e)
{
	uint64_t now = mono_ms(), sent;
	bool any = false;

	list_for_each(it, &e->sending) {
		struct work *w = list_entry(it, struct work, queue_node);

		if (now <= w->rate_ms)
			continue;
		sent = transfer_sent(w->transfer);
		w->rate = (w->rate +
			   (sent - w->rate_bytes) * 1000 / (now - w->rate_ms)) /
			  (w->rate ? 2 : 1);
		w->rate_bytes = sent;
		w->rate_ms = now;
		any = true;
		engine_changed(e, w->item);
	}
	return any;
}

static const char *state_word(const struct engine *e)
{
	if (e->is_standby)
		return "standby";
	if (!e->is_open)
		return "starting";
	if (!conf_bool(e->conf, OPT_UP_ENABLED))
		return "disabled";
	return e->is_paused ? "paused" : "running";
}

static void show_source(const struct engine *e, struct engine_status *ret)
{
	static const char *const words[] = { "connecting", "ready", "down" };
	struct source_status source = { .state = SOURCE_DOWN,
					.why = "no source is set" };
	char when[STR_TIME_SIZE];

	if (e->source)
		source_get_status(e->source, &source);
	str_copy(ret->source, source.where, sizeof(ret->source));
	ret->source_state = words[source.state];
	str_copy(ret->source_why, source.why, sizeof(ret->source_why));
	if (!source.next_try_s)
		return;
	str_format_time(source.next_try_s, when);
	snprintf(ret->source_why, sizeof(ret->source_why),
		 "%.400s, next try %s", source.why, when);
}

static void show_rev(const struct engine *e, struct engine_status *ret)
{
	const struct rev *rev = e->parties->rev;
	bool locked = rev && rev_is_locked(rev);
	bool open = lane_is_open(&e->rev_lane, mono_ms());

	ret->rev_state = locked		   ? "locked"
			 : !open	   ? "paused"
			 : e->rev_answered ? "ready"
					   : "unknown";
	if (!rev)
		str_copy(ret->rev_why, "uploader.rev_host is not set",
			 sizeof(ret->rev_why));
	else if (locked || !open)
		str_copy(ret->rev_why, e->rev_lane.why, sizeof(ret->rev_why));
}

static void show_cms(const struct engine *e, struct engine_status *ret)
{
	bool open = lane_is_open(&e->cms_lane, mono_ms());

	ret->cms_state = !e->parties->cms  ? "none"
			 : !open	   ? "down"
			 : e->cms_answered ? "ready"
					   : "unknown";
	if (!open)
		str_copy(ret->cms_why, e->cms_lane.why, sizeof(ret->cms_why));
}

void engine_get_status(const struct engine *e, struct engine_status *ret)
{
	const char *why = journal_why(e->journal);

	memset(ret, 0, sizeof(*ret));
	ret->state = state_word(e);
	ret->is_paused = e->is_paused;
	str_copy(ret->why,
		 why		   ? why
		 : *e->journal_why ? e->journal_why
				   : e->scan_why,
		 sizeof(ret->why));
	show_source(e, ret);
	show_rev(e, ret);
	show_cms(e, ret);
	ret->last_scan_s = e->last_scan_s;
	ret->scanned = e->scanned;
}
