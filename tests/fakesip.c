/* SPDX-License-Identifier: MIT */
#include "tests/fakesip.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FAKE_TIMERS_MAX = 32, FAKE_START_MS = 1000000 };

static struct {
	uint64_t now_ms;
	struct loop_timer *timers[FAKE_TIMERS_MAX]; /* armed */
	uint64_t at_ms[FAKE_TIMERS_MAX];
	struct list deferred;
	char sent[FAKE_SENT_MAX][FAKE_TEXT_MAX];
	unsigned sent_count;
	int error;
	bool alive;
	char connected_to[128];
	const struct sip_net_ops *ops;
	void *arg;
} fake;

void fake_reset(void)
{
	memset(&fake, 0, sizeof(fake));
	fake.now_ms = FAKE_START_MS;
	fake.alive = true;
	list_init(&fake.deferred);
}

/* ---- clock and loop ----------------------------------------------------- */

int __wrap_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	ts->tv_sec = (time_t)(fake.now_ms / 1000);
	ts->tv_nsec = (long)(fake.now_ms % 1000) * 1000000;
	return 0;
}

void loop_task_init(struct loop_task *task, loop_task_fn *run)
{
	list_init(&task->node);
	task->run = run;
}

void loop_defer(struct loop *loop, struct loop_task *task)
{
	if (list_is_empty(&task->node))
		list_add_tail(&fake.deferred, &task->node);
}

void loop_cancel(struct loop *loop, struct loop_task *task)
{
	list_del(&task->node);
}

void fake_run(void)
{
	struct list *it;

	while ((it = list_first(&fake.deferred))) {
		struct loop_task *task = list_entry(it, struct loop_task, node);

		list_del(it);
		task->run(task);
	}
}

int loop_timer_init(struct loop_timer *timer, struct loop *loop,
		    loop_timer_fn *run)
{
	*timer = (struct loop_timer){ .loop = loop, .run = run };
	timer->event = malloc(1); /* which may fail */
	return timer->event ? 0 : -ENOMEM;
}

void loop_timer_stop(struct loop_timer *timer)
{
	for (int i = 0; i < FAKE_TIMERS_MAX; i++)
		if (fake.timers[i] == timer)
			fake.timers[i] = NULL;
}

void loop_timer_start(struct loop_timer *timer, uint64_t ms)
{
	loop_timer_stop(timer);
	for (int i = 0; i < FAKE_TIMERS_MAX; i++)
		if (!fake.timers[i]) {
			fake.timers[i] = timer;
			fake.at_ms[i] = fake.now_ms + ms;
			return;
		}
	abort();
}

void loop_timer_release(struct loop_timer *timer)
{
	loop_timer_stop(timer);
	free(timer->event);
	timer->event = NULL;
}

static int find_next(void)
{
	int next = -1;

	for (int i = 0; i < FAKE_TIMERS_MAX; i++)
		if (fake.timers[i] &&
		    (next < 0 || fake.at_ms[i] < fake.at_ms[next]))
			next = i;
	return next;
}

void fake_advance(unsigned ms)
{
	uint64_t end = fake.now_ms + ms;
	int i;

	fake_run();
	while ((i = find_next()) >= 0 && fake.at_ms[i] <= end) {
		struct loop_timer *timer = fake.timers[i];

		fake.now_ms = fake.at_ms[i];
		fake.timers[i] = NULL;
		timer->run(timer);
		fake_run();
	}
	fake.now_ms = end;
}

/* ---- network ------------------------------------------------------------ */

int sip_net_new(struct loop *loop, const struct sip_net_config *config,
		const struct sip_net_ops *ops, void *arg, struct sip_net **ret,
		struct err *err)
{
	fake.ops = ops;
	fake.arg = arg;
	*ret = NULL;
	return 0;
}

void sip_net_free(struct sip_net *net)
{
}

void sip_net_set_trace(struct sip_net *net, bool on)
{
}

void sip_net_set_tls(struct sip_net *net, struct sip_tls *tls)
{
}

const char *sip_net_transport_name(enum sip_transport transport)
{
	return transport == SIP_UDP ? "UDP" : "TCP";
}

bool sip_net_is_alive(const struct sip_net *net, const struct sip_flow *flow)
{
	return fake.alive;
}

int sip_net_connect(struct sip_net *net, struct sip_flow *flow,
		    const char *host, uint16_t port)
{
	snprintf(fake.connected_to, sizeof(fake.connected_to), "%s:%u", host,
		 port);
	fake.alive = true;
	return 0;
}

int sip_net_send(struct sip_net *net, struct sip_flow *flow, const void *data,
		 size_t len)
{
	if (fake.error)
		return fake.error;
	if (fake.sent_count == FAKE_SENT_MAX || len >= FAKE_TEXT_MAX)
		abort();
	memcpy(fake.sent[fake.sent_count], data, len);
	fake.sent[fake.sent_count++][len] = '\0';
	if (!fake.alive)
		sip_addr_text(&flow->peer, fake.connected_to);
	return 0;
}

void fake_set_error(int err)
{
	fake.error = err;
}

void fake_set_alive(bool alive)
{
	fake.alive = alive;
}

const char *fake_connected_to(void)
{
	return fake.connected_to;
}

unsigned fake_sent_count(void)
{
	return fake.sent_count;
}

const char *fake_text(unsigned i)
{
	return i < fake.sent_count ? fake.sent[i] : "";
}

static size_t find_word(unsigned i, const char **ret)
{
	const char *text = fake_text(i);

	if (!strncmp(text, "SIP/2.0 ", 8))
		text += 8;
	*ret = text;
	return strcspn(text, " ");
}

const char *fake_sent(unsigned i)
{
	static char word[16];
	const char *at;
	size_t n = find_word(i, &at);

	snprintf(word, sizeof(word), "%.*s", (int)n, at);
	return word;
}

const char *fake_sent_all(void)
{
	static char all[1024];
	size_t n = 0;

	all[0] = '\0';
	for (unsigned i = 0; i < fake.sent_count; i++)
		n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s",
				      i ? " " : "", fake_sent(i));
	return all;
}

void fake_forget(void)
{
	fake.sent_count = 0;
}

struct sip_flow fake_flow(enum sip_transport transport)
{
	struct sip_flow flow = { .transport = transport, .conn = 1 };

	(void)!sip_addr_parse("192.0.2.9", 5070, &flow.peer);
	(void)!sip_addr_parse("192.0.2.1", 5060, &flow.local);
	return flow;
}

void fake_receive(enum sip_transport transport, const char *text)
{
	struct sip_flow flow = fake_flow(transport);
	struct sip_frame frame;
	int err =
		sip_frame_datagram((const uint8_t *)text, strlen(text), &frame);

	fake.ops->message(fake.arg, &flow, (const uint8_t *)text, &frame, err);
	fake_run();
}
