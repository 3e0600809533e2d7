/* SPDX-License-Identifier: MIT */
#include "uploader/nfs_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/mono.h"
#include "lib/str.h"
#include "uploader/nfs_compat.h"

/*
 * An operation is a row of steps, each a call of libnfs and what is done with
 * its answer. libnfs calls back from inside its service or, at once, from the
 * call itself; so a failure is only noted there, and sorted when we are out
 * again and know whether the connection has survived it.
 */
enum verdict { NEXT_STEP, SAME_STEP, BROKEN };

struct step {
	/* 0, or negative: libnfs could not take it. */
	int (*start)(struct nfs_op *op);
	enum verdict (*take)(struct nfs_op *op, int n, void *data);
};

static void on_answer(int err, struct nfs_context *nfs, void *data,
		      void *private);

/* libnfs wants "/" before what is relative to the export. */
static char *full_path(const char *path)
{
	size_t n = strlen(path);
	char *full = malloc(n + 2);

	if (full) {
		full[0] = '/';
		memcpy(full + 1, path, n + 1);
	}
	return full;
}

/* Starts a call of libnfs that takes one path. */
static int with_path(struct nfs_op *op, const char *path,
		     int (*call)(struct nfs_context *nfs, const char *path,
				 nfs_cb done, void *arg))
{
	char *full = full_path(path);
	int err;

	if (!full)
		return -ENOMEM;
	err = call(op->session->nfs, full, on_answer, op);
	free(full);
	return err;
}

static struct nfs_file *file_of(struct nfs_op *op)
{
	struct source_file *file = op->base.file ? op->base.file
						 : op->base.result.file;

	return list_entry(file, struct nfs_file, base);
}

/* ---- attributes ---------------------------------------------------------- */

static int64_t time_ns(uint64_t s, uint64_t ns)
{
	return (int64_t)(s * 1000000000 + ns);
}

static void set_kind(struct source_attr *attr, uint64_t mode)
{
	attr->is_dir = S_ISDIR((mode_t)mode);
	attr->is_file = S_ISREG((mode_t)mode);
}

static enum verdict take_attr(struct nfs_op *op, int n, void *data)
{
	const struct nfs_stat_64 *st = data;
	struct source_attr *attr = &op->base.result.attr;

	set_kind(attr, st->nfs_mode);
	attr->size = st->nfs_size;
	attr->mtime_ns = time_ns(st->nfs_mtime, st->nfs_mtime_nsec);
	attr->ctime_ns = time_ns(st->nfs_ctime, st->nfs_ctime_nsec);
	attr->fileid = st->nfs_ino;
	return NEXT_STEP;
}

static int start_lstat(struct nfs_op *op)
{
	return with_path(op, op->base.path, nfs_lstat64_async);
}

static int start_fstat(struct nfs_op *op)
{
	return nfs_fstat64_async(op->session->nfs, file_of(op)->handle->fh,
				 on_answer, op);
}

/* ---- list ---------------------------------------------------------------- */

static int start_list(struct nfs_op *op)
{
	struct nfs_session *s = op->session;

	s->list_count++;
	op->list_mark = nfs_session_other_bytes(s);
	return with_path(op, op->base.path, nfs_opendir_async);
}

static bool is_name(const char *name)
{
	return name && *name && !strchr(name, '/') && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0;
}

/* Version 4 of libnfs 4.0 leaves the inode number unset. */
static void set_entry(struct source_entry *e, struct nfsdirent *d, int version)
{
	e->name = d->name;
	set_kind(&e->attr, d->mode);
	e->attr.size = d->size;
	e->attr.mtime_ns = time_ns((uint64_t)d->mtime.tv_sec, d->mtime_nsec);
	e->attr.ctime_ns = time_ns((uint64_t)d->ctime.tv_sec, d->ctime_nsec);
	e->attr.fileid = version == 4 ? 0 : d->inode;
}

/* The names stay libnfs's, until the operation is freed. */
static enum verdict take_list(struct nfs_op *op, int n, void *data)
{
	struct nfs_context *nfs = op->session->nfs;
	struct source_result *r = &op->base.result;
	struct nfsdirent *d;
	size_t count = 0;

