/* SPDX-License-Identifier: MIT */
#include "streamer/answer.h"

#include <stdio.h>
#include <string.h>

/*
 * How much we ask for. The values for 1080p are those of the original; 720p
 * scales them: `max_mbps` is 30 pictures of `max_fs` macroblocks a second,
 * `max_br` the bandwidth in units of 1200 bits. The level is low and the
 * parameters raise it (RFC 6184 section 8.1), except for peers that do not know
 * them, which `level` serves.
 */
static const struct {
	unsigned tias, max_fs, max_mbps, max_br;
	const char *level;
} shapes[] = {
	[ANSWER_AUDIO] = { 64000, 0, 0, 0, "" },
	[ANSWER_720P] = { 2000000, 3716, 111480, 1666, "1f" },
	[ANSWER_1080P] = { 3500000, 8276, 248280, 2916, "28" },
};

enum { AUDIO_BITRATE = 64000, BITRATE_MAX = 512000 };

static int add_session(enum answer_resolution resolution,
		       const struct answer_place *place, struct buf *dst)
{
	const char *family = strchr(place->address, ':') ? "IP6" : "IP4";

	return buf_printf(dst,
			  "v=0\r\n"
			  "o=Kokoro 0 %u IN %s %s\r\n"
			  "s=-\r\n"
			  "c=IN %s %s\r\n"
			  "b=CT:%u\r\n"
			  "t=0 0\r\n",
			  place->version, family, place->address, family,
			  place->address, shapes[resolution].tias / 1000);
}

static int add_rtpmap(const struct sdp_format *f, struct buf *dst)
{
	int err = buf_printf(dst, "a=rtpmap:%s %s/%u", f->name, f->encoding,
			     f->clock_rate);

	if (!err && f->channels > 1)
		err = buf_printf(dst, "/%u", f->channels);
	return err ? err : buf_add_str(dst, "\r\n");
}

/* RFC 3264 section 6: port 0, in its place, with a format of the offer. */
static int add_declined(const struct sdp_media *line, struct buf *dst)
{
	const struct sdp_format *f = &line->formats[0];
	int err = buf_printf(dst, "m=%s 0 %s %s\r\n", line->type, line->proto,
			     f->name);

	return !err && f->encoding ? add_rtpmap(f, dst) : err;
}

static int add_keys(const struct answer_media *a, struct buf *dst)
{
	struct sdes s = { .tag = a->crypto_tag, .key = a->media.local };
	int err = s.key.suite == SUITE_NONE ? 0 : sdes_format(&s, dst);

	explicit_bzero(&s, sizeof(s));
	return err;
}

/* What both kinds of media have behind their bandwidth. */
static int add_common(const struct answer_media *a,
		      const struct sdp_media *line, struct buf *dst)
{
	int err = 0;

	if (line->content)
		err = buf_printf(dst, "a=content:%s\r\n", line->content);
	/* Held through its address alone, a line keeps its direction. */
	if (!err)
		err = buf_add_str(dst, line->direction == SDP_INACTIVE ||
						       line->direction ==
							       SDP_RECVONLY
					       ? "a=inactive\r\n"
					       : "a=recvonly\r\n");
	if (!err && a->media.rtcp_mux)
		err = buf_add_str(dst, "a=rtcp-mux\r\n");
	return err ? err : add_keys(a, dst);
}

static int add_label(const struct sdp_media *line, struct buf *dst)
{
	return line->label ? buf_printf(dst, "a=label:%s\r\n", line->label) : 0;
}

/* The offer's; to stereo we say that we like it (RFC 7587 section 6.1). */
static int add_audio_fmtp(const struct answer_media *a,
			  const struct sdp_format *f, struct buf *dst)
{
	const char *more = "";

	if (!f->fmtp)
		return 0;
	if (a->media.codec == MSG_CODEC_OPUS && a->media.channels == 2 &&
	    sdp_fmtp_number(f->fmtp, "stereo", 0) != 1)
		more = ";stereo=1";
	return buf_printf(dst, "a=fmtp:%s %s%s\r\n", f->name, f->fmtp, more);
}

