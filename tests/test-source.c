/* SPDX-License-Identifier: MIT */
/*
 * Both sources against real storage: a local directory, and an NFS server that
 * exports the same directory by versions 3 and 4. Every test of what a source
 * must do runs on all three.
 */
#include "uploader/source.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/mono.h"
#include "lib/str.h"
#include "tests/ganesha.h"
#include "tests/unit.h"
#include "uploader/reader.h"
#include "uploader/source_ops.h"

enum kind { LOCAL, NFS3, NFS4 };

enum {
	PATIENCE_MS = 20000, /* then something is broken */
	TIMEOUT_MS = 1000,   /* nfs_timeout */
	LEASE_S = 3,
};

/* The share, what became of it, and the latest answer. */
static struct share {
	enum kind kind;
	struct loop *loop;
	struct loop_timer patience;
	bool is_late;
	struct source *source;
	struct ganesha server;
	const char *dir; /* as the recorder's host sees it */
	struct source_status status;
	int changes;
	char hint[256];
} share;

static struct answer {
	bool is_there;
	int err;
	char why[ERR_TEXT_MAX];
	struct source_attr attr;
	struct source_file *file;
	uint8_t *buffer;
	size_t length;
	size_t entry_count;
	char names[1024]; /* "a b/ c@ ": folders, and neither */
} last;

/* ---- waiting ------------------------------------------------------------- */

static void on_patience(struct loop_timer *timer)
{
	share.is_late = true;
	loop_stop(share.loop);
}

typedef bool done_fn(void);

/* Runs the loop until `done` says so; false: in vain. */
static bool wait_for(done_fn *done)
{
	share.is_late = false;
	loop_timer_start(&share.patience, PATIENCE_MS);
	while (!done() && !share.is_late)
		if (loop_run(share.loop))
			break;
	loop_timer_stop(&share.patience);
	return done();
}

static bool is_ready(void)
{
	return share.status.state == SOURCE_READY;
}

static bool is_down(void)
{
	return share.status.state == SOURCE_DOWN;
}

static bool is_answered(void)
{
	return last.is_there;
}

static bool is_hinted(void)
{
	return *share.hint;
}

static void on_changed(void *arg, const char *path)
{
	share.changes++;
	if (path)
		str_copy(share.hint, path, sizeof(share.hint));
	if (share.source)
		source_get_status(share.source, &share.status);
	loop_stop(share.loop);
}

static void on_answer(void *arg, const struct source_result *r)
{
	char *at = last.names, *end = at + sizeof(last.names);

	last.is_there = true;
	last.err = r->err;
	str_copy(last.why, r->why.text, sizeof(last.why));
	last.attr = r->attr;
	last.file = r->file;
	last.buffer = r->buffer;
	last.length = r->length;
	last.entry_count = r->entry_count;
	*at = '\0';
	for (size_t i = 0; i < r->entry_count && at < end - 300; i++)
		at += snprintf(at, (size_t)(end - at), "%s%s ",
			       r->entries[i].name,
			       r->entries[i].attr.is_dir    ? "/"
			       : r->entries[i].attr.is_file ? ""
							    : "@");
	loop_stop(share.loop);
}

/* Waits for the answer of what has just been started. */
static int answer(int started)
{
	if (started)
		return started;
	return wait_for(is_answered) ? last.err : -ETIME;
}

static void ask(void)
{
	free(last.buffer);
	memset(&last, 0, sizeof(last));
}

static int do_list(const char *dir)
{
	ask();
	return answer(source_list(share.source, dir, on_answer, NULL, NULL));
}

static int do_stat(const char *path)
{
	ask();
	return answer(source_stat(share.source, path, on_answer, NULL, NULL));
}

static int do_open(const char *path)
{
	ask();
	return answer(
		source_open_file(share.source, path, on_answer, NULL, NULL));
}

static int do_rename(const char *from, const char *to)
{
	ask();
	return answer(
		source_rename(share.source, from, to, on_answer, NULL, NULL));
}