	op->dir = data;
	while (nfs_readdir(nfs, op->dir))
		count++;
	nfs_rewinddir(nfs, op->dir);
	op->entries = calloc(count ? count : 1, sizeof(*op->entries));
	if (!op->entries) {
		r->err = -ENOMEM;
		return NEXT_STEP;
	}
	count = 0;
	while ((d = nfs_readdir(nfs, op->dir)))
		if (is_name(d->name))
			set_entry(&op->entries[count++], d,
				  op->session->version);
	r->entries = op->entries;
	r->entry_count = count;
	return NEXT_STEP;
}

/* ---- open ---------------------------------------------------------------- */

static enum verdict take_kind(struct nfs_op *op, int n, void *data)
{
	struct source_attr *attr = &op->base.result.attr;

	take_attr(op, n, data);
	if (!attr->is_file)
		op->base.result.err = attr->is_dir ? -EISDIR : -EPERM;
	return NEXT_STEP;
}

static void fail_start(struct nfs_op *op);
static void note_failure(struct nfs_op *op, int err, const char *text);
static void advance(struct nfs_op *op);

/* Opens no longer count here: another session is to do it. */
static void send_elsewhere(struct nfs_op *op)
{
	struct nfs_session *s = op->session;

	list_del(&op->node);
	op->session = NULL;
	s->calls.again(s->calls.arg, op);
}

static void go_open(struct nfs_turn *turn)
{
	struct nfs_op *op = container_of(turn, struct nfs_op, turn);
	struct nfs_session *s = op->session;
	struct nfs_handle *shared =
		nfs_file_find(s, op->base.result.attr.fileid);
	char *full;
	int err = -ENOMEM;

	if (shared) {
		s->is_turn_taken = false;
		if (nfs_file_add(op, shared))
			note_failure(op, -EINTR, "out of memory");
		else
			advance(op);
		return;
	}
	if (s->version == 4 && s->has_failed_open) {
		s->is_turn_taken = false;
		send_elsewhere(op);
		return;
	}
	op->step_ms = mono_ms();
	full = full_path(op->base.path);
	if (full)
		err = nfs_open_async(s->nfs, full, O_RDONLY | O_NOFOLLOW,
				     on_answer, op);
	free(full);
	if (err)
		fail_start(op);
}

static int start_open(struct nfs_op *op)
{
	op->turn.go = go_open;
	nfs_turn_take(op->session, &op->turn);
	return 0;
}

/* Where memory is short the handle waits for the end of the session. */
static enum verdict take_open(struct nfs_op *op, int n, void *data)
{
	struct nfs_session *s = op->session;
	struct nfs_handle *h = calloc(1, sizeof(*h));

	if (!h)
		return BROKEN;
	h->session = s;
	h->fh = data;
	h->fileid = op->base.result.attr.fileid;
	list_init(&h->turn.node);
	list_add_tail(&s->handles, &h->node);
	s->renewed_ms = op->step_ms;
	return nfs_file_add(op, h) ? BROKEN : NEXT_STEP;
}

/* ---- read ---------------------------------------------------------------- */

static int start_read(struct nfs_op *op)
{
	struct source_op *b = &op->base;
	size_t got = b->result.length;

	return nfs_compat_pread(op->session->nfs, file_of(op)->handle->fh,
				b->buffer + got, b->length - got,
				b->offset + got, on_answer, op);
}

/* Version 4 answers with what the server likes to give at a time. */
static enum verdict take_read(struct nfs_op *op, int n, void *data)
{
	struct source_op *b = &op->base;
	size_t left = b->length - b->result.length;

	if ((size_t)n > left)
		return BROKEN;
	if (n)
		nfs_compat_take(b->buffer + b->result.length, data, (size_t)n);
	b->result.length += (size_t)n;
	op->session->read_bytes += (size_t)n;
	op->session->renewed_ms = op->step_ms;
	return n && (size_t)n < left && op->session->version == 4 ? SAME_STEP
								  : NEXT_STEP;
}

/* ---- rename, remove ------------------------------------------------------ */

/* Something by that name is in the way. */
static int start_look_ahead(struct nfs_op *op)
{
	return with_path(op, op->base.to, nfs_lstat64_async);
}

static enum verdict take_obstacle(struct nfs_op *op, int n, void *data)
{
	op->base.result.err = -EEXIST;
	return NEXT_STEP;
}

