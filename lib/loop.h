/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_LOOP_H
#define UPCAST_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/list.h"

/*
 * An event loop that one thread runs: a libevent base, tasks that other
 * threads hand over, tasks for the end of the current dispatch, and timers.
 *
 * Life cycle: loop_new(), loop_run() on the thread that owns the loop,
 * loop_stop() from anywhere, loop_free(). What modules register on
 * loop_base() they remove themselves before loop_free().
 *
 * A `struct loop_task` or `struct loop_timer` is a member of the object that it
 * concerns, so neither posting nor arming can fail or allocate. It must stay
 * in place until it has run or has been cancelled. An object that a callback
 * might still hold is destroyed by a deferred task, never inside a dispatch.
 *
 *	loop_task_init(&job->task, on_task);
 *	loop_post(loop, &job->task);		// from any thread
 */
struct event_base;
struct loop;
struct loop_task;

typedef void loop_task_fn(struct loop_task *task);

struct loop_task {
	struct list node;
	loop_task_fn *run;
};

void loop_task_init(struct loop_task *task, loop_task_fn *run);

/* Errors: -ENOMEM, or what the system says about descriptors. */
int loop_new(struct loop **ret_loop) ATTR_MUST_CHECK;
void loop_free(struct loop *loop);
struct event_base *loop_base(struct loop *loop);

/* Runs until loop_stop(); may be called again. */
int loop_run(struct loop *loop) ATTR_MUST_CHECK;
/* Ends loop_run() after the current dispatch. From any thread. */
void loop_stop(struct loop *loop);

/*
 * Runs `task` on the loop's thread. From any thread; in the order of posts. A
 * task that is queued already keeps its place and runs once.
 */
void loop_post(struct loop *loop, struct loop_task *task);
/*
 * As loop_post(), from the loop's own thread, without a lock and a system call.
 * One and the same task is always posted or always deferred.
 */
void loop_defer(struct loop *loop, struct loop_task *task);
/*
 * Runs what has been posted and deferred so far, outside of loop_run(): at the
 * end, so that the last answers of helper threads arrive.
 */
void loop_flush(struct loop *loop);
/* Takes back a task that has not run yet; from the loop's own thread. */
void loop_cancel(struct loop *loop, struct loop_task *task);

/*
 * A one-shot timer; `run` may arm it again. Monotonic: a step of the wall
 * clock does not move it. Many timers cost O(log n) each.
 */
struct event;
struct loop_timer;

typedef void loop_timer_fn(struct loop_timer *timer);

struct loop_timer {
	struct event *event; /* made at the first arming */
	struct loop *loop;
	loop_timer_fn *run;
};

/* Makes the timer; -ENOMEM. loop_timer_release() takes a zeroed one, too. */
int loop_timer_init(struct loop_timer *timer, struct loop *loop,
		    loop_timer_fn *run) ATTR_MUST_CHECK;
void loop_timer_release(struct loop_timer *timer);
void loop_timer_start(struct loop_timer *timer, uint64_t ms);
void loop_timer_stop(struct loop_timer *timer);
bool loop_timer_is_armed(const struct loop_timer *timer);

/*
 * Calls `fn` on the loop for SIGTERM, SIGINT, SIGHUP ...: at most
 * LOOP_SIGNALS_MAX of them. SIGPIPE is ignored from loop_new() on.
 */
enum { LOOP_SIGNALS_MAX = 8 };
typedef void loop_signal_fn(void *arg, int signo);
int loop_on_signal(struct loop *loop, int signo, loop_signal_fn *fn,
		   void *arg) ATTR_MUST_CHECK;

#endif
