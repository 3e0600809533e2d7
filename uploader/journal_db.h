/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_JOURNAL_DB_H
#define UPCAST_JOURNAL_DB_H

#include <stdint.h>

#include "lib/err.h"
#include "uploader/row.h"

/*
 * The journal's database: SQLite, WAL, synchronous=FULL. Only user of
 * sqlite3.h. Every call blocks; one thread at a time: uploader/journal.c's
 * helper.
 *
 * 0 or a negative errno, with a sentence in journal_db_why() that says what an
 * operator can do. -EBUSY from opening: another process holds the lock file
 * beside it.
 */
struct journal_db;

/* The row is the callee's, whatever it returns; -ENOMEM ends the loading. */
typedef int journal_db_row_fn(void *arg, struct row *take_row);

/* `path` NULL: in memory. */
int journal_db_open(const char *path, struct journal_db **ret,
		    struct err *why) ATTR_MUST_CHECK;
void journal_db_close(struct journal_db *d);
const struct err *journal_db_why(const struct journal_db *d);

/* When it was made, and the first id that has never been reserved. */
int64_t journal_db_created(const struct journal_db *d);
int64_t journal_db_next_id(const struct journal_db *d);
/* Every row, by its id. */
int journal_db_load(struct journal_db *d, journal_db_row_fn *fn,
		    void *arg) ATTR_MUST_CHECK;

/* A transaction is begin, writes, then commit: durable; or rollback. */
int journal_db_begin(struct journal_db *d) ATTR_MUST_CHECK;
int journal_db_commit(struct journal_db *d) ATTR_MUST_CHECK;
void journal_db_rollback(struct journal_db *d);
/* The whole row, new or not. */
int journal_db_put(struct journal_db *d, const struct row *row) ATTR_MUST_CHECK;
int journal_db_forget(struct journal_db *d, int64_t id) ATTR_MUST_CHECK;
int journal_db_reserve(struct journal_db *d, int64_t next_id) ATTR_MUST_CHECK;

#endif
