/* SPDX-License-Identifier: MIT */
#include "streamer/report_text.h"

#include "tests/unit.h"

/* Texts of a caller who fills them with bytes that are written as \xHH. */
static void fill(char *dst, size_t size)
{
	memset(dst, 1, size - 1);
	dst[size - 1] = '\0';
}

static int test_hostile(void)
{
	struct call c = { .number = 1 };
	struct snapshot s = { 0 };
	struct buf b;
	int err;

	fill(c.why, sizeof(c.why));
	fill(c.error, sizeof(c.error));
	fill(c.user, sizeof(c.user));
	fill(c.caller, sizeof(c.caller));
	fill(c.display, sizeof(c.display));
	fill(c.call_id, sizeof(c.call_id));
	fill(c.shown_url, sizeof(c.shown_url));
	buf_init(&b, SNAPSHOT_MAX);
	err = report_text_call(&c, &b);
	CHECK_OK(err);
	err = snapshot_parse(buf_text(&b), b.len, &s);
	CHECK_OK(err);
	CHECK_STR(snapshot_get(&s, "state"), "ringing");
	CHECK(*snapshot_get(&s, "caller") == 1);
	CHECK(*snapshot_get(&s, "error") == 1);
out:
	snapshot_release(&s);
	buf_release(&b);
	return err;
}

static const struct unit_test tests[] = {
	{ "a snapshot fits whatever the texts are", test_hostile, 0 },
};
UNIT_MAIN(tests)
