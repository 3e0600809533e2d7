/* SPDX-License-Identifier: MIT */
#include "streamer/answer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "tests/unit.h"

static const struct answer_place place = { .address = "192.0.2.20",
					   .audio_port = 51264,
					   .video_port = 51266 };

static size_t load(const char *name, char *dst, size_t size)
{
	FILE *f = fopen(unit_data(name), "rb");
	size_t n = f ? fread(dst, 1, size - 1, f) : 0;

	if (f)
		fclose(f);
	dst[n] = '\0';
	return n;
}

static struct answer_rules rules_for(enum answer_resolution resolution)
{
	struct answer_rules r = { .resolution = resolution };

	memset(r.keys, 'k', sizeof(r.keys));
	return r;
}

/* Offer and rules to the text of the answer. */
static int answer(const char *offer, const struct answer_rules *rules,
		  struct answer *a, struct buf *text)
{
	struct sdp *sdp;
	int err = sdp_parse(offer, strlen(offer), &sdp);

	if (err)
		return err;
	err = answer_decide(sdp, rules, a);
	if (!err)
		err = answer_format(a, sdp, &place, text);
	sdp_free(sdp);
	return err;
}

/* The bridge's offer against what the original answers to it. */
static int test_bridge(void)
{
	static const char *const golden[] = {
		[ANSWER_AUDIO] = "answer-audio.sdp",
		[ANSWER_720P] = "answer-720p.sdp",
		[ANSWER_1080P] = "answer-1080p.sdp",
	};
	static char offer[8192], want[8192];
	struct answer a;
	struct buf text;
	int err;

	buf_init(&text, 8192);
	CHECK(load("../corpus/sdp/cms-offer.sdp", offer, sizeof(offer)));
	for (int i = 0; i < (int)ARRAY_SIZE(golden); i++) {
		struct answer_rules rules = rules_for(i);

		CHECK(load(golden[i], want, sizeof(want)));
		buf_clear(&text);
		CHECK_OK(answer(offer, &rules, &a, &text));
		CHECK_STR(buf_text(&text), want);
		CHECK_EQ(a.audio.media.codec, MSG_CODEC_LATM);
		CHECK_EQ(a.audio.media.payload_type, 119);
		CHECK_EQ(a.audio.media.clock_rate, 32000);
		CHECK(a.audio.media.config_in_band);
		CHECK_EQ(a.video.line, i == ANSWER_AUDIO ? -1 : 1);
	}
	CHECK_EQ(a.video.media.payload_type, 116);
	CHECK(a.video.media.pli && a.video.media.fir);
	CHECK(!a.video.media.held);
	err = 0;
out:
	buf_release(&text);
	return err;
}

#define SESSION                                                                \
	"v=0\r\no=a 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\n"     \
	"t=0 0\r\n"
#define KEY30 "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tr"
#define KEY28 "a2tra2tra2tra2tra2tra2tra2tra2tra2traw=="
#define CRYPTO80 "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "\r\n"
#define CRYPTO32                                                               \
	"a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:" KEY30 "|2^20|1:4\r\n"
#define CRYPTOGCM "a=crypto:3 AEAD_AES_128_GCM inline:" KEY28 "\r\n"
#define AAC "a=rtpmap:97 MP4A-LATM/48000/2\r\na=fmtp:97 object=2\r\n"

