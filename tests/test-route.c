/* SPDX-License-Identifier: MIT */
#include "streamer/route.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "lib/conf.h"
#include "tests/unit.h"

static struct sockaddr_storage address(const char *text)
{
	struct sockaddr_storage sa = { .ss_family = AF_INET };

	if (inet_pton(AF_INET, text, &((struct sockaddr_in *)&sa)->sin_addr) ==
	    1)
		return sa;
	sa.ss_family = AF_INET6;
	inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&sa)->sin6_addr);
	return sa;
}

static const struct {
	const char *list, *peer;
	bool want;
} allowed[] = {
	{ "", "192.0.2.1", true },
	{ " , ", "2001:db8::1", true },
	{ "192.0.2.1", "192.0.2.1", true },
	{ "192.0.2.1", "192.0.2.2", false },
	{ "192.0.2.1", "::ffff:192.0.2.1", true },
	{ "198.51.100.0/24,192.0.2.128/25", "192.0.2.200", true },
	{ "198.51.100.0/24,192.0.2.128/25", "192.0.2.127", false },
	{ "0.0.0.0/0", "203.0.113.9", true },
	{ "0.0.0.0/0", "2001:db8::1", false },
	{ "2001:db8::/33 10.0.0.1", "2001:db8:7fff::1", true },
	{ "2001:db8::/33 10.0.0.1", "2001:db8:8000::1", false },
	{ "nonsense", "192.0.2.1", false },
};

static int test_allowed(void)
{
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
		struct sockaddr_storage sa = address(allowed[i].peer);

		CHECK_EQ(route_is_allowed(allowed[i].list, &sa),
			 allowed[i].want);
	}
	CHECK_OK(route_check_list("192.0.2.0/24, ::1", NULL));
	CHECK_ERR(route_check_list("192.0.2.0/33", NULL), -EINVAL);
	CHECK_ERR(route_check_list("::1/129", NULL), -EINVAL);
	CHECK_ERR(route_check_list("host", NULL), -EINVAL);
	err = 0;
out:
	return err;
}

static const char file[] = "[route]\n"
			   "news = rtmp://a/live/news\n"
			   "ne* = rtmp://a/live/ne\n"
			   "New* = rtmp://a/live/new\n";

static int test_routes(void)
{
	struct conf *conf = NULL;
	struct err e = { 0 };
	int err;

	CHECK_OK(conf_parse("x.ini", file, strlen(file), NULL, &conf, &e));
	CHECK_STR(route_find(conf, "NEWS"), "rtmp://a/live/news");
	CHECK_STR(route_find(conf, "newsroom"), "rtmp://a/live/new");
	CHECK_STR(route_find(conf, "next"), "rtmp://a/live/ne");
	CHECK(!route_find(conf, "other"));
	CHECK(!route_find(conf, ""));
	CHECK_EQ(route_match("*", "x"), 1);
	err = 0;
out:
	conf_free(conf);
	return err;
}

static const struct unit_test tests[] = {
	{ "who may call", test_allowed, 0 },
	{ "routes", test_routes, 0 },
};
UNIT_MAIN(tests)
