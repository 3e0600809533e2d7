/* SPDX-License-Identifier: MIT */
#include "lib/offload.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "tests/unit.h"

enum { DEADLINE_MS = 20000, JOBS = 200 };

struct work {
	struct offload_job job;
	struct bench *bench;
	int number;
	bool ran, on_loop;
};

/* A loop, its helpers, and a gate that holds the helpers back. */
struct bench {
	struct loop *loop;
	struct offload *offload;
	struct loop_timer deadline;
	bool late;
	pthread_t thread; /* of the loop */
	pthread_mutex_t gate;
	int left, next, canceled;
	bool disordered, bad_thread;
	struct work works[JOBS];
};

static void on_deadline(struct loop_timer *timer)
{
	struct bench *b = list_entry(timer, struct bench, deadline);

	b->late = true;
	loop_stop(b->loop);
}

static void run(struct offload_job *job)
{
	struct work *w = list_entry(job, struct work, job);
	sigset_t blocked;

	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	w->on_loop = pthread_equal(pthread_self(), w->bench->thread) ||
		     !sigismember(&blocked, SIGTERM);
	w->ran = true;
	/* Passes once the test opens the gate. */
	pthread_mutex_lock(&w->bench->gate);
	pthread_mutex_unlock(&w->bench->gate);
}

static void done(struct offload_job *job)
{
	struct work *w = list_entry(job, struct work, job);
	struct bench *b = w->bench;

	b->bad_thread |= !pthread_equal(pthread_self(), b->thread) ||
			 w->on_loop;
	b->disordered |= w->number != b->next++;
	b->canceled += job->canceled;
	if (!--b->left)
		loop_stop(b->loop);
}

static int bench_open(struct bench *b, int threads)
{
	int err;

	memset(b, 0, sizeof(*b));
	b->thread = pthread_self();
	pthread_mutex_init(&b->gate, NULL);
	err = loop_new(&b->loop);
	if (!err)
		err = loop_timer_init(&b->deadline, b->loop, on_deadline);
	if (err)
		return err;
	loop_timer_start(&b->deadline, DEADLINE_MS);
	for (int i = 0; i < JOBS; i++) {
		b->works[i].bench = b;
		b->works[i].number = i;
		b->works[i].job.run = run;
		b->works[i].job.done = done;
	}
	b->left = JOBS;
	return offload_new(b->loop, "test", threads, &b->offload);
}

static void bench_close(struct bench *b)
{
	offload_free(b->offload);
	loop_timer_release(&b->deadline);
	loop_free(b->loop);
	pthread_mutex_destroy(&b->gate);
}

static void submit_all(struct bench *b)
{
	for (int i = 0; i < JOBS; i++)
		offload_submit(b->offload, &b->works[i].job);
}

static int test_order(void)
{
	struct bench b;
	int err;

	CHECK_OK(bench_open(&b, 1));
	submit_all(&b);
	CHECK_OK(loop_run(b.loop));
	CHECK(!b.late && !b.disordered && !b.bad_thread);
	CHECK_EQ(b.left, 0);
	CHECK_EQ(b.canceled, 0);
	err = 0;
out:
	bench_close(&b);
	return err;
}

static int test_many_threads(void)
{
	struct bench b;
	int err;

	CHECK_OK(bench_open(&b, 4));
	submit_all(&b);
	CHECK_OK(loop_run(b.loop));
	CHECK(!b.late && !b.bad_thread);
	CHECK_EQ(b.left, 0);
	for (int i = 0; i < JOBS; i++)
		CHECK(b.works[i].ran);
	err = 0;
out:
	bench_close(&b);
	return err;
}

/* The end: what runs is waited for, what waits is cancelled, all are told. */
static int test_free(void)
{
	struct bench b;
	int err, ran = 0;

	CHECK_OK(bench_open(&b, 1));
	pthread_mutex_lock(&b.gate);
	submit_all(&b);
	pthread_mutex_unlock(&b.gate);
	offload_free(b.offload);
	b.offload = NULL;
	CHECK_EQ(b.left, 0);
	for (int i = 0; i < JOBS; i++)
		ran += b.works[i].ran;
	CHECK_EQ(ran, JOBS - b.canceled);
	CHECK(!b.disordered && !b.bad_thread);
	err = 0;
out:
	bench_close(&b);
	return err;
}

static int test_oom(void)
{
	struct offload *o = NULL;
	struct loop *loop = NULL;
	int err;

	CHECK_OK(loop_new(&loop));
	CHECK_OK(offload_new(loop, "test", 2, &o));
	err = 0;
out:
	offload_free(o);
	loop_free(loop);
	return err;
}

static const struct unit_test tests[] = {
	{ "one helper keeps the order", test_order, UNIT_NO_OOM },
	{ "several helpers", test_many_threads, UNIT_NO_OOM },
	{ "the end tells every job", test_free, UNIT_NO_OOM },
	{ "making and freeing", test_oom, 0 },
};
UNIT_MAIN(tests)
