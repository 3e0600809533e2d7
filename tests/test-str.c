/* SPDX-License-Identifier: MIT */
#include "lib/str.h"

#include <stdlib.h>

#include "tests/unit.h"

static int test_numbers(void)
{
	uint64_t u = 7;
	int64_t i = 7;
	int err;

	CHECK_OK(str_parse_u64("18446744073709551615", 0, UINT64_MAX, &u));
	CHECK(u == UINT64_MAX);
	CHECK_ERR(str_parse_u64("18446744073709551616", 0, UINT64_MAX, &u),
		  -ERANGE);
	CHECK_ERR(str_parse_u64("", 0, 9, &u), -EINVAL);
	CHECK_ERR(str_parse_u64(" 1", 0, 9, &u), -EINVAL);
	CHECK_ERR(str_parse_u64("1 ", 0, 9, &u), -EINVAL);
	CHECK_ERR(str_parse_u64("+1", 0, 9, &u), -EINVAL);
	CHECK_ERR(str_parse_u64("0x1", 0, 9, &u), -EINVAL);
	CHECK_ERR(str_parse_u64("10", 0, 9, &u), -ERANGE);
	CHECK_OK(str_parse_i64("-42", -50, 50, &i));
	CHECK_EQ(i, -42);
	CHECK_ERR(str_parse_i64("-", -50, 50, &i), -EINVAL);
	CHECK_ERR(str_parse_i64("--1", -50, 50, &i), -EINVAL);
	CHECK_ERR(str_parse_i64("99999999999999999999", -50, 50, &i), -ERANGE);
	CHECK_EQ(i, -42);
	err = 0;
out:
	return err;
}

static int test_units(void)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} durations[] = {
		{ "0s", 0 },	    { "10", 10000 },  { "1500ms", 1500 },
		{ "90s", 90000 },   { "5m", 300000 }, { "2h", 7200000 },
		{ "1d", 86400000 },
	};
	char text[32];
	uint64_t v;
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(durations); i++) {
		CHECK_OK(str_parse_duration(durations[i].text, &v));
		CHECK_EQ(v, durations[i].ms);
		str_format_duration(v, text, sizeof(text));
		CHECK_OK(str_parse_duration(text, &v));
		CHECK_EQ(v, durations[i].ms);
	}
	str_format_duration(0, text, sizeof(text));
	CHECK_STR(text, "0s");
	CHECK_ERR(str_parse_duration("5 m", &v), -EINVAL);
	CHECK_ERR(str_parse_duration("s", &v), -EINVAL);
	CHECK_ERR(str_parse_duration("99999999999999999d", &v), -ERANGE);
	CHECK_OK(str_parse_size("20M", &v));
	CHECK_EQ(v, 20 << 20);
	CHECK_OK(str_parse_size("512", &v));
	CHECK_EQ(v, 512);
	CHECK_ERR(str_parse_size("20X", &v), -EINVAL);
	err = 0;
out:
	return err;
}

static int test_bool(void)
{
	bool v = false;
	int err;

	CHECK_OK(str_parse_bool("Enable", &v));
	CHECK(v);
	CHECK_OK(str_parse_bool("off", &v));
	CHECK(!v);
	CHECK_ERR(str_parse_bool("2", &v), -EINVAL);
	CHECK_ERR(str_parse_bool("", &v), -EINVAL);
	err = 0;
out:
	return err;
}

static int test_percent(void)
{
	char ok[] = "a%20b%C3%A9", nul[] = "a%00", bad[] = "a%2",
	     bad2[] = "%zz";
	struct buf b;
	int err;

	buf_init(&b, 64);
	CHECK_OK(str_pct_encode(&b, "a b/é?~"));
	CHECK_STR(buf_text(&b), "a%20b%2F%C3%A9%3F~");
	CHECK_OK(str_pct_decode(ok));
	CHECK_STR(ok, "a bé");
	CHECK_ERR(str_pct_decode(nul), -EINVAL);
	CHECK_ERR(str_pct_decode(bad), -EINVAL);
	CHECK_STR(bad, "a%2");
	CHECK_ERR(str_pct_decode(bad2), -EINVAL);
	err = 0;
out:
	buf_release(&b);
	return err;
}

