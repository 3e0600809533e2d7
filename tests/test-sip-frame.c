/* SPDX-License-Identifier: MIT */
#include "streamer/sip_frame.h"

#include "tests/unit.h"

#define HEAD "OPTIONS sip:a@b SIP/2.0\r\n"

static int next(const char *text, size_t max, struct sip_frame *ret)
{
	struct sip_framer f = { .max_head = max, .max_body = max };

	return sip_frame_next(&f, (const uint8_t *)text, strlen(text), ret);
}

static int datagram(const char *text, struct sip_frame *ret)
{
	return sip_frame_datagram((const uint8_t *)text, strlen(text), ret);
}

static int test_one(void)
{
	static const char text[] = HEAD "Content-Length: 4\r\n\r\nabcdOPT";
	struct sip_frame frame;
	int err;

	CHECK_OK(next(text, 1000, &frame));
	CHECK_EQ(frame.head_len, strlen(text) - 7);
	CHECK_EQ(frame.body_len, 4);
	CHECK_EQ(frame.len, strlen(text) - 3);
	err = 0;
out:
	return err;
}

static int test_byte_by_byte(void)
{
	static const char text[] = HEAD "l : 3\r\n\r\nxyz" HEAD "L: 0\r\n\r\n";
	struct sip_framer f = { .max_head = 100, .max_body = 100 };
	struct sip_frame frame;
	const uint8_t *p = (const uint8_t *)text;
	size_t start = 0, len = strlen(text), messages = 0;
	int err;

	for (size_t end = 0; end <= len; end++) {
		err = sip_frame_next(&f, p + start, end - start, &frame);
		if (err == -EAGAIN)
			continue;
		CHECK_OK(err);
		start += frame.len;
		messages++;
	}
	CHECK_EQ(messages, 2);
	CHECK_EQ(start, len);
	err = 0;
out:
	return err;
}

static const struct {
	const char *text;
	int want;
	size_t head_len;
} bad[] = {
	{ HEAD "\r\n", -EBADMSG, 27 },
	{ HEAD "Content-Length: -1\r\n\r\n", -EBADMSG, 47 },
	{ HEAD "Content-Length: x\r\n\r\n", -EBADMSG, 46 },
	{ HEAD "Content-Length: 1 1\r\n\r\n", -EBADMSG, 48 },
	{ HEAD "Content-Length:\r\n\r\n", -EBADMSG, 44 },
	{ HEAD "Content-Length: 0\r\nl: 0\r\n\r\n", -EBADMSG, 52 },
	{ HEAD "l: 99999999999999999999999\r\n\r\n", -EBADMSG, 55 },
	{ HEAD "Content-Length: 201\r\n\r\n", -EMSGSIZE, 48 },
	{ HEAD "Content-Length: 200\r\n\r\n", -EAGAIN, 48 },
	{ HEAD "X-Content-Length: 1\r\n\r\n", -EBADMSG, 48 },
	{ HEAD, -EAGAIN, 0 },
};

static int test_bad(void)
{
	struct sip_frame frame;
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK_ERR(next(bad[i].text, 200, &frame), bad[i].want);
		CHECK_EQ(frame.head_len, bad[i].head_len);
	}
	CHECK_ERR(next(HEAD "l: 0\r\n\r\n", 30, &frame), -EMSGSIZE);
	CHECK_ERR(next(HEAD "l: 0", 20, &frame), -EMSGSIZE);
	err = 0;
out:
	return err;
}

static int test_folded_length(void)
{
	struct sip_frame frame;
	int err;

	CHECK_OK(next(HEAD "Content-Length:\r\n 2 \r\n\r\nab", 99, &frame));
	CHECK_EQ(frame.body_len, 2);
	CHECK_OK(next(HEAD "Content-Length\r\n\t: 2\r\n\r\nab", 99, &frame));
	CHECK_EQ(frame.body_len, 2);
	err = 0;
out:
	return err;
}

static const struct {
	const char *text;
	size_t drop;
	unsigned pings;
} pings[] = {
	{ "", 0, 0 },
	{ "\r\n", 0, 0 },
	{ "\r\nO", 2, 0 },
	{ "\r\n\r", 0, 0 },
	{ "\r\n\r\n", 4, 1 },
	{ "\r\n\r\n\r\n\r\nOPT", 8, 2 },
	{ "\r\n\r\n\r\nOPT", 6, 1 },
	{ "\n", 0, 0 },
	{ "OPT\r\n\r\n", 0, 0 },
};

static int test_keepalive(void)
{
	unsigned n;
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(pings); i++) {
		CHECK_EQ(sip_frame_keepalive((const uint8_t *)pings[i].text,
					     strlen(pings[i].text), &n),
			 pings[i].drop);
		CHECK_EQ(n, pings[i].pings);
	}
	err = 0;
out:
	return err;
}

static int test_datagram(void)
{
	struct sip_frame frame;
	int err;

	CHECK_OK(datagram(HEAD "\r\nrest", &frame));
	CHECK_EQ(frame.body_len, 4);
	CHECK_OK(datagram(HEAD "l: 2\r\n\r\nrest", &frame));
	CHECK_EQ(frame.body_len, 2);
	CHECK_ERR(datagram(HEAD "l: 5\r\n\r\nrest", &frame), -EBADMSG);
	CHECK(frame.head_len);
	CHECK_ERR(datagram(HEAD, &frame), -EBADMSG);
	CHECK_EQ(frame.head_len, 0);
	err = 0;
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "a message and what follows", test_one, 0 },
	{ "two messages byte by byte", test_byte_by_byte, 0 },
	{ "lengths and limits", test_bad, 0 },
	{ "a folded length", test_folded_length, 0 },
	{ "keep-alives", test_keepalive, 0 },
	{ "datagrams", test_datagram, 0 },
};
UNIT_MAIN(tests)
