/* SPDX-License-Identifier: MIT */
#include "lib/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

enum { LOOK_FIRST_MS = 1, LOOK_LAST_MS = 100 };

/* What the C library holds on to until it has an answer. */
struct question {
	struct gaicb cb;
	struct addrinfo hints;
	char host[256];
};

struct resolve {
	struct question *question;
	struct loop_timer timer;
	uint64_t look_ms;
	resolve_done_fn *done;
	void *arg;
};

static void free_resolve(struct resolve *r)
{
	loop_timer_release(&r->timer);
	if (r->question && r->question->cb.ar_result)
		freeaddrinfo(r->question->cb.ar_result);
	free(r->question);
	free(r);
}

/* One that cannot be called back is waited for, though nobody cares. */
void resolve_cancel(struct resolve *r)
{
	if (!r)
		return;
	r->done = NULL;
	if (!r->question || gai_cancel(&r->question->cb) != EAI_NOTCANCELED)
		free_resolve(r);
}

static void collect(const struct question *q, struct resolve_result *ret)
{
	struct addrinfo *ai = q->cb.ar_result;

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
	int rc = gai_error(&r->question->cb);

	if (rc == EAI_INPROGRESS) {
		r->look_ms *= 2;
		if (r->look_ms > LOOK_LAST_MS)
			r->look_ms = LOOK_LAST_MS;
		loop_timer_start(&r->timer, r->look_ms);
		return;
	}
	if (!rc)
		collect(r->question, &result);
	if (!result.count)
		err_set(&result.err, -EHOSTUNREACH, "%s cannot be resolved: %s",
			r->question->host,
			rc ? gai_strerror(rc) : "the name has no address");
	if (r->done)
		r->done(r->arg, &result);
	free_resolve(r);
}

/* A numeric host needs nobody to be asked, and no thread. */
static bool is_numeric(struct question *q)
{
	struct addrinfo hints = q->hints;

	hints.ai_flags = AI_NUMERICHOST;
	return !getaddrinfo(q->host, NULL, &hints, &q->cb.ar_result);
}

static int ask(struct resolve *r, const char *host)
{
	struct question *q = calloc(1, sizeof(*q));
	struct gaicb *list[1];
	int rc;

	if (!q)
		return -ENOMEM;
	if (str_copy(q->host, host, sizeof(q->host)) >= sizeof(q->host)) {
		free(q);
		return -ENAMETOOLONG;
	}
	q->hints.ai_socktype = SOCK_STREAM;
	q->cb.ar_name = q->host;
	q->cb.ar_request = &q->hints;
	list[0] = &q->cb;
	rc = is_numeric(q) ? 0 : getaddrinfo_a(GAI_NOWAIT, list, 1, NULL);
	if (rc) {
		free(q);
		return rc == EAI_MEMORY ? -ENOMEM : -EAGAIN;
	}
	r->question = q;
	return 0;
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
		free_resolve(r);
		return err;
	}
	loop_timer_start(&r->timer, r->look_ms);
	*ret = r;
	return 0;
}
