/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_MEDIA_PRIV_H
#define UPCAST_MEDIA_PRIV_H

#include "lib/buf.h"
#include "streamer/clock.h"
#include "streamer/media.h"
#include "streamer/order.h"
#include "streamer/sps.h"
#include "streamer/track.h"

/* Between media.c (what comes in) and media_target.c (where it goes). */
struct target {
	struct media *media;
	struct publish *publish; /* NULL: the slot is free */
	char url[MSG_URL_MAX];
	char refused[MSG_WHY_MAX]; /* why there is no publisher for `url` */
};

struct media {
	struct media_env env;
	uint64_t call;
	media_event_fn *fn;
	void *arg;
	char cname[20];

	struct track *track[TRACK_KINDS];
	struct clock clock;
	struct order order;
	struct target target[MSG_TARGETS_MAX];
	size_t target_count;
	uint64_t start_ms;

	/* The latest of each, for targets that come later. */
	struct buf sps, pps[H264_PPS_MAX];
	size_t pps_count;
	struct asc asc;
	struct sps picture;

	bool key_wanted; /* by a target or a person */
	uint64_t key_asked_ms;
	unsigned unanswered;
	uint32_t keys, key_requests;

	struct loop_timer tick;
	unsigned ticks;
	struct loop_task changed; /* tells the state, once per turn */
	bool change_waits;
	bool timed_out;
	char url[MSG_URL_MAX]; /* the latest in RTCP */
	uint64_t url_ms;       /* when it came */
	/* One second ago. */
	struct msg_media_status before[TRACK_KINDS];
	uint32_t bitrate[TRACK_KINDS], fps_milli;
	uint64_t before_us;
};

void media_tell(struct media *m, enum msg_event_kind kind);
void media_warn(const struct media *m, const char *what, int err);

/* The latest configurations, if there are any, for its publisher. */
void target_tell_sets(struct media *m, struct target *t);
void target_tell_asc(struct media *m, struct target *t);
/* Which media the peer sends now, for publish_set_media(). */
unsigned target_media(const struct media *m);
void target_release(struct target *t);
void target_status_all(const struct media *m, struct msg_status *ret);

#endif
