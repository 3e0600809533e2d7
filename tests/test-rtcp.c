/* SPDX-License-Identifier: MIT */
#include "streamer/rtcp.h"

#include "tests/unit.h"

static int test_compound(void)
{
	static const uint8_t compound[] = {
		0x80, 200, 0, 6,   0,	 0,   0, 5, /* SR of 5 */
		1,    2,   3, 4,   5,	 6,   7, 8, /* NTP */
		0,    0,   0, 100, 0,	 0,   0, 2, 0, 0, 0,   30,
		0x81, 202, 0, 3,   0,	 0,   0, 5, 1, 1, 'x', 0,
		0,    0,   0, 0,   0x81, 203, 0, 1, 0, 0, 0,   5,
	};
	const uint8_t *p = compound;
	size_t len = sizeof(compound);
	struct rtcp_packet packet;
	struct rtcp_sr sr;
	int err = rtcp_next(&p, &len, &packet);

	CHECK_OK(err);
	CHECK_EQ(packet.ssrc, 5);
	err = rtcp_parse_sr(&packet, &sr);
	CHECK_OK(err);
	CHECK_EQ(sr.ntp, 0x0102030405060708);
	CHECK_EQ(sr.timestamp, 100);
	CHECK_EQ(sr.packets, 2);
	CHECK_EQ(sr.octets, 30);
	err = rtcp_next(&p, &len, &packet);
	CHECK_OK(err);
	CHECK_EQ(packet.type, RTCP_SDES);
	CHECK_ERR(rtcp_parse_sr(&packet, &sr), -EBADMSG);
	err = rtcp_next(&p, &len, &packet);
	CHECK_OK(err);
	CHECK_EQ(packet.type, RTCP_BYE);
	CHECK_ERR(rtcp_next(&p, &len, &packet), -EAGAIN);
out:
	return err;
}

static int test_malformed(void)
{
	static const struct {
		uint8_t data[8];
		size_t len;
	} cases[] = {
		{ { 0x80, 200, 0 }, 3 },		/* short */
		{ { 0x40, 200, 0, 0 }, 4 },		/* version 1 */
		{ { 0x80, 200, 0, 2, 0, 0, 0, 1 }, 8 }, /* longer */
		{ { 0xa0, 200, 0, 1, 0, 0, 0, 5 }, 8 }, /* padding */
		{ { 0xa0, 200, 0, 1, 0, 0, 0, 0 }, 8 },
	};
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const uint8_t *p = cases[i].data;
		size_t len = cases[i].len;
		struct rtcp_packet packet;

		CHECK_ERR(rtcp_next(&p, &len, &packet), -EBADMSG);
		CHECK(p == cases[i].data && len == cases[i].len);
	}
out:
	return err;
}

static int test_app(void)
{
	static const struct {
		const char *data; /* after the name */
		size_t len;
		const char *want;
	} cases[] = {
#define CASE(text, want) { text, sizeof(text) - 1, want }
		CASE("\0\0rtmp://u:p@h/live/a\0rtmp://b/c/d",
		     "rtmp://u:p@h/live/a"),
		CASE("rtmps://h/app/key?x=%20", "rtmps://h/app/key?x=%20"),
		CASE("url=\"rtmp://h/a/b\" next", "rtmp://h/a/b"),
		CASE("rtmp://\0rtmp://h/a/b\n", "rtmp://h/a/b"),
		CASE("rtmp://", NULL),
		CASE("http://h/a", NULL),
		CASE("rtm", NULL),
		CASE("", NULL),
	};
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t body[64] = "ACN\1";
		struct rtcp_packet packet = { .type = RTCP_APP,
					      .count = 3,
					      .body = body };
		struct rtcp_app app;

		memcpy(body + 4, cases[i].data, cases[i].len);
		packet.len = 4 + cases[i].len;
		err = rtcp_parse_app(&packet, &app);
		CHECK_OK(err);
		CHECK_STR(app.name, "ACN?");
		CHECK_EQ(app.subtype, 3);
		CHECK_EQ(!app.url, !cases[i].want);
		if (!app.url)
			continue;
		CHECK_EQ(app.url_len, strlen(cases[i].want));
		CHECK(!memcmp(app.url, cases[i].want, app.url_len));
	}
out:
	return err;
}

static int test_build(void)
{
	static const uint8_t want[] = {
		0x81, 201,  0,	  7,	0,    0, 0, 9, 0, 0, 0,
		5,    25,   0xff, 0xff, 0xfe, 0, 1, 0, 2, 0, 0,
		0,    3,    0,	  0,	0,    4, 0, 0, 0, 6, /* RR */
		0x81, 202,  0,	  3,	0,    0, 0, 9, 1, 2, 'm',
		'e',  0,    0,	  0,	0, /* SDES */
		0x81, 206,  0,	  2,	0,    0, 0, 9, 0, 0, 0,
		5,    0x84, 206,  0,	4,    0, 0, 0, 9, 0, 0,
		0,    0,    0,	  0,	0,    5, 7, 0, 0, 0, /* FIR */
		0x81, 203,  0,	  1,	0,    0, 0, 9,
	};
	static const struct rtcp_block block = { 5, 25, -2, 0x10002, 3, 4, 6 };
	uint8_t got[RTCP_COMPOUND_MAX];
	size_t n = rtcp_build_rr(got, 9, &block);
	const uint8_t *p = got;
	struct rtcp_packet packet;
	int err = 0, count = 0;

	n += rtcp_build_sdes(got + n, 9, "me");
	n += rtcp_build_pli(got + n, 9, 5);
	n += rtcp_build_fir(got + n, 9, 5, 7);
	n += rtcp_build_bye(got + n, 9);
	CHECK_EQ(n, sizeof(want));
	CHECK(!memcmp(got, want, n));
	while (!rtcp_next(&p, &n, &packet))
		count++;
	CHECK_EQ(count, 5);
	CHECK_EQ(n, 0);
	CHECK_EQ(rtcp_build_rr(got, 1, NULL), 8);
	for (size_t i = 0; i < 6; i++) /* always a zero byte and whole words */
		CHECK_EQ(rtcp_build_sdes(got, 1, &"12345"[i]) % 4, 0);
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "compound", test_compound, 0 },
	{ "malformed", test_malformed, 0 },
	{ "URL in APP", test_app, 0 },
	{ "build", test_build, 0 },
};
UNIT_MAIN(tests)
