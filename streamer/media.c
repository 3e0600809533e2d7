/* SPDX-License-Identifier: MIT */
#include "streamer/media.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto.h"
#include "lib/log.h"
#include "lib/mono.h"
#include "lib/str.h"
#include "streamer/media_priv.h"

/* RFC 3550 section 6.2: a report each 5 s, the first after half of that. */
enum { TICK_MS = 1000, REPORT_TICKS = 5, FIRST_REPORT_TICKS = 2 };
/* So many requests without a key frame, and the other kind is tried. */
enum { PATIENCE = 2 };
/* A bridge repeats its URL each second: more often no packet moves a stream. */
enum { URL_MS = 1000 };

/* ---- media in ---------------------------------------------------------- */

static void on_unit(void *arg, const struct h264_unit *u)
{
	struct media *m = arg;
	uint64_t pts_ms = clock_map(&m->clock, CLOCK_VIDEO, u->timestamp,
				    track_arrival_ms(m->track[TRACK_VIDEO]));
	uint64_t dts_ms = order_next(&m->order, pts_ms);

	if (u->key) {
		m->keys++;
		m->key_wanted = false;
		m->unanswered = 0;
	}
	for (size_t i = 0; i < m->target_count; i++)
		if (m->target[i].publish)
			publish_video(m->target[i].publish, u->nals, u->count,
				      u->key, dts_ms, pts_ms);
}

static void on_frame(void *arg, const uint8_t *frame, size_t len,
		     uint32_t timestamp)
{
	struct media *m = arg;
	uint64_t ms = clock_map(&m->clock, CLOCK_AUDIO, timestamp,
				track_arrival_ms(m->track[TRACK_AUDIO]));

	for (size_t i = 0; i < m->target_count; i++)
		if (m->target[i].publish)
			publish_audio(m->target[i].publish, frame, len, ms);
}

static int copy_slice(struct buf *b, const struct slice *s)
{
	buf_clear(b);
	return buf_add(b, s->data, s->len);
}

static void on_parameter_sets(void *arg, const struct slice *sps,
			      const struct slice *pps, size_t pps_count)
{
	struct media *m = arg;
	int err = copy_slice(&m->sps, sps);

	for (size_t i = 0; !err && i < pps_count; i++)
		err = copy_slice(&m->pps[i], &pps[i]);
	if (err) {
		media_warn(m, "parameter sets are lost", err);
		return;
	}
	m->pps_count = pps_count;
	if (!sps_parse(sps->data, (uint32_t)sps->len, &m->picture)) {
		order_begin(&m->order, m->picture.reorder,
			    m->picture.fps_milli
				    ? 1000000 / m->picture.fps_milli
				    : 0);
		log_info("call %" PRIu64 ": video is %ux%u", m->call,
			 m->picture.width, m->picture.height);
	}
	for (size_t i = 0; i < m->target_count; i++)
		target_tell_sets(m, &m->target[i]);
}

static void on_asc(void *arg, const struct asc *asc)
{
	struct media *m = arg;

	m->asc = *asc;
	log_info("call %" PRIu64 ": audio is AAC, %u Hz, %u channels", m->call,
		 asc->sample_rate, asc->channels);
	for (size_t i = 0; i < m->target_count; i++)
		target_tell_asc(m, &m->target[i]);
}

static enum clock_lane_id lane_of(enum track_kind kind)
{
	return kind == TRACK_AUDIO ? CLOCK_AUDIO : CLOCK_VIDEO;
}

static void on_clock(void *arg, enum track_kind kind, uint32_t rate)
{
	struct media *m = arg;

	clock_restart(&m->clock, lane_of(kind), rate);
}

static void on_sender_report(void *arg, enum track_kind kind,
			     const struct rtcp_sr *sr)
{
	struct media *m = arg;

	clock_report(&m->clock, lane_of(kind), sr->timestamp, sr->ntp);
}

/* ---- events ------------------------------------------------------------ */

void media_tell(struct media *m, enum msg_event_kind kind)
{
	struct msg_event event = { .kind = kind };

	if (kind == MSG_EVENT_STATUS)
		media_status(m, &event.status);
	if (kind == MSG_EVENT_URL)
		str_copy(event.url, m->url, sizeof(event.url));
	m->fn(m->arg, &event);
	explicit_bzero(event.url, sizeof(event.url));
}

static void on_app(void *arg, const struct rtcp_app *app)
{
	struct media *m = arg;
	uint64_t now = mono_ms();

	if (!app->url || app->url_len >= sizeof(m->url) ||
	    (strlen(m->url) == app->url_len &&
	     !memcmp(m->url, app->url, app->url_len)))
		return;
	if (m->url_ms && now - m->url_ms < URL_MS)
		return;
	m->url_ms = now;
	/* The layout is unknown: real bridges teach it by this line. */
	log_info("call %" PRIu64 ": stream URL in an RTCP APP packet named "
		 "\"%s\", subtype %u",
		 m->call, app->name, app->subtype);
	memcpy(m->url, app->url, app->url_len);
	m->url[app->url_len] = '\0';
	media_tell(m, MSG_EVENT_URL);
}

