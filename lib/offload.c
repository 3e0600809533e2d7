/* SPDX-License-Identifier: MIT */
#include "lib/offload.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct offload {
	struct loop *loop;
	pthread_mutex_t lock; /* guards what follows up to `threads` */
	pthread_cond_t wake;
	struct list waiting;
	struct list finished; /* only while closing */
	bool closing;
	int thread_count;
	pthread_t threads[];
};

static void on_done(struct loop_task *task)
{
	struct offload_job *job = list_entry(task, struct offload_job, task);

	job->done(job);
}

/*
 * While closing, the loop may not run any more: jobs gather on `finished` and
 * offload_free() calls them.
 */
static void finish(struct offload *o, struct offload_job *job)
{
	bool closing;

	pthread_mutex_lock(&o->lock);
	closing = o->closing;
	if (closing)
		list_add_tail(&o->finished, &job->task.node);
	else
		loop_post(o->loop, &job->task);
	pthread_mutex_unlock(&o->lock);
}

static struct offload_job *next_job(struct offload *o)
{
	struct list *it = NULL;

	pthread_mutex_lock(&o->lock);
	while (!o->closing && !(it = list_first(&o->waiting)))
		pthread_cond_wait(&o->wake, &o->lock);
	if (o->closing)
		it = NULL;
	else
		list_del(it);
	pthread_mutex_unlock(&o->lock);
	return it ? list_entry(it, struct offload_job, task.node) : NULL;
}

static void *helper(void *arg)
{
	struct offload *o = arg;
	struct offload_job *job;

	while ((job = next_job(o))) {
		job->run(job);
		finish(o, job);
	}
	return NULL;
}

/* Signals are the loop's: helpers start with all of them blocked. */
static int start_threads(struct offload *o, const char *name, int threads)
{
	sigset_t all, old;
	int err = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (int i = 0; i < threads && !err; i++) {
		err = pthread_create(&o->threads[i], NULL, helper, o);
		if (err)
			break;
		pthread_setname_np(o->threads[i], name);
		o->thread_count++;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -err;
}

int offload_new(struct loop *loop, const char *name, int threads,
		struct offload **ret_offload)
{
	struct offload *o;
	int err;

	o = calloc(1, sizeof(*o) + (size_t)threads * sizeof(o->threads[0]));
	if (!o)
		return -ENOMEM;
	o->loop = loop;
	list_init(&o->waiting);
	list_init(&o->finished);
	pthread_mutex_init(&o->lock, NULL);
	pthread_cond_init(&o->wake, NULL);
	err = start_threads(o, name, threads);
	if (err) {
		offload_free(o);
		return err;
	}
	*ret_offload = o;
	return 0;
}

void offload_submit(struct offload *o, struct offload_job *job)
{
	loop_task_init(&job->task, on_done);
	job->canceled = false;
	pthread_mutex_lock(&o->lock);
	list_add_tail(&o->waiting, &job->task.node);
	pthread_cond_signal(&o->wake);
	pthread_mutex_unlock(&o->lock);
}

static void call_done(struct list *jobs, bool canceled)
{
	struct list *it;

	while ((it = list_first(jobs))) {
		struct offload_job *job =
			list_entry(it, struct offload_job, task.node);

		list_del(it);
		job->canceled = canceled;
		job->done(job);
	}
}

void offload_free(struct offload *o)
{
	if (!o)
		return;
	pthread_mutex_lock(&o->lock);
	o->closing = true;
	pthread_cond_broadcast(&o->wake);
	pthread_mutex_unlock(&o->lock);
	for (int i = 0; i < o->thread_count; i++)
		pthread_join(o->threads[i], NULL);
	loop_flush(o->loop);
	call_done(&o->finished, false);
	call_done(&o->waiting, true);
	pthread_cond_destroy(&o->wake);
	pthread_mutex_destroy(&o->lock);
	free(o);
}
