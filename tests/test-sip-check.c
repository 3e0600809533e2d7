/* SPDX-License-Identifier: MIT */
#include "streamer/sip_check.h"

#include <stdlib.h>

#include "streamer/sip_frame.h"
#include "tests/unit.h"

/*
 * The torture messages of RFC 4475, each written anew after its description,
 * with the class of answer that it earns here: 0 is accepted, a number the
 * status of the refusal, -EBADMSG dropped without a word.
 */
static const struct {
	const char *name;
	int want;
} torture[] = {
	/* 3.1.1, valid */
	{ "wsinv", 0 },
	{ "intmeth", 501 },
	{ "esc01", 0 },
	{ "escnull", 405 },
	{ "esc02", 501 },
	{ "lwsdisp", 0 },
	{ "longreq", 0 },
	{ "dblreq", 405 },
	{ "semiuri", 0 },
	{ "transports", 0 },
	{ "mpart01", 405 },
	{ "unreason", 0 },
	{ "noreason", 0 },
	/* 3.1.2, invalid */
	{ "badinv01", -EBADMSG }, /* its Via leads nowhere */
	{ "clerr", 400 },
	{ "ncl", 400 },
	{ "scalar02", 400 },
	{ "scalarlg", -EBADMSG },
	{ "quotbal", 400 },
	{ "ltgtruri", 400 },
	{ "lwsruri", 400 },
	{ "lwsstart", 400 },
	{ "trws", 400 },
	{ "escruri", 400 },
	{ "baddate", 0 }, /* a field that we do not use */
	{ "regbadct", 400 },
	{ "badaspec", 400 },
	{ "baddn", 400 },
	{ "badvers", 505 },
	{ "mismatch01", 400 },
	{ "mismatch02", 400 },
	{ "bigcode", -EBADMSG },
	/* 3.2 and 3.3, transactions and applications */
	{ "badbranch", 0 }, /* matched as RFC 2543 did */
	{ "insuf", 400 },
	{ "unkscm", 416 },
	{ "novelsc", 416 },
	{ "unksm2", 405 },
	{ "bext01", 420 },
	{ "invut", 415 },
	{ "regaut01", 405 },
	{ "multi01", 400 },
	{ "mcl01", 400 },
	{ "bcast", 0 }, /* belongs to no transaction: dropped there */
	{ "zeromf", 0 },
	{ "cparam01", 405 },
	{ "cparam02", 405 },
	{ "regescrt", 405 },
	{ "sdp01", 406 },
	/* 3.4, RFC 2543 */
	{ "inv2543", 0 },
};

static size_t load(const char *name, char *dst, size_t size)
{
	char path[128];
	FILE *f;
	size_t n = 0;

	snprintf(path, sizeof(path), "../corpus/sip-check/%s.msg", name);
	f = fopen(unit_data(path), "rb");
	if (f) {
		n = fread(dst, 1, size, f);
		fclose(f);
	}
	return n;
}

/* What a datagram earns: the way of sip.c, without its transactions. */
static int classify(char *text, size_t len)
{
	struct sip_frame frame;
	struct sip_head head;
	struct lex_span tag;
	const char *why;
	int err = sip_frame_datagram((const uint8_t *)text, len, &frame);

	if (!frame.head_len)
		return err;
	err = sip_head_parse(text, frame.head_len, &head);
	if (err)
		return err;
	err = sip_check_message(&head, frame.body_len, &why);
	if (err || !head.is_request)
		return err;
	return sip_check_support(&head, frame.body_len, &why, &tag);
}

static int test_torture(void)
{
	static char text[65536];
	int err = 0, got;

	for (size_t i = 0; i < ARRAY_SIZE(torture); i++) {
		size_t len = load(torture[i].name, text, sizeof(text));

		CHECK(len);
		got = classify(text, len);
		if (got != torture[i].want) {
			unit_report(__FILE__, __LINE__, "%s earns %d, not %d",
				    torture[i].name, got, torture[i].want);
			err = -EBADE;
		}
	}
out:
	return err;
}

#define START "OPTIONS sip:a@b SIP/2.0\r\n"
#define REST                                                                   \
	"Via: SIP/2.0/TCP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"      \
	"To: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n"

