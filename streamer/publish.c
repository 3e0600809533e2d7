/* SPDX-License-Identifier: MIT */
#include "streamer/publish.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto.h"
#include "lib/mono.h"
#include "lib/str.h"
#include "streamer/feed.h"
#include "streamer/rtmp.h"
#include "streamer/rtmp_auth.h"
#include "streamer/stream.h"
#include "streamer/url.h"

enum {
	TIMEOUT_MS = 10000,
	RETRY_MS = 1000,
	RETRY_MAX_MS = 2000,
	RETRY_LASTING_MAX_MS = 30000,
	RETRIES_AT_ONCE = 3, /* at RETRY_MS, before the pauses grow */
	BUFFER_BYTES = 1 << 20,
	CHUNK_SIZE = 4096,
	/* Publishing that long makes earlier failures forgotten. */
	STABLE_MS = 10000,
	KEY_FRAME_MS = 1000,
	STALL_CHECKS = 4, /* in the time that a stall may last */
	AUTH_STEPS_MAX = 3,
	WHY_MAX = 256,
	SHOWN_MAX = 512,
	LINE_MAX = 1024,
};

/* The settings, with text of our own. */
struct settings {
	char *allowed;
	uint32_t timeout_ms, retry_max_ms, chunk_size;
	size_t buffer_bytes;
};

struct publish_env {
	struct loop *loop;
	struct stream_env *streams;
	struct settings settings;
};

/* How soon what failed is tried again. */
enum again { AGAIN_NOW, AGAIN_SOON, AGAIN_LATER, AGAIN_NEVER };

struct publish {
	struct publish_env *env;
	const struct publish_handler *handler;
	void *arg;
	struct feed feed;

	char *text; /* the URL as it was set, NULL: none */
	struct url url;
	char shown[SHOWN_MAX];
	enum publish_state state;
	char why[WHY_MAX];

	struct stream *stream;
	struct rtmp *rtmp;
	struct buf query; /* for authentication, of the next connection */
	unsigned auth_steps;
	uint32_t window, bandwidth; /* for the log: what they were */
	uint64_t ended_bytes;	    /* sent in earlier connections */

	struct loop_task end; /* of a connection that a callback gave up */
	enum again again;
	unsigned failures;
	struct loop_timer timer; /* deadline, stall check, or pause */
	bool was_live;		 /* with this URL */
	uint64_t live_since_ms;
	uint64_t stall_sent;
	unsigned stall_checks;
	struct loop_timer hold; /* audio that waits for a picture */
	uint64_t key_asked_ms;
	struct publish_stats stats;
};

/* ---- environment ------------------------------------------------------ */

static int copy_settings(const struct publish_settings *s, struct settings *ret)
{
	char *allowed = strdup(s->allowed ? s->allowed : "");

	if (!allowed)
		return -ENOMEM;
	*ret = (struct settings){
		.allowed = allowed,
		.timeout_ms = s->timeout_ms ? s->timeout_ms : TIMEOUT_MS,
		.retry_max_ms = s->retry_max_ms ? s->retry_max_ms
						: RETRY_MAX_MS,
		.chunk_size = s->chunk_size ? s->chunk_size : CHUNK_SIZE,
		.buffer_bytes = s->buffer_bytes ? s->buffer_bytes
						: BUFFER_BYTES,
	};
	return 0;
}

static struct stream_settings stream_part(const struct publish_settings *s)
{
	return (struct stream_settings){ .trust = s->trust,
					 .pins = s->pins,
					 .no_verify = s->no_verify };
}

int publish_env_new(struct loop *loop, const struct publish_settings *s,
		    struct publish_env **ret_env, struct err *err)
{
	const struct stream_settings part = stream_part(s);
	struct publish_env *env = calloc(1, sizeof(*env));
	int e = env ? copy_settings(s, &env->settings) : -ENOMEM;

	if (e) {
		publish_env_free(env);
		return err_set(err, e, "out of memory");
	}
	env->loop = loop;
	e = stream_env_new(loop, &part, &env->streams, err);
	if (e) {
		publish_env_free(env);
		return e;
	}
	*ret_env = env;
	return 0;
}

int publish_env_reload(struct publish_env *env,
		       const struct publish_settings *s, struct err *err)
{
	const struct stream_settings part = stream_part(s);
	struct settings next;
	int e = copy_settings(s, &next);

	if (e)
		return err_set(err, e, "out of memory");
	e = stream_env_reload(env->streams, &part, err);
	if (e) {
		free(next.allowed);
		return e;
	}
	free(env->settings.allowed);
	env->settings = next;
	return 0;
}

