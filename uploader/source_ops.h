/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SOURCE_OPS_H
#define UPCAST_SOURCE_OPS_H

#include "lib/list.h"
#include "uploader/source.h"

/*
 * What an implementation of a source (source_nfs.c, source_local.c) provides,
 * and what source.c does for all of them.
 *
 * source.c makes every operation and every answer: an implementation gets a
 * `struct source_op` by start(), fills in `result` and ends it with
 * source_op_finish(), at any time, also from inside start(). The answer is then
 * given from the loop, and the operation freed. A cancelled operation is
 * finished in the same way; nobody is told. Whoever cancels waits for nothing.
 *
 * -EBUSY of a look or a read is kept back for a while, and the operation
 * started again: an upload need not begin anew because a server is slow to
 * fetch a file.
 *
 * A file that is closed while cancelled operations on it still run is closed
 * when the last of them has finished.
 */
struct source_ops;

struct source {
	const struct source_ops *ops;
	struct loop *loop;
	source_changed_fn *changed;
	void *changed_arg;
	struct list all; /* operations that have not been freed */
};

/* First member of an implementation's file. */
struct source_file {
	struct source *source;
	unsigned busy; /* operations on it */
	bool closing;
};

enum source_verb {
	SOURCE_LIST,
	SOURCE_STAT,
	SOURCE_OPEN,
	SOURCE_RENAME,
	SOURCE_MAY_WRITE,
	SOURCE_REMOVE,
	SOURCE_PREAD,
	SOURCE_FSTAT,
};

/* First member of an implementation's operation (zeroed, `op_size` bytes). */
struct source_op {
	struct source *source;
	struct list all_node;
	enum source_verb verb;
	char *path;		  /* of all but PREAD and FSTAT */
	char *to;		  /* RENAME */
	struct source_file *file; /* PREAD FSTAT */
	uint64_t offset;
	uint8_t *buffer; /* PREAD: owned */
	size_t length;
	struct source_result result;
	bool finished, canceled;
	source_done_fn *done;
	void *arg;
	struct loop_task task;
	unsigned tries; /* that ended in -EBUSY, and did not count */
	struct loop_timer timer;
};

/* With twice the pause each time: 16 s in all. */
enum { SOURCE_TRIES_MAX = 6, SOURCE_PAUSE_MS = 250 };

struct source_ops {
	size_t op_size;
	void (*start)(struct source_op *op);
	/* Frees what hangs on `op`, not the operation. */
	void (*release)(struct source_op *op);
	void (*close_file)(struct source_file *file);
	/* All is cancelled and all files are closed: finish what still runs,
	 * and free the source. */
	void (*close)(struct source *source);
	void (*get_status)(const struct source *source,
			   struct source_status *ret_status);
};

void source_init(struct source *source, const struct source_ops *ops,
		 struct loop *loop, source_changed_fn *changed, void *arg);

/* Ends an operation with what stands in `result`. */
void source_op_finish(struct source_op *op);
/* The same with an error and its sentence. */
void source_op_fail(struct source_op *op, int err, const char *fmt, ...)
	ATTR_PRINTF(3, 4);
/* "cannot rename": for sentences. */
const char *source_verb_text(enum source_verb verb);

/* The implementations. Texts are copied. Errors as those of source_open(). */
struct source_nfs_config {
	const char *host, *directory;
	int version;		  /* 3 or 4 */
	int nfs_port, mount_port; /* 0: ask the portmapper, or 2049 */
	uint32_t uid, gid;
	uint64_t timeout_ms; /* a server that is silent for so long is gone */
	uint64_t lease_ms;   /* version 4: how long the server keeps an open */
	uint64_t list_bytes_max; /* on the wire, for one folder; 0: the usual */
};

int source_nfs_open(struct loop *loop, const struct source_nfs_config *config,
		    source_changed_fn *changed, void *arg, struct source **ret,
		    struct err *err) ATTR_MUST_CHECK;
int source_local_open(struct loop *loop, const char *directory,
		      source_changed_fn *changed, void *arg,
		      struct source **ret, struct err *err) ATTR_MUST_CHECK;

#endif
