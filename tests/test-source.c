/* SPDX-License-Identifier: MIT */
/*
 * Both sources against real storage: a local directory, and an NFS server that
 * exports the same directory by versions 3 and 4. Every test of what a source
 * must do runs on all three.
 */
#include "uploader/source.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/mono.h"
#include "tests/share.h"
#include "tests/unit.h"

/* ---- on every kind of share ---------------------------------------------- */

static int test_list(void)
{
	int err;

	CHECK_OK(mkdir(share_path("spaces"), 0755));
	CHECK_OK(mkdir(share_path("spaces/a"), 0755));
	CHECK_OK(share_put("spaces/r\xc3\xa9union ?#%20.mp4", "12345"));
	CHECK_OK(share_put("spaces/bad\xff\xfe.mp4", "123"));
	CHECK_OK(share_list("spaces"));
	CHECK_EQ(share.last.entry_count, 3);
	CHECK(strstr(share.last.names, "a/ "));
	CHECK(strstr(share.last.names, "r\xc3\xa9union ?#%20.mp4 "));
	CHECK(strstr(share.last.names, "bad\xff\xfe.mp4 "));
	CHECK_OK(share_stat("spaces/r\xc3\xa9union ?#%20.mp4"));
	CHECK(share.last.attr.is_file && !share.last.attr.is_dir);
	CHECK_EQ(share.last.attr.size, 5);
	CHECK_OK(share_stat("spaces/bad\xff\xfe.mp4"));
	CHECK_EQ(share.last.attr.size, 3);
	CHECK_OK(share_list("spaces/a"));
	CHECK_EQ(share.last.entry_count, 0);
	CHECK_OK(symlink("a", share_path("spaces/link")));
	CHECK_OK(share_list("spaces"));
	CHECK(strstr(share.last.names, "link@ "));
	CHECK_OK(share_list(""));
	CHECK_STR(share.last.names, "spaces/ ");
	CHECK_OK(share_stat(""));
	CHECK(share.last.attr.is_dir);
	CHECK_EQ(share_list("missing"), -ENOENT);
	CHECK(*share.last.why);
	CHECK_EQ(share_list("spaces/bad\xff\xfe.mp4"), -ENOTDIR);
	CHECK_EQ(share_stat("spaces/missing"), -ENOENT);
	err = 0;
out:
	return err;
}

/* What a listing says is fresh, also while nothing comes and goes beside it. */
static int test_growth(void)
{
	int64_t mtime_ns;
	int err;

	CHECK_OK(mkdir(share_path("d"), 0755));
	for (int i = 1; i < 5; i++) {
		FILE *f = fopen(share_path("d/grow.mp4"), "a");

		CHECK(f && fputs("0123456789", f) >= 0);
		fclose(f);
		CHECK_OK(share_list("d"));
		CHECK_STR(share.last.names, "grow.mp4 ");
		CHECK_OK(share_stat("d/grow.mp4"));
		CHECK_EQ(share.last.attr.size, 10 * i);
	}
	mtime_ns = share.last.attr.mtime_ns;
	CHECK(mtime_ns / 1000000000 > mono_wall_s() - 60);
	CHECK(share.last.attr.ctime_ns / 1000000000 > mono_wall_s() - 60);
	CHECK_OK(share_put("d/grow.mp4",
			   "01234567890123456789012345678901234567!!"));
	CHECK_OK(share_stat("d/grow.mp4"));
	CHECK_EQ(share.last.attr.size, 40);
	CHECK(share.last.attr.mtime_ns != mtime_ns);
	err = 0;
out:
	return err;
}

