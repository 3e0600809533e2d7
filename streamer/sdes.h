/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SDES_H
#define UPCAST_SDES_H

#include "lib/buf.h"
#include "streamer/suite.h"

/*
 * The crypto attribute of a session description (RFC 4568, RFC 7714): keys
 * that travel in the signalling. Pure.
 *
 *	1 AES_CM_128_HMAC_SHA1_80 inline:<base64>|2^31|1:4
 *
 * A lifetime is read and not kept: the media count packets themselves.
 */
struct sdes {
	uint32_t tag;
	struct suite_key key;
};

/*
 * Reads what follows "a=crypto:". Errors: -EBADMSG malformed; -ENOTSUP a
 * suite, a session parameter, several keys, or an identifier that we do not
 * speak: the line is then to be passed over.
 */
int sdes_parse(const char *value, struct sdes *ret) ATTR_MUST_CHECK;
/* Adds "a=crypto:... CRLF" without lifetime and identifier. */
int sdes_format(const struct sdes *s, struct buf *dst) ATTR_MUST_CHECK;

/*
 * Base64 (RFC 4648), padding optional. The decoded length, or -EBADMSG,
 * -EMSGSIZE.
 */
int sdes_decode(const char *text, size_t len, uint8_t *dst,
		size_t size) ATTR_MUST_CHECK;

#endif
