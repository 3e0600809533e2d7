/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_CALLER_CALL_H
#define UPCAST_CALLER_CALL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/loop.h"

/*
 * The caller's SIP, as a Call Bridge speaks it: INVITE with an offer, ACK,
 * UPDATE, answers to what the streamer asks, BYE. All calls go over one
 * connection, TCP or TLS. What is sent are texts of our own: the streamer's
 * parser is not tested with itself.
 */
struct calls;

enum call_state { CALL_NEW, CALL_INVITED, CALL_UP, CALL_LEAVING, CALL_OVER };

struct call {
	unsigned number;
	enum call_state state;
	int status; /* of the final response */
	char to_tag[64], contact[256];
	unsigned cseq;
	struct sockaddr_in audio, video; /* port 0: declined */
	uint64_t up_us;			 /* monotonic */
	unsigned infos, refreshes;	 /* what it was asked */
	/* the media: see main.c */
	size_t at;
	uint64_t seed, sr_us, last_us;
	uint32_t packets[2], octets[2];
};

struct calls_config {
	const char *user, *host; /* who is called */
	struct sockaddr_in server, local;
	bool tls;
	const char *trust;  /* PEM bundle; NULL: any certificate */
	const char *url;    /* x-cisco-stream, %u is the number; NULL: none */
	bool update;	    /* UPDATE after ACK, as a bridge does */
	unsigned expires_s; /* session timer */
	const char *space;  /* display name */
	uint16_t audio_port, video_port;
	const char *crypto; /* a=crypto value; NULL: RTP/AVP without */
	bool savp;	    /* RTP/SAVP; else crypto is offered under AVP */
	const char *audio_rtpmap, *audio_fmtp;
	unsigned audio_pt, video_pt;
	uint32_t profile_level_id;
	bool verbose;
};

struct calls_handler {
	void (*up)(void *arg, struct call *call);
	void (*over)(void *arg, struct call *call);
	/* The connection is there; or it is gone, with the reason. */
	void (*connected)(void *arg);
	void (*lost)(void *arg, const char *why);
};

int calls_new(struct loop *loop, const struct calls_config *config,
	      unsigned count, const struct calls_handler *handler, void *arg,
	      struct calls **ret, struct err *err) ATTR_MUST_CHECK;
void calls_free(struct calls *calls);
struct call *calls_at(struct calls *calls, unsigned number);
/* -EPIPE: the connection is gone. */
int calls_invite(struct calls *calls, struct call *call) ATTR_MUST_CHECK;
int calls_hang_up(struct calls *calls, struct call *call) ATTR_MUST_CHECK;
/* `url` with the number in the place of its %u; "" for NULL. */
void calls_url(const char *url, unsigned number, char *dst, size_t size);

#endif