static int add_audio(const struct answer_media *a, const struct sdp_media *line,
		     uint16_t port, struct buf *dst)
{
	const struct sdp_format *f = sdp_find(line, a->media.payload_type);
	uint64_t rate = sdp_fmtp_number(f->fmtp, "bitrate", AUDIO_BITRATE);
	int err;

	if (!rate || rate > BITRATE_MAX)
		rate = AUDIO_BITRATE;
	err = buf_printf(dst, "m=%s %u %s %s\r\nb=TIAS:%u\r\n", line->type,
			 port, line->proto, f->name, (unsigned)rate);
	if (!err)
		err = add_common(a, line, dst);
	if (!err)
		err = add_rtpmap(f, dst);
	if (!err)
		err = add_audio_fmtp(a, f, dst);
	return err ? err : add_label(line, dst);
}

/*
 * The profile is the offer's, since the two must agree (RFC 6184 section
 * 8.2.2); the level is what we take.
 */
static int add_h264_fmtp(const struct sdp_format *f,
			 enum answer_resolution resolution, struct buf *dst)
{
	char profile[8] = "428014";
	bool asymmetric =
		sdp_fmtp_number(f->fmtp, "level-asymmetry-allowed", 0) == 1;
	bool raises = sdp_fmtp_number(f->fmtp, "max-fs", 0) ||
		      sdp_fmtp_number(f->fmtp, "max-mbps", 0);
	int err;

	if (!sdp_fmtp_get(f->fmtp, "profile-level-id", profile,
			  sizeof(profile)) ||
	    strlen(profile) != 6)
		memcpy(profile, "428014", 7);
	memcpy(profile + 4, raises ? "14" : shapes[resolution].level, 2);
	err = buf_printf(dst, "a=fmtp:%s profile-level-id=%s", f->name,
			 profile);
	if (!err && raises)
		err = buf_printf(dst,
				 ";max-mbps=%u;max-fs=%u;max-cpb=4000"
				 ";max-dpb=4752;max-br=%u;max-fps=33",
				 shapes[resolution].max_mbps,
				 shapes[resolution].max_fs,
				 shapes[resolution].max_br);
	if (!err && asymmetric)
		err = buf_add_str(dst, ";level-asymmetry-allowed=1");
	if (err)
		return err;
	return buf_printf(dst, ";packetization-mode=%u\r\n",
			  (unsigned)sdp_fmtp_number(f->fmtp,
						    "packetization-mode", 0));
}

static int add_feedback(const struct msg_media *m, struct buf *dst)
{
	int err = m->pli ? buf_add_str(dst, "a=rtcp-fb:* nack pli\r\n") : 0;

	if (!err && m->fir)
		err = buf_add_str(dst, "a=rtcp-fb:* ccm fir\r\n");
	return err;
}

static int add_video(const struct answer *a, const struct sdp_media *line,
		     uint16_t port, struct buf *dst)
{
	const struct msg_media *m = &a->video.media;
	const struct sdp_format *f = sdp_find(line, m->payload_type);
	int err = buf_printf(dst, "m=%s %u %s %s\r\nb=TIAS:%u\r\n", line->type,
			     port, line->proto, f->name,
			     shapes[a->resolution].tias);

	if (!err)
		err = add_common(&a->video, line, dst);
	if (!err)
		err = add_feedback(m, dst);
	if (!err)
		err = add_rtpmap(f, dst);
	if (!err)
		err = add_h264_fmtp(f, a->resolution, dst);
	return err ? err : add_label(line, dst);
}

int answer_format(const struct answer *a, const struct sdp *offer,
		  const struct answer_place *place, struct buf *dst)
{
	int err = add_session(a->resolution, place, dst);

	for (int i = 0; i < (int)offer->media_count && !err; i++) {
		const struct sdp_media *line = &offer->media[i];

		if (i == a->audio.line)
			err = add_audio(&a->audio, line, place->audio_port,
					dst);
		else if (i == a->video.line)
			err = add_video(a, line, place->video_port, dst);
		else
			err = add_declined(line, dst);
	}
	return err;
}

/* ---- our own offer ------------------------------------------------------ */

static int add_offered_keys(const uint8_t keys[ANSWER_SUITES][SUITE_KEY_MAX],
			    struct buf *dst)
{
	int err = 0;

