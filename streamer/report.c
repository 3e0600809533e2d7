/* SPDX-License-Identifier: MIT */
#include "streamer/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/mono.h"
#include "lib/notify.h"
#include "lib/str.h"
#include "streamer/ended.h"
#include "streamer/report_text.h"

enum {
	TICK_MS = 1000,
	HEARTBEAT_MS = 5000,
	COUNTERS_MAX = 1 << 20,
};

struct report {
	struct loop *loop;
	struct ctldir *dir;
	const struct calls *calls; /* NULL: none yet, or none any more */
	const struct settings *settings;
	struct loop_timer tick_timer;
	struct list changed; /* calls to be written after this dispatch */
	struct loop_task write_task;
	int64_t started_s;
	uint64_t state_ms; /* `state` was written */
	unsigned active;   /* calls in it */
	bool counted;	   /* figures have come since the last table */
	bool failed;	   /* the last write; told once */
	bool missed;	   /* something could not be written: all again */
	bool is_stopping;
	struct ended *ended;
};

/* ---- names -------------------------------------------------------------- */

/* That of a call of ours. */
static struct ended_id id_of(const struct ctldir *dir, uint64_t number)
{
	return (struct ended_id){ (uint64_t)ctldir_epoch(dir), number };
}

static void format_id(const struct ctldir *dir, uint64_t number, char *dst)
{
	ended_format_id(id_of(dir, number), dst);
}

int report_parse_id(const struct ctldir *dir, const char *text,
		    uint64_t *ret_number)
{
	struct ended_id id;

	if (!strchr(text, '-'))
		return str_parse_u64(text, 1, UINT64_MAX, ret_number) ? -EINVAL
								      : 0;
	if (ended_parse_id(text, &id) ||
	    id.epoch != (uint64_t)ctldir_epoch(dir))
		return -EINVAL;
	*ret_number = id.number;
	return 0;
}

/* ---- writing ------------------------------------------------------------ */

static void check(struct report *r, int err)
{
	r->missed |= err != 0;
	if (!err == !r->failed)
		return;
	r->failed = err != 0;
	if (err)
		log_warning("the control directory cannot be written: %s: "
			    "calls go on unseen",
			    err_str(err));
	else
		log_info("the control directory can be written again");
}

static int write_call(struct report *r, const struct call *c)
{
	char id[ENDED_ID_SIZE];
	struct buf b;
	int err;

	buf_init(&b, SNAPSHOT_MAX);
	format_id(r->dir, c->number, id);
	err = report_text_call(c, &b);
	err = err ? err : ctldir_put_object(r->dir, id, &b);
	check(r, err);
	buf_release(&b);
	return err;
}

/* What is left of one that has ended must not say that it is up. */
static void write_last(struct report *r, const struct call *c)
{
	char id[ENDED_ID_SIZE];

	format_id(r->dir, c->number, id);
	if (write_call(r, c))
		(void)!ctldir_remove_object(r->dir, id);
}

static int format_state(const struct report *r, struct buf *dst)
{
	struct snapshot_writer w;

	snapshot_begin(&w, dst);
	snapshot_add_u64(&w, "pid", (uint64_t)getpid());
	snapshot_add(&w, "version", UPCAST_VERSION);
	snapshot_add_time(&w, "started", r->started_s);
	snapshot_add_time(&w, "heartbeat", mono_wall_s());
	if (r->calls && !r->is_stopping)
		report_text_calls(r->calls, r->settings, &w);
	else
		snapshot_add(&w, "state",
			     r->is_stopping ? "stopped" : "starting");
	return w.err;
}

static void write_state(struct report *r)
{
	struct buf b;
	int err;

	r->state_ms = mono_ms();
	r->active = r->calls ? calls_active(r->calls) : 0;
	buf_init(&b, SNAPSHOT_MAX);
	err = format_state(r, &b);
	check(r, err ? err : ctldir_put(r->dir, "state", &b));
	buf_release(&b);
}

static void write_counters(struct report *r)
{
	char id[ENDED_ID_SIZE];
	struct buf b;
	int err = 0;

	r->counted = false;
	buf_init(&b, COUNTERS_MAX);
	list_for_each(it, calls_list(r->calls)) {
		const struct call *c = list_entry(it, struct call, node);

		format_id(r->dir, c->number, id);
		err = err ? err : report_text_counters(c, id, &b);
	}
	check(r, err ? err : ctldir_put(r->dir, "counters", &b));
	buf_release(&b);
}