static int test_read(void)
{
	struct source_file *file = NULL;
	int err;

	CHECK_OK(share_put("a.mp4", "hello, world"));
	CHECK_OK(mkdir(share_path("d"), 0755));
	CHECK_OK(symlink("a.mp4", share_path("link.mp4")));
	CHECK_OK(share_open("a.mp4"));
	file = share.last.file;
	CHECK_EQ(share.last.attr.size, 12);
	CHECK_OK(share_pread(file, 0, 5));
	CHECK(share.last.length == 5 && !memcmp(share.last.buffer, "hello", 5));
	CHECK_OK(share_pread(file, 7, 100));
	CHECK(share.last.length == 5 && !memcmp(share.last.buffer, "world", 5));
	CHECK_OK(share_pread(file, 12, 100));
	CHECK_EQ(share.last.length, 0);
	CHECK_OK(share_pread(file, 1ull << 40, 100));
	CHECK_EQ(share.last.length, 0);
	CHECK_OK(share_put("a.mp4", "hello, whole world"));
	CHECK_OK(share_fstat(file));
	CHECK_EQ(share.last.attr.size, 18);
	CHECK_EQ(share_open("missing.mp4"), -ENOENT);
	CHECK_EQ(share_open("d"), -EISDIR);
	CHECK_EQ(share_open("link.mp4"), -EPERM);
	CHECK_EQ(share_open("a.mp4/x"), -ENOTDIR);
	CHECK_OK(share_pread(file, 0, 5));
	err = 0;
out:
	source_close_file(file);
	return err;
}

static int test_read_ahead(void)
{
	enum { SIZE = 9 * SOURCE_READ_MAX + 4321 };
	struct reader *r[2] = { NULL };
	uint64_t at = 0;
	int err;

	CHECK_OK(share_put_big("big.mp4", SIZE));
	for (int i = 0; i < 2; i++) {
		CHECK_OK(share_open("big.mp4"));
		CHECK_OK(reader_new(share.loop, share.last.file, SIZE,
				    4 + 4 * i, share_on_ready, NULL, &r[i]));
	}
	err = share_read_to(r[0], &at, SIZE);
	if (err)
		printf("# %s\n", reader_why(r[0])->text);
	CHECK_OK(err);
	at = 0;
	CHECK_OK(share_read_to(r[1], &at, SIZE));
	err = 0;
out:
	reader_free(r[0]);
	reader_free(r[1]);
	return err;
}

static int test_rename(void)
{
	int err;

	CHECK_OK(share_put("a.mp4", "a"));
	CHECK_OK(share_put("b.mp4", "b"));
	CHECK_EQ(share_rename("a.mp4", "b.mp4"), -EEXIST);
	CHECK(share_holds("a.mp4", "a") && share_holds("b.mp4", "b"));
	CHECK_OK(share_rename("a.mp4", "c\xc3\xa9\xff.mp4"));
	CHECK(share_holds("c\xc3\xa9\xff.mp4", "a"));
	CHECK_EQ(share_rename("a.mp4", "d.mp4"), -ENOENT);
	CHECK_EQ(share_rename("b.mp4", "missing/d.mp4"), -ENOENT);
	CHECK_OK(mkdir(share_path("d"), 0755));
	CHECK_OK(share_rename("b.mp4", "d/b.mp4"));
	CHECK_OK(share_rename("d/b.mp4", "d/B.mp4"));
	CHECK_OK(share_list("d"));
	CHECK_STR(share.last.names, "B.mp4 ");
	CHECK_OK(share_remove("d/B.mp4"));
	CHECK_EQ(share_remove("d/B.mp4"), -ENOENT);
	CHECK_EQ(share_remove("d"), -EISDIR);
	CHECK_OK(share_stat("d"));
	err = 0;
out:
	return err;
}

static int test_many(void)
{
	char name[64];
	int err;

	CHECK_OK(mkdir(share_path("many"), 0755));
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "many/%05d.mp4", i);
		CHECK_OK(share_put(name, ""));
	}
	CHECK_OK(share_list("many"));
	CHECK_EQ(share.last.entry_count, 10000);
	err = 0;
out:
	return err;
}

static int called;

static bool is_called(void)
{
	return called;
}

static void on_call(void *arg, const struct source_result *r)
{
	called++;
	loop_stop(share.loop);
}

