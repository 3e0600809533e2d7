/* SPDX-License-Identifier: MIT */
#include "lib/ctldir.h"

#include <fcntl.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/str.h"
#include "tests/tempdir.h"
#include "tests/unit.h"

/* Reads DIR/name; "" if it is not there. */
static const char *content(const char *dir, const char *name)
{
	static char text[CTLDIR_EVENTS_MAX + 1];
	char path[TEMPDIR_MAX + 300];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static int put_text(struct ctldir *d, const char *id, const char *text)
{
	struct buf b;
	int err;

	buf_init(&b, 4096);
	err = buf_add_str(&b, text);
	if (!err)
		err = id ? ctldir_put_object(d, id, &b)
			 : ctldir_put(d, "state", &b);
	buf_release(&b);
	return err;
}

static int test_put(void)
{
	char top[TEMPDIR_MAX], path[TEMPDIR_MAX + 32];
	struct ctldir *d = NULL;
	struct stat st;
	int err;

	CHECK_OK(tempdir_make(top));
	snprintf(path, sizeof(path), "%s/run/uploader", top);
	CHECK_OK(ctldir_open(path, "jobs", &d, NULL));
	CHECK_OK(put_text(d, NULL, "format=1\n"));
	CHECK_STR(content(path, "state"), "format=1\n");
	CHECK_OK(put_text(d, NULL, "format=1\na=b\n"));
	CHECK_STR(content(path, "state"), "format=1\na=b\n");
	CHECK_OK(put_text(d, "17", "x"));
	CHECK_STR(content(path, "jobs/17"), "x");
	CHECK_ERR(put_text(d, "../state", "x"), -EINVAL);
	CHECK_ERR(put_text(d, ".new", "x"), -EINVAL);
	CHECK_ERR(put_text(d, "", "x"), -EINVAL);
	CHECK_OK(ctldir_remove_object(d, "17"));
	CHECK_OK(ctldir_remove_object(d, "17"));
	CHECK_STR(content(path, "jobs/17"), "");
	CHECK(!stat(path, &st));
	CHECK_EQ(st.st_mode & 07777, 02750);
	err = 0;
out:
	ctldir_close(d);
	tempdir_remove(top);
	return err;
}

static bool keep_even(void *arg, const char *id)
{
	return (id[strlen(id) - 1] - '0') % 2 == 0;
}

static int test_sweep(void)
{
	char top[TEMPDIR_MAX];
	struct ctldir *d = NULL;
	int err;

	CHECK_OK(tempdir_make(top));
	CHECK_OK(ctldir_open(top, "jobs", &d, NULL));
	CHECK_OK(put_text(d, "1", "one"));
	CHECK_OK(put_text(d, "2", "two"));
	CHECK_OK(put_text(d, "e-3", "three"));
	CHECK_OK(ctldir_sweep(d, keep_even, NULL));
	CHECK_STR(content(top, "jobs/1"), "");
	CHECK_STR(content(top, "jobs/2"), "two");
	CHECK_STR(content(top, "jobs/e-3"), "");
	err = 0;
out:
	ctldir_close(d);
	tempdir_remove(top);
	return err;
}

static int test_lock(void)
{
	char top[TEMPDIR_MAX], want[64];
	struct ctldir *d = NULL, *other = NULL;
	struct err why;
	int64_t epoch;
	int err;

	CHECK_OK(tempdir_make(top));
	CHECK_OK(ctldir_open(top, "calls", &d, NULL));
	epoch = ctldir_epoch(d);
	CHECK_ERR(ctldir_open(top, "calls", &other, &why), -EBUSY);
	snprintf(want, sizeof(want), "process %d", (int)getpid());
	CHECK(strstr(why.text, want));
	ctldir_close(d);
	d = NULL;
	/* Within one second, too, the next writer is later. */
	CHECK_OK(ctldir_open(top, "calls", &d, NULL));
	CHECK(ctldir_epoch(d) > epoch);
	err = 0;
out:
	ctldir_close(d);
	ctldir_close(other);
	tempdir_remove(top);
	return err;
}

static int test_events(void)
{
	char top[TEMPDIR_MAX], path[TEMPDIR_MAX + 16], want[128];
	struct ctldir *d = NULL;
	int err, fd;

	CHECK_OK(tempdir_make(top));
	CHECK_OK(ctldir_open(top, "calls", &d, NULL));
	CHECK_OK(ctldir_event(d, "call %d\nis over", 7));
	snprintf(want, sizeof(want), "%lld.1 20", (long long)ctldir_epoch(d));
	CHECK(!strncmp(content(top, "events"), want, strlen(want)));
	CHECK(strstr(content(top, "events"), "Z call 7\\nis over\n"));
	ctldir_close(d);
	d = NULL;
	snprintf(path, sizeof(path), "%s/events", top);
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	CHECK(fd >= 0 && write(fd, "torn", 4) == 4 && !close(fd));
	CHECK_OK(ctldir_open(top, "calls", &d, NULL));
	CHECK_OK(ctldir_event(d, "next"));
	snprintf(want, sizeof(want), "\ntorn\n%lld.1 ",
		 (long long)ctldir_epoch(d));
	CHECK(strstr(content(top, "events"), want));
	err = 0;
out:
	ctldir_close(d);
	tempdir_remove(top);
	return err;
}

static int test_trim(void)
{
	char top[TEMPDIR_MAX];
	struct ctldir *d = NULL;
	const char *text;
	struct stat st;
	size_t lines = 0;
	int err;

	CHECK_OK(tempdir_make(top));
	CHECK_OK(ctldir_open(top, "calls", &d, NULL));
	for (int i = 0; i < 12000; i++)
		CHECK_OK(ctldir_event(d, "number %d %070d", i, i));
	text = content(top, "events");
	CHECK(strlen(text) < CTLDIR_EVENTS_MAX);
	CHECK(strlen(text) > CTLDIR_EVENTS_MAX / 4);
	for (const char *p = text; *p; p = strchr(p, '\n') + 1, lines++) {
		char start[32];

		snprintf(start, sizeof(start), "%lld.",
			 (long long)ctldir_epoch(d));
		CHECK(!strncmp(p, start, strlen(start)));
		CHECK(strchr(p, '\n'));
	}
	CHECK(lines > 4000 && strstr(text, " number 11999 "));
	CHECK(!strstr(text, " number 0 "));
	err = stat(top, &st);
out:
	ctldir_close(d);
	tempdir_remove(top);
	return err;
}

/* A limit of the file size stands for a full file system. */
static int fill(const char *top)
{
	struct ctldir *d = NULL;
	struct rlimit limit = { .rlim_cur = 100, .rlim_max = 100 };
	char old[512];
	int err;

	CHECK_OK(ctldir_open(top, "calls", &d, NULL));
	CHECK_OK(ctldir_event(d, "first"));
	CHECK_OK(put_text(d, "1", "before"));
	str_copy(old, content(top, "events"), sizeof(old));
	signal(SIGXFSZ, SIG_IGN);
	CHECK(!setrlimit(RLIMIT_FSIZE, &limit));
	CHECK_ERR(ctldir_event(d, "%0200d", 1), -EFBIG);
	CHECK_STR(content(top, "events"), old);
	CHECK_OK(put_text(d, "1", "short"));
	snprintf(old, sizeof(old), "%0200d", 1);
	CHECK_ERR(put_text(d, "1", old), -EFBIG);
	CHECK(strcmp(content(top, "calls/1"), old));
	CHECK_STR(content(top, "calls/.new"), "");
	err = 0;
out:
	ctldir_close(d);
	return err;
}

static int test_full(void)
{
	char top[TEMPDIR_MAX];
	int err, status = 1;
	pid_t pid;

	CHECK_OK(tempdir_make(top));
	pid = fork();
	if (!pid)
		_exit(fill(top) != 0);
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	CHECK_EQ(status, 0);
	err = 0;
out:
	tempdir_remove(top);
	return err;
}

static const struct unit_test tests[] = {
	{ "files are put and removed", test_put, 0 },
	{ "what a crash left is swept", test_sweep, 0 },
	{ "one writer, later than the last", test_lock, 0 },
	{ "events are lines", test_events, 0 },
	{ "events are trimmed", test_trim, UNIT_NO_OOM },
	{ "a full file system breaks nothing", test_full, UNIT_NO_OOM },
};
UNIT_MAIN(tests)
