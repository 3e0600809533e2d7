/* SPDX-License-Identifier: MIT */
#include "lib/secret.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit.h"

/* A folder of secrets with one file in it. */
struct place {
	char dir[32], program[64], file[96];
};

static int place_make(struct place *p, const void *text, size_t len,
		      mode_t mode)
{
	int fd;

	strcpy(p->dir, "/tmp/test-secret.XXXXXX");
	if (!mkdtemp(p->dir))
		return -errno;
	snprintf(p->program, sizeof(p->program), "%s/uploader", p->dir);
	snprintf(p->file, sizeof(p->file), "%s/rev_password", p->program);
	if (!text)
		return 0;
	if (mkdir(p->program, 0750))
		return -errno;
	fd = open(p->file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, len) != (ssize_t)len || fchmod(fd, mode))
		return -errno;
	return close(fd) ? -errno : 0;
}

/* Fails where something else was left in the folder. */
static int place_remove(struct place *p)
{
	unlink(p->file);
	rmdir(p->program);
	return rmdir(p->dir) ? -errno : 0;
}

static const struct {
	const char *text;
	size_t len;
	mode_t mode;
	int err;
	const char *got;
} files[] = {
	{ "hunter2", 7, 0640, 0, "hunter2" },
	{ "hunter2\n", 8, 0600, 0, "hunter2" },
	{ "hunter2\r\n", 9, 0640, 0, "hunter2" },
	{ " hunter2 \n", 10, 0640, 0, " hunter2 " },
	{ "hunter2\n\n", 9, 0640, -EINVAL, NULL },
	{ "hunter2\nx", 9, 0640, -EINVAL, NULL },
	{ "hunter2\0x", 9, 0640, -EINVAL, NULL },
	{ "", 0, 0640, -EINVAL, NULL },
	{ "\n", 1, 0640, -EINVAL, NULL },
	{ "hunter2", 7, 0644, -EPERM, NULL },
};

static int test_load(void)
{
	struct secret s = { 0 };
	struct place p;
	struct err e;
	int err, got;

	CHECK_STR(secret_text(&s), "");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		CHECK_OK(place_make(&p, files[i].text, files[i].len,
				    files[i].mode));
		CHECK_OK(secret_set(&s, "old"));
		e.text[0] = '\0';
		got = secret_load(p.dir, "uploader", "rev_password", &s, &e);
		place_remove(&p);
		CHECK_ERR(got, files[i].err);
		CHECK_STR(secret_text(&s), got ? "old" : files[i].got);
		CHECK(!strstr(e.text, "hunter2"));
		CHECK(!got || strstr(e.text, "/uploader/rev_password: "));
	}
	err = 0;
out:
	secret_release(&s);
	return err;
}

static int test_limits(void)
{
	char text[SECRET_MAX + 2];
	struct secret s = { 0 };
	struct place p;
	struct err e;
	int err;

	memset(text, 'x', sizeof(text));
	text[SECRET_MAX] = '\n';
	CHECK_OK(place_make(&p, text, SECRET_MAX + 1, 0640));
	CHECK_OK(secret_load(p.dir, "uploader", "rev_password", &s, &e));
	CHECK_EQ(strlen(secret_text(&s)), SECRET_MAX);
	place_remove(&p);
	text[SECRET_MAX] = 'x';
	CHECK_OK(place_make(&p, text, SECRET_MAX + 2, 0640));
	CHECK_ERR(secret_load(p.dir, "uploader", "rev_password", &s, &e),
		  -EMSGSIZE);
	unlink(p.file);
	CHECK_ERR(secret_load(p.dir, "uploader", "rev_password", &s, &e),
		  -ENOENT);
	CHECK_ERR(secret_load(p.dir, "uploader", "../rev_password", &s, &e),
		  -EINVAL);
	CHECK(!mkfifo(p.file, 0600));
	CHECK_ERR(secret_load(p.dir, "uploader", "rev_password", &s, &e),
		  -EINVAL);
	text[sizeof(text) - 1] = '\0';
	CHECK_ERR(secret_set(&s, text), -EMSGSIZE);
	err = 0;
out:
	secret_release(&s);
	place_remove(&p);
	return err;
}

static int test_instance(void)
{
	struct secret s = { 0 };
	struct place p;
	struct err e;
	char own[128] = "";
	int err;

	CHECK_OK(place_make(&p, "plain", 5, 0640));
	snprintf(own, sizeof(own), "%s@ulm", p.file);
	CHECK_OK(secret_load_instance(p.dir, "uploader", "rev_password", NULL,
				      &s, &e));
	CHECK_STR(secret_text(&s), "plain");
	CHECK_OK(secret_load_instance(p.dir, "uploader", "rev_password", "ulm",
				      &s, &e));
	CHECK_STR(secret_text(&s), "plain");
	CHECK_OK(secret_store(p.dir, "uploader", "rev_password@ulm", "ulm's",
			      NULL, &e));
	CHECK_OK(secret_load_instance(p.dir, "uploader", "rev_password", "ulm",
				      &s, &e));
	CHECK_STR(secret_text(&s), "ulm's");
	/* One that cannot be used is no reason to take the other. */
	CHECK(!chmod(own, 0644));
	CHECK_ERR(secret_load_instance(p.dir, "uploader", "rev_password", "ulm",
				       &s, &e),
		  -EPERM);
	err = 0;
out:
	unlink(own);
	secret_release(&s);
	if (place_remove(&p) && !err)
		err = -ENOTEMPTY;
	return err;
}

static int test_store(void)
{
	struct secret s = { 0 };
	struct place p;
	struct stat st;
	struct err e;
	int err;

	CHECK_OK(place_make(&p, NULL, 0, 0));
	CHECK_OK(secret_store(p.dir, "uploader", "rev_password", "first", NULL,
			      &e));
	CHECK_OK(secret_store(p.dir, "uploader", "rev_password", "hunter2",
			      NULL, &e));
	CHECK_OK(secret_load(p.dir, "uploader", "rev_password", &s, &e));
	CHECK_STR(secret_text(&s), "hunter2");
	CHECK(!stat(p.file, &st));
	CHECK_EQ(st.st_mode & 07777, 0640);
	CHECK(!stat(p.program, &st));
	CHECK_EQ(st.st_mode & 07777, 0750);
	CHECK_OK(secret_store(p.dir, "uploader", "rev_password", "x", "root",
			      &e));
	CHECK(!stat(p.file, &st));
	CHECK_EQ(st.st_mode & 07777, 0640);
	CHECK_ERR(secret_store(p.dir, "uploader", "rev_password", "a\nb", NULL,
			       &e),
		  -EINVAL);
	CHECK_ERR(secret_store(p.dir, "uploader", "rev_password", "", NULL, &e),
		  -EINVAL);
	CHECK_ERR(secret_store(p.dir, "uploader", "rev_password", "x",
			       "no-such-group", &e),
		  -ENOENT);
	CHECK_STR(e.text, "there is no group no-such-group");
	err = 0;
out:
	secret_release(&s);
	if (place_remove(&p) && !err)
		err = -ENOTEMPTY;
	return err;
}

static const struct unit_test tests[] = {
	{ "load", test_load, 0 },
	{ "limits and odd files", test_limits, 0 },
	{ "an instance's own", test_instance, 0 },
	{ "store", test_store, 0 },
};
UNIT_MAIN(tests)
