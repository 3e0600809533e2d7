/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SDP_H
#define UPCAST_SDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"

/*
 * A session description (RFC 4566, RFC 8866) as far as an answerer needs it.
 * Pure, and bounded: at most SDP_MAX bytes and SDP_MEDIA_MAX m-lines; formats
 * and crypto lines beyond their limits are left out, as unknown ones are.
 * Attributes that mean nothing to us are skipped; known ones that make no sense
 * count as absent, as long as the structure of the description holds.
 *
 * osip has a parser, too. It knows no bounds (10 000 m-lines are taken), takes
 * a port of 99999, refuses what the field sends (b= before c=, no t=, no last
 * CRLF), leaves keys in freed memory, and lists attributes: all that is read
 * out of those here would stay.
 *
 * Life cycle: sdp_parse(), sdp_free(). All pointers are into the struct's own
 * copy of the text and live as long.
 */
enum {
	SDP_MAX = 32768,
	SDP_MEDIA_MAX = 16,
	SDP_FORMATS_MAX = 48,
	SDP_CRYPTO_MAX = 12,
};

enum sdp_direction {
	SDP_SENDRECV,
	SDP_SENDONLY,
	SDP_RECVONLY,
	SDP_INACTIVE,
};

struct sdp_format {
	const char *name;     /* as on the m-line: "116", "*" */
	int payload_type;     /* -1 if the name is no such number */
	const char *encoding; /* "H264"; NULL without a rtpmap */
	uint32_t clock_rate;
	unsigned channels; /* 0: not said */
	const char *fmtp;  /* NULL: none */
	bool pli, fir;	   /* a=rtcp-fb for this format alone */
};

struct sdp_media {
	const char *type;  /* "audio" */
	const char *proto; /* "RTP/SAVP" */
	uint16_t port;	   /* 0: declined */
	bool is_rtp;	   /* AVP, AVPF, SAVP, SAVPF */
	bool is_secure;	   /* SAVP, SAVPF */
	size_t format_count;
	struct sdp_format formats[SDP_FORMATS_MAX];

	const char *address; /* of c=, here or in the session; NULL: none */
	enum sdp_direction direction;
	uint16_t rtcp_port; /* of a=rtcp, 0: not said */
	bool rtcp_mux;
	bool pli, fir;	     /* a=rtcp-fb:* */
	uint64_t bandwidth;  /* bits a second, 0: not said */
	const char *label;   /* NULL: none */
	const char *content; /* NULL: none */
	size_t crypto_count;
	const char *crypto[SDP_CRYPTO_MAX]; /* what follows "a=crypto:" */
};

struct sdp {
	const char *origin; /* the o= line */
	size_t media_count;
	struct sdp_media media[SDP_MEDIA_MAX];
	char *text; /* own copy, cut into pieces */
	size_t size;
};

/*
 * Errors: -EBADMSG not a description, -EMSGSIZE too long or too many m-lines,
 * -ENOMEM.
 */
int sdp_parse(const char *text, size_t len, struct sdp **ret) ATTR_MUST_CHECK;
void sdp_free(struct sdp *sdp);

/* The format of that payload type, or NULL. */
const struct sdp_format *sdp_find(const struct sdp_media *m, int payload_type);

/*
 * The value of a parameter of an fmtp line ("a=1; b=2"), whose name is matched
 * in either case. False if it is not there or does not fit.
 */
bool sdp_fmtp_get(const char *fmtp, const char *name, char *dst, size_t size);
/* As a number; `missing` if it is not there or is none. */
uint64_t sdp_fmtp_number(const char *fmtp, const char *name, uint64_t missing);

#endif