static int do_remove(const char *path)
{
	ask();
	return answer(source_remove(share.source, path, on_answer, NULL, NULL));
}

static int do_pread(struct source_file *file, uint64_t offset, size_t n)
{
	uint8_t *buffer = malloc(n);

	ask();
	return answer(
		source_pread(file, offset, buffer, n, on_answer, NULL, NULL));
}

static int do_fstat(struct source_file *file)
{
	ask();
	return answer(source_fstat(file, on_answer, NULL, NULL));
}

/* ---- the share ----------------------------------------------------------- */

static const char *host_path(const char *path)
{
	static char text[2048];

	snprintf(text, sizeof(text), "%s/%s", share.dir, path);
	return text;
}

static int put(const char *path, const char *content)
{
	FILE *f = fopen(host_path(path), "w");

	if (!f)
		return -errno;
	fputs(content, f);
	return fclose(f) ? -errno : 0;
}

static bool holds(const char *path, const char *content)
{
	char text[256] = "";
	FILE *f = fopen(host_path(path), "r");

	if (!f)
		return false;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	return !strcmp(text, content);
}

static int open_source(enum kind kind, struct source **ret)
{
	struct source_nfs_config config = {
		.host = "localhost",
		.directory = "rec",
		.version = kind == NFS3 ? 3 : 4,
		.nfs_port = share.server.port,
		.mount_port = share.server.port + 1,
		.timeout_ms = TIMEOUT_MS,
		.lease_ms = LEASE_S * 1000,
	};
	struct err err = { 0 };
	int rc;

	if (kind == LOCAL)
		rc = source_local_open(share.loop, share.dir, on_changed, NULL,
				       ret, &err);
	else
		rc = source_nfs_open(share.loop, &config, on_changed, NULL, ret,
				     &err);
	if (rc)
		printf("# %s\n", err.text);
	return rc;
}

static int begin(enum kind kind)
{
	int err;

	memset(&share, 0, sizeof(share));
	share.kind = kind;
	err = ganesha_init(&share.server);
	share.server.lease_s = LEASE_S;
	share.dir = share.server.export;
	err = err ? err : loop_new(&share.loop);
	if (err)
		return err;
	return loop_timer_init(&share.patience, share.loop, on_patience);
}

static int start_server(void)
{
	return share.kind == LOCAL ? 0 : ganesha_start(&share.server);
}

static int attach(void)
{
	int err = open_source(share.kind, &share.source);

	if (err)
		return err;
	source_get_status(share.source, &share.status);
	return wait_for(is_ready) ? 0 : -ETIME;
}

static void end(void)
{
	source_close(share.source);
	loop_timer_release(&share.patience);
	loop_free(share.loop);
	ganesha_release(&share.server);
	ask();
}

/* One test on one kind of share; skipped where there is no server. */
static int on(enum kind kind, int (*test)(void))
{
	int err;

	if (kind != LOCAL && !ganesha_is_there()) {
		printf("# SKIP no nfs-ganesha, or not root\n");
		return 0;
	}
	err = begin(kind);
	err = err ? err : start_server();
	err = err ? err : attach();
	if (err)
		unit_report(__FILE__, __LINE__, "no share: %d %s", err,
			    share.status.why);
	else
		err = test();
	end();
	return err;
}

/* ---- on every kind of share ---------------------------------------------- */

