/* SPDX-License-Identifier: MIT */
#include "lib/schema.h"

#include <stdlib.h>

#include "lib/nearest.h"
#include "tests/unit.h"

static int test_table(void)
{
	struct schema_value value;
	enum schema_id id;
	struct err e;
	int err = 0;

	for (size_t i = 0; i < SCHEMA_COUNT; i++) {
		const struct schema_option *o = &schema_options[i];

		CHECK(o->section && o->key && o->unit && o->help && *o->help);
		CHECK_OK(schema_find(o->section, o->key, &id, &e));
		CHECK_EQ(id, i);
		if (schema_check(id, o->default_text, &value, &e))
			unit_report(__FILE__, __LINE__, "%s.%s: %s", o->section,
				    o->key, e.text);
		CHECK_OK(schema_check(id, o->default_text, &value, &e));
		CHECK((o->type == SCHEMA_ENUM) <= (o->words != NULL));
		CHECK((o->type == SCHEMA_DURATION) == !strcmp(o->unit, "ms"));
		CHECK((o->type == SCHEMA_SIZE) == !strcmp(o->unit, "bytes"));
	}
out:
	return err;
}

static int test_find(void)
{
	static const struct {
		const char *section, *key, *sentence;
	} cases[] = {
		{ "uploader", "rev_prot",
		  "unknown key; near it: rev_port or rev_proxy" },
		{ "uploader", "mountpoint",
		  "unknown key; it belongs to section [fs]" },
		{ "uploader", "xyzzy_frobnicate",
		  "unknown key; upcast.ini(5) names those of [uploader]" },
		{ "uplaoder", "rev_port",
		  "[uplaoder]: unknown section; near it: uploader" },
		{ "fs a", "open", "[fs a]: section fs has no instances" },
		{ "uploader ../x", "rev_port",
		  "[uploader ../x]: an instance name is 1 to 32 letters, "
		  "digits, '-', '_' or '.'" },
	};
	enum schema_id id = SCHEMA_COUNT;
	struct err e;
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CHECK_ERR(schema_find(cases[i].section, cases[i].key, &id, &e),
			  -ENOENT);
		CHECK_STR(e.text, cases[i].sentence);
	}
	CHECK_EQ(id, SCHEMA_COUNT);
	CHECK_OK(schema_find("uploader berlin-2", "rev_port", &id, &e));
	CHECK_EQ(id, OPT_UP_REV_PORT);
	CHECK(!schema_check_section("upcast", NULL) &&
	      !schema_check_section("route", NULL));
	CHECK(!schema_check_section("uploader x", NULL));
	CHECK(schema_check_section("uploader ", NULL));
	CHECK(schema_check_section("up", NULL) &&
	      schema_check_section("", NULL));
	CHECK(schema_is_free("route") && !schema_is_free("uploader"));
out:
	return err;
}

struct value_case {
	enum schema_id id;
	const char *text;
	const char *sentence; /* NULL: good */
	uint64_t number;
};

static const struct value_case value_cases[] = {
	{ OPT_UP_ENABLED, "Enable", NULL, 1 },
	{ OPT_UP_ENABLED, "maybe", "\"maybe\" is not true or false", 0 },
	{ OPT_UP_REV_PORT, "8443", NULL, 8443 },
	{ OPT_UP_REV_PORT, "70000", "70000 is out of range, 1 to 65535", 0 },
	{ OPT_UP_REV_PORT, "99999999999999999999",
	  "99999999999999999999 is out of range, 1 to 65535", 0 },
	{ OPT_UP_REV_PORT, "", "\"\" is not a whole number", 0 },
	{ OPT_UP_REV_PORT, "-1", "\"-1\" is not a whole number", 0 },
	{ OPT_UP_SETTLE_TIME, "90s", NULL, 90000 },
	{ OPT_UP_SETTLE_TIME, "2d", "2d is out of range, 0s to 1d", 0 },
	{ OPT_UP_SETTLE_TIME, "5 m",
	  "\"5 m\" is not a time such as 1500ms, 10s, 5m, 2h or 1d", 0 },
	{ OPT_UP_BANDWIDTH, "20M", NULL, 20 << 20 },
	{ OPT_UP_BANDWIDTH, "2T", "2T is out of range, 0 to 1T", 0 },
	{ OPT_UP_BANDWIDTH, "fast",
	  "\"fast\" is not a size such as 65536, 512K, 20M or 1G", 0 },
	{ OPT_UP_SOURCE, "local", NULL, 1 },
	{ OPT_UP_SOURCE, "smb", "\"smb\" is not one of nfs, local", 0 },
	{ OPT_UP_REV_HOST, "rev.example.com", NULL, 0 },
	{ OPT_UP_REV_HOST, "192.0.2.7", NULL, 0 },
	{ OPT_UP_REV_HOST, "[2001:db8::1]", NULL, 0 },
	{ OPT_UP_REV_HOST, "2001:db8::1", NULL, 0 },
	{ OPT_UP_REV_HOST, "", NULL, 0 },
	{ OPT_UP_REV_HOST, "192.0.2.300",
	  "\"192.0.2.300\" is not a host name or address", 0 },
	{ OPT_UP_REV_HOST, "https://rev.example.com",
	  "\"https://rev.example.com\" is not a host name or address", 0 },
	{ OPT_UP_REV_HOST,
	  "a-name-that-is-too-long-for-one-label-of-the-domain-name-system-.de",
	  "is not a host name or address", 0 },
	{ OPT_UP_REV_HOST, "[rev]", "\"[rev]\" is not a host name or address",
	  0 },
	{ OPT_UP_REV_HOST, "a..b", "\"a..b\" is not a host name or address",
	  0 },
	{ OPT_UP_CMS_HOST, "cms1.example.com, 192.0.2.4 cms3", NULL, 0 },
	{ OPT_UP_CMS_HOST, "cms1, -x", "\"-x\" is not a host name or address",
	  0 },
	{ OPT_CONTROL_DIR, "run/upcast",
	  "\"run/upcast\" is not an absolute path (it starts with /)", 0 },
	{ OPT_CONTROL_DIR, "", "must not be empty", 0 },
	{ OPT_UP_LOCAL_DIRECTORY, "", NULL, 0 },
	{ OPT_UP_HOURS, "22:00-06:00, 12:00-24:00", NULL, 0 },
	{ OPT_UP_HOURS, "22:00-25:00",
	  "\"22:00-25:00\" is not hours such as 22:00-06:00, 12:00-13:00", 0 },
	{ OPT_UP_HOURS, "22:00-22:00",
	  "\"22:00-22:00\" is not hours such as 22:00-06:00, 12:00-13:00", 0 },
	{ OPT_UP_HOURS, "2:00-6:00",
	  "\"2:00-6:00\" is not hours such as 22:00-06:00, 12:00-13:00", 0 },
	{ OPT_UP_USER_MATCH, "jid,email", NULL, 0 },
	{ OPT_UP_USER_MATCH, "jid mail",
	  "\"mail\" is not one of email, jid, local-part", 0 },
	{ OPT_UP_TITLE, "Grüße {space}", NULL, 0 },
	{ OPT_UP_TITLE, "a\xff", "is not valid UTF-8", 0 },
	{ OPT_UP_TITLE, "a\x01", "holds a control character", 0 },
	{ OPT_GROUP, "a-name-that-is-longer-than-linux-allows",
	  "is 39 bytes long, 1 to 32 are allowed", 0 },
};

