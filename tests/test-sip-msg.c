/* SPDX-License-Identifier: MIT */
#include "streamer/sip_msg.h"

#include <stdlib.h>

#include "tests/unit.h"

static int parse(const char *text, size_t len, struct sip_msg **ret)
{
	struct sip_frame frame;
	const char *why;
	int err = sip_frame_datagram((const uint8_t *)text, len, &frame);

	if (!frame.head_len)
		return err;
	return sip_msg_new((const uint8_t *)text, &frame, err, ret, &why);
}

static int parse_text(const char *text, struct sip_msg **ret)
{
	return parse(text, strlen(text), ret);
}

static int test_bridge(void)
{
	static char text[8192];
	char url[256];
	FILE *f = fopen(unit_data("cms-invite.sip"), "rb");
	size_t n = f ? fread(text, 1, sizeof(text), f) : 0, len;
	struct sip_msg *m = NULL;
	struct buf b;
	const char *sdp;
	int err;

	if (f)
		fclose(f);
	buf_init(&b, 4096);
	CHECK(n);
	CHECK_OK(parse(text, n, &m));
	CHECK_EQ(m->refusal, 0);
	CHECK_EQ(m->method, SIP_INVITE);
	CHECK_EQ(m->cseq, 811412373);
	CHECK_STR(m->call_id, "1b4e28ba-2fa1-11d2-883f-0016d3cca427");
	CHECK_STR(m->from_tag, "5f3c9a2b1d0e4c87");
	CHECK_STR(m->to_tag, "");
	CHECK_STR(sip_msg_request_user(m), "stream");
	CHECK(sip_msg_stream_url(m, url, sizeof(url)));
	CHECK_STR(url, "rtmp://broadcast:secret@rtmp.example.com/live/CMS3");
	CHECK(!sip_msg_stream_url(m, url, 20));
	CHECK_OK(sip_msg_caller(m, &b));
	CHECK_STR(buf_text(&b), "test4@192.0.2.10");
	buf_clear(&b);
	CHECK_OK(sip_msg_display(m, &b));
	CHECK_STR(buf_text(&b), "Test space 4");
	buf_clear(&b);
	CHECK_OK(sip_msg_contact_uri(m, &b));
	CHECK_STR(buf_text(&b), "sip:test4@192.0.2.10;transport=tcp");
	CHECK_EQ(sip_msg_seconds(m, SIP_SESSION_EXPIRES, 0), 1800);
	CHECK(sip_msg_sdp(m, &sdp, &len));
	CHECK(!strncmp(sdp, "v=0\r\n", 5));
	err = 0;
out:
	sip_msg_free(m);
	buf_release(&b);
	return err;
}

#define REQUEST                                                                \
	"INVITE sip:a%20b@h SIP/2.0\r\n"                                       \
	"v: SIP/2.0/UDP 192.0.2.9:5070;rport;branch=z9hG4bK1, "                \
	"SIP/2.0/TCP p.example.com\r\n"                                        \
	"Via: SIP/2.0/TCP q.example.com\r\n"                                   \
	"From: \"A, \\\"B\\\" <c>\" <sip:c@d>;tag=1\r\nTo: <sip:a@h>\r\n"      \
	"Record-Route: <sip:p1;lr>, \"x,y\" <sip:p2;lr>\r\n"                   \
	"Record-Route: <sip:p3;lr>\r\n"                                        \
	"Call-ID: x\r\nCSeq: 7 INVITE\r\nContact: <sip:c@d>, <sip:e@f>\r\n"

static int test_response(void)
{
	static const char want[] =
		"SIP/2.0 200 OK\r\n"
		"Via: SIP/2.0/UDP 192.0.2.9:5070;rport=6000;branch=z9hG4bK1"
		";received=198.51.100.7\r\n"
		"Via: SIP/2.0/TCP p.example.com\r\n"
		"Via: SIP/2.0/TCP q.example.com\r\n"
		"Record-Route: <sip:p1;lr>, \"x,y\" <sip:p2;lr>\r\n"
		"Record-Route: <sip:p3;lr>\r\n"
		"From: \"A, \\\"B\\\" <c>\" <sip:c@d>;tag=1\r\n"
		"To: <sip:a@h>;tag=our\r\n"
		"Call-ID: x\r\nCSeq: 7 INVITE\r\n"
		"Content-Type: t/s\r\nContent-Length: 2\r\n\r\nhi";
	struct sockaddr_storage source, reply;
	struct sip_msg *m = NULL;
	char text[SIP_ADDR_SIZE];
	struct buf b;
	int err;

	buf_init(&b, 4096);
	CHECK_OK(parse_text(REQUEST "\r\n", &m));
	CHECK_STR(sip_msg_request_user(m), "a b");
	CHECK_OK(sip_addr_parse("198.51.100.7", 6000, &source));
	sip_msg_reply_address(m, &source, &reply);
	CHECK_STR(sip_addr_text(&reply, text), "198.51.100.7:6000");
	CHECK_OK(sip_msg_stamp(m, &source));
	CHECK_OK(sip_msg_begin(m, 200, "our", &b));
	CHECK_OK(sip_msg_end(&b, "t/s", "hi", 2));
	CHECK_STR(buf_text(&b), want);
	for (int i = 0; i < 3; i++) {
		static const char *const routes[] = { "<sip:p1;lr>",
						      "\"x,y\" <sip:p2;lr>",
						      "<sip:p3;lr>" };

		buf_clear(&b);
		CHECK_OK(sip_msg_record_route(m, i, &b));
		CHECK_STR(buf_text(&b), routes[i]);
	}
	CHECK_ERR(sip_msg_record_route(m, 3, &b), -ENOENT);
	buf_clear(&b);
	CHECK_OK(sip_msg_display(m, &b));
	CHECK_STR(buf_text(&b), "A, \"B\" <c>");
	buf_clear(&b);
	CHECK_OK(sip_msg_key(m, SIP_INVITE, &b));
	CHECK_STR(buf_text(&b), "z9hG4bK1|192.0.2.9|5070|0");
	err = 0;
out:
	sip_msg_free(m);
	buf_release(&b);
	return err;
}

