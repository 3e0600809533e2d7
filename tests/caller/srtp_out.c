/* SPDX-License-Identifier: MIT */
#include "tests/caller/srtp_out.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/evp.h>
#include <srtp2/srtp.h>

struct srtp_out {
	srtp_t session;
	uint8_t key[SRTP_OUT_KEY_MAX];
	char line[128];
};

static const struct {
	const char *name;
	srtp_profile_t profile; /* of RTP and RTCP, but for the short tag */
	size_t key_len;
} suites[] = {
	{ "AES_CM_128_HMAC_SHA1_80", srtp_profile_aes128_cm_sha1_80, 30 },
	{ "AES_CM_128_HMAC_SHA1_32", srtp_profile_aes128_cm_sha1_32, 30 },
	{ "AEAD_AES_128_GCM", srtp_profile_aead_aes_128_gcm, 28 },
	{ "AEAD_AES_256_GCM", srtp_profile_aead_aes_256_gcm, 44 },
};

static int make_session(struct srtp_out *s, srtp_profile_t profile)
{
	srtp_policy_t policy = { .ssrc = { .type = ssrc_any_outbound },
				 .key = s->key,
				 .window_size = 1024 };

	if (srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, profile) ||
	    srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, profile))
		return -ENOTSUP;
	return srtp_create(&s->session, &policy) ? -ENOMEM : 0;
}

int srtp_out_new(const char *suite, struct srtp_out **ret)
{
	struct srtp_out *s = calloc(1, sizeof(*s));
	char text[64];
	int err = -ENOTSUP;

	if (!s || srtp_init()) {
		free(s);
		return -ENOMEM;
	}
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++) {
		if (strcmp(suites[i].name, suite))
			continue;
		if (getrandom(s->key, sizeof(s->key), 0) !=
		    (ssize_t)sizeof(s->key))
			abort();
		EVP_EncodeBlock((unsigned char *)text, s->key,
				(int)suites[i].key_len);
		snprintf(s->line, sizeof(s->line), "%s inline:%s", suite, text);
		err = make_session(s, suites[i].profile);
	}
	if (err) {
		srtp_out_free(s);
		return err;
	}
	*ret = s;
	return 0;
}

void srtp_out_free(struct srtp_out *s)
{
	if (!s)
		return;
	if (s->session)
		srtp_dealloc(s->session);
	free(s);
	srtp_shutdown();
}

const char *srtp_out_inline(const struct srtp_out *s)
{
	return s->line;
}

int srtp_out_protect(struct srtp_out *s, uint8_t *packet, size_t len)
{
	int n = (int)len;

	return srtp_protect(s->session, packet, &n) ? -EPROTO : n;
}

int srtp_out_protect_rtcp(struct srtp_out *s, uint8_t *packet, size_t len)
{
	int n = (int)len;

	return srtp_protect_rtcp(s->session, packet, &n) ? -EPROTO : n;
}
