/* SPDX-License-Identifier: MIT */
#include "streamer/session.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/loop.h"
#include "streamer/media.h"
#include "streamer/srtp.h"
#include "streamer/transcode.h"

enum { WORKERS_MAX = 64 };

/* The settings that a worker needs, with texts of their own. */
struct settings {
	struct session_config config;
	char *trust, *pins, *allowed;
};

struct worker {
	struct session_pool *pool;
	pthread_t thread;
	bool is_running;
	unsigned calls; /* main thread */
	struct loop *loop;
	/* From here on the worker's. */
	struct media_env env;
	struct list sessions;
	struct loop_task quit;
};

struct session_pool {
	struct loop *main;
	struct settings settings;
	struct list sessions;
	int worker_count;
	struct worker worker[WORKERS_MAX];
};

/* From a worker to the signalling thread. */
struct report {
	struct loop_task task;
	struct session *session;
	struct msg_event event;
};

/* From the signalling thread to a worker. */
struct order {
	struct loop_task task;
	struct session *session;
	void (*run)(struct media *m, struct order *o);
	union {
		struct msg_setup setup;
		struct msg_targets targets;
	} u;
};

/*
 * `media` is the worker's between the start and the last report; the rest of
 * the first half is the signalling thread's.
 */
struct session {
	struct list node;
	struct worker *worker;
	session_event_fn *fn;
	void *arg;
	bool stopping;

	struct list worker_node;
	struct media *media;
	struct loop_task start, stop;
	struct report ended;
};

bool session_can_transcode(void)
{
	return transcode_is_available();
}

/* ---- settings ---------------------------------------------------------- */

static void settings_release(struct settings *s)
{
	free(s->trust);
	free(s->pins);
	free(s->allowed);
	memset(s, 0, sizeof(*s));
}

static int copy_text(const char *src, char **dst)
{
	if (!src)
		return 0;
	*dst = strdup(src);
	return *dst ? 0 : -ENOMEM;
}

static int settings_copy(const struct session_config *config,
			 struct settings *ret)
{
	struct settings s = { .config = *config };
	int err = copy_text(config->publish.trust, &s.trust);

	if (!err)
		err = copy_text(config->publish.pins, &s.pins);
	if (!err)
		err = copy_text(config->publish.allowed, &s.allowed);
	if (err) {
		settings_release(&s);
		return err;
	}
	s.config.publish.trust = s.trust;
	s.config.publish.pins = s.pins;
	s.config.publish.allowed = s.allowed;
	*ret = s;
	return 0;
}

/* ---- reports: on the worker, then on the signalling thread ------------- */

static void session_free(struct session *s)
{
	list_del(&s->node);
	s->worker->calls--;
	free(s);
}

static void deliver(struct loop_task *task)
{
	struct report *r = container_of(task, struct report, task);
	struct session *s = r->session;
	bool last = r == &s->ended;

	if (last || !s->stopping)
		s->fn(s->arg, s, &r->event);
	explicit_bzero(r->event.url, sizeof(r->event.url));
	if (last)
		session_free(s);
	else
		free(r);
}

static void send_report(struct session *s, struct report *r)
{
	r->session = s;
	loop_task_init(&r->task, deliver);
	loop_post(s->worker->pool->main, &r->task);
}

/* Without memory a status is left out: the next comes in a second. */
static void on_event(void *arg, const struct msg_event *event)
{
	struct report *r = malloc(sizeof(*r));

	if (!r)
		return;
	r->event = *event;
	send_report(arg, r);
}

static void end(struct session *s)
{
	struct msg_event *last = &s->ended.event;

	list_del(&s->worker_node);
	*last = (struct msg_event){ .kind = MSG_EVENT_ENDED };
	media_status(s->media, &last->status);
	last->status.state = MSG_ENDED;
	media_leave(s->media);
	media_free(s->media);
	s->media = NULL;
	send_report(s, &s->ended);
}

/* ---- orders: on the worker --------------------------------------------- */

