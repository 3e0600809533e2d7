/* SPDX-License-Identifier: MIT */
#include "streamer/lookup.h"

#include <stdlib.h>

#include "tests/unit.h"

/* ---- a C library that answers when it is told to ------------------------- */

struct resolve {
	resolve_done_fn *done;
	void *arg;
};

static struct resolve *asked[8];
static int asked_count, running;

int __wrap_resolve_start(struct loop *loop, const char *host,
			 resolve_done_fn *done, void *arg,
			 struct resolve **ret);
void __wrap_resolve_cancel(struct resolve *r);

int __wrap_resolve_start(struct loop *loop, const char *host,
			 resolve_done_fn *done, void *arg, struct resolve **ret)
{
	struct resolve *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	*r = (struct resolve){ done, arg };
	asked[asked_count++] = r;
	running++;
	*ret = r;
	return 0;
}

void __wrap_resolve_cancel(struct resolve *r)
{
	running -= r != NULL;
	free(r);
}

static void answer(int i, size_t count)
{
	struct resolve_result result = { .count = count };
	struct resolve *r = asked[i];

	r->done(r->arg, &result);
	__wrap_resolve_cancel(r);
}

/* ---- those who ask -------------------------------------------------- */

struct client {
	struct lookup lookup;
	int calls;
	size_t count;
};

static void on_done(void *arg, const struct resolve_result *result)
{
	struct client *c = arg;

	c->calls++;
	c->count = result->count;
}

static int ask(struct lookups *lookups, struct client *c, const char *host)
{
	return lookup_start(lookups, &c->lookup, host, on_done, c);
}

static int test_shared(void)
{
	struct lookups lookups;
	struct client c[4] = { 0 };
	int err;

	asked_count = running = 0;
	lookups_init(&lookups, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(c); i++)
		lookup_init(&c[i].lookup);
	CHECK_OK(ask(&lookups, &c[0], "dead.example"));
	CHECK_OK(ask(&lookups, &c[1], "dead.example"));
	CHECK_OK(ask(&lookups, &c[2], "good.example"));
	/* As a publisher does that has waited for long enough. */
	lookup_cancel(&c[0].lookup);
	lookup_cancel(&c[1].lookup);
	CHECK_OK(ask(&lookups, &c[0], "dead.example"));
	CHECK_EQ(asked_count, 2);
	answer(1, 3);
	CHECK_EQ(c[2].calls, 1);
	CHECK_EQ(c[2].count, 3);
	CHECK_OK(ask(&lookups, &c[3], "dead.example"));
	answer(0, 1);
	CHECK_EQ(c[0].calls, 1);
	CHECK_EQ(c[1].calls, 0);
	CHECK_EQ(c[3].calls, 1);
	CHECK_EQ(running, 0);
	CHECK_OK(ask(&lookups, &c[0], "dead.example"));
	CHECK_EQ(asked_count, 3);
	lookup_cancel(&c[0].lookup);
	err = 0;
out:
	lookups_release(&lookups);
	return running ? -EBADE : err;
}

static const struct unit_test tests[] = {
	{ "a name is looked up once at a time", test_shared, 0 },
};
UNIT_MAIN(tests)