static int test_list(void)
{
	int err;

	CHECK_OK(mkdir(host_path("spaces"), 0755));
	CHECK_OK(mkdir(host_path("spaces/a"), 0755));
	CHECK_OK(put("spaces/r\xc3\xa9union ?#%20.mp4", "12345"));
	CHECK_OK(put("spaces/bad\xff\xfe.mp4", "123"));
	CHECK_OK(do_list("spaces"));
	CHECK_EQ(last.entry_count, 3);
	CHECK(strstr(last.names, "a/ "));
	CHECK(strstr(last.names, "r\xc3\xa9union ?#%20.mp4 "));
	CHECK(strstr(last.names, "bad\xff\xfe.mp4 "));
	CHECK_OK(do_stat("spaces/r\xc3\xa9union ?#%20.mp4"));
	CHECK(last.attr.is_file && !last.attr.is_dir);
	CHECK_EQ(last.attr.size, 5);
	CHECK_OK(do_stat("spaces/bad\xff\xfe.mp4"));
	CHECK_EQ(last.attr.size, 3);
	CHECK_OK(do_list("spaces/a"));
	CHECK_EQ(last.entry_count, 0);
	CHECK_OK(symlink("a", host_path("spaces/link")));
	CHECK_OK(do_list("spaces"));
	CHECK(strstr(last.names, "link@ "));
	CHECK_OK(do_list(""));
	CHECK_STR(last.names, "spaces/ ");
	CHECK_OK(do_stat(""));
	CHECK(last.attr.is_dir);
	CHECK_EQ(do_list("missing"), -ENOENT);
	CHECK(*last.why);
	CHECK_EQ(do_list("spaces/bad\xff\xfe.mp4"), -ENOTDIR);
	CHECK_EQ(do_stat("spaces/missing"), -ENOENT);
	err = 0;
out:
	return err;
}

/* What a listing says is fresh, also while nothing comes and goes beside it. */
static int test_growth(void)
{
	int64_t mtime_ns;
	int err;

	CHECK_OK(mkdir(host_path("d"), 0755));
	for (int i = 1; i < 5; i++) {
		FILE *f = fopen(host_path("d/grow.mp4"), "a");

		CHECK(f && fputs("0123456789", f) >= 0);
		fclose(f);
		CHECK_OK(do_list("d"));
		CHECK_STR(last.names, "grow.mp4 ");
		CHECK_OK(do_stat("d/grow.mp4"));
		CHECK_EQ(last.attr.size, 10 * i);
	}
	mtime_ns = last.attr.mtime_ns;
	CHECK(mtime_ns / 1000000000 > mono_wall_s() - 60);
	CHECK(last.attr.ctime_ns / 1000000000 > mono_wall_s() - 60);
	CHECK_OK(put("d/grow.mp4", "01234567890123456789012345678901234567!!"));
	CHECK_OK(do_stat("d/grow.mp4"));
	CHECK_EQ(last.attr.size, 40);
	CHECK(last.attr.mtime_ns != mtime_ns);
	err = 0;
out:
	return err;
}

static int test_read(void)
{
	struct source_file *file = NULL;
	int err;

	CHECK_OK(put("a.mp4", "hello, world"));
	CHECK_OK(mkdir(host_path("d"), 0755));
	CHECK_OK(symlink("a.mp4", host_path("link.mp4")));
	CHECK_OK(do_open("a.mp4"));
	file = last.file;
	CHECK_EQ(last.attr.size, 12);
	CHECK_OK(do_pread(file, 0, 5));
	CHECK(last.length == 5 && !memcmp(last.buffer, "hello", 5));
	CHECK_OK(do_pread(file, 7, 100));
	CHECK(last.length == 5 && !memcmp(last.buffer, "world", 5));
	CHECK_OK(do_pread(file, 12, 100));
	CHECK_EQ(last.length, 0);
	CHECK_OK(do_pread(file, 1ull << 40, 100));
	CHECK_EQ(last.length, 0);
	CHECK_OK(put("a.mp4", "hello, whole world"));
	CHECK_OK(do_fstat(file));
	CHECK_EQ(last.attr.size, 18);
	CHECK_EQ(do_open("missing.mp4"), -ENOENT);
	CHECK_EQ(do_open("d"), -EISDIR);
	CHECK_EQ(do_open("link.mp4"), -EPERM);
	CHECK_EQ(do_open("a.mp4/x"), -ENOTDIR);
	CHECK_OK(do_pread(file, 0, 5));
	err = 0;
out:
	source_close_file(file);
	return err;
}

static uint8_t pattern(uint64_t i)
{
	return (uint8_t)(i ^ i >> 8 ^ i >> 16);
}

