/* SPDX-License-Identifier: MIT */
#include "tests/sim_loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

enum { TIMERS_MAX = 256, EPOCH_S = 1700000000 };

struct sim_timer {
	struct loop_timer *timer;
	uint64_t due_ms;
	uint64_t order; /* of arming: what is due together runs in turn */
};

struct loop {
	struct list tasks;
	struct sim_timer timers[TIMERS_MAX];
	size_t timer_count;
	uint64_t armed;
};

static struct {
	uint64_t ms;
	int64_t wall_ms;
} now;

int __wrap_clock_gettime(clockid_t id, struct timespec *ts);

int __wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	int64_t ms = id == CLOCK_REALTIME ? now.wall_ms : (int64_t)now.ms;

	ts->tv_sec = ms / 1000;
	ts->tv_nsec = ms % 1000 * 1000000;
	return 0;
}

uint64_t sim_loop_ms(void)
{
	return now.ms;
}

void sim_loop_step_wall(int64_t ms)
{
	now.wall_ms += ms;
}

/* ---- the loop ------------------------------------------------------------ */

int loop_new(struct loop **ret_loop)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return -ENOMEM;
	list_init(&loop->tasks);
	now.ms = 1000;
	now.wall_ms = EPOCH_S * INT64_C(1000);
	*ret_loop = loop;
	return 0;
}

void loop_free(struct loop *loop)
{
	assert(!loop || !loop->timer_count);
	free(loop);
}

void loop_task_init(struct loop_task *task, loop_task_fn *run)
{
	list_init(&task->node);
	task->run = run;
}

void loop_defer(struct loop *loop, struct loop_task *task)
{
	if (list_is_empty(&task->node))
		list_add_tail(&loop->tasks, &task->node);
}

void loop_post(struct loop *loop, struct loop_task *task)
{
	loop_defer(loop, task);
}

void loop_cancel(struct loop *loop, struct loop_task *task)
{
	list_del(&task->node);
}

static bool run_task(struct loop *loop)
{
	struct list *it = list_first(&loop->tasks);
	struct loop_task *task;

	if (!it)
		return false;
	list_del(it);
	task = list_entry(it, struct loop_task, node);
	task->run(task);
	return true;
}

void loop_flush(struct loop *loop)
{
	while (run_task(loop))
		;
}

/* ---- timers -------------------------------------------------------------- */

static struct sim_timer *find(const struct loop_timer *timer)
{
	for (size_t i = 0; timer->loop && i < timer->loop->timer_count; i++)
		if (timer->loop->timers[i].timer == timer)
			return &timer->loop->timers[i];
	return NULL;
}

int loop_timer_init(struct loop_timer *timer, struct loop *loop,
		    loop_timer_fn *run)
{
	*timer = (struct loop_timer){ .loop = loop, .run = run };
	return 0;
}

void loop_timer_stop(struct loop_timer *timer)
{
	struct sim_timer *t = find(timer);

	if (t)
		*t = timer->loop->timers[--timer->loop->timer_count];
}

void loop_timer_release(struct loop_timer *timer)
{
	loop_timer_stop(timer);
}

void loop_timer_start(struct loop_timer *timer, uint64_t ms)
{
	struct loop *loop = timer->loop;

	loop_timer_stop(timer);
	assert(loop->timer_count < TIMERS_MAX);
	loop->timers[loop->timer_count++] = (struct sim_timer){
		.timer = timer,
		.due_ms = now.ms + ms,
		.order = loop->armed++,
	};
}

bool loop_timer_is_armed(const struct loop_timer *timer)
{
	return find(timer) != NULL;
}

static bool is_before(const struct sim_timer *a, const struct sim_timer *b)
{
	return a->due_ms < b->due_ms ||
	       (a->due_ms == b->due_ms && a->order < b->order);
}

static bool run_timer(struct loop *loop, uint64_t until_ms)
{
	struct sim_timer *first = NULL;
	struct loop_timer *timer;

	for (size_t i = 0; i < loop->timer_count; i++)
		if (!first || is_before(&loop->timers[i], first))
			first = &loop->timers[i];
	if (!first || first->due_ms > until_ms)
		return false;
	if (first->due_ms > now.ms) {
		now.wall_ms += (int64_t)(first->due_ms - now.ms);
		now.ms = first->due_ms;
	}
	timer = first->timer;
	loop_timer_stop(timer);
	timer->run(timer);
	return true;
}

bool sim_loop_turn(struct loop *loop, uint64_t until_ms)
{
	return run_task(loop) || run_timer(loop, until_ms);
}

/* ---- what a simulation has not ------------------------------------------- */

struct event_base *loop_base(struct loop *loop)
{
	return NULL;
}

int loop_run(struct loop *loop)
{
	return -ENOTSUP;
}

void loop_stop(struct loop *loop)
{
}

int loop_on_signal(struct loop *loop, int signo, loop_signal_fn *fn, void *arg)
{
	return -ENOTSUP;
}
