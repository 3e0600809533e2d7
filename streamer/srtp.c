/* SPDX-License-Identifier: MIT */
#include "streamer/srtp.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <srtp2/srtp.h>

#include "lib/buf.h"
#include "streamer/srtp_crypto.h"

/*
 * `SSRCS`: of how many senders a context remembers the state; a peer that
 * changes it all the time gets no more. `WINDOW`: wider than any reordering.
 * `SETTLED`: after so many packets under one key the others are forgotten.
 */
enum { SSRCS = 4, WINDOW = 1024, SETTLED = 500, CONTEXTS = 3 };

/* A key at work in one direction. */
struct context {
	srtp_t srtp;
	srtp_t srtcp; /* the same one, mostly: see create_all() */
	struct suite_key key;
	uint32_t ssrc[SSRCS];
	unsigned ssrc_count, ssrc_next;
};

/*
 * `in`: what the peer's packets may be under, the likeliest first. After a
 * change of the key: the new one with the counter begun anew, the new one with
 * the counter going on, the old one.
 */
struct srtp_leg {
	struct context *in[CONTEXTS];
	unsigned in_count, opened;
	struct context *out;
};

int srtp_start(void)
{
	if (srtp_init())
		return -ENOTSUP;
	return srtp_crypto_install();
}

static int translate(srtp_err_status_t status)
{
	switch (status) {
	case srtp_err_status_ok:
		return 0;
	case srtp_err_status_replay_fail:
	case srtp_err_status_replay_old:
	case srtp_err_status_pkt_idx_old:
		return -EEXIST;
	case srtp_err_status_alloc_fail:
	case srtp_err_status_init_fail: /* what it makes of the former */
		return -ENOMEM;
	default:
		return -EBADMSG;
	}
}

/* ---- contexts ---------------------------------------------------------- */

typedef void policy_fn(srtp_crypto_policy_t *policy);

static void set_default(srtp_crypto_policy_t *policy)
{
	srtp_crypto_policy_set_rtp_default(policy);
}

/* RFC 4568 section 6.2: the short tag is for RTP only. */
static const struct {
	policy_fn *rtp, *rtcp;
} policies[SUITE_COUNT] = {
	[SUITE_AES_CM_128_HMAC_SHA1_80] = { set_default, set_default },
	[SUITE_AES_CM_128_HMAC_SHA1_32] = { srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32,
					    set_default },
	[SUITE_AEAD_AES_128_GCM] = { srtp_crypto_policy_set_aes_gcm_128_16_auth,
				     srtp_crypto_policy_set_aes_gcm_128_16_auth },
	[SUITE_AEAD_AES_256_GCM] = { srtp_crypto_policy_set_aes_gcm_256_16_auth,
				     srtp_crypto_policy_set_aes_gcm_256_16_auth },
};

static void context_free(struct context *c)
{
	if (!c)
		return;
	if (c->srtcp && c->srtcp != c->srtp)
		srtp_dealloc(c->srtcp);
	if (c->srtp)
		srtp_dealloc(c->srtp);
	explicit_bzero(c, sizeof(*c));
	free(c);
}

/* A policy and what it points to. */
struct plan {
	srtp_policy_t policy;
	srtp_master_key_t master, *masters[1];
};

static void plan(struct plan *p, struct context *c, srtp_ssrc_t ssrc,
		 policy_fn *rtp)
{
	*p = (struct plan){ .policy.ssrc = ssrc, .policy.window_size = WINDOW };
	rtp(&p->policy.rtp);
	policies[c->key.suite].rtcp(&p->policy.rtcp);
	if (!c->key.mki_len) {
		p->policy.key = c->key.key;
		return;
	}
	p->master =
		(srtp_master_key_t){ c->key.key, c->key.mki, c->key.mki_len };
	p->masters[0] = &p->master;
	p->policy.keys = p->masters;
	p->policy.num_master_keys = 1;
}

static int create(struct context *c, srtp_ssrc_type_t type, policy_fn *rtp,
		  srtp_t *ret)
{
	struct plan p;

	plan(&p, c, (srtp_ssrc_t){ .type = type }, rtp);
	return translate(srtp_create(ret, &p.policy));
}

/*
 * libsrtp2 2.5 looks for the MKI of an SRTCP packet where RTP's tag would put
 * it. Where the two tags differ, RTCP gets a context of its own.
 */
