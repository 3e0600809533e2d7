/* SPDX-License-Identifier: MIT */
#include "streamer/answer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

enum { AOT_AAC_LC = 2, RANK_NONE = 100 };

/* ---- formats ------------------------------------------------------------ */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* `config` of an fmtp line; false if it is there and is no hex. */
static bool read_config(const struct sdp_format *f, struct msg_media *m)
{
	/* Room for the digit that an odd number of them lacks. */
	char hex[2 * MSG_CONFIG_MAX + 2];
	size_t n;

	m->config_len = 0;
	if (!sdp_fmtp_get(f->fmtp, "config", hex, sizeof(hex) - 1))
		return true;
	n = strlen(hex);
	/* Some write StreamMuxConfig with an odd number of digits. */
	if (n % 2) {
		hex[n++] = '0';
		hex[n] = '\0';
	}
	for (size_t i = 0; i + 1 < n && i / 2 < MSG_CONFIG_MAX; i += 2) {
		int hi = hex_digit(hex[i]), lo = hex_digit(hex[i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		m->config[m->config_len++] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

/* Five bits at bit `at` of the config: an audio object type. */
static unsigned object_type(const struct msg_media *m, size_t at)
{
	unsigned bits = 0;

	if (at + 5 > 8u * m->config_len)
		return 0;
	for (size_t i = at; i < at + 5; i++)
		bits = bits << 1 | (m->config[i / 8] >> (7 - i % 8) & 1);
	return bits;
}

/*
 * MP4A-LATM (RFC 6416 section 7.3). Without `object` and without a config the
 * profile tells: 22 to 29 are those of low delay.
 */
static bool match_latm(const struct sdp_format *f, struct msg_media *m)
{
	uint64_t object = sdp_fmtp_number(f->fmtp, "object", 0);
	uint64_t profile = sdp_fmtp_number(f->fmtp, "profile-level-id", 30);

	m->config_in_band = sdp_fmtp_number(f->fmtp, "cpresent", 1) != 0;
	if (!read_config(f, m) || (!m->config_in_band && !m->config_len))
		return false;
	/* StreamMuxConfig of version 0: 15 bits before the object type. */
	if (!object && m->config_len && !(m->config[0] & 0x80))
		object = object_type(m, 15);
	if (!object && profile >= 22 && profile <= 29)
		return false;
	return !object || object == AOT_AAC_LC;
}

static bool match_generic(const struct sdp_format *f, struct msg_media *m)
{
	char mode[16];

	if (!sdp_fmtp_get(f->fmtp, "mode", mode, sizeof(mode)) ||
	    strcasecmp(mode, "AAC-hbr"))
		return false;
	if (!read_config(f, m) || object_type(m, 0) != AOT_AAC_LC)
		return false;
	/* RFC 3640 fixes them for this mode, and not everyone writes them. */
	m->size_length = (uint8_t)sdp_fmtp_number(f->fmtp, "sizelength", 13);
	m->index_length = (uint8_t)sdp_fmtp_number(f->fmtp, "indexlength", 3);
	m->index_delta_length =
		(uint8_t)sdp_fmtp_number(f->fmtp, "indexdeltalength", 3);
	return m->size_length == 13 && m->index_length == 3 &&
	       m->index_delta_length == 3;
}

static bool match_always(const struct sdp_format *f, struct msg_media *m)
{
	return true;
}

/* RFC 7587 section 6.1: what is sent, and what a peer of such a kind likes. */
static bool match_opus(const struct sdp_format *f, struct msg_media *m)
{
	bool stereo = sdp_fmtp_number(f->fmtp, "sprop-stereo", 0) == 1 ||
		      sdp_fmtp_number(f->fmtp, "stereo", 0) == 1;

	m->channels = stereo ? 2 : 1;
	return true;
}

/* sprop-parameter-sets: NAL units in base64, by commas. */
static void read_sprop(const struct sdp_format *f, struct msg_media *m)
{
	char text[1024], *at = text;

	m->sprop_len = 0;
	if (!sdp_fmtp_get(f->fmtp, "sprop-parameter-sets", text, sizeof(text)))
		return;
	while (*at) {
		size_t n = strcspn(at, ",");
		size_t room = sizeof(m->sprop) - m->sprop_len;
		int len = room < 2 ? -EMSGSIZE
				   : sdes_decode(at, n,
						 m->sprop + m->sprop_len + 2,
						 room - 2);

		if (len > 0) {
			buf_put_u16(m->sprop + m->sprop_len, (uint16_t)len);
			m->sprop_len = (uint16_t)(m->sprop_len + len + 2);
		}
		at += at[n] ? n + 1 : n;
	}
}

static bool match_mode1(const struct sdp_format *f, struct msg_media *m)
{
	read_sprop(f, m);
	return sdp_fmtp_number(f->fmtp, "packetization-mode", 0) == 1;
}

static bool match_mode0(const struct sdp_format *f, struct msg_media *m)
{
	read_sprop(f, m);
	return sdp_fmtp_number(f->fmtp, "packetization-mode", 0) == 0;
}

/* What we take, best first; formats of one rank in the order of the offer. */
static const struct {
	const char *type, *encoding;
	enum msg_codec codec;
	int rank;
	bool transcoded;
	bool (*match)(const struct sdp_format *f, struct msg_media *m);
} codecs[] = {
	{ "audio", "MP4A-LATM", MSG_CODEC_LATM, 0, false, match_latm },
	{ "audio", "mpeg4-generic", MSG_CODEC_AAC_HBR, 0, false,
	  match_generic },
	{ "audio", "opus", MSG_CODEC_OPUS, 1, true, match_opus },
	{ "audio", "G722", MSG_CODEC_G722, 2, true, match_always },
	{ "audio", "PCMA", MSG_CODEC_PCMA, 3, true, match_always },
	{ "audio", "PCMU", MSG_CODEC_PCMU, 3, true, match_always },
	{ "video", "H264", MSG_CODEC_H264, 0, false, match_mode1 },
	{ "video", "H264", MSG_CODEC_H264, 1, false, match_mode0 },
};

/* How much we want that format: RANK_NONE not at all. */
static int rank_format(const char *type, const struct sdp_format *f,
		       const struct answer_rules *rules, struct msg_media *m)
{
	if (!f->encoding || f->payload_type < 0)
		return RANK_NONE;
	m->channels = (uint8_t)f->channels;
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++) {
		if (strcasecmp(type, codecs[i].type) ||
		    strcasecmp(f->encoding, codecs[i].encoding) ||
		    (codecs[i].transcoded && !rules->transcode) ||
		    !codecs[i].match(f, m))
			continue;
		m->codec = codecs[i].codec;
		m->payload_type = (uint8_t)f->payload_type;
		m->clock_rate = f->clock_rate;
		return codecs[i].rank;
	}
	return RANK_NONE;
}

static bool pick_format(const struct sdp_media *line,
			const struct answer_rules *rules, struct msg_media *ret)
{
	int best = RANK_NONE;

	for (size_t i = 0; i < line->format_count; i++) {
		const struct sdp_format *f = &line->formats[i];
		struct msg_media m = { 0 };
		int rank = rank_format(line->type, f, rules, &m);

		if (rank >= best)
			continue;
		best = rank;
		m.pli = line->pli || f->pli;
		m.fir = line->fir || f->fir;
		*ret = m;
	}
	return best != RANK_NONE;
}

/* ---- keys --------------------------------------------------------------- */

/* Best first: GCM costs a third of the work of SHA-1. */
static const enum suite suites[] = {
	SUITE_AEAD_AES_128_GCM,
	SUITE_AEAD_AES_256_GCM,
	SUITE_AES_CM_128_HMAC_SHA1_80,
	SUITE_AES_CM_128_HMAC_SHA1_32,
};

static int rank_suite(enum suite suite)
{
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++)
		if (suites[i] == suite)
			return (int)i;
	return RANK_NONE;
}

static bool pick_key(const struct sdp_media *line, struct sdes *ret)
{
	int best = RANK_NONE;
	struct sdes s;

	for (size_t i = 0; i < line->crypto_count; i++) {
		if (sdes_parse(line->crypto[i], &s))
			continue;
		if (rank_suite(s.key.suite) < best) {
			best = rank_suite(s.key.suite);
			*ret = s;
		}
		explicit_bzero(&s, sizeof(s));
	}
	return best != RANK_NONE;
}

const enum suite answer_suites[ANSWER_SUITES] = {
	SUITE_AEAD_AES_128_GCM,
	SUITE_AES_CM_128_HMAC_SHA1_80,
};

static void set_local_key(const uint8_t keys[ANSWER_SUITES][SUITE_KEY_MAX],
			  enum suite suite, struct suite_key *ret)
{
	int which = suite == answer_suites[1];

	*ret = (struct suite_key){ .suite = suite };
	memcpy(ret->key, keys[which], suite_key_len(suite));
}

/* False if what the line offers and what we may take do not meet. */
static bool settle_keys(const struct sdp_media *line,
			const struct answer_rules *rules, int kind,
			struct answer_media *a)
{
	struct sdes s;

	if (rules->encryption == ANSWER_PROHIBITED)
		return !line->is_secure;
	if (!pick_key(line, &s))
		return !line->is_secure && rules->encryption != ANSWER_REQUIRED;
	a->crypto_tag = s.tag;
	a->media.remote = s.key;
	set_local_key(rules->keys[kind], s.key.suite, &a->media.local);
	explicit_bzero(&s, sizeof(s));
	return true;
}

/* ---- m-lines ------------------------------------------------------------ */

static bool read_address(const char *text, uint16_t port,
			 struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return true;
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		return true;
	}
	return false;
}

static void set_port(struct sockaddr_storage *sa, uint16_t port)
{
	if (sa->ss_family == AF_INET6)
		((struct sockaddr_in6 *)sa)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)sa)->sin_port = htons(port);
}

