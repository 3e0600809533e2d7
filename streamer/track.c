/* SPDX-License-Identifier: MIT */
#include "streamer/track.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include "lib/crypto.h"
#include "lib/mono.h"
#include "streamer/srtp.h"
#include "streamer/track_priv.h"
#include "streamer/transcode.h"

/* A turn of the loop takes at most this much from one socket. */
enum { BATCHES = 4 };

static const unsigned windows[TRACK_KINDS] = {
	[TRACK_AUDIO] = 32,
	[TRACK_VIDEO] = 256,
};

/* ---- codecs ------------------------------------------------------------ */

static void free_codec(struct track *t)
{
	h264_free(t->h264);
	aac_free(t->aac);
	transcode_free(t->transcode);
	t->h264 = NULL;
	t->aac = NULL;
	t->transcode = NULL;
}

static int new_aac(struct track *t, const struct msg_media *m)
{
	const struct aac_format f = {
		.latm = m->codec == MSG_CODEC_LATM,
		.clock_rate = m->clock_rate,
		.config = m->config,
		.config_len = m->config_len,
		.in_band = m->config_in_band,
		.size_length = m->size_length,
		.index_length = m->index_length,
		.index_delta_length = m->index_delta_length,
	};

	return aac_new(&f, &t->handler->aac, t->arg, &t->aac);
}

static int new_codec(struct track *t, const struct msg_media *m)
{
	int err;

	switch (m->codec) {
	case MSG_CODEC_NONE:
		return 0;
	case MSG_CODEC_H264:
		err = h264_new(&t->handler->h264, t->arg, &t->h264);
		if (!err)
			h264_set_sprop(t->h264, m->sprop, m->sprop_len);
		return err;
	case MSG_CODEC_LATM:
	case MSG_CODEC_AAC_HBR:
		return new_aac(t, m);
	default:
		return transcode_new(m->codec, m->clock_rate, m->channels,
				     &t->handler->aac, t->arg, &t->transcode);
	}
}

/* Whether the packets mean the same as before. */
static bool is_same_stream(const struct msg_media *a, const struct msg_media *b)
{
	return a->codec == b->codec && a->payload_type == b->payload_type &&
	       a->clock_rate == b->clock_rate && a->channels == b->channels &&
	       a->config_len == b->config_len &&
	       a->config_in_band == b->config_in_band &&
	       !memcmp(a->config, b->config, a->config_len) &&
	       a->size_length == b->size_length &&
	       a->index_length == b->index_length &&
	       a->index_delta_length == b->index_delta_length;
}

static int setup_codec(struct track *t, const struct msg_media *m)
{
	if (t->is_set && is_same_stream(&t->media, m)) {
		if (t->h264)
			h264_set_sprop(t->h264, m->sprop, m->sprop_len);
		return 0;
	}
	free_codec(t);
	rtp_queue_reset(t->queue);
	t->jitter = (struct rtp_jitter){ .clock_rate = m->clock_rate };
	t->has_sr = t->has_early_sr = false;
	if (m->clock_rate)
		t->handler->on_clock(t->arg, t->kind, m->clock_rate);
	t->trouble = new_codec(t, m);
	return t->trouble == -ENOMEM ? -ENOMEM : 0;
}

/* ---- packets ----------------------------------------------------------- */

static bool is_named(const struct track *t, const struct sockaddr_storage *from)
{
	return udp_is_same_host(from, &t->media.remote_rtp);
}

static void latch(struct track *t, const struct sockaddr_storage *from)
{
	t->peer = *from;
	t->has_peer = true;
}

/* A stranger is heard only when those with more right have been silent. */
static bool may_replace(struct track *t, const struct sockaddr_storage *from)
{
	uint64_t since = t->heard_ms;

	if (is_named(t, from) && (!t->has_peer || !is_named(t, &t->peer)))
		return true;
	if (!since) {
		if (!t->stranger_ms)
			t->stranger_ms = t->now_ms;
		since = t->stranger_ms;
	}
	return t->now_ms - since >= TRACK_STRANGER_MS;
}

bool track_is_peer(struct track *t, const struct sockaddr_storage *from)
{
	if (t->has_peer && udp_is_same_peer(from, &t->peer))
		return true;
	if (!may_replace(t, from)) {
		t->foreign++;
		return false;
	}
	latch(t, from);
	return true;
}

