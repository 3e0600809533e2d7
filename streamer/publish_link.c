/* SPDX-License-Identifier: MIT */
#include "streamer/publish_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto.h"
#include "lib/mono.h"
#include "lib/redact.h"
#include "lib/str.h"
#include "streamer/rtmp_auth.h"

enum {
	RETRY_MS = 1000,
	RETRY_LASTING_MAX_MS = 30000,
	RETRIES_AT_ONCE = 3, /* at RETRY_MS, before the pauses grow */
	/* Publishing that long makes earlier failures forgotten. */
	STABLE_MS = 10000,
	STALL_CHECKS = 4, /* in the time that a stall may last */
	AUTH_STEPS_MAX = 3,
	TALK_MAX = 16,
	LINE_MAX = 1024,
};

/* ---- words ------------------------------------------------------------- */

void publish_say(struct publish *p, enum log_level level, const char *fmt, ...)
{
	char line[LINE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	str_clean(line);
	p->handler->on_log(p->arg, level, line);
}

void publish_say_url(struct publish *p)
{
	char shown[PUBLISH_SHOWN_MAX];

	url_format(&p->url, shown, sizeof(shown));
	publish_say(p, LOG_LEVEL_INFO, "RTMP stream=\"%s\"",
		    url_shown_stream(&p->url));
	publish_say(p, LOG_LEVEL_INFO, "RTMP server=\"%s\"", shown);
}

void publish_set_state(struct publish *p, enum publish_state state,
		       const char *why)
{
	if (p->state == state && !strcmp(p->why, why))
		return;
	p->state = state;
	str_copy(p->why, why, sizeof(p->why));
	p->handler->on_state(p->arg);
}

/* ---- a connection and its end ------------------------------------------ */

void publish_link_stop(struct publish *p, bool politely)
{
	loop_cancel(p->env->loop, &p->end);
	loop_timer_stop(&p->timer);
	loop_timer_stop(&p->hold);
	if (p->stream) {
		/* A buffer too full for the good-bye ends without one. */
		if (politely && p->rtmp &&
		    !rtmp_unpublish(p->rtmp, stream_out(p->stream)))
			stream_flush(p->stream);
		p->ended_bytes += stream_sent(p->stream);
		if (politely)
			stream_finish(p->stream);
		else
			stream_close(p->stream);
	}
	p->stream = NULL;
	rtmp_free(p->rtmp);
	p->rtmp = NULL;
}

/* Pauses of a second, then longer ones; never all calls at one moment. */
static uint64_t pause_ms(const struct publish *p)
{
	uint64_t most = p->again == AGAIN_LATER ? RETRY_LASTING_MAX_MS
						: p->env->settings.retry_max_ms;
	uint64_t ms = RETRY_MS, waited;
	uint64_t chance = (uintptr_t)p / sizeof(*p) ^ mono_ns() / 1000;

	for (unsigned i = RETRIES_AT_ONCE; i < p->failures && ms < most; i++)
		ms = ms * 3 / 2;
	ms = ms < most ? ms : most;
	ms -= chance % (ms / 10 + 1);
	/* A host that is gone is asked as often as one that refuses. */
	waited = mono_ms() - p->tried_ms;
	return ms > waited ? ms - waited : 0;
}

static void say_retrying(struct publish *p)
{
	unsigned n = p->failures;

	if (n <= RETRIES_AT_ONCE)
		publish_say(p, LOG_LEVEL_INFO, "retrying (%u/%d)...", n,
			    RETRIES_AT_ONCE);
	else /* 4, 8, 16 ... or a dead server fills the log */
		publish_say(p, n & (n - 1) ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
			    "retrying (%u)...", n);
}

static bool was_stable(const struct publish *p)
{
	return p->state == PUBLISH_PUBLISHING &&
	       mono_ms() - p->live_since_ms >= STABLE_MS;
}

/*
 * Gives the connection up when this dispatch is over: what calls us here still
 * uses it.
 */
static void give_up(struct publish *p, enum publish_again again,
		    const char *why)
{
	if (again == AGAIN_NOW) {
		p->again = again;
		loop_cancel(p->env->loop, &p->end);
		loop_defer(p->env->loop, &p->end);
		return;
	}
	if (was_stable(p))
		p->failures = 0;
	if (p->state == PUBLISH_PUBLISHING)
		p->tried_ms = mono_ms();
	p->failures++;
	p->again = again;
	buf_wipe(&p->query);
	p->auth_steps = 0;
	publish_say(p, LOG_LEVEL_ERROR, "%s", why);
	publish_set_state(
		p, again == AGAIN_NEVER ? PUBLISH_FAILED : PUBLISH_RETRYING,
		why);
	loop_cancel(p->env->loop, &p->end);
	loop_defer(p->env->loop, &p->end);
}

static void use_url(struct publish *p, struct url *url)
{
	url_release(&p->url);
	p->url = *url;
}

/* Where the server wants the stream, if it may be there. */
static void follow(struct publish *p)
{
	char text[URL_MAX + RTMP_DESCRIPTION_MAX] = "";
	struct err err;
	struct url url;
	int code = url_move(p->text, p->move, text, sizeof(text));

	if (code) {
		publish_say(p, LOG_LEVEL_WARNING,
			    "where the RTMP server sends us is %s",
			    code == -EPERM ? "without TLS" : "no RTMP URL");
	} else if (!publish_accept_url(p, text, &url, &err)) {
		use_url(p, &url);
		p->moved = true;
		publish_say_url(p);
	}
	explicit_bzero(text, sizeof(text));
	free(p->move);
	p->move = NULL;
}

/* What fails where it was sent is tried again where it was meant to go. */
static void go_home(struct publish *p)
{
	struct err err;
	struct url url;

	if (!p->moved || url_parse(p->text, &url, &err))
		return;
	use_url(p, &url);
	p->moved = false;
}

static void on_end(struct loop_task *task)
{
	struct publish *p = container_of(task, struct publish, end);

	publish_link_stop(p, p->again == AGAIN_NOW);
	switch (p->again) {
	case AGAIN_NOW:
		if (p->move)
			follow(p);
		publish_link_start(p);
		break;
	case AGAIN_NEVER:
		break;
	default:
		go_home(p);
		say_retrying(p);
		loop_timer_start(&p->timer, pause_ms(p));
	}
}

/* ---- what the session says --------------------------------------------- */

/* Servers like to repeat the name of a stream, which may be the secret. */
static const char *shown_text(const struct publish *p, const char *text)
{
	return redact_is_echo(text, url_secret_stream(&p->url)) ? REDACTED
								: text;
}

static void authenticate(struct publish *p, const struct rtmp_event *event)
{
	const struct rtmp_auth_user user = { .user = p->url.user,
					     .password = p->url.password,
					     .app = p->url.app };
	const char *query = strstr(event->text, "?reason=");
	const char *scheme = "";
	char why[PUBLISH_WHY_MAX];
	struct err err;
	uint32_t nonce;
	int e;

	crypto_random(&nonce, sizeof(nonce));
	buf_wipe(&p->query);
	e = rtmp_auth_answer(event->text, &user, nonce, &p->query, &scheme,
			     &err);
	if (e == -ENOENT) {
		snprintf(why, sizeof(why), "RTMP server refused: %s%s%s",
			 *event->code ? event->code : "no reason given",
			 *event->text ? ": " : "", shown_text(p, event->text));
		give_up(p, event->lasting ? AGAIN_LATER : AGAIN_SOON, why);
	} else if (e) {
		give_up(p, e == -ENOMEM ? AGAIN_SOON : AGAIN_NEVER, err.text);
	} else if (++p->auth_steps > AUTH_STEPS_MAX) {
		give_up(p, AGAIN_NEVER,
			"RTMP server asks for authentication again and again");
	} else {
		publish_say(p, LOG_LEVEL_INFO, "authenticating (authmod=%s)",
			    scheme);
		if (query)
			publish_say(p, LOG_LEVEL_INFO,
				    "got query string : \"%s\"", query + 1);
		give_up(p, AGAIN_NOW, "");
	}
}

static void on_live(struct publish *p, const struct rtmp_event *event)
{
	publish_say(p, LOG_LEVEL_INFO,
		    "RTMP publish successful, can start sending media");
	buf_wipe(&p->query);
	p->auth_steps = 0;
	p->stats.reconnects += p->was_live;
	p->was_live = true;
	p->live_since_ms = mono_ms();
	p->stall_sent = 0;
	p->stall_checks = 0;
	feed_begin(&p->feed);
	loop_timer_start(&p->timer, p->env->settings.timeout_ms / STALL_CHECKS);
	publish_set_state(p, PUBLISH_PUBLISHING, "");
	p->key_asked_ms = mono_ms();
	if (p->feed.media & PUBLISH_VIDEO)
		p->handler->on_key_frame(p->arg);
}

static void on_refused(struct publish *p, const struct rtmp_event *event)
{
	authenticate(p, event);
}

static void on_ended(struct publish *p, const struct rtmp_event *event)
{
	char why[PUBLISH_WHY_MAX];

	snprintf(why, sizeof(why), "RTMP server ended the stream%s%s",
		 *event->code ? ": " : "", event->code);
	give_up(p, AGAIN_SOON, why);
}

/* At once, but not for ever: a server may ask each time. */
static void on_move(struct publish *p, const struct rtmp_event *event)
{
	static const char why[] = "RTMP server asks to connect anew";

	free(p->move);
	p->move = *event->text ? strdup(event->text) : NULL;
	publish_say(p, LOG_LEVEL_INFO, why);
	if (was_stable(p))
		p->failures = 0;
	if (p->failures >= RETRIES_AT_ONCE) {
		give_up(p, AGAIN_SOON, why);
		return;
	}
	p->failures++;
	give_up(p, AGAIN_NOW, "");
}

static void on_s1(struct publish *p, const struct rtmp_event *event)
{
	publish_say(p, LOG_LEVEL_DEBUG, "received S0 and S1");
	for (int i = 0; i < 4; i++) {
		unsigned byte = event->number >> (24 - 8 * i) & 0xff;

		if (byte)
			publish_say(p, LOG_LEVEL_DEBUG,
				    "S1 byte %d (exp: 0x00, rec: 0x%02x)",
				    5 + i, byte);
	}
	publish_say(p, LOG_LEVEL_DEBUG, "C2 pending - len 1536");
}

static void on_s2(struct publish *p, const struct rtmp_event *event)
{
	publish_say(p, LOG_LEVEL_DEBUG, "received S2%s",
		    event->number ? ", which knows our digest" : "");
	publish_say(p, LOG_LEVEL_INFO, "Connected to RTMP server");
	publish_say(p, LOG_LEVEL_INFO,
		    "RTMP sent chunk size of %u and connect message",
		    p->env->settings.chunk_size);
}

static void on_window(struct publish *p, const struct rtmp_event *event)
{
	publish_say(p, LOG_LEVEL_INFO,
		    "RTMP rec window size is now set to %u (was %u)",
		    event->number, p->window);
	p->window = event->number;
}

static void on_bandwidth(struct publish *p, const struct rtmp_event *event)
{
	static const char *const types[] = { "hard", "soft", "dynamic" };
	uint32_t type = event->number2;

	publish_say(p, LOG_LEVEL_INFO,
		    "RTMP Tx Bandwidth received of %u type %s (%u)",
		    event->number,
		    type < ARRAY_SIZE(types) ? types[type] : "unknown", type);
	if (event->number == p->bandwidth)
		return;
	publish_say(p, LOG_LEVEL_INFO,
		    "RTMP setting send window size is to %u (was %u)",
		    event->number, p->bandwidth);
	p->bandwidth = event->number;
}

static void on_begin(struct publish *p, const struct rtmp_event *event)
{
	publish_say(p, LOG_LEVEL_INFO, "RTMP received Stream begin %u",
		    event->number);
}

static void on_connected(struct publish *p, const struct rtmp_event *event)
{
	publish_say(p, LOG_LEVEL_INFO,
		    "RTMP sent FCpublish and create stream for %s",
		    url_shown_stream(&p->url));
}

static void on_created(struct publish *p, const struct rtmp_event *event)
{
	publish_say(
		p, LOG_LEVEL_INFO,
		"RTMP Successfully create rtmp stream %u, now sending publish",
		event->number);
}

static void on_status(struct publish *p, const struct rtmp_event *event)
{
	publish_say(p, LOG_LEVEL_DEBUG, "RTMP status %s: %s", event->code,
		    shown_text(p, event->text));
}

/* `talk` is only for the log, and a server may say it without end. */
static const struct {
	void (*run)(struct publish *p, const struct rtmp_event *event);
	bool talk;
} on_events[] = {
	[RTMP_GOT_S1] = { on_s1, false },
	[RTMP_GOT_S2] = { on_s2, false },
	[RTMP_GOT_WINDOW] = { on_window, true },
	[RTMP_GOT_BANDWIDTH] = { on_bandwidth, true },
	[RTMP_GOT_BEGIN] = { on_begin, true },
	[RTMP_CONNECTED] = { on_connected, false },
	[RTMP_CREATED] = { on_created, false },
	[RTMP_PUBLISHING] = { on_live, false },
	[RTMP_STATUS] = { on_status, true },
	[RTMP_REFUSED] = { on_refused, false },
	[RTMP_ENDED] = { on_ended, false },
	[RTMP_MOVE] = { on_move, false },
};

static void on_event(void *arg, const struct rtmp_event *event)
{
	struct publish *p = arg;

	if (!list_is_empty(&p->end.node))
		return; /* given up already */
	if (!on_events[event->kind].talk || p->talked++ < TALK_MAX)
		on_events[event->kind].run(p, event);
}

/* ---- what the connection says ------------------------------------------ */

static void say_protocol_error(struct publish *p, int code)
{
	char why[PUBLISH_WHY_MAX];

	snprintf(why, sizeof(why), "%s:%u does not speak RTMP%s: %s",
		 p->url.host, p->url.port, p->url.tls ? "S" : "",
		 err_str(code));
	give_up(p, AGAIN_LATER, why);
}

static void on_open(void *arg, int fd)
{
	struct publish *p = arg;
	struct buf *out = stream_out(p->stream);
	int err = rtmp_start(p->rtmp, out);

	publish_say(p, LOG_LEVEL_INFO, "connection %d - success", fd);
	if (err) {
		give_up(p, AGAIN_SOON, err_str(err));
		return;
	}
	publish_say(p, LOG_LEVEL_DEBUG, "sending C0 - len 1");
	publish_say(p, LOG_LEVEL_DEBUG, "sending C1 - len 1536");
	stream_flush(p->stream);
}

static void on_data(void *arg, const uint8_t *data, size_t n)
{
	struct publish *p = arg;
	int err = rtmp_receive(p->rtmp, data, n, stream_out(p->stream));

	if (!list_is_empty(&p->end.node))
		return; /* given up already, with a better reason */
	if (err)
		say_protocol_error(p, err);
	else
		stream_flush(p->stream);
}

static void on_close(void *arg, const struct err *why)
{
	struct publish *p = arg;

	if (!list_is_empty(&p->end.node))
		return;
	give_up(p, why->code == -EKEYREJECTED ? AGAIN_LATER : AGAIN_SOON,
		why->text);
}

static const struct stream_handler stream_handler = {
	.on_open = on_open,
	.on_data = on_data,
	.on_close = on_close,
};

static int make_session(struct publish *p)
{
	const struct publish_own *s = &p->env->settings;
	const struct rtmp_config config = {
		.app = p->url.app,
		.tc_url = p->url.tc_url,
		.query = buf_text(&p->query),
		.key = p->url.key,
		.chunk_size = s->chunk_size,
		.digest = s->digest,
		.seed = mono_ns(),
	};
	const struct stream_target target = { .host = p->url.host,
					      .port = p->url.port,
					      .tls = p->url.tls,
					      .silence_ms = s->timeout_ms,
					      .dscp = s->dscp };
	int err = rtmp_new(&config, on_event, p, &p->rtmp);

	/* Twice: what has been sent stays in the buffer for a while. */
	return err ? err
		   : stream_open(p->env->streams, &target,
				 2 * s->buffer_bytes + (64 << 10),
				 &stream_handler, p, &p->stream);
}

void publish_link_start(struct publish *p)
{
	char why[PUBLISH_WHY_MAX];
	int err;

	if (!p->auth_steps)
		publish_say(p, LOG_LEVEL_INFO, "new connection required");
	publish_say(p, LOG_LEVEL_INFO, "new outgoing %s connection to %s:%u",
		    p->url.tls ? "TLS" : "TCP", p->url.host, p->url.port);
	if (p->state != PUBLISH_RETRYING) {
		snprintf(why, sizeof(why), "connecting to %s:%u", p->url.host,
			 p->url.port);
		publish_set_state(p, PUBLISH_CONNECTING, why);
	}
	p->window = p->bandwidth = UINT32_MAX;
	p->talked = 0;
	p->tried_ms = mono_ms();
	err = make_session(p);
	if (err)
		give_up(p, AGAIN_SOON, err_str(err));
	else
		loop_timer_start(&p->timer, p->env->settings.timeout_ms);
}

/* ---- time --------------------------------------------------------------- */

/* A server that takes nothing while something is there to be taken. */
static void check_stall(struct publish *p)
{
	uint64_t sent = stream_sent(p->stream);
	char why[PUBLISH_WHY_MAX];

	if (!stream_pending(p->stream) || sent != p->stall_sent)
		p->stall_checks = 0;
	p->stall_sent = sent;
	if (p->stall_checks++ >= STALL_CHECKS) {
		snprintf(why, sizeof(why), "%s:%u takes nothing any more",
			 p->url.host, p->url.port);
		give_up(p, AGAIN_SOON, why);
		return;
	}
	loop_timer_start(&p->timer, p->env->settings.timeout_ms / STALL_CHECKS);
}

static void on_timer(struct loop_timer *timer)
{
	struct publish *p = container_of(timer, struct publish, timer);
	char why[PUBLISH_WHY_MAX];

	if (!p->stream) {
		publish_link_start(p);
	} else if (p->state == PUBLISH_PUBLISHING) {
		check_stall(p);
	} else {
		snprintf(why, sizeof(why), "no answer from %s:%u within %u ms",
			 p->url.host, p->url.port, p->env->settings.timeout_ms);
		give_up(p, AGAIN_SOON, why);
	}
}

/* ---- life -------------------------------------------------------------- */

int publish_link_init(struct publish *p)
{
	buf_init(&p->query, RTMP_AUTH_QUERY_MAX);
	loop_task_init(&p->end, on_end);
	return loop_timer_init(&p->timer, p->env->loop, on_timer);
}

void publish_link_release(struct publish *p)
{
	loop_timer_release(&p->timer);
	free(p->move);
	buf_wipe(&p->query);
}

void publish_link_forget(struct publish *p)
{
	go_home(p);
	buf_wipe(&p->query);
	p->auth_steps = 0;
	p->failures = 0;
	free(p->move);
	p->move = NULL;
}