/* Everything is taken back at every stage; sanitizers look for what is left. */
static int test_cancel(void)
{
	struct source_op *op[5];
	struct source_file *file;
	int err;

	called = 0;
	CHECK_OK(share_put_big("a.mp4", SOURCE_READ_MAX));
	CHECK_OK(share_open("a.mp4"));
	file = share.last.file;
	for (int i = 0; i < 5; i++)
		CHECK_OK(source_pread(file, 0, malloc(SOURCE_READ_MAX),
				      SOURCE_READ_MAX, on_call, NULL, &op[i]));
	for (int i = 0; i < 5; i++)
		source_cancel(op[i]);
	source_close_file(file);
	CHECK_OK(source_list(share.source, "", on_call, NULL, &op[0]));
	CHECK_OK(source_stat(share.source, "", on_call, NULL, &op[1]));
	CHECK_OK(
		source_open_file(share.source, "a.mp4", on_call, NULL, &op[2]));
	CHECK_OK(source_rename(share.source, "a.mp4", "b.mp4", on_call, NULL,
			       &op[3]));
	CHECK_OK(source_remove(share.source, "c.mp4", on_call, NULL, &op[4]));
	for (int i = 0; i < 4; i++)
		source_cancel(op[i]);
	CHECK_OK(share_list(""));
	CHECK(share_wait(is_called));
	CHECK_EQ(called, 1);
	CHECK_OK(share_open(access(share_path("a.mp4"), F_OK) ? "b.mp4"
							      : "a.mp4"));
	file = share.last.file;
	CHECK_OK(
		source_pread(file, 0, malloc(100), 100, on_call, NULL, &op[0]));
	source_cancel(op[0]);
	source_close_file(file);
	CHECK_OK(source_list(share.source, "", on_call, NULL, NULL));
	CHECK_OK(source_open_file(share.source, "a.mp4", on_call, NULL, NULL));
	err = 0;
out:
	return err;
}

/* Many at once, some in vain: nobody gets what another one asked for. */
static struct {
	struct source_file *file[48];
	int err[48];
	int count;
} opened;

static void on_opened(void *arg, const struct source_result *r)
{
	size_t i = (size_t)(uintptr_t)arg;

	opened.file[i] = r->file;
	opened.err[i] = r->err;
	opened.count++;
	loop_stop(share.loop);
}

static bool all_opened(void)
{
	return opened.count == ARRAY_SIZE(opened.file);
}

static int test_open_many(void)
{
	char name[64], text[64];
	int err;

	memset(&opened, 0, sizeof(opened));
	for (size_t i = 0; i < ARRAY_SIZE(opened.file); i++) {
		snprintf(name, sizeof(name), "%zu.mp4", i);
		if (i % 5)
			CHECK_OK(share_put(name, name));
		if (i % 7 == 0 && i % 5)
			CHECK_OK(chmod(share_path(name), 0));
	}
	for (size_t i = 0; i < ARRAY_SIZE(opened.file); i++) {
		snprintf(name, sizeof(name), "%zu.mp4", i);
		CHECK_OK(source_open_file(share.source, name, on_opened,
					  (void *)(uintptr_t)i, NULL));
	}
	CHECK(share_wait(all_opened));
	for (size_t i = 0; i < ARRAY_SIZE(opened.file); i++) {
		snprintf(text, sizeof(text), "%zu.mp4", i);
		CHECK_EQ(opened.err[i], i % 5 ? 0 : -ENOENT);
		if (opened.err[i])
			continue;
		CHECK_OK(share_pread(opened.file[i], 0, 100));
		CHECK(share.last.length == strlen(text) &&
		      !memcmp(share.last.buffer, text, share.last.length));
	}
	err = 0;
out:
	for (size_t i = 0; i < ARRAY_SIZE(opened.file); i++)
		source_close_file(opened.file[i]);
	return err;
}

/* ---- local only ---------------------------------------------------------- */

static int test_links(void)
{
	int fd, err;

	CHECK_OK(mkdir(share_path("in"), 0755));
	CHECK_OK(share_put("in/a.mp4", "a"));
	CHECK_OK(symlink("/etc", share_path("out")));
	CHECK_OK(symlink("../..", share_path("up")));
	CHECK_OK(symlink("in", share_path("alias")));
	CHECK_EQ(share_list("out"), -EPERM);
	CHECK_EQ(share_list("up"), -EPERM);
	CHECK_EQ(share_open("out/passwd"), -EPERM);
	CHECK_EQ(share_stat("out/passwd"), -EPERM);
	CHECK_EQ(share_remove("up/x"), -EPERM);
	CHECK_EQ(share_list(".."), -EPERM);
	CHECK_OK(share_list("alias"));
	CHECK_OK(mkfifo(share_path("fifo.mp4"), 0600));
	CHECK_EQ(share_open("fifo.mp4"), -EPERM);
	fd = open(share_path("fifo.mp4"), O_RDWR | O_NONBLOCK);
	CHECK_EQ(share_open("fifo.mp4"), -EPERM);
	close(fd);
	err = 0;
out:
	return err;
}

