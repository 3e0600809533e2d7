/* SPDX-License-Identifier: MIT */
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_BYTES = 16384 };

/* A file that just fits is told from a larger one by its next byte. */
static int expect_end(int fd)
{
	ssize_t n;
	char more;

	do
		n = read(fd, &more, 1);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n ? -EMSGSIZE : 0;
}

static int read_all(int fd, struct buf *dst)
{
	ssize_t n = 1;
	size_t room;
	int err;

	while (n) {
		room = dst->cap - dst->len;
		if (!room)
			return expect_end(fd);
		room = room < READ_BYTES ? room : READ_BYTES;
		err = buf_reserve(dst, room);
		if (err)
			return err;
		n = read(fd, dst->data + dst->len, room);
		if (n < 0 && errno != EINTR)
			return -errno;
		dst->len += n > 0 ? (size_t)n : 0;
		dst->data[dst->len] = '\0';
	}
	return 0;
}

int file_read(const char *path, struct buf *dst)
{
	/* Not blocking: the name could be a FIFO's. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	size_t start = dst->len;
	struct stat st;
	int err;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = -EINVAL;
	else
		err = read_all(fd, dst);
	close(fd);
	if (err && dst->data) {
		dst->len = start;
		dst->data[start] = '\0';
	}
	return err;
}

/* The folder's part of a path, with its slash; 0 for the working one. */
static size_t dir_length(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) + 1 : 0;
}

int file_draft_open(struct file_draft *d, const char *path)
{
	size_t dir = dir_length(path);

	*d = (struct file_draft){ .fd = -1 };
	d->path = strdup(path);
	if (!d->path || asprintf(&d->temp, "%.*s.%s.XXXXXX", (int)dir, path,
				 path + dir) < 0) {
		d->temp = NULL;
		file_draft_release(d);
		return -ENOMEM;
	}
	d->fd = mkostemp(d->temp, O_CLOEXEC);
	if (d->fd < 0) {
		int err = -errno;

		free(d->temp);
		d->temp = NULL;
		file_draft_release(d);
		return err;
	}
	return 0;
}

int file_draft_write(struct file_draft *d, const void *p, size_t n)
{
	const char *at = p;

	while (n) {
		ssize_t k = write(d->fd, at, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		at += k;
		n -= (size_t)k;
	}
	return 0;
}

/* The new name is durable once its folder is. */
static int sync_dir(char *path)
{
	size_t n = dir_length(path);
	char saved = path[n];
	int fd, err = 0;

	path[n] = '\0';
	fd = open(n ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	path[n] = saved;
	if (fd < 0)
		return -errno;
	if (fsync(fd))
		err = -errno;
	close(fd);
	return err;
}

int file_draft_commit(struct file_draft *d)
{
	if (fsync(d->fd))
		return -errno;
	if (rename(d->temp, d->path))
		return -errno;
	free(d->temp);
	d->temp = NULL;
	return sync_dir(d->path);
}

void file_draft_release(struct file_draft *d)
{
	if (d->fd >= 0)
		close(d->fd);
	if (d->temp)
		unlink(d->temp);
	free(d->temp);
	free(d->path);
	*d = (struct file_draft){ .fd = -1 };
}
