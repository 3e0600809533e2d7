/* SPDX-License-Identifier: MIT */
#include "streamer/url.h"

#include <stdlib.h>

#include "tests/unit.h"

static const struct good {
	const char *text;
	bool tls;
	const char *user, *password, *host;
	int port;
	const char *app, *stream, *key, *tc_url, *shown;
} good[] = {
	{ "rtmp://host/live/CMS3", false, "", "", "host", 1935, "live", "CMS3",
	  "CMS3", "rtmp://host/live", "rtmp://host:1935/live/***" },
	{ "rtmp://broadcast:pw@172.18.105.43/live/CMS3", false, "broadcast",
	  "pw", "172.18.105.43", 1935, "live", "CMS3", "CMS3",
	  "rtmp://172.18.105.43/live", "rtmp://172.18.105.43:1935/live/CMS3" },
	{ "RTMPS://Host.example:8443/app/inst/key?a=b/c&d=%2F", true, "", "",
	  "Host.example", 8443, "app/inst", "key", "key?a=b/c&d=%2F",
	  "rtmps://Host.example:8443/app/inst",
	  "rtmps://Host.example:8443/app/inst/***" },
	{ "rtmps://u@h/a/s", true, "u", "", "h", 443, "a", "s", "s",
	  "rtmps://h/a", "rtmps://h:443/a/***" },
	{ "rtmp://us%40er:p@:?#w%2Fx@h/a/s", false, "us@er", "p@:?#w/x", "h",
	  1935, "a", "s", "s", "rtmp://h/a", "rtmp://h:1935/a/s" },
	{ "rtmp://u:100%@h/a/s%20t%2Fu", false, "u", "100%", "h", 1935, "a",
	  "s t/u", "s t/u", "rtmp://h/a", "rtmp://h:1935/a/s t/u" },
	{ "rtmp://[2001:db8::1]:1936/a/s", false, "", "", "2001:db8::1", 1936,
	  "a", "s", "s", "rtmp://[2001:db8::1]:1936/a",
	  "rtmp://[2001:db8::1]:1936/a/***" },
	/* no application: the server will say what it thinks of that */
	{ "rtmp://u:p@host/test", false, "u", "p", "host", 1935, "", "test",
	  "test", "rtmp://host/", "rtmp://host:1935/test" },
	{ "rtmp://host/a/s#x@y", false, "", "", "host", 1935, "a", "s#x@y",
	  "s#x@y", "rtmp://host/a", "rtmp://host:1935/a/***" },
};

static int test_good(void)
{
	struct url u = { 0 };
	char shown[256];
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		const struct good *g = &good[i];

		CHECK_OK(url_parse(g->text, &u, NULL));
		CHECK_EQ(u.tls, g->tls);
		CHECK_STR(u.user, g->user);
		CHECK_STR(u.password, g->password);
		CHECK_STR(u.host, g->host);
		CHECK_EQ(u.port, g->port);
		CHECK_STR(u.app, g->app);
		CHECK_STR(u.stream, g->stream);
		CHECK_STR(u.key, g->key);
		CHECK_STR(u.tc_url, g->tc_url);
		url_format(&u, shown, sizeof(shown));
		CHECK_STR(shown, g->shown);
		url_release(&u);
	}
out:
	url_release(&u);
	return err;
}

static const struct bad {
	const char *text, *why;
} bad[] = {
	{ "", "\"\" scheme not supported" },
	{ "http://host/a/s", "\"http\" scheme not supported" },
	{ "secret-word", "\"\" scheme not supported" },
	{ "user:pw@host://x", "\"\" scheme not supported" },
	{ "rtmp://", "host is missing" },
	{ "rtmp:///a/s", "host is missing" },
	{ "rtmp://u:p@/a/s", "host is missing" },
	{ "rtmp://host", "stream name is missing: "
			 "rtmp://host/application/stream is needed" },
	{ "rtmp://host/live/", "stream name is missing: "
			       "rtmp://host/application/stream is needed" },
	{ "rtmp://host/?key", "stream name is missing: "
			      "rtmp://host/application/stream is needed" },
	{ "rtmp://host:0/a/s", "port is not a number from 1 to 65535 (a / in "
			       "a password is written %2F)" },
	{ "rtmp://host:65536/a/s",
	  "port is not a number from 1 to 65535 (a / in a password is "
	  "written %2F)" },
	{ "rtmp://u:pass/word@host/a/s",
	  "port is not a number from 1 to 65535 (a / in a password is "
	  "written %2F)" },
	{ "rtmp://u:12/34@host/a/s", "application has an @ (a / in a password "
				     "is written %2F)" },
	{ "rtmp://[::1/a/s", "host is not an IPv6 address in brackets" },
	{ "rtmp://[fe80]/a/s", "host is not an IPv6 address in brackets" },
	{ "rtmp://ho%73t/a/s", "host has a character that no host name has" },
	{ "rtmp://host/a b/s", "URL has a blank or control character" },
	{ "rtmp://host/a/s\n", "URL has a blank or control character" },
};