static bool is_hinted(void)
{
	return *share.hint;
}

static int test_hints(void)
{
	int err;

	CHECK_OK(mkdir(share_path("spaces"), 0755));
	CHECK_OK(share_list(""));
	CHECK_OK(share_list("spaces"));
	*share.hint = '\0';
	CHECK_OK(share_put("spaces/a.mp4", "a"));
	CHECK(share_wait(is_hinted));
	CHECK_STR(share.hint, "spaces");
	err = 0;
out:
	return err;
}

static int test_missing(void)
{
	char away[TEMPDIR_MAX + 32];
	int err;

	snprintf(away, sizeof(away), "%s/away", share.server.dir);
	CHECK_OK(rename(share.dir, away));
	CHECK_EQ(share_list(""), -ENOTCONN);
	CHECK(share_is_down());
	CHECK(strstr(share.status.why, "cannot open"));
	CHECK_OK(rename(away, share.dir));
	CHECK(share_wait(share_is_ready));
	CHECK_OK(share_list(""));
	err = 0;
out:
	return err;
}

#define SHARE_ALL(name) SHARE_LOCAL(name) SHARE_NFS(name)

SHARE_ALL(list)
SHARE_ALL(growth)
SHARE_ALL(read)
SHARE_ALL(read_ahead)
SHARE_ALL(rename)
SHARE_ALL(many)
SHARE_ALL(cancel)
SHARE_ALL(open_many)

SHARE_LOCAL(links)
SHARE_LOCAL(hints)
SHARE_LOCAL(missing)

static const struct unit_test tests[] = {
	{ "local: lists and looks", local_list, UNIT_NO_OOM },
	{ "local: sees growth", local_growth, UNIT_NO_OOM },
	{ "local: reads", local_read, UNIT_NO_OOM },
	{ "local: reads ahead", local_read_ahead, UNIT_NO_OOM },
	{ "local: renames, removes", local_rename, UNIT_NO_OOM },
	{ "local: 10000 names", local_many, UNIT_NO_OOM },
	{ "local: takes back", local_cancel, UNIT_NO_OOM },
	{ "local: opens many", local_open_many, UNIT_NO_OOM },
	{ "local: links that lead out", local_links, UNIT_NO_OOM },
	{ "local: hints", local_hints, UNIT_NO_OOM },
	{ "local: a directory that goes and comes", local_missing,
	  UNIT_NO_OOM },
	{ "nfs 3: lists and looks", nfs3_list, UNIT_NO_OOM },
	{ "nfs 3: sees growth", nfs3_growth, UNIT_NO_OOM },
	{ "nfs 3: reads", nfs3_read, UNIT_NO_OOM },
	{ "nfs 3: reads ahead", nfs3_read_ahead, UNIT_NO_OOM },
	{ "nfs 3: renames, removes", nfs3_rename, UNIT_NO_OOM },
	{ "nfs 3: 10000 names", nfs3_many, UNIT_NO_OOM },
	{ "nfs 3: takes back", nfs3_cancel, UNIT_NO_OOM },
	{ "nfs 3: opens many", nfs3_open_many, UNIT_NO_OOM },
	{ "nfs 4: lists and looks", nfs4_list, UNIT_NO_OOM },
	{ "nfs 4: sees growth", nfs4_growth, UNIT_NO_OOM },
	{ "nfs 4: reads", nfs4_read, UNIT_NO_OOM },
	{ "nfs 4: reads ahead", nfs4_read_ahead, UNIT_NO_OOM },
	{ "nfs 4: renames, removes", nfs4_rename, UNIT_NO_OOM },
	{ "nfs 4: 10000 names", nfs4_many, UNIT_NO_OOM },
	{ "nfs 4: takes back", nfs4_cancel, UNIT_NO_OOM },
	{ "nfs 4: opens many", nfs4_open_many, UNIT_NO_OOM },
};
UNIT_MAIN(tests)