/* What is taken, by the rules of encryption. */
static const struct {
	const char *lines;
	enum answer_encryption encryption;
	int want;
	enum suite suite;
	uint32_t tag;
} keys[] = {
	{ "m=audio 5000 RTP/AVP 97\r\n" AAC, ANSWER_OPTIONAL, 0, SUITE_NONE,
	  0 },
	{ "m=audio 5000 RTP/AVP 97\r\n" AAC, ANSWER_REQUIRED, -ENOTSUP,
	  SUITE_NONE, 0 },
	{ "m=audio 5000 RTP/AVP 97\r\n" AAC CRYPTO80, ANSWER_OPTIONAL, 0,
	  SUITE_AES_CM_128_HMAC_SHA1_80, 1 },
	{ "m=audio 5000 RTP/AVP 97\r\n" AAC CRYPTO80, ANSWER_PROHIBITED, 0,
	  SUITE_NONE, 0 },
	{ "m=audio 5000 RTP/SAVP 97\r\n" AAC CRYPTO80, ANSWER_PROHIBITED,
	  -ENOTSUP, SUITE_NONE, 0 },
	{ "m=audio 5000 RTP/SAVP 97\r\n" AAC, ANSWER_OPTIONAL, -ENOTSUP,
	  SUITE_NONE, 0 },
	{ "m=audio 5000 RTP/SAVPF 97\r\n" AAC CRYPTO32 CRYPTO80,
	  ANSWER_REQUIRED, 0, SUITE_AES_CM_128_HMAC_SHA1_80, 1 },
	{ "m=audio 5000 RTP/SAVP 97\r\n" AAC CRYPTO80 CRYPTO32 CRYPTOGCM,
	  ANSWER_OPTIONAL, 0, SUITE_AEAD_AES_128_GCM, 3 },
	{ "m=audio 5000 RTP/SAVP 97\r\n" AAC CRYPTO32, ANSWER_OPTIONAL, 0,
	  SUITE_AES_CM_128_HMAC_SHA1_32, 2 },
};

static int test_keys(void)
{
	struct answer_rules rules = rules_for(ANSWER_720P);
	char offer[2048];
	struct answer a;
	struct buf text;
	int err;

	buf_init(&text, 8192);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		snprintf(offer, sizeof(offer), SESSION "%s", keys[i].lines);
		rules.encryption = keys[i].encryption;
		buf_clear(&text);
		CHECK_ERR(answer(offer, &rules, &a, &text), keys[i].want);
		if (keys[i].want)
			continue;
		CHECK_EQ(a.audio.media.remote.suite, keys[i].suite);
		CHECK_EQ(a.audio.media.local.suite, keys[i].suite);
		CHECK_EQ(a.audio.crypto_tag, keys[i].tag);
		CHECK_EQ(!!strstr(buf_text(&text), "a=crypto:"),
			 keys[i].suite != SUITE_NONE);
	}
	CHECK_EQ(a.audio.media.remote.mki_len, 4);
	CHECK(strstr(buf_text(&text),
		     "a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:" KEY30
		     "\r\n"));
	err = 0;
out:
	buf_release(&text);
	return err;
}

#define GENERIC                                                                \
	"a=fmtp:96 mode=AAC-hbr;sizelength=13;indexlength=3;"                  \
	"indexdeltalength=3;config="

