/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/mono.h"
#include "lib/offload.h"
#include "lib/str.h"
#include "uploader/beneath.h"
#include "uploader/hints.h"
#include "uploader/source_ops.h"

enum {
	THREADS = 4,
	RETRY_MS = 5000,       /* between two looks for a missing directory */
	ENTRIES_MAX = 1000000, /* of one folder */
};

struct local {
	struct source base;
	struct offload *disk;
	struct hints *hints; /* NULL: the system gives none */
	struct loop_timer retry;
	char *dir;
	enum source_state state;
	int64_t since_s;
	struct err why;
};

struct local_file {
	struct source_file base;
	int fd;
};

struct local_op {
	struct source_op base;
	struct offload_job job;
	struct local *local;
	struct source_entry *entries; /* SOURCE_LIST */
	size_t count;
	int watch; /* SOURCE_LIST: what inotify calls the folder, or -1 */
};

/* ---- on a helper thread -------------------------------------------------- */

/* The codes of source.h; anything else is -EIO of this file. */
static int translate(int err)
{
	static const int same[] = { ENOENT, EACCES, EISDIR, ENOTDIR,
				    EEXIST, ESTALE, EBUSY,  EROFS,
				    ENOSPC, EPERM,  EIO,    ENOMEM };
	static const struct {
		int from, to;
	} others[] = {
		{ EXDEV, EPERM },   { ELOOP, EPERM },  { ETXTBSY, EBUSY },
		{ EAGAIN, EBUSY },  { EMFILE, EBUSY }, { ENFILE, EBUSY },
		{ EDQUOT, ENOSPC }, { EINTR, EBUSY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(same); i++)
		if (err == -same[i])
			return err;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (err == -others[i].from)
			return -others[i].to;
	return -EIO;
}

static void set_failure(struct local_op *op, int err)
{
	struct source_result *r = &op->base.result;
	const char *path = op->base.path;

	r->err = err_set(&r->why, translate(err), "cannot %s %s/%s: %s",
			 source_verb_text(op->base.verb), op->local->dir,
			 path ? path : "",
			 err == -EXDEV || err == -ELOOP
				 ? "a symbolic link leads out of the directory"
				 : err_str(err));
}

static void attr_from_stat(struct source_attr *attr, const struct stat *st)
{
	attr->is_dir = S_ISDIR(st->st_mode);
	attr->is_file = S_ISREG(st->st_mode);
	attr->size = (uint64_t)st->st_size;
	attr->mtime_ns =
		(int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
	attr->ctime_ns =
		(int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec;
	attr->fileid = st->st_ino;
}

/* The directory anew for each operation: it may be mounted, or come back. */
static int open_root(struct local_op *op)
{
	struct source_result *r = &op->base.result;
	int fd = open(op->local->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		r->err = err_set(&r->why, -ENOTCONN, "cannot open %s: %s",
				 op->local->dir, err_str(-errno));
	return fd;
}

static int add_entry(struct local_op *op, size_t *room, int dir,
		     const char *name)
{
	struct source_entry *entries, *e;
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : -errno;
	if (op->count == ENTRIES_MAX)
		return -EIO;
	if (op->count == *room) {
		*room = *room ? *room * 2 : 32;
		entries = reallocarray(op->entries, *room, sizeof(*entries));
		if (!entries)
			return -ENOMEM;
		op->entries = entries;
	}
	e = &op->entries[op->count];
	e->name = strdup(name);
	if (!e->name)
		return -ENOMEM;
	attr_from_stat(&e->attr, &st);
	op->count++;
	return 0;
}

static int read_entries(struct local_op *op, DIR *dir)
{
	struct dirent *d;
	size_t room = 0;
	int err = 0;

	errno = 0;
	while (!err && (d = readdir(dir))) {
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			err = add_entry(op, &room, dirfd(dir), d->d_name);
		errno = 0;
	}
	return err ? err : -errno;
}

/* The watch comes before the reading, so that nothing falls in between. */
static int run_list(struct local_op *op, int root)
{
	int fd = beneath_open(root, op->base.path, O_RDONLY | O_DIRECTORY);
	DIR *dir;
	int err;

	if (fd < 0)
		return fd;
	op->watch = op->local->hints ? hints_add(op->local->hints, fd) : -1;
	dir = fdopendir(fd);
	if (!dir) {
		err = -errno;
		close(fd);
		return err;
	}
	err = read_entries(op, dir);
	closedir(dir);
	return err;
}

static int run_stat(struct local_op *op, int root)
{
	const char *name;
	struct stat st;
	int dir, err;

	if (!*op->base.path)
		dir = beneath_open(root, "", O_RDONLY | O_DIRECTORY);
	else
		dir = beneath_open_parent(root, op->base.path, &name);
	if (dir < 0)
		return dir;
	if (!*op->base.path)
		err = fstat(dir, &st);
	else
		err = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW);
	err = err ? -errno : 0;
	close(dir);
	if (!err)
		attr_from_stat(&op->base.result.attr, &st);
	return err;
}

/* Not blocking: a FIFO by the name of a recording must not hold a thread. */
static int open_regular(struct local_op *op, int root, int *ret_fd)
{
	int fd = beneath_open(root, op->base.path,
			      O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
	struct stat st;
	int err = 0;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = S_ISDIR(st.st_mode) ? -EISDIR : -EPERM;
	if (err) {
		close(fd);
		return err;
	}
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	attr_from_stat(&op->base.result.attr, &st);
	*ret_fd = fd;
	return 0;
}

static int run_open(struct local_op *op, int root)
{
	struct local_file *file = calloc(1, sizeof(*file));
	int err;

	if (!file)
		return -ENOMEM;
	err = open_regular(op, root, &file->fd);
	if (err) {
		free(file);
		return err;
	}
	file->base.source = op->base.source;
	op->base.result.file = &file->base;
	return 0;
}

/* Where the file system cannot refuse to replace, a look must do. */
static int rename_noreplace(int from, const char *old, int to, const char *new)
{
	struct stat st;

	if (!renameat2(from, old, to, new, RENAME_NOREPLACE))
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (!fstatat(to, new, &st, AT_SYMLINK_NOFOLLOW))
		return -EEXIST;
	if (errno != ENOENT)
		return -errno;
	return renameat(from, old, to, new) ? -errno : 0;
}

static int run_rename(struct local_op *op, int root)
{
	const char *old, *new;
	int from, to, err;

	from = beneath_open_parent(root, op->base.path, &old);
	if (from < 0)
		return from;
	to = beneath_open_parent(root, op->base.to, &new);
	if (to < 0) {
		close(from);
		return to;
	}
	err = rename_noreplace(from, old, to, new);
	/* Best effort: a rename that a crash takes back is found and redone. */
	if (!err)
		fsync(to);
	close(from);
	close(to);
	return err;
}

static int run_may_write(struct local_op *op, int root)
{
	int fd = beneath_open(root, op->base.path, O_PATH | O_DIRECTORY), err;

	if (fd < 0)
		return fd;
	err = faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) ? -errno : 0;
	close(fd);
	return err;
}

static int run_remove(struct local_op *op, int root)
{
	const char *name;
	int dir = beneath_open_parent(root, op->base.path, &name), err;

	if (dir < 0)
		return dir;
	err = unlinkat(dir, name, 0) ? -errno : 0;
	close(dir);
	return err;
}

static int run_pread(struct local_op *op, int fd)
{
	struct source_result *r = &op->base.result;

	while (r->length < op->base.length) {
		ssize_t n = pread(fd, op->base.buffer + r->length,
				  op->base.length - r->length,
				  (off_t)(op->base.offset + r->length));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		r->length += (size_t)n;
	}
	return 0;
}

static int run_fstat(struct local_op *op, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	attr_from_stat(&op->base.result.attr, &st);
	return 0;
}

/* By verb: given the root, or the file for operations on one. */
static int (*const runners[])(struct local_op *op, int fd) = {
	[SOURCE_LIST] = run_list,     [SOURCE_STAT] = run_stat,
	[SOURCE_OPEN] = run_open,     [SOURCE_RENAME] = run_rename,
	[SOURCE_REMOVE] = run_remove, [SOURCE_PREAD] = run_pread,
	[SOURCE_FSTAT] = run_fstat,   [SOURCE_MAY_WRITE] = run_may_write,
};

static void run(struct offload_job *job)
{
	struct local_op *op = list_entry(job, struct local_op, job);
	struct source_file *file = op->base.file;
	int fd, err;

	if (file)
		fd = list_entry(file, struct local_file, base)->fd;
	else
		fd = open_root(op);
	if (fd < 0)
		return;
	err = runners[op->base.verb](op, fd);
	if (!file)
		close(fd);
	if (err)
		set_failure(op, err);
}

/* ---- on the loop --------------------------------------------------------- */

static void set_state(struct local *l, enum source_state state,
		      const struct err *why)
{
	bool is_new = l->state != state;

	l->state = state;
	l->why = *why;
	if (state == SOURCE_DOWN && !loop_timer_is_armed(&l->retry))
		loop_timer_start(&l->retry, RETRY_MS);
	if (!is_new)
		return;
	l->since_s = mono_wall_s();
	if (l->base.changed)
		l->base.changed(l->base.changed_arg, NULL);
}

/* `op` may be gone once it is finished. */
static void done(struct offload_job *job)
{
	struct local_op *op = list_entry(job, struct local_op, job);
	struct local *l = op->local;
	struct source_result *r = &op->base.result;
	bool says_nothing = job->canceled || (r->err && r->err != -ENOTCONN);
	enum source_state state = r->err ? SOURCE_DOWN : SOURCE_READY;
	struct err why = r->why;

	if (job->canceled)
		r->err = -ENOTCONN;
	if (!r->err && op->watch >= 0)
		hints_name(l->hints, op->watch, op->base.path);
	r->entries = op->entries;
	r->entry_count = r->err ? 0 : op->count;
	source_op_finish(&op->base);
	if (!says_nothing)
		set_state(l, state, &why);
}

static void start(struct source_op *base)
{
	struct local_op *op = list_entry(base, struct local_op, base);

	op->local = list_entry(base->source, struct local, base);
	op->watch = -1;
	op->job = (struct offload_job){ .run = run, .done = done };
	offload_submit(op->local->disk, &op->job);
}

static void release(struct source_op *base)
{
	struct local_op *op = list_entry(base, struct local_op, base);

	for (size_t i = 0; i < op->count; i++)
		free(op->entries[i].name);
	free(op->entries);
}

static void close_file(struct source_file *base)
{
	struct local_file *file = list_entry(base, struct local_file, base);

	close(file->fd);
	free(file);
}

static void ignore(void *arg, const struct source_result *result)
{
}

/* A look at the directory tells whether it is there. */
static void probe(struct loop_timer *timer)
{
	struct local *l = list_entry(timer, struct local, retry);

	if (source_stat(&l->base, "", ignore, NULL, NULL))
		loop_timer_start(&l->retry, RETRY_MS);
}

static void on_hint(void *arg, const char *path)
{
	struct local *l = arg;

	if (l->base.changed)
		l->base.changed(l->base.changed_arg, path);
}

static void get_status(const struct source *base,
		       struct source_status *ret_status)
{
	const struct local *l = list_entry(base, struct local, base);

	memset(ret_status, 0, sizeof(*ret_status));
	ret_status->state = l->state;
	ret_status->since_s = l->since_s;
	str_copy(ret_status->where, l->dir, sizeof(ret_status->where));
	if (l->state == SOURCE_DOWN)
		str_copy(ret_status->why, l->why.text, sizeof(ret_status->why));
}

static void local_close(struct source *base)
{
	struct local *l = list_entry(base, struct local, base);

	l->base.changed = NULL;
	offload_free(l->disk);
	loop_timer_release(&l->retry);
	hints_free(l->hints);
	free(l->dir);
	free(l);
}

static const struct source_ops local_ops = {
	.op_size = sizeof(struct local_op),
	.start = start,
	.release = release,
	.close_file = close_file,
	.close = local_close,
	.get_status = get_status,
};

static int make(struct local *l, struct loop *loop, const char *directory)
{
	int err = str_replace(&l->dir, directory);

	err = err ? err : loop_timer_init(&l->retry, loop, probe);
	err = err ? err : offload_new(loop, "upcast-disk", THREADS, &l->disk);
	if (err)
		return err;
	/* Without hints there is still the scan. */
	err = hints_new(loop, on_hint, l, &l->hints);
	if (err == -ENOMEM)
		return err;
	return source_stat(&l->base, "", ignore, NULL, NULL);
}

int source_local_open(struct loop *loop, const char *directory,
		      source_changed_fn *changed, void *arg,
		      struct source **ret, struct err *err)
{
	struct local *l;
	int rc;

	if (directory[0] != '/')
		return err_set(err, -EINVAL,
			       "local_directory must be an absolute path, like "
			       "/srv/recordings");
	l = calloc(1, sizeof(*l));
	if (!l)
		return err_set(err, -ENOMEM, "out of memory");
	source_init(&l->base, &local_ops, loop, changed, arg);
	l->state = SOURCE_CONNECTING;
	l->since_s = mono_wall_s();
	rc = make(l, loop, directory);
	if (rc) {
		source_close(&l->base);
		return err_set(err, rc, "cannot watch %s: %s", directory,
			       err_str(rc));
	}
	*ret = &l->base;
	return 0;
}
