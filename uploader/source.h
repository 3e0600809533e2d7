/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SOURCE_H
#define UPCAST_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/conf.h"
#include "lib/err.h"
#include "lib/loop.h"

/*
 * Where the recordings are: an NFS export or a local directory behind one
 * interface. Paths are relative to its root, without a leading slash, "" being
 * the root; they are bytes, never interpreted.
 *
 * Every operation is asynchronous and ends in exactly one call of its `done`,
 * on the loop, never from inside the call that started it, unless it is
 * cancelled: source_cancel() takes the answer back (a rename that is on its way
 * may happen all the same; a pread's buffer may then still be written to until
 * the source has given it up, so buffers are handed over with the operation,
 * see source_pread()).
 *
 * Errors are of two kinds only:
 *  - this file: -ENOENT -EACCES -EISDIR -ENOTDIR -EEXIST -ESTALE -EBUSY
 *    (another program holds it) -EROFS -ENOSPC -EPERM -EIO (of this file)
 *  - this session: -ENOTCONN. The source reconnects by itself with a capped
 *    back-off and calls `changed` when its state does; every open file is
 *    dead (-ENOTCONN from then on, close it and open it anew).
 */
struct source;
struct source_op;   /* an operation under way */
struct source_file; /* an open file, for reading */

struct source_attr {
	bool is_dir, is_file; /* neither: a link or something special */
	uint64_t size;
	int64_t mtime_ns, ctime_ns;
	uint64_t fileid; /* 0: the source does not say */
};

struct source_entry {
	char *name; /* never "." or "..", never with a slash or empty */
	struct source_attr attr;
};

struct source_result {
	int err;
	struct err why;			     /* where err is set */
	const struct source_entry *entries;  /* list; valid during the call */
	size_t entry_count;
	struct source_attr attr;	     /* stat, open (of the open file) */
	struct source_file *file;	     /* open: now the caller's */
	uint8_t *buffer;		     /* pread: back to the caller */
	size_t length;			     /* pread: bytes read, 0 at the end */
};

typedef void source_done_fn(void *arg, const struct source_result *result);

enum source_state { SOURCE_CONNECTING, SOURCE_READY, SOURCE_DOWN };

struct source_status {
	enum source_state state;
	int64_t since_s;       /* wall clock */
	char where[512];       /* "nfs://host/dir", "/srv/rec" */
	char why[ERR_TEXT_MAX]; /* SOURCE_DOWN: the reason */
	int64_t next_try_s;	/* and the next try, wall clock; 0: unknown */
};

/* State changed, or (hint only) something in `path` did; NULL: unknown. */
typedef void source_changed_fn(void *arg, const char *path);

/*
 * Makes the source that the settings ask for; it connects on its own from then
 * on. -EINVAL with a sentence where the settings cannot work.
 */
int source_open(struct loop *loop, const struct conf *conf,
		source_changed_fn *changed, void *arg, struct source **ret,
		struct err *err) ATTR_MUST_CHECK;
/* Cancels what is under way; open files must be closed before. Not from inside
 * a `done` or `changed`. Local disk: waits for the calls that are running. */
void source_close(struct source *source);
void source_get_status(const struct source *source,
		       struct source_status *ret_status);

/* The start of an operation fails only with -ENOMEM. `*ret_op` may be NULL. */
int source_list(struct source *source, const char *dir, source_done_fn *done,
		void *arg, struct source_op **ret_op) ATTR_MUST_CHECK;
int source_stat(struct source *source, const char *path, source_done_fn *done,
		void *arg, struct source_op **ret_op) ATTR_MUST_CHECK;
int source_open_file(struct source *source, const char *path,
		     source_done_fn *done, void *arg,
		     struct source_op **ret_op) ATTR_MUST_CHECK;
/*
 * Never replaces: -EEXIST where `to` is there. NFS cannot rename so, hence that
 * source looks for `to` first: what comes there between the look and the rename
 * is replaced. A rename whose answer got lost may end in -ENOTCONN, or -ENOENT
 * when it is sent again, although it was done: look before believing either.
 */
int source_rename(struct source *source, const char *from, const char *to,
		  source_done_fn *done, void *arg,
		  struct source_op **ret_op) ATTR_MUST_CHECK;
/*
 * Would the server let names in the folder change? 0, -EACCES, -EROFS: its
 * opinion, the rename has the last word.
 */
int source_may_write(struct source *source, const char *dir,
		     source_done_fn *done, void *arg,
		     struct source_op **ret_op) ATTR_MUST_CHECK;
int source_remove(struct source *source, const char *path,
		  source_done_fn *done, void *arg,
		  struct source_op **ret_op) ATTR_MUST_CHECK;

/*
 * Reads `n` (at most SOURCE_READ_MAX) bytes at `offset` into `buffer`, fewer
 * only at the end of the file. The buffer must come from malloc(): it belongs
 * to the operation, unless that cannot start, until `done` gives it back; a
 * cancelled pread frees it. Several may be under way on one file.
 */
enum { SOURCE_READ_MAX = 1 << 20 };
int source_pread(struct source_file *file, uint64_t offset, uint8_t *buffer,
		 size_t n, source_done_fn *done, void *arg,
		 struct source_op **ret_op) ATTR_MUST_CHECK;
/* The attributes of the open file as the server has them now. */
int source_fstat(struct source_file *file, source_done_fn *done, void *arg,
		 struct source_op **ret_op) ATTR_MUST_CHECK;
/* Its operations must have ended or been cancelled. NULL is allowed. A file of
 * a lost session is closed in the same way. */
void source_close_file(struct source_file *file);

/* Takes the answer back: `done` will not be called. */
void source_cancel(struct source_op *op);

#endif
