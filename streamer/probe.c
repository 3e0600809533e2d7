/* SPDX-License-Identifier: MIT */
#include "streamer/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/crypto.h"
#include "lib/ctlread.h"
#include "lib/mono.h"
#include "lib/str.h"
#include "lib/verdict.h"
#include "streamer/rtmp.h"
#include "streamer/rtmp_auth.h"
#include "streamer/settings.h"
#include "streamer/sip_listen.h"
#include "streamer/stream.h"
#include "streamer/url.h"

enum { BUFFER_BYTES = 64 << 10, AUTH_STEPS_MAX = 3 };

/* One server at a time: connections until it has let us in or said no. */
struct probe {
	const struct conf *conf;
	struct settings *settings; /* NULL where they cannot be used */
	struct loop *loop;
	struct stream_env *env;
	int failures;

	const char *name; /* of the setting that is tried */
	struct url url;
	struct stream *stream;
	struct rtmp *rtmp;
	struct loop_timer timer;
	struct buf query;
	unsigned auth_steps;
	bool is_over, again, is_open, is_in;
	struct err why; /* unless is_in */
};

/* ---- lines -------------------------------------------------------------- */

static void say(struct probe *p, enum verdict verdict, const char *fmt, ...)
	ATTR_PRINTF(3, 4);

static void say(struct probe *p, enum verdict verdict, const char *fmt, ...)
{
	va_list ap;

	p->failures += verdict == VERDICT_FAIL;
	va_start(ap, fmt);
	verdict_print(verdict, fmt, ap);
	va_end(ap);
}

/* ---- interfaces and ports ----------------------------------------------- */

