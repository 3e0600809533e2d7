/* SPDX-License-Identifier: MIT */
#include "tests/caller/clip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "tests/child.h"

enum {
	FILE_MAX = 512 << 20,
	FLV_HEADER = 13,
	FLV_TAG = 11,
	FLV_AUDIO = 8,
	FLV_VIDEO = 9,
	RTP_HEADER = 12,
	STAP_A = 24,
	FU_A = 28,
	NAL_IDR = 5,
	NAL_AUD = 9,
	FU_START = 0x80,
	FU_END = 0x40,
	LATM_MAX = 4096,
	ROUND_GAP_MS = 40,
};

/* Where the making of packets is. */
struct maker {
	const struct clip_config *config;
	struct clip *clip;
	struct buf flv;
	size_t at;
	uint64_t round_ms, last_ms; /* where this round began; the latest tag */
	uint16_t seq[CLIP_MEDIA];
	struct buf sets; /* STAP-A of the parameter sets */
	bool first_round;
	uint64_t round_sample; /* time of this round's first AAC frame */
	uint32_t round_frames;
};

/* ---- packets ------------------------------------------------------------- */

static int reserve(struct clip *c, size_t n)
{
	size_t room = c->room ? c->room : 1 << 20;
	void *more;

	while (room < c->size + n)
		room *= 2;
	if (room != c->room) {
		more = realloc(c->data, room);
		if (!more)
			return -ENOMEM;
		c->data = more;
		c->room = room;
	}
	if (c->count < c->packets_room)
		return 0;
	room = c->packets_room ? c->packets_room * 2 : 1 << 14;
	more = reallocarray(c->packets, room, sizeof(*c->packets));
	if (!more)
		return -ENOMEM;
	c->packets = more;
	c->packets_room = room;
	return 0;
}

/* A packet whose payload is `head` and then `body`. */
struct payload {
	const uint8_t *head, *body;
	size_t head_len, body_len;
	bool marker, key;
};

static int add_packet(struct maker *m, enum clip_medium medium, uint64_t due_us,
		      uint32_t ts, const struct payload *p)
{
	const struct clip_config *config = m->config;
	struct clip *c = m->clip;
	int len = (int)(RTP_HEADER + p->head_len + p->body_len);
	uint8_t *at;
	int err = reserve(c, (size_t)len + SRTP_OUT_TRAILER);

	if (err)
		return err;
	at = c->data + c->size;
	at[0] = 0x80;
	at[1] = (uint8_t)(config->payload_type[medium] |
			  (p->marker ? 0x80 : 0));
	buf_put_u16(at + 2, m->seq[medium]++);
	buf_put_u32(at + 4, ts + config->first_ts[medium]);
	buf_put_u32(at + 8, config->ssrc[medium]);
	memcpy(at + RTP_HEADER, p->head, p->head_len);
	memcpy(at + RTP_HEADER + p->head_len, p->body, p->body_len);
	if (config->srtp)
		len = srtp_out_protect(config->srtp, at, (size_t)len);
	if (len < 0)
		return len;
	c->packets[c->count++] = (struct clip_packet){
		.due_us = due_us,
		.at = c->size,
		.len = (uint16_t)len,
		.medium = (uint8_t)medium,
		.key = p->key,
	};
	c->size += (size_t)len;
	return 0;
}

/* ---- H.264 (RFC 6184) ---------------------------------------------------- */

static int add_fragments(struct maker *m, uint64_t due_us, uint32_t ts,
			 const uint8_t *nal, size_t n, bool last)
{
	const size_t most = CLIP_MTU - RTP_HEADER - 2;
	int err = 0;

	for (size_t at = 1; at < n && !err; at += most) {
		size_t part = n - at < most ? n - at : most;
		uint8_t head[2] = { (uint8_t)((nal[0] & 0xe0) | FU_A),
				    nal[0] & 0x1f };
		struct payload p = {
			head, nal + at, 2, part, last && at + part == n, false
		};

		head[1] |= (uint8_t)((at == 1 ? FU_START : 0) |
				     (at + part == n ? FU_END : 0));
		err = add_packet(m, CLIP_VIDEO, due_us, ts, &p);
	}
	return err;
}

static int add_nal(struct maker *m, uint64_t due_us, uint32_t ts,
		   const uint8_t *nal, size_t n, bool last)
{
	const struct payload whole = { nal, nal + 1, 1, n - 1, last, false };

	if (n + RTP_HEADER <= CLIP_MTU)
		return add_packet(m, CLIP_VIDEO, due_us, ts, &whole);
	return add_fragments(m, due_us, ts, nal, n, last);
}

static bool has_idr(const uint8_t *p, size_t n)
{
	for (size_t at = 0; at + 4 < n; at += 4 + buf_get_u32(p + at))
		if ((p[at + 4] & 0x1f) == NAL_IDR)
			return true;
	return false;
}