/* What is refused is echoed, however little of it there is. */
static int test_refusals(void)
{
	struct sip_msg *m = NULL;
	struct buf b;
	int err;

	buf_init(&b, 4096);
	CHECK_OK(parse_text("INVITE sip:a@h SIP/2.0\r\n"
			    "Via: SIP/2.0/TCP h;branch=z9hG4bK1\r\n\r\n",
			    &m));
	CHECK_EQ(m->refusal, 400);
	CHECK_OK(sip_msg_begin(m, m->refusal, "our", &b));
	CHECK_OK(sip_msg_end(&b, NULL, NULL, 0));
	CHECK_STR(buf_text(&b), "SIP/2.0 400 Bad Request\r\n"
				"Via: SIP/2.0/TCP h;branch=z9hG4bK1\r\n"
				"Content-Length: 0\r\n\r\n");
	sip_msg_free(m);
	m = NULL;
	CHECK_OK(parse_text(REQUEST "Require: a,b\r\n\r\n", &m));
	CHECK_EQ(m->refusal, 420);
	CHECK_STR(m->unsupported, "a");
	sip_msg_free(m);
	m = NULL;
	CHECK_OK(parse_text(REQUEST "Content-Length: 5\r\n\r\n", &m));
	CHECK_EQ(m->refusal, 400);
	sip_msg_free(m);
	m = NULL;
	CHECK_ERR(parse_text("SIP/2.0 200 OK\r\n\r\n", &m), -EBADMSG);
	err = 0;
out:
	sip_msg_free(m);
	buf_release(&b);
	return err;
}

static int test_response_in(void)
{
	struct sip_msg *m = NULL;
	int err;

	CHECK_OK(parse_text("SIP/2.0 486 \r\nVia: SIP/2.0/TCP h;branch=z9hG4bKq"
			    "\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2"
			    "\r\nCall-ID: x\r\nCSeq: 9 BYE\r\n\r\n",
			    &m));
	CHECK_EQ(m->status, 486);
	CHECK_EQ(m->method, SIP_BYE);
	CHECK_EQ(m->cseq, 9);
	CHECK_STR(m->branch, "z9hG4bKq");
	CHECK_STR(m->to_tag, "2");
	err = 0;
out:
	sip_msg_free(m);
	return err;
}

#define MULTI                                                                  \
	REQUEST "Content-Type: multipart/mixed;boundary=\"xx\"\r\n\r\n"        \
		"--xx\r\nContent-Type: text/plain\r\n\r\nv=1\r\n"

static int test_multipart(void)
{
	struct sip_msg *m = NULL;
	const char *sdp;
	size_t len;
	int err;

	CHECK_OK(parse_text(MULTI "--xx\r\ncontent-type: application/sdp;a=b"
				  "\r\n\r\nv=0\r\n--xx--\r\n",
			    &m));
	CHECK_EQ(m->refusal, 0);
	CHECK(sip_msg_sdp(m, &sdp, &len));
	CHECK(!strncmp(sdp, "v=0\r\n", 5));
	sip_msg_free(m);
	m = NULL;
	CHECK_OK(parse_text(MULTI "--xx--\r\n", &m));
	CHECK(!sip_msg_sdp(m, &sdp, &len));
	err = 0;
out:
	sip_msg_free(m);
	return err;
}

static const struct unit_test tests[] = {
	{ "the bridge's INVITE", test_bridge, 0 },
	{ "a response", test_response, 0 },
	{ "refusals", test_refusals, 0 },
	{ "a response from outside", test_response_in, 0 },
	{ "SDP in a multipart body", test_multipart, 0 },
};
UNIT_MAIN(tests)