/* Bound and let go again: 0, or what would keep the streamer from it. */
static int try_port(const struct sockaddr_storage *at)
{
	int fd = socket(at->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1, any = !sip_addr_is_any(at), err = 0;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
	if (at->ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &any, sizeof(any));
	if (bind(fd, (const struct sockaddr *)at, sip_addr_len(at)) ||
	    listen(fd, 1))
		err = -errno;
	close(fd);
	return err;
}

/* An interface may have several addresses. */
static void check_port(struct probe *p, const char *transport, uint16_t port,
		       struct sockaddr_storage *at)
{
	char host[SIP_ADDR_SIZE];
	const char *where = sip_addr_is_any(at) ? "any"
						: sip_addr_host(at, host);
	int err;

	if (!port)
		return;
	sip_addr_set_port(at, port);
	err = try_port(at);
	if (!err)
		say(p, VERDICT_PASS, "%s port %u of %s is free", transport,
		    port, where);
	else if (err == -EADDRINUSE)
		say(p, VERDICT_FAIL,
		    "%s port %u of %s is taken by another program: choose "
		    "another by \"streamer sip listen\"",
		    transport, port, where);
	else
		say(p, VERDICT_FAIL,
		    "%s port %u of %s cannot be listened on: %s", transport,
		    port, where, err_str(err));
}

static bool is_running(const struct probe *p)
{
	char path[512];
	bool alive;
	int fd;

	snprintf(path, sizeof(path), "%s/streamer",
		 conf_text(p->conf, OPT_CONTROL_DIR));
	fd = ctlread_open(AT_FDCWD, path);
	if (fd < 0)
		return false;
	alive = ctlread_is_alive(fd);
	close(fd);
	return alive;
}

static void check_interface(struct probe *p, const struct sip_listen *l,
			    bool runs)
{
	struct sockaddr_storage at[SIP_LISTEN_ADDRESSES_MAX];
	struct err err;
	size_t n;

	if (sip_listen_resolve(l->interface, at, &n, &err)) {
		say(p, VERDICT_FAIL,
		    "%s: name one of this host by \"streamer sip listen\"",
		    err.text);
		return;
	}
	say(p, VERDICT_PASS, "interface %s exists", l->interface);
	for (size_t i = 0; i < n && !runs; i++) {
		check_port(p, "TCP", l->tcp, &at[i]);
		if (l->tls != l->tcp)
			check_port(p, "TLS", l->tls, &at[i]);
	}
}

static void check_listen(struct probe *p)
{
	struct sip_listens all;
	struct err err;
	bool runs = is_running(p);

	if (sip_listen_parse(conf_text(p->conf, OPT_ST_SIP_LISTEN), &all,
			     &err)) {
		say(p, VERDICT_FAIL, "%s", err.text);
		return;
	}
	for (size_t i = 0; i < all.count; i++)
		check_interface(p, &all.at[i], runs);
}

/* ---- one connection ----------------------------------------------------- */

static void end(struct probe *p)
{
	p->is_over = true;
	loop_stop(p->loop);
}

static void refuse(struct probe *p, int code, const char *text)
{
	err_set(&p->why, code, "%s", text);
	end(p);
}

/* Refused, or asked for a user and password, which go with the next try. */
static void on_refused(struct probe *p, const struct rtmp_event *event)
{
	const struct rtmp_auth_user user = { .user = p->url.user,
					     .password = p->url.password,
					     .app = p->url.app };
	const char *scheme;
	uint32_t nonce;
	int err;

	crypto_random(&nonce, sizeof(nonce));
	buf_wipe(&p->query);
	err = rtmp_auth_answer(event->text, &user, nonce, &p->query, &scheme,
			       &p->why);
	p->again = !err && p->auth_steps++ < AUTH_STEPS_MAX;
	if (err == -ENOENT)
		err_set(&p->why, -ECONNREFUSED,
			"the server refuses the application: %s %s",
			event->code, event->text);
	else if (!err)
		err_set(&p->why, -EACCES,
			"the server asks for a password again and again");
	end(p);
}

static void on_event(void *arg, const struct rtmp_event *event)
{
	struct probe *p = arg;

	if (p->is_over)
		return;
	if (event->kind == RTMP_REFUSED || event->kind == RTMP_ENDED)
		on_refused(p, event);
	/* A server that sends us elsewhere would let us in there. */
	p->is_in = event->kind == RTMP_CONNECTED || event->kind == RTMP_MOVE;
	if (p->is_in)
		end(p);
}

static void on_open(void *arg, int fd)
{
	struct probe *p = arg;
	int err = rtmp_start(p->rtmp, stream_out(p->stream));

	p->is_open = true;
	if (err)
		refuse(p, err, err_str(err));
	else
		stream_flush(p->stream);
}

/* What follows the answer to connect is not sent: it would publish. */
static void on_data(void *arg, const uint8_t *data, size_t n)
{
	struct probe *p = arg;
	int err;

	if (p->is_over)
		return;
	err = rtmp_receive(p->rtmp, data, n, stream_out(p->stream));
	if (err && !p->is_over)
		refuse(p, err, "it does not speak RTMP");
	else if (!p->is_over)
		stream_flush(p->stream);
}

static void on_close(void *arg, const struct err *why)
{
	struct probe *p = arg;

	if (!p->is_over)
		refuse(p, why->code, why->text);
}

static void on_timer(struct loop_timer *timer)
{
	refuse(container_of(timer, struct probe, timer), -ETIMEDOUT,
	       "no answer in time");
}

static int connect_once(struct probe *p)
{
	static const struct stream_handler handler = { on_open, on_data,
						       on_close };
	const struct stream_target target = { .host = p->url.host,
					      .port = p->url.port,
					      .tls = p->url.tls };
	const struct rtmp_config config = {
		.app = p->url.app,
		.tc_url = p->url.tc_url,
		.query = buf_text(&p->query),
		.key = p->url.key,
		.digest = p->settings->session.publish.digest,
		.chunk_size = p->settings->session.publish.chunk_size,
		.seed = mono_ns(),
	};
	int err = rtmp_new(&config, on_event, p, &p->rtmp);

	p->is_over = p->again = p->is_open = p->is_in = false;
	if (!err)
		err = stream_open(p->env, &target, BUFFER_BYTES, &handler, p,
				  &p->stream);
	if (!err) {
		loop_timer_start(&p->timer,
				 p->settings->session.publish.timeout_ms);
		err = loop_run(p->loop);
	}
	loop_timer_stop(&p->timer);
	stream_close(p->stream);
	rtmp_free(p->rtmp);
	p->stream = NULL;
	p->rtmp = NULL;
	return err;
}

/* ---- the servers -------------------------------------------------------- */

/* What a person can do about it, before and after it has been connected to. */
static const struct {
	int code;
	const char *before, *after;
} advices[] = {
	{ -EHOSTUNREACH, "check DNS and the server's name", NULL },
	{ -EKEYREJECTED, "check its certificate, or set streamer.rtmps_bundle",
	  NULL },
	{ -EACCES, NULL, "check user and password in the URL" },
	{ -ENOKEY, NULL, "check user and password in the URL" },
	{ -ECONNRESET, NULL, "check the application in the URL" },
	{ -ECONNREFUSED, "check the server, and its port in the URL",
	  "check the application in the URL" },
};

static const char *advise(const struct probe *p)
{
	const char *found = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(advices); i++)
		if (p->why.code == advices[i].code)
			found = p->is_open ? advices[i].after
					   : advices[i].before;
	return found ? found : "check the server, and firewalls in between";
}

