/* SPDX-License-Identifier: MIT */
#include "lib/loop.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/mono.h"
#include "tests/unit.h"

enum { DEADLINE_MS = 20000 };

/* A loop with tasks that note their order, and a deadline. */
struct bench {
	struct loop *loop;
	struct loop_timer deadline;
	bool late;
	char trace[64];
	struct step {
		struct loop_task task;
		struct bench *bench;
		char name;
		void (*then)(struct bench *bench);
	} steps[4];
};

static void on_deadline(struct loop_timer *timer)
{
	struct bench *b = list_entry(timer, struct bench, deadline);

	b->late = true;
	loop_stop(b->loop);
}

static void on_step(struct loop_task *task)
{
	struct step *s = list_entry(task, struct step, task);
	size_t n = strlen(s->bench->trace);

	if (n + 1 < sizeof(s->bench->trace))
		s->bench->trace[n] = s->name;
	if (s->then)
		s->then(s->bench);
}

static int bench_open(struct bench *b)
{
	int err;

	memset(b, 0, sizeof(*b));
	err = loop_new(&b->loop);
	if (err)
		return err;
	for (size_t i = 0; i < ARRAY_SIZE(b->steps); i++) {
		loop_task_init(&b->steps[i].task, on_step);
		b->steps[i].bench = b;
		b->steps[i].name = (char)('a' + i);
	}
	err = loop_timer_init(&b->deadline, b->loop, on_deadline);
	if (!err)
		loop_timer_start(&b->deadline, DEADLINE_MS);
	return err;
}

static void bench_close(struct bench *b)
{
	loop_timer_release(&b->deadline);
	loop_free(b->loop);
}

static void stop(struct bench *b)
{
	loop_stop(b->loop);
}

static void post_again(struct bench *b)
{
	b->steps[0].then = NULL;
	loop_post(b->loop, &b->steps[0].task);
	loop_defer(b->loop, &b->steps[2].task);
	loop_defer(b->loop, &b->steps[3].task);
	loop_cancel(b->loop, &b->steps[3].task);
}

static int test_order(void)
{
	struct bench b;
	int err;

	CHECK_OK(bench_open(&b));
	b.steps[0].then = post_again;
	b.steps[2].then = stop;
	loop_post(b.loop, &b.steps[0].task);
	loop_post(b.loop, &b.steps[1].task);
	CHECK_OK(loop_run(b.loop));
	/* Deferred: after the posts of this dispatch, before the next one. */
	CHECK(!strncmp(b.trace, "abc", 3));
	loop_flush(b.loop);
	CHECK_STR(b.trace, "abca");
	CHECK(!b.late);
	err = 0;
out:
	bench_close(&b);
	return err;
}

static int test_cancel(void)
{
	struct bench b;
	int err;

	CHECK_OK(bench_open(&b));
	loop_post(b.loop, &b.steps[0].task);
	loop_post(b.loop, &b.steps[1].task);
	loop_cancel(b.loop, &b.steps[0].task);
	loop_cancel(b.loop, &b.steps[0].task);
	b.steps[1].then = stop;
	CHECK_OK(loop_run(b.loop));
	CHECK_STR(b.trace, "b");
	/* A stop that came first is kept; the loop can run again after it. */
	loop_stop(b.loop);
	CHECK_OK(loop_run(b.loop));
	loop_post(b.loop, &b.steps[1].task);
	CHECK_OK(loop_run(b.loop));
	CHECK_STR(b.trace, "bb");
	CHECK(!b.late);
	err = 0;
out:
	bench_close(&b);
	return err;
}

/* Four threads post; every task arrives once. */
enum { POSTERS = 4, POSTS = 2000 };

struct poster {
	struct counted {
		struct loop_task task;
		struct poster *poster;
		int number;
	} tasks[POSTS];
	struct loop *loop;
	int next;
	int *left;
	bool disordered;
	pthread_t thread;
};

static void on_count(struct loop_task *task)
{
	struct counted *c = list_entry(task, struct counted, task);

	if (c->number != c->poster->next++)
		c->poster->disordered = true;
	if (!--*c->poster->left)
		loop_stop(c->poster->loop);
}

static void *post_all(void *arg)
{
	struct poster *p = arg;

	for (int i = 0; i < POSTS; i++)
		loop_post(p->loop, &p->tasks[i].task);
	return NULL;
}

static void poster_start(struct poster *p, struct loop *loop, int *left)
{
	p->loop = loop;
	p->left = left;
	for (int i = 0; i < POSTS; i++) {
		loop_task_init(&p->tasks[i].task, on_count);
		p->tasks[i].poster = p;
		p->tasks[i].number = i;
	}
}

static int test_threads(void)
{
	struct poster *posters = calloc(POSTERS, sizeof(*posters));
	int left = POSTERS * POSTS, started = 0, err;
	struct bench b;

	CHECK_OK(bench_open(&b));
	CHECK_ALLOC(posters);
	for (int i = 0; i < POSTERS; i++)
		poster_start(&posters[i], b.loop, &left);
	for (; started < POSTERS; started++)
		CHECK(!pthread_create(&posters[started].thread, NULL, post_all,
				      &posters[started]));
	CHECK_OK(loop_run(b.loop));
	CHECK_EQ(left, 0);
	CHECK(!b.late);
	for (int i = 0; i < POSTERS; i++)
		CHECK(!posters[i].disordered);
	err = 0;
out:
	while (started--)
		pthread_join(posters[started].thread, NULL);
	free(posters);
	bench_close(&b);
	return err;
}