static int put_big(const char *path, size_t size)
{
	uint8_t *bytes = malloc(size);
	FILE *f = fopen(host_path(path), "w");
	size_t n = 0;

	for (size_t i = 0; bytes && i < size; i++)
		bytes[i] = pattern(i);
	if (f && bytes)
		n = fwrite(bytes, 1, size, f);
	free(bytes);
	if (!f || fclose(f) || n != size)
		return -EIO;
	return 0;
}

static bool is_woken;

static bool is_awake(void)
{
	return is_woken;
}

static void on_ready(void *arg)
{
	is_woken = true;
	loop_stop(share.loop);
}

/* Reads on to `size`; checks every byte. */
static int read_to(struct reader *r, uint64_t *at, uint64_t size)
{
	static uint8_t piece[60000];

	while (*at < size) {
		ptrdiff_t n;

		is_woken = false;
		n = reader_read(r, piece, sizeof(piece));
		if (n == -EAGAIN && !wait_for(is_awake))
			return -ETIME;
		if (n == -EAGAIN)
			continue;
		if (n <= 0)
			return n ? (int)n : -ENODATA;
		for (ptrdiff_t i = 0; i < n; i++)
			if (piece[i] != pattern((*at)++))
				return -EBADMSG;
	}
	return 0;
}

static int test_read_ahead(void)
{
	enum { SIZE = 9 * SOURCE_READ_MAX + 4321 };
	struct reader *r[2] = { NULL };
	uint64_t at = 0;
	int err;

	CHECK_OK(put_big("big.mp4", SIZE));
	for (int i = 0; i < 2; i++) {
		CHECK_OK(do_open("big.mp4"));
		CHECK_OK(reader_new(share.loop, last.file, SIZE, 4 + 4 * i,
				    on_ready, NULL, &r[i]));
	}
	err = read_to(r[0], &at, SIZE);
	if (err)
		printf("# %s\n", reader_why(r[0])->text);
	CHECK_OK(err);
	at = 0;
	CHECK_OK(read_to(r[1], &at, SIZE));
	err = 0;
out:
	reader_free(r[0]);
	reader_free(r[1]);
	return err;
}

static int test_rename(void)
{
	int err;

	CHECK_OK(put("a.mp4", "a"));
	CHECK_OK(put("b.mp4", "b"));
	CHECK_EQ(do_rename("a.mp4", "b.mp4"), -EEXIST);
	CHECK(holds("a.mp4", "a") && holds("b.mp4", "b"));
	CHECK_OK(do_rename("a.mp4", "c\xc3\xa9\xff.mp4"));
	CHECK(holds("c\xc3\xa9\xff.mp4", "a"));
	CHECK_EQ(do_rename("a.mp4", "d.mp4"), -ENOENT);
	CHECK_EQ(do_rename("b.mp4", "missing/d.mp4"), -ENOENT);
	CHECK_OK(mkdir(host_path("d"), 0755));
	CHECK_OK(do_rename("b.mp4", "d/b.mp4"));
	CHECK_OK(do_rename("d/b.mp4", "d/B.mp4"));
	CHECK_OK(do_list("d"));
	CHECK_STR(last.names, "B.mp4 ");
	CHECK_OK(do_remove("d/B.mp4"));
	CHECK_EQ(do_remove("d/B.mp4"), -ENOENT);
	CHECK_EQ(do_remove("d"), -EISDIR);
	CHECK_OK(do_stat("d"));
	err = 0;
out:
	return err;
}

static int test_many(void)
{
	char name[64];
	int err;

	CHECK_OK(mkdir(host_path("many"), 0755));
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "many/%05d.mp4", i);
		CHECK_OK(put(name, ""));
	}
	CHECK_OK(do_list("many"));
	CHECK_EQ(last.entry_count, 10000);
	err = 0;
out:
	return err;
}