static int create_all(struct context *c, srtp_ssrc_type_t type)
{
	policy_fn *rtp = policies[c->key.suite].rtp;
	policy_fn *rtcp = policies[c->key.suite].rtcp;
	int err = create(c, type, rtp, &c->srtp);

	if (err)
		return err;
	if (rtp != rtcp && c->key.mki_len)
		return create(c, type, rtcp, &c->srtcp);
	c->srtcp = c->srtp;
	return 0;
}

static int context_new(const struct suite_key *key, srtp_ssrc_type_t type,
		       struct context **ret)
{
	struct context *c;
	int err;

	if (key->suite <= SUITE_NONE || key->suite >= SUITE_COUNT)
		return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->key = *key;
	err = create_all(c, type);
	if (err) {
		context_free(c);
		return err;
	}
	*ret = c;
	return 0;
}

/* The library keeps a stream for each SSRC for good: forget the oldest. */
static void note_ssrc(struct context *c, uint32_t ssrc)
{
	for (unsigned i = 0; i < c->ssrc_count; i++)
		if (c->ssrc[i] == ssrc)
			return;
	if (c->ssrc_count < SSRCS) {
		c->ssrc[c->ssrc_count++] = ssrc;
		return;
	}
	srtp_remove_stream(c->srtp, c->ssrc[c->ssrc_next]);
	if (c->srtcp != c->srtp)
		srtp_remove_stream(c->srtcp, c->ssrc[c->ssrc_next]);
	c->ssrc[c->ssrc_next] = ssrc;
	c->ssrc_next = (c->ssrc_next + 1) % SSRCS;
}

/* ---- legs -------------------------------------------------------------- */

static bool is_same_key(const struct suite_key *a, const struct suite_key *b)
{
	return a->suite == b->suite && a->mki_len == b->mki_len &&
	       !CRYPTO_memcmp(a->key, b->key, suite_key_len(a->suite)) &&
	       !memcmp(a->mki, b->mki, a->mki_len);
}

int srtp_leg_new(const struct suite_key *remote, const struct suite_key *local,
		 struct srtp_leg **ret_leg)
{
	struct srtp_leg *leg = calloc(1, sizeof(*leg));
	int err;

	if (!leg)
		return -ENOMEM;
	err = context_new(remote, ssrc_any_inbound, &leg->in[0]);
	if (!err)
		err = context_new(local, ssrc_any_outbound, &leg->out);
	if (err) {
		srtp_leg_free(leg);
		return err;
	}
	leg->in_count = 1;
	*ret_leg = leg;
	return 0;
}

static void drop_others(struct srtp_leg *leg)
{
	while (leg->in_count > 1) {
		context_free(leg->in[--leg->in_count]);
		leg->in[leg->in_count] = NULL;
	}
}

/* A context in which `ssrc` has rolled over `roc` times already. */
static int context_new_at(const struct suite_key *key, uint32_t ssrc,
			  uint32_t roc, struct context **ret)
{
	struct plan p;
	struct context *c;
	int err = context_new(key, ssrc_any_inbound, &c);

	if (err)
		return err;
	plan(&p, c, (srtp_ssrc_t){ ssrc_specific, ssrc },
	     policies[key->suite].rtp);
	err = translate(srtp_add_stream(c->srtp, &p.policy));
	if (!err)
		err = translate(srtp_set_stream_roc(c->srtp, ssrc, roc));
	if (err) {
		context_free(c);
		return err;
	}
	c->ssrc[c->ssrc_count++] = ssrc;
	*ret = c;
	return 0;
}

/* The new key with the counter going on, if there is one that counts. */
static int follow(const struct suite_key *key, const struct context *old,
		  struct context **ret)
{
	uint32_t roc = 0, ssrc;

	for (unsigned i = 0; i < old->ssrc_count; i++) {
		ssrc = old->ssrc[i];
		if (!srtp_get_stream_roc(old->srtp, ssrc, &roc) && roc)
			return context_new_at(key, ssrc, roc, ret);
	}
	return 0;
}

static int change_remote(struct srtp_leg *leg, const struct suite_key *remote)
{
	struct context *anew = NULL, *on = NULL;
	int err = context_new(remote, ssrc_any_inbound, &anew);

	if (!err)
		err = follow(remote, leg->in[0], &on);
	if (err) {
		context_free(anew);
		return err;
	}
	drop_others(leg);
	leg->in[leg->in_count++] = leg->in[0];
	leg->in[0] = anew;
	if (on)
		leg->in[leg->in_count++] = on;
	leg->opened = 0;
	return 0;
}

