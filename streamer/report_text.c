/* SPDX-License-Identifier: MIT */
#include "streamer/report_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/mono.h"

/* The figures of a call, summed up over its media and targets. */
struct figures {
	uint64_t duration_s, bitrate, packets, lost, bytes, dropped;
	uint32_t reconnects, jitter_us, fps_milli;
};

static void sum_media(struct figures *f, const struct msg_media_status *m)
{
	f->bitrate += m->bitrate;
	f->packets += m->packets;
	f->lost += m->lost;
	if (m->jitter_us > f->jitter_us)
		f->jitter_us = m->jitter_us;
}

static struct figures sum_up(const struct call *c)
{
	const struct msg_status *s = &c->status;
	struct figures f = { .fps_milli = s->fps_milli };

	f.duration_s =
		((c->ended_ms ? c->ended_ms : mono_ms()) - c->started_ms) /
		1000;
	sum_media(&f, &s->audio);
	sum_media(&f, &s->video);
	for (int i = 0; i < s->target_count && i < MSG_TARGETS_MAX; i++) {
		f.bytes += s->target[i].bytes;
		f.dropped += s->target[i].dropped;
		f.reconnects += s->target[i].reconnects;
	}
	return f;
}

static const char *codec_name(const struct msg_media *m)
{
	static const char *const names[] = {
		[MSG_CODEC_NONE] = "",
		[MSG_CODEC_H264] = "H264",
		[MSG_CODEC_LATM] = "MP4A-LATM",
		[MSG_CODEC_AAC_HBR] = "mpeg4-generic",
		[MSG_CODEC_OPUS] = "opus",
		[MSG_CODEC_G722] = "G722",
		[MSG_CODEC_PCMU] = "PCMU",
		[MSG_CODEC_PCMA] = "PCMA",
	};

	return m->enabled ? names[m->codec] : "";
}

/* Video's, if there is video: the two agree as a rule. */
static const char *encryption_name(const struct call *c)
{
	const struct msg_media *m = c->video.enabled ? &c->video : &c->audio;

	if (!m->enabled)
		return "";
	return m->remote.suite == SUITE_NONE ? "none"
					     : suite_name(m->remote.suite);
}

static const char *target_state(const struct call *c)
{
	static const char *const names[] = {
		[MSG_WAITING_URL] = "idle",
		[MSG_CONNECTING] = "connecting",
		[MSG_PUBLISHING] = "publishing",
		[MSG_RETRYING] = "retrying",
		[MSG_FAILED] = "failed",
		[MSG_ENDED] = "ended",
	};

	return names[c->status.state];
}

static void add_who(struct snapshot_writer *w, const struct call *c)
{
	char peer[SIP_ADDR_SIZE], transport[8];
	const char *name = sip_net_transport_name(c->flow.transport);

	for (size_t i = 0; i <= strlen(name); i++)
		transport[i] = (char)(name[i] | (name[i] ? 0x20 : 0));
	snapshot_add_text(w, "space", *c->display ? c->display : c->user);
	snapshot_add_text(w, "user", c->user);
	snapshot_add_text(w, "caller", c->caller);
	snapshot_add_text(w, "call_id", c->call_id);
	snapshot_add(w, "peer", sip_addr_text(&c->flow.peer, peer));
	snapshot_add(w, "transport", transport);
}

static void add_media(struct snapshot_writer *w, const struct call *c)
{
	char resolution[24] = "";

	if (c->status.width)
		snprintf(resolution, sizeof(resolution), "%ux%u",
			 c->status.width, c->status.height);
	snapshot_add(w, "encryption", encryption_name(c));
	snapshot_add_text(w, "url", c->shown_url);
	snapshot_add(w, "url_source", call_url_source_name(c->url_source));
	snapshot_add(w, "audio", codec_name(&c->audio));
	snapshot_add(w, "video", codec_name(&c->video));
	snapshot_add(w, "resolution", resolution);
}