static int test_bad(void)
{
	struct url u = { 0 };
	struct err why;
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK_ERR(url_parse(bad[i].text, &u, &why), -EINVAL);
		CHECK_STR(why.text, bad[i].why);
	}
out:
	url_release(&u);
	return err;
}

static int test_long(void)
{
	struct url u = { 0 };
	char text[URL_MAX + 2];
	int err = 0;

	memset(text, 'x', sizeof(text));
	memcpy(text, "rtmp://h/a/", 11);
	text[URL_MAX + 1] = '\0';
	CHECK_ERR(url_parse(text, &u, NULL), -EMSGSIZE);
	text[URL_MAX] = '\0';
	CHECK_OK(url_parse(text, &u, NULL));
	CHECK_EQ(strlen(u.key), URL_MAX - 11);
out:
	url_release(&u);
	return err;
}

static const struct allowed {
	const char *url, *list;
	bool yes;
} allowed[] = {
	{ "rtmp://a.example/live/s", "", true },
	{ "rtmp://a.example/live/s", " , ", true },
	{ "rtmp://a.example/live/s", "A.EXAMPLE", true },
	{ "rtmp://a.example/live/s", "b.example, a.example", true },
	{ "rtmp://a.example/live/s", "b.example", false },
	{ "rtmp://a.example/live/s", "*.example", true },
	{ "rtmp://aexample/live/s", "*.example", false },
	{ "rtmp://example/live/s", "*.example", false },
	{ "rtmp://a.example.org/live/s", "a.example", false },
	{ "rtmp://a.example/live/s", "*", true },
	{ "rtmp://a.example/live/s", "rtmps://*", false },
	{ "rtmps://a.example/live/s", "rtmps://*", true },
	{ "rtmp://a.example/live/s", "a.example:1935", true },
	{ "rtmp://a.example:1936/live/s", "a.example:1935", false },
	{ "rtmp://[::1]:1936/live/s", "[::1]:1936", true },
	{ "rtmp://[::1]:1936/live/s", "[::2]:1936", false },
	{ "rtmp://a.example/live/s", "a.example/live", true },
	{ "rtmp://a.example/live/s", "a.example/live/", true },
	{ "rtmp://a.example/live/s", "a.example/live/s", true },
	{ "rtmp://a.example/liver/s", "a.example/live", false },
	{ "rtmp://a.example/x/s", "a.example/live rtmp://a.example/x", true },
	{ "rtmp://u:p@a.example/x/s", "a.example", true },
	{ "rtmp://a.example:p@evil.example/x/s", "a.example", false },
};

static int test_allowed(void)
{
	struct url u = { 0 };
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
		CHECK_OK(url_parse(allowed[i].url, &u, NULL));
		if (url_is_allowed(&u, allowed[i].list) != allowed[i].yes) {
			unit_report(__FILE__, __LINE__, "%s in \"%s\"",
				    allowed[i].url, allowed[i].list);
			err = -EBADE;
			goto out;
		}
		url_release(&u);
	}
out:
	url_release(&u);
	return err;
}

static const struct {
	const char *url, *tc_url, *want;
	int err;
} moves[] = {
	{ "rtmp://a/live/s?q=1", "rtmp://b:1936/x", "rtmp://b:1936/x/s?q=1",
	  0 },
	{ "rtmp://u:p%2F@a/l/s", "rtmps://b/x/y/", "rtmps://u:p%2F@b/x/y/s",
	  0 },
	{ "rtmp://a:19/live/s", "//[::1]/x?y", "rtmp://[::1]/x/s", 0 },
	{ "rtmps://u:p@a:19/live/s", "/x", "rtmps://u:p@a:19/x/s", 0 },
	{ "rtmp://a/live/s", "rtmp://b", "rtmp://b/s", 0 },
	{ "rtmps://a/live/s", "rtmp://b/x", "", -EPERM },
	{ "rtmp://a/live/s", "http://b/x", "", -EINVAL },
	{ "rtmp://a/live/s", "rtmp://u@b/x", "", -EINVAL },
	{ "rtmp://a/live/s", "b/x", "", -EINVAL },
	{ "rtmp://a/live/s",
	  "rtmp://b/"
	  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
	  "", -EMSGSIZE },
};

static int test_move(void)
{
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(moves); i++) {
		char got[40] = "";

		CHECK_ERR(url_move(moves[i].url, moves[i].tc_url, got,
				   sizeof(got)),
			  moves[i].err);
		if (!moves[i].err)
			CHECK_STR(got, moves[i].want);
	}
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "good", test_good, 0 },
	{ "bad", test_bad, 0 },
	{ "longest", test_long, 0 },
	{ "moved by a server", test_move, 0 },
	{ "allowed targets", test_allowed, 0 },
};

UNIT_MAIN(tests)