static int start_rename(struct nfs_op *op)
{
	char *from = full_path(op->base.path), *to = full_path(op->base.to);
	int err = -ENOMEM;

	if (from && to)
		err = nfs_rename_async(op->session->nfs, from, to, on_answer,
				       op);
	free(from);
	free(to);
	return err;
}

static int access_for_writing(struct nfs_context *nfs, const char *path,
			      nfs_cb done, void *arg)
{
	return nfs_access_async(nfs, path, W_OK, done, arg);
}

static int start_may_write(struct nfs_op *op)
{
	return with_path(op, op->base.path, access_for_writing);
}

/* Version 4 would remove a folder, too. */
static enum verdict take_no_folder(struct nfs_op *op, int n, void *data)
{
	take_attr(op, n, data);
	if (op->base.result.attr.is_dir)
		op->base.result.err = -EISDIR;
	return NEXT_STEP;
}

static int start_remove(struct nfs_op *op)
{
	return with_path(op, op->base.path, nfs_unlink_async);
}

static enum verdict take_nothing(struct nfs_op *op, int n, void *data)
{
	return NEXT_STEP;
}

/* ---- the rows ------------------------------------------------------------ */

enum { STEPS_MAX = 4 };

static const struct step steps[][STEPS_MAX] = {
	[SOURCE_LIST] = { { start_list, take_list } },
	[SOURCE_STAT] = { { start_lstat, take_attr } },
	[SOURCE_OPEN] = { { start_lstat, take_kind },
			  { start_open, take_open },
			  { start_fstat, take_attr } },
	[SOURCE_RENAME] = { { start_look_ahead, take_obstacle },
			    { start_rename, take_nothing } },
	[SOURCE_MAY_WRITE] = { { start_may_write, take_nothing } },
	[SOURCE_REMOVE] = { { start_lstat, take_no_folder },
			    { start_remove, take_nothing } },
	[SOURCE_PREAD] = { { start_read, take_read } },
	[SOURCE_FSTAT] = { { start_fstat, take_attr } },
};

static bool holds_turn(const struct nfs_op *op)
{
	return steps[op->base.verb][op->step].start == start_open;
}

static const char *path_of(struct nfs_op *op)
{
	const char *path = op->base.file ? file_of(op)->path : op->base.path;

	if (!path)
		return "a file";
	return *path ? path : "the share";
}

static void finish(struct nfs_op *op)
{
	struct source_result *r = &op->base.result;

	list_del(&op->node);
	if (op->base.verb == SOURCE_LIST && op->session)
		op->session->list_count--;
	if (r->err && !r->why.code)
		err_set(&r->why, r->err, "cannot %s %s: %s",
			source_verb_text(op->base.verb), path_of(op),
			r->err == -EPERM ? "not a regular file"
					 : err_str(r->err));
	source_op_finish(&op->base);
}

static void fail(struct nfs_op *op, int err, const char *words)
{
	struct source_result *r = &op->base.result;

	r->err = err_set(&r->why, err, "cannot %s %s: %s",
			 source_verb_text(op->base.verb), path_of(op), words);
	finish(op);
}

const char nfs_op_endless[] = "it has too many names";

void nfs_op_refuse(struct nfs_op *op, int err, const char *why)
{
	fail(op, err, why);
}

static void note_failure(struct nfs_op *op, int err, const char *text)
{
	struct nfs_session *s = op->session;

	op->has_failed = true;
	nfs_error_sort(err, text, &op->error);
	str_copy(op->text, text ? text : "", sizeof(op->text));
	list_del(&op->node);
	list_add_tail(&s->failed, &op->node);
	nfs_session_wake(s);
}

/* libnfs may have called back all the same. */
static void fail_start(struct nfs_op *op)
{
	if (op->has_failed)
		return;
	if (holds_turn(op))
		nfs_turn_end(op->session);
	note_failure(op, -EINTR, "out of memory");
}

static void begin_step(struct nfs_op *op)
{
	op->step_ms = mono_ms();
	op->has_failed = false;
	if (op->session->is_lost)
		note_failure(op, -EINTR, NULL);
	else if (steps[op->base.verb][op->step].start(op))
		fail_start(op);
}

