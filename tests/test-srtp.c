/* SPDX-License-Identifier: MIT */
#include "streamer/srtp.h"

#include <time.h>

#include <srtp2/srtp.h>

#include "lib/buf.h"
#include "tests/unit.h"

/* The peer: libsrtp2 as it is, with a master key of `fill`. */
struct peer {
	srtp_t srtp;
	bool mki;
};

static struct suite_key key_of(enum suite suite, uint8_t fill, bool mki)
{
	struct suite_key k = { .suite = suite };

	memset(k.key, fill, suite_key_len(suite));
	if (mki) {
		k.mki_len = 2;
		k.mki[1] = fill;
	}
	return k;
}

static int peer_open(struct peer *p, struct suite_key *key,
		     srtp_ssrc_type_t direction)
{
	static void (*const rtp[])(srtp_crypto_policy_t *) = {
		[SUITE_AES_CM_128_HMAC_SHA1_80] =
			srtp_crypto_policy_set_rtp_default,
		[SUITE_AES_CM_128_HMAC_SHA1_32] =
			srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32,
		[SUITE_AEAD_AES_128_GCM] =
			srtp_crypto_policy_set_aes_gcm_128_16_auth,
		[SUITE_AEAD_AES_256_GCM] =
			srtp_crypto_policy_set_aes_gcm_256_16_auth,
	};
	srtp_master_key_t m = { key->key, key->mki, key->mki_len }, *ms = &m;
	srtp_policy_t policy = { .ssrc.type = direction, .window_size = 128 };

	/* The side that reads has RTCP alone, and libsrtp2 its bug with MKI. */
	rtp[direction == ssrc_any_inbound &&
			    key->suite == SUITE_AES_CM_128_HMAC_SHA1_32
		    ? SUITE_AES_CM_128_HMAC_SHA1_80
		    : key->suite](&policy.rtp);
	rtp[key->suite == SUITE_AES_CM_128_HMAC_SHA1_32
		    ? SUITE_AES_CM_128_HMAC_SHA1_80
		    : key->suite](&policy.rtcp);
	policy.key = key->mki_len ? NULL : key->key;
	policy.keys = key->mki_len ? &ms : NULL;
	policy.num_master_keys = !!key->mki_len;
	p->mki = key->mki_len;
	return srtp_create(&p->srtp, &policy) ? -ENOMEM : 0;
}

static void peer_close(struct peer *p)
{
	if (p->srtp)
		srtp_dealloc(p->srtp);
}

/* An RTP packet of the peer, encrypted; its length, or negative. */
static int make_rtp(struct peer *p, uint16_t seq, uint32_t ssrc, uint8_t *dst,
		    int payload)
{
	int len = 12 + payload;

	memset(dst, 0x77, (size_t)len);
	dst[0] = 0x80;
	dst[1] = 96;
	buf_put_u16(dst + 2, seq);
	buf_put_u32(dst + 8, ssrc);
	return srtp_protect_mki(p->srtp, dst, &len, p->mki, 0) ? -1 : len;
}

static int open_one(struct srtp_leg *leg, struct peer *p, uint16_t seq,
		    uint32_t ssrc)
{
	uint8_t packet[300];
	int n = make_rtp(p, seq, ssrc, packet, 200), err;
	size_t len = (size_t)n;

	if (n < 0)
		return -EIO;
	err = srtp_leg_open_rtp(leg, packet, &len);
	if (err)
		return err;
	return len == 212 && packet[12] == 0x77 && packet[211] == 0x77 ? 0
								       : -EIO;
}

