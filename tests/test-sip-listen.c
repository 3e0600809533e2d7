/* SPDX-License-Identifier: MIT */
#include "streamer/sip_listen.h"

#include "tests/unit.h"

static int test_parse(void)
{
	struct sip_listens l;
	int err;

	CHECK_OK(sip_listen_parse("a 7000 7001", &l, NULL));
	CHECK_EQ(l.count, 1);
	CHECK_STR(l.at[0].interface, "a");
	CHECK_EQ(l.at[0].tcp, 7000);
	CHECK_EQ(l.at[0].tls, 7001);
	CHECK_OK(sip_listen_parse(" any none 5061 , 2001:db8::1  5060 none", &l,
				  NULL));
	CHECK_EQ(l.count, 2);
	CHECK_EQ(l.at[0].tcp, 0);
	CHECK_STR(l.at[1].interface, "2001:db8::1");
	CHECK_EQ(l.at[1].tls, 0);
	err = 0;
out:
	return err;
}

static const char *const bad[] = {
	"",	      "a",	   "a 1",     "a 1 2 3", "a none none",
	"a 0 1",      "a 65536 1", "a x 1",   "a 1 2,",	 "a 1 2,,b 1 2",
	"a 1 2, b 1", "a -1 none", "a 1 2 ,",
};

static int test_bad(void)
{
	struct sip_listens l;
	struct err e;
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK_ERR(sip_listen_parse(bad[i], &l, &e), -EINVAL);
		CHECK(!strncmp(e.text, "sip_listen: ", 12));
	}
	err = 0;
out:
	return err;
}

static int test_resolve(void)
{
	struct sockaddr_storage at[SIP_LISTEN_ADDRESSES_MAX];
	char text[SIP_ADDR_SIZE];
	struct err e;
	size_t n;
	int err;

	CHECK_OK(sip_listen_resolve("192.0.2.1", at, &n, &e));
	CHECK_EQ(n, 1);
	CHECK_STR(sip_addr_text(&at[0], text), "192.0.2.1:0");
	CHECK_OK(sip_listen_resolve("ANY", at, &n, &e));
	CHECK(sip_addr_is_any(&at[0]));
	CHECK_OK(sip_listen_resolve("lo", at, &n, &e));
	CHECK_STR(sip_addr_host(&at[0], text), "127.0.0.1");
	CHECK_ERR(sip_listen_resolve("nonesuch0", at, &n, &e), -ENODEV);
	err = 0;
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "interfaces and ports", test_parse, 0 },
	{ "what makes no sense", test_bad, 0 },
	{ "addresses of an interface", test_resolve, UNIT_NO_OOM },
};
UNIT_MAIN(tests)
