/* SPDX-License-Identifier: MIT */
#include "lib/ctlread.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/mono.h"

bool ctlread_is_id(const char *id)
{
	size_t len = strspn(id, "abcdefghijklmnopqrstuvwxyz"
				"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	return len && len <= CTLREAD_ID_MAX && !id[len] && *id != '.';
}

const char *ctlread_kind(const char *folder)
{
	static const char instance[] = "uploader@";

	if (!strcmp(folder, "streamer"))
		return "calls";
	if (!strcmp(folder, "uploader"))
		return "jobs";
	if (!strncmp(folder, instance, strlen(instance)) &&
	    ctlread_is_id(folder + strlen(instance)))
		return "jobs";
	return NULL;
}

int ctlread_open(int at_fd, const char *path)
{
	int fd = openat(at_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Not O_NOFOLLOW alone: a FIFO would block, hence O_NONBLOCK. */
static int open_file(int dir_fd, const char *name, struct stat *ret_st)
{
	int fd = openat(dir_fd, name,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (fstat(fd, ret_st) || !S_ISREG(ret_st->st_mode)) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}

static int64_t mtime_ns(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

/* One byte more than the size says: a short read is the end. */
static int read_all(int fd, size_t size, struct buf *dst)
{
	size_t want = size + 1, left;
	ssize_t n;
	int err;

	do {
		left = dst->cap - dst->len;
		want = want < left ? want : left;
		err = buf_reserve(dst, want);
		if (err || !want)
			return err;
		n = read(fd, dst->data + dst->len, want);
		if (n < 0)
			return -errno;
		dst->len += (size_t)n;
		dst->data[dst->len] = '\0';
	} while ((size_t)n == want);
	return 0;
}

int ctlread_file(int dir_fd, const char *name, struct buf *dst,
		 struct ctlread_stamp *ret_stamp)
{
	struct stat st;
	int err, fd = open_file(dir_fd, name, &st);

	if (fd < 0)
		return fd;
	if ((uint64_t)st.st_size > dst->cap - dst->len)
		err = -EMSGSIZE;
	else
		err = read_all(fd, (size_t)st.st_size, dst);
	close(fd);
	if (!err && ret_stamp)
		*ret_stamp = (struct ctlread_stamp){ st.st_ino, mtime_ns(&st) };
	return err;
}

int ctlread_snapshot(int dir_fd, const char *name, struct snapshot *ret,
		     struct ctlread_stamp *ret_stamp)
{
	struct buf b;
	int err;

	buf_init(&b, SNAPSHOT_MAX);
	err = ctlread_file(dir_fd, name, &b, ret_stamp);
	if (!err)
		err = snapshot_parse(buf_text(&b), b.len, ret);
	buf_release(&b);
	return err;
}

bool ctlread_is_alive(int dir_fd)
{
	/* A read lock: all that a read-only descriptor may ask about. */
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
	struct stat st;
	int fd = open_file(dir_fd, "lock", &st);
	bool held;

	if (fd < 0)
		return false;
	held = !fcntl(fd, F_OFD_GETLK, &lock) && lock.l_type != F_UNLCK;
	close(fd);
	return held;
}

enum ctlread_status ctlread_status(int dir_fd, int64_t *ret_since_s)
{
	struct stat st;

	*ret_since_s = fstatat(dir_fd, "state", &st, AT_SYMLINK_NOFOLLOW)
			       ? 0
			       : st.st_mtim.tv_sec;
	if (!ctlread_is_alive(dir_fd))
		return CTLREAD_STOPPED;
	return mono_wall_s() - *ret_since_s > CTLREAD_STALE_S ? CTLREAD_HANGING
							      : CTLREAD_RUNNING;
}