static void on_bye(void *arg, enum track_kind kind)
{
	media_tell(arg, MSG_EVENT_RTCP_BYE);
}

/* ---- key frames -------------------------------------------------------- */

static void request_key(struct media *m, uint64_t now_ms)
{
	int err = track_ask_key(m->track[TRACK_VIDEO],
				m->unanswered >= PATIENCE && m->unanswered % 2);

	if (err == -EAGAIN)
		return;
	m->key_asked_ms = now_ms;
	m->key_requests++;
	m->unanswered++;
	if (err == -ENOTSUP)
		media_tell(m, MSG_EVENT_NEED_INFO);
}

/*
 * As often as the settings allow, as long as one is needed. The first picture
 * of all may well be one: if it is not, the request must not have been spent.
 */
static void pursue_key(struct media *m)
{
	const struct track *t = m->track[TRACK_VIDEO];
	uint64_t now;

	if (!track_is_live(t) || !track_has_begun(t) ||
	    !(m->key_wanted || track_needs_key(t)))
		return;
	now = mono_ms();
	if (!m->key_asked_ms ||
	    now - m->key_asked_ms >= m->env.keyframe_interval_ms)
		request_key(m, now);
}

static void on_changed(struct loop_task *task)
{
	struct media *m = container_of(task, struct media, changed);

	m->change_waits = false;
	pursue_key(m);
	media_tell(m, MSG_EVENT_STATUS);
}

static void on_taken(void *arg, enum track_kind kind)
{
	struct media *m = arg;

	if (kind == TRACK_VIDEO)
		pursue_key(m);
}

static const struct track_handler track_handler = {
	.h264 = { on_unit, on_parameter_sets },
	.aac = { on_asc, on_frame },
	.on_clock = on_clock,
	.on_sender_report = on_sender_report,
	.on_app = on_app,
	.on_bye = on_bye,
	.on_taken = on_taken,
};

void media_ask_key(struct media *m)
{
	m->key_wanted = true;
	pursue_key(m);
}

/* ---- each second ------------------------------------------------------- */

static void measure(struct media *m)
{
	uint64_t now_us = mono_ns() / 1000, us = now_us - m->before_us;
	struct msg_media_status now[TRACK_KINDS];
	uint64_t pictures;

	if (!us)
		return;
	for (int i = 0; i < TRACK_KINDS; i++) {
		track_status(m->track[i], &now[i]);
		m->bitrate[i] = (uint32_t)((now[i].bytes - m->before[i].bytes) *
					   8000000 / us);
	}
	/* Counters begin anew with another codec. */
	pictures = now[TRACK_VIDEO].frames - m->before[TRACK_VIDEO].frames;
	m->fps_milli = now[TRACK_VIDEO].frames < m->before[TRACK_VIDEO].frames
			       ? 0
			       : (uint32_t)(pictures * 1000000000 / us);
	memcpy(m->before, now, sizeof(now));
	m->before_us = now_us;
}

static bool is_silent(const struct media *m, uint64_t now)
{
	uint64_t heard = m->start_ms;
	bool live = false;

	for (int i = 0; i < TRACK_KINDS; i++) {
		uint64_t ms = track_heard_ms(m->track[i]);

		heard = ms > heard ? ms : heard;
		live |= track_is_live(m->track[i]);
	}
	return live && now > heard && now - heard >= m->env.media_timeout_ms;
}

static void watch_silence(struct media *m)
{
	bool silent = m->env.media_timeout_ms && is_silent(m, mono_ms());

	if (silent && !m->timed_out)
		media_tell(m, MSG_EVENT_MEDIA_TIMEOUT);
	m->timed_out = silent;
}

static void report(struct media *m)
{
	if (++m->ticks % REPORT_TICKS != FIRST_REPORT_TICKS)
		return;
	for (int i = 0; i < TRACK_KINDS; i++)
		track_report(m->track[i], false);
}

static void on_tick(struct loop_timer *timer)
{
	struct media *m = container_of(timer, struct media, tick);

	loop_timer_start(timer, TICK_MS);
	report(m);
	pursue_key(m);
	measure(m);
	watch_silence(m);
	media_tell(m, MSG_EVENT_STATUS);
}

/* ---- status ------------------------------------------------------------ */

void media_status(struct media *m, struct msg_status *ret)
{
	*ret = (struct msg_status){
		.width = m->picture.width,
		.height = m->picture.height,
		.fps_milli = m->fps_milli,
		.sample_rate = m->asc.sample_rate,
		.channels = m->asc.channels,
		.keyframes = m->keys,
		.keyframe_requests = m->key_requests,
	};
	track_status(m->track[TRACK_AUDIO], &ret->audio);
	track_status(m->track[TRACK_VIDEO], &ret->video);
	ret->audio.bitrate = m->bitrate[TRACK_AUDIO];
	ret->video.bitrate = m->bitrate[TRACK_VIDEO];
	target_status_all(m, ret);
}