static int test_escape(void)
{
	static const char raw[] = "a\nb\\c\x01\xff\xc3\xa9\x7f";
	char text[128], bad[] = "a\\q", cut[] = "a\\x1";
	struct buf b;
	int err;

	buf_init(&b, 100);
	CHECK_OK(str_escape(&b, raw));
	CHECK_STR(buf_text(&b), "a\\nb\\\\c\\x01\\xff\xc3\xa9\\x7f");
	str_copy(text, buf_text(&b), sizeof(text));
	CHECK_OK(str_unescape(text));
	CHECK_STR(text, raw);
	CHECK_ERR(str_unescape(bad), -EINVAL);
	CHECK_ERR(str_unescape(cut), -EINVAL);
	b.cap = b.len + 1;
	CHECK_ERR(str_escape(&b, "xyz"), -EMSGSIZE);
	CHECK_STR(buf_text(&b), "a\\nb\\\\c\\x01\\xff\xc3\xa9\\x7f");
	err = 0;
out:
	buf_release(&b);
	return err;
}

static int test_utf8(void)
{
	int err = 0;

	CHECK(str_is_utf8("häß€😀", strlen("häß€😀")));
	CHECK(!str_is_utf8("\xc0\xaf", 2));
	CHECK(!str_is_utf8("\xed\xa0\x80", 3));
	CHECK(!str_is_utf8("\xf4\x90\x80\x80", 4));
	CHECK(!str_is_utf8("\xe2\x82", 2));
	CHECK(!str_is_utf8("\x80", 1));
out:
	return err;
}

static int test_fit(void)
{
	int err = 0;

	CHECK_EQ(str_fit("", 0), 0);
	CHECK_EQ(str_fit("abc", 3), 3);
	CHECK_EQ(str_fit("abc", 2), 2);
	CHECK_EQ(str_fit("a\xc3\xa9", 2), 1);
	CHECK_EQ(str_fit("a\xc3\xa9", 3), 3);
	CHECK_EQ(str_fit("\xf0\x9f\x98\x80", 3), 0);
	CHECK_EQ(str_fit("\xa9\xa9", 1), 0);
out:
	return err;
}

static int test_words(void)
{
	const char *at = " one, two,,three ", *word;
	size_t len;
	int err = 0;

	CHECK(str_next_word(&at, &word, &len) && len == 3);
	CHECK(!strncmp(word, "one", 3));
	CHECK(str_next_word(&at, &word, &len) && len == 3);
	CHECK(str_next_word(&at, &word, &len) && len == 5);
	CHECK(!str_next_word(&at, &word, &len));
out:
	return err;
}

static int test_small(void)
{
	char text[STR_TIME_SIZE], *owned = NULL, line[] = "a\tb\x7f";
	int err;

	str_format_time(1795559467, text);
	CHECK_STR(text, "2026-11-24T22:31:07Z");
	str_format_time(0, text);
	CHECK_STR(text, "");
	CHECK(str_is_guid("c4605aaf-dc49-4cd7-9174-c46185ba1983"));
	CHECK(!str_is_guid("c4605aaf-dc49-4cd7-9174-c46185ba198"));
	CHECK(!str_is_guid("c4605aafxdc49-4cd7-9174-c46185ba1983"));
	str_clean(line);
	CHECK_STR(line, "a?b?");
	CHECK_OK(str_replace(&owned, "x"));
	CHECK_OK(str_replace(&owned, "y"));
	CHECK_STR(owned, "y");
	CHECK_OK(str_replace(&owned, NULL));
	CHECK(!owned);
	err = 0;
out:
	free(owned);
	return err;
}

static const struct unit_test tests[] = {
	{ "numbers are strict", test_numbers, 0 },
	{ "durations and sizes", test_units, 0 },
	{ "booleans", test_bool, 0 },
	{ "percent-encoding", test_percent, 0 },
	{ "escapes round-trip", test_escape, 0 },
	{ "utf-8 is checked", test_utf8, 0 },
	{ "what fits of a text", test_fit, 0 },
	{ "words of a list", test_words, 0 },
	{ "times, guids, copies", test_small, 0 },
};
UNIT_MAIN(tests)
