/* SPDX-License-Identifier: MIT */
#include "lib/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

enum { LOOK_FIRST_MS = 1, LOOK_LAST_MS = 100 };

/* Who comes second, the asker who gives up or the answer, frees it. */
enum { ASKED, ANSWERED, GIVEN_UP };

/* What the helper thread has, and the loop once it is answered. */
struct question {
	atomic_int state;
	char host[256];
	int code; /* of getaddrinfo() */
	struct addrinfo *found;
};

struct resolve {
	struct question *question;
	struct loop_timer timer;
	uint64_t look_ms;
	resolve_done_fn *done;
	void *arg;
};

static void free_question(struct question *q)
{
	if (q->found)
		freeaddrinfo(q->found);
	free(q);
}

void resolve_cancel(struct resolve *r)
{
	struct question *q;

	if (!r)
		return;
	q = r->question;
	if (q && atomic_exchange(&q->state, GIVEN_UP) == ANSWERED)
		free_question(q);
	loop_timer_release(&r->timer);
	free(r);
}

static void collect(const struct question *q, struct resolve_result *ret)
{
	struct addrinfo *ai = q->found;

	for (; ai && ret->count < RESOLVE_MAX; ai = ai->ai_next) {
		char *dst = ret->addresses[ret->count];

		if (!getnameinfo(ai->ai_addr, ai->ai_addrlen, dst,
				 RESOLVE_ADDRESS_MAX, NULL, 0, NI_NUMERICHOST))
			ret->count++;
	}
}

static void look(struct loop_timer *timer)
{
	struct resolve *r = list_entry(timer, struct resolve, timer);
	struct resolve_result result = { .count = 0 };
	const struct question *q = r->question;

	if (atomic_load(&q->state) == ASKED) {
		r->look_ms *= 2;
		if (r->look_ms > LOOK_LAST_MS)
			r->look_ms = LOOK_LAST_MS;
		loop_timer_start(&r->timer, r->look_ms);
		return;
	}
	collect(q, &result);
	if (!result.count)
		err_set(&result.err, -EHOSTUNREACH, "%s cannot be resolved: %s",
			q->host,
			q->code ? gai_strerror(q->code)
				: "the name has no address");
	r->done(r->arg, &result);
	resolve_cancel(r);
}

static int look_up(struct question *q, int flags)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
					.ai_flags = flags };

	return getaddrinfo(q->host, NULL, &hints, &q->found);
}

static void *answer(void *arg)
{
	struct question *q = arg;

	q->code = look_up(q, 0);
	if (atomic_exchange(&q->state, ANSWERED) == GIVEN_UP)
		free_question(q);
	return NULL;
}

/* A thread that nobody waits for. Signals are the loop's. */
static int start_thread(struct question *q)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, old;
	int code;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	code = pthread_create(&thread, &attr, answer, q);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return -code;
}

/* A numeric host needs nobody to be asked, and no thread. */
static int start_question(struct question *q)
{
	if (look_up(q, AI_NUMERICHOST))
		return start_thread(q);
	atomic_store(&q->state, ANSWERED);
	return 0;
}

static int ask(struct resolve *r, const char *host)
{
	struct question *q = calloc(1, sizeof(*q));
	int err;

	if (!q)
		return -ENOMEM;
	err = str_copy(q->host, host, sizeof(q->host)) < sizeof(q->host)
		      ? start_question(q)
		      : -ENAMETOOLONG;
	if (err)
		free(q);
	else
		r->question = q;
	return err;
}

int resolve_start(struct loop *loop, const char *host, resolve_done_fn *done,
		  void *arg, struct resolve **ret)
{
	struct resolve *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->done = done;
	r->arg = arg;
	r->look_ms = LOOK_FIRST_MS;
	err = loop_timer_init(&r->timer, loop, look);
	err = err ? err : ask(r, host);
	if (err) {
		resolve_cancel(r);
		return err;
	}
	loop_timer_start(&r->timer, r->look_ms);
	*ret = r;
	return 0;
}
