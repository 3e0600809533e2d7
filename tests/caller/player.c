/* SPDX-License-Identifier: MIT */
#include "tests/caller/player.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <srtp2/srtp.h>

#include "lib/buf.h"
#include "lib/mono.h"
#include "lib/str.h"
#include "streamer/rtcp.h"
#include "streamer/sip_addr.h"
#include "streamer/udp.h"

enum {
	BATCH = 256,
	BURST = 64,
	HELD_MAX = 8192,
	REORDER_US = 30000,
	SR_US = 1000000,
	APP_LEN = 1032, /* as the bridge's record is */
	RATE_VIDEO = 90000,
};

struct stream {
	srtp_t srtp, in;
	struct suite_key key, in_key;
	uint16_t seq;
	uint32_t packets, octets, ticks;
};

struct call {
	bool active, done;
	struct player_peer peer;
	struct stream stream[2];
	size_t next;
	uint64_t start_us, sr_us;
	uint64_t passed_us; /* of the rounds before this one */
};

struct out {
	struct sockaddr_storage to;
	uint16_t len;
	uint8_t data[CLIP_PACKET_MAX + 32];
};

struct held {
	uint64_t due_us;
	struct out out;
};

struct player {
	struct player_config config;
	struct msg_ports ports;
	struct udp_batch *batch;
	struct player_counts counts;
	uint64_t now_us;
	int calls;
	struct call *call;
	struct out *out[2]; /* RTP and RTCP leave by their own sockets */
	int out_count[2];
	struct held *held;
	int held_count;
};

/* ---- sockets ----------------------------------------------------------- */

static void flush(struct player *p, int rtcp)
{
	struct mmsghdr mm[BATCH];
	struct iovec iov[BATCH];
	int fd = rtcp ? p->ports.rtcp : p->ports.rtp, n = p->out_count[rtcp];

	for (int i = 0; i < n; i++) {
		struct out *o = &p->out[rtcp][i];

		iov[i] = (struct iovec){ o->data, o->len };
		mm[i].msg_hdr = (struct msghdr){
			.msg_name = &o->to,
			.msg_namelen = sip_addr_len(&o->to),
			.msg_iov = &iov[i],
			.msg_iovlen = 1,
		};
	}
	for (int at = 0; at < n;) {
		int sent = sendmmsg(fd, mm + at, (unsigned)(n - at), 0);

		if (sent > 0) {
			at += sent;
			continue;
		}
		/* The answer to an earlier one; a full buffer waits. */
		p->counts.errors++;
		at += errno != EAGAIN;
		if (errno == EAGAIN)
			usleep(200);
	}
	p->out_count[rtcp] = 0;
}

static struct out *next_out(struct player *p, int rtcp)
{
	if (p->out_count[rtcp] == BATCH)
		flush(p, rtcp);
	return &p->out[rtcp][p->out_count[rtcp]++];
}

/* ---- RTP --------------------------------------------------------------- */

static uint32_t ssrc_of(int call, int m)
{
	return 0x10000u + (uint32_t)call * 2 + (uint32_t)m;
}

static double dice(void)
{
	return 100.0 * (double)rand() / RAND_MAX;
}

static void hold(struct player *p, const struct out *o, uint64_t us)
{
	struct held *h;

	if (p->held_count == HELD_MAX) {
		p->counts.skipped++;
		return;
	}
	h = &p->held[p->held_count++];
	h->due_us = p->now_us + us;
	h->out = *o;
}

/* The packet is the last of the batch: it may go, wait, vanish or double. */
static void make_trouble(struct player *p, struct out *o)
{
	const struct player_trouble *t = &p->config.trouble;
	uint64_t us = t->jitter_ms ? (uint64_t)rand() % (t->jitter_ms * 1000u)
				   : 0;

	if (t->duplicate && dice() < t->duplicate)
		hold(p, o, us + 1000);
	if (t->loss && dice() < t->loss) {
		p->counts.skipped++;
		p->out_count[0]--;
		return;
	}
	if (t->reorder && dice() < t->reorder)
		us += REORDER_US;
	if (us) {
		hold(p, o, us);
		p->out_count[0]--;
	}
}

static void release_held(struct player *p)
{
	int kept = 0;

	for (int i = 0; i < p->held_count; i++) {
		if (p->held[i].due_us <= p->now_us)
			*next_out(p, 0) = p->held[i].out;
		else
			p->held[kept++] = p->held[i];
	}
	p->held_count = kept;
}

