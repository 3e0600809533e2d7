/* SPDX-License-Identifier: MIT */
#include "lib/ctldir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/ctlread.h"
#include "lib/mono.h"
#include "lib/str.h"

/* Names with a dot in front are not for readers. */
static const char temp_name[] = ".new";

struct ctldir {
	int dir_fd, object_fd, lock_fd, events_fd;
	int64_t epoch;
	uint64_t seq;	    /* of the last event */
	off_t events_bytes; /* length of `events` */
};

/*
 * Makes one folder unless it is there. Set-group-id hands the group on to the
 * files, since the daemon need not be a member of it to be given it.
 */
static int make_dir(const char *path, char *slash)
{
	const char *parent = slash == path ? "/" : path;
	struct stat st;
	char c = *slash;

	*slash = '\0';
	if (stat(parent, &st))
		st.st_gid = (gid_t)-1;
	*slash = c;
	if (mkdir(path, 0750))
		return errno == EEXIST ? 0 : -errno;
	/* Without the right to give the group away ours has to do. */
	if (chown(path, (uid_t)-1, st.st_gid) && errno != EPERM)
		return -errno;
	if (stat(path, &st))
		return -errno;
	/* Below such a folder it is there already; RestrictSUIDSGID= of
	 * systemd.exec(5) forbids to ask for it. */
	if ((st.st_mode & 07777) == 02750)
		return 0;
	return chmod(path, 02750) ? -errno : 0;
}

static int make_dirs(const char *path)
{
	char *copy = strdup(path), *slash, *next;
	int err = 0;

	if (!copy)
		return -ENOMEM;
	for (slash = strchr(copy, '/'); slash && slash[1] && !err;
	     slash = next) {
		next = strchr(slash + 1, '/');
		if (next)
			*next = '\0';
		err = make_dir(copy, slash);
		if (next)
			*next = '/';
	}
	free(copy);
	return err;
}

static int open_dir(int at, const char *path, int *ret_fd)
{
	*ret_fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret_fd < 0 ? -errno : 0;
}

/* The holder's pid and epoch, as take_lock() wrote them; 0 0 if it is new. */
static void read_lock(int fd, int *ret_pid, int64_t *ret_epoch)
{
	char text[64];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	long long epoch = 0;

	*ret_pid = 0;
	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, "%d %lld", ret_pid, &epoch) != 2 || epoch < 0)
		epoch = 0;
	*ret_epoch = epoch;
}

static int write_lock(int fd, int64_t epoch)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%d %lld\n", (int)getpid(),
			 (long long)epoch);

	if (pwrite(fd, text, (size_t)n, 0) != n || ftruncate(fd, n))
		return errno ? -errno : -EIO;
	return 0;
}

static int take_lock(struct ctldir *d, const char *path, struct err *err)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int64_t before, now = mono_wall_s();
	int pid;

	d->lock_fd = openat(d->dir_fd, "lock",
			    O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (d->lock_fd < 0)
		return err_set(err, -errno, "%s/lock: %s", path,
			       err_str(-errno));
	read_lock(d->lock_fd, &pid, &before);
	if (fcntl(d->lock_fd, F_OFD_SETLK, &lock)) {
		if (errno != EAGAIN && errno != EACCES)
			return err_set(err, -errno, "%s/lock: %s", path,
				       err_str(-errno));
		return err_set(err, -EBUSY,
			       "%s is in use by the running process %d", path,
			       pid);
	}
	d->epoch = now > before ? now : before + 1;
	return write_lock(d->lock_fd, d->epoch);
}

