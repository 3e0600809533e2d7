/* SPDX-License-Identifier: MIT */
#include "lib/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>

struct loop_signal {
	struct event *event;
	loop_signal_fn *fn;
	void *arg;
};

struct loop {
	struct event_base *base;
	struct event *posted_event, *deferred_event;
	int posted_fd;
	pthread_mutex_t lock; /* guards `posted` and `stopping` */
	struct list posted;
	struct list deferred;
	bool stopping;
	struct loop_signal signals[LOOP_SIGNALS_MAX];
	int signal_count;
};

void loop_task_init(struct loop_task *task, loop_task_fn *run)
{
	list_init(&task->node);
	task->run = run;
}

/* One by one, so that a task may cancel those behind it. */
static void run_tasks(struct list *tasks)
{
	struct list *it;

	while ((it = list_first(tasks))) {
		struct loop_task *task = list_entry(it, struct loop_task, node);

		list_del(it);
		task->run(task);
	}
}

/* Others look whether a task of theirs still waits: only under the lock. */
static struct loop_task *take_posted(struct loop *loop, struct list *tasks)
{
	struct list *it;

	pthread_mutex_lock(&loop->lock);
	it = list_first(tasks);
	if (it)
		list_del(it);
	pthread_mutex_unlock(&loop->lock);
	return it ? list_entry(it, struct loop_task, node) : NULL;
}

static void run_posted(struct loop *loop, struct list *tasks)
{
	struct loop_task *task;

	while ((task = take_posted(loop, tasks)))
		task->run(task);
}

static void on_deferred(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;
	struct list tasks;

	list_take(&tasks, &loop->deferred);
	run_tasks(&tasks);
}

static void on_posted(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;
	struct list tasks;
	uint64_t count;
	bool stopping;

	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		abort();
	pthread_mutex_lock(&loop->lock);
	list_take(&tasks, &loop->posted);
	stopping = loop->stopping;
	loop->stopping = false;
	pthread_mutex_unlock(&loop->lock);
	run_posted(loop, &tasks);
	if (stopping)
		event_base_loopbreak(loop->base);
}

void loop_flush(struct loop *loop)
{
	struct list tasks;

	pthread_mutex_lock(&loop->lock);
	list_take(&tasks, &loop->posted);
	pthread_mutex_unlock(&loop->lock);
	run_posted(loop, &tasks);
	list_take(&tasks, &loop->deferred);
	run_tasks(&tasks);
}

static int add_events(struct loop *loop)
{
	loop->posted_event = event_new(loop->base, loop->posted_fd,
				       EV_READ | EV_PERSIST, on_posted, loop);
	loop->deferred_event = event_new(loop->base, -1, 0, on_deferred, loop);
	if (!loop->posted_event || !loop->deferred_event ||
	    event_add(loop->posted_event, NULL))
		return -ENOMEM;
	return 0;
}

int loop_new(struct loop **ret_loop)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	int err = -ENOMEM;

	if (!loop)
		return err;
	list_init(&loop->posted);
	list_init(&loop->deferred);
	pthread_mutex_init(&loop->lock, NULL);
	signal(SIGPIPE, SIG_IGN);
	loop->posted_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->posted_fd < 0) {
		err = -errno;
		goto fail;
	}
	loop->base = event_base_new();
	if (!loop->base)
		goto fail;
	err = add_events(loop);
	if (err)
		goto fail;
	*ret_loop = loop;
	return 0;
fail:
	loop_free(loop);
	return err;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	for (int i = 0; i < loop->signal_count; i++)
		event_free(loop->signals[i].event);
	if (loop->posted_event)
		event_free(loop->posted_event);
	if (loop->deferred_event)
		event_free(loop->deferred_event);
	if (loop->base)
		event_base_free(loop->base);
	if (loop->posted_fd >= 0)
		close(loop->posted_fd);
	pthread_mutex_destroy(&loop->lock);
	free(loop);
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}

int loop_run(struct loop *loop)
{
	return event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0 ? -EIO
									: 0;
}

static void wake(struct loop *loop)
{
	uint64_t one = 1;

	/* EAGAIN: the counter is full, so the loop wakes in any case. */
	if (write(loop->posted_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		abort();
}

void loop_stop(struct loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	loop->stopping = true;
	pthread_mutex_unlock(&loop->lock);
	wake(loop);
}

void loop_post(struct loop *loop, struct loop_task *task)
{
	bool first;

	pthread_mutex_lock(&loop->lock);
	first = list_is_empty(&loop->posted);
	if (list_is_empty(&task->node))
		list_add_tail(&loop->posted, &task->node);
	pthread_mutex_unlock(&loop->lock);
	if (first)
		wake(loop);
}

void loop_defer(struct loop *loop, struct loop_task *task)
{
	if (!list_is_empty(&task->node))
		return;
	if (list_is_empty(&loop->deferred))
		event_active(loop->deferred_event, 0, 0);
	list_add_tail(&loop->deferred, &task->node);
}

void loop_cancel(struct loop *loop, struct loop_task *task)
{
	pthread_mutex_lock(&loop->lock);
	list_del(&task->node);
	pthread_mutex_unlock(&loop->lock);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loop_timer *timer = arg;

	timer->run(timer);
}

int loop_timer_init(struct loop_timer *timer, struct loop *loop,
		    loop_timer_fn *run)
{
	timer->loop = loop;
	timer->run = run;
	timer->event = evtimer_new(loop->base, on_timer, timer);
	return timer->event ? 0 : -ENOMEM;
}

void loop_timer_release(struct loop_timer *timer)
{
	if (timer->event)
		event_free(timer->event);
	timer->event = NULL;
}

void loop_timer_start(struct loop_timer *timer, uint64_t ms)
{
	struct timeval tv = { .tv_sec = (time_t)(ms / 1000),
			      .tv_usec = (suseconds_t)(ms % 1000 * 1000) };

	/* Fails for want of memory in the heap of timers only. */
	if (evtimer_add(timer->event, &tv))
		abort();
}

void loop_timer_stop(struct loop_timer *timer)
{
	if (timer->event)
		evtimer_del(timer->event);
}

bool loop_timer_is_armed(const struct loop_timer *timer)
{
	return timer->event && evtimer_pending(timer->event, NULL);
}

static void on_signal(evutil_socket_t signo, short what, void *arg)
{
	struct loop_signal *s = arg;

	s->fn(s->arg, (int)signo);
}

int loop_on_signal(struct loop *loop, int signo, loop_signal_fn *fn, void *arg)
{
	struct loop_signal *s;

	if (loop->signal_count == LOOP_SIGNALS_MAX)
		return -ENOSPC;
	s = &loop->signals[loop->signal_count];
	s->fn = fn;
	s->arg = arg;
	s->event = evsignal_new(loop->base, signo, on_signal, s);
	if (!s->event)
		return -ENOMEM;
	if (evsignal_add(s->event, NULL)) {
		event_free(s->event);
		return -ENOMEM;
	}
	loop->signal_count++;
	return 0;
}