int srtp_leg_update(struct srtp_leg *leg, const struct suite_key *remote,
		    const struct suite_key *local)
{
	struct context *out = NULL;
	int err = 0;

	if (!is_same_key(&leg->out->key, local))
		err = context_new(local, ssrc_any_outbound, &out);
	if (!err && !is_same_key(&leg->in[0]->key, remote))
		err = change_remote(leg, remote);
	if (err) {
		context_free(out);
		return err;
	}
	if (out) {
		context_free(leg->out);
		leg->out = out;
	}
	return 0;
}

void srtp_leg_free(struct srtp_leg *leg)
{
	if (!leg)
		return;
	for (unsigned i = 0; i < CONTEXTS; i++)
		context_free(leg->in[i]);
	context_free(leg->out);
	free(leg);
}

/* ---- packets ----------------------------------------------------------- */

typedef int open_fn(struct context *c, uint8_t *data, int *len);

static int open_rtp(struct context *c, uint8_t *data, int *len)
{
	return translate(
		srtp_unprotect_mki(c->srtp, data, len, c->key.mki_len > 0));
}

static int open_rtcp(struct context *c, uint8_t *data, int *len)
{
	return translate(srtp_unprotect_rtcp_mki(c->srtcp, data, len,
						 c->key.mki_len > 0));
}

static int open_with(struct context *c, open_fn *open, uint32_t ssrc,
		     uint8_t *data, size_t *len)
{
	int n = (int)*len;
	int err = open(c, data, &n);

	if (err)
		return err;
	note_ssrc(c, ssrc);
	*len = (size_t)n;
	return 0;
}

static void promote(struct srtp_leg *leg, unsigned i)
{
	struct context *c = leg->in[i];

	leg->in[i] = leg->in[0];
	leg->in[0] = c;
	leg->opened = 0;
}

/*
 * The check for replays comes before the one of the key, so that either
 * refusal may only mean that this is the wrong key.
 */
static int try_others(struct srtp_leg *leg, open_fn *open, uint32_t ssrc,
		      const uint8_t *packet, uint8_t *data, size_t *len)
{
	int err = -EBADMSG;

	for (unsigned i = 1; err && err != -ENOMEM && i < leg->in_count; i++) {
		memcpy(data, packet, *len);
		err = open_with(leg->in[i], open, ssrc, data, len);
		if (!err)
			promote(leg, i);
	}
	return err;
}

enum { PACKET_MAX = 2048 };

static int open_packet(struct srtp_leg *leg, open_fn *open, uint32_t ssrc,
		       uint8_t *data, size_t *len)
{
	uint8_t packet[PACKET_MAX];
	size_t size = *len;
	int err, other;

	if (leg->in_count == 1)
		return open_with(leg->in[0], open, ssrc, data, len);
	if (size > sizeof(packet))
		return -EBADMSG;
	memcpy(packet, data, size);
	err = open_with(leg->in[0], open, ssrc, data, len);
	if (err == -EBADMSG || err == -EEXIST) {
		other = try_others(leg, open, ssrc, packet, data, len);
		return other == -EBADMSG ? err : other;
	}
	if (!err && ++leg->opened >= SETTLED)
		drop_others(leg);
	return err;
}

int srtp_leg_open_rtp(struct srtp_leg *leg, uint8_t *data, size_t *len)
{
	if (*len < 12)
		return -EBADMSG;
	return open_packet(leg, open_rtp, buf_get_u32(data + 8), data, len);
}

int srtp_leg_open_rtcp(struct srtp_leg *leg, uint8_t *data, size_t *len)
{
	if (*len < 8)
		return -EBADMSG;
	return open_packet(leg, open_rtcp, buf_get_u32(data + 4), data, len);
}

int srtp_leg_seal_rtcp(struct srtp_leg *leg, uint8_t *data, size_t *len)
{
	int n = (int)*len;
	int err = translate(srtp_protect_rtcp_mki(
		leg->out->srtcp, data, &n, leg->out->key.mki_len > 0, 0));

	if (!err)
		*len = (size_t)n;
	return err;
}