static uint32_t rate_of(const struct player *p, int m)
{
	return m ? p->config.clip->audio_rate : RATE_VIDEO;
}

static void send_packet(struct player *p, int n, const struct clip_packet *q)
{
	struct call *c = &p->call[n];
	int m = q->kind != CLIP_VIDEO, len = 12 + q->len;
	struct stream *s = &c->stream[m];
	struct out *o = next_out(p, 0);
	uint64_t passed = c->passed_us * rate_of(p, m) / 1000000;

	s->ticks = q->ticks + (uint32_t)passed + 1000u * (uint32_t)(n + 1);
	o->to = c->peer.rtp[m];
	o->data[0] = 0x80;
	o->data[1] = c->peer.payload_type[m] | (q->marker ? 0x80 : 0);
	buf_put_u16(o->data + 2, s->seq++);
	buf_put_u32(o->data + 4, s->ticks);
	buf_put_u32(o->data + 8, ssrc_of(n, m));
	memcpy(o->data + 12, p->config.clip->bytes + q->offset, q->len);
	if (s->srtp &&
	    srtp_protect_mki(s->srtp, o->data, &len, s->key.mki_len > 0, 0)) {
		p->counts.errors++;
		p->out_count[0]--;
		return;
	}
	o->len = (uint16_t)len;
	s->packets++;
	s->octets += q->len;
	p->counts.packets++;
	p->counts.bytes += (uint64_t)len;
	make_trouble(p, o);
}

static bool is_played(const struct call *c, const struct clip_packet *q)
{
	if (q->kind == CLIP_VIDEO)
		return c->peer.has[0];
	return c->peer.has[1] && q->kind == c->peer.audio;
}

static void end_round(struct player *p, struct call *c)
{
	c->next = 0;
	c->done = p->config.once;
	c->start_us += p->config.clip->duration_us;
	c->passed_us += p->config.clip->duration_us;
}

/*
 * What is due. What a busy machine has delayed comes bit by bit, not as a
 * flood that no socket has room for.
 */
static void play(struct player *p, int n)
{
	const struct clip *clip = p->config.clip;
	struct call *c = &p->call[n];

	for (int i = 0; i < BURST && !c->done &&
			c->start_us + clip->packets[c->next].at_us <= p->now_us;
	     i++) {
		const struct clip_packet *q = &clip->packets[c->next];

		if (is_played(c, q))
			send_packet(p, n, q);
		if (++c->next == clip->count)
			end_round(p, c);
	}
}

/* As an encoder would: the group of pictures begins again, now. */
void player_key(struct player *p, int n)
{
	const struct clip *clip = p->config.clip;
	struct call *c = &p->call[n];
	size_t at = c->next;
	uint32_t back;

	if (!c->active || c->done || !p->config.obey)
		return;
	while (at && !clip->packets[at].key)
		at--;
	back = clip->packets[c->next].at_us - clip->packets[at].at_us;
	c->next = at;
	c->start_us += back;
	c->passed_us += back;
}

/* ---- RTCP -------------------------------------------------------------- */

static size_t put_sr(struct player *p, int n, int m, uint8_t *d)
{
	struct call *c = &p->call[n];
	struct stream *s = &c->stream[m];
	uint64_t wall = (uint64_t)mono_wall_ms();
	uint64_t media_us = p->now_us - c->start_us + c->passed_us;

	memset(d, 0, 28);
	d[0] = 0x80;
	d[1] = RTCP_SR;
	d[3] = 6;
	buf_put_u32(d + 4, ssrc_of(n, m));
	buf_put_u32(d + 8, (uint32_t)(wall / 1000 + 2208988800u));
	buf_put_u32(d + 12, (uint32_t)((wall % 1000) * 4294967.296));
	buf_put_u32(d + 16, (uint32_t)(media_us * rate_of(p, m) / 1000000) +
				    1000u * (uint32_t)(n + 1));
	buf_put_u32(d + 20, s->packets);
	buf_put_u32(d + 24, s->octets);
	return 28 + rtcp_build_sdes(d + 28, ssrc_of(n, m), "caller");
}