static int add_picture(struct maker *m, const uint8_t *p, size_t n,
		       uint64_t dts_ms, int32_t cts_ms)
{
	uint32_t ts = (uint32_t)((dts_ms + (uint64_t)cts_ms) * 90);
	uint64_t due_us = dts_ms * 1000;
	bool key = has_idr(p, n);
	int err = 0;

	if (key) {
		const struct payload sets = { m->sets.data, m->sets.data,
					      m->sets.len,  0,
					      false,	    true };

		err = add_packet(m, CLIP_VIDEO, due_us, ts, &sets);
	}
	for (size_t at = 0; at + 4 < n && !err;) {
		size_t len = buf_get_u32(p + at);

		at += 4;
		if (len > n - at)
			return -EBADMSG;
		if ((p[at] & 0x1f) != NAL_AUD)
			err = add_nal(m, due_us, ts, p + at, len,
				      at + len == n);
		at += len;
	}
	m->clip->frames[CLIP_VIDEO] += m->first_round;
	return err;
}

/* AVCDecoderConfigurationRecord -> STAP-A. */
static int take_sets(struct maker *m, const uint8_t *p, size_t n)
{
	size_t at = 6, count;
	int err;

	if (n < 11)
		return -EBADMSG;
	m->clip->profile_level_id = buf_get_u24(p + 1);
	buf_clear(&m->sets);
	err = buf_add_u8(&m->sets, 0x60 | STAP_A);
	count = p[5] & 0x1f;
	for (int round = 0; round < 2 && !err; round++) {
		for (; count && !err && at + 2 <= n; count--) {
			size_t len = 2u + buf_get_u16(p + at);

			if (len > n - at)
				return -EBADMSG;
			err = buf_add(&m->sets, p + at, len);
			at += len;
		}
		count = at < n && !round ? p[at++] : 0;
	}
	return err;
}

/* ---- AAC ------------------------------------------------------------------
 */

/* Bits, most significant first. */
struct writer {
	uint8_t bytes[LATM_MAX];
	size_t bits;
};

static void put(struct writer *w, unsigned n, uint32_t v)
{
	while (n--) {
		if (v >> n & 1)
			w->bytes[w->bits / 8] |= (uint8_t)(0x80 >> w->bits % 8);
		w->bits++;
	}
}

/* AudioMuxElement(1) of ISO 14496-3 section 1.7.3, configured each time. */
static void put_latm(struct writer *w, const struct clip *c,
		     const uint8_t *frame, size_t n)
{
	size_t left = n;

	put(w, 1, 0); /* useSameStreamMux */
	put(w, 1, 0); /* audioMuxVersion */
	put(w, 1, 1); /* allStreamsSameTimeFraming */
	put(w, 6, 0); /* numSubFrames */
	put(w, 4, 0); /* numProgram */
	put(w, 3, 0); /* numLayer */
	put(w, 16, buf_get_u16(c->asc));
	put(w, 3, 0);	 /* frameLengthType */
	put(w, 8, 0xff); /* latmBufferFullness */
	put(w, 1, 0);	 /* otherDataPresent */
	put(w, 1, 0);	 /* crcCheckPresent */
	for (; left >= 255; left -= 255)
		put(w, 8, 255);
	put(w, 8, (uint32_t)left);
	for (size_t i = 0; i < n; i++)
		put(w, 8, frame[i]);
}

static int add_sound(struct maker *m, const uint8_t *frame, size_t n,
		     uint64_t ts_ms)
{
	uint8_t header[4] = { 0, 16 };
	struct payload p = { header, frame, sizeof(header), n, true, false };
	struct writer w = { .bits = 0 };
	uint32_t ts;

	if (n > LATM_MAX / 2)
		return -EMSGSIZE;
	/* FLV has whole milliseconds only: the frames are counted. */
	if (!m->round_frames)
		m->round_sample = ts_ms * m->clip->audio_rate / 1000;
	ts = (uint32_t)(m->round_sample + 1024ull * m->round_frames++);
	if (m->config->generic) {
		buf_put_u16(header + 2, (uint16_t)(n << 3));
	} else {
		put_latm(&w, m->clip, frame, n);
		p = (struct payload){ w.bytes, w.bytes, (w.bits + 7) / 8,
				      0,       true,	false };
	}
	m->clip->frames[CLIP_AUDIO] += m->first_round;
	return add_packet(m, CLIP_AUDIO, ts_ms * 1000, ts, &p);
}

static int take_asc(struct maker *m, const uint8_t *p, size_t n)
{
	static const uint32_t rates[] = { 96000, 88200, 64000, 48000,
					  44100, 32000, 24000, 22050,
					  16000, 12000, 11025, 8000 };
	struct clip *c = m->clip;
	uint32_t index;

	if (n < 2 || n > sizeof(c->asc))
		return -EBADMSG;
	index = (buf_get_u16(p) >> 7) & 15;
	if (index >= ARRAY_SIZE(rates))
		return -ENOTSUP;
	memcpy(c->asc, p, n);
	c->asc_len = n;
	c->audio_rate = rates[index];
	c->channels = p[1] >> 3 & 15;
	return 0;
}

