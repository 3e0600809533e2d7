/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SIP_FRAME_H
#define UPCAST_SIP_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"

/*
 * Where one SIP message ends and the next begins (RFC 3261 sections 7.5 and
 * 18.3, RFC 5626 section 3.5.1). Pure.
 *
 * On a stream the reader keeps what it has received in one buffer and asks
 * again after each read; the framer remembers how far it has looked, so a
 * message that comes byte by byte is not scanned again and again.
 *
 *	struct sip_framer f = { .max_head = ..., .max_body = ... };
 *
 *	buf_consume(&in, sip_frame_keepalive(in.data, in.len, &pings));
 *	err = sip_frame_next(&f, in.data, in.len, &frame);
 *	if (!err)
 *		handle(in.data, &frame), buf_consume(&in, frame.len);
 */
struct sip_framer {
	size_t max_head, max_body; /* bytes */
	size_t scanned;		   /* own state; 0 at the start */
	size_t head_len;
};

struct sip_frame {
	size_t head_len; /* start line to the empty line, both included */
	size_t body_len;
	size_t len; /* what to drop from the buffer before the next */
};

/*
 * How many leading bytes are empty lines to drop; `*ret_pings` counts the
 * double ones among them, each of which is to be answered with one CRLF. A
 * half of a pair stays until the other half, or a message, has come.
 */
size_t sip_frame_keepalive(const uint8_t *data, size_t len,
			   unsigned *ret_pings);

/*
 * Errors: -EAGAIN more bytes are needed. -EMSGSIZE head or body are over the
 * limit, -EBADMSG Content-Length is missing, double or no number: the stream
 * is lost, but if `ret->head_len` is not 0 the head is whole and can still be
 * answered before the connection is closed.
 */
int sip_frame_next(struct sip_framer *f, const uint8_t *data, size_t len,
		   struct sip_frame *ret) ATTR_MUST_CHECK;

/*
 * The same for a datagram: without a Content-Length the rest is the body, what
 * comes behind the body is ignored. -EBADMSG too when the body is cut.
 */
int sip_frame_datagram(const uint8_t *data, size_t len,
		       struct sip_frame *ret) ATTR_MUST_CHECK;

#endif
