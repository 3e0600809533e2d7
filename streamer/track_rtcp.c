/* SPDX-License-Identifier: MIT */
#include "streamer/track_priv.h"

#include <errno.h>

#include "lib/mono.h"
#include "streamer/sip_addr.h"
#include "streamer/srtp.h"

static void use_sr(struct track *t, const struct rtcp_sr *sr)
{
	t->has_sr = true;
	t->sr_ms = t->now_ms;
	t->sr_ntp = (uint32_t)(sr->ntp >> 16);
	t->handler->on_sender_report(t->arg, t->kind, sr);
}

void track_use_early_sr(struct track *t)
{
	uint32_t ssrc;

	if (!t->has_early_sr || !rtp_queue_ssrc(t->queue, &ssrc) ||
	    t->early_ssrc != ssrc)
		return;
	t->has_early_sr = false;
	/* It tells where they begin, not where those before them were. */
	t->handler->on_clock(t->arg, t->kind, t->media.clock_rate);
	use_sr(t, &t->early_sr);
}

/*
 * The first one mostly comes before the first packet that it is about. One
 * that is not of our stream says nothing of its clock.
 */
static void take_sr(struct track *t, const struct rtcp_packet *p)
{
	struct rtcp_sr sr;
	uint32_t ssrc;

	if (rtcp_parse_sr(p, &sr))
		return;
	if (rtp_queue_ssrc(t->queue, &ssrc) && p->ssrc == ssrc) {
		use_sr(t, &sr);
		return;
	}
	t->early_sr = sr;
	t->early_ssrc = p->ssrc;
	t->has_early_sr = true;
}

static void take_bye(struct track *t, const struct rtcp_packet *p)
{
	t->handler->on_bye(t->arg, t->kind);
}

static void take_app(struct track *t, const struct rtcp_packet *p)
{
	struct rtcp_app app;

	if (!rtcp_parse_app(p, &app))
		t->handler->on_app(t->arg, &app);
}

static const struct {
	uint8_t type;
	void (*take)(struct track *t, const struct rtcp_packet *p);
} takers[] = {
	{ RTCP_SR, take_sr },
	{ RTCP_BYE, take_bye },
	{ RTCP_APP, take_app },
};

static void take_packet(struct track *t, const struct rtcp_packet *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(takers); i++)
		if (takers[i].type == p->type)
			takers[i].take(t, p);
}

/*
 * In the clear a URL or a BYE may only come from the host that the signalling
 * named, or the one that RTP was accepted from.
 */
static bool is_trusted(struct track *t, const struct sockaddr_storage *from)
{
	if (udp_is_same_host(from, &t->media.remote_rtcp) ||
	    udp_is_same_host(from, &t->media.remote_rtp) ||
	    (t->has_peer && udp_is_same_host(from, &t->peer)))
		return true;
	t->foreign++;
	return false;
}

void track_take_rtcp(struct track *t, const struct udp_datagram *d)
{
	const uint8_t *data = d->data;
	size_t len = d->len;
	struct rtcp_packet p;
	int err = 0;

	if (t->leg)
		err = srtp_leg_open_rtcp(t->leg, d->data, &len);
	else if (!is_trusted(t, d->from))
		return;
	if (err) {
		t->refused++;
		return;
	}
	t->rtcp_peer = *d->from;
	t->has_rtcp_peer = true;
	while (!(err = rtcp_next(&data, &len, &p)))
		take_packet(t, &p);
	if (err != -EAGAIN)
		t->refused++;
}

/* ---- what we send ------------------------------------------------------ */

static const struct sockaddr_storage *destination(const struct track *t)
{
	if (t->media.rtcp_mux)
		return t->has_peer ? &t->peer : &t->media.remote_rtp;
	/* Behind a NAT only the source that is seen leads back. */
	if (t->has_rtcp_peer &&
	    !udp_is_same_host(&t->rtcp_peer, &t->media.remote_rtcp))
		return &t->rtcp_peer;
	return &t->media.remote_rtcp;
}

/* What cannot be sent now is left out: the next report comes. */
static void send_compound(struct track *t, uint8_t *data, size_t len)
{
	const struct sockaddr_storage *to = destination(t);
	int fd = t->media.rtcp_mux ? t->ports.rtp : t->ports.rtcp;

	if (fd < 0 || !to->ss_family ||
	    (t->leg && srtp_leg_seal_rtcp(t->leg, data, &len)))
		return;
	(void)!sendto(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL,
		      (const struct sockaddr *)to, sip_addr_len(to));
}

static size_t build_report(struct track *t, uint8_t *dst)
{
	struct rtp_report r;
	struct rtcp_block b;
	size_t n;

	if (!rtp_queue_report(t->queue, &r)) {
		n = rtcp_build_rr(dst, t->ssrc, NULL);
		return n + rtcp_build_sdes(dst + n, t->ssrc, t->env.cname);
	}
	b = (struct rtcp_block){
		.ssrc = r.ssrc,
		.fraction_lost = r.fraction_lost,
		.lost = r.lost,
		.highest_seq = r.highest_seq,
		.jitter = rtp_jitter_ticks(&t->jitter),
	};
	if (t->has_sr) {
		b.last_sr = t->sr_ntp;
		b.delay_sr = (uint32_t)((mono_ms() - t->sr_ms) * 65536 / 1000);
	}
	n = rtcp_build_rr(dst, t->ssrc, &b);
	return n + rtcp_build_sdes(dst + n, t->ssrc, t->env.cname);
}

void track_report(struct track *t, bool bye)
{
	uint8_t data[RTCP_COMPOUND_MAX + SRTP_TRAILER_MAX];
	size_t n;

	if (!t->media.enabled)
		return;
	n = build_report(t, data);
	if (bye)
		n += rtcp_build_bye(data + n, t->ssrc);
	send_compound(t, data, n);
}

int track_ask_key(struct track *t, bool fir_first)
{
	uint8_t data[RTCP_COMPOUND_MAX + SRTP_TRAILER_MAX];
	uint32_t sender;
	size_t n;

	if (!rtp_queue_ssrc(t->queue, &sender))
		return -EAGAIN;
	if (!t->media.pli && !t->media.fir)
		return -ENOTSUP;
	n = build_report(t, data);
	if (t->media.fir && (fir_first || !t->media.pli))
		n += rtcp_build_fir(data + n, t->ssrc, sender, t->fir_seq++);
	else
		n += rtcp_build_pli(data + n, t->ssrc, sender);
	send_compound(t, data, n);
	return 0;
}