static const struct {
	const char *lines;
	bool transcode;
	enum msg_codec codec; /* NONE: nothing of it is taken */
	int payload_type;
} audio[] = {
	{ "96 97\r\na=rtpmap:96 mpeg4-generic/48000/2\r\n" GENERIC
	  "1190\r\n" AAC,
	  false, MSG_CODEC_AAC_HBR, 96 },
	{ "97 96\r\na=rtpmap:96 mpeg4-generic/48000/2\r\n" GENERIC
	  "1190\r\n" AAC,
	  false, MSG_CODEC_LATM, 97 },
	/* AAC-LD in its three disguises */
	{ "96\r\na=rtpmap:96 mpeg4-generic/48000\r\n"
	  "a=fmtp:96 config=B98C00;mode=AAC-hbr\r\n",
	  true, MSG_CODEC_NONE, 0 },
	{ "96\r\na=rtpmap:96 MP4A-LATM/90000\r\na=fmtp:96 object=23\r\n", true,
	  MSG_CODEC_NONE, 0 },
	{ "96\r\na=rtpmap:96 MP4A-LATM/90000\r\n"
	  "a=fmtp:96 profile-level-id=24\r\n",
	  true, MSG_CODEC_NONE, 0 },
	/* StreamMuxConfig out of band: LC, LD, and none although promised */
	{ "96\r\na=rtpmap:96 MP4A-LATM/48000\r\n"
	  "a=fmtp:96 cpresent=0;config=400023203fc0\r\n",
	  false, MSG_CODEC_LATM, 96 },
	{ "96\r\na=rtpmap:96 MP4A-LATM/48000\r\n"
	  "a=fmtp:96 cpresent=0;config=40017323\r\n",
	  false, MSG_CODEC_NONE, 0 },
	{ "96\r\na=rtpmap:96 MP4A-LATM/48000\r\na=fmtp:96 cpresent=0\r\n",
	  false, MSG_CODEC_NONE, 0 },
	{ "96\r\na=rtpmap:96 mpeg4-generic/48000\r\n"
	  "a=fmtp:96 mode=AAC-lbr;config=1190\r\n",
	  true, MSG_CODEC_NONE, 0 },
	{ "96\r\na=rtpmap:96 mpeg4-generic/48000\r\n"
	  "a=fmtp:96 mode=AAC-hbr;config=11zz\r\n",
	  true, MSG_CODEC_NONE, 0 },
	/* Others need the transcoder. */
	{ "0 8 9\r\n", false, MSG_CODEC_NONE, 0 },
	{ "0 8 9\r\n", true, MSG_CODEC_G722, 9 },
	{ "0 8\r\n", true, MSG_CODEC_PCMU, 0 },
	{ "8 9 98\r\na=rtpmap:98 OPUS/48000/2\r\n", true, MSG_CODEC_OPUS, 98 },
	{ "8 9 97\r\n" AAC, true, MSG_CODEC_LATM, 97 },
	{ "101\r\na=rtpmap:101 telephone-event/8000\r\n", true, MSG_CODEC_NONE,
	  0 },
};

static int test_audio(void)
{
	struct answer_rules rules = rules_for(ANSWER_720P);
	char offer[2048];
	struct answer a;
	struct buf text;
	int err;

	buf_init(&text, 8192);
	for (size_t i = 0; i < ARRAY_SIZE(audio); i++) {
		snprintf(offer, sizeof(offer),
			 SESSION "m=audio 5000 RTP/AVP %s", audio[i].lines);
		rules.transcode = audio[i].transcode;
		err = answer(offer, &rules, &a, &text);
		if (audio[i].codec == MSG_CODEC_NONE) {
			CHECK_ERR(err, -ENOTSUP);
			continue;
		}
		CHECK_OK(err);
		CHECK_EQ(a.audio.media.codec, audio[i].codec);
		CHECK_EQ(a.audio.media.payload_type, audio[i].payload_type);
	}
	err = 0;
out:
	buf_release(&text);
	return err;
}

static const struct {
	const char *fmtp;
	uint8_t channels;
	const char *want;
} opus[] = {
	{ "", 1, "a=rtpmap:98 opus/48000/2\r\n" },
	{ "a=fmtp:98 sprop-stereo=0\r\n", 1, "98 sprop-stereo=0\r\n" },
	{ "a=fmtp:98 sprop-stereo=1\r\n", 2, "sprop-stereo=1;stereo=1\r\n" },
	{ "a=fmtp:98 stereo=1\r\n", 2, "98 stereo=1\r\n" },
};

static int test_stereo(void)
{
	struct answer_rules rules = rules_for(ANSWER_720P);
	char offer[2048];
	struct answer a;
	struct buf text;
	int err = 0;

	buf_init(&text, 8192);
	rules.transcode = true;
	for (size_t i = 0; i < ARRAY_SIZE(opus); i++) {
		buf_clear(&text);
		snprintf(offer, sizeof(offer),
			 SESSION "m=audio 5000 RTP/AVP 98\r\n"
				 "a=rtpmap:98 opus/48000/2\r\n%s",
			 opus[i].fmtp);
		CHECK_OK(answer(offer, &rules, &a, &text));
		CHECK_EQ(a.audio.media.channels, opus[i].channels);
		CHECK(strstr(buf_text(&text), opus[i].want));
	}
out:
	buf_release(&text);
	return err;
}