static int open_events(struct ctldir *d)
{
	struct stat st;
	char last;

	d->events_fd = openat(
		d->dir_fd, "events",
		O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (d->events_fd < 0 || fstat(d->events_fd, &st))
		return -errno;
	d->events_bytes = st.st_size;
	/* A line that a crash cut short must not swallow the next one. */
	if (st.st_size && pread(d->events_fd, &last, 1, st.st_size - 1) == 1 &&
	    last != '\n' && write(d->events_fd, "\n", 1) == 1)
		d->events_bytes++;
	return 0;
}

static int open_files(struct ctldir *d, const char *path, const char *kind,
		      struct err *err)
{
	char *objects = NULL;
	int code;

	if (asprintf(&objects, "%s/%s", path, kind) < 0)
		return err_set(err, -ENOMEM, "%s: out of memory", path);
	code = make_dirs(objects);
	if (!code)
		code = open_dir(AT_FDCWD, path, &d->dir_fd);
	if (!code)
		code = open_dir(d->dir_fd, kind, &d->object_fd);
	free(objects);
	if (code)
		return err_set(err, code, "%s: %s", path, err_str(code));
	code = take_lock(d, path, err);
	/* A full file system is no reason not to start. */
	if (code && code != -ENOSPC && code != -EDQUOT)
		return code;
	code = open_events(d);
	if (code)
		return err_set(err, code, "%s/events: %s", path, err_str(code));
	return 0;
}

int ctldir_open(const char *path, const char *kind, struct ctldir **ret,
		struct err *err)
{
	struct ctldir *d = calloc(1, sizeof(*d));
	int code;

	if (!d)
		return err_set(err, -ENOMEM, "%s: out of memory", path);
	d->dir_fd = d->object_fd = d->lock_fd = d->events_fd = -1;
	code = open_files(d, path, kind, err);
	if (code) {
		ctldir_close(d);
		return code;
	}
	*ret = d;
	return 0;
}

void ctldir_close(struct ctldir *d)
{
	if (!d)
		return;
	if (d->events_fd >= 0)
		close(d->events_fd);
	if (d->object_fd >= 0)
		close(d->object_fd);
	if (d->dir_fd >= 0)
		close(d->dir_fd);
	/* Last: with it goes the lock. */
	if (d->lock_fd >= 0)
		close(d->lock_fd);
	free(d);
}

int64_t ctldir_epoch(const struct ctldir *d)
{
	return d->epoch;
}

static int write_all(int fd, const void *p, size_t n)
{
	const char *at = p;

	while (n) {
		ssize_t done = write(fd, at, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		at += done;
		n -= (size_t)done;
	}
	return 0;
}

/* No fsync: the folder is on a tmpfs, and nothing in it outlives the host. */
static int write_beside(int dir_fd, const char *name, const void *p, size_t n)
{
	int err, fd = openat(dir_fd, temp_name,
			     O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC |
				     O_NOFOLLOW,
			     0640);

	if (fd < 0)
		return -errno;
	err = write_all(fd, p, n);
	if (close(fd) && !err)
		err = -errno;
	if (!err && renameat(dir_fd, temp_name, dir_fd, name))
		err = -errno;
	if (err)
		unlinkat(dir_fd, temp_name, 0);
	return err;
}

int ctldir_put(struct ctldir *d, const char *name, const struct buf *content)
{
	return write_beside(d->dir_fd, name, content->data, content->len);
}

int ctldir_put_object(struct ctldir *d, const char *id,
		      const struct buf *content)
{
	if (!ctlread_is_id(id))
		return -EINVAL;
	return write_beside(d->object_fd, id, content->data, content->len);
}

int ctldir_get_object(struct ctldir *d, const char *id, struct snapshot *ret)
{
	return ctlread_is_id(id) ? ctlread_snapshot(d->object_fd, id, ret, NULL)
				 : -EINVAL;
}

int ctldir_remove_object(struct ctldir *d, const char *id)
{
	if (!ctlread_is_id(id))
		return -EINVAL;
	if (unlinkat(d->object_fd, id, 0) && errno != ENOENT)
		return -errno;
	return 0;
}

int ctldir_sweep(struct ctldir *d, ctldir_keep_fn *keep, void *arg)
{
	int fd, err = 0, code = open_dir(d->object_fd, ".", &fd);
	struct dirent *e;
	DIR *dir;

	if (code)
		return code;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	while ((e = readdir(dir))) {
		bool temp = !strcmp(e->d_name, temp_name);

		if (!temp &&
		    (!ctlread_is_id(e->d_name) || keep(arg, e->d_name)))
			continue;
		if (unlinkat(d->object_fd, e->d_name, 0) && errno != ENOENT)
			err = -errno;
	}
	closedir(dir);
	return err;
}

/* Replaces `events` with the whole lines of its second half. */
static int trim_events(struct ctldir *d)
{
	size_t n = CTLDIR_EVENTS_MAX / 2;
	char *half = malloc(n), *start;
	ssize_t got;
	int err = -EIO, fd;

	if (!half)
		return -ENOMEM;
	got = pread(d->events_fd, half, n, d->events_bytes - (off_t)n);
	start = got > 0 ? memchr(half, '\n', (size_t)got) : NULL;
	if (start)
		err = write_beside(d->dir_fd, "events", start + 1,
				   (size_t)(half + got - start - 1));
	free(half);
	if (err)
		return err;
	fd = d->events_fd;
	err = open_events(d);
	if (err)
		d->events_fd = fd;
	else
		close(fd);
	return err;
}

/* A line is whole in the file or not there at all. */
static int append_event(struct ctldir *d, const struct buf *line)
{
	int err;

	if (d->events_bytes + (off_t)line->len > CTLDIR_EVENTS_MAX) {
		err = trim_events(d);
		if (err)
			return err;
	}
	err = write_all(d->events_fd, line->data, line->len);
	if (!err)
		d->events_bytes += (off_t)line->len;
	else if (ftruncate(d->events_fd, d->events_bytes))
		return -errno;
	return err;
}

static int format_event(struct ctldir *d, const char *text, struct buf *line)
{
	char now[STR_TIME_SIZE];
	int err;

	str_format_time(mono_wall_s(), now);
	err = buf_printf(line, "%lld.%llu %s ", (long long)d->epoch,
			 (unsigned long long)d->seq + 1, now);
	if (!err)
		err = str_escape(line, text);
	return err ? err : buf_add_str(line, "\n");
}

int ctldir_event(struct ctldir *d, const char *fmt, ...)
{
	/* With each byte escaped (four for one) and what is before it. */
	char text[(CTLDIR_EVENT_LINE - 128) / 4];
	struct buf line;
	va_list ap;
	int err;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_init(&line, CTLDIR_EVENT_LINE);
	err = format_event(d, text, &line);
	if (!err)
		err = append_event(d, &line);
	if (!err)
		d->seq++;
	buf_release(&line);
	return err;
}
