/* SPDX-License-Identifier: MIT */
/*
 * streamer/session.h without media: says what it is told, and that all of it
 * works. For tests of the signalling alone.
 */
#include "streamer/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/loop.h"
#include "lib/redact.h"
#include "streamer/udp.h"

struct session_pool {
	struct loop *loop;
};

struct session {
	struct session_pool *pool;
	uint64_t call;
	session_event_fn *fn;
	void *arg;
	struct msg_ports audio, video;
	struct msg_event event;
	struct loop_task told;
};

int session_pool_new(struct loop *loop, const struct session_config *config,
		     struct session_pool **ret_pool, struct err *err)
{
	struct session_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return err_set(err, -ENOMEM, "no memory");
	pool->loop = loop;
	*ret_pool = pool;
	return 0;
}

int session_pool_reload(struct session_pool *pool,
			const struct session_config *config, struct err *err)
{
	return 0;
}

void session_pool_free(struct session_pool *pool)
{
	free(pool);
}

bool session_can_transcode(void)
{
	return true;
}

static void on_told(struct loop_task *task)
{
	struct session *s = container_of(task, struct session, told);
	struct msg_event event = s->event;
	session_event_fn *fn = s->fn;
	void *arg = s->arg;

	if (event.kind == MSG_EVENT_ENDED) {
		udp_pair_close(&s->audio);
		udp_pair_close(&s->video);
	}
	fn(arg, s, &event);
	if (event.kind == MSG_EVENT_ENDED)
		free(s);
}

static void tell(struct session *s, enum msg_event_kind kind,
		 enum msg_state state)
{
	s->event.kind = kind;
	s->event.status.state = state;
	loop_cancel(s->pool->loop, &s->told);
	loop_defer(s->pool->loop, &s->told);
}

static void keep_ports(struct msg_ports *ours, const struct msg_ports *given)
{
	if (given->rtp < 0)
		return;
	udp_pair_close(ours);
	*ours = *given;
}

static void log_media(const struct session *s, const char *name,
		      const struct msg_media *m)
{
	log_info("stub %llu: %s %s codec %d pt %u suite %s%s",
		 (unsigned long long)s->call, name,
		 !m->enabled ? "off"
		 : m->held   ? "held"
			     : "on",
		 m->codec, m->payload_type, suite_name(m->remote.suite),
		 m->rtcp_mux ? " mux" : "");
}

static void take(struct session *s, const struct msg_setup *setup)
{
	keep_ports(&s->audio, &setup->audio_ports);
	keep_ports(&s->video, &setup->video_ports);
	log_media(s, "audio", &setup->audio);
	log_media(s, "video", &setup->video);
}

int session_new(struct session_pool *pool, uint64_t call,
		const struct msg_setup *setup, session_event_fn *fn, void *arg,
		struct session **ret_session)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->pool = pool;
	s->call = call;
	s->fn = fn;
	s->arg = arg;
	s->audio = s->video = (struct msg_ports)MSG_PORTS_NONE;
	loop_task_init(&s->told, on_told);
	take(s, setup);
	tell(s, MSG_EVENT_STATUS, MSG_WAITING_URL);
	*ret_session = s;
	return 0;
}

int session_update(struct session *s, const struct msg_setup *setup)
{
	take(s, setup);
	tell(s, MSG_EVENT_STATUS, s->event.status.state);
	return 0;
}

int session_set_targets(struct session *s, const struct msg_targets *targets)
{
	char shown[512];

	for (int i = 0; i < targets->count; i++) {
		redact_url(targets->url[i], shown, sizeof(shown));
		log_info("stub %llu: publishes to %s",
			 (unsigned long long)s->call, shown);
	}
	tell(s, MSG_EVENT_STATUS,
	     targets->count ? MSG_PUBLISHING : MSG_WAITING_URL);
	return 0;
}

int session_keyframe(struct session *s)
{
	tell(s, MSG_EVENT_NEED_INFO, s->event.status.state);
	return 0;
}

int session_reconnect(struct session *s)
{
	return 0;
}

void session_stop(struct session *s)
{
	tell(s, MSG_EVENT_ENDED, MSG_ENDED);
}
