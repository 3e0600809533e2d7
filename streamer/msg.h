/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_MSG_H
#define UPCAST_MSG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "streamer/suite.h"

/*
 * What the signalling thread and the media workers tell each other about a
 * call. Values only: nothing here points anywhere, so a message may be copied,
 * kept and compared. session.h has the functions that carry them.
 */
enum {
	MSG_URL_MAX = 2049,    /* with the NUL; URL_MAX of url.h */
	MSG_WHY_MAX = 256,
	MSG_TARGETS_MAX = 4,
	MSG_CONFIG_MAX = 64,
	MSG_SPROP_MAX = 512,
};

enum msg_codec {
	MSG_CODEC_NONE,
	MSG_CODEC_H264,	   /* RFC 6184, packetization modes 0 and 1 */
	MSG_CODEC_LATM,	   /* MP4A-LATM, RFC 6416 */
	MSG_CODEC_AAC_HBR, /* mpeg4-generic, RFC 3640 mode AAC-hbr */
	MSG_CODEC_OPUS,	   /* the rest: where session_can_transcode() */
	MSG_CODEC_G722,
	MSG_CODEC_PCMU,
	MSG_CODEC_PCMA,
};

/* One m-line as offer and answer settled it; all zero: no such medium. */
struct msg_media {
	bool enabled;
	bool held; /* the peer sends nothing now: silence is no trouble */
	enum msg_codec codec;
	uint8_t payload_type;
	uint8_t channels;    /* of rtpmap, 0 if it does not say; with Opus, for
				which it always says 2, those of fmtp */
	uint32_t clock_rate; /* of rtpmap, Hz */

	/*
	 * AAC: `config` of the fmtp line, decoded from hex: StreamMuxConfig
	 * for LATM, AudioSpecificConfig for AAC-hbr. `config_in_band`: LATM
	 * with cpresent=1 (the default when the line does not say).
	 */
	uint8_t config[MSG_CONFIG_MAX];
	uint8_t config_len;
	bool config_in_band;
	/* AAC-hbr: bits of AU-size, AU-Index, AU-Index-delta (13, 3, 3). */
	uint8_t size_length, index_length, index_delta_length;
	/* H.264: NAL units of sprop-parameter-sets, each after 2 bytes of
	 * length (big-endian). */
	uint8_t sprop[MSG_SPROP_MAX];
	uint16_t sprop_len;

	/* Where the peer says it receives; RTP is expected from the address. */
	struct sockaddr_storage remote_rtp, remote_rtcp;
	bool rtcp_mux;
	bool pli, fir; /* feedback that the peer understands */
	struct suite_key remote; /* what the peer's packets are under */
	struct suite_key local;	 /* what ours (RTCP) are under */
};

/*
 * A pair of bound UDP sockets: udp_pair_open() makes one on the signalling
 * thread, and whoever holds it by value owns the descriptors (-1: none). Over
 * rtcp-mux the RTCP socket stays open and unused.
 */
struct msg_ports {
	int rtp, rtcp;
	uint16_t port; /* of rtp; rtcp is on port + 1 */
};
#define MSG_PORTS_NONE { .rtp = -1, .rtcp = -1 }

/* Media of a call at its start, or again after each offer and answer. */
struct msg_setup {
	struct msg_media audio, video;
	/* Given away with the message. In a change -1 keeps the ports. */
	struct msg_ports audio_ports, video_ports;
};

/* Where to publish: complete URLs with credentials, already allowed. None:
 * the session waits and publishes nowhere. */
struct msg_targets {
	uint8_t count;
	char url[MSG_TARGETS_MAX][MSG_URL_MAX];
};

/* ---- from the worker ------------------------------------------------- */

enum msg_state {
	MSG_WAITING_URL, /* no target yet */
	MSG_CONNECTING,	 /* no target was reached yet */
	MSG_PUBLISHING,	 /* at least one target takes media */
	MSG_RETRYING,	 /* there was one, or it refused: trying again */
	MSG_FAILED,	 /* every target refused for good: credentials */
	MSG_ENDED,
};

struct msg_media_status {
	uint64_t packets, bytes; /* accepted, RTP payload and header */
	uint64_t lost, duplicate, late, reordered;
	uint64_t refused;	 /* SRTP said no, or no RTP at all */
	uint64_t foreign;	 /* from a stranger's address */
	uint64_t kernel_dropped; /* no room in the socket's buffer */
	uint32_t jitter_us;
	uint32_t bitrate; /* bits a second, over the last second */
	uint64_t frames;  /* access units handed to the publisher */
	uint64_t dropped; /* access units left out: damaged, or no key frame */
};

struct msg_target_status {
	enum msg_state state;
	char why[MSG_WHY_MAX]; /* a sentence without secrets */
	uint64_t bytes;	       /* sent to this target */
	uint64_t dropped;      /* access units it was too slow for */
	uint32_t reconnects;
};

/* Everything a snapshot of the call wants to know of its media. */
struct msg_status {
	enum msg_state state; /* the best of the targets' */
	char why[MSG_WHY_MAX];
	struct msg_media_status audio, video;
	uint16_t width, height;	   /* of the picture, 0 unknown */
	uint32_t fps_milli;	   /* pictures in 1000 s, measured */
	uint32_t sample_rate;	   /* of the published audio, 0 unknown */
	uint8_t channels;
	uint32_t keyframes;	   /* received */
	uint32_t keyframe_requests;
	uint8_t target_count;
	struct msg_target_status target[MSG_TARGETS_MAX];
};

enum msg_event_kind {
	MSG_EVENT_STATUS,	 /* once a second, and when `state` changes */
	MSG_EVENT_URL,		 /* a stream URL came in an RTCP APP packet */
	MSG_EVENT_NEED_INFO,	 /* ask with SIP INFO picture_fast_update */
	MSG_EVENT_MEDIA_TIMEOUT, /* no RTP for the configured time */
	MSG_EVENT_RTCP_BYE,	 /* the peer left one of the media */
	MSG_EVENT_ENDED,	 /* the last one of a session */
};

/*
 * A URL event tells whether the packet was authenticated (SRTCP) or came from
 * the signalled address; other packets are not looked at. It is sent when the
 * URL is new or differs from the one before, not for each packet.
 */
struct msg_event {
	enum msg_event_kind kind;
	struct msg_status status; /* STATUS and ENDED */
	char url[MSG_URL_MAX];	  /* URL */
};

#endif