static void on_start(struct loop_task *task)
{
	struct session *s = container_of(task, struct session, start);
	int err;

	list_add_tail(&s->worker->sessions, &s->worker_node);
	err = media_start(s->media);
	/* No memory, no descriptor: the call hears of it as silence. */
	if (err)
		log_error("media of a call cannot start: %s", err_str(err));
}

static void on_stop(struct loop_task *task)
{
	end(container_of(task, struct session, stop));
}

static void on_order(struct loop_task *task)
{
	struct order *o = container_of(task, struct order, task);

	o->run(o->session->media, o);
	explicit_bzero(o, sizeof(*o));
	free(o);
}

static void run_update(struct media *m, struct order *o)
{
	media_update(m, &o->u.setup);
}

static void run_targets(struct media *m, struct order *o)
{
	media_set_targets(m, &o->u.targets);
}

static void run_keyframe(struct media *m, struct order *o)
{
	media_ask_key(m);
}

static void run_reconnect(struct media *m, struct order *o)
{
	media_reconnect(m);
}

static struct order *order_new(struct session *s,
			       void (*run)(struct media *m, struct order *o))
{
	struct order *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->session = s;
	o->run = run;
	loop_task_init(&o->task, on_order);
	return o;
}

static int send_order(struct order *o)
{
	if (!o)
		return -ENOMEM;
	loop_post(o->session->worker->loop, &o->task);
	return 0;
}

/* ---- the signalling thread's calls ------------------------------------- */

static struct worker *least_busy(struct session_pool *pool)
{
	struct worker *best = &pool->worker[0];

	for (int i = 1; i < pool->worker_count; i++)
		if (pool->worker[i].calls < best->calls)
			best = &pool->worker[i];
	return best;
}

int session_new(struct session_pool *pool, uint64_t call,
		const struct msg_setup *setup, session_event_fn *fn, void *arg,
		struct session **ret_session)
{
	struct worker *w = least_busy(pool);
	struct session *s = calloc(1, sizeof(*s));
	struct media_env env;
	int err;

	if (!s)
		return -ENOMEM;
	s->worker = w;
	s->fn = fn;
	s->arg = arg;
	env = w->env;
	env.media_timeout_ms = pool->settings.config.media_timeout_ms;
	env.reorder_ms = pool->settings.config.reorder_ms;
	env.keyframe_interval_ms = pool->settings.config.keyframe_interval_ms;
	err = media_new(&env, call, setup, on_event, s, &s->media);
	if (err) {
		free(s);
		return err;
	}
	w->calls++;
	list_init(&s->worker_node);
	list_add_tail(&pool->sessions, &s->node);
	loop_task_init(&s->start, on_start);
	loop_task_init(&s->stop, on_stop);
	*ret_session = s;
	log_info("call %llu: using streamer worker %td",
		 (unsigned long long)call, w - pool->worker);
	loop_post(w->loop, &s->start);
	return 0;
}

int session_update(struct session *s, const struct msg_setup *setup)
{
	struct order *o = order_new(s, run_update);

	if (o)
		o->u.setup = *setup;
	return send_order(o);
}

int session_set_targets(struct session *s, const struct msg_targets *targets)
{
	struct order *o = order_new(s, run_targets);

	if (o)
		o->u.targets = *targets;
	return send_order(o);
}

int session_keyframe(struct session *s)
{
	return send_order(order_new(s, run_keyframe));
}

int session_reconnect(struct session *s)
{
	return send_order(order_new(s, run_reconnect));
}

void session_stop(struct session *s)
{
	if (s->stopping)
		return;
	s->stopping = true;
	loop_post(s->worker->loop, &s->stop);
}

/* ---- workers ----------------------------------------------------------- */

static void on_quit(struct loop_task *task)
{
	struct worker *w = container_of(task, struct worker, quit);

	list_for_each_safe(it, &w->sessions)
		end(list_entry(it, struct session, worker_node));
	publish_env_free(w->env.publish);
	w->env.publish = NULL;
	loop_stop(w->loop);
}

static void *run(void *arg)
{
	struct worker *w = arg;
	int err = loop_run(w->loop);

	if (err)
		log_error("a media worker ended: %s", err_str(err));
	return NULL;
}