/*
 * Threads post one and the same task again and again: it runs at least once
 * after the last post, and never while it waits already.
 */
struct shared {
	struct loop_task task;
	struct loop *loop;
	int runs;
	atomic_int posts, seen;
};

static void on_shared(struct loop_task *task)
{
	struct shared *s = list_entry(task, struct shared, task);

	s->runs++;
	atomic_store(&s->seen, atomic_load(&s->posts));
	if (atomic_load(&s->seen) == POSTERS * POSTS)
		loop_stop(s->loop);
}

static void *post_shared(void *arg)
{
	struct shared *s = arg;

	for (int i = 0; i < POSTS; i++) {
		atomic_fetch_add(&s->posts, 1);
		loop_post(s->loop, &s->task);
	}
	return NULL;
}

static int test_shared(void)
{
	pthread_t threads[POSTERS];
	struct shared s = { 0 };
	int started = 0, err;
	struct bench b;

	CHECK_OK(bench_open(&b));
	s.loop = b.loop;
	loop_task_init(&s.task, on_shared);
	for (; started < POSTERS; started++)
		CHECK(!pthread_create(&threads[started], NULL, post_shared,
				      &s));
	CHECK_OK(loop_run(b.loop));
	CHECK(!b.late);
	CHECK_EQ(atomic_load(&s.seen), POSTERS * POSTS);
	CHECK(s.runs <= POSTERS * POSTS);
	err = 0;
out:
	while (started--)
		pthread_join(threads[started], NULL);
	bench_close(&b);
	return err;
}

struct ticker {
	struct loop_timer timer;
	struct loop *loop;
	int ticks;
	uint64_t last_ms, gap_ms;
};

static void on_tick(struct loop_timer *timer)
{
	struct ticker *t = list_entry(timer, struct ticker, timer);
	uint64_t now = mono_ms();

	t->gap_ms = now - t->last_ms;
	t->last_ms = now;
	if (++t->ticks == 3)
		loop_stop(t->loop);
	else
		loop_timer_start(timer, 30);
}

static int test_timer(void)
{
	struct ticker t = { .last_ms = mono_ms() };
	struct bench b;
	int err;

	CHECK_OK(bench_open(&b));
	t.loop = b.loop;
	CHECK(!loop_timer_is_armed(&t.timer));
	loop_timer_stop(&t.timer);
	CHECK_OK(loop_timer_init(&t.timer, b.loop, on_tick));
	CHECK(!loop_timer_is_armed(&t.timer));
	loop_timer_start(&t.timer, DEADLINE_MS * 2);
	loop_timer_start(&t.timer, 1); /* the later call counts */
	CHECK(loop_timer_is_armed(&t.timer));
	CHECK_OK(loop_run(b.loop));
	CHECK_EQ(t.ticks, 3);
	/*
	 * libevent's clock is coarse: a tick of the kernel early is no fault.
	 */
	CHECK(t.gap_ms >= 20);
	CHECK(!loop_timer_is_armed(&t.timer) && !b.late);
	err = 0;
out:
	loop_timer_release(&t.timer);
	loop_timer_release(&t.timer);
	bench_close(&b);
	return err;
}

static void on_signal(void *arg, int signo)
{
	struct bench *b = arg;

	b->trace[strlen(b->trace)] = signo == SIGUSR1 ? '1' : '2';
	if (strlen(b->trace) == 2)
		loop_stop(b->loop);
}

static int test_signals(void)
{
	struct bench b;
	int err;

	CHECK_OK(bench_open(&b));
	CHECK_OK(loop_on_signal(b.loop, SIGUSR1, on_signal, &b));
	CHECK_OK(loop_on_signal(b.loop, SIGUSR2, on_signal, &b));
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR2);
	kill(getpid(), SIGPIPE);
	CHECK_OK(loop_run(b.loop));
	CHECK(!strcmp(b.trace, "12") || !strcmp(b.trace, "21"));
	CHECK(!b.late);
	for (int i = 2; i < LOOP_SIGNALS_MAX; i++)
		CHECK_OK(loop_on_signal(b.loop, SIGUSR1, on_signal, &b));
	CHECK_ERR(loop_on_signal(b.loop, SIGUSR1, on_signal, &b), -ENOSPC);
	err = 0;
out:
	bench_close(&b);
	return err;
}

static const struct unit_test tests[] = {
	{ "posts and deferred tasks run in order", test_order, 0 },
	{ "cancel, stop and run again", test_cancel, 0 },
	{ "posts from threads", test_threads, UNIT_NO_OOM },
	{ "threads post one task", test_shared, UNIT_NO_OOM },
	{ "timers", test_timer, UNIT_NO_OOM },
	{ "signals", test_signals, 0 },
};
UNIT_MAIN(tests)
