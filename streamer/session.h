/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SESSION_H
#define UPCAST_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/err.h"
#include "streamer/msg.h"
#include "streamer/publish.h"

/*
 * One call's media: received, put in order, published. The functions here are
 * for the signalling thread; the media themselves live on a worker, a thread
 * with an event loop of its own, to which a call belongs for life. The two
 * share nothing: each function sends a message, each event is one.
 *
 * Life cycle: session_pool_new() at start. For each call udp_pair_open() for
 * the ports that the answer names, session_new() once the media are settled,
 * session_update() after each further offer and answer (hold and resume too),
 * session_set_targets() when it is known where to publish, session_stop() at
 * the end. The handle is dead when MSG_EVENT_ENDED has been delivered, which
 * follows every session_stop() within SESSION_STOP_MS; no other event comes
 * after session_stop(). session_pool_free() when no session is left; those that
 * are end without telling their servers.
 *
 * Events are delivered on the signalling thread's loop, in order.
 *
 * Errors: -ENOMEM and what the system says about threads. A function that
 * fails has sent nothing and taken nothing.
 */
enum { SESSION_STOP_MS = 3000 };

struct loop;
struct session;
struct session_pool;

typedef void session_event_fn(void *arg, struct session *session,
			      const struct msg_event *event);

struct session_config {
	int workers;		      /* 0: one for each core */
	uint32_t media_timeout_ms;    /* without RTP; 0: never */
	uint32_t reorder_ms;	      /* how long a gap is waited for */
	uint32_t keyframe_interval_ms; /* least time between two requests */
	struct publish_settings publish;
};

/* `config` is copied, its texts too. -EINVAL and others with a sentence. */
int session_pool_new(struct loop *loop, const struct session_config *config,
		     struct session_pool **ret_pool,
		     struct err *err) ATTR_MUST_CHECK;
/* Sessions and connections made from now on follow `config`, except for its
 * `workers`. On failure everything is as before. */
int session_pool_reload(struct session_pool *pool,
			const struct session_config *config,
			struct err *err) ATTR_MUST_CHECK;
void session_pool_free(struct session_pool *pool);

/* Whether this build turns audio other than AAC into AAC. */
bool session_can_transcode(void);

/*
 * Starts a call's media on the least busy worker. `call` is its number, for
 * the log. Takes the ports in `setup` on success only. `fn` gets `arg`.
 */
int session_new(struct session_pool *pool, uint64_t call,
		const struct msg_setup *setup, session_event_fn *fn, void *arg,
		struct session **ret_session) ATTR_MUST_CHECK;

/* Changes the media. Ports that are given replace those in use. */
int session_update(struct session *s,
		   const struct msg_setup *setup) ATTR_MUST_CHECK;
/* Publishes to these and to no other. A target that stays is left alone. */
int session_set_targets(struct session *s,
			const struct msg_targets *targets) ATTR_MUST_CHECK;
/* Asks the peer for a key frame now. */
int session_keyframe(struct session *s) ATTR_MUST_CHECK;
/* Drops the connections to the targets and makes them again. */
int session_reconnect(struct session *s) ATTR_MUST_CHECK;
/* Unpublishes and ends. Cannot fail. */
void session_stop(struct session *s);

#endif
