/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_CALL_PRIV_H
#define UPCAST_CALL_PRIV_H

#include <inttypes.h>

#include "lib/buf.h"
#include "lib/log.h"
#include "streamer/admit.h"
#include "streamer/call.h"
#include "streamer/udp.h"

/*
 * The inside of call.h, for its three files: call.c has the life of a call,
 * call_media.c offers and answers, call_url.c where it is published.
 */
struct calls {
	struct loop *loop;
	const struct settings *settings;
	struct session_pool *pool;
	struct calls_observer observer;
	struct sip *sip;
	struct list list;
	unsigned count, half_open;
	uint64_t total;
	struct admit admit;
	uint64_t refusal_logged_ms;
	struct udp_range ports;
	bool draining;
	struct loop_timer drain_timer;
	struct loop_timer idle_timer; /* from the end of the last call on */
	struct loop_task drained;
	calls_drained_fn *drained_fn;
	void *drained_arg;
};

/* "call 3: ..." */
#define call_info(c, fmt, ...)                                                 \
	log_info("call %" PRIu64 ": " fmt, (c)->number, ##__VA_ARGS__)
#define call_warn(c, fmt, ...)                                                 \
	log_warning("call %" PRIu64 ": " fmt, (c)->number, ##__VA_ARGS__)
#define call_error(c, fmt, ...)                                                \
	log_error("call %" PRIu64 ": " fmt, (c)->number, ##__VA_ARGS__)

/* ---- call.c ---- */

/* Sets both, logs nothing, tells the observer if they are new. */
void call_set_state(struct call *c, enum call_state state, const char *fmt, ...)
	ATTR_PRINTF(3, 4);
/* Hangs up, if that has not happened yet. */
void call_hangup(struct call *c, const char *why);

/* ---- call_media.c ---- */

/*
 * Takes an offer and makes the answer; without one (NULL) makes ours. Starts
 * or changes the session. 0, or the status that refuses it; `ret_why` then.
 */
int call_answer_offer(struct call *c, const char *sdp, size_t len,
		      struct buf *answer, const char **ret_why) ATTR_MUST_CHECK;
int call_make_offer(struct call *c, struct buf *offer,
		    const char **ret_why) ATTR_MUST_CHECK;
/* The peer's answer to ours; a status that ends the call, or 0. */
int call_take_answer(struct call *c, const char *sdp, size_t len,
		     const char **ret_why) ATTR_MUST_CHECK;
/* What the media say. */
void call_on_session(void *arg, struct session *session,
		     const struct msg_event *event);

/* ---- call_url.c ---- */

/* At the start: the Contact's URL, or wait for one. */
void call_start_url(struct call *c, const char *url);
/* Another URL from the bridge. */
void call_new_url(struct call *c, const char *url, enum call_url_source source);
/* The URL in use, if there is one, to a session that has just begun. */
void call_send_targets(struct call *c);
void call_on_url_timer(struct loop_timer *timer);

#endif