static int worker_start(struct session_pool *pool, struct worker *w,
			uint8_t number, struct err *err)
{
	char name[16];
	int code;

	w->pool = pool;
	list_init(&w->sessions);
	loop_task_init(&w->quit, on_quit);
	code = loop_new(&w->loop);
	if (!code)
		code = udp_batch_new(&w->env.batch);
	if (code)
		return err_set(err, code, "media worker: %s", err_str(code));
	w->env.loop = w->loop;
	code = publish_env_new(w->loop, &pool->settings.config.publish,
			       &w->env.publish, err);
	if (code)
		return code;
	code = -pthread_create(&w->thread, NULL, run, w);
	if (code)
		return err_set(err, code, "media worker: %s", err_str(code));
	w->is_running = true;
	snprintf(name, sizeof(name), "media-%u", number);
	pthread_setname_np(w->thread, name);
	return 0;
}

static void worker_join(struct worker *w)
{
	if (w->is_running) {
		loop_post(w->loop, &w->quit);
		pthread_join(w->thread, NULL);
	}
	publish_env_free(w->env.publish);
	udp_batch_free(w->env.batch);
	if (w->loop)
		loop_flush(w->loop);
	loop_free(w->loop);
}

static int count_workers(const struct session_config *config)
{
	long n = config->workers ? config->workers
				 : sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : (int)n;
}

int session_pool_new(struct loop *loop, const struct session_config *config,
		     struct session_pool **ret_pool, struct err *err)
{
	struct session_pool *pool = calloc(1, sizeof(*pool));
	int code;

	if (!pool)
		return err_set(err, -ENOMEM, "media: %s", err_str(-ENOMEM));
	pool->main = loop;
	transcode_start();
	list_init(&pool->sessions);
	code = settings_copy(config, &pool->settings);
	if (!code)
		code = srtp_start();
	if (code)
		err_set(err, code, "media: %s", err_str(code));
	for (int i = 0; !code && i < count_workers(config); i++) {
		pool->worker_count++;
		code = worker_start(pool, &pool->worker[i], (uint8_t)i, err);
	}
	if (code) {
		session_pool_free(pool);
		return code;
	}
	*ret_pool = pool;
	return 0;
}

/* Order of things: no event after this, so that nobody is called back. */
void session_pool_free(struct session_pool *pool)
{
	if (!pool)
		return;
	list_for_each(it, &pool->sessions)
		list_entry(it, struct session, node)->stopping = true;
	for (int i = 0; i < pool->worker_count; i++)
		worker_join(&pool->worker[i]);
	/* The last words of the sessions wait in the signalling loop. */
	loop_flush(pool->main);
	settings_release(&pool->settings);
	free(pool);
}

/* ---- reload ------------------------------------------------------------ */

struct reload {
	struct loop_task task;
	struct worker *worker;
	struct settings settings;
};

static void on_reload(struct loop_task *task)
{
	struct reload *r = container_of(task, struct reload, task);
	struct err err;

	if (publish_env_reload(r->worker->env.publish,
			       &r->settings.config.publish, &err))
		log_error("%s", err.text);
	settings_release(&r->settings);
	free(r);
}

static int reload_worker(struct worker *w, const struct session_config *config)
{
	struct reload *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	err = settings_copy(config, &r->settings);
	if (err) {
		free(r);
		return err;
	}
	r->worker = w;
	loop_task_init(&r->task, on_reload);
	loop_post(w->loop, &r->task);
	return 0;
}

/* Tried out here first: bundle and pins are the same for all. */
int session_pool_reload(struct session_pool *pool,
			const struct session_config *config, struct err *err)
{
	struct publish_env *trial;
	struct settings settings;
	int code = publish_env_new(pool->main, &config->publish, &trial, err);

	if (code)
		return code;
	publish_env_free(trial);
	code = settings_copy(config, &settings);
	for (int i = 0; !code && i < pool->worker_count; i++)
		code = reload_worker(&pool->worker[i], config);
	if (code)
		return err_set(err, code, "media: %s", err_str(code));
	settings_release(&pool->settings);
	pool->settings = settings;
	return 0;
}
