/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SIP_HEAD_H
#define UPCAST_SIP_HEAD_H

#include "lib/attr.h"
#include "streamer/sip_lex.h"

/*
 * The head of a SIP message as lines: start line and header fields, found but
 * not understood. Pure.
 *
 * sip_head_parse() works on the caller's copy of the head, undoes the folding
 * there, and points into it; the copy must outlive the struct. Names are known
 * by number, compact forms included; what has no number is SIP_OTHER, and a
 * line that is no header field at all SIP_BROKEN.
 */
enum sip_name {
	SIP_OTHER,
	SIP_BROKEN,
	SIP_ACCEPT,
	SIP_ALLOW,
	SIP_CALL_ID,
	SIP_CONTACT,
	SIP_CONTENT_ENCODING,
	SIP_CONTENT_LENGTH,
	SIP_CONTENT_TYPE,
	SIP_CSEQ,
	SIP_EXPIRES,
	SIP_FROM,
	SIP_MAX_FORWARDS,
	SIP_MIN_SE,
	SIP_PROXY_REQUIRE,
	SIP_RECORD_ROUTE,
	SIP_REQUIRE,
	SIP_ROUTE,
	SIP_SESSION_EXPIRES,
	SIP_SUPPORTED,
	SIP_TO,
	SIP_VIA,
	SIP_NAMES
};

enum { SIP_FIELDS_MAX = 128 };

struct sip_field {
	enum sip_name name;
	struct lex_span label; /* the name as written */
	struct lex_span value; /* without the blanks around it */
};

struct sip_head {
	bool is_request;
	struct lex_span line; /* the whole start line */
	struct lex_span
		method; /* request: what stands before the first blank */
	size_t count;
	struct sip_field fields[SIP_FIELDS_MAX];
};

/*
 * Errors: -EBADMSG there is no start line, -EMSGSIZE too many fields; the
 * struct then holds those before.
 */
int sip_head_parse(char *text, size_t len,
		   struct sip_head *ret) ATTR_MUST_CHECK;

/* The first field of that name, or NULL. */
const struct sip_field *sip_head_find(const struct sip_head *head,
				      enum sip_name name);
/* How one writes it: "Call-ID". */
const char *sip_head_label(enum sip_name name);

#endif