	for (unsigned i = 0; i < ANSWER_SUITES && !err; i++) {
		struct sdes s = { .tag = i + 1, .key.suite = answer_suites[i] };

		memcpy(s.key.key, keys[i], suite_key_len(answer_suites[i]));
		err = sdes_format(&s, dst);
		explicit_bzero(&s, sizeof(s));
	}
	return err;
}

static const char *offered_proto(const struct answer_rules *rules)
{
	return rules->encryption == ANSWER_REQUIRED ? "RTP/SAVP" : "RTP/AVP";
}

static bool offers_keys(const struct answer_rules *rules)
{
	return rules->encryption == ANSWER_REQUIRED ||
	       (rules->encryption == ANSWER_OPTIONAL && rules->secure_offer);
}

static int add_offered_line(const struct answer_rules *rules, int kind,
			    const char *line, uint16_t port, const char *rest,
			    struct buf *dst)
{
	int err = buf_printf(dst, "m=%s %u %s ", line, port,
			     offered_proto(rules));

	if (!err)
		err = buf_add_str(dst, rest);
	if (!err)
		err = buf_add_str(dst, "a=recvonly\r\na=rtcp-mux\r\n");
	if (!err && offers_keys(rules))
		err = add_offered_keys(rules->keys[kind], dst);
	return err;
}

#define OFFERED_AAC                                                            \
	"a=rtpmap:96 MP4A-LATM/32000\r\n"                                      \
	"a=fmtp:96 profile-level-id=30;bitrate=64000;object=2\r\n"             \
	"a=rtpmap:97 MP4A-LATM/48000\r\n"                                      \
	"a=fmtp:97 profile-level-id=30;bitrate=64000;object=2\r\n"             \
	"a=rtpmap:98 mpeg4-generic/48000/2\r\n"                                \
	"a=fmtp:98 profile-level-id=41;streamtype=5;mode=AAC-hbr"              \
	";sizelength=13;indexlength=3;indexdeltalength=3;config=1190\r\n"

static int add_offered_video(const struct answer_rules *rules, uint16_t port,
			     struct buf *dst)
{
	char rest[640], limits[96];

	snprintf(limits, sizeof(limits),
		 "max-mbps=%u;max-fs=%u;max-cpb=4000;max-dpb=4752;max-br=%u",
		 shapes[rules->resolution].max_mbps,
		 shapes[rules->resolution].max_fs,
		 shapes[rules->resolution].max_br);
	snprintf(
		rest, sizeof(rest),
		"116 117\r\nb=TIAS:%u\r\na=content:main\r\n"
		"a=rtcp-fb:* nack pli\r\na=rtcp-fb:* ccm fir\r\n"
		"a=rtpmap:116 H264/90000\r\n"
		"a=fmtp:116 profile-level-id=4280%s;%s;packetization-mode=1\r\n"
		"a=rtpmap:117 H264/90000\r\n"
		"a=fmtp:117 profile-level-id=4280%s;%s\r\n",
		shapes[rules->resolution].tias, shapes[rules->resolution].level,
		limits, shapes[rules->resolution].level, limits);
	return add_offered_line(rules, 1, "video", port, rest, dst);
}

int answer_format_offer(const struct answer_rules *rules,
			const struct answer_place *place, struct buf *dst)
{
	int err = add_session(rules->resolution, place, dst);

	if (!err)
		err = add_offered_line(rules, 0, "audio", place->audio_port,
				       rules->transcode
					       ? "96 97 98 99 9 8 0\r\n"
						 "b=TIAS:64000\r\n" OFFERED_AAC
						 "a=rtpmap:99 opus/48000/2\r\n"
						 "a=rtpmap:9 G722/8000\r\n"
						 "a=rtpmap:8 PCMA/8000\r\n"
						 "a=rtpmap:0 PCMU/8000\r\n"
					       : "96 97 98\r\n"
						 "b=TIAS:64000\r\n" OFFERED_AAC,
				       dst);
	if (!err && rules->resolution != ANSWER_AUDIO)
		err = add_offered_video(rules, place->video_port, dst);
	return err;
}
