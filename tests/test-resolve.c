/* SPDX-License-Identifier: MIT */
#include "lib/resolve.h"

#include "tests/unit.h"

struct ask {
	struct loop *loop;
	struct resolve_result result;
	int calls;
};

static void on_done(void *arg, const struct resolve_result *result)
{
	struct ask *a = arg;

	a->result = *result;
	a->calls++;
	loop_stop(a->loop);
}

static int ask(struct ask *a, const char *host)
{
	struct resolve *r;
	int err = resolve_start(a->loop, host, on_done, a, &r);

	return err ? err : loop_run(a->loop);
}

static int test_ask(void)
{
	struct ask a = { 0 };
	char name[300];
	int err;

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	CHECK_OK(loop_new(&a.loop));
	CHECK_OK(ask(&a, "127.0.0.7"));
	CHECK_OK(a.result.err.code);
	CHECK_EQ(a.result.count, 1);
	CHECK_STR(a.result.addresses[0], "127.0.0.7");
	CHECK_OK(ask(&a, "localhost"));
	CHECK(a.result.count >= 1);
	CHECK_OK(ask(&a, "nowhere.invalid"));
	CHECK_EQ(a.result.err.code, -EHOSTUNREACH);
	CHECK(strstr(a.result.err.text, "nowhere.invalid cannot be resolved"));
	CHECK_EQ(a.calls, 3);
	CHECK_ERR(ask(&a, name), -ENAMETOOLONG);
	err = 0;
out:
	loop_free(a.loop);
	return err;
}

static void on_late(struct loop_timer *timer)
{
	loop_stop(timer->loop);
}

/* One that is cancelled is never heard of again, and leaves nothing. */
static int test_cancel(void)
{
	struct ask a = { 0 };
	struct loop_timer late = { 0 };
	struct resolve *r;
	int err;

	CHECK_OK(loop_new(&a.loop));
	CHECK_OK(loop_timer_init(&late, a.loop, on_late));
	for (int i = 0; i < 50; i++) {
		CHECK_OK(resolve_start(a.loop, "localhost", on_done, &a, &r));
		resolve_cancel(r);
	}
	resolve_cancel(NULL);
	loop_timer_start(&late, 200);
	CHECK_OK(loop_run(a.loop));
	CHECK_EQ(a.calls, 0);
	err = 0;
out:
	loop_timer_release(&late);
	loop_free(a.loop);
	return err;
}

static const struct unit_test tests[] = {
	{ "ask", test_ask, UNIT_NO_OOM },
	{ "cancel", test_cancel, UNIT_NO_OOM },
};
UNIT_MAIN(tests)
