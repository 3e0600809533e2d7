/* SPDX-License-Identifier: MIT */
#include "fs/tree.h"

#include "fs/eventlog.h"
#include "fs/facts.h"
#include "fs/name.h"
#include "tests/unit.h"

static int test_names(void)
{
	static const struct {
		const char *raw, *name;
	} cases[] = {
		{ "All Hands", "All Hands" },
		{ "", "_" },
		{ ".", "%2E" },
		{ "..", "%2E%2E" },
		{ "...", "..." },
		{ "a/b", "a%2Fb" },
		{ "a\nb\x7f", "a%0Ab%7F" },
		{ "caf\xc3\xa9", "caf\xc3\xa9" },
		{ "caf\xc3", "caf%C3" },
		{ "\xff", "%FF" },
	};
	char name[NAME_BYTES + 1], raw[400];
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		name_encode(cases[i].raw, strlen(cases[i].raw), name);
		CHECK_STR(name, cases[i].name);
	}
	memset(raw, 'x', sizeof(raw));
	name_encode(raw, sizeof(raw), name);
	CHECK_EQ(strlen(name), NAME_BYTES);
	name_add_suffix(name, "17");
	CHECK_EQ(strlen(name), NAME_BYTES);
	CHECK_STR(name + NAME_BYTES - 4, "x~17");
	/* No character is cut through. */
	for (size_t i = 0; i + 1 < sizeof(raw); i += 2)
		memcpy(raw + i, "\xc3\xa9", 2);
	name_encode(raw, sizeof(raw), name);
	CHECK_EQ(strlen(name), NAME_BYTES - 1);
	name_add_suffix(name, "1");
	CHECK_STR(name + strlen(name) - 4, "\xc3\xa9~1");
out:
	return err;
}

static int test_stems(void)
{
	static const struct {
		const char *file;
		size_t len;
	} cases[] = {
		{ "20261124103107+0100.mp4", 19 },
		{ "20261124103107+0100.MP4", 19 },
		{ "20261124103107+0100_vid-id=x@vbrick.mp4", 19 },
		{ "20261124103107+0100", 19 },
		{ ".mp4", 4 },
		{ "", 0 },
	};
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		CHECK_EQ(name_stem_length(cases[i].file, strlen(cases[i].file)),
			 cases[i].len);
out:
	return err;
}

static int gone;

static void on_gone(void *arg, uint64_t parent, uint64_t inode,
		    const char *name)
{
	gone++;
}

static int test_tree(void)
{
	static const struct layout_file file = { "state", LAYOUT_FACT, "state",
						 "" };
	static const struct layout layout = { &file, 1 };
	struct node *a, *b, *c, *link;
	struct tree *t = NULL;
	unsigned slot = 9;
	uint64_t inode;
	int err;

	gone = 0;
	CHECK_OK(tree_new(NULL, 5, &t));
	tree_on_gone(t, on_gone, NULL);
	CHECK_EQ(tree_inode(tree_root(t), 0), 1);
	CHECK_OK(tree_add_dir(t, tree_root(t), "a", NULL, NULL, 7, &a));
	CHECK_OK(tree_add_dir(t, a, "b", &layout, NULL, 8, &b));
	CHECK_OK(tree_add_dir(t, b, "c", NULL, NULL, 9, &c));
	CHECK_OK(tree_add_link(t, a, "link", "b", 9, &link));
	CHECK_ERR(tree_add_dir(t, a, "b", NULL, NULL, 9, &c), -EEXIST);
	CHECK_ERR(tree_add_dir(t, b, "state", NULL, NULL, 9, &c), -EEXIST);
	CHECK_ERR(tree_add_dir(t, a, "", NULL, NULL, 9, &c), -ENAMETOOLONG);
	CHECK(tree_child(t, a, "b") == b && !tree_child(t, b, "b"));
	CHECK_STR(link->target, "b");
	CHECK_EQ(a->child_count, 2);
	CHECK_EQ(a->dir_count, 1);
	CHECK_EQ(a->changed_ms, 9);
	CHECK(tree_find(t, tree_inode(b, 1), &slot) == b && slot == 1);
	CHECK(!tree_find(t, tree_inode(b, 2), &slot));
	CHECK(!tree_find(t, tree_inode(a, 1), &slot));
	CHECK(!tree_find(t, 0, &slot) && !tree_find(t, UINT64_MAX, &slot));
	inode = tree_inode(b, 0);
	tree_remove(t, b, 11);
	CHECK_EQ(gone, 2);
	CHECK_EQ(a->child_count, 1);
	CHECK_EQ(a->dir_count, 0);
	CHECK_EQ(a->changed_ms, 11);
	CHECK(!tree_find(t, inode, &slot));
	/* The same name again is another thing. */
	CHECK_OK(tree_add_dir(t, a, "b", &layout, NULL, 12, &b));
	CHECK(tree_inode(b, 0) > inode);
	err = 0;
out:
	tree_free(t);
	return err;
}

