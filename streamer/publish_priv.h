/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_PUBLISH_PRIV_H
#define UPCAST_PUBLISH_PRIV_H

#include "streamer/feed.h"
#include "streamer/publish.h"
#include "streamer/rtmp.h"
#include "streamer/stream.h"
#include "streamer/url.h"

/*
 * The inside of publish.h, for its two files: publish.c has the environment,
 * the URL and the media, publish_link.c the connection: how it is made, what
 * the server says, how it ends, and when it is tried again.
 */
enum {
	PUBLISH_WHY_MAX = 256,
	PUBLISH_SHOWN_MAX = 512,
};

/* The settings, with text of our own. */
struct publish_own {
	char *allowed;
	uint32_t timeout_ms, retry_max_ms, chunk_size, late_ms;
	size_t buffer_bytes;
	int dscp;
	bool digest;
};

struct publish_env {
	struct loop *loop;
	struct stream_env *streams;
	struct publish_own settings;
};

/* How soon what failed is tried again. */
enum publish_again { AGAIN_NOW, AGAIN_SOON, AGAIN_LATER, AGAIN_NEVER };

struct publish {
	struct publish_env *env;
	const struct publish_handler *handler;
	void *arg;
	struct feed feed;

	char *text;	/* the URL as it was set, NULL: none */
	struct url url; /* of it, or where the server has sent us */
	char *move;	/* where it wants to send us, NULL: nowhere */
	bool moved;
	enum publish_state state;
	char why[PUBLISH_WHY_MAX];

	struct stream *stream;
	struct rtmp *rtmp;
	struct buf query; /* for authentication, of the next connection */
	unsigned auth_steps;
	uint32_t window, bandwidth; /* for the log: what they were */
	unsigned talked;	    /* in this connection */
	uint64_t ended_bytes;	    /* sent in earlier connections */

	struct loop_task end; /* of a connection that a callback gave up */
	enum publish_again again;
	unsigned failures;
	struct loop_timer timer; /* deadline, stall check, or pause */
	bool was_live;		 /* with this URL */
	uint64_t tried_ms;	 /* the last try began, or what it made ended */
	uint64_t live_since_ms;
	uint64_t stall_sent;
	unsigned stall_checks;
	struct loop_timer hold; /* audio that waits for a picture */
	uint64_t key_asked_ms;
	struct publish_stats stats;
};

/* ---- publish_link.c ---- */

/* What the link needs of the object; once, at its birth. */
int publish_link_init(struct publish *p) ATTR_MUST_CHECK;
void publish_link_release(struct publish *p);
/* Connects to p->url; there is no connection yet. */
void publish_link_start(struct publish *p);
/* Ends what there is; `politely` lets the last bytes out. */
void publish_link_stop(struct publish *p, bool politely);
/* Earlier failures and steps do not count any more. */
void publish_link_forget(struct publish *p);

void publish_say_url(struct publish *p);
/* Parses and checks; the log hears what is wrong. */
int publish_accept_url(struct publish *p, const char *text, struct url *ret,
		       struct err *err) ATTR_MUST_CHECK;
void publish_say(struct publish *p, enum log_level level, const char *fmt, ...)
	ATTR_PRINTF(3, 4);
void publish_set_state(struct publish *p, enum publish_state state,
		       const char *why);

#endif
