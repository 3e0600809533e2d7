/* SPDX-License-Identifier: MIT */
#include "lib/snapshot.h"

#include "tests/unit.h"

static int parse_text(const char *text, struct snapshot *ret)
{
	return snapshot_parse(text, strlen(text), ret);
}

static int test_round_trip(void)
{
	static const char raw[] = "a=b\n\\ \x01 caf\xc3\xa9 \xff";
	struct snapshot s = { 0 };
	struct buf b;
	int err;

	buf_init(&b, SNAPSHOT_MAX);
	CHECK_OK(snapshot_begin(&b));
	CHECK_OK(snapshot_add(&b, "title", raw));
	CHECK_OK(snapshot_add(&b, "empty", ""));
	CHECK_OK(snapshot_add_u64(&b, "size", UINT64_MAX));
	CHECK_OK(snapshot_add_time(&b, "started", 1795559467));
	CHECK_OK(snapshot_add_time(&b, "done", 0));
	CHECK_STR(buf_text(&b), "format=1\n"
				"title=a=b\\n\\\\ \\x01 caf\xc3\xa9 \\xff\n"
				"empty=\nsize=18446744073709551615\n"
				"started=2026-11-24T22:31:07Z\ndone=\n");
	CHECK_OK(snapshot_parse(buf_text(&b), b.len, &s));
	CHECK_EQ(s.count, 5);
	CHECK_STR(s.pairs[0].key, "title");
	CHECK_STR(snapshot_get(&s, "title"), raw);
	CHECK_STR(snapshot_get(&s, "empty"), "");
	CHECK_STR(snapshot_get(&s, "done"), "");
	CHECK(!snapshot_get(&s, "format"));
	err = 0;
out:
	snapshot_release(&s);
	buf_release(&b);
	return err;
}

static int test_limits(void)
{
	char name[] = "k..", text[SNAPSHOT_MAX + 2];
	struct snapshot s = { 0 };
	struct buf b;
	int err;

	buf_init(&b, 32);
	CHECK_OK(snapshot_begin(&b));
	CHECK_ERR(snapshot_add(&b, "Bad", ""), -EINVAL);
	CHECK_ERR(snapshot_add(&b, "", ""), -EINVAL);
	CHECK_ERR(snapshot_add(&b, "k", "123456789012345678901"), -EMSGSIZE);
	CHECK_STR(buf_text(&b), "format=1\n");
	CHECK_OK(snapshot_add_cut(&b, "k", "12345\xc3\xa9", 6));
	CHECK_STR(buf_text(&b), "format=1\nk=12345\n");
	CHECK_OK(snapshot_add_cut(&b, "j", "12345\xc3\xa9", 7));
	CHECK_STR(buf_text(&b), "format=1\nk=12345\nj=12345\xc3\xa9\n");

	buf_release(&b);
	buf_init(&b, SNAPSHOT_MAX);
	CHECK_OK(snapshot_begin(&b));
	for (int i = 0; i <= SNAPSHOT_KEYS; i++) {
		name[1] = (char)('a' + i / 26);
		name[2] = (char)('a' + i % 26);
		CHECK_OK(snapshot_add(&b, name, "v"));
	}
	CHECK_ERR(snapshot_parse(buf_text(&b), b.len, &s), -EMSGSIZE);
	memset(text, 'x', sizeof(text));
	text[SNAPSHOT_MAX] = '\n';
	CHECK_ERR(snapshot_parse(text, SNAPSHOT_MAX + 1, &s), -EMSGSIZE);
	err = 0;
out:
	snapshot_release(&s);
	buf_release(&b);
	return err;
}

static int test_refused(void)
{
	static const struct {
		const char *text;
		int err;
	} cases[] = {
		{ "", -EBADMSG },
		{ "\n", -EBADMSG },
		{ "format=1", -EBADMSG },
		{ "format=2\na=b\n", -ENOTSUP },
		{ "format=\n", -ENOTSUP },
		{ "a=b\nformat=1\n", -EBADMSG },
		{ "format=1\na=b", -EBADMSG },
		{ "format=1\na\n", -EBADMSG },
		{ "format=1\n=b\n", -EBADMSG },
		{ "format=1\n\n", -EBADMSG },
		{ "format=1\nA=b\n", -EBADMSG },
		{ "format=1\na=\\q\n", -EBADMSG },
		{ "format=1\na=\\x00\n", -EBADMSG },
	};
	struct snapshot s = { 0 };
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		CHECK_ERR(parse_text(cases[i].text, &s), cases[i].err);
	CHECK_ERR(snapshot_parse("format=1\na=\0\n", 13, &s), -EBADMSG);
	CHECK(!s.text);
	CHECK_OK(parse_text("format=1\n", &s));
	CHECK_EQ(s.count, 0);
	snapshot_release(&s);
	CHECK_OK(parse_text("format=1\na=1\na=2\nnew_key=x\n", &s));
	CHECK_STR(snapshot_get(&s, "a"), "1");
	CHECK_STR(snapshot_get(&s, "new_key"), "x");
	err = 0;
out:
	snapshot_release(&s);
	return err;
}

static const struct unit_test tests[] = {
	{ "what is written is read", test_round_trip, 0 },
	{ "sizes and keys are bounded", test_limits, 0 },
	{ "what is no snapshot is refused", test_refused, 0 },
};
UNIT_MAIN(tests)