static void advance(struct nfs_op *op)
{
	op->step++;
	if (op->base.result.err || op->base.canceled || op->step == STEPS_MAX ||
	    !steps[op->base.verb][op->step].start)
		finish(op);
	else
		begin_step(op);
}

/*
 * What libnfs 4.0 hands over with a failed read of version 3 is no text, and
 * its last text may be about something else then.
 */
static const char *words_of(struct nfs_op *op, struct nfs_context *nfs, int err,
			    void *data)
{
	const char *text = nfs_get_error(nfs);

	if (op->base.verb != SOURCE_PREAD)
		return data ? data : text;
	if (err == -EFAULT && (!text || strncmp(text, "NFS: Read", 9) != 0))
		return NULL;
	return text;
}

static void on_answer(int err, struct nfs_context *nfs, void *data,
		      void *private)
{
	struct nfs_op *op = private;
	struct nfs_session *s = op->session;
	enum verdict verdict;

	if (holds_turn(op)) {
		s->has_failed_open |= err < 0;
		nfs_turn_end(s);
	}
	if (err < 0) {
		note_failure(op, err, words_of(op, nfs, err, data));
		return;
	}
	verdict = steps[op->base.verb][op->step].take(op, err, data);
	if (verdict == NEXT_STEP)
		advance(op);
	else if (verdict == SAME_STEP && !op->base.canceled)
		begin_step(op);
	else if (verdict == SAME_STEP)
		finish(op);
	else
		note_failure(op, -EINTR, "nonsense from the server");
	nfs_session_wake(s);
}

/*
 * Others were answered meanwhile: the server is there, and silent about this
 * one. An open of version 4 is of the session all the same: nobody knows what
 * has become of its state.
 */
static bool is_silent_alone(struct nfs_session *s, struct nfs_op *op)
{
	return strstr(op->text, "timed out") &&
	       !(s->version == 4 && holds_turn(op)) &&
	       mono_ms() < s->heard_ms + s->timeout_ms;
}

/*
 * The export's root is the only handle that a session keeps: once that is
 * stale, a new mount is needed, and the next scan begins with it. Anything
 * else that is stale holds up nobody.
 */
static void sort_failure(struct nfs_session *s, struct nfs_op *op)
{
	struct nfs_error e = op->error;

	if (e.code == -ESTALE && op->base.path && !*op->base.path)
		e.code = -ENOTCONN;
	else if (is_silent_alone(s, op))
		e = (struct nfs_error){ -EIO, "the server gives no answer" };
	if (e.code == -ENOTCONN)
		nfs_session_lose(s, "%s: %s%s%s", s->where, e.words,
				 *op->text ? ", " : "", op->text);
	list_del(&op->node);
	list_add_tail(&s->ops, &op->node);
	if (s->is_lost)
		fail(op, -ENOTCONN, s->why.text);
	else if (e.code == -ENOENT && op->base.verb == SOURCE_RENAME &&
		 op->step == 0)
		advance(op);
	else
		fail(op, e.code, e.words);
}

void nfs_op_sort_failed(struct nfs_session *s)
{
	struct list *it;

	while (!s->is_dying && (it = list_first(&s->failed)))
		sort_failure(s, list_entry(it, struct nfs_op, node));
}

void nfs_op_end_all(struct nfs_session *s)
{
	struct list *it;

	while ((it = list_first(&s->failed)) || (it = list_first(&s->ops))) {
		struct nfs_op *op = list_entry(it, struct nfs_op, node);

		list_del(&op->turn.node);
		if (op->is_endless)
			nfs_op_refuse(op, -EIO, nfs_op_endless);
		else
			nfs_op_refuse(op, -ENOTCONN, s->why.text);
	}
}

void nfs_session_start(struct nfs_session *s, struct nfs_op *op)
{
	op->session = s;
	op->step = 0;
	op->started_ms = mono_ms();
	list_init(&op->turn.node);
	list_add_tail(&s->ops, &op->node);
	if (s->is_lost)
		fail(op, -ENOTCONN, s->why.text);
	else
		begin_step(op);
	nfs_session_wake(s);
}

void nfs_op_release(struct source_op *base)
{
	struct nfs_op *op = list_entry(base, struct nfs_op, base);

	if (op->dir)
		nfs_closedir(NULL, op->dir);
	free(op->entries);
}