/* libnfs loses a name of 28 bytes with each context. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
	return "leak:nfs4_set_client_name\n";
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
	CHECK_OK(put_big("a.mp4", SOURCE_READ_MAX));
	CHECK_OK(do_open("a.mp4"));
	file = last.file;
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
	CHECK_OK(do_list(""));
	CHECK(wait_for(is_called));
	CHECK_EQ(called, 1);
	CHECK_OK(do_open(access(host_path("a.mp4"), F_OK) ? "b.mp4" : "a.mp4"));
	file = last.file;
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
			CHECK_OK(put(name, name));
		if (i % 7 == 0 && i % 5)
			CHECK_OK(chmod(host_path(name), 0));
	}
	for (size_t i = 0; i < ARRAY_SIZE(opened.file); i++) {
		snprintf(name, sizeof(name), "%zu.mp4", i);
		CHECK_OK(source_open_file(share.source, name, on_opened,
					  (void *)(uintptr_t)i, NULL));
	}
	CHECK(wait_for(all_opened));
	for (size_t i = 0; i < ARRAY_SIZE(opened.file); i++) {
		snprintf(text, sizeof(text), "%zu.mp4", i);
		CHECK_EQ(opened.err[i], i % 5 ? 0 : -ENOENT);
		if (opened.err[i])
			continue;
		CHECK_OK(do_pread(opened.file[i], 0, 100));
		CHECK(last.length == strlen(text) &&
		      !memcmp(last.buffer, text, last.length));
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

	CHECK_OK(mkdir(host_path("in"), 0755));
	CHECK_OK(put("in/a.mp4", "a"));
	CHECK_OK(symlink("/etc", host_path("out")));
	CHECK_OK(symlink("../..", host_path("up")));
	CHECK_OK(symlink("in", host_path("alias")));
	CHECK_EQ(do_list("out"), -EPERM);
	CHECK_EQ(do_list("up"), -EPERM);
	CHECK_EQ(do_open("out/passwd"), -EPERM);
	CHECK_EQ(do_stat("out/passwd"), -EPERM);
	CHECK_EQ(do_remove("up/x"), -EPERM);
	CHECK_EQ(do_list(".."), -EPERM);
	CHECK_OK(do_list("alias"));
	CHECK_OK(mkfifo(host_path("fifo.mp4"), 0600));
	CHECK_EQ(do_open("fifo.mp4"), -EPERM);
	fd = open(host_path("fifo.mp4"), O_RDWR | O_NONBLOCK);
	CHECK_EQ(do_open("fifo.mp4"), -EPERM);
	close(fd);
	err = 0;
out:
	return err;
}

static int test_hints(void)
{
	int err;

	CHECK_OK(mkdir(host_path("spaces"), 0755));
	CHECK_OK(do_list(""));
	CHECK_OK(do_list("spaces"));
	*share.hint = '\0';
	CHECK_OK(put("spaces/a.mp4", "a"));
	CHECK(wait_for(is_hinted));
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
	CHECK_EQ(do_list(""), -ENOTCONN);
	CHECK(is_down());
	CHECK(strstr(share.status.why, "cannot open"));
	CHECK_OK(rename(away, share.dir));
	CHECK(wait_for(is_ready));
	CHECK_OK(do_list(""));
	err = 0;
out:
	return err;
}

#define EVERYWHERE(name)                                                       \
	static int local_##name(void)                                          \
	{                                                                      \
		return on(LOCAL, test_##name);                                 \
	}                                                                      \
	static int nfs3_##name(void)                                           \
	{                                                                      \
		return on(NFS3, test_##name);                                  \
	}                                                                      \
	static int nfs4_##name(void)                                           \
	{                                                                      \
		return on(NFS4, test_##name);                                  \
	}

EVERYWHERE(list)
EVERYWHERE(growth)
EVERYWHERE(read)
EVERYWHERE(read_ahead)
EVERYWHERE(rename)
EVERYWHERE(many)
EVERYWHERE(cancel)
EVERYWHERE(open_many)

#define LOCAL_ONLY(name)                                                       \
	static int local_##name(void)                                          \
	{                                                                      \
		return on(LOCAL, test_##name);                                 \
	}

LOCAL_ONLY(links)
LOCAL_ONLY(hints)
LOCAL_ONLY(missing)

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
