/* SPDX-License-Identifier: MIT */
#include "streamer/sdp.h"

#include <stdlib.h>

#include "streamer/sdes.h"
#include "tests/unit.h"

#define SESSION "v=0\r\no=a 1 2 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n"

static int parse(const char *text, struct sdp **ret)
{
	return sdp_parse(text, strlen(text), ret);
}

static int test_bridge(void)
{
	static char text[8192];
	FILE *f = fopen(unit_data("../corpus/sdp/cms-offer.sdp"), "rb");
	size_t n = f ? fread(text, 1, sizeof(text), f) : 0;
	const struct sdp_format *format;
	struct sdp *sdp = NULL;
	int err;

	if (f)
		fclose(f);
	CHECK(n);
	CHECK_OK(sdp_parse(text, n, &sdp));
	CHECK_STR(sdp->origin, "Acano 0 0 IN IP4 192.0.2.10");
	CHECK_EQ(sdp->media_count, 6);
	CHECK_EQ(sdp->media[0].format_count, 20);
	CHECK_EQ(sdp->media[0].bandwidth, 256000);
	CHECK_STR(sdp->media[0].address, "192.0.2.10");
	format = sdp_find(&sdp->media[0], 119);
	CHECK(format);
	CHECK_STR(format->encoding, "MP4A-LATM");
	CHECK_EQ(format->clock_rate, 32000);
	CHECK_EQ(sdp_fmtp_number(format->fmtp, "object", 0), 2);
	CHECK_EQ(sdp_find(&sdp->media[0], 108)->channels, 2);
	CHECK_STR(sdp->media[1].content, "main");
	CHECK_STR(sdp->media[1].label, "11");
	CHECK(sdp->media[1].pli && sdp->media[1].fir);
	CHECK_EQ(sdp->media[1].port, 34906);
	CHECK(!sdp->media[3].is_rtp);
	CHECK_STR(sdp->media[3].formats[0].name, "*");
	CHECK(sdp->media[4].is_rtp);
	CHECK_STR(sdp->media[5].proto, "UDP/UDT/IX");
	err = 0;
out:
	sdp_free(sdp);
	return err;
}

static int test_details(void)
{
	struct sdp *sdp = NULL;
	int err;

	CHECK_OK(parse(SESSION "c=IN IP4 224.2.1.1/127\r\na=inactive\n"
			       "m=audio 5000/2 rtp/savp 0 96\n"
			       "b=AS:64\nb=TIAS:60000\n"
			       "a=RTCP:6001 IN IP4 192.0.2.9\na=rtcp-mux\n"
			       "a=rtpmap:96 x/48000/2\na=rtpmap:97 y/8000\n"
			       "a=rtpmap:96\na=fmtp:96   b=1; C = 2;d=\"x\" \n"
			       "a=rtcp-fb:96 nack pli\na=crypto:1 x y\n"
			       "m=video 0 RTP/AVPF 31\nc=IN IP6 2001:db8::1\n"
			       "a=sendonly\n",
		       &sdp));
	CHECK_STR(sdp->media[0].address, "224.2.1.1");
	CHECK_EQ(sdp->media[0].direction, SDP_INACTIVE);
	CHECK(sdp->media[0].is_secure);
	CHECK_EQ(sdp->media[0].port, 5000);
	CHECK_EQ(sdp->media[0].rtcp_port, 6001);
	CHECK_EQ(sdp->media[0].bandwidth, 60000);
	CHECK(sdp->media[0].rtcp_mux);
	CHECK_STR(sdp->media[0].formats[0].encoding, "PCMU");
	CHECK_EQ(sdp->media[0].formats[1].channels, 2);
	CHECK(sdp->media[0].formats[1].pli && !sdp->media[0].pli);
	CHECK_EQ(sdp->media[0].crypto_count, 1);
	CHECK_STR(sdp->media[0].crypto[0], "1 x y");
	CHECK_STR(sdp->media[1].address, "2001:db8::1");
	CHECK_EQ(sdp->media[1].direction, SDP_SENDONLY);
	err = 0;
out:
	sdp_free(sdp);
	return err;
}

static const struct {
	const char *text;
	int want;
} bad[] = {
	{ "", -EBADMSG },
	{ "v=1\r\n", -EBADMSG },
	{ "v=0\r\n", -EBADMSG }, /* no origin */
	{ SESSION "x\r\n", -EBADMSG },
	{ SESSION "m=audio\r\n", -EBADMSG },
	{ SESSION "m=audio 1 RTP/AVP\r\n", -EBADMSG },
	{ SESSION "m=audio 65536 RTP/AVP 0\r\n", -EBADMSG },
	{ SESSION "m=audio -1 RTP/AVP 0\r\n", -EBADMSG },
};

static int test_bad(void)
{
	static char text[SDP_MAX + 2];
	struct sdp *sdp = NULL;
	size_t n;
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_ERR(parse(bad[i].text, &sdp), bad[i].want);
	CHECK_ERR(sdp_parse(SESSION "a=x\0", strlen(SESSION) + 4, &sdp),
		  -EBADMSG);
	n = (size_t)sprintf(text, "%s", SESSION);
	for (int i = 0; i <= SDP_MEDIA_MAX; i++)
		n += (size_t)sprintf(text + n, "m=x 1 y z\r\n");
	CHECK_ERR(sdp_parse(text, n, &sdp), -EMSGSIZE);
	memset(text, 'a', sizeof(text));
	CHECK_ERR(sdp_parse(text, SDP_MAX + 1, &sdp), -EMSGSIZE);
	err = 0;
out:
	return err;
}