void publish_env_free(struct publish_env *env)
{
	if (!env)
		return;
	stream_env_free(env->streams);
	free(env->settings.allowed);
	free(env);
}

/* ---- words ------------------------------------------------------------- */

static void say(struct publish *p, enum log_level level, const char *fmt, ...)
	ATTR_PRINTF(3, 4);

static void say(struct publish *p, enum log_level level, const char *fmt, ...)
{
	char line[LINE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	str_clean(line);
	p->handler->on_log(p->arg, level, line);
}

static void set_state(struct publish *p, enum publish_state state,
		      const char *why)
{
	if (p->state == state && !strcmp(p->why, why))
		return;
	p->state = state;
	str_copy(p->why, why, sizeof(p->why));
	p->handler->on_state(p->arg);
}

/* ---- a connection and its end ------------------------------------------ */

static void start(struct publish *p);

/* Ends what there is; `politely` lets the last bytes out. */
static void disconnect(struct publish *p, bool politely)
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
	p->stats.since = 0;
}

/* Pauses of a second, then longer ones; never all calls at one moment. */
static uint64_t pause_ms(const struct publish *p)
{
	uint64_t most = p->again == AGAIN_LATER ? RETRY_LASTING_MAX_MS
						: p->env->settings.retry_max_ms;
	uint64_t ms = RETRY_MS;
	uint64_t chance = (uintptr_t)p / sizeof(*p) ^ mono_ns() / 1000;

	for (unsigned i = RETRIES_AT_ONCE; i < p->failures && ms < most; i++)
		ms = ms * 3 / 2;
	ms = ms < most ? ms : most;
	return ms - chance % (ms / 10 + 1);
}

static void say_retrying(struct publish *p)
{
	unsigned n = p->failures;

	if (n <= RETRIES_AT_ONCE)
		say(p, LOG_LEVEL_INFO, "retrying (%u/%d)...", n,
		    RETRIES_AT_ONCE);
	else /* 4, 8, 16 ... or a dead server fills the log */
		say(p, n & (n - 1) ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
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
static void give_up(struct publish *p, enum again again, const char *why)
{
	if (again == AGAIN_NOW) {
		p->again = again;
		loop_cancel(p->env->loop, &p->end);
		loop_defer(p->env->loop, &p->end);
		return;
	}
	if (was_stable(p))
		p->failures = 0;
	p->failures++;
	p->again = again;
	buf_wipe(&p->query);
	p->auth_steps = 0;
	say(p, LOG_LEVEL_ERROR, "%s", why);
	set_state(p, again == AGAIN_NEVER ? PUBLISH_FAILED : PUBLISH_RETRYING,
		  why);
	loop_cancel(p->env->loop, &p->end);
	loop_defer(p->env->loop, &p->end);
}

static void on_end(struct loop_task *task)
{
	struct publish *p = container_of(task, struct publish, end);

	disconnect(p, p->again == AGAIN_NOW);
	switch (p->again) {
	case AGAIN_NOW:
		start(p);
		break;
	case AGAIN_NEVER:
		break;
	default:
		say_retrying(p);
		loop_timer_start(&p->timer, pause_ms(p));
	}
}

/* ---- what the session says --------------------------------------------- */

static void authenticate(struct publish *p, const struct rtmp_event *event)
{
	const struct rtmp_auth_user user = { .user = p->url.user,
					     .password = p->url.password,
					     .app = p->url.app };
	const char *query = strstr(event->text, "?reason=");
	const char *scheme = "";
	char why[WHY_MAX];
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
			 *event->text ? ": " : "", event->text);
		give_up(p, event->lasting ? AGAIN_LATER : AGAIN_SOON, why);
	} else if (e) {
		give_up(p, e == -ENOMEM ? AGAIN_SOON : AGAIN_NEVER, err.text);
	} else if (++p->auth_steps > AUTH_STEPS_MAX) {
		give_up(p, AGAIN_NEVER,
			"RTMP server asks for authentication again and again");
	} else {
		say(p, LOG_LEVEL_INFO, "authenticating (authmod=%s)", scheme);
		if (query)
			say(p, LOG_LEVEL_INFO, "got query string : \"%s\"",
			    query + 1);
		give_up(p, AGAIN_NOW, "");
	}
}

