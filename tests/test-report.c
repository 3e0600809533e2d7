/* SPDX-License-Identifier: MIT */
#include "uploader/report.h"

#include <stdlib.h>

#include "lib/snapshot.h"
#include "tests/unit.h"

static const char name[] = "20210618000000+0200.mp4";

static int add_item(struct catalog *c, int64_t id, struct item **ret)
{
	struct row row = { .id = id, .state = JOB_SETTLING };
	int err = row_set(&row, ROW_DIR, "forwardedCalls");

	err = err ? err : row_set(&row, ROW_NAME, name);
	err = err ? err : catalog_add(c, &row, ret);
	if (err)
		row_release(&row);
	return err;
}

static int parse(const struct buf *b, struct snapshot *ret)
{
	return snapshot_parse(buf_text(b), b->len, ret);
}

static int test_fields(void)
{
	struct catalog c = { 0 };
	struct snapshot s = { 0 };
	struct item *item;
	struct buf b;
	int err = add_item(&c, 7, &item);

	buf_init(&b, SNAPSHOT_MAX);
	CHECK_OK(err);
	item->row.number[ROW_SIZE] = INT64_MAX;
	CHECK_OK(row_set(&item->row, ROW_TITLE, "Räte\nund \\"));
	CHECK_OK(report_format(item, &b));
	CHECK_OK(parse(&b, &s));
	CHECK_STR(snapshot_get(&s, "id"), "7");
	CHECK_STR(snapshot_get(&s, "state"), "settling");
	CHECK_STR(snapshot_get(&s, "path"),
		  "forwardedCalls/20210618000000+0200.mp4");
	CHECK_STR(snapshot_get(&s, "title"), "Räte\nund \\");
	CHECK_STR(snapshot_get(&s, "size"), "9223372036854775807");
	CHECK_STR(snapshot_get(&s, "eta"), "");
	CHECK_STR(snapshot_get(&s, "done"), "");
out:
	snapshot_release(&s);
	buf_release(&b);
	catalog_release(&c);
	return err;
}

/* Texts of any length and of bytes that need escapes: it fits all the same. */
static int test_long(void)
{
	static const char bytes[] = { 'x', '\\', '\n', '\xff' };
	struct catalog c = { 0 };
	struct item *item;
	char text[5000];
	struct buf b;
	int err = add_item(&c, INT64_MAX, &item);

	buf_init(&b, SNAPSHOT_MAX);
	CHECK_OK(err);
	for (int i = 0; i < ROW_NUMBER_COUNT; i++)
		item->row.number[i] = INT64_MAX;
	for (size_t k = 0; k < sizeof(bytes); k++) {
		struct snapshot s = { 0 };

		memset(text, bytes[k], sizeof(text) - 1);
		text[sizeof(text) - 1] = '\0';
		for (int i = ROW_KEY; i < ROW_TEXT_COUNT; i++)
			CHECK_OK(row_set(&item->row, (enum row_text)i, text));
		CHECK_OK(report_format(item, &b));
		CHECK_OK(parse(&b, &s));
		err = strlen(snapshot_get(&s, "title")) < 32 ? -EBADE : 0;
		snapshot_release(&s);
		CHECK_OK(err);
	}
out:
	buf_release(&b);
	catalog_release(&c);
	return err;
}

static const struct unit_test tests[] = {
	{ "a recording's snapshot", test_fields, 0 },
	{ "it fits, whatever the texts are", test_long, 0 },
};
UNIT_MAIN(tests)
