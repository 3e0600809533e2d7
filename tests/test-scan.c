/* SPDX-License-Identifier: MIT */
#include "uploader/scan.h"

#include <stdlib.h>

#include "tests/unit.h"
#include "uploader/source_ops.h"

#define SPACE "spaces/6b0f0c1e-1111-4a5b-9c0d-3e5f70a1b2c3"
#define OTHER "spaces/7c1f0d2e-2222-4a5b-9c0d-3e5f70a1b2c3"

/* A share of four folders, whose listings a test orders. */
struct fake {
	struct source base;
	struct source_entry root[3], spaces[2], files[1];
	size_t space_count;
	const char *failing;
	int failure;
};

struct bench {
	struct loop *loop;
	struct fake fake;
	struct scan *scan;
	char listed[512], gone[256];
	const char *wanted;
	int err;
	size_t count;
	bool is_finished;
};

static void start_op(struct source_op *op)
{
	struct fake *f = list_entry(op->source, struct fake, base);

	if (f->failing && !strcmp(op->path, f->failing)) {
		source_op_fail(op, f->failure, "no");
		return;
	}
	if (!*op->path) {
		op->result.entries = f->root;
		op->result.entry_count = ARRAY_SIZE(f->root);
	} else if (!strcmp(op->path, "spaces")) {
		op->result.entries = f->spaces;
		op->result.entry_count = f->space_count;
	} else {
		op->result.entries = f->files;
		op->result.entry_count = ARRAY_SIZE(f->files);
	}
	source_op_finish(op);
}

static void release_op(struct source_op *op)
{
}

static void close_source(struct source *source)
{
}

static const struct source_ops fake_ops = {
	.op_size = sizeof(struct source_op),
	.start = start_op,
	.release = release_op,
	.close = close_source,
};

static void set_dir(struct source_entry *e, const char *name, int64_t mtime_ns)
{
	*e = (struct source_entry){
		.name = (char *)name,
		.attr = { .is_dir = true, .mtime_ns = mtime_ns },
	};
}

static void add_word(char *dst, size_t size, const char *word)
{
	size_t n = strlen(dst);

	snprintf(dst + n, size - n, "%s ", word);
}

static bool on_wants(void *arg, const char *dir)
{
	struct bench *b = arg;

	return b->wanted && !strcmp(dir, b->wanted);
}

static void on_folder(void *arg, const char *dir,
		      const struct source_entry *entries, size_t count)
{
	struct bench *b = arg;

	add_word(b->listed, sizeof(b->listed), dir);
}

static void on_gone(void *arg, const char *dir)
{
	struct bench *b = arg;

	add_word(b->gone, sizeof(b->gone), dir);
}

static void on_finished(void *arg, int err, const struct err *why,
			size_t folders_listed)
{
	struct bench *b = arg;

	b->err = err;
	b->count = folders_listed;
	b->is_finished = true;
}

static int setup(struct bench *b)
{
	struct scan_calls calls = { on_wants, on_folder, on_gone, on_finished,
				    b };
	struct fake *f = &b->fake;
	int err = loop_new(&b->loop);

	if (err)
		return err;
	source_init(&f->base, &fake_ops, b->loop, NULL, NULL);
	set_dir(&f->root[0], "forwardedCalls", 1);
	set_dir(&f->root[1], "spaces", 1);
	set_dir(&f->root[2], "lost+found", 1);
	set_dir(&f->spaces[0], &SPACE[strlen("spaces/")], 1);
	set_dir(&f->spaces[1], &OTHER[strlen("spaces/")], 1);
	f->space_count = 2;
	f->files[0] = (struct source_entry){ .name = (char *)"a.mp4",
					     .attr = { .is_file = true } };
	return scan_new(b->loop, &f->base, &calls, &b->scan);
}

static void teardown(struct bench *b)
{
	scan_free(b->scan);
	if (b->loop)
		source_close(&b->fake.base);
	loop_free(b->loop);
}

