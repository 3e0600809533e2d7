/* SPDX-License-Identifier: MIT */
#include "tests/caller/offer.h"

#include <errno.h>
#include <string.h>

#include "streamer/sdes.h"

static const char *profile(const struct offer *o)
{
	return o->key[0].suite != SUITE_NONE && !o->optional_crypto ? "RTP/SAVP"
								    : "RTP/AVP";
}

static const char *direction(const struct offer *o)
{
	return o->inactive ? "inactive" : "sendrecv";
}

static int add_crypto(const struct offer *o, int m, struct buf *b)
{
	const struct suite_key *key = &o->key[m];
	const struct sdes line = { .tag = 1, .key = *key };
	int err = key->suite == SUITE_NONE ? 0 : sdes_format(&line, b);

	if (err || !key->mki_len)
		return err;
	b->len -= strlen("\r\n");
	return buf_printf(b, "|2^31|%u:%u\r\n", key->mki[key->mki_len - 1],
			  key->mki_len);
}

static int add_hex(const uint8_t *p, size_t len, struct buf *b)
{
	int err = 0;

	for (size_t i = 0; !err && i < len; i++)
		err = buf_printf(b, "%02X", p[i]);
	return err;
}

static int add_audio(const struct offer *o, struct buf *b)
{
	unsigned rate = o->clip->audio_rate;
	int err = buf_printf(b,
			     "m=audio %u %s 107 %s 8 101\r\n"
			     "b=TIAS:256000\r\n"
			     "a=rtpmap:107 MP4A-LATM/90000\r\n"
			     "a=fmtp:107 profile-level-id=24;bitrate=64000;"
			     "object=23\r\n",
			     o->audio ? o->port : 0, profile(o),
			     o->audio == 2 ? "96" : "119");

	if (!err && o->audio == 2)
		err = buf_printf(b,
				 "a=rtpmap:96 mpeg4-generic/%u/%u\r\n"
				 "a=fmtp:96 profile-level-id=16;streamtype=5;"
				 "mode=AAC-hbr;sizelength=13;indexlength=3;"
				 "indexdeltalength=3;config=",
				 rate, o->clip->audio_channels);
	else if (!err)
		err = buf_printf(b,
				 "a=rtpmap:119 MP4A-LATM/%u\r\n"
				 "a=fmtp:119 profile-level-id=30;"
				 "bitrate=64000;object=2",
				 rate);
	if (!err && o->audio == 2)
		err = add_hex(o->clip->asc, o->clip->asc_len, b);
	if (!err)
		err = buf_printf(b,
				 "\r\na=rtpmap:8 PCMA/8000\r\n"
				 "a=rtpmap:101 telephone-event/8000\r\n"
				 "a=fmtp:101 0-15\r\na=%s\r\n",
				 direction(o));
	return err ? err : add_crypto(o, 1, b);
}

static int add_video(const struct offer *o, struct buf *b)
{
	int err = buf_printf(
		b,
		"m=video %u %s 97 116 34\r\nb=TIAS:6000000\r\n"
		"a=rtpmap:97 H264/90000\r\n"
		"a=fmtp:97 profile-level-id=%s\r\n"
		"a=rtpmap:116 H264/90000\r\n"
		"a=fmtp:116 profile-level-id=%s;max-mbps=489600;max-fs=8160;"
		"max-cpb=4000;max-dpb=4752;max-br=5000;max-fps=6000;"
		"packetization-mode=1\r\n"
		"a=rtpmap:34 H263/90000\r\n"
		"a=%s\r\na=content:main\r\na=label:11\r\n%s",
		o->video ? o->port : 0, profile(o), o->clip->profile,
		o->clip->profile, direction(o),
		o->no_feedback ? ""
			       : "a=rtcp-fb:* nack pli\r\n"
				 "a=rtcp-fb:* ccm fir\r\n"
				 "a=rtcp-fb:* ccm cisco-scr\r\n");

	return err ? err : add_crypto(o, 0, b);
}

int offer_format(const struct offer *o, struct buf *dst)
{
	const char *ip = o->is_ipv6 ? "IP6" : "IP4";
	int err = buf_printf(dst,
			     "v=0\r\no=Acano 0 %u IN %s %s\r\ns=-\r\n"
			     "c=IN %s %s\r\nb=CT:6000\r\nt=0 0\r\n",
			     o->version, ip, o->local, ip, o->local);

	if (!err)
		err = add_audio(o, dst);
	if (!err)
		err = add_video(o, dst);
	if (!err)
		err = buf_printf(dst,
				 "m=video %u %s 97\r\na=content:slides\r\n"
				 "a=rtpmap:97 H264/90000\r\na=label:12\r\n"
				 "m=application %u UDP/BFCP *\r\n"
				 "a=floorctrl:c-only s-only\r\n"
				 "m=application %u RTP/AVP 100\r\n"
				 "a=rtpmap:100 H224/4800\r\n"
				 "m=application %u UDP/UDT/IX *\r\n",
				 o->port, profile(o), o->port, o->port,
				 o->port);
	return err;
}