static size_t put_app(struct player *p, int n, int m, uint8_t *d)
{
	memset(d, 0, APP_LEN);
	d[0] = 0x80;
	d[1] = RTCP_APP;
	buf_put_u16(d + 2, APP_LEN / 4 - 1);
	buf_put_u32(d + 4, ssrc_of(n, m));
	memcpy(d + 8, "TEST", 4);
	str_copy((char *)d + 12, p->config.url, APP_LEN - 12);
	return APP_LEN;
}

static void send_reports(struct player *p, int n)
{
	struct call *c = &p->call[n];

	for (int m = 0; m < 2; m++) {
		struct out *o;
		int len;

		if (!c->peer.has[m])
			continue;
		o = next_out(p, 1);
		len = (int)put_sr(p, n, m, o->data);
		if (p->config.url)
			len += (int)put_app(p, n, m, o->data + len);
		if (c->stream[m].srtp &&
		    srtp_protect_rtcp_mki(c->stream[m].srtp, o->data, &len,
					  c->stream[m].key.mki_len > 0, 0)) {
			p->counts.errors++;
			p->out_count[1]--;
			continue;
		}
		o->to = c->peer.rtcp[m];
		o->len = (uint16_t)len;
	}
	c->sr_us += SR_US;
}

static void take_feedback(struct player *p, const struct rtcp_packet *q)
{
	uint32_t ssrc;

	if (q->type == RTCP_RR && q->count && q->len >= 24) {
		p->counts.reports++;
		if (q->body[4] > p->counts.lost)
			p->counts.lost = q->body[4];
	}
	if (q->type != RTCP_PSFB || q->len < 4)
		return;
	/* PLI names the sender in its header, FIR in its entry. */
	ssrc = buf_get_u32(q->count == 4 && q->len >= 12 ? q->body + 4
							 : q->body);
	if (q->count == 1)
		p->counts.plis++;
	else if (q->count == 4)
		p->counts.firs++;
	if (ssrc >= 0x10000 && (ssrc - 0x10000) / 2 < (uint32_t)p->calls)
		player_key(p, (int)((ssrc - 0x10000) / 2));
}

/* Whose it is, where it has a key: by the address that it comes from. */
static struct stream *find_stream(struct player *p,
				  const struct udp_datagram *d)
{
	for (int n = 0; n < p->calls; n++)
		for (int m = 0; m < 2; m++)
			if (p->call[n].active && p->call[n].peer.has[m] &&
			    udp_is_same_peer(d->from, &p->call[n].peer.rtcp[m]))
				return &p->call[n].stream[m];
	return NULL;
}

static void take_rtcp(struct player *p, const struct udp_datagram *d)
{
	struct stream *s = find_stream(p, d);
	const uint8_t *data = d->data;
	int n = (int)d->len;
	size_t len;
	struct rtcp_packet q;

	if (!s || (s->in && srtp_unprotect_rtcp_mki(s->in, d->data, &n,
						    s->in_key.mki_len > 0))) {
		p->counts.errors++;
		return;
	}
	len = (size_t)n;
	while (!rtcp_next(&data, &len, &q))
		take_feedback(p, &q);
}

static void receive(struct player *p, int fd)
{
	uint32_t dropped;
	int n;

	while ((n = udp_receive(p->batch, fd, &dropped)) > 0)
		for (int i = 0; i < n; i++)
			take_rtcp(p, udp_batch_at(p->batch, i));
}

/* ---- life -------------------------------------------------------------- */

int player_new(struct player_config *config, int calls,
	       struct player **ret_player)
{
	struct player *p = calloc(1, sizeof(*p));
	struct udp_range any = { 0 };
	int err, room = 8 << 20;

