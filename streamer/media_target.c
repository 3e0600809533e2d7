/* SPDX-License-Identifier: MIT */
#include "streamer/media_priv.h"

#include <inttypes.h>
#include <string.h>

#include "lib/log.h"
#include "lib/str.h"

void media_warn(const struct media *m, const char *what, int err)
{
	log_warning("call %" PRIu64 ": %s: %s", m->call, what, err_str(err));
}

void target_tell_sets(struct media *m, struct target *t)
{
	struct slice sps = { m->sps.data, m->sps.len, true };
	struct slice pps[H264_PPS_MAX];
	int err;

	if (!t->publish || !m->sps.len)
		return;
	for (size_t i = 0; i < m->pps_count; i++)
		pps[i] = (struct slice){ m->pps[i].data, m->pps[i].len, true };
	err = publish_video_config(t->publish, &sps, pps, m->pps_count);
	if (err)
		media_warn(m, "parameter sets cannot be published", err);
}

void target_tell_asc(struct media *m, struct target *t)
{
	int err;

	if (!t->publish || !m->asc.len)
		return;
	err = publish_audio_config(t->publish, &m->asc);
	if (err)
		media_warn(m, "the audio configuration cannot be published",
			   err);
}

/* ---- targets ----------------------------------------------------------- */

static void target_on_state(void *arg)
{
	struct target *t = arg;
	struct media *m = t->media;

	if (!m->change_waits)
		loop_defer(m->env.loop, &m->changed);
	m->change_waits = true;
}

static void target_on_key_frame(void *arg)
{
	struct target *t = arg;

	t->media->key_wanted = true;
	/* Not from within a picture that is being handed out. */
	target_on_state(arg);
}

static void target_on_log(void *arg, enum log_level level, const char *line)
{
	static void (*const logs[])(const char *fmt, ...) = {
		[LOG_LEVEL_ERROR] = log_error,
		[LOG_LEVEL_WARNING] = log_warning,
		[LOG_LEVEL_INFO] = log_info,
		[LOG_LEVEL_DEBUG] = log_debug,
	};
	const struct target *t = arg;

	logs[level]("call %" PRIu64 ": %s", t->media->call, line);
}

static const struct publish_handler publish_handler = {
	.on_state = target_on_state,
	.on_key_frame = target_on_key_frame,
	.on_log = target_on_log,
};

unsigned target_media(const struct media *m)
{
	return (track_is_live(m->track[TRACK_AUDIO]) ? PUBLISH_AUDIO : 0u) |
	       (track_is_live(m->track[TRACK_VIDEO]) ? PUBLISH_VIDEO : 0u);
}

void target_release(struct target *t)
{
	publish_free(t->publish);
	t->publish = NULL;
	explicit_bzero(t->url, sizeof(t->url));
}

static void target_refuse(struct target *t, const char *why)
{
	str_copy(t->refused, why, sizeof(t->refused));
	log_error("call %" PRIu64 ": %s", t->media->call, why);
	publish_free(t->publish);
	t->publish = NULL;
}

static void target_open(struct media *m, struct target *t)
{
	struct err err = { 0 };
	int code = publish_new(m->env.publish, &publish_handler, t,
			       target_media(m), &t->publish);

	if (code) {
		t->publish = NULL;
		target_refuse(t, err_str(code));
		return;
	}
	target_tell_sets(m, t);
	target_tell_asc(m, t);
	if (publish_set_url(t->publish, t->url, &err))
		target_refuse(t, err.text);
}

static bool is_wanted(const struct target *t, const struct msg_targets *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (t->publish && !strcmp(t->url, list->url[i]))
			return true;
	return false;
}

static bool is_there(const struct media *m, const char *url)
{
	for (size_t i = 0; i < m->target_count; i++)
		if (!strcmp(m->target[i].url, url))
			return true;
	return false;
}

/* A publisher has the address of its target: those that stay do not move. */
static struct target *free_target(struct media *m)
{
	for (size_t i = 0; i < MSG_TARGETS_MAX; i++)
		if (!*m->target[i].url)
			return &m->target[i];
	return NULL;
}

void media_set_targets(struct media *m, const struct msg_targets *targets)
{
	struct target *t;

	for (size_t i = 0; i < MSG_TARGETS_MAX; i++)
		if (*m->target[i].url && !is_wanted(&m->target[i], targets))
			target_release(&m->target[i]);
	m->target_count = MSG_TARGETS_MAX;
	for (size_t i = 0; i < targets->count; i++) {
		if (is_there(m, targets->url[i]))
			continue;
		t = free_target(m);
		if (!t)
			break;
		t->media = m;
		*t->refused = '\0';
		str_copy(t->url, targets->url[i], sizeof(t->url));
		target_open(m, t);
	}
	media_tell(m, MSG_EVENT_STATUS);
}

void media_reconnect(struct media *m)
{
	for (size_t i = 0; i < m->target_count; i++)
		if (m->target[i].publish)
			publish_reconnect(m->target[i].publish);
}

static const enum msg_state states[] = {
	[PUBLISH_IDLE] = MSG_WAITING_URL,
	[PUBLISH_CONNECTING] = MSG_CONNECTING,
	[PUBLISH_PUBLISHING] = MSG_PUBLISHING,
	[PUBLISH_RETRYING] = MSG_RETRYING,
	[PUBLISH_FAILED] = MSG_FAILED,
};

static void one_status(const struct target *t, struct msg_target_status *ret)
{
	struct publish_stats s;

	if (!t->publish) {
		ret->state = MSG_FAILED;
		str_copy(ret->why, t->refused, sizeof(ret->why));
		return;
	}
	publish_stats(t->publish, &s);
	ret->state = states[publish_state(t->publish)];
	str_copy(ret->why, publish_why(t->publish), sizeof(ret->why));
	ret->bytes = s.bytes;
	ret->dropped = s.video_dropped + s.audio_dropped;
	ret->reconnects = s.reconnects;
}

/* Which of two states tells more: publishing over retrying over failed ... */
static int rank(enum msg_state state)
{
	static const uint8_t ranks[] = {
		[MSG_WAITING_URL] = 0, [MSG_FAILED] = 1,     [MSG_RETRYING] = 2,
		[MSG_CONNECTING] = 3,  [MSG_PUBLISHING] = 4, [MSG_ENDED] = 5,
	};

	return ranks[state];
}

void target_status_all(const struct media *m, struct msg_status *ret)
{
	ret->state = MSG_WAITING_URL;
	str_copy(ret->why, "no stream URL yet", sizeof(ret->why));
	for (size_t i = 0; i < m->target_count; i++) {
		struct msg_target_status *s = &ret->target[ret->target_count];

		if (!*m->target[i].url)
			continue;
		one_status(&m->target[i], s);
		ret->target_count++;
		if (rank(s->state) <= rank(ret->state))
			continue;
		ret->state = s->state;
		memcpy(ret->why, s->why, sizeof(ret->why));
	}
}
