/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SRTP_H
#define UPCAST_SRTP_H

#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "streamer/suite.h"

/*
 * SRTP and SRTCP (RFC 3711, RFC 7714) of one m-line: what the peer sends is
 * verified and decrypted, our RTCP is encrypted. libsrtp2 has the protocol,
 * OpenSSL the ciphers (srtp_crypto.h).
 *
 * Life cycle: srtp_start() once in a program, before threads. srtp_leg_new()
 * with the keys of offer and answer, srtp_leg_update() with those of the next,
 * srtp_leg_free(). A key that stays keeps its counters, which must not begin
 * anew. After a change the old key still serves what is on its way, and the
 * roll-over counter may go on or begin anew: peers do either.
 *
 * Errors: -EBADMSG not what the key has made; -EEXIST a replay, or older than
 * the window; -ENOMEM; -EINVAL no such suite.
 */
enum {
	/* Room behind a packet that is to be encrypted. */
	SRTP_TRAILER_MAX = 16 + 4 + SUITE_MKI_MAX,
};

struct srtp_leg;

int srtp_start(void) ATTR_MUST_CHECK;

int srtp_leg_new(const struct suite_key *remote, const struct suite_key *local,
		 struct srtp_leg **ret_leg) ATTR_MUST_CHECK;
int srtp_leg_update(struct srtp_leg *leg, const struct suite_key *remote,
		    const struct suite_key *local) ATTR_MUST_CHECK;
void srtp_leg_free(struct srtp_leg *leg);

/* In place; `len` becomes shorter. */
int srtp_leg_open_rtp(struct srtp_leg *leg, uint8_t *data,
		      size_t *len) ATTR_MUST_CHECK;
int srtp_leg_open_rtcp(struct srtp_leg *leg, uint8_t *data,
		       size_t *len) ATTR_MUST_CHECK;
/* In place; `len` grows by at most SRTP_TRAILER_MAX. */
int srtp_leg_seal_rtcp(struct srtp_leg *leg, uint8_t *data,
		       size_t *len) ATTR_MUST_CHECK;

#endif