static void decode(struct track *t, const struct rtp_packet *p)
{
	t->arrival_ms = p->arrival_ms;
	if (t->h264) {
		/* Short of memory: the picture counts as damaged. */
		if (h264_push(t->h264, p))
			t->refused++;
	} else if (t->aac) {
		aac_push(t->aac, p);
	} else if (t->transcode) {
		transcode_push(t->transcode, p);
	}
}

static void drain(struct track *t)
{
	const struct rtp_packet *p;

	while ((p = rtp_queue_next(t->queue, t->now_ms)))
		decode(t, p);
}

static void take_rtp(struct track *t, const struct udp_datagram *d)
{
	struct rtp_packet p;
	size_t len = d->len;
	int err = 0;

	if (t->leg)
		err = srtp_leg_open_rtp(t->leg, d->data, &len);
	else if (!track_is_peer(t, d->from))
		return;
	if (!err)
		err = rtp_parse(d->data, len, &p);
	if (err == -EEXIST) {
		t->replayed++;
		return;
	}
	if (err) {
		t->refused++;
		return;
	}
	if (t->leg && !(t->has_peer && udp_is_same_peer(d->from, &t->peer)))
		latch(t, d->from);
	t->heard_ms = t->now_ms;
	/* Comfort noise, telephone events: not ours to publish. */
	if (p.payload_type != t->media.payload_type)
		return;
	rtp_jitter_add(&t->jitter, p.timestamp, t->now_us);
	t->refused += rtp_queue_put(t->queue, &p, t->now_ms) != 0;
	track_use_early_sr(t);
	drain(t);
}

static void take(struct track *t, const struct udp_datagram *d, bool rtcp)
{
	if (rtcp || rtp_is_rtcp(d->data, d->len))
		track_take_rtcp(t, d);
	else
		take_rtp(t, d);
}

/* A gap is waited for, also if nothing comes behind it. */
static void arm_gap(struct track *t)
{
	uint64_t at = rtp_queue_deadline(t->queue);

	if (at && !loop_timer_is_armed(&t->gap))
		loop_timer_start(&t->gap, at > t->now_ms ? at - t->now_ms : 1);
}

static void read_clock(struct track *t)
{
	t->now_us = mono_ns() / 1000;
	t->now_ms = t->now_us / 1000;
}

static void on_gap(struct loop_timer *timer)
{
	struct track *t = container_of(timer, struct track, gap);

	read_clock(t);
	drain(t);
	arm_gap(t);
	t->handler->on_taken(t->arg, t->kind);
}

static void receive(struct track *t, int fd, bool rtcp)
{
	uint32_t *dropped = &t->dropped[rtcp];
	int n = UDP_BATCH_MAX;

	read_clock(t);
	for (int i = 0; i < BATCHES && n == UDP_BATCH_MAX; i++) {
		n = udp_receive(t->env.batch, fd, dropped);
		for (int k = 0; k < n; k++)
			take(t, udp_batch_at(t->env.batch, k), rtcp);
	}
	arm_gap(t);
	t->handler->on_taken(t->arg, t->kind);
}

static void on_rtp(evutil_socket_t fd, short what, void *arg)
{
	receive(arg, fd, false);
}

static void on_rtcp(evutil_socket_t fd, short what, void *arg)
{
	receive(arg, fd, true);
}

/* ---- life -------------------------------------------------------------- */

int track_new(enum track_kind kind, const struct track_env *env,
	      const struct track_handler *handler, void *arg,
	      struct track **ret_track)
{
	struct track *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return -ENOMEM;
	t->kind = kind;
	t->env = *env;
	t->handler = handler;
	t->arg = arg;
	t->ports = (struct msg_ports)MSG_PORTS_NONE;
	err = rtp_queue_new(windows[kind], env->reorder_ms, &t->queue);
	if (err) {
		track_free(t);
		return err;
	}
	crypto_random(&t->ssrc, sizeof(t->ssrc));
	*ret_track = t;
	return 0;
}

