/* SPDX-License-Identifier: MIT */
#include "streamer/feed.h"

#include <errno.h>
#include <string.h>

#include "streamer/flv.h"
#include "streamer/publish.h"
#include "streamer/sps.h"

enum {
	METADATA_MAX = 1024,
	CTS_MAX_MS = 8000000, /* what 24 bits with a sign hold */
	/* Headers, metadata and what the session itself may have to say. */
	OVERHEAD = 8192,
	EARLY_HEADER = 8 + 2, /* time, length */
	OVERLAP_MS = 20,
};

void feed_init(struct feed *f, unsigned media, uint32_t late_ms)
{
	memset(f, 0, sizeof(*f));
	f->media = media;
	f->patience_ms = FEED_PATIENCE_MS + late_ms;
	buf_init(&f->video_config, FEED_CONFIG_MAX);
	buf_init(&f->audio_config, FEED_CONFIG_MAX);
	buf_init(&f->early, FEED_EARLY_MAX);
}

void feed_release(struct feed *f)
{
	buf_release(&f->video_config);
	buf_release(&f->audio_config);
	buf_release(&f->early);
}

void feed_begin(struct feed *f)
{
	f->started = f->slow = f->waiting = false;
	f->video_told = f->audio_told = false;
	f->wait_key = true;
	f->last_video_ms = f->last_audio_ms = 0;
	buf_clear(&f->early);
}

/* Puts `next` in the place of `config` if it is another; tells whether. */
static bool replace(struct buf *config, struct buf *next)
{
	if (config->len == next->len &&
	    (!next->len || !memcmp(config->data, next->data, next->len))) {
		buf_release(next);
		return false;
	}
	buf_release(config);
	*config = *next;
	return true;
}

int feed_video_config(struct feed *f, const struct slice *sps,
		      const struct slice *pps, size_t pps_count)
{
	struct buf next;
	struct sps s;
	int err;

	buf_init(&next, FEED_CONFIG_MAX);
	err = flv_avc_config(&next, sps, pps, pps_count);
	err = err ? err : sps_parse(sps->data, (uint32_t)sps->len, &s);
	if (err) {
		buf_release(&next);
		return err;
	}
	if (!replace(&f->video_config, &next))
		return 0;
	f->width = s.width;
	f->height = s.height;
	f->fps_milli = s.fps_milli;
	f->video_told = false;
	f->wait_key = true;
	return 0;
}

int feed_audio_config(struct feed *f, const struct asc *asc)
{
	struct buf next;
	int err;

	buf_init(&next, FEED_CONFIG_MAX);
	err = flv_aac_config(&next, asc);
	if (err) {
		buf_release(&next);
		return err;
	}
	if (!replace(&f->audio_config, &next))
		return 0;
	f->sample_rate = asc->sample_rate;
	f->channels = asc->channels;
	f->audio_told = false;
	return 0;
}

/* ---- messages ---------------------------------------------------------- */

static int send_whole(const struct feed_sink *to, enum rtmp_type type,
		      uint64_t ts_ms, const struct buf *body)
{
	int err = rtmp_begin(to->rtmp, to->out, type, (uint32_t)ts_ms,
			     (uint32_t)body->len);

	if (!err)
		rtmp_put(to->rtmp, to->out, body->data, body->len);
	return err;
}

static int send_metadata(const struct feed *f, const struct feed_sink *to,
			 uint64_t ts_ms)
{
	const struct flv_metadata m = {
		.has_video = f->video_config.len,
		.has_audio = f->audio_config.len,
		.width = f->width,
		.height = f->height,
		.fps_milli = f->fps_milli,
		.sample_rate = f->sample_rate,
		.channels = f->channels,
		.encoder = "upcast " UPCAST_VERSION,
	};
	struct buf body;
	int err;

	buf_init(&body, METADATA_MAX);
	err = flv_metadata(&body, &m);
	err = err ? err : send_whole(to, RTMP_DATA, ts_ms, &body);
	buf_release(&body);
	return err;
}

static int tell_audio(struct feed *f, const struct feed_sink *to,
		      uint64_t ts_ms)
{
	int err;

	if (f->audio_told || !f->audio_config.len)
		return 0;
	err = send_whole(to, RTMP_AUDIO, ts_ms, &f->audio_config);
	f->audio_told = !err;
	return err;
}