	if (!p)
		return -ENOMEM;
	p->ports = (struct msg_ports)MSG_PORTS_NONE;
	p->calls = calls;
	p->call = calloc((size_t)calls, sizeof(*p->call));
	p->held = calloc(HELD_MAX, sizeof(*p->held));
	p->out[0] = calloc(BATCH, sizeof(struct out));
	p->out[1] = calloc(BATCH, sizeof(struct out));
	err = p->call && p->held && p->out[0] && p->out[1] ? 0 : -ENOMEM;
	if (!err)
		err = udp_batch_new(&p->batch);
	if (!err)
		err = udp_pair_open(&config->local, 0, &any, &p->ports);
	if (err) {
		player_free(p);
		return err;
	}
	setsockopt(p->ports.rtp, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	((struct sockaddr_in *)&config->local)->sin_port = htons(p->ports.port);
	p->config = *config;
	*ret_player = p;
	return 0;
}

void player_free(struct player *p)
{
	if (!p)
		return;
	for (int i = 0; p->call && i < p->calls; i++)
		player_stop(p, i);
	udp_pair_close(&p->ports);
	udp_batch_free(p->batch);
	free(p->call);
	free(p->held);
	free(p->out[0]);
	free(p->out[1]);
	free(p);
}

static void (*const policies[])(srtp_crypto_policy_t *) = {
	[SUITE_AES_CM_128_HMAC_SHA1_80] = srtp_crypto_policy_set_rtp_default,
	[SUITE_AES_CM_128_HMAC_SHA1_32] =
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32,
	[SUITE_AEAD_AES_128_GCM] = srtp_crypto_policy_set_aes_gcm_128_16_auth,
	[SUITE_AEAD_AES_256_GCM] = srtp_crypto_policy_set_aes_gcm_256_16_auth,
};

/* A key that is new; with the same the counters go on. */
static int set_key(srtp_t *srtp, struct suite_key *old,
		   const struct suite_key *key, srtp_ssrc_type_t direction)
{
	srtp_policy_t policy = { .ssrc.type = direction, .window_size = 1024 };
	srtp_master_key_t master = { old->key, old->mki, key->mki_len };
	srtp_master_key_t *masters = &master;
	bool in = direction == ssrc_any_inbound;

	if (*srtp && !memcmp(old, key, sizeof(*key)))
		return 0;
	if (*srtp)
		srtp_dealloc(*srtp);
	*srtp = NULL;
	*old = *key;
	if (key->suite == SUITE_NONE)
		return 0;
	/* What comes in is RTCP alone, which has the long tag. */
	policies[in && key->suite == SUITE_AES_CM_128_HMAC_SHA1_32
			 ? SUITE_AES_CM_128_HMAC_SHA1_80
			 : key->suite](&policy.rtp);
	policies[key->suite == SUITE_AES_CM_128_HMAC_SHA1_32
			 ? SUITE_AES_CM_128_HMAC_SHA1_80
			 : key->suite](&policy.rtcp);
	policy.key = key->mki_len ? NULL : old->key;
	policy.keys = key->mki_len ? &masters : NULL;
	policy.num_master_keys = key->mki_len > 0;
	return srtp_create(srtp, &policy) ? -EINVAL : 0;
}

int player_start(struct player *p, int n, const struct player_peer *peer,
		 unsigned delay_ms)
{
	struct call *c = &p->call[n];

	c->peer = *peer;
	for (int m = 0; m < 2; m++) {
		struct stream *s = &c->stream[m];

		if (set_key(&s->srtp, &s->key, &peer->key[m],
			    ssrc_any_outbound) ||
		    set_key(&s->in, &s->in_key, &peer->remote[m],
			    ssrc_any_inbound))
			return -EINVAL;
	}
	if (c->active)
		return 0;
	c->active = true;
	c->start_us = mono_ns() / 1000 + delay_ms * 1000ull;
	c->sr_us = c->start_us;
	return 0;
}

void player_stop(struct player *p, int n)
{
	struct call *c = &p->call[n];

	c->active = false;
	for (int m = 0; m < 2; m++) {
		if (c->stream[m].srtp)
			srtp_dealloc(c->stream[m].srtp);
		if (c->stream[m].in)
			srtp_dealloc(c->stream[m].in);
		c->stream[m].srtp = c->stream[m].in = NULL;
	}
}

bool player_is_done(const struct player *p, int n)
{
	return p->call[n].done && !p->held_count;
}

void player_run(struct player *p)
{
	p->now_us = mono_ns() / 1000;
	for (int n = 0; n < p->calls; n++) {
		struct call *c = &p->call[n];

		if (!c->active || p->now_us < c->start_us)
			continue;
		if (p->now_us >= c->sr_us && !c->done) {
			send_reports(p, n);
			flush(p, 1);
		}
		play(p, n);
	}
	release_held(p);
	flush(p, 0);
	receive(p, p->ports.rtcp);
}

const struct player_counts *player_counts(const struct player *p)
{
	return &p->counts;
}
