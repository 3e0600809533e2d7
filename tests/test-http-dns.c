/* SPDX-License-Identifier: MIT */
/* A name server that says nothing must not hold up the loop. */
#include "lib/http.h"

#include <netdb.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/mono.h"
#include "tests/unit.h"

enum { TICK_MS = 10, GAP_MAX_MS = 1500, STUCK_S = 4 };

/* Ours stands before libc's, for libcurl too. */
int getaddrinfo(const char *name, const char *service,
		const struct addrinfo *hints, struct addrinfo **ret)
{
	sleep(STUCK_S);
	return EAI_AGAIN;
}

struct client {
	struct loop *loop;
	struct http *http;
	struct http_request *request;
	struct loop_timer tick;
	uint64_t last_ms, gap_ms, cancel_ms;
	bool is_done;
	struct http_response answer;
};

static void count_gap(struct client *c)
{
	uint64_t now = mono_ms();

	if (now - c->last_ms > c->gap_ms)
		c->gap_ms = now - c->last_ms;
	c->last_ms = now;
}

static void on_tick(struct loop_timer *timer)
{
	struct client *c = container_of(timer, struct client, tick);

	count_gap(c);
	if (c->cancel_ms && mono_ms() >= c->cancel_ms) {
		http_cancel(c->request);
		c->is_done = true;
	}
	if (c->is_done)
		loop_stop(c->loop);
	loop_timer_start(timer, TICK_MS);
}

static void on_answer(void *arg, struct http_response *response)
{
	struct client *c = arg;

	c->answer = *response;
	c->is_done = true;
}

static int start(struct client *c)
{
	struct http_spec spec = { .method = "GET",
				  .url = "https://stuck.test/",
				  .max_body = 10,
				  .timeout_ms = 5000,
				  .done = on_answer,
				  .arg = c };

	c->is_done = false;
	c->gap_ms = 0;
	c->last_ms = mono_ms();
	return http_start(c->http, &spec, &c->request);
}

static int ask(struct client *c)
{
	int err = start(c);

	loop_timer_start(&c->tick, TICK_MS);
	return err ? err : loop_run(c->loop);
}

static int test_stuck(void)
{
	struct http_config config = { .connect_timeout_ms = 200 };
	struct client c = { 0 };
	int err = loop_new(&c.loop);

	CHECK_OK(err);
	CHECK_OK(loop_timer_init(&c.tick, c.loop, on_tick));
	CHECK_OK(http_new(c.loop, &config, &c.http, NULL));
	CHECK_OK(ask(&c));
	CHECK_EQ(c.answer.err, -ETIMEDOUT);
	count_gap(&c);
	CHECK(c.gap_ms < GAP_MAX_MS);
	/* Taken back in the middle, and everything freed in the middle. */
	c.cancel_ms = mono_ms() + 50;
	CHECK_OK(ask(&c));
	count_gap(&c);
	CHECK(c.gap_ms < GAP_MAX_MS);
	c.cancel_ms = 0;
	CHECK_OK(start(&c));
	c.last_ms = mono_ms();
	http_free(c.http);
	c.http = NULL;
	count_gap(&c);
	CHECK(c.gap_ms < GAP_MAX_MS);
	err = 0;
out:
	http_free(c.http);
	loop_timer_release(&c.tick);
	loop_free(c.loop);
	return err;
}

static const struct unit_test tests[] = {
	{ "stuck", test_stuck, UNIT_NO_OOM },
};

UNIT_MAIN(tests)