static int test_facts(void)
{
	const char *values[LAYOUT_FILES] = { "one", "", "three\n3" };
	struct facts f = { 0 };
	int err;

	CHECK_STR(facts_get(&f, 0), "");
	CHECK_OK(facts_set(&f, values, 100));
	CHECK_STR(facts_get(&f, 0), "one");
	CHECK_STR(facts_get(&f, 1), "");
	CHECK_STR(facts_get(&f, 2), "three?3");
	CHECK_STR(facts_get(&f, -1), "");
	CHECK_EQ(f.changed_ms[0], 100);
	CHECK_EQ(f.changed_ms[1], 0);
	values[0] = NULL;
	values[1] = "12";
	values[2] = "three?3";
	CHECK_OK(facts_set(&f, values, 200));
	CHECK_STR(facts_get(&f, 0), "one");
	CHECK_EQ(facts_get_u64(&f, 1), 12);
	CHECK_EQ(facts_get_u64(&f, 0), 0);
	CHECK_EQ(f.changed_ms[0], 100);
	CHECK_EQ(f.changed_ms[1], 200);
	CHECK_EQ(f.changed_ms[2], 100);
	err = 0;
out:
	facts_release(&f);
	return err;
}

static int test_log(void)
{
	struct eventlog log;
	const char *text;
	uint64_t at = 0;
	int err;

	eventlog_init(&log);
	CHECK_OK(eventlog_add(&log, "uploader", "7.1 2026-11-24T10:00:02Z b",
			      1));
	CHECK_OK(eventlog_add(&log, "streamer", "9.1 2026-11-24T10:00:01Z a",
			      1));
	CHECK_OK(eventlog_add(&log, "streamer", "9.2 2026-11-24T10:00:02Z c d",
			      1));
	CHECK_ERR(eventlog_add(&log, "streamer", "nonsense", 1), -EBADMSG);
	CHECK_OK(eventlog_sort(&log));
	CHECK_STR(buf_text(&log.text),
		  "2026-11-24T10:00:01Z streamer 9.1 a\n"
		  "2026-11-24T10:00:02Z uploader 7.1 b\n"
		  "2026-11-24T10:00:02Z streamer 9.2 c d\n");
	CHECK_EQ(eventlog_read(&log, &at, 10, &text), 10);
	at = eventlog_end(&log) - 4;
	CHECK_EQ(eventlog_read(&log, &at, 10, &text), 4);
	CHECK_STR(text, "c d\n");
	at = eventlog_end(&log);
	CHECK_EQ(eventlog_read(&log, &at, 10, &text), 0);
	err = 0;
out:
	eventlog_release(&log);
	return err;
}

static int test_log_bound(void)
{
	struct eventlog log;
	char line[128];
	const char *text;
	uint64_t at = 0;
	int err;

	eventlog_init(&log);
	log.holds = 1;
	for (int i = 0; i < 50000; i++) {
		snprintf(line, sizeof(line), "1.%d 2026-11-24T10:00:02Z %050d",
			 i, i);
		CHECK_OK(eventlog_add(&log, "uploader", line, 1));
		CHECK(log.text.len < EVENTLOG_HELD_MAX + sizeof(line));
	}
	CHECK(log.text.len > EVENTLOG_MAX);
	log.holds = 0;
	CHECK_OK(eventlog_add(&log, "uploader", line, 1));
	CHECK(log.text.len <= EVENTLOG_MAX && log.base > 0);
	CHECK(eventlog_read(&log, &at, 10, &text) == 10 && at == log.base);
	CHECK(!strncmp(text, "2026-11-24", 10));
	err = 0;
out:
	eventlog_release(&log);
	return err;
}

static const struct unit_test tests[] = {
	{ "names are fit for a folder", test_names, 0 },
	{ "stems of recordings", test_stems, 0 },
	{ "nodes come and go", test_tree, 0 },
	{ "values and their times", test_facts, 0 },
	{ "lines of the log", test_log, 0 },
	{ "the log is bounded", test_log_bound, UNIT_NO_OOM },
};
UNIT_MAIN(tests)