/* ---- the film -------------------------------------------------------------
 */

static int take_tag(struct maker *m, int type, const uint8_t *p, size_t n,
		    uint64_t ts_ms)
{
	if (type == FLV_VIDEO && n >= 5 && p[1] == 0)
		return take_sets(m, p + 5, n - 5);
	if (type == FLV_VIDEO && n >= 5 && p[1] == 1)
		return add_picture(m, p + 5, n - 5, ts_ms,
				   (int32_t)(buf_get_u24(p + 2) << 8) >> 8);
	if (type == FLV_AUDIO && n >= 2 && p[1] == 0)
		return take_asc(m, p + 2, n - 2);
	if (type == FLV_AUDIO && n >= 2)
		return add_sound(m, p + 2, n - 2, ts_ms);
	return 0;
}

/* One tag; at the end of the film the next round begins. */
static int next_tag(struct maker *m)
{
	const uint8_t *tag = m->flv.data + m->at;
	size_t n;
	uint64_t ts_ms;

	if (m->at + FLV_TAG > m->flv.len) {
		if (m->at == FLV_HEADER)
			return -ENODATA;
		m->at = FLV_HEADER;
		m->round_ms = m->last_ms + ROUND_GAP_MS;
		m->first_round = false;
		m->round_frames = 0;
		return 0;
	}
	n = buf_get_u24(tag + 1);
	if (n > m->flv.len - m->at - FLV_TAG)
		return -EBADMSG;
	ts_ms = m->round_ms + (buf_get_u24(tag + 4) | (uint32_t)tag[7] << 24);
	m->last_ms = ts_ms > m->last_ms ? ts_ms : m->last_ms;
	m->at += FLV_TAG + n + 4;
	return take_tag(m, tag[0] & 31, tag + FLV_TAG, n, ts_ms);
}

static int read_all(int fd, struct buf *dst)
{
	ssize_t n;
	int err;

	do {
		err = buf_reserve(dst, 1 << 16);
		if (err)
			return err;
		n = read(fd, dst->data + dst->len, 1 << 16);
		if (n > 0)
			dst->len += (size_t)n;
	} while (n > 0);
	return n < 0 ? -errno : dst->len <= FLV_HEADER ? -ENODATA : 0;
}

static int read_film(const char *path, struct buf *dst)
{
	const char *argv[] = { "ffmpeg", "-v",	"error", "-nostdin",
			       "-i",	 path,	"-c",	 "copy",
			       "-f",	 "flv", "-",	 NULL };
	struct child ffmpeg = { 0 };
	int err = child_start(&ffmpeg, argv);

	if (!err)
		err = read_all(ffmpeg.out_fd, dst);
	child_stop(&ffmpeg);
	return err;
}

static int by_due(const void *a, const void *b)
{
	const struct clip_packet *x = a, *y = b;

	if (x->due_us != y->due_us)
		return x->due_us < y->due_us ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static int make(struct maker *m)
{
	int err = 0;

	while (!err && m->last_ms < m->config->seconds * 1000ULL)
		err = next_tag(m);
	if (!err && !m->clip->profile_level_id)
		err = -ENODATA;
	if (!err)
		qsort(m->clip->packets, m->clip->count,
		      sizeof(*m->clip->packets), by_due);
	return err;
}

int clip_new(const struct clip_config *config, struct clip **ret_clip,
	     struct err *err)
{
	struct maker m = { .config = config,
			   .clip = calloc(1, sizeof(*m.clip)),
			   .at = FLV_HEADER,
			   .first_round = true };
	int e = m.clip ? 0 : -ENOMEM;

	buf_init(&m.flv, FILE_MAX);
	buf_init(&m.sets, 1024);
	memcpy(m.seq, config->first_seq, sizeof(m.seq));
	e = e ? e : read_film(config->path, &m.flv);
	e = e ? e : make(&m);
	buf_release(&m.flv);
	buf_release(&m.sets);
	if (e) {
		clip_free(m.clip);
		return err_set(err, e,
			       "%s: no H.264 with AAC can be read from it: %s",
			       config->path, err_str(e));
	}
	*ret_clip = m.clip;
	return 0;
}

void clip_free(struct clip *clip)
{
	if (!clip)
		return;
	free(clip->data);
	free(clip->packets);
	free(clip);
}

uint32_t clip_rtp_time(const struct clip *clip, const struct clip_config *c,
		       enum clip_medium medium, uint64_t at_us)
{
	uint64_t rate = medium == CLIP_VIDEO ? CLIP_VIDEO_RATE
					     : clip->audio_rate;

	return (uint32_t)(at_us * rate / 1000000) + c->first_ts[medium];
}
