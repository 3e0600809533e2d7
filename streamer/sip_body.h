/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SIP_BODY_H
#define UPCAST_SIP_BODY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The session description in the body of a message: the whole body, or one
 * part of a multipart/mixed (RFC 5621, RFC 2046 section 5.1). `type` is the
 * Content-Type. Pure; the result points into the body.
 */
bool sip_body_find_sdp(const char *type, const char *body, size_t len,
		       const char **ret, size_t *ret_len);

#endif
