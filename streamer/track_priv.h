/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_TRACK_PRIV_H
#define UPCAST_TRACK_PRIV_H

#include "streamer/rtp.h"
#include "streamer/track.h"

/* Between track.c (RTP, set-up) and track_rtcp.c. */
struct event;
struct srtp_leg;
struct transcode;

struct track {
	enum track_kind kind;
	struct track_env env;
	const struct track_handler *handler;
	void *arg;

	struct msg_media media;
	bool is_set, is_started;
	struct msg_ports ports;
	struct event *events[2]; /* RTP, RTCP */
	uint32_t dropped[2];
	struct srtp_leg *leg; /* NULL: in the clear */
	struct rtp_queue *queue;
	struct rtp_jitter jitter;
	struct loop_timer gap;
	/* One of them. */
	struct h264 *h264;
	struct aac *aac;
	struct transcode *transcode;
	int trouble; /* why there is none */

	/* Where RTP comes from, and RTCP. */
	struct sockaddr_storage peer, rtcp_peer;
	bool has_peer, has_rtcp_peer;
	uint64_t now_us, now_ms; /* of this turn of the loop */
	uint64_t arrival_ms;	 /* of the packet that is decoded */
	uint64_t heard_ms, stranger_ms;
	uint64_t refused, foreign, replayed;

	uint32_t ssrc; /* ours */
	uint8_t fir_seq;
	bool has_sr, has_early_sr;
	struct rtcp_sr early_sr;
	uint32_t early_ssrc;
	uint64_t sr_ms;
	uint32_t sr_ntp; /* its middle bits */
};

/* True if RTP from there is the peer's; else it has been counted. */
bool track_is_peer(struct track *t, const struct sockaddr_storage *from);
/* After a packet: a report on the stream that has begun with it. */
void track_use_early_sr(struct track *t);
void track_take_rtcp(struct track *t, const struct udp_datagram *d);

#endif