static int check_suite(enum suite suite, bool mki)
{
	struct suite_key remote = key_of(suite, 1, mki),
			 local = key_of(suite, 2, mki);
	struct peer out = { 0 }, in = { 0 };
	struct srtp_leg *leg = NULL;
	uint8_t packet[300] = { 0x81, 201, 0, 7 }, copy[300];
	size_t len = 32;
	int n, err = srtp_leg_new(&remote, &local, &leg);

	CHECK_OK(err);
	CHECK_OK(peer_open(&out, &remote, ssrc_any_outbound));
	CHECK_OK(peer_open(&in, &local, ssrc_any_inbound));
	CHECK_OK(open_one(leg, &out, 10, 5));
	CHECK_OK(open_one(leg, &out, 12, 5));
	CHECK_OK(open_one(leg, &out, 11, 5));

	/* A replay, a changed byte, a cut, nothing. */
	n = make_rtp(&out, 13, 5, packet, 100);
	memcpy(copy, packet, (size_t)n);
	len = (size_t)n;
	CHECK_OK(srtp_leg_open_rtp(leg, packet, &len));
	memcpy(packet, copy, (size_t)n);
	len = (size_t)n;
	CHECK_ERR(srtp_leg_open_rtp(leg, packet, &len), -EEXIST);
	n = make_rtp(&out, 14, 5, packet, 100);
	packet[50] ^= 1;
	len = (size_t)n;
	CHECK_ERR(srtp_leg_open_rtp(leg, packet, &len), -EBADMSG);
	for (len = 0; len < 40; len++) {
		size_t cut = len;

		CHECK_ERR(srtp_leg_open_rtp(leg, packet, &cut), -EBADMSG);
	}

	/* Our report, read by the peer; the peer's, read by us. */
	memset(packet, 0, sizeof(packet));
	packet[0] = 0x80;
	packet[1] = 201;
	packet[3] = 1;
	len = 8;
	CHECK_OK(srtp_leg_seal_rtcp(leg, packet, &len));
	CHECK(len > 8 && len <= 8 + SRTP_TRAILER_MAX);
	n = (int)len;
	CHECK_EQ(srtp_unprotect_rtcp_mki(in.srtp, packet, &n, mki), 0);
	CHECK_EQ(n, 8);
	CHECK_EQ(srtp_protect_rtcp_mki(out.srtp, packet, &n, mki, 0), 0);
	len = (size_t)n;
	CHECK_OK(srtp_leg_open_rtcp(leg, packet, &len));
	CHECK_EQ(len, 8);
	len = 4;
	CHECK_ERR(srtp_leg_open_rtcp(leg, packet, &len), -EBADMSG);
out:
	srtp_leg_free(leg);
	peer_close(&out);
	peer_close(&in);
	return err;
}

static int test_suites(void)
{
	int err = 0;

	for (int i = SUITE_NONE + 1; i < SUITE_COUNT; i++) {
		err = check_suite((enum suite)i, false);
		CHECK_OK(err);
		err = check_suite((enum suite)i, true);
		CHECK_OK(err);
	}
out:
	return err;
}

/*
 * A new key in mid-call, after the sequence has rolled over: packets of the
 * old key still come, and the peer's counter goes on (`goes_on`) or not.
 */
static int rekey(enum suite suite, bool goes_on)
{
	struct suite_key old = key_of(suite, 1, false),
			 new = key_of(suite, 3, false);
	struct peer before = { 0 }, after = { 0 };
	struct srtp_leg *leg = NULL;
	uint8_t packet[300];
	size_t len;
	int n, err = srtp_leg_new(&old, &old, &leg);

	CHECK_OK(err);
	CHECK_OK(peer_open(&before, &old, ssrc_any_outbound));
	CHECK_OK(peer_open(&after, &new, ssrc_any_outbound));
	CHECK_OK(open_one(leg, &before, 65534, 5));
	CHECK_OK(open_one(leg, &before, 1, 5)); /* the counter is 1 */
	err = srtp_leg_update(leg, &new, &old);
	CHECK_OK(err);
	CHECK_OK(open_one(leg, &before, 2, 5));
	CHECK_OK(make_rtp(&after, 3, 5, packet, 10) < 0);
	if (goes_on)
		CHECK_EQ(srtp_set_stream_roc(after.srtp, 5, 1), 0);
	for (uint16_t seq = 4; seq < 1000; seq++) {
		err = open_one(leg, &after, seq, 5);
		CHECK_OK(err);
		if (seq == 5)
			CHECK_OK(open_one(leg, &before, 4, 5));
	}
	/* By now the old key is forgotten. */
	n = make_rtp(&before, 2000, 5, packet, 10);
	len = (size_t)n;
	CHECK_ERR(srtp_leg_open_rtp(leg, packet, &len), -EBADMSG);
out:
	srtp_leg_free(leg);
	peer_close(&before);
	peer_close(&after);
	return err;
}

