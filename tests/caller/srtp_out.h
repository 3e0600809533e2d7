/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_CALLER_SRTP_OUT_H
#define UPCAST_CALLER_SRTP_OUT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"

/*
 * One key for all that the caller sends, by libsrtp2. The only user of it in
 * tests/caller.
 */
struct srtp_out;

enum { SRTP_OUT_KEY_MAX = 44, SRTP_OUT_TRAILER = 64 };

/* -ENOTSUP: no suite of that name. The key is chance. */
int srtp_out_new(const char *suite, struct srtp_out **ret) ATTR_MUST_CHECK;
void srtp_out_free(struct srtp_out *s);
/* "SUITE inline:KEY" for a=crypto. */
const char *srtp_out_inline(const struct srtp_out *s);
/* In place; the room is len + SRTP_OUT_TRAILER. The new length, or -EPROTO. */
int srtp_out_protect(struct srtp_out *s, uint8_t *packet,
		     size_t len) ATTR_MUST_CHECK;
int srtp_out_protect_rtcp(struct srtp_out *s, uint8_t *packet,
			  size_t len) ATTR_MUST_CHECK;

#endif
