/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_RTMP_SHAKE_H
#define UPCAST_RTMP_SHAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/attr.h"

/*
 * The client's handshake of RTMP in both its forms. Pure.
 *
 * The plain one is that of Adobe's specification 1.0, section 5.2. In the
 * digest form, which no specification has and some servers of Adobe's kin want,
 * C1 carries an HMAC-SHA256 of itself at a place that four of its bytes tell,
 * and the last bytes of C2 and S2 prove that the other's digest was found. A
 * server that knows only the plain form ignores all that: its S1 has no digest,
 * and C2 is then the plain one.
 *
 *	rtmp_shake_begin(&h, digest, seed, c1);
 *	rtmp_shake_answer(&h, s1, c2);
 *	proven = rtmp_shake_is_proven(&h, s2);
 *
 * Errors: -ENOMEM.
 */
enum { RTMP_SHAKE_SIZE = 1536, RTMP_SHAKE_DIGEST = 32 };

struct rtmp_shake {
	bool digest; /* the form that C1 has */
	uint8_t ours[RTMP_SHAKE_DIGEST];
};

/* `seed`: what the bytes that mean nothing are made from. */
int rtmp_shake_begin(struct rtmp_shake *h, bool digest, uint64_t seed,
		     uint8_t ret_c1[RTMP_SHAKE_SIZE]) ATTR_MUST_CHECK;
int rtmp_shake_answer(const struct rtmp_shake *h,
		      const uint8_t s1[RTMP_SHAKE_SIZE],
		      uint8_t ret_c2[RTMP_SHAKE_SIZE]) ATTR_MUST_CHECK;
/* Whether the server found our digest. Nobody insists on it: for the log. */
bool rtmp_shake_is_proven(const struct rtmp_shake *h,
			  const uint8_t s2[RTMP_SHAKE_SIZE]);

#endif
