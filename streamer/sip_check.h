/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SIP_CHECK_H
#define UPCAST_SIP_CHECK_H

#include "lib/attr.h"
#include "streamer/sip_head.h"

/*
 * What RFC 3261 demands of a message before anyone acts on it, and what we are
 * able to serve. The parser behind this (osip) lets most violations pass. Pure.
 *
 * Both return 0 if there is nothing to object to, the status code of the
 * answer that the request earns (400, 405, 415, 416, 420, 501, 505 ...), or
 * -EBADMSG for what is to be dropped in silence: broken responses, broken ACKs,
 * and requests without a Via that an answer could follow back. `*ret_why` is
 * then a sentence for the log and the Warning of the answer.
 */

/* Methods, in the order of the Allow header; the rest is not served. */
enum sip_method {
	SIP_INVITE,
	SIP_ACK,
	SIP_CANCEL,
	SIP_OPTIONS,
	SIP_INFO,
	SIP_BYE,
	SIP_UPDATE,
	SIP_KNOWN,   /* another method of the RFCs: 405 */
	SIP_UNKNOWN, /* 501 */
};

enum sip_method sip_check_method(struct lex_span method);
const char *sip_check_method_name(enum sip_method method);

/*
 * Syntax and arithmetic: start line, header fields, their number, Content-
 * Length against `body_len`, CSeq against the method.
 */
int sip_check_message(const struct sip_head *head, size_t body_len,
		      const char **ret_why) ATTR_MUST_CHECK;

/*
 * RFC 3261 section 8.2, in its order: method, scheme, extensions, body. Only
 * for requests that passed sip_check_message(). `ret_tag` gets the option tag
 * that a 420 complains of.
 */
int sip_check_support(const struct sip_head *head, size_t body_len,
		      const char **ret_why,
		      struct lex_span *ret_tag) ATTR_MUST_CHECK;

/* The header values that go with those answers. */
#define SIP_CHECK_ALLOWED "INVITE,ACK,CANCEL,OPTIONS,INFO,BYE,UPDATE"
#define SIP_CHECK_ACCEPTED "application/sdp"
#define SIP_CHECK_SUPPORTED "timer,X-cisco-callinfo"

/* Does a list header (Supported, Require, Allow) name that word? */
bool sip_check_lists(const struct sip_head *head, enum sip_name name,
		     const char *word);

#endif