#define H264 "a=rtpmap:96 H264/90000\r\na=fmtp:96 profile-level-id="

static const struct {
	const char *lines;
	const char *want; /* NULL: declined */
} video[] = {
	{ "96\r\n" H264 "42e01f;packetization-mode=1\r\n",
	  "profile-level-id=42e01f;packetization-mode=1\r\n" },
	{ "96\r\n" H264 "640c1f;max-fs=3600;packetization-mode=1\r\n",
	  "profile-level-id=640c14;max-mbps=111480;max-fs=3716;max-cpb=4000"
	  ";max-dpb=4752;max-br=1666;max-fps=33;packetization-mode=1\r\n" },
	{ "96\r\n" H264 "42801f;level-asymmetry-allowed=1\r\n",
	  "profile-level-id=42801f;level-asymmetry-allowed=1"
	  ";packetization-mode=0\r\n" },
	{ "96\r\na=rtpmap:96 h264/90000\r\n",
	  "profile-level-id=42801f;packetization-mode=0\r\n" },
	{ "96\r\n" H264 "42801f;packetization-mode=2\r\n", NULL },
	{ "31 34\r\n", NULL },
	{ "96\r\n" H264 "42801f\r\na=content:slides\r\n", NULL },
};

static int test_video(void)
{
	struct answer_rules rules = rules_for(ANSWER_720P);
	char offer[2048];
	struct answer a;
	struct buf text;
	int err;

	buf_init(&text, 8192);
	for (size_t i = 0; i < ARRAY_SIZE(video); i++) {
		snprintf(offer, sizeof(offer),
			 SESSION "m=video 5000 RTP/AVP %s", video[i].lines);
		buf_clear(&text);
		err = answer(offer, &rules, &a, &text);
		if (!video[i].want) {
			CHECK_ERR(err, -ENOTSUP);
			continue;
		}
		CHECK_OK(err);
		CHECK(strstr(buf_text(&text), video[i].want));
	}
	err = 0;
out:
	buf_release(&text);
	return err;
}

static int test_sprop(void)
{
	struct answer_rules rules = rules_for(ANSWER_720P);
	static const char offer[] = SESSION
		"m=video 5000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
		"a=fmtp:96 sprop-parameter-sets=Z0KA,%%,aM48gA==\r\n"
		"a=rtcp-fb:96 ccm fir\r\n";
	struct answer a;
	struct buf text;
	int err;

	buf_init(&text, 8192);
	CHECK_OK(answer(offer, &rules, &a, &text));
	CHECK_EQ(a.video.media.sprop_len, 11);
	CHECK(!memcmp(a.video.media.sprop,
		      "\0\3\x67\x42\x80\0\4\x68\xce\x3c"
		      "\x80",
		      11));
	CHECK(a.video.media.fir && !a.video.media.pli);
	err = 0;
out:
	buf_release(&text);
	return err;
}

static uint16_t port_of(const struct sockaddr_storage *sa)
{
	return ntohs(sa->ss_family == AF_INET6
			     ? ((const struct sockaddr_in6 *)sa)->sin6_port
			     : ((const struct sockaddr_in *)sa)->sin_port);
}

