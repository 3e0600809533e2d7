/* SPDX-License-Identifier: MIT */
#include "streamer/rtmp_shake.h"

#include <string.h>

#include "lib/crypto.h"

enum {
	SIZE = RTMP_SHAKE_SIZE,
	DIGEST = RTMP_SHAKE_DIGEST,
	NAME_CLIENT = 30, /* of the keys: what digests of C1 and S1 are under */
	NAME_SERVER = 36,
	KEY_CLIENT = NAME_CLIENT + 32,
	KEY_SERVER = NAME_SERVER + 32,
	/* Where the four bytes are that tell the place of the digest. */
	PLACE_FIRST = 8,
	PLACE_SECOND = 772,
	PLACES = 728,
};

#define KEY_END                                                                \
	"\xf0\xee\xc2\x4a\x80\x68\xbe\xe8\x2e\x00\xd0\xd1\x02\x9e\x7e\x57"     \
	"\x6e\xec\x5d\x2d\x29\x80\x6f\xab\x93\xb8\xe6\x36\xcf\xeb\x31\xae"

static const char client_key[] = "Genuine Adobe Flash Player 001" KEY_END;
static const char server_key[] = "Genuine Adobe Flash Media Server 001" KEY_END;

/* Of a player that publishers of today still say they are. */
static const uint8_t client_version[] = { 9, 0, 124, 2 };

/* xorshift64*: the bytes need not be secret, only other than the last ones. */
static void fill(uint64_t seed, uint8_t *dst, size_t n)
{
	seed |= 1;
	for (size_t i = 0; i < n; i++) {
		seed ^= seed >> 12;
		seed ^= seed << 25;
		seed ^= seed >> 27;
		dst[i] = (uint8_t)(seed * 0x2545f4914f6cdd1dULL >> 56);
	}
}

static size_t place(const uint8_t *block, size_t at)
{
	return (size_t)(block[at] + block[at + 1] + block[at + 2] +
			block[at + 3]) %
		       PLACES +
	       at + 4;
}

/* The digest of a block: of all of it but the digest. */
static int make(const uint8_t *block, size_t at, const char *key,
		size_t key_len, uint8_t ret[DIGEST])
{
	uint8_t rest[SIZE - DIGEST];

	memcpy(rest, block, at);
	memcpy(rest + at, block + at + DIGEST, SIZE - DIGEST - at);
	return crypto_hmac(key, key_len, rest, sizeof(rest), ret);
}

/* What proves that `theirs` was found: a digest of all before it. */
static int prove(const uint8_t *block, const char *key, size_t key_len,
		 const uint8_t theirs[DIGEST], uint8_t ret[DIGEST])
{
	uint8_t own[DIGEST];
	int err = crypto_hmac(key, key_len, theirs, DIGEST, own);

	return err ? err : crypto_hmac(own, DIGEST, block, SIZE - DIGEST, ret);
}

/* Time 0, four zeros or a version, chance. */
int rtmp_shake_begin(struct rtmp_shake *h, bool digest, uint64_t seed,
		     uint8_t ret_c1[SIZE])
{
	size_t at;
	int err;

	*h = (struct rtmp_shake){ .digest = digest };
	memset(ret_c1, 0, 8);
	fill(seed, ret_c1 + 8, SIZE - 8);
	if (!digest)
		return 0;
	memcpy(ret_c1 + 4, client_version, sizeof(client_version));
	at = place(ret_c1, PLACE_FIRST);
	err = make(ret_c1, at, client_key, NAME_CLIENT, h->ours);
	if (!err)
		memcpy(ret_c1 + at, h->ours, DIGEST);
	return err;
}

/* Servers put theirs in either place. */
static int find(const uint8_t s1[SIZE], const uint8_t **ret_theirs)
{
	static const size_t places[] = { PLACE_FIRST, PLACE_SECOND };
	uint8_t digest[DIGEST];
	int err = 0;

	*ret_theirs = NULL;
	for (size_t i = 0; !err && i < ARRAY_SIZE(places); i++) {
		size_t at = place(s1, places[i]);

		err = make(s1, at, server_key, NAME_SERVER, digest);
		if (!err && !memcmp(digest, s1 + at, DIGEST))
			*ret_theirs = s1 + at;
	}
	return err;
}

int rtmp_shake_answer(const struct rtmp_shake *h, const uint8_t s1[SIZE],
		      uint8_t ret_c2[SIZE])
{
	const uint8_t *theirs = NULL;
	int err = h->digest ? find(s1, &theirs) : 0;

	memcpy(ret_c2, s1, SIZE);
	if (err || !theirs)
		return err;
	/* Which bytes come before the proof does not matter: an echo's do. */
	return prove(ret_c2, client_key, KEY_CLIENT, theirs,
		     ret_c2 + SIZE - DIGEST);
}

bool rtmp_shake_is_proven(const struct rtmp_shake *h, const uint8_t s2[SIZE])
{
	uint8_t digest[DIGEST];

	return h->digest &&
	       !prove(s2, server_key, KEY_SERVER, h->ours, digest) &&
	       !memcmp(digest, s2 + SIZE - DIGEST, DIGEST);
}
