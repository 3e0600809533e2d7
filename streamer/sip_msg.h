/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SIP_MSG_H
#define UPCAST_SIP_MSG_H

#include "lib/buf.h"
#include "streamer/sip_addr.h"
#include "streamer/sip_check.h"
#include "streamer/sip_frame.h"

/*
 * One received SIP message: cut up and checked by us, its addresses and URIs
 * taken apart by osip, which only this module knows. Writing is text. Pure.
 *
 * osip's own messages are not used. What a peer must get back byte for byte
 * comes out of them respelled (a proxy's <sip:%41%2f@p;lr> as <sip:A/@p;lr>);
 * behind the check they would save 80 lines here, for 22 us a message, and
 * read bodies and header fields that nobody has checked.
 *
 * Life cycle: sip_msg_new(), sip_msg_free(). The strings are never NULL and
 * live as long as the message.
 */
struct osip_from;
struct osip_uri;
struct osip_via;

struct sip_msg {
	char *text; /* own copy: the head in pieces, the body */
	struct sip_head head;
	const char *body;
	size_t body_len;
	struct osip_uri *uri; /* of the request; these are NULL in a refusal */
	struct osip_via *via; /* topmost */
	struct osip_from *from, *to;
	struct osip_from *contact; /* NULL: none */

	int refusal; /* a request that only earns this status */
	const char *why;
	char unsupported[64]; /* the option tag behind a 420 */

	enum sip_method method; /* of the request, also that of a response */
	int status;		/* 0: a request */
	uint32_t cseq;
	const char *call_id;
	const char *from_tag, *to_tag; /* "" where there is none */
	const char *branch;	       /* of the topmost Via */
};

/* Once, before anything else: osip would print what it cannot read. */
void sip_msg_init(void);

/*
 * Errors: -EBADMSG to be dropped, `*ret_why` says why; -ENOMEM. `broken`: 0, or
 * why the frame's length is not to be trusted, which earns a 400 at least, or
 * 513 for -EMSGSIZE.
 */
int sip_msg_new(const uint8_t *data, const struct sip_frame *frame, int broken,
		struct sip_msg **ret, const char **ret_why) ATTR_MUST_CHECK;
void sip_msg_free(struct sip_msg *m);

/* The value of the first such field, "" if there is none. */
const char *sip_msg_value(const struct sip_msg *m, enum sip_name name);
/* Session-Expires and its like: the number, or `missing`. */
uint32_t sip_msg_seconds(const struct sip_msg *m, enum sip_name name,
			 uint32_t missing);

/* The user part of the request URI, decoded; "" without one. */
const char *sip_msg_request_user(const struct sip_msg *m);
/* User and host of the From URI, and its display name without quotes. */
int sip_msg_caller(const struct sip_msg *m, struct buf *dst) ATTR_MUST_CHECK;
int sip_msg_display(const struct sip_msg *m, struct buf *dst) ATTR_MUST_CHECK;

/*
 * Contact: its URI (-ENOENT if there is none), and the stream URL that the
 * bridge puts there (x-cisco-stream), unquoted.
 */
int sip_msg_contact_uri(const struct sip_msg *m,
			struct buf *dst) ATTR_MUST_CHECK;
bool sip_msg_stream_url(const struct sip_msg *m, char *dst, size_t size);

/* The SDP in the body, also as a part of a multipart/mixed; false: none. */
bool sip_msg_sdp(const struct sip_msg *m, const char **ret, size_t *ret_len);

/*
 * The record-routed path, `i`th value as it stands; -ENOENT behind the last.
 */
int sip_msg_record_route(const struct sip_msg *m, int i,
			 struct buf *dst) ATTR_MUST_CHECK;

/* Where the topmost Via wants a datagram's answer: RFC 3261 18.2.2, 3581. */
void sip_msg_reply_address(const struct sip_msg *m,
			   const struct sockaddr_storage *source,
			   struct sockaddr_storage *ret);

/* The key of its transaction: the same for a request, its ACK and CANCEL. */
int sip_msg_key(const struct sip_msg *m, enum sip_method method,
		struct buf *dst) ATTR_MUST_CHECK;

/*
 * Notes in the topmost Via where the request came from: received and rport
 * (RFC 3261 section 18.2.1, RFC 3581). Once, before anything is answered.
 */
int sip_msg_stamp(struct sip_msg *m,
		  const struct sockaddr_storage *source) ATTR_MUST_CHECK;

/*
 * Host and port (0: not said) of the URI in "<sip:host:port;lr>" or without
 * the brackets. -EINVAL where it is none.
 */
int sip_msg_uri_place(const char *address, char *host, size_t size,
		      uint16_t *ret_port) ATTR_MUST_CHECK;
/* The URI itself, without name and brackets. */
int sip_msg_uri(const char *address, struct buf *dst) ATTR_MUST_CHECK;

/*
 * Begins a response: status line, Via, From, To (with `to_tag` if it has none
 * and that is not NULL), Call-ID, CSeq, and Record-Route where a dialog comes
 * of it. Further header lines may follow, then sip_msg_end().
 */
int sip_msg_begin(const struct sip_msg *request, int status, const char *to_tag,
		  struct buf *dst) ATTR_MUST_CHECK;
int sip_msg_end(struct buf *dst, const char *type, const char *body,
		size_t len) ATTR_MUST_CHECK;

#endif
