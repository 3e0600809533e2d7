/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_RTCP_H
#define UPCAST_RTCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"

/*
 * RTCP (RFC 3550 section 6) and the feedback messages (RFC 4585, RFC 5104) that
 * a receiver sends. Pure.
 */
enum {
	RTCP_SR = 200,
	RTCP_RR = 201,
	RTCP_SDES = 202,
	RTCP_BYE = 203,
	RTCP_APP = 204,
	RTCP_RTPFB = 205,
	RTCP_PSFB = 206,
};

/* One packet of a compound; `body` is borrowed and follows the SSRC. */
struct rtcp_packet {
	uint8_t type, count; /* `count`: subtype or format, too */
	uint32_t ssrc;	     /* 0: there is none */
	const uint8_t *body;
	size_t len;
};

/*
 * Takes the next packet off a compound. 0; -EAGAIN at its end; -EBADMSG.
 *
 *	while (!(err = rtcp_next(&data, &len, &packet)))
 *		use(&packet);
 */
int rtcp_next(const uint8_t **data, size_t *len,
	      struct rtcp_packet *ret) ATTR_MUST_CHECK;

struct rtcp_sr {
	uint64_t ntp;	    /* 32.32 bits since 1900 */
	uint32_t timestamp; /* RTP's, of the same moment */
	uint32_t packets, octets;
};

/* Errors: -EBADMSG not a sender report. */
int rtcp_parse_sr(const struct rtcp_packet *p,
		  struct rtcp_sr *ret) ATTR_MUST_CHECK;

/*
 * An application-defined packet: its name, and the stream URL where its data
 * hold one: printable text from "rtmp://" or "rtmps://" up to a NUL, a byte
 * that no URL has, or the end. The layout of the original is not published.
 */
struct rtcp_app {
	char name[5]; /* unprintable bytes are '?' */
	uint8_t subtype;
	const char *url; /* borrowed, not terminated; NULL: none */
	size_t url_len;
};

int rtcp_parse_app(const struct rtcp_packet *p,
		   struct rtcp_app *ret) ATTR_MUST_CHECK;

/* ---- what we send ------------------------------------------------------ */

struct rtcp_block {
	uint32_t ssrc; /* of the sender that is reported on */
	uint8_t fraction_lost;
	int32_t lost;
	uint32_t highest_seq, jitter;
	uint32_t last_sr;  /* middle bits of its NTP time, 0: none came */
	uint32_t delay_sr; /* since then, in 1/65536 s */
};

/*
 * These put one packet at `dst`, of at least RTCP_PACKET_MAX bytes, and return
 * its length. A compound is a report, then SDES, then feedback or BYE.
 */
enum { RTCP_PACKET_MAX = 160, RTCP_CNAME_MAX = 64, RTCP_COMPOUND_MAX = 512 };

/* `block` NULL: nothing was received. */
size_t rtcp_build_rr(uint8_t *dst, uint32_t ssrc,
		     const struct rtcp_block *block);
size_t rtcp_build_sdes(uint8_t *dst, uint32_t ssrc, const char *cname);
size_t rtcp_build_pli(uint8_t *dst, uint32_t ssrc, uint32_t sender);
/* `seq` counts the requests: the next number for each new one. */
size_t rtcp_build_fir(uint8_t *dst, uint32_t ssrc, uint32_t sender,
		      uint8_t seq);
size_t rtcp_build_bye(uint8_t *dst, uint32_t ssrc);

#endif