/* The fake answers at once, so that a pass is over when nothing is deferred. */
static int pass(struct bench *b, bool full)
{
	int err;

	b->listed[0] = b->gone[0] = '\0';
	b->is_finished = false;
	err = scan_start(b->scan, full);
	for (int i = 0; i < 50 && !err && !b->is_finished; i++)
		loop_flush(b->loop);
	if (!err && !b->is_finished)
		err = -ETIMEDOUT;
	return err ? err : b->err;
}

static int test_changes(void)
{
	struct bench b = { 0 };
	int err = setup(&b);

	CHECK_OK(err);
	CHECK_OK(pass(&b, false));
	CHECK_STR(b.listed, "forwardedCalls " SPACE " " OTHER " ");
	CHECK_EQ(b.count, 5);
	/* Once more: the clock of the server may not have moved in between. */
	CHECK_OK(pass(&b, false));
	CHECK_STR(b.listed, "forwardedCalls " SPACE " " OTHER " ");
	CHECK_OK(pass(&b, false));
	CHECK_STR(b.listed, "forwardedCalls ");
	b.wanted = SPACE;
	CHECK_OK(pass(&b, false));
	CHECK_STR(b.listed, "forwardedCalls " SPACE " ");
	b.wanted = NULL;
	b.fake.spaces[1].attr.mtime_ns = 2;
	for (int i = 0; i < 2; i++) {
		CHECK_OK(pass(&b, false));
		CHECK_STR(b.listed, "forwardedCalls " OTHER " ");
	}
	CHECK_OK(pass(&b, true));
	CHECK_STR(b.listed, "forwardedCalls " SPACE " " OTHER " ");
	b.fake.space_count = 1;
	CHECK_OK(pass(&b, false));
	CHECK_STR(b.gone, OTHER " ");
out:
	teardown(&b);
	return err;
}

/*
 * What could not be listed is listed in the next pass; nothing counts as gone.
 */
static int test_failure(void)
{
	static const int failures[] = { -ENOTCONN, -EACCES };
	struct bench b = { 0 };
	int err = setup(&b);

	CHECK_OK(err);
	for (int i = 0; i < 3; i++)
		CHECK_OK(pass(&b, false));
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		b.fake.failing = SPACE;
		b.fake.failure = failures[i];
		b.fake.spaces[0].attr.mtime_ns++;
		CHECK_ERR(pass(&b, false), failures[i]);
		b.fake.failing = "spaces";
		CHECK_ERR(pass(&b, false), failures[i]);
		CHECK_STR(b.gone, "");
		b.fake.failing = NULL;
		CHECK_OK(pass(&b, false));
		CHECK_STR(b.listed, "forwardedCalls " SPACE " ");
		CHECK_OK(pass(&b, false));
		CHECK_STR(b.listed, "forwardedCalls ");
	}
out:
	teardown(&b);
	return err;
}

/* A folder that goes between its parent's listing and its own. */
static int test_vanished(void)
{
	struct bench b = { 0 };
	int err = setup(&b);

	CHECK_OK(err);
	b.fake.failing = OTHER;
	b.fake.failure = -ENOENT;
	CHECK_OK(pass(&b, false));
	CHECK_STR(b.gone, OTHER " ");
	CHECK_STR(b.listed, "forwardedCalls " SPACE " ");
	/* The share itself is not gone: that is a failure. */
	b.fake.failing = "";
	CHECK_ERR(pass(&b, false), -ENOENT);
	CHECK_STR(b.gone, "");
out:
	teardown(&b);
	return err;
}

/* Freed with listings and a task under way. */
static int test_free(void)
{
	struct bench b = { 0 };
	int err = setup(&b);

	CHECK_OK(err);
	CHECK_OK(scan_start(b.scan, true));
	CHECK_ERR(scan_start(b.scan, true), -EALREADY);
	loop_flush(b.loop);
	CHECK(scan_is_running(b.scan) || unit_is_oom());
out:
	teardown(&b);
	return err;
}

static const struct unit_test tests[] = {
	{ "what has changed is listed", test_changes, 0 },
	{ "what has failed is listed again", test_failure, 0 },
	{ "a folder that goes is told", test_vanished, 0 },
	{ "freed in the middle of a pass", test_free, 0 },
};
UNIT_MAIN(tests)