static void on_live(struct publish *p, const struct rtmp_event *event)
{
	say(p, LOG_LEVEL_INFO,
	    "RTMP publish successful, can start sending media");
	buf_wipe(&p->query);
	p->auth_steps = 0;
	p->stats.reconnects += p->was_live;
	p->was_live = true;
	p->live_since_ms = mono_ms();
	p->stall_sent = 0;
	p->stall_checks = 0;
	p->stats.since = mono_wall_s();
	feed_begin(&p->feed);
	loop_timer_start(&p->timer, p->env->settings.timeout_ms / STALL_CHECKS);
	set_state(p, PUBLISH_PUBLISHING, "");
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
	char why[WHY_MAX];

	snprintf(why, sizeof(why), "RTMP server ended the stream%s%s",
		 *event->code ? ": " : "", event->code);
	give_up(p, AGAIN_SOON, why);
}

static void on_move(struct publish *p, const struct rtmp_event *event)
{
	say(p, LOG_LEVEL_INFO, "RTMP server asks to connect anew");
	give_up(p, AGAIN_NOW, "");
}

static void on_s1(struct publish *p, const struct rtmp_event *event)
{
	say(p, LOG_LEVEL_DEBUG, "received S0 and S1");
	for (int i = 0; i < 4; i++) {
		unsigned byte = event->number >> (24 - 8 * i) & 0xff;

		if (byte)
			say(p, LOG_LEVEL_DEBUG,
			    "S1 byte %d (exp: 0x00, rec: 0x%02x)", 5 + i, byte);
	}
	say(p, LOG_LEVEL_DEBUG, "C2 pending - len 1536");
}

static void on_s2(struct publish *p, const struct rtmp_event *event)
{
	say(p, LOG_LEVEL_DEBUG, "received S2");
	say(p, LOG_LEVEL_INFO, "Connected to RTMP server");
	say(p, LOG_LEVEL_INFO, "RTMP sent chunk size of %u and connect message",
	    p->env->settings.chunk_size);
}

static void on_window(struct publish *p, const struct rtmp_event *event)
{
	say(p, LOG_LEVEL_INFO, "RTMP rec window size is now set to %u (was %u)",
	    event->number, p->window);
	p->window = event->number;
}

static void on_bandwidth(struct publish *p, const struct rtmp_event *event)
{
	static const char *const types[] = { "hard", "soft", "dynamic" };
	uint32_t type = event->number2;

	say(p, LOG_LEVEL_INFO, "RTMP Tx Bandwidth received of %u type %s (%u)",
	    event->number, type < ARRAY_SIZE(types) ? types[type] : "unknown",
	    type);
	if (event->number == p->bandwidth)
		return;
	say(p, LOG_LEVEL_INFO,
	    "RTMP setting send window size is to %u (was %u)", event->number,
	    p->bandwidth);
	p->bandwidth = event->number;
}

static void on_begin(struct publish *p, const struct rtmp_event *event)
{
	say(p, LOG_LEVEL_INFO, "RTMP received Stream begin %u", event->number);
}

static void on_connected(struct publish *p, const struct rtmp_event *event)
{
	say(p, LOG_LEVEL_INFO, "RTMP sent FCpublish and create stream for %s",
	    url_shown_stream(&p->url));
}

static void on_created(struct publish *p, const struct rtmp_event *event)
{
	say(p, LOG_LEVEL_INFO,
	    "RTMP Successfully create rtmp stream %u, now sending publish",
	    event->number);
}

static void on_status(struct publish *p, const struct rtmp_event *event)
{
	say(p, LOG_LEVEL_DEBUG, "RTMP status %s: %s", event->code, event->text);
}

static void on_event(void *arg, const struct rtmp_event *event)
{
	static void (*const table[])(struct publish * p,
				     const struct rtmp_event *event) = {
		[RTMP_GOT_S1] = on_s1,
		[RTMP_GOT_S2] = on_s2,
		[RTMP_GOT_WINDOW] = on_window,
		[RTMP_GOT_BANDWIDTH] = on_bandwidth,
		[RTMP_GOT_BEGIN] = on_begin,
		[RTMP_CONNECTED] = on_connected,
		[RTMP_CREATED] = on_created,
		[RTMP_PUBLISHING] = on_live,
		[RTMP_STATUS] = on_status,
		[RTMP_REFUSED] = on_refused,
		[RTMP_ENDED] = on_ended,
		[RTMP_MOVE] = on_move,
	};

	table[event->kind](arg, event);
}

/* ---- what the connection says ------------------------------------------ */