static void close_ports(struct track *t)
{
	for (int i = 0; i < 2; i++) {
		if (t->events[i])
			event_free(t->events[i]);
		t->events[i] = NULL;
	}
	udp_pair_close(&t->ports);
}

void track_free(struct track *t)
{
	if (!t)
		return;
	close_ports(t);
	loop_timer_release(&t->gap);
	free_codec(t);
	srtp_leg_free(t->leg);
	rtp_queue_free(t->queue);
	explicit_bzero(&t->media, sizeof(t->media));
	free(t);
}

static int watch(struct track *t, int i, int fd, event_callback_fn fn)
{
	t->events[i] = event_new(loop_base(t->env.loop), fd,
				 EV_READ | EV_PERSIST, fn, t);
	return t->events[i] && !event_add(t->events[i], NULL) ? 0 : -ENOMEM;
}

static int watch_ports(struct track *t)
{
	int err = 0;

	if (t->ports.rtp >= 0)
		err = watch(t, 0, t->ports.rtp, on_rtp);
	if (!err && t->ports.rtcp >= 0)
		err = watch(t, 1, t->ports.rtcp, on_rtcp);
	return err;
}

int track_start(struct track *t)
{
	int err = loop_timer_init(&t->gap, t->env.loop, on_gap);

	if (err)
		return err;
	t->is_started = true;
	return watch_ports(t);
}

static int setup_srtp(struct track *t, const struct msg_media *m)
{
	if (m->remote.suite == SUITE_NONE) {
		srtp_leg_free(t->leg);
		t->leg = NULL;
		return 0;
	}
	if (t->leg)
		return srtp_leg_update(t->leg, &m->remote, &m->local);
	return srtp_leg_new(&m->remote, &m->local, &t->leg);
}

static int take_ports(struct track *t, const struct msg_ports *ports)
{
	if (ports->rtp < 0)
		return 0;
	close_ports(t);
	t->ports = *ports;
	return t->is_started ? watch_ports(t) : 0;
}

int track_setup(struct track *t, const struct msg_media *media,
		const struct msg_ports *ports)
{
	int err = 0;

	if (media->enabled)
		err = setup_srtp(t, media);
	if (!err && media->enabled)
		err = setup_codec(t, media);
	if (err)
		return err;
	if (!media->enabled)
		free_codec(t);
	if (!udp_is_same_host(&t->media.remote_rtp, &media->remote_rtp))
		t->has_peer = false;
	t->media = *media;
	t->is_set = media->enabled;
	return take_ports(t, ports);
}

int track_trouble(const struct track *t)
{
	return t->trouble;
}

bool track_needs_key(const struct track *t)
{
	return t->h264 && h264_needs_key(t->h264);
}

bool track_has_begun(const struct track *t)
{
	return t->h264 &&
	       (h264_counts(t->h264)->units || h264_counts(t->h264)->dropped);
}

bool track_is_live(const struct track *t)
{
	return t->media.enabled && !t->media.held && t->ports.rtp >= 0;
}

uint64_t track_heard_ms(const struct track *t)
{
	return t->heard_ms;
}

uint64_t track_arrival_ms(const struct track *t)
{
	return t->arrival_ms;
}

void track_status(const struct track *t, struct msg_media_status *ret)
{
	const struct rtp_counts *c = rtp_queue_counts(t->queue);

	*ret = (struct msg_media_status){
		.packets = c->packets,
		.bytes = c->bytes + c->packets * RTP_HEADER_LEN,
		.lost = c->lost > c->late ? c->lost - c->late : 0,
		.duplicate = c->duplicate + t->replayed,
		.late = c->late,
		.reordered = c->reordered,
		.refused = t->refused,
		.foreign = t->foreign,
		.kernel_dropped = (uint64_t)t->dropped[0] + t->dropped[1],
	};
	if (t->jitter.clock_rate)
		ret->jitter_us =
			(uint32_t)((uint64_t)rtp_jitter_ticks(&t->jitter) *
				   1000000 / t->jitter.clock_rate);
	if (t->h264) {
		ret->frames = h264_counts(t->h264)->units;
		ret->dropped = h264_counts(t->h264)->dropped;
	} else if (t->aac) {
		ret->frames = aac_counts(t->aac)->frames;
		ret->dropped = aac_counts(t->aac)->dropped;
	}
}