static int tell_video(struct feed *f, const struct feed_sink *to,
		      uint64_t ts_ms)
{
	int err;

	if (f->video_told)
		return 0;
	err = send_metadata(f, to, ts_ms);
	err = err ? err : send_whole(to, RTMP_VIDEO, ts_ms, &f->video_config);
	f->video_told = !err;
	return err ? err : tell_audio(f, to, ts_ms);
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The time in the stream; what is older than the stream becomes its start. */
static uint64_t stream_ts(const struct feed *f, uint64_t ts_ms, uint64_t last)
{
	return later(ts_ms > f->base_ms ? ts_ms - f->base_ms : 0, last);
}

static void start(struct feed *f, uint64_t ts_ms)
{
	if (f->started)
		return;
	f->started = true;
	f->base_ms = ts_ms;
}

static bool has_room(const struct feed_sink *to, size_t limit, size_t size)
{
	return to->pending < limit && limit - to->pending >= size;
}

/* ---- audio ------------------------------------------------------------- */

/* Does the stream still wait for its first key frame? */
static bool must_wait(struct feed *f, uint64_t ts_ms)
{
	if (f->started || !(f->media & PUBLISH_VIDEO))
		return false;
	if (!f->waiting || ts_ms < f->waiting_since_ms) {
		f->waiting = true;
		f->waiting_since_ms = ts_ms;
	}
	return ts_ms - f->waiting_since_ms < f->patience_ms;
}

static int send_audio(struct feed *f, const struct feed_sink *to,
		      const uint8_t *frame, size_t len, uint64_t ts_ms)
{
	uint8_t head[FLV_AAC_HEADER];
	int err = f->video_told || f->audio_told ? 0
						 : send_metadata(f, to, ts_ms);

	err = err ? err : tell_audio(f, to, ts_ms);
	err = err ? err
		  : rtmp_begin(to->rtmp, to->out, RTMP_AUDIO, (uint32_t)ts_ms,
			       (uint32_t)(FLV_AAC_HEADER + len));
	if (err)
		return err;
	flv_put_aac(head);
	rtmp_put(to->rtmp, to->out, head, sizeof(head));
	rtmp_put(to->rtmp, to->out, frame, len);
	return 0;
}

static enum feed_result add_audio(struct feed *f, const struct feed_sink *to,
				  const uint8_t *frame, size_t len,
				  uint64_t ts_ms)
{
	uint64_t at_ms;

	/*
	 * What came before the first picture has no place in the stream, but
	 * for a frame that still sounds when it begins.
	 */
	if (f->started && ts_ms + OVERLAP_MS < f->base_ms)
		return FEED_LEFT_OUT;
	if (!has_room(to, to->limit, len + OVERHEAD))
		return FEED_DROPPED;
	start(f, ts_ms);
	at_ms = stream_ts(f, ts_ms, f->last_audio_ms);
	if (send_audio(f, to, frame, len, at_ms))
		return FEED_DROPPED;
	f->last_audio_ms = at_ms;
	return FEED_ADDED;
}

static size_t early_size(const struct feed *f)
{
	return EARLY_HEADER + buf_get_u16(f->early.data + 8);
}

/* Keeps a frame; the oldest ones make room. Without memory it is left out. */
static void keep_early(struct feed *f, const uint8_t *frame, size_t len,
		       uint64_t ts_ms)
{
	if (len + EARLY_HEADER > FEED_EARLY_MAX)
		return;
	while (f->early.len + EARLY_HEADER + len > FEED_EARLY_MAX)
		buf_consume(&f->early, early_size(f));
	if (buf_reserve(&f->early, EARLY_HEADER + len) ||
	    buf_add_u64(&f->early, ts_ms) ||
	    buf_add_u16(&f->early, (uint16_t)len) ||
	    buf_add(&f->early, frame, len))
		buf_clear(&f->early);
}

/* The stream has begun: what was kept and belongs to it goes out. */
static void add_early(struct feed *f, const struct feed_sink *to)
{
	while (f->early.len) {
		const uint8_t *at = f->early.data;

		add_audio(f, to, at + EARLY_HEADER, buf_get_u16(at + 8),
			  buf_get_u64(at));
		buf_consume(&f->early, early_size(f));
	}
	buf_release(&f->early);
}

enum feed_result feed_audio(struct feed *f, const struct feed_sink *to,
			    const uint8_t *frame, size_t len, uint64_t ts_ms)
{
	if (!len || !f->audio_config.len)
		return FEED_LEFT_OUT;
	if (must_wait(f, ts_ms)) {
		keep_early(f, frame, len, ts_ms);
		return FEED_LEFT_OUT;
	}
	return add_audio(f, to, frame, len, ts_ms);
}

/* ---- video ------------------------------------------------------------- */

static int send_picture(struct feed *f, const struct feed_sink *to,
			const struct slice *s, size_t n, bool key,
			uint64_t ts_ms, int32_t cts_ms)
{
	uint8_t head[FLV_AVC_HEADER], len[FLV_NAL_LENGTH];
	int err = rtmp_begin(to->rtmp, to->out, RTMP_VIDEO, (uint32_t)ts_ms,
			     (uint32_t)flv_avc_size(s, n));

	if (err)
		return err;
	flv_put_avc(head, key, cts_ms);
	rtmp_put(to->rtmp, to->out, head, sizeof(head));
	for (size_t i = 0; i < n; i++) {
		if (s[i].starts) {
			buf_put_u32(len, (uint32_t)flv_nal_size(s + i, n - i));
			rtmp_put(to->rtmp, to->out, len, sizeof(len));
		}
		rtmp_put(to->rtmp, to->out, s[i].data, s[i].len);
	}
	return 0;
}

static int32_t composition(uint64_t dts_ms, uint64_t pts_ms)
{
	int64_t cts = (int64_t)(pts_ms - dts_ms);

	return cts > CTS_MAX_MS || cts < -CTS_MAX_MS ? 0 : (int32_t)cts;
}

static enum feed_result drop_video(struct feed *f)
{
	f->wait_key = f->slow = true;
	return FEED_DROPPED;
}

enum feed_result feed_video(struct feed *f, const struct feed_sink *to,
			    const struct slice *s, size_t n, bool key,
			    uint64_t dts_ms, uint64_t pts_ms)
{
	/* After a drop, room for more than the key frame must have come. */
	size_t limit = f->slow && to->pending ? to->limit / 2 : to->limit;
	uint64_t ts_ms;
	int err;

	if (!n || !f->video_config.len || (f->wait_key && !key))
		return f->slow ? FEED_DROPPED : FEED_NEEDS_KEY;
	if (!has_room(to, limit, flv_avc_size(s, n) + OVERHEAD))
		return drop_video(f);
	start(f, dts_ms);
	ts_ms = stream_ts(f, dts_ms, f->last_video_ms);
	err = tell_video(f, to, ts_ms);
	err = err ? err
		  : send_picture(f, to, s, n, key, ts_ms,
				 composition(dts_ms, pts_ms));
	if (err) /* no memory: as good as no room */
		return drop_video(f);
	f->last_video_ms = ts_ms;
	f->wait_key = f->slow = false;
	add_early(f, to);
	return FEED_ADDED;
}
