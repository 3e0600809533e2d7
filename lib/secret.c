/* SPDX-License-Identifier: MIT */
#include "lib/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"

/* The secret, its line end, a byte that shows it to be too long, and a NUL. */
enum { PAGE_BYTES = SECRET_MAX + 4, GROUP_BYTES = 16384 };

static char *map_pages(void)
{
	void *p = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	/* Both are a favour of the kernel; without them it works, too. */
	madvise(p, PAGE_BYTES, MADV_DONTDUMP);
	mlock(p, PAGE_BYTES);
	return p;
}

static void unmap_pages(char *p)
{
	explicit_bzero(p, PAGE_BYTES);
	munmap(p, PAGE_BYTES);
}

void secret_release(struct secret *s)
{
	if (s->text)
		unmap_pages(s->text);
	s->text = NULL;
}

const char *secret_text(const struct secret *s)
{
	return s->text ? s->text : "";
}

int secret_set(struct secret *s, const char *text)
{
	size_t n = strlen(text);
	char *copy;

	if (n > SECRET_MAX)
		return -EMSGSIZE;
	copy = map_pages();
	if (!copy)
		return -ENOMEM;
	memcpy(copy, text, n + 1);
	secret_release(s);
	s->text = copy;
	return 0;
}

/* A name becomes a part of a path: no slash, no dot at its start. */
static bool is_name(const char *s)
{
	return *s && *s != '.' && !strchr(s, '/');
}

static int format_path(const char *dir, const char *program, const char *name,
		       char **ret_path)
{
	if (!is_name(program) || !is_name(name))
		return -EINVAL;
	return asprintf(ret_path, "%s/%s/%s", dir, program, name) < 0 ? -ENOMEM
								      : 0;
}

static int check_file(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st))
		return err_set(err, -errno, "%s: %s", path, err_str(-errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "%s: not a plain file", path);
	if (st.st_mode & 0006)
		return err_set(err, -EPERM,
			       "%s: everyone may read or change it; chmod 0640 "
			       "it, and set a new secret",
			       path);
	return 0;
}

/* Straight to its pages: no other buffer sees it. */
static ssize_t read_text(int fd, char *dst)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, dst + len, PAGE_BYTES - 1 - len);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			len += (size_t)n;
	} while (n && len < PAGE_BYTES - 1);
	return (ssize_t)len;
}

static int check_text(const char *text, size_t len, const char *path,
		      struct err *err)
{
	if (!len)
		return err_set(err, -EINVAL, "%s: empty", path);
	if (len > SECRET_MAX)
		return err_set(err, -EMSGSIZE, "%s: longer than %d bytes", path,
			       SECRET_MAX);
	if (memchr(text, '\0', len) || memchr(text, '\n', len) ||
	    memchr(text, '\r', len))
		return err_set(err, -EINVAL,
			       "%s: more than one line, or a NUL byte in it; "
			       "the file holds the secret and nothing else",
			       path);
	return 0;
}

static int read_secret(int fd, const char *path, char *dst, struct err *err)
{
	ssize_t n = read_text(fd, dst);

	if (n < 0)
		return err_set(err, (int)n, "%s: cannot be read: %s", path,
			       err_str((int)n));
	if (n && dst[n - 1] == '\n')
		n--;
	if (n && dst[n - 1] == '\r')
		n--;
	dst[n] = '\0';
	return check_text(dst, (size_t)n, path, err);
}

static int load_path(const char *path, struct secret *ret, struct err *err)
{
	struct secret s = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int e;

	if (fd < 0)
		return err_set(err, -errno, "%s: cannot be read: %s", path,
			       err_str(-errno));
	e = check_file(fd, path, err);
	if (!e) {
		s.text = map_pages();
		e = s.text ? read_secret(fd, path, s.text, err) : -ENOMEM;
	}
	close(fd);
	if (e) {
		secret_release(&s);
		return e;
	}
	secret_release(ret);
	*ret = s;
	return 0;
}

int secret_load(const char *dir, const char *program, const char *name,
		struct secret *ret, struct err *err)
{
	char *path = NULL;
	int e = format_path(dir, program, name, &path);

	if (e)
		return err_set(err, e, "secret %s: %s", name, err_str(e));
	e = load_path(path, ret, err);
	free(path);
	return e;
}

int secret_load_instance(const char *dir, const char *program, const char *name,
			 const char *instance, struct secret *ret,
			 struct err *err)
{
	char own[NAME_MAX + 1];
	int n, e;

	if (!instance)
		return secret_load(dir, program, name, ret, err);
	n = snprintf(own, sizeof(own), "%s@%s", name, instance);
	if ((size_t)n >= sizeof(own))
		return err_set(err, -EINVAL, "secret %s: the name is too long",
			       name);
	e = secret_load(dir, program, own, ret, err);
	return e == -ENOENT ? secret_load(dir, program, name, ret, err) : e;
}

/* The numeric id of a group; NULL: as it is. */
static int find_group(const char *name, gid_t *ret_gid, struct err *err)
{
	struct group group, *found = NULL;
	char *text;
	int e;

	*ret_gid = (gid_t)-1;
	if (!name)
		return 0;
	text = malloc(GROUP_BYTES);
	if (!text)
		return -ENOMEM;
	e = -getgrnam_r(name, &group, text, GROUP_BYTES, &found);
	if (found)
		*ret_gid = found->gr_gid;
	free(text);
	if (found)
		return 0;
	return err_set(err, e ? e : -ENOENT, "there is no group %s", name);
}

static int make_folder(const char *dir, const char *program, gid_t gid,
		       struct err *err)
{
	char *path;
	int e = 0;

	if (asprintf(&path, "%s/%s", dir, program) < 0)
		return -ENOMEM;
	if (!mkdir(path, 0750)) {
		if (chmod(path, 0750) || (!geteuid() && chown(path, 0, gid)))
			e = -errno;
	} else if (errno != EEXIST) {
		e = -errno;
	}
	if (e)
		err_set(err, e, "%s: cannot be made: %s", path, err_str(e));
	free(path);
	return e;
}

static int store_path(const char *path, const char *text, gid_t gid)
{
	struct file_draft d;
	int err = file_draft_open(&d, path);

	if (err)
		return err;
	err = file_draft_write(&d, text, strlen(text));
	if (!err && !geteuid() && fchown(d.fd, 0, gid))
		err = -errno;
	if (!err && fchmod(d.fd, 0640))
		err = -errno;
	if (!err)
		err = file_draft_commit(&d);
	file_draft_release(&d);
	return err;
}

int secret_store(const char *dir, const char *program, const char *name,
		 const char *text, const char *group, struct err *err)
{
	char *path = NULL;
	gid_t gid;
	int e = format_path(dir, program, name, &path);

	if (e)
		return err_set(err, e, "secret %s: %s", name, err_str(e));
	e = check_text(text, strlen(text), path, err);
	if (!e)
		e = find_group(group, &gid, err);
	if (!e)
		e = make_folder(dir, program, gid, err);
	if (!e) {
		e = store_path(path, text, gid);
		if (e)
			err_set(err, e, "%s: cannot be written: %s", path,
				err_str(e));
	}
	free(path);
	return e;
}