static void say_result(struct probe *p, const char *shown)
{
	if (!p->is_in)
		say(p, VERDICT_FAIL, "%s: %s: %s; %s", p->name, shown,
		    p->why.text, advise(p));
	else if (p->auth_steps)
		say(p, VERDICT_PASS,
		    "%s: %s answers and takes user and password", p->name,
		    shown);
	else if (*p->url.user)
		say(p, VERDICT_WARN,
		    "%s: %s answers but does not ask for user and password: "
		    "whether it takes them shows when a call is published",
		    p->name, shown);
	else
		say(p, VERDICT_PASS, "%s: %s answers", p->name, shown);
}

static void try_server(struct probe *p)
{
	char shown[512];
	int err;

	url_format(&p->url, shown, sizeof(shown));
	if (!url_is_allowed(&p->url, p->settings->allowed_targets)) {
		say(p, VERDICT_FAIL,
		    "%s: %s is not in allowed_targets: nothing is published "
		    "there; \"set streamer.allowed_targets\"",
		    p->name, shown);
		return;
	}
	p->auth_steps = 0;
	buf_wipe(&p->query);
	do
		err = connect_once(p);
	while (!err && p->again);
	if (err)
		say(p, VERDICT_FAIL, "%s: %s", p->name, err_str(err));
	else
		say_result(p, shown);
}

static void try_urls(struct probe *p, const char *urls)
{
	const char *word;
	size_t len;

	while (str_next_word(&urls, &word, &len)) {
		char *text = strndup(word, len);
		struct err err;
		int code = text ? url_parse(text, &p->url, &err) : -ENOMEM;

		if (code)
			say(p, VERDICT_FAIL, "%s: the URL cannot work: %s",
			    p->name, text ? err.text : "out of memory");
		else if (!*p->url.app)
			say(p, VERDICT_FAIL,
			    "%s: the URL cannot work: it needs an application "
			    "and a stream, rtmp://host/app/stream",
			    p->name);
		else
			try_server(p);
		url_release(&p->url);
		p->url = (struct url){ 0 };
		if (text)
			explicit_bzero(text, len);
		free(text);
	}
}

/* `user` is one that finds the setting. */
static void try_setting(struct probe *p, const char *name, const char *user)
{
	struct secret urls = { 0 };
	bool is_route;
	struct err err;

	p->name = name;
	if (settings_find_url(p->settings, user, &urls, &is_route, &err))
		say(p, VERDICT_FAIL, "%s: %s", name, err.text);
	else
		try_urls(p, secret_text(&urls));
	secret_release(&urls);
}

static void try_targets(struct probe *p)
{
	const char *key, *value;
	char name[160];

	if (*conf_text(p->conf, OPT_ST_DEFAULT_URL))
		try_setting(p, "default_url", "");
	for (size_t i = 0; (key = conf_free_key(p->conf, "route", i, &value));
	     i++) {
		snprintf(name, sizeof(name), "route %s", key);
		try_setting(p, name, key);
	}
}

static int prepare(struct probe *p, struct err *err)
{
	const struct publish_settings *s = &p->settings->session.publish;
	const struct stream_settings part = { s->trust, s->pins, s->no_verify };
	int code = loop_new(&p->loop);

	if (!code)
		code = loop_timer_init(&p->timer, p->loop, on_timer);
	if (code)
		return err_set(err, code, "%s", err_str(code));
	return stream_env_new(p->loop, &part, &p->env, err);
}

static void run(struct probe *p, struct conf *conf)
{
	struct err err;
	int code;

	check_listen(p);
	code = settings_new(conf, &p->settings, &err);
	if (!code)
		code = prepare(p, &err);
	if (code)
		say(p, VERDICT_FAIL, "%s; no server is tried", err.text);
	else
		try_targets(p);
	if (p->settings)
		settings_free(p->settings);
	else
		conf_free(conf);
}

int probe_run(const struct boot *boot)
{
	struct probe p = { .failures = 0 };
	struct conf *conf;
	struct err err;

	buf_init(&p.query, RTMP_AUTH_QUERY_MAX);
	if (conf_load(boot->config_path, NULL, &conf, &err)) {
		say(&p, VERDICT_FAIL, "%s", err.text);
	} else {
		p.conf = conf;
		run(&p, conf);
	}
	stream_env_free(p.env);
	loop_timer_release(&p.timer);
	loop_free(p.loop);
	buf_wipe(&p.query);
	return p.failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