static void tell_manager(struct report *r)
{
	char text[80];

	snprintf(text, sizeof(text), "%u calls", calls_active(r->calls));
	notify_status(text);
}

/* ---- what the calls say ------------------------------------------------- */

static void tell_event(struct report *r, const struct call *c)
{
	char id[ENDED_ID_SIZE];

	format_id(r->dir, c->number, id);
	check(r, ctldir_event(r->dir, "call %s %s%s%s", id,
			      call_state_name(c->state), *c->why ? ": " : "",
			      c->why));
}

/* A call changes several times in one dispatch: one snapshot says it all. */
static void on_write(struct loop_task *task)
{
	struct report *r = container_of(task, struct report, write_task);
	struct list *it;

	while ((it = list_first(&r->changed))) {
		list_del(it);
		(void)!write_call(r, list_entry(it, struct call, shown));
	}
	if (r->calls && calls_active(r->calls) != r->active)
		write_state(r);
}

static void plan_write(struct report *r)
{
	loop_cancel(r->loop, &r->write_task);
	loop_defer(r->loop, &r->write_task);
}

static void on_changed(void *arg, struct call *c)
{
	struct report *r = arg;

	plan_write(r);
	if (list_is_empty(&c->shown))
		list_add_tail(&r->changed, &c->shown);
	r->counted = true;
}

static void on_moved(void *arg, struct call *c)
{
	on_changed(arg, c);
	tell_event(arg, c);
}

static void on_counted(void *arg, struct call *c)
{
	struct report *r = arg;

	r->counted = true;
}

static void on_ended(void *arg, struct call *c)
{
	struct report *r = arg;

	list_del(&c->shown);
	check(r, ended_add(r->ended, id_of(r->dir, c->number)));
	write_last(r, c);
	tell_event(r, c);
	plan_write(r); /* it still counts as active now */
	r->counted = true;
}

/* The file system was full, or read-only. */
static void write_again(struct report *r)
{
	r->missed = false;
	list_for_each(it, calls_list(r->calls))
		on_changed(r, list_entry(it, struct call, node));
}

static void on_tick(struct loop_timer *timer)
{
	struct report *r = container_of(timer, struct report, tick_timer);
	bool old = mono_ms() - r->state_ms >= HEARTBEAT_MS;

	if (r->calls && r->missed)
		write_again(r);
	if (r->calls && r->counted)
		write_counters(r);
	if (old)
		write_state(r);
	if (r->calls && old)
		tell_manager(r);
	notify_watchdog();
	loop_timer_start(timer, TICK_MS);
}

struct calls_observer report_observer(struct report *r)
{
	return (struct calls_observer){ .moved = on_moved,
					.changed = on_changed,
					.counted = on_counted,
					.ended = on_ended,
					.arg = r };
}

/* ---- life --------------------------------------------------------------- */

/* Calls do not outlive their daemon. */
static void adopt(struct report *r)
{
	unsigned cut = 0;

	check(r, ended_adopt(r->ended, &cut));
	if (cut)
		log_warning("%u calls were cut off when the streamer went down",
			    cut);
}

int report_new(struct loop *loop, struct ctldir *dir, struct report **ret)
{
	struct report *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->loop = loop;
	r->dir = dir;
	r->started_s = mono_wall_s();
	list_init(&r->changed);
	loop_task_init(&r->write_task, on_write);
	err = loop_timer_init(&r->tick_timer, loop, on_tick);
	err = err ? err : ended_new(dir, &r->ended);
	if (err) {
		report_free(r);
		return err;
	}
	adopt(r);
	write_state(r);
	loop_timer_start(&r->tick_timer, TICK_MS);
	*ret = r;
	return 0;
}

void report_free(struct report *r)
{
	if (!r)
		return;
	loop_cancel(r->loop, &r->write_task);
	loop_timer_release(&r->tick_timer);
	ended_free(r->ended);
	free(r);
}

void report_attach(struct report *r, const struct calls *calls,
		   const struct settings *settings)
{
	r->calls = calls;
	r->settings = settings;
	write_state(r);
	write_counters(r);
}

void report_reload(struct report *r, const struct settings *settings)
{
	r->settings = settings;
	write_state(r);
}

void report_stopping(struct report *r)
{
	r->calls = NULL;
	r->is_stopping = true;
	write_state(r);
}