static int test_fmtp(void)
{
	static const char fmtp[] = "bitrate=64000;object=2; Mode=AAC-hbr ;e=";
	char v[16];
	int err;

	CHECK(sdp_fmtp_get(fmtp, "mode", v, sizeof(v)));
	CHECK_STR(v, "AAC-hbr");
	CHECK(sdp_fmtp_get(fmtp, "e", v, sizeof(v)));
	CHECK_STR(v, "");
	CHECK(!sdp_fmtp_get(fmtp, "rate", v, sizeof(v)));
	CHECK(!sdp_fmtp_get(fmtp, "mode", v, 7));
	CHECK(!sdp_fmtp_get(NULL, "mode", v, sizeof(v)));
	CHECK_EQ(sdp_fmtp_number(fmtp, "bitrate", 1), 64000);
	CHECK_EQ(sdp_fmtp_number(fmtp, "mode", 7), 7);
	err = 0;
out:
	return err;
}

#define KEY30 "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tr"
#define KEY28 "a2tra2tra2tra2tra2tra2tra2tra2tra2traw=="
#define SHA1 "AES_CM_128_HMAC_SHA1_80 "

static const struct {
	const char *text;
	int want;
} keys[] = {
	{ "1 " SHA1 "inline:" KEY30, 0 },
	{ "1 " SHA1 "inline:" KEY30 "|2^31", 0 },
	{ "1 " SHA1 "inline:" KEY30 "|1048576|1:4", 0 },
	{ "1 " SHA1 "inline:" KEY30 "|1:4", 0 },
	{ "1 " SHA1 "inline:" KEY30 " WSH=64", 0 },
	{ "1 " SHA1 "inline:" KEY30 " -X=1", 0 },
	{ "1  AEAD_AES_128_GCM  inline:" KEY28, 0 },
	{ "1 AEAD_AES_128_GCM inline:a2tra2tra2tra2tra2tra2tra2tra2tra2traw",
	  0 },
	{ "1 " SHA1 "inline:" KEY30 " KDR=1", -ENOTSUP },
	{ "1 " SHA1 "inline:" KEY30 " UNENCRYPTED_SRTP", -ENOTSUP },
	{ "1 " SHA1 "inline:" KEY30 ";inline:" KEY30, -ENOTSUP },
	{ "1 " SHA1 "inline:" KEY30 "|1:9", -ENOTSUP },
	{ "1 F8_128_HMAC_SHA1_80 inline:" KEY30, -ENOTSUP },
	{ "1 " SHA1 "uri:x", -ENOTSUP },
	{ "1 " SHA1 "inline:" KEY28, -EBADMSG },
	{ "1 " SHA1 "inline:a2tr", -EBADMSG },
	{ "1 " SHA1 "inline:" KEY30 "a", -EBADMSG },
	{ "1 " SHA1 "inline:" KEY30 "|x", -EBADMSG },
	{ "1 " SHA1 "inline:" KEY30 "|256:1", -EBADMSG },
	{ "1 " SHA1 "inline:" KEY30 "|1:0", -EBADMSG },
	{ "x " SHA1 "inline:" KEY30, -EBADMSG },
	{ "1", -EBADMSG },
	{ "1 ", -EBADMSG },
	{ "", -EBADMSG },
};

static int test_sdes(void)
{
	struct sdes s, back;
	struct buf b;
	int err;

	buf_init(&b, 256);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		CHECK_ERR(sdes_parse(keys[i].text, &s), keys[i].want);
	CHECK_OK(sdes_parse("7 " SHA1 "inline:" KEY30 "|2^20|258:4", &s));
	CHECK_EQ(s.tag, 7);
	CHECK_EQ(s.key.mki_len, 4);
	CHECK(!memcmp(s.key.mki, "\0\0\1\2", 4));
	CHECK_EQ(s.key.key[29], 'k');
	CHECK_OK(sdes_format(&s, &b));
	CHECK_STR(buf_text(&b), "a=crypto:7 " SHA1 "inline:" KEY30 "\r\n");
	buf_clear(&b);
	s.key.suite = SUITE_AEAD_AES_256_GCM;
	memset(s.key.key, 0xfa, sizeof(s.key.key));
	CHECK_OK(sdes_format(&s, &b));
	b.data[b.len - 2] = '\0';
	CHECK_OK(sdes_parse(buf_text(&b) + strlen("a=crypto:"), &back));
	CHECK(!memcmp(back.key.key, s.key.key, sizeof(s.key.key)));
	err = 0;
out:
	buf_release(&b);
	return err;
}

static const struct unit_test tests[] = {
	{ "a bridge's offer", test_bridge, 0 },
	{ "details of lines", test_details, 0 },
	{ "what is no description", test_bad, 0 },
	{ "fmtp parameters", test_fmtp, 0 },
	{ "crypto attributes", test_sdes, 0 },
};
UNIT_MAIN(tests)