static const struct {
	const char *lines;
	bool held;
	int family;
	uint16_t rtp, rtcp;
} remotes[] = {
	{ "", false, AF_INET, 5000, 5001 },
	{ "a=sendonly\r\n", false, AF_INET, 5000, 5001 },
	{ "a=inactive\r\n", true, AF_INET, 5000, 5001 },
	{ "a=recvonly\r\n", true, AF_INET, 5000, 5001 },
	{ "c=IN IP4 0.0.0.0\r\n", true, AF_INET, 5000, 5001 },
	{ "a=rtcp:7000\r\n", false, AF_INET, 5000, 7000 },
	{ "a=rtcp-mux\r\n", false, AF_INET, 5000, 5000 },
	{ "c=IN IP6 2001:db8::1\r\n", false, AF_INET6, 5000, 5001 },
	{ "c=IN IP4 host.example.com\r\n", false, AF_INET, 5000, 5001 },
};

static int test_remotes(void)
{
	struct answer_rules rules = rules_for(ANSWER_720P);
	char offer[2048];
	struct answer a;
	struct buf text;
	int err;

	buf_init(&text, 8192);
	rules.peer.ss_family = AF_INET;
	for (size_t i = 0; i < ARRAY_SIZE(remotes); i++) {
		const struct msg_media *m = &a.audio.media;

		snprintf(offer, sizeof(offer),
			 SESSION "m=audio 5000 RTP/AVP 97\r\n" AAC "%s",
			 remotes[i].lines);
		buf_clear(&text);
		CHECK_OK(answer(offer, &rules, &a, &text));
		CHECK_EQ(m->held, remotes[i].held);
		CHECK_EQ(m->remote_rtp.ss_family, remotes[i].family);
		CHECK_EQ(port_of(&m->remote_rtp), remotes[i].rtp);
		CHECK_EQ(port_of(&m->remote_rtcp), remotes[i].rtcp);
	}
	err = 0;
out:
	buf_release(&text);
	return err;
}

/* Our own offer must be one that we would take ourselves. */
static int test_own_offer(void)
{
	static const struct answer_place v6 = { .address = "2001:db8::5",
						.version = 3,
						.audio_port = 6000,
						.video_port = 6002 };
	struct answer_rules rules = rules_for(ANSWER_1080P);
	struct answer a;
	struct buf offer, text;
	int err;

	buf_init(&offer, 8192);
	buf_init(&text, 8192);
	rules.secure_offer = true;
	rules.transcode = true;
	CHECK_OK(answer_format_offer(&rules, &v6, &offer));
	CHECK(strstr(buf_text(&offer), "o=Kokoro 0 3 IN IP6 2001:db8::5\r\n"));
	rules.keys[1][0][0] = 'x';
	CHECK_OK(answer(buf_text(&offer), &rules, &a, &text));
	CHECK_EQ(a.audio.media.codec, MSG_CODEC_LATM);
	CHECK_EQ(a.video.media.codec, MSG_CODEC_H264);
	CHECK_EQ(a.video.media.remote.suite, SUITE_AEAD_AES_128_GCM);
	CHECK_EQ(a.video.media.remote.key[0], 'k');
	CHECK_EQ(a.video.media.local.key[0], 'x');
	buf_clear(&offer);
	rules.resolution = ANSWER_AUDIO;
	rules.transcode = rules.secure_offer = false;
	CHECK_OK(answer_format_offer(&rules, &place, &offer));
	CHECK(!strstr(buf_text(&offer), "m=video"));
	CHECK(!strstr(buf_text(&offer), "a=crypto"));
	CHECK(!strstr(buf_text(&offer), "opus"));
	err = 0;
out:
	buf_release(&offer);
	buf_release(&text);
	return err;
}

static const struct unit_test tests[] = {
	{ "the bridge's offer as the original answers it", test_bridge, 0 },
	{ "keys and the rules of encryption", test_keys, 0 },
	{ "audio formats", test_audio, 0 },
	{ "Opus in stereo", test_stereo, 0 },
	{ "video formats", test_video, 0 },
	{ "parameter sets in the offer", test_sprop, 0 },
	{ "where the peer is, and hold", test_remotes, 0 },
	{ "our own offer", test_own_offer, 0 },
};
UNIT_MAIN(tests)