static int test_values(void)
{
	struct schema_value value;
	struct err e;
	int err = 0, got;

	for (size_t i = 0; i < ARRAY_SIZE(value_cases); i++) {
		const struct value_case *c = &value_cases[i];

		e.text[0] = '\0';
		got = schema_check(c->id, c->text, &value, &e);
		CHECK_STR(e.text, c->sentence ? c->sentence : "");
		CHECK_EQ(got != 0, c->sentence != NULL);
		if (!got)
			CHECK_EQ(value.number, c->number);
		if (!got)
			CHECK(value.text == c->text);
	}
out:
	return err;
}

static int test_range(void)
{
	char text[64];
	int err = 0;

	schema_format_range(OPT_UP_REV_PORT, text, sizeof(text));
	CHECK_STR(text, "1 to 65535");
	schema_format_range(OPT_UP_CMS_CACHE_TIME, text, sizeof(text));
	CHECK_STR(text, "0s to 1d");
	schema_format_range(OPT_UP_ACCESS, text, sizeof(text));
	CHECK_STR(text, "Private, Public, AllUsers");
	schema_format_range(OPT_GROUP, text, sizeof(text));
	CHECK_STR(text, "text of 1 to 32 bytes");
	schema_format_range(OPT_UP_TAGS, text, sizeof(text));
	CHECK_STR(text, "text of at most 1024 bytes");
	schema_format_range(OPT_UP_USER_MATCH, text, sizeof(text));
	CHECK_STR(text, "of email, jid, local-part");
	schema_format_range(OPT_UP_CMS_HOST, text, 5);
	CHECK_STR(text, "host");
out:
	return err;
}

static int test_nearest(void)
{
	static const char *const words[] = { "enable", "disable", "restart",
					     "status", "sip listen" };
	struct nearest n;
	char text[64];
	int err = 0;

	nearest_init(&n, "enabel");
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		nearest_offer(&n, words[i]);
	nearest_format(&n, text, sizeof(text));
	CHECK_STR(text, "enable");
	nearest_init(&n, "disabled");
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		nearest_offer(&n, words[i]);
	nearest_format(&n, text, sizeof(text));
	CHECK_STR(text, "disable");
	nearest_init(&n, "sta");
	nearest_offer(&n, "start");
	nearest_offer(&n, "stop");
	nearest_offer(&n, "sta");
	nearest_offer(&n, "stat");
	CHECK_EQ(n.count, NEAREST_WORDS);
	nearest_format(&n, text, sizeof(text));
	CHECK_STR(text, "sta or stat");
	nearest_format(&n, text, 6);
	CHECK_STR(text, "sta o");
	nearest_init(&n, "zzzzzz");
	nearest_offer(&n, "start");
	nearest_format(&n, text, sizeof(text));
	CHECK_STR(text, "");
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "the table holds together", test_table, 0 },
	{ "options are found, or the nearest named", test_find, 0 },
	{ "values are checked", test_values, 0 },
	{ "ranges are told", test_range, 0 },
	{ "the nearest words", test_nearest, 0 },
};
UNIT_MAIN(tests)