static void add_figures(struct snapshot_writer *w, const struct call *c)
{
	struct figures f = sum_up(c);
	char fps[24], jitter[24];

	snprintf(fps, sizeof(fps), "%u.%03u", f.fps_milli / 1000,
		 f.fps_milli % 1000);
	snprintf(jitter, sizeof(jitter), "%u.%06u", f.jitter_us / 1000000,
		 f.jitter_us % 1000000);
	snapshot_add(w, "fps", fps);
	snapshot_add_u64(w, "bitrate", f.bitrate);
	snapshot_add_u64(w, "packets", f.packets);
	snapshot_add_u64(w, "lost", f.lost);
	snapshot_add(w, "jitter", jitter);
	snapshot_add(w, "rtmp_state", target_state(c));
	snapshot_add_u64(w, "rtmp_bytes", f.bytes);
	snapshot_add_u64(w, "dropped", f.dropped);
	snapshot_add_u64(w, "reconnects", f.reconnects);
	snapshot_add_time(w, "started", c->started_s);
	snapshot_add_time(w, "answered", c->answered_s);
	snapshot_add_time(w, "ended", c->ended_s);
	snapshot_add_u64(w, "duration", f.duration_s);
}

static void fill_call(struct snapshot_writer *w, const void *arg)
{
	const struct call *c = arg;

	snapshot_add(w, "state", call_state_name(c->state));
	snapshot_add_text(w, "why", c->why);
	add_who(w, c);
	add_media(w, c);
	add_figures(w, c);
	snapshot_add_text(w, "error", c->error);
}

/* Callers name themselves: a byte of theirs may take four here. */
int report_text_call(const struct call *c, struct buf *dst)
{
	return snapshot_write(dst, fill_call, c);
}

int report_text_counters(const struct call *c, const char *id, struct buf *dst)
{
	struct figures f = sum_up(c);

	return buf_printf(dst,
			  "%s %" PRIu64 " %u.%03u %" PRIu64 " %" PRIu64
			  " %" PRIu64 " %u.%06u %" PRIu64 " %" PRIu64 " %u\n",
			  id, f.duration_s, f.fps_milli / 1000,
			  f.fps_milli % 1000, f.bitrate, f.packets, f.lost,
			  f.jitter_us / 1000000, f.jitter_us % 1000000, f.bytes,
			  f.dropped, f.reconnects);
}

/* "tcp:any:5060 tls:any:5061" */
static int format_listen(const struct settings *s, struct buf *dst)
{
	const struct sip_listens *l = &s->sip.net.listens;
	int err = 0;

	for (size_t i = 0; i < l->count && !err; i++) {
		const struct sip_listen *at = &l->at[i];

		if (at->tcp)
			err = buf_printf(dst, "%stcp:%s:%u",
					 dst->len ? " " : "", at->interface,
					 at->tcp);
		if (!err && at->tcp && s->sip.net.udp)
			err = buf_printf(dst, " udp:%s:%u", at->interface,
					 at->tcp);
		if (!err && at->tls)
			err = buf_printf(dst, "%stls:%s:%u",
					 dst->len ? " " : "", at->interface,
					 at->tls);
	}
	return err;
}

static const char *state_word(const struct calls *calls,
			      const struct settings *s)
{
	if (calls_is_draining(calls))
		return "draining";
	return s->enabled ? "running" : "disabled";
}

void report_text_calls(const struct calls *calls, const struct settings *s,
		       struct snapshot_writer *w)
{
	unsigned limit = calls_limit(calls);
	struct buf listen;
	int err;

	buf_init(&listen, 1024);
	err = format_listen(s, &listen);
	w->err = w->err ? w->err : err;
	snapshot_add(w, "state", state_word(calls, s));
	snapshot_add(w, "listen", buf_text(&listen));
	snapshot_add_u64(w, "calls_active", calls_active(calls));
	if (limit == SETTINGS_NO_LIMIT)
		snapshot_add(w, "calls_limit", "none");
	else
		snapshot_add_u64(w, "calls_limit", limit);
	snapshot_add_u64(w, "calls_total", calls_total(calls));
	buf_release(&listen);
}
