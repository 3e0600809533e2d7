/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_PUBLISH_H
#define UPCAST_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "streamer/asc.h"
#include "streamer/slice.h"

/*
 * One live stream to one RTMP or RTMPS target: connects, authenticates,
 * publishes, and comes back when the server does. Everything here happens on
 * the loop of one worker; nothing blocks.
 *
 * Life cycle: publish_env_new() once for each worker. For each target of a call
 * publish_new(), publish_set_url(), then media as it comes: the codec
 * configurations, video and audio. It may all come at any time: what cannot be
 * sent yet is left out, and a stream begins with metadata, sequence headers and
 * a key frame. publish_set_url() again moves the stream. publish_free()
 * unpublishes and returns at once; what is still to be sent leaves from the
 * environment, which gives it a second. publish_env_free() comes last.
 *
 * The handler's functions are called from the loop and from the functions here;
 * none of them may call publish_free(), publish_set_url() or
 * publish_reconnect().
 *
 *	publish_new(env, &handler, session, PUBLISH_AUDIO | PUBLISH_VIDEO, &p);
 *	err = publish_set_url(p, "rtmps://user:secret@host/live/room", &e);
 *	publish_video_config(p, &sps, &pps, 1);
 *	publish_video(p, slices, n, true, pts, pts);
 *
 * Cost: a frame is copied once, into the send buffer, and nothing is allocated
 * once that has grown. Audio waits up to PUBLISH_HOLD_MS for the next picture,
 * so that both leave in one write.
 *
 * Times are milliseconds of one clock for both media, from any start. What is
 * published starts at 0 in each connection and never goes back.
 */
enum { PUBLISH_HOLD_MS = 20 };

struct publish;
struct publish_env;

enum publish_state {
	PUBLISH_IDLE,	    /* no URL */
	PUBLISH_CONNECTING, /* the first try since the URL was set */
	PUBLISH_PUBLISHING, /* the server takes media */
	PUBLISH_RETRYING,   /* it failed or ended, and is tried again */
	PUBLISH_FAILED,	    /* it will not be tried again: credentials */
};

enum publish_media { PUBLISH_AUDIO = 1, PUBLISH_VIDEO = 2 };

/* Text is copied. Zero and NULL mean the default in brackets. */
struct publish_settings {
	const char *trust;     /* PEM bundle for rtmps [the system's] */
	const char *pins;      /* "sha256//BASE64", need no chain [none] */
	bool no_verify;	       /* take any certificate: laboratories */
	const char *allowed;   /* url_is_allowed() [everything is] */
	uint32_t timeout_ms;   /* connect until publishing; a stalled server
				  [10 s] */
	uint32_t retry_max_ms; /* longest pause after network trouble [2 s] */
	uint32_t late_ms;      /* what pictures may lag behind sound [0] */
	size_t buffer_bytes;   /* what a slow server may owe [1 MiB] */
	uint32_t chunk_size;   /* of what is sent [4096] */
	int dscp;	       /* of what is sent [0] */
	bool digest;	       /* the handshake that old servers want */
};

/* Errors: -ENOMEM, or the sentence about the bundle or the pins. */
int publish_env_new(struct loop *loop, const struct publish_settings *s,
		    struct publish_env **ret_env,
		    struct err *err) ATTR_MUST_CHECK;
/* For the connections made from now on. On failure the old ones stay. */
int publish_env_reload(struct publish_env *env,
		       const struct publish_settings *s,
		       struct err *err) ATTR_MUST_CHECK;
void publish_env_free(struct publish_env *env);

struct publish_handler {
	/* publish_state() and publish_why() have changed. */
	void (*on_state)(void *arg);
	/* Video waits for a key frame: ask the peer. At most once a second. */
	void (*on_key_frame)(void *arg);
	/* A line for the log, without its "call N: ". */
	void (*on_log)(void *arg, enum log_level level, const char *line);
};

/* `handler` must outlive the object. `media`: see publish_set_media(). */
int publish_new(struct publish_env *env, const struct publish_handler *handler,
		void *arg, unsigned media,
		struct publish **ret_publish) ATTR_MUST_CHECK;
void publish_free(struct publish *p);

/*
 * Which media the call has now, PUBLISH_AUDIO | PUBLISH_VIDEO. With video, a
 * stream waits up to two seconds for its first key frame before it begins
 * with audio alone.
 */
void publish_set_media(struct publish *p, unsigned media);

/*
 * Publishes there from now on; the same URL again changes nothing. "" ends
 * what is published. On failure (-EINVAL: not such a URL; -EPERM: not among
 * the allowed; -ENOMEM) nothing has changed, and the log has been told.
 */
int publish_set_url(struct publish *p, const char *url,
		    struct err *err) ATTR_MUST_CHECK;
/* Drops the connection and makes it again; also after PUBLISH_FAILED. */
void publish_reconnect(struct publish *p);

/*
 * Parameter sets (one SPS, one or more PPS) and AudioSpecificConfig. They are
 * kept, sent again after each reconnect, and compared: the same again costs
 * nothing. New parameter sets go out before the next key frame.
 * Errors: -EBADMSG no such thing, -EMSGSIZE, -ENOMEM.
 */
int publish_video_config(struct publish *p, const struct slice *sps,
			 const struct slice *pps,
			 size_t pps_count) ATTR_MUST_CHECK;
int publish_audio_config(struct publish *p,
			 const struct asc *asc) ATTR_MUST_CHECK;

/* One access unit, in decoding order. `key`: it has an IDR picture. */
void publish_video(struct publish *p, const struct slice *slices, size_t n,
		   bool key, uint64_t dts_ms, uint64_t pts_ms);
/* One raw AAC frame. */
void publish_audio(struct publish *p, const uint8_t *frame, size_t len,
		   uint64_t ts_ms);

enum publish_state publish_state(const struct publish *p);
/* A sentence without secrets: what holds it where it is. */
const char *publish_why(const struct publish *p);

struct publish_stats {
	uint64_t bytes;		/* sent, of all connections */
	uint64_t video, audio;	/* frames sent */
	uint64_t video_dropped; /* the server was too slow */
	uint64_t audio_dropped;
	uint32_t reconnects;
	uint32_t pending_bytes; /* in our buffer now */
};
void publish_stats(const struct publish *p, struct publish_stats *ret);

#endif
