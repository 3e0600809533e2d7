/* SPDX-License-Identifier: MIT */
#include "streamer/ended.h"

#include "tests/tempdir.h"
#include "tests/unit.h"

static int put(struct ctldir *d, const char *id, const char *text)
{
	struct buf b;
	int err;

	buf_init(&b, 4096);
	err = buf_printf(&b, "format=1\n%s", text);
	if (!err)
		err = ctldir_put_object(d, id, &b);
	buf_release(&b);
	return err;
}

/* What it shows of a call: "state|why|url"; "" if there is no such call. */
static int show(struct ctldir *d, const char *id, const char **ret)
{
	static char text[256];
	struct snapshot s;
	int err = ctldir_get_object(d, id, &s);

	*ret = "";
	if (err)
		return err == -ENOENT ? 0 : err;
	snprintf(text, sizeof(text), "%s|%s|%s", snapshot_get(&s, "state"),
		 snapshot_get(&s, "why"), snapshot_get(&s, "url"));
	*ret = text;
	snapshot_release(&s);
	return 0;
}

#define CHECK_CALL(id, want)                                                   \
	do {                                                                   \
		const char *shown;                                             \
		CHECK_OK(show(d, id, &shown));                                 \
		CHECK_STR(shown, want);                                        \
	} while (0)

static int test_adopt(void)
{
	char top[TEMPDIR_MAX];
	struct ctldir *d = NULL;
	struct ended *e = NULL;
	unsigned cut;
	int err;

	CHECK_OK(tempdir_make(top));
	CHECK_OK(ctldir_open(top, "calls", &d, NULL));
	CHECK_OK(put(d, "9-2", "state=publishing\nwhy=\nurl=a\\n\n"));
	CHECK_OK(put(d, "9-1", "state=ended\nwhy=hung up\nurl=b\n"));
	CHECK_OK(put(d, "7", "state=ended\n"));
	CHECK_OK(put(d, "9-03", "state=ended\n"));
	CHECK_OK(ended_new(d, &e));
	CHECK_OK(ended_adopt(e, &cut));
	CHECK_EQ(cut, 1);
	CHECK_CALL("9-2", "ended|the streamer went down|a\n");
	CHECK_CALL("9-1", "ended|hung up|b");
	/* No names of calls. */
	CHECK_CALL("7", "");
	CHECK_CALL("9-03", "");
	err = 0;
out:
	ended_free(e);
	ctldir_close(d);
	tempdir_remove(top);
	return err;
}

/* The oldest goes, whichever daemon's it was. */
static int test_limit(void)
{
	char top[TEMPDIR_MAX], name[ENDED_ID_SIZE];
	struct ctldir *d = NULL;
	struct ended *e = NULL;
	unsigned cut;
	int err;

	CHECK_OK(tempdir_make(top));
	CHECK_OK(ctldir_open(top, "calls", &d, NULL));
	for (unsigned i = 1; i <= ENDED_MAX + 1; i++) {
		ended_format_id((struct ended_id){ 10 - i % 2, i }, name);
		CHECK_OK(put(d, name, "state=ended\nwhy=\nurl=\n"));
	}
	CHECK_OK(ended_new(d, &e));
	CHECK_OK(ended_adopt(e, &cut));
	CHECK_EQ(cut, 0);
	CHECK_CALL("9-1", "");
	CHECK_CALL("9-3", "ended||");
	CHECK_OK(ended_add(e, (struct ended_id){ 11, 1 }));
	CHECK_CALL("9-3", "");
	CHECK_CALL("9-5", "ended||");
	for (unsigned i = 2; i <= ENDED_MAX; i++)
		CHECK_OK(ended_add(e, (struct ended_id){ 11, i }));
	CHECK_CALL("10-1000", "");
	err = 0;
out:
	ended_free(e);
	ctldir_close(d);
	tempdir_remove(top);
	return err;
}

static int test_names(void)
{
	static const char *const bad[] = {
		"",	"1",   "-1",
		"1-",	"1-0", "01-1",
		"1-1x", "x-1", "18446744073709551616-1"
	};
	char text[ENDED_ID_SIZE];
	struct ended_id id;
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_ERR(ended_parse_id(bad[i], &id), -EINVAL);
	CHECK_OK(ended_parse_id("1700000000-42", &id));
	CHECK_EQ(id.epoch, 1700000000);
	CHECK_EQ(id.number, 42);
	ended_format_id((struct ended_id){ UINT64_MAX, UINT64_MAX }, text);
	CHECK_OK(ended_parse_id(text, &id));
	CHECK(id.number == UINT64_MAX);
	err = 0;
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "what a daemon before left", test_adopt, 0 },
	{ "so many and no more", test_limit, UNIT_NO_OOM },
	{ "names", test_names, 0 },
};
UNIT_MAIN(tests)
