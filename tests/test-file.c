/* SPDX-License-Identifier: MIT */
#include "lib/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit.h"

/* A folder with one file, "old\n". */
struct place {
	char dir[32], path[64];
};

static int place_make(struct place *p)
{
	int fd;

	strcpy(p->dir, "/tmp/test-file.XXXXXX");
	if (!mkdtemp(p->dir))
		return -errno;
	snprintf(p->path, sizeof(p->path), "%s/f", p->dir);
	fd = open(p->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, "old\n", 4) != 4)
		return -errno;
	return close(fd) ? -errno : 0;
}

static void place_remove(struct place *p)
{
	unlink(p->path);
	rmdir(p->dir);
}

static int count_entries(const char *dir)
{
	DIR *d = opendir(dir);
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n - 2;
}

static int check_content(struct place *p, const char *want)
{
	struct buf b;
	int err;

	buf_init(&b, 100);
	CHECK_OK(file_read(p->path, &b));
	CHECK_STR(buf_text(&b), want);
	err = 0;
out:
	buf_release(&b);
	return err;
}

static int test_read(void)
{
	struct place p;
	struct buf b;
	int err;

	buf_init(&b, 4);
	CHECK_OK(place_make(&p));
	CHECK_OK(file_read(p.path, &b));
	CHECK_STR(buf_text(&b), "old\n");
	/* Just full is fine, a byte more is not. */
	CHECK_ERR(file_read(p.path, &b), -EMSGSIZE);
	buf_release(&b);
	buf_init(&b, 3);
	CHECK_ERR(file_read(p.path, &b), -EMSGSIZE);
	CHECK_ERR(file_read(p.dir, &b), -EINVAL);
	CHECK_ERR(file_read("/nonexistent/f", &b), -ENOENT);
	err = 0;
out:
	buf_release(&b);
	place_remove(&p);
	return err;
}

static int test_commit(void)
{
	struct file_draft d = { .fd = -1 };
	struct place p;
	struct stat st;
	int err;

	CHECK_OK(place_make(&p));
	CHECK_OK(file_draft_open(&d, p.path));
	CHECK_OK(file_draft_write(&d, "ne", 2));
	CHECK_OK(file_draft_write(&d, "w\n", 2));
	/* Up to here a power cut finds the old one. */
	CHECK_OK(check_content(&p, "old\n"));
	CHECK_EQ(count_entries(p.dir), 2);
	CHECK_OK(file_draft_commit(&d));
	file_draft_release(&d);
	CHECK_OK(check_content(&p, "new\n"));
	CHECK_EQ(count_entries(p.dir), 1);
	CHECK(!stat(p.path, &st));
	CHECK_EQ(st.st_mode & 07777, 0600);
	err = 0;
out:
	file_draft_release(&d);
	place_remove(&p);
	return err;
}

/* A full disk: the old content stays, nothing lies around. */
static int test_full(void)
{
	struct rlimit old, small = { 2, 2 };
	struct file_draft d = { .fd = -1 };
	struct place p;
	int err;

	CHECK(!getrlimit(RLIMIT_FSIZE, &old));
	small.rlim_max = old.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	CHECK_OK(place_make(&p));
	CHECK_OK(file_draft_open(&d, p.path));
	setrlimit(RLIMIT_FSIZE, &small);
	err = file_draft_write(&d, "new\n", 4);
	setrlimit(RLIMIT_FSIZE, &old);
	CHECK_ERR(err, -EFBIG);
	file_draft_release(&d);
	CHECK_OK(check_content(&p, "old\n"));
	CHECK_EQ(count_entries(p.dir), 1);
	CHECK_ERR(file_draft_open(&d, "/nonexistent/f"), -ENOENT);
	err = 0;
out:
	file_draft_release(&d);
	place_remove(&p);
	return err;
}

static int test_relative(void)
{
	struct file_draft d = { .fd = -1 };
	int cwd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err;
	struct place p;

	CHECK_OK(place_make(&p));
	CHECK(!chdir(p.dir));
	CHECK_OK(file_draft_open(&d, "f"));
	CHECK_OK(file_draft_commit(&d));
	CHECK_OK(check_content(&p, ""));
	err = 0;
out:
	if (fchdir(cwd))
		err = -errno;
	close(cwd);
	file_draft_release(&d);
	place_remove(&p);
	return err;
}

static const struct unit_test tests[] = {
	{ "read up to a bound", test_read, 0 },
	{ "a draft replaces", test_commit, 0 },
	{ "a draft that fails leaves nothing", test_full, 0 },
	{ "in the working directory", test_relative, 0 },
};
UNIT_MAIN(tests)
