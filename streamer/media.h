/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_MEDIA_H
#define UPCAST_MEDIA_H

#include <stdint.h>

#include "lib/attr.h"
#include "lib/loop.h"
#include "streamer/msg.h"
#include "streamer/publish.h"
#include "streamer/udp.h"

/*
 * A call's media on its worker: two tracks, their common clock, and the
 * targets that what comes of them is published to. session.h is what the
 * signalling thread sees of it.
 *
 * Life cycle: media_new() on any thread, the others on the worker, media_free()
 * there too or before media_start().
 */
struct media;

/* What the calls of a worker share. */
struct media_env {
	struct loop *loop;
	struct udp_batch *batch;
	struct publish_env *publish;
	uint32_t media_timeout_ms, reorder_ms, keyframe_interval_ms;
};

/* `fn` must not free the media. */
typedef void media_event_fn(void *arg, const struct msg_event *event);

/* Takes the ports of `setup` on success. Errors: those of track_setup(). */
int media_new(const struct media_env *env, uint64_t call,
	      const struct msg_setup *setup, media_event_fn *fn, void *arg,
	      struct media **ret_media) ATTR_MUST_CHECK;
int media_start(struct media *m) ATTR_MUST_CHECK;
void media_free(struct media *m);

/* These log what goes wrong, and the media go on as well as they can. */
void media_update(struct media *m, struct msg_setup *setup);
void media_set_targets(struct media *m, const struct msg_targets *targets);
void media_ask_key(struct media *m);
void media_reconnect(struct media *m);
/* Says good-bye to the peer; media_free() does so to the servers. */
void media_leave(struct media *m);

void media_status(struct media *m, struct msg_status *ret);

#endif