static void say_protocol_error(struct publish *p, int code)
{
	char why[WHY_MAX];

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

	say(p, LOG_LEVEL_INFO, "connection %d - success", fd);
	if (err) {
		give_up(p, AGAIN_SOON, err_str(err));
		return;
	}
	say(p, LOG_LEVEL_DEBUG, "sending C0 - len 1");
	say(p, LOG_LEVEL_DEBUG, "sending C1 - len 1536");
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
	const struct settings *s = &p->env->settings;
	const struct rtmp_config config = {
		.app = p->url.app,
		.tc_url = p->url.tc_url,
		.query = buf_text(&p->query),
		.key = p->url.key,
		.chunk_size = s->chunk_size,
		.seed = mono_ns(),
	};
	const struct stream_target target = { .host = p->url.host,
					      .port = p->url.port,
					      .tls = p->url.tls };
	int err = rtmp_new(&config, on_event, p, &p->rtmp);

	/* Twice: what has been sent stays in the buffer for a while. */
	return err ? err
		   : stream_open(p->env->streams, &target,
				 2 * s->buffer_bytes + (64 << 10),
				 &stream_handler, p, &p->stream);
}

static void start(struct publish *p)
{
	char why[WHY_MAX];
	int err;

	if (!p->auth_steps)
		say(p, LOG_LEVEL_INFO, "new connection required");
	say(p, LOG_LEVEL_INFO, "new outgoing %s connection to %s:%u",
	    p->url.tls ? "TLS" : "TCP", p->url.host, p->url.port);
	if (p->state != PUBLISH_RETRYING) {
		snprintf(why, sizeof(why), "connecting to %s:%u", p->url.host,
			 p->url.port);
		set_state(p, PUBLISH_CONNECTING, why);
	}
	p->window = p->bandwidth = UINT32_MAX;
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
	char why[WHY_MAX];

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
	char why[WHY_MAX];

	if (!p->stream) {
		start(p);
	} else if (p->state == PUBLISH_PUBLISHING) {
		check_stall(p);
	} else {
		snprintf(why, sizeof(why), "no answer from %s:%u within %u ms",
			 p->url.host, p->url.port, p->env->settings.timeout_ms);
		give_up(p, AGAIN_SOON, why);
	}
}

static void on_hold(struct loop_timer *timer)
{
	struct publish *p = container_of(timer, struct publish, hold);

	if (p->stream)
		stream_flush(p->stream);
}

/* ---- for the call ------------------------------------------------------ */

int publish_new(struct publish_env *env, const struct publish_handler *handler,
		void *arg, unsigned media, struct publish **ret_publish)
{
	struct publish *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	p->env = env;
	p->handler = handler;
	p->arg = arg;
	feed_init(&p->feed, media);
	buf_init(&p->query, RTMP_AUTH_QUERY_MAX);
	loop_task_init(&p->end, on_end);
	err = loop_timer_init(&p->timer, env->loop, on_timer);
	err = err ? err : loop_timer_init(&p->hold, env->loop, on_hold);
	if (err) {
		publish_free(p);
		return err;
	}
	*ret_publish = p;
	return 0;
}

static void forget_url(struct publish *p)
{
	if (p->text)
		explicit_bzero(p->text, strlen(p->text));
	free(p->text);
	p->text = NULL;
	url_release(&p->url);
	p->shown[0] = '\0';
	buf_wipe(&p->query);
	p->auth_steps = 0;
	p->failures = 0;
	p->was_live = false;
}

void publish_free(struct publish *p)
{
	if (!p)
		return;
	disconnect(p, true);
	forget_url(p);
	feed_release(&p->feed);
	loop_timer_release(&p->timer);
	loop_timer_release(&p->hold);
	free(p);
}

void publish_set_media(struct publish *p, unsigned media)
{
	p->feed.media = media;
}

/* Parses and checks; the log hears what is wrong. */
static int accept_url(struct publish *p, const char *text, struct url *ret,
		      struct err *err)
{
	char masked[SHOWN_MAX];
	struct url url;
	int e;

	str_mask_url(text, masked, sizeof(masked));
	say(p, LOG_LEVEL_INFO, "parsing %s", masked);
	e = url_parse(text, &url, err);
	if (e) {
		say(p, LOG_LEVEL_ERROR, "%s", err->text);
		say(p, LOG_LEVEL_ERROR, "failed to parse stream URL: %s",
		    masked);
		return e;
	}
	if (url_is_allowed(&url, p->env->settings.allowed)) {
		*ret = url;
		return 0;
	}
	url_format(&url, masked, sizeof(masked));
	url_release(&url);
	err_set(err, -EPERM, "%s is not in allowed_targets", masked);
	say(p, LOG_LEVEL_ERROR, "%s", err->text);
	return -EPERM;
}

