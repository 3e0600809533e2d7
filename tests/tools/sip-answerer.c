/* SPDX-License-Identifier: MIT */
/*
 * The streamer's signalling and calls without its media: what tests/test-sip.py
 * drives with sipp, baresip and kamailio.
 *
 *	sip-answerer settings.ini
 *
 * SIGHUP reads the settings again, SIGUSR1 drains, SIGUSR2 asks every call for
 * a key frame, SIGTERM ends the calls and then the program. The log goes to
 * standard error, with a line for each state of a call.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/log.h"
#include "streamer/call.h"

struct answerer {
	const char *path;
	struct loop *loop;
	struct session_pool *pool;
	struct settings *settings;
	struct calls *calls;
};

static int load(const char *path, struct settings **ret, struct err *err)
{
	struct conf *conf;
	int code = conf_load(path, NULL, &conf, err);

	if (code)
		return code;
	code = settings_new(conf, ret, err);
	if (code)
		conf_free(conf);
	return code;
}

static void on_changed(void *arg, const struct call *c)
{
	log_info("test: call %llu is %s (%s) url %s from %s",
		 (unsigned long long)c->number, call_state_name(c->state),
		 c->why, c->shown_url, call_url_source_name(c->url_source));
}

static void on_counted(void *arg, const struct call *c)
{
}

static void on_ended(void *arg, const struct call *c)
{
	log_info("test: call %llu is gone (%s)", (unsigned long long)c->number,
		 c->why);
}

static void on_drained(void *arg)
{
	loop_stop(arg);
}

static void reload(struct answerer *a)
{
	struct settings *old = a->settings, *s;
	struct err err;

	if (load(a->path, &s, &err)) {
		log_error("%s", err.text);
		return;
	}
	a->settings = s;
	(void)!session_pool_reload(a->pool, &s->session, &err);
	calls_reload(a->calls, s);
	settings_free(old);
	log_info("test: reloaded");
}

static void ask_all(struct answerer *a)
{
	struct err err;

	list_for_each(it, calls_list(a->calls))
		(void)!calls_keyframe(a->calls,
				      list_entry(it, struct call, node)->number,
				      &err);
}

static void on_signal(void *arg, int signo)
{
	struct answerer *a = arg;

	if (signo == SIGHUP)
		reload(a);
	else if (signo == SIGUSR1)
		calls_drain(a->calls, 0, NULL, NULL);
	else if (signo == SIGUSR2)
		ask_all(a);
	else
		calls_drain(a->calls, a->settings->drain_ms, on_drained,
			    a->loop);
}

static int start(struct answerer *a, struct err *err)
{
	static const int signals[] = { SIGHUP, SIGTERM, SIGUSR1, SIGUSR2 };
	static const struct calls_observer observer = { on_changed, on_counted,
							on_ended, NULL };
	int code = load(a->path, &a->settings, err);

	if (code)
		return code;
	if (loop_new(&a->loop))
		return err_set(err, -1, "no memory");
	code = session_pool_new(a->loop, &a->settings->session, &a->pool, err);
	if (code)
		return code;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (loop_on_signal(a->loop, signals[i], on_signal, a))
			return err_set(err, -1, "no memory");
	return calls_new(a->loop, a->settings, a->pool, &observer, &a->calls,
			 err);
}

int main(int argc, char **argv)
{
	struct answerer a = { .path = argc > 1 ? argv[1] : "" };
	struct err err;
	int status = 1;

	if (start(&a, &err)) {
		fprintf(stderr, "%s\n", err.text);
	} else {
		log_set_level(LOG_LEVEL_DEBUG);
		log_info("test: ready");
		status = loop_run(a.loop) ? 1 : 0;
	}
	calls_free(a.calls);
	if (a.loop)
		loop_flush(a.loop);
	session_pool_free(a.pool);
	settings_free(a.settings);
	loop_free(a.loop);
	return status;
}