/* ---- life -------------------------------------------------------------- */

/* RFC 7022 section 4.2: random, so that it tells nothing of this host. */
static void make_cname(struct media *m)
{
	uint64_t n;

	crypto_random(&n, sizeof(n));
	snprintf(m->cname, sizeof(m->cname), "%016" PRIx64, n);
}

static int new_tracks(struct media *m)
{
	const struct track_env env = {
		.loop = m->env.loop,
		.batch = m->env.batch,
		.reorder_ms = m->env.reorder_ms,
		.cname = m->cname,
	};
	int err = 0;

	make_cname(m);
	for (int i = 0; !err && i < TRACK_KINDS; i++)
		err = track_new((enum track_kind)i, &env, &track_handler, m,
				&m->track[i]);
	return err;
}

static void note_trouble(const struct media *m)
{
	static const char *const names[] = { "audio", "video" };

	for (int i = 0; i < TRACK_KINDS; i++)
		if (track_trouble(m->track[i]))
			log_warning("call %" PRIu64 ": %s as negotiated cannot "
				    "be used: %s",
				    m->call, names[i],
				    err_str(track_trouble(m->track[i])));
}

/* Both without their ports first: after that nothing fails before the start,
 * so that the ports are kept both or not at all. */
static int setup_tracks(struct media *m, struct msg_setup *setup)
{
	static const struct msg_ports none = MSG_PORTS_NONE;
	const struct msg_media *media[] = { &setup->audio, &setup->video };
	struct msg_ports *ports[] = { &setup->audio_ports,
				      &setup->video_ports };
	int err = 0;

	for (int i = 0; !err && i < TRACK_KINDS; i++)
		err = track_setup(m->track[i], media[i], &none);
	for (int i = 0; !err && i < TRACK_KINDS; i++) {
		err = track_setup(m->track[i], media[i], ports[i]);
		*ports[i] = none;
	}
	note_trouble(m);
	return err;
}

int media_new(const struct media_env *env, uint64_t call,
	      const struct msg_setup *setup, media_event_fn *fn, void *arg,
	      struct media **ret_media)
{
	struct media *m = calloc(1, sizeof(*m));
	struct msg_setup copy = *setup;
	int err;

	if (!m)
		return -ENOMEM;
	m->env = *env;
	m->call = call;
	m->fn = fn;
	m->arg = arg;
	clock_init(&m->clock, 0, 0);
	loop_task_init(&m->changed, on_changed);
	buf_init(&m->sps, H264_SET_MAX);
	for (int i = 0; i < H264_PPS_MAX; i++)
		buf_init(&m->pps[i], H264_SET_MAX);
	err = new_tracks(m);
	if (!err)
		err = setup_tracks(m, &copy);
	explicit_bzero(&copy, sizeof(copy));
	if (err) {
		media_free(m);
		return err;
	}
	*ret_media = m;
	return 0;
}

int media_start(struct media *m)
{
	int err = loop_timer_init(&m->tick, m->env.loop, on_tick);

	for (int i = 0; !err && i < TRACK_KINDS; i++)
		err = track_start(m->track[i]);
	if (err)
		return err;
	m->start_ms = mono_ms();
	m->before_us = mono_ns() / 1000;
	loop_timer_start(&m->tick, TICK_MS);
	return 0;
}

void media_free(struct media *m)
{
	if (!m)
		return;
	if (m->change_waits)
		loop_cancel(m->env.loop, &m->changed);
	loop_timer_release(&m->tick);
	for (size_t i = 0; i < MSG_TARGETS_MAX; i++)
		target_release(&m->target[i]);
	for (int i = 0; i < TRACK_KINDS; i++)
		track_free(m->track[i]);
	buf_release(&m->sps);
	for (int i = 0; i < H264_PPS_MAX; i++)
		buf_release(&m->pps[i]);
	explicit_bzero(m->url, sizeof(m->url));
	free(m);
}

void media_update(struct media *m, struct msg_setup *setup)
{
	int err = setup_tracks(m, setup);

	if (err)
		media_warn(m, "the changed media cannot be used", err);
	udp_pair_close(&setup->audio_ports);
	udp_pair_close(&setup->video_ports);
	for (size_t i = 0; i < m->target_count; i++)
		if (m->target[i].publish)
			publish_set_media(m->target[i].publish,
					  target_media(m));
	/* After a hold a picture has no references any more. */
	m->key_wanted = true;
	pursue_key(m);
}

void media_leave(struct media *m)
{
	for (int i = 0; i < TRACK_KINDS; i++)
		track_report(m->track[i], true);
}
