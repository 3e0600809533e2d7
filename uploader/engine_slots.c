/* SPDX-License-Identifier: MIT */
/*
 * Who may upload now: the queue, the number of uploads at a time, their share
 * of the bandwidth, and the hours.
 */
#include "uploader/engine_private.h"

#include <time.h>

#include "lib/mono.h"

enum {
	HOURS_CHECK_MS = 20000,
	REFUSED_MAX = 8, /* renames in a row: more are not sent */
	SCOUT_MS = 900000,
};

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

void engine_rename_refused(struct engine *e, bool is_said)
{
	if (e->refused_renames >= REFUSED_MAX)
		return;
	e->refused_renames = is_said ? REFUSED_MAX : e->refused_renames + 1;
	e->scout_ms = mono_ms() + SCOUT_MS;
}

void engine_rename_worked(struct engine *e)
{
	e->refused_renames = 0;
	e->rename_has_worked = true;
}

/*
 * Those that were refused may have reasons of their own: now and then another
 * one is sent to find out.
 */
static bool are_renames_refused(struct engine *e)
{
	const size_t *counts = e->catalog.counts;

	if (e->refused_renames < REFUSED_MAX ||
	    counts[JOB_SENDING] + counts[JOB_MARKING] == 0)
		return false;
	if (mono_ms() >= e->scout_ms) {
		e->scout_ms = mono_ms() + SCOUT_MS;
		return false;
	}
	loop_timer_start(&e->hours_timer, HOURS_CHECK_MS);
	return true;
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
	if (are_renames_refused(e))
		return "waits until the share lets those be renamed that are "
		       "uploaded";
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

static void on_hours(struct loop_timer *timer)
{
	engine_dispatch(list_entry(timer, struct engine, hours_timer));
}

int engine_slots_init(struct engine *e)
{
	list_init(&e->queue);
	list_init(&e->sending);
	loop_task_init(&e->dispatch_task, on_dispatch);
	return loop_timer_init(&e->hours_timer, e->loop, on_hours);
}

void engine_slots_release(struct engine *e)
{
	loop_cancel(e->loop, &e->dispatch_task);
	loop_timer_release(&e->hours_timer);
}