int publish_set_url(struct publish *p, const char *text, struct err *err)
{
	struct err local;
	struct url url = { 0 };
	char *copy;
	int e;

	err = err ? err : &local;
	if (p->text && !strcmp(p->text, text))
		return 0;
	if (!*text) {
		disconnect(p, true);
		forget_url(p);
		set_state(p, PUBLISH_IDLE, "no URL");
		return 0;
	}
	e = accept_url(p, text, &url, err);
	if (e)
		return e;
	copy = strdup(text);
	if (!copy) {
		url_release(&url);
		return err_set(err, -ENOMEM, "out of memory");
	}
	disconnect(p, true);
	forget_url(p);
	p->text = copy;
	p->url = url;
	url_format(&url, p->shown, sizeof(p->shown));
	say(p, LOG_LEVEL_INFO, "RTMP stream=\"%s\"", url_shown_stream(&url));
	say(p, LOG_LEVEL_INFO, "RTMP server=\"%s\"", p->shown);
	p->state = PUBLISH_IDLE;
	start(p);
	return 0;
}

void publish_reconnect(struct publish *p)
{
	if (!p->text)
		return;
	disconnect(p, true);
	p->failures = 0;
	p->auth_steps = 0;
	buf_wipe(&p->query);
	start(p);
}

int publish_video_config(struct publish *p, const struct slice *sps,
			 const struct slice *pps, size_t pps_count)
{
	return feed_video_config(&p->feed, sps, pps, pps_count);
}

int publish_audio_config(struct publish *p, const uint8_t *asc, size_t len)
{
	return feed_audio_config(&p->feed, asc, len);
}

static struct feed_sink sink_of(struct publish *p)
{
	return (struct feed_sink){
		.rtmp = p->rtmp,
		.out = stream_out(p->stream),
		.pending = stream_pending(p->stream),
		.limit = p->env->settings.buffer_bytes,
	};
}

static bool takes_media(const struct publish *p)
{
	return p->state == PUBLISH_PUBLISHING && p->rtmp &&
	       rtmp_is_publishing(p->rtmp);
}

static void ask_key_frame(struct publish *p)
{
	uint64_t now = mono_ms();

	if (now - p->key_asked_ms < KEY_FRAME_MS)
		return;
	p->key_asked_ms = now;
	p->handler->on_key_frame(p->arg);
}

void publish_video(struct publish *p, const struct slice *slices, size_t n,
		   bool key, uint64_t dts_ms, uint64_t pts_ms)
{
	struct feed_sink sink;
	enum feed_result result;

	if (!takes_media(p))
		return;
	sink = sink_of(p);
	result = feed_video(&p->feed, &sink, slices, n, key, dts_ms, pts_ms);
	if (result == FEED_ADDED) {
		p->stats.video++;
		loop_timer_stop(&p->hold);
		stream_flush(p->stream);
		return;
	}
	p->stats.video_dropped += result == FEED_DROPPED;
	/* A server that is slow would only be made slower by key frames. */
	if (result == FEED_NEEDS_KEY || sink.pending < sink.limit / 2)
		ask_key_frame(p);
}

void publish_audio(struct publish *p, const uint8_t *frame, size_t len,
		   uint64_t ts_ms)
{
	struct feed_sink sink;
	enum feed_result result;

	if (!takes_media(p))
		return;
	sink = sink_of(p);
	result = feed_audio(&p->feed, &sink, frame, len, ts_ms);
	p->stats.audio += result == FEED_ADDED;
	p->stats.audio_dropped += result == FEED_DROPPED;
	if (result != FEED_ADDED)
		return;
	if (!(p->feed.media & PUBLISH_VIDEO))
		stream_flush(p->stream);
	else if (!loop_timer_is_armed(&p->hold))
		loop_timer_start(&p->hold, PUBLISH_HOLD_MS);
}

enum publish_state publish_state(const struct publish *p)
{
	return p->state;
}

const char *publish_why(const struct publish *p)
{
	return p->why;
}

const char *publish_shown_url(const struct publish *p)
{
	return p->shown;
}

void publish_stats(const struct publish *p, struct publish_stats *ret)
{
	*ret = p->stats;
	ret->bytes = p->ended_bytes;
	if (!p->stream)
		return;
	ret->bytes += stream_sent(p->stream);
	ret->pending_bytes = (uint32_t)stream_pending(p->stream);
}