static int test_rekey(void)
{
	int err = 0;

	for (int i = SUITE_NONE + 1; i < SUITE_COUNT; i++) {
		err = rekey((enum suite)i, true);
		CHECK_OK(err);
		err = rekey((enum suite)i, false);
		CHECK_OK(err);
	}
out:
	return err;
}

/* The same keys again: replays stay replays, our index goes on. */
static int test_same_key(void)
{
	struct suite_key k = key_of(SUITE_AEAD_AES_128_GCM, 1, false);
	struct peer p = { 0 };
	struct srtp_leg *leg = NULL;
	uint8_t a[64] = { 0x80, 201, 0, 1 }, b[64] = { 0x80, 201, 0, 1 };
	uint8_t packet[300], copy[300];
	size_t len = 8;
	int n, err = srtp_leg_new(&k, &k, &leg);

	CHECK_OK(err);
	CHECK_OK(peer_open(&p, &k, ssrc_any_outbound));
	n = make_rtp(&p, 1, 5, packet, 20);
	memcpy(copy, packet, sizeof(copy));
	CHECK_OK(srtp_leg_seal_rtcp(leg, a, &len));
	len = (size_t)n;
	CHECK_OK(srtp_leg_open_rtp(leg, packet, &len));
	err = srtp_leg_update(leg, &k, &k);
	CHECK_OK(err);
	len = (size_t)n;
	CHECK_ERR(srtp_leg_open_rtp(leg, copy, &len), -EEXIST);
	len = 8;
	CHECK_OK(srtp_leg_seal_rtcp(leg, b, &len));
	CHECK(memcmp(a + 8, b + 8, len - 8));
out:
	srtp_leg_free(leg);
	peer_close(&p);
	return err;
}

/* Many senders under one key: the state of few of them is kept. */
static int test_senders(void)
{
	struct suite_key k = key_of(SUITE_AES_CM_128_HMAC_SHA1_80, 1, false);
	struct peer p = { 0 };
	struct srtp_leg *leg = NULL;
	int err = srtp_leg_new(&k, &k, &leg);

	CHECK_OK(err);
	CHECK_OK(peer_open(&p, &k, ssrc_any_outbound));
	for (uint32_t ssrc = 1; ssrc < 100; ssrc++) {
		err = open_one(leg, &p, 7, ssrc);
		CHECK_OK(err);
		err = open_one(leg, &p, 8, ssrc);
		CHECK_OK(err);
	}
	CHECK_ERR(srtp_leg_new(&(struct suite_key){ 0 }, &k, &leg), -EINVAL);
out:
	srtp_leg_free(leg);
	peer_close(&p);
	return err;
}

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* What a video packet costs, for the eye: `test-srtp cost`. */
static int test_cost(void)
{
	enum { N = 2000 };
	static uint8_t packets[N][1100];
	int err = 0;

	for (int i = SUITE_NONE + 1; i < SUITE_COUNT; i++) {
		struct suite_key k = key_of((enum suite)i, 1, false);
		struct peer p = { 0 };
		struct srtp_leg *leg = NULL;
		uint64_t ns = 0;

		CHECK_OK(srtp_leg_new(&k, &k, &leg));
		CHECK_OK(peer_open(&p, &k, ssrc_any_outbound));
		for (int n = 0; n < N; n++)
			make_rtp(&p, (uint16_t)n, 5, packets[n], 977);
		ns = cpu_ns();
		for (int n = 0; n < N; n++) {
			size_t len = 989 + (i == 1 ? 10 : i == 2 ? 4 : 16);

			CHECK_OK(srtp_leg_open_rtp(leg, packets[n], &len));
		}
		printf("# %s: %u ns a packet of 989 bytes\n",
		       suite_name((enum suite)i),
		       (unsigned)((cpu_ns() - ns) / N));
		srtp_leg_free(leg);
		peer_close(&p);
	}
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "suites", test_suites, 0 },
	{ "another key in mid-call", test_rekey, 0 },
	{ "the same key again", test_same_key, 0 },
	{ "many senders", test_senders, 0 },
	{ "cost", test_cost, UNIT_NO_OOM },
};

/* UNIT_MAIN, after what a program does once. */
int main(int argc, char **argv)
{
	if (srtp_start()) {
		printf("Bail out! a self test of libsrtp2 failed\n");
		return 1;
	}
	return unit_main(tests, ARRAY_SIZE(tests), argc, argv);
}
