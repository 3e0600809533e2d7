/* SPDX-License-Identifier: MIT */
#ifndef CALLER_PLAYER_H
#define CALLER_PLAYER_H

#include <stdbool.h>
#include <stdint.h>
#include <netinet/in.h>

#include "lib/attr.h"
#include "streamer/suite.h"
#include "tests/caller/clip.h"

/*
 * Sends a clip to any number of peers, in time, all through one pair of
 * sockets and in batches. What comes back says by its SSRC whom it is about.
 */
struct player;

/* To order, in percent of the packets; `jitter_ms`: of all of them. */
struct player_trouble {
	double loss, duplicate, reorder;
	unsigned jitter_ms;
};

struct player_config {
	const struct clip *clip;
	struct sockaddr_storage local; /* its port is set */
	struct player_trouble trouble;
	bool once;	/* else the clip begins again at its end */
	bool obey;	/* a key frame when one is asked for */
	const char *url; /* in an RTCP APP packet each second; NULL: none */
};

struct player_peer {
	struct sockaddr_storage rtp[2], rtcp[2]; /* video, audio */
	bool has[2];
	uint8_t payload_type[2];
	enum clip_kind audio; /* CLIP_LATM or CLIP_HBR */
	struct suite_key key[2];    /* ours */
	struct suite_key remote[2]; /* what the feedback is under */
};

struct player_counts {
	uint64_t packets, bytes, skipped, errors;
	uint64_t reports, plis, firs;
	uint32_t lost; /* the worst of the latest reports, in 1/256 */
};

int player_new(struct player_config *config, int calls,
	       struct player **ret_player) ATTR_MUST_CHECK;
void player_free(struct player *p);

/* Begins in `delay_ms`. Again: the keys or addresses have changed. */
int player_start(struct player *p, int call, const struct player_peer *peer,
		 unsigned delay_ms) ATTR_MUST_CHECK;
void player_stop(struct player *p, int call);
void player_key(struct player *p, int call);
/* With `once`: it has sent all. */
bool player_is_done(const struct player *p, int call);

/* To be called each millisecond or so. */
void player_run(struct player *p);
const struct player_counts *player_counts(const struct player *p);

#endif