static void set_remote(const struct sdp_media *line,
		       const struct answer_rules *rules, struct msg_media *m)
{
	uint16_t rtcp = line->rtcp_port;

	if (!line->address ||
	    !read_address(line->address, line->port, &m->remote_rtp)) {
		m->remote_rtp = rules->peer;
		set_port(&m->remote_rtp, line->port);
	}
	m->rtcp_mux = line->rtcp_mux;
	if (m->rtcp_mux)
		rtcp = line->port;
	else if (!rtcp)
		rtcp = (uint16_t)(line->port + 1);
	m->remote_rtcp = m->remote_rtp;
	set_port(&m->remote_rtcp, rtcp);
}

/* Held: nothing comes now. A peer that is "sendonly" goes on sending. */
static bool is_held(const struct sdp_media *line)
{
	return line->direction == SDP_INACTIVE ||
	       line->direction == SDP_RECVONLY ||
	       (line->address && (!strcmp(line->address, "0.0.0.0") ||
				  !strcmp(line->address, "::")));
}

static bool take_line(const struct sdp_media *line,
		      const struct answer_rules *rules, int kind,
		      struct answer_media *ret)
{
	struct answer_media a = { 0 };

	if (!line->port || !line->is_rtp ||
	    !pick_format(line, rules, &a.media) ||
	    !settle_keys(line, rules, kind, &a))
		return false;
	a.media.enabled = true;
	a.media.held = is_held(line);
	set_remote(line, rules, &a.media);
	*ret = a;
	return true;
}

/* The main picture, not the slides (RFC 4796). */
static bool is_main(const struct sdp_media *line)
{
	return !line->content || !strcasecmp(line->content, "main") ||
	       !strcasecmp(line->content, "speaker");
}

int answer_decide(const struct sdp *offer, const struct answer_rules *rules,
		  struct answer *ret)
{
	struct answer a = { .resolution = rules->resolution,
			    .audio.line = -1,
			    .video.line = -1 };

	for (size_t i = 0; i < offer->media_count; i++) {
		const struct sdp_media *line = &offer->media[i];

		if (!strcasecmp(line->type, "audio") && a.audio.line < 0 &&
		    take_line(line, rules, 0, &a.audio))
			a.audio.line = (int)i;
		else if (!strcasecmp(line->type, "video") && a.video.line < 0 &&
			 rules->resolution != ANSWER_AUDIO && is_main(line) &&
			 take_line(line, rules, 1, &a.video))
			a.video.line = (int)i;
	}
	if (a.audio.line < 0 && a.video.line < 0)
		return -ENOTSUP;
	*ret = a;
	explicit_bzero(&a, sizeof(a));
	return 0;
}
