/* SPDX-License-Identifier: MIT */
#include "streamer/publish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mono.h"
#include "lib/redact.h"
#include "lib/str.h"
#include "streamer/publish_priv.h"

enum {
	TIMEOUT_MS = 10000,
	RETRY_MAX_MS = 2000,
	BUFFER_BYTES = 1 << 20,
	CHUNK_SIZE = 4096,
	KEY_FRAME_MS = 1000,
};

/* ---- environment ------------------------------------------------------ */

static int copy_settings(const struct publish_settings *s,
			 struct publish_own *ret)
{
	char *allowed = strdup(s->allowed ? s->allowed : "");

	if (!allowed)
		return -ENOMEM;
	*ret = (struct publish_own){
		.allowed = allowed,
		.timeout_ms = s->timeout_ms ? s->timeout_ms : TIMEOUT_MS,
		.retry_max_ms = s->retry_max_ms ? s->retry_max_ms
						: RETRY_MAX_MS,
		.chunk_size = s->chunk_size ? s->chunk_size : CHUNK_SIZE,
		.buffer_bytes = s->buffer_bytes ? s->buffer_bytes
						: BUFFER_BYTES,
		.late_ms = s->late_ms,
		.dscp = s->dscp,
		.digest = s->digest,
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
	struct publish_own next;
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

/* ---- for the call ------------------------------------------------------ */

static void on_hold(struct loop_timer *timer)
{
	struct publish *p = container_of(timer, struct publish, hold);

	if (p->stream)
		stream_flush(p->stream);
}

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
	feed_init(&p->feed, media, env->settings.late_ms);
	err = publish_link_init(p);
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
	str_wipe(&p->text);
	url_release(&p->url);
	p->was_live = p->moved = false;
	publish_link_forget(p);
}

void publish_free(struct publish *p)
{
	if (!p)
		return;
	publish_link_stop(p, true);
	forget_url(p);
	feed_release(&p->feed);
	publish_link_release(p);
	loop_timer_release(&p->hold);
	free(p);
}

void publish_set_media(struct publish *p, unsigned media)
{
	p->feed.media = media;
}

int publish_accept_url(struct publish *p, const char *text, struct url *ret,
		       struct err *err)
{
	char masked[PUBLISH_SHOWN_MAX];
	struct url url;
	int e;

	redact_url(text, masked, sizeof(masked));
	publish_say(p, LOG_LEVEL_INFO, "parsing %s", masked);
	e = url_parse(text, &url, err);
	if (e) {
		publish_say(p, LOG_LEVEL_ERROR, "%s", err->text);
		publish_say(p, LOG_LEVEL_ERROR,
			    "failed to parse stream URL: %s", masked);
		return e;
	}
	if (url_is_allowed(&url, p->env->settings.allowed)) {
		*ret = url;
		return 0;
	}
	url_format(&url, masked, sizeof(masked));
	url_release(&url);
	err_set(err, -EPERM, "%s is not in allowed_targets", masked);
	publish_say(p, LOG_LEVEL_ERROR, "%s", err->text);
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
		publish_link_stop(p, true);
		forget_url(p);
		publish_set_state(p, PUBLISH_IDLE, "no URL");
		return 0;
	}
	e = publish_accept_url(p, text, &url, err);
	if (e)
		return e;
	copy = strdup(text);
	if (!copy) {
		url_release(&url);
		return err_set(err, -ENOMEM, "out of memory");
	}
	publish_link_stop(p, true);
	forget_url(p);
	p->text = copy;
	p->url = url;
	publish_say_url(p);
	p->state = PUBLISH_IDLE;
	publish_link_start(p);
	return 0;
}

void publish_reconnect(struct publish *p)
{
	if (!p->text)
		return;
	publish_link_stop(p, true);
	publish_link_forget(p);
	publish_link_start(p);
}

int publish_video_config(struct publish *p, const struct slice *sps,
			 const struct slice *pps, size_t pps_count)
{
	return feed_video_config(&p->feed, sps, pps, pps_count);
}

int publish_audio_config(struct publish *p, const struct asc *asc)
{
	return feed_audio_config(&p->feed, asc);
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

void publish_stats(const struct publish *p, struct publish_stats *ret)
{
	*ret = p->stats;
	ret->bytes = p->ended_bytes;
	if (!p->stream)
		return;
	ret->bytes += stream_sent(p->stream);
	ret->pending_bytes = (uint32_t)stream_pending(p->stream);
}
