/* SPDX-License-Identifier: MIT */
#include "lib/redact.h"

#include "tests/unit.h"

static int test_url(void)
{
	static const struct {
		const char *url, *shown;
	} cases[] = {
		{ "rtmp://u:p@h/live/n", "rtmp://u:***@h/live/n" },
		{ "rtmp://u:p@x@h:1/live/n?k", "rtmp://u:***@h:1/live/n?k" },
		{ "rtmps://h/live2/abcd-efgh", "rtmps://h/live2/***" },
		{ "rtmps://h/app/key?token=1", "rtmps://h/app/***" },
		{ "rtmps://h", "rtmps://h" },
		{ "https://user@h/x", "https://user@h/***" },
		{ "rtmp://u:p?q#r@h/live/n", "rtmp://u:***@h/live/n" },
		{ "rtmp://u:p/q@h/live/n", "rtmp://***" },
		{ "rtmps://h?secret", "rtmps://h***" },
		{ "rtmp://h:1935/live/n", "rtmp://h:1935/live/***" },
		{ "rtmp://[::1]:1/live/n", "rtmp://[::1]:1/live/***" },
		{ "rtmp://[::1/live/n", "rtmp://***" },
		/* what a comma or a quote in a password leaves of it */
		{ "rtmp://u:half", "rtmp://***" },
		{ "half@h/live/n", "***" },
		{ "nonsense", "***" },
		{ "", "" },
	};
	char text[64], tiny[8];
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		redact_url(cases[i].url, text, sizeof(text));
		CHECK_STR(text, cases[i].shown);
	}
	redact_url("rtmp://u:p@h/live/n", tiny, sizeof(tiny));
	CHECK_STR(tiny, "rtmp://");
out:
	return err;
}

static int test_value(void)
{
	static const struct {
		const char *value, *shown;
	} cases[] = {
		{ "", "" },
		{ "a, b", "a, b" },
		{ "a\tb", "a?b" },
		{ "rtmp://u:p@h/a/s,rtmp://h/a/key",
		  "rtmp://u:***@h/a/s, rtmp://h/a/***" },
		/* a comma in the password of a URL */
		{ "rtmp://u:p,q@h/a/s", "rtmp://***, ***" },
		{ "rtmp://u:p,q:r@h/a/s", "rtmp://***, ***" },
	};
	char text[64], tiny[8], huge[8192];
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		redact_value(cases[i].value, text, sizeof(text));
		CHECK_STR(text, cases[i].shown);
	}
	redact_value("rtmp://u:p@h/live/n x", tiny, sizeof(tiny));
	CHECK_STR(tiny, "rtmp://");
	/* What is cut might be cut in its password. */
	memset(huge, '1', sizeof(huge));
	memcpy(huge, "rtmp://u:", 9);
	huge[sizeof(huge) - 1] = '\0';
	redact_value(huge, text, sizeof(text));
	CHECK_STR(text, "***");
out:
	return err;
}

static int test_after(void)
{
	char line[16] = "Password secret", end[8] = "secret ", full[8];
	int err = 0;

	CHECK(!redact_after("none", line, sizeof(line)));
	CHECK_STR(line, "Password secret");
	CHECK(redact_after("password ", line, sizeof(line)));
	CHECK_STR(line, "Password ***");
	CHECK(!redact_after("secret ", end, sizeof(end)));
	CHECK_STR(end, "secret ");
	memcpy(full, "mark ab", 8);
	CHECK(redact_after("mark ", full, sizeof(full)));
	CHECK_STR(full, "mark **");
out:
	return err;
}

static int test_echo(void)
{
	int err = 0;

	CHECK(redact_is_echo("no stream abcd-efgh here", "abcd-efgh"));
	CHECK(!redact_is_echo("no stream abcd-efgh here", "abcd-xyz"));
	CHECK(!redact_is_echo("no stream abcd-efgh here", "str"));
	CHECK(!redact_is_echo("no stream abcd-efgh here", ""));
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "a URL", test_url, 0 },
	{ "a list of URLs", test_value, 0 },
	{ "what follows a word", test_after, 0 },
	{ "what a stranger repeats", test_echo, 0 },
};
UNIT_MAIN(tests)
