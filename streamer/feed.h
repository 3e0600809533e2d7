/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_FEED_H
#define UPCAST_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/buf.h"
#include "streamer/asc.h"
#include "streamer/rtmp.h"
#include "streamer/slice.h"

/*
 * What of a call's media goes into an RTMP stream, and as what: sequence
 * headers and metadata, the order at the start, timestamps, and what is left
 * out when the server is too slow. Pure.
 *
 * Life cycle: feed_init(); configurations and media as they come; feed_begin()
 * when a server has begun to take a stream; feed_release().
 *
 * Times come in milliseconds of one clock for audio and video. A stream begins
 * at 0 with its first key frame, or with audio where no key frame comes for
 * the patience, or at once where there is no video. Within a medium a time
 * never goes back; in the messages it is modulo 2^32. Audio that is there
 * before the key frame of its time waits for it, the latest FEED_EARLY_MAX
 * bytes.
 */
enum {
	FEED_PATIENCE_MS = 2000,
	FEED_CONFIG_MAX = 72 << 10,
	FEED_EARLY_MAX = 64 << 10,
};

struct feed {
	unsigned media; /* enum publish_media */
	uint32_t patience_ms;
	struct buf video_config, audio_config; /* bodies of the messages */
	uint16_t width, height;
	uint32_t fps_milli, sample_rate;
	uint8_t channels;

	/* of the stream that is being sent */
	bool started;
	bool video_told, audio_told; /* the configuration was sent */
	bool wait_key;
	bool slow; /* wait_key, because of the server */
	bool waiting;
	uint64_t waiting_since_ms; /* audio, for a key frame */
	struct buf early; /* that audio: time, length and frame, in a row */
	uint64_t base_ms;
	uint64_t last_video_ms, last_audio_ms; /* from base_ms on */
};

/*
 * `late_ms`: by how much pictures may come later than the sound they go with.
 */
void feed_init(struct feed *f, unsigned media, uint32_t late_ms);
void feed_release(struct feed *f);

/* Errors: -EBADMSG, -EMSGSIZE, -ENOMEM; the old ones are kept then. */
int feed_video_config(struct feed *f, const struct slice *sps,
		      const struct slice *pps,
		      size_t pps_count) ATTR_MUST_CHECK;
int feed_audio_config(struct feed *f, const struct asc *asc) ATTR_MUST_CHECK;

/* A new stream has begun. */
void feed_begin(struct feed *f);

/* Where the messages go. */
struct feed_sink {
	struct rtmp *rtmp;
	struct buf *out;
	size_t pending; /* bytes that the server has not taken yet */
	size_t limit;	/* and how many there may be */
};

enum feed_result {
	FEED_ADDED,
	FEED_NEEDS_KEY, /* left out: a key frame must come first */
	FEED_DROPPED,	/* left out: the server is too slow */
	FEED_LEFT_OUT,	/* not yet: the stream has not begun */
};

enum feed_result feed_video(struct feed *f, const struct feed_sink *to,
			    const struct slice *s, size_t n, bool key,
			    uint64_t dts_ms, uint64_t pts_ms);
enum feed_result feed_audio(struct feed *f, const struct feed_sink *to,
			    const uint8_t *frame, size_t len, uint64_t ts_ms);

#endif
