/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_JOURNAL_H
#define UPCAST_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/loop.h"
#include "uploader/row.h"

/*
 * The durable memory of the uploader: one row per recording, in SQLite (WAL,
 * synchronous=FULL; uploader/journal_db.h), behind an asynchronous interface
 * that a shared database can implement later.
 *
 * All writes go to one helper thread, in order; what has gathered while one
 * transaction is being synced goes into the next, so a burst costs one fsync.
 * `done` is called on the loop when the write is durable, never before, and in
 * the order of the calls. A write that fails (disk full) is tried again until
 * it succeeds: journal_why() says what is wrong meanwhile, and its callers
 * simply wait, which is what exactly-once asks of them.
 *
 * One process holds a journal (a lock file beside it). A second one is told
 * -EBUSY and may try again: it is a standby.
 *
 * Life cycle: journal_open() returns at once; `row` is called for each row that
 * is there, then `opened`. On an error `opened` says why and the journal tries
 * again by itself: it is called once more then. journal_close() waits for the
 * transaction under way; writes that have not begun are dropped, as a crash
 * would.
 */
struct journal;

struct journal_calls {
	/* 0: the row is the callee's. -ENOMEM: it is given once more, later. */
	int (*row)(void *arg, struct row *take_row);
	/* `created_s`: when this journal began. */
	void (*opened)(void *arg, int err, const struct err *why,
		       int64_t created_s);
	/* A write has failed: see journal_why(). */
	void (*trouble)(void *arg);
	void *arg;
};

/* `path` NULL: in memory, nothing is kept (dry run). */
int journal_open(struct loop *loop, const char *path,
		 const struct journal_calls *calls,
		 struct journal **ret) ATTR_MUST_CHECK;
void journal_close(struct journal *j);

/* An id that no recording has ever had. Only once it is open. */
int64_t journal_take_id(struct journal *j);

typedef void journal_done_fn(void *arg);

/* Writes the whole row, new or not. `*ret` lives until `done` has returned. */
struct journal_op;

int journal_put(struct journal *j, const struct row *row, journal_done_fn *done,
		void *arg, struct journal_op **ret) ATTR_MUST_CHECK;
/* Takes back a `done` that has not been called: its owner goes away. */
void journal_disown(struct journal_op *op);
int journal_forget(struct journal *j, int64_t id) ATTR_MUST_CHECK;

/* NULL while writes succeed, else the sentence of the last failure. */
const char *journal_why(const struct journal *j);

#endif