static const struct {
	const char *text;
	int want;
} heads[] = {
	{ START REST "\r\n", 0 },
	{ START REST "Max-Forwards: 256\r\n\r\n", 400 },
	{ START REST "Max-Forwards: \r\n\r\n", 400 },
	{ START REST "no colon here\r\n\r\n", 400 },
	{ START REST "Bad Name: x\r\n\r\n", 400 },
	{ START REST "X: a\nb\r\n\r\n", 400 },
	{ START REST "Require: timer , X-cisco-callinfo\r\n\r\n", 0 },
	{ START REST "Require: timer\r\nRequire: 100rel\r\n\r\n", 420 },
	{ START REST "Record-Route: <sip:p;lr>, <sip:q;lr>\r\n\r\n", 0 },
	{ START REST "Record-Route: sip:p;lr\r\n\r\n", 400 },
	{ START REST "Session-Expires: 1800;refresher=uac\r\n\r\n", 0 },
	{ START REST "x: 99999999999\r\n\r\n", 400 },
	{ START REST "m: <sip:a@[2001:db8::1]:5060;transport=tcp>"
		     ";x-cisco-stream=\"rtmp://u:p@h/a/b?c=d\"\r\n\r\n",
	  0 },
	{ START REST "m: <sip:a@[2001:db8::1>\r\n\r\n", 400 },
	{ START REST "m: <sip:a@h:65536>\r\n\r\n", 400 },
	{ START REST "m: \"a\\\r\n\r\n", 400 },
	{ START REST "Supported:\r\n\r\n", 0 },
	{ START REST "To: <sip:e@f>\r\n\r\n", 400 },
	{ "INVITE sip:a@b SIP/2.0\r\n" REST "\r\n", 400 },
	{ "OPTIONS sip:b SIP/3.0\r\n" REST "\r\n", 505 },
	{ "OPTIONS sip:b\r\n" REST "\r\n", 400 },
	{ "OPTIONS sip:@b SIP/2.0\r\n" REST "\r\n", 400 },
	{ "OPTIONS tel:+1 SIP/2.0\r\n" REST "\r\n", 416 },
	{ "ACK tel:+1 SIP/2.0\r\n" REST "\r\n", -EBADMSG },
	{ "SIP/2.0 200 OK\r\n" REST "\r\n", 0 },
	{ "SIP/2.0 200\r\n" REST "\r\n", -EBADMSG },
	{ "SIP/2.0 99 x\r\n" REST "\r\n", -EBADMSG },
	{ START "Via: SIP/2.0 h\r\n\r\n", -EBADMSG },
	{ "\r\n\r\n", -EBADMSG },
};

static int test_heads(void)
{
	char text[1024];
	int err = 0, got;

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		snprintf(text, sizeof(text), "%s", heads[i].text);
		got = classify(text, strlen(text));
		if (got != heads[i].want) {
			unit_report(__FILE__, __LINE__, "%s earns %d, not %d",
				    heads[i].text, got, heads[i].want);
			err = -EBADE;
		}
	}
	return err;
}

static int test_lists(void)
{
	char text[] = START REST "Supported: timer,\r\n replaces;x=y , b\r\n"
				 "k: c\r\n\r\n";
	struct sip_head head;
	int err;

	CHECK_OK(sip_head_parse(text, strlen(text), &head));
	CHECK(sip_check_lists(&head, SIP_SUPPORTED, "TIMER"));
	CHECK(sip_check_lists(&head, SIP_SUPPORTED, "replaces"));
	CHECK(sip_check_lists(&head, SIP_SUPPORTED, "c"));
	CHECK(!sip_check_lists(&head, SIP_SUPPORTED, "time"));
	CHECK(!sip_check_lists(&head, SIP_REQUIRE, "timer"));
	CHECK_EQ(sip_check_method(head.method), SIP_OPTIONS);
	CHECK_STR(sip_check_method_name(SIP_OPTIONS), "OPTIONS");
	CHECK_STR(sip_head_label(SIP_CALL_ID), "Call-ID");
	err = 0;
out:
	return err;
}

static int test_too_many_fields(void)
{
	static char text[8192];
	struct sip_head head;
	size_t n = 0;
	int err;

	n += (size_t)sprintf(text, START);
	for (int i = 0; i <= SIP_FIELDS_MAX; i++)
		n += (size_t)sprintf(text + n, "X-%d: y\r\n", i);
	n += (size_t)sprintf(text + n, "\r\n");
	CHECK_ERR(sip_head_parse(text, n, &head), -EMSGSIZE);
	CHECK_EQ(head.count, SIP_FIELDS_MAX);
	err = 0;
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "the torture messages of RFC 4475", test_torture, 0 },
	{ "heads one by one", test_heads, 0 },
	{ "list headers", test_lists, 0 },
	{ "a head with too many fields", test_too_many_fields, 0 },
};
UNIT_MAIN(tests)
