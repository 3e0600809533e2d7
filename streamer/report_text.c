/* SPDX-License-Identifier: MIT */
#include "streamer/report_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/mono.h"

enum {
	TEXT_CUT = 512,
	TEXT_CUT_MIN = 32, /* fits, whatever the texts are */
};

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

static int add_who(const struct call *c, size_t cut, struct buf *dst)
{
	char peer[SIP_ADDR_SIZE], transport[8];
	const char *name = sip_net_transport_name(c->flow.transport);
	int err;

	for (size_t i = 0; i <= strlen(name); i++)
		transport[i] = (char)(name[i] | (name[i] ? 0x20 : 0));
	err = snapshot_add_cut(dst, "space", *c->display ? c->display : c->user,
			       cut);
	err = err ? err : snapshot_add_cut(dst, "user", c->user, cut);
	err = err ? err : snapshot_add_cut(dst, "caller", c->caller, cut);
	err = err ? err : snapshot_add_cut(dst, "call_id", c->call_id, cut);
	err = err ? err
		  : snapshot_add(dst, "peer",
				 sip_addr_text(&c->flow.peer, peer));
	return err ? err : snapshot_add(dst, "transport", transport);
}

static int add_media(const struct call *c, size_t cut, struct buf *dst)
{
	char resolution[24] = "";
	int err = snapshot_add(dst, "encryption", encryption_name(c));

	if (c->status.width)
		snprintf(resolution, sizeof(resolution), "%ux%u",
			 c->status.width, c->status.height);
	err = err ? err : snapshot_add_cut(dst, "url", c->shown_url, cut);
	err = err ? err
		  : snapshot_add(dst, "url_source",
				 call_url_source_name(c->url_source));
	err = err ? err : snapshot_add(dst, "audio", codec_name(&c->audio));
	err = err ? err : snapshot_add(dst, "video", codec_name(&c->video));
	return err ? err : snapshot_add(dst, "resolution", resolution);
}

static int add_thousandths(struct buf *dst, const char *key, uint32_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%u.%03u", v / 1000, v % 1000);
	return snapshot_add(dst, key, text);
}

static int add_figures(const struct call *c, struct buf *dst)
{
	struct figures f = sum_up(c);
	char jitter[24];
	int err = add_thousandths(dst, "fps", f.fps_milli);

	snprintf(jitter, sizeof(jitter), "%u.%06u", f.jitter_us / 1000000,
		 f.jitter_us % 1000000);
	err = err ? err : snapshot_add_u64(dst, "bitrate", f.bitrate);
	err = err ? err : snapshot_add_u64(dst, "packets", f.packets);
	err = err ? err : snapshot_add_u64(dst, "lost", f.lost);
	err = err ? err : snapshot_add(dst, "jitter", jitter);
	err = err ? err : snapshot_add(dst, "rtmp_state", target_state(c));
	err = err ? err : snapshot_add_u64(dst, "rtmp_bytes", f.bytes);
	err = err ? err : snapshot_add_u64(dst, "dropped", f.dropped);
	err = err ? err : snapshot_add_u64(dst, "reconnects", f.reconnects);
	err = err ? err : snapshot_add_time(dst, "started", c->started_s);
	err = err ? err : snapshot_add_time(dst, "answered", c->answered_s);
	err = err ? err : snapshot_add_time(dst, "ended", c->ended_s);
	return err ? err : snapshot_add_u64(dst, "duration", f.duration_s);
}

static int format_call(const struct call *c, size_t cut, struct buf *dst)
{
	int err = snapshot_begin(dst);

	err = err ? err : snapshot_add(dst, "state", call_state_name(c->state));
	err = err ? err : snapshot_add_cut(dst, "why", c->why, cut);
	err = err ? err : add_who(c, cut, dst);
	err = err ? err : add_media(c, cut, dst);
	err = err ? err : add_figures(c, dst);
	return err ? err : snapshot_add_cut(dst, "error", c->error, cut);
}

/* Callers name themselves: a byte of theirs may take four here. */
int report_text_call(const struct call *c, struct buf *dst)
{
	int err = -EMSGSIZE;

	for (size_t cut = TEXT_CUT; err == -EMSGSIZE && cut >= TEXT_CUT_MIN;
	     cut /= 2) {
		buf_clear(dst);
		err = format_call(c, cut, dst);
	}
	return err;
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

int report_text_calls(const struct calls *calls, const struct settings *s,
		      struct buf *dst)
{
	unsigned limit = calls_limit(calls);
	struct buf listen;
	int err;

	buf_init(&listen, 1024);
	err = format_listen(s, &listen);
	err = err ? err : snapshot_add(dst, "state", state_word(calls, s));
	err = err ? err : snapshot_add(dst, "listen", buf_text(&listen));
	err = err ? err
		  : snapshot_add_u64(dst, "calls_active", calls_active(calls));
	if (limit == SETTINGS_NO_LIMIT)
		err = err ? err : snapshot_add(dst, "calls_limit", "none");
	else
		err = err ? err : snapshot_add_u64(dst, "calls_limit", limit);
	err = err ? err
		  : snapshot_add_u64(dst, "calls_total", calls_total(calls));
	buf_release(&listen);
	return err;
}
