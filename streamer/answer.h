/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_ANSWER_H
#define UPCAST_ANSWER_H

#include "lib/buf.h"
#include "streamer/msg.h"
#include "streamer/sdes.h"
#include "streamer/sdp.h"

/*
 * Offer and answer (RFC 3264): what we take of what a peer offers, and how the
 * answer says it. Pure: ports, keys and addresses come from the caller.
 *
 *	err = answer_decide(offer, &rules, &answer);
 *	open ports for answer.audio.media.enabled, answer.video.media.enabled
 *	err = answer_format(&answer, offer, &place, &text);
 *
 * An INVITE without an offer gets ours: answer_format_offer(), and what the
 * peer answers to it is read by answer_decide() with the same rules.
 *
 * Audio: AAC-LC comes first, as MP4A-LATM or mpeg4-generic, since it is passed
 * on untouched; then, with `transcode`, Opus, G.722 and G.711. AAC-LD and
 * HE-AAC are no AAC-LC. Video: H.264, packetization mode 1, else 0. Every other
 * m-line is declined with port 0, in its place.
 */
enum answer_resolution { ANSWER_AUDIO, ANSWER_720P, ANSWER_1080P };

enum answer_encryption {
	ANSWER_OPTIONAL,   /* where it is offered, also as AVP with crypto */
	ANSWER_REQUIRED,   /* what is not encrypted is declined */
	ANSWER_PROHIBITED, /* SAVP is declined, crypto in AVP passed over */
};

/* The suites that our own offer names, in its order. */
enum { ANSWER_SUITES = 2 };
extern const enum suite answer_suites[ANSWER_SUITES];

struct answer_rules {
	enum answer_resolution resolution;
	enum answer_encryption encryption;
	bool transcode;
	bool secure_offer; /* our own offer names keys: the signalling is TLS */
	/* Fresh random bytes: [audio, video][as answer_suites]. */
	uint8_t keys[2][ANSWER_SUITES][SUITE_KEY_MAX];
	/* Where media go if the peer's c= line holds no address but a name. */
	struct sockaddr_storage peer;
};

struct answer_media {
	int line;	     /* m-line taken, -1: none */
	uint32_t crypto_tag; /* of the crypto line taken */
	struct msg_media media;
};

struct answer {
	enum answer_resolution resolution;
	struct answer_media audio, video;
};

struct answer_place {
	const char *address; /* as c= and o= show it, IPv4 or IPv6 */
	uint32_t version;    /* of o=; counts the changes */
	uint16_t audio_port, video_port;
};

/*
 * Errors: -ENOTSUP nothing of it can be used (488). `ret` holds keys: wipe it
 * (explicit_bzero) when it is no longer needed.
 */
int answer_decide(const struct sdp *offer, const struct answer_rules *rules,
		  struct answer *ret) ATTR_MUST_CHECK;

/* Adds the text of the answer. -EMSGSIZE, -ENOMEM as of the buffer. */
int answer_format(const struct answer *a, const struct sdp *offer,
		  const struct answer_place *place,
		  struct buf *dst) ATTR_MUST_CHECK;

/* Adds the text of our own offer: audio and, unless audio only, video. */
int answer_format_offer(const struct answer_rules *rules,
			const struct answer_place *place,
			struct buf *dst) ATTR_MUST_CHECK;

#endif
