/* SPDX-License-Identifier: MIT */
#include "streamer/rtmp_shake.h"

#include "lib/crypto.h"
#include "tests/unit.h"

enum { SIZE = RTMP_SHAKE_SIZE, DIGEST = RTMP_SHAKE_DIGEST };

static const uint8_t key_end[] = { 0xf0, 0xee, 0xc2, 0x4a, 0x80, 0x68, 0xbe,
				   0xe8, 0x2e, 0x00, 0xd0, 0xd1, 0x02, 0x9e,
				   0x7e, 0x57, 0x6e, 0xec, 0x5d, 0x2d, 0x29,
				   0x80, 0x6f, 0xab, 0x93, 0xb8, 0xe6, 0x36,
				   0xcf, 0xeb, 0x31, 0xae };

/* RFC 4231, test case 2. */
static int test_hmac(void)
{
	static const uint8_t want[] = { 0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60,
					0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26,
					0x08, 0x95, 0x75, 0xc7, 0x5a, 0x00,
					0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83,
					0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec,
					0x38, 0x43 };
	static const char text[] = "what do ya want for nothing?";
	uint8_t got[CRYPTO_SHA256_SIZE];
	int err = 0;

	CHECK_OK(crypto_hmac("Jefe", 4, text, strlen(text), got));
	CHECK(!memcmp(got, want, sizeof(want)));
out:
	return err;
}

/* Another seed, other bytes; the digest's place moves with them. */
static int test_plain(void)
{
	uint8_t c1[SIZE], again[SIZE], s1[SIZE], c2[SIZE];
	struct rtmp_shake h;
	int err = 0;

	CHECK_OK(rtmp_shake_begin(&h, false, 1, c1));
	CHECK(!memcmp(c1, "\0\0\0\0\0\0\0\0", 8));
	CHECK_OK(rtmp_shake_begin(&h, false, 3, again));
	CHECK(memcmp(c1, again, SIZE));
	CHECK_OK(rtmp_shake_answer(&h, again, c2));
	CHECK(!memcmp(c2, again, SIZE));
	CHECK(!rtmp_shake_is_proven(&h, c1));
	/* A server without digests gets an echo. */
	memset(s1, 7, sizeof(s1));
	CHECK_OK(rtmp_shake_begin(&h, true, 1, c1));
	CHECK(c1[4]);
	CHECK_OK(rtmp_shake_answer(&h, s1, c2));
	CHECK(!memcmp(c2, s1, SIZE));
	CHECK(!rtmp_shake_is_proven(&h, c1));
out:
	return err;
}

static int sign(uint8_t *block, size_t at, const char *name)
{
	uint8_t rest[SIZE - DIGEST];

	memcpy(rest, block, at);
	memcpy(rest + at, block + at + DIGEST, sizeof(rest) - at);
	return crypto_hmac(name, strlen(name), rest, sizeof(rest), block + at);
}

static int prove(const char *name, const uint8_t *digest, const uint8_t *block,
		 uint8_t *ret)
{
	uint8_t key[80], own[DIGEST];
	size_t len = strlen(name);
	int err;

	memcpy(key, name, len);
	memcpy(key + len, key_end, sizeof(key_end));
	err = crypto_hmac(key, len + sizeof(key_end), digest, DIGEST, own);
	return err ? err : crypto_hmac(own, DIGEST, block, SIZE - DIGEST, ret);
}

static size_t place(const uint8_t *block, size_t at)
{
	size_t sum = 0;

	for (size_t i = 0; i < 4; i++)
		sum += block[at + i];
	return at + 4 + sum % 728;
}

/* A server of our own, with its digest in either place. */
static int digest_at(size_t where)
{
	uint8_t c1[SIZE], s1[SIZE], c2[SIZE], s2[SIZE], want[DIGEST];
	struct rtmp_shake h;
	size_t at;
	int err = 0;

	CHECK_OK(rtmp_shake_begin(&h, true, 5, c1));
	at = place(c1, 8);
	memcpy(s2, c1, SIZE);
	CHECK_OK(sign(s2, at, "Genuine Adobe Flash Player 001"));
	CHECK(!memcmp(s2, c1, SIZE));

	memset(s1, 0x5a, sizeof(s1));
	CHECK_OK(sign(s1, place(s1, where),
		      "Genuine Adobe Flash Media Server 001"));
	CHECK_OK(rtmp_shake_answer(&h, s1, c2));
	CHECK_OK(prove("Genuine Adobe Flash Player 001", s1 + place(s1, where),
		       c2, want));
	CHECK(!memcmp(c2 + SIZE - DIGEST, want, DIGEST));

	CHECK_OK(prove("Genuine Adobe Flash Media Server 001", c1 + at, s2,
		       s2 + SIZE - DIGEST));
	CHECK(rtmp_shake_is_proven(&h, s2));
	s2[9] ^= 1;
	CHECK(!rtmp_shake_is_proven(&h, s2));
out:
	return err;
}

static int test_digest(void)
{
	int err = digest_at(8);

	return err ? err : digest_at(772);
}

static const struct unit_test tests[] = {
	{ "hmac", test_hmac, 0 },
	{ "plain", test_plain, 0 },
	{ "digest", test_digest, 0 },
};

UNIT_MAIN(tests)
