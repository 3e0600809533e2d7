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
	struct snapshot_writer w;
	struct buf b;
	int err;

	buf_init(&b, SNAPSHOT_MAX);
	snapshot_begin(&w, &b);
	snapshot_add(&w, "title", raw);
	snapshot_add(&w, "empty", "");
	snapshot_add_u64(&w, "size", UINT64_MAX);
	snapshot_add_time(&w, "started", 1795559467);
	snapshot_add_time(&w, "done", 0);
	CHECK_OK(w.err);
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

static int test_first_failure(void)
{
	static const struct {
		const char *key, *value;
		int err;
	} cases[] = {
		{ "Bad", "", -EINVAL },
		{ "", "", -EINVAL },
		{ "k", "123456789012345678901", -EMSGSIZE },
	};
	struct snapshot_writer w;
	struct buf b;
	size_t len;
	int err;

	buf_init(&b, 32);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snapshot_begin(&w, &b);
		CHECK_OK(w.err);
		snapshot_add(&w, cases[i].key, cases[i].value);
		CHECK_ERR(w.err, cases[i].err);
		len = b.len;
		snapshot_add(&w, "k", "v");
		snapshot_add_cut(&w, "k", "v", 1);
		CHECK_ERR(w.err, cases[i].err);
		CHECK_EQ(b.len, len);
	}
	err = 0;
out:
	buf_release(&b);
	return err;
}

static int test_limits(void)
{
	char name[] = "k..", text[SNAPSHOT_MAX + 2];
	struct snapshot s = { 0 };
	struct snapshot_writer w;
	struct buf b;
	int err;

	buf_init(&b, SNAPSHOT_MAX);
	snapshot_begin(&w, &b);
	snapshot_add_cut(&w, "k", "12345\xc3\xa9", 6);
	snapshot_add_cut(&w, "j", "12345\xc3\xa9", 7);
	CHECK_OK(w.err);
	CHECK_STR(buf_text(&b), "format=1\nk=12345\nj=12345\xc3\xa9\n");
	snapshot_begin(&w, &b);
	for (int i = 0; i <= SNAPSHOT_KEYS; i++) {
		name[1] = (char)('a' + i / 26);
		name[2] = (char)('a' + i % 26);
		snapshot_add(&w, name, "v");
	}
	CHECK_OK(w.err);
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

/* `arg` is a text that is added several times. */
static void fill(struct snapshot_writer *w, const void *arg)
{
	snapshot_add_text(w, "a", arg);
	snapshot_add_text(w, "b", arg);
	snapshot_add_text(w, "c", arg);
}

static int test_texts(void)
{
	char text[2 * SNAPSHOT_TEXT_MAX + 1];
	struct snapshot s = { 0 };
	struct buf b;
	int err;

	buf_init(&b, SNAPSHOT_MAX);
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	CHECK_OK(snapshot_write(&b, fill, text));
	CHECK_OK(snapshot_parse(buf_text(&b), b.len, &s));
	CHECK_EQ(strlen(snapshot_get(&s, "c")), SNAPSHOT_TEXT_MAX);
	snapshot_release(&s);
	/* Four times as long when they are written. */
	memset(text, '\x01', sizeof(text) - 1);
	CHECK_OK(snapshot_write(&b, fill, text));
	CHECK_OK(snapshot_parse(buf_text(&b), b.len, &s));
	CHECK_EQ(strlen(snapshot_get(&s, "c")), SNAPSHOT_TEXT_MAX / 2);
	buf_release(&b);
	buf_init(&b, 64);
	CHECK_ERR(snapshot_write(&b, fill, text), -EMSGSIZE);
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
	{ "after a failure nothing is added", test_first_failure, 0 },
	{ "sizes and keys are bounded", test_limits, 0 },
	{ "texts are cut until all of them fit", test_texts, 0 },
	{ "what is no snapshot is refused", test_refused, 0 },
};
UNIT_MAIN(tests)
