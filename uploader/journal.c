/* SPDX-License-Identifier: MIT */
#include "uploader/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "lib/buf.h"
#include "lib/log.h"
#include "lib/mono.h"
#include "lib/offload.h"
#include "lib/str.h"

enum {
	ID_BLOCK = 1000, /* ids reserved ahead, so that none is used twice */
	RETRY_MS = 2000,
	SQL_MAX = 4096,
};

enum op_kind { OP_PUT, OP_FORGET, OP_RESERVE };

struct op {
	struct list node;
	enum op_kind kind;
	struct row row; /* OP_FORGET, OP_RESERVE: only the id */
	journal_done_fn *done;
	void *arg;
};

struct loaded {
	struct list node;
	struct row row;
};

struct journal {
	struct loop *loop;
	struct offload *helper;
	struct journal_calls calls;
	char *path; /* NULL: in memory */
	struct offload_job job;
	struct loop_timer retry;
	bool busy; /* `job` is on the helper */
	bool is_open;
	struct list waiting;  /* ops not yet handed over */
	struct list batch;    /* ops of the transaction under way */
	struct list finished; /* durable, to be told so */
	int64_t next_id, id_limit;
	bool closing;
	struct err shown; /* why the last batch failed, code 0: it did not */

	/* The helper's while `busy`. */
	sqlite3 *db;
	sqlite3_stmt *put, *forget, *reserve;
	int lock_fd;
	struct list loaded;
	int64_t created_s, stored_id;
	int result;
	struct err why;
};

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER);"
	"INSERT OR IGNORE INTO meta VALUES ('format', 1);"
	"INSERT OR IGNORE INTO meta VALUES ('created', unixepoch());"
	"INSERT OR IGNORE INTO meta VALUES ('next_id', 1);";

/* ---- on the helper thread ------------------------------------------- */

static int explain(struct journal *j, int rc)
{
	static const struct {
		int rc, err;
		const char *advice;
	} known[] = {
		{ SQLITE_FULL, -ENOSPC, "make room on its disk" },
		{ SQLITE_READONLY, -EROFS,
		  "the uploader must be able to write it" },
		{ SQLITE_CANTOPEN, -EACCES,
		  "its directory must exist and belong to the uploader" },
		{ SQLITE_PERM, -EACCES,
		  "the uploader must be able to write it" },
		{ SQLITE_CORRUPT, -EBADMSG,
		  "restore a backup, or move it away: the names on the share and "
		  "the marks on Rev then say what was uploaded" },
		{ SQLITE_NOTADB, -EBADMSG,
		  "it is no database: restore a backup or move it away" },
		{ SQLITE_NOMEM, -ENOMEM, "memory is short" },
		{ SQLITE_IOERR, -EIO, "look at its disk" },
		{ SQLITE_BUSY, -EBUSY, "another program has it open" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if ((rc & 0xff) == known[i].rc)
			return err_set(&j->why, known[i].err,
				       "journal %s: %s: %s", j->path,
				       sqlite3_errstr(rc), known[i].advice);
	return err_set(&j->why, -EIO, "journal %s: %s", j->path,
		       sqlite3_errstr(rc));
}

static int run_sql(struct journal *j, const char *sql)
{
	int rc = sqlite3_exec(j->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : explain(j, rc);
}

static int prepare(struct journal *j, const char *sql, sqlite3_stmt **ret)
{
	int rc = sqlite3_prepare_v2(j->db, sql, -1, ret, NULL);

	return rc == SQLITE_OK ? 0 : explain(j, rc);
}

/* Adds "a, b, c" with every column of a row, each behind `prefix`. */
static int add_columns(struct buf *sql, const char *prefix, const char *type)
{
	int err = 0;

	for (int i = 0; i < ROW_TEXT_COUNT && !err; i++)
		err = buf_printf(sql, ", %s%s%s", prefix,
				 row_text_name((enum row_text)i),
				 *type ? " TEXT" : "");
	for (int i = 0; i < ROW_NUMBER_COUNT && !err; i++)
		err = buf_printf(sql, ", %s%s%s", prefix,
				 row_number_name((enum row_number)i),
				 *type ? " INTEGER" : "");
	return err;
}

static int make_tables(struct journal *j)
{
	struct buf sql;
	int err;

	buf_init(&sql, SQL_MAX);
	err = buf_add_str(&sql, "CREATE TABLE IF NOT EXISTS recording ("
				"id INTEGER PRIMARY KEY, state TEXT NOT NULL");
	err = err ? err : add_columns(&sql, "", "type");
	err = err ? err : buf_add_str(&sql, ");");
	err = err ? err : buf_add_str(&sql, schema);
	err = err ? err : run_sql(j, buf_text(&sql));
	buf_release(&sql);
	return err;
}

static int read_number(struct journal *j, const char *sql, int64_t *ret)
{
	sqlite3_stmt *s = NULL;
	int rc, err = prepare(j, sql, &s);

	if (err)
		return err;
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_int64(s, 0);
	else
		err = explain(j, rc == SQLITE_DONE ? SQLITE_CORRUPT : rc);
	sqlite3_finalize(s);
	return err;
}

/* A journal of an earlier version has fewer columns. */
static int add_column(struct journal *j, const char *name, const char *type)
{
	struct buf sql;
	int64_t there = 0;
	int err;

	buf_init(&sql, SQL_MAX);
	err = buf_printf(&sql,
			 "SELECT count(*) FROM pragma_table_info('recording') "
			 "WHERE name = '%s'",
			 name);
	err = err ? err : read_number(j, buf_text(&sql), &there);
	buf_clear(&sql);
	if (!err && !there)
		err = buf_printf(&sql, "ALTER TABLE recording ADD COLUMN %s %s",
				 name, type);
	if (!err && !there)
		err = run_sql(j, buf_text(&sql));
	buf_release(&sql);
	return err;
}

static int add_missing_columns(struct journal *j)
{
	int err = 0;

	for (int i = 0; i < ROW_TEXT_COUNT && !err; i++)
		err = add_column(j, row_text_name((enum row_text)i), "TEXT");
	for (int i = 0; i < ROW_NUMBER_COUNT && !err; i++)
		err = add_column(j, row_number_name((enum row_number)i),
				 "INTEGER");
	return err;
}

static int prepare_put(struct journal *j)
{
	struct buf sql;
	int err;

	buf_init(&sql, SQL_MAX);
	err = buf_add_str(&sql, "INSERT OR REPLACE INTO recording (id, state");
	err = err ? err : add_columns(&sql, "", "");
	err = err ? err : buf_add_str(&sql, ") VALUES (:id, :state");
	err = err ? err : add_columns(&sql, ":", "");
	err = err ? err : buf_add_str(&sql, ")");
	err = err ? err : prepare(j, buf_text(&sql), &j->put);
	buf_release(&sql);
	return err;
}

/* Columns are read in the order in which add_columns() names them. */
static int read_row(sqlite3_stmt *s, struct row *row)
{
	const char *state = (const char *)sqlite3_column_text(s, 1);
	int err, column = 2;

	*row = (struct row){ .id = sqlite3_column_int64(s, 0) };
	err = job_parse_name(state ? state : "", &row->state);
	for (int i = 0; i < ROW_TEXT_COUNT && !err; i++)
		err = row_set(row, (enum row_text)i,
			      (const char *)sqlite3_column_text(s, column++));
	for (int i = 0; i < ROW_NUMBER_COUNT && !err; i++)
		row->number[i] = sqlite3_column_int64(s, column++);
	if (err)
		row_release(row);
	return err;
}

/*
 * A row that makes no sense (a later version's state) is left out: the
 * recording is then found again by its name and its mark.
 */
static int load_rows(struct journal *j, sqlite3_stmt *s)
{
	struct loaded *l;
	int rc, err;

	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		l = calloc(1, sizeof(*l));
		if (!l)
			return explain(j, SQLITE_NOMEM);
		err = read_row(s, &l->row);
		if (err) {
			free(l);
			if (err == -ENOMEM)
				return explain(j, SQLITE_NOMEM);
			continue;
		}
		list_add_tail(&j->loaded, &l->node);
	}
	return rc == SQLITE_DONE ? 0 : explain(j, rc);
}

static int load_all(struct journal *j)
{
	sqlite3_stmt *s = NULL;
	struct buf sql;
	int err;

	buf_init(&sql, SQL_MAX);
	err = buf_add_str(&sql, "SELECT id, state");
	err = err ? err : add_columns(&sql, "", "");
	err = err ? err : buf_add_str(&sql, " FROM recording ORDER BY id");
	err = err ? err : prepare(j, buf_text(&sql), &s);
	err = err ? err : load_rows(j, s);
	sqlite3_finalize(s);
	buf_release(&sql);
	return err;
}

static int lock(struct journal *j)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char *path = NULL;

	if (asprintf(&path, "%s.lock", j->path) < 0)
		return explain(j, SQLITE_NOMEM);
	j->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	free(path);
	if (j->lock_fd < 0)
		return err_set(&j->why, -errno,
			       "journal %s: %s: its directory must exist and "
			       "belong to the uploader",
			       j->path, err_str(-errno));
	if (!fcntl(j->lock_fd, F_OFD_SETLK, &fl))
		return 0;
	close(j->lock_fd);
	j->lock_fd = -1;
	return err_set(&j->why, -EBUSY,
		       "journal %s is held by another uploader: standing by",
		       j->path);
}

static void drop_loaded(struct journal *j)
{
	list_for_each_safe(it, &j->loaded) {
		struct loaded *l = list_entry(it, struct loaded, node);

		list_del(it);
		row_release(&l->row);
		free(l);
	}
}

static void drop_database(struct journal *j)
{
	drop_loaded(j);
	sqlite3_finalize(j->put);
	sqlite3_finalize(j->forget);
	sqlite3_finalize(j->reserve);
	j->put = j->forget = j->reserve = NULL;
	sqlite3_close(j->db);
	j->db = NULL;
	if (j->lock_fd >= 0)
		close(j->lock_fd);
	j->lock_fd = -1;
}

static int open_database(struct journal *j)
{
	int rc, err = j->path ? lock(j) : 0;

	if (err)
		return err;
	rc = sqlite3_open_v2(j->path ? j->path : ":memory:", &j->db,
			     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
				     SQLITE_OPEN_NOMUTEX,
			     NULL);
	if (rc != SQLITE_OK)
		return explain(j, rc);
	err = run_sql(j, "PRAGMA journal_mode = WAL;"
			 "PRAGMA synchronous = FULL;"
			 "PRAGMA foreign_keys = OFF;"
			 "PRAGMA busy_timeout = 1000;");
	err = err ? err : make_tables(j);
	err = err ? err : add_missing_columns(j);
	err = err ? err : prepare_put(j);
	err = err ? err
		  : prepare(j, "DELETE FROM recording WHERE id = ?",
			    &j->forget);
	err = err ? err
		  : prepare(j,
			    "UPDATE meta SET value = ? "
			    "WHERE key = 'next_id'",
			    &j->reserve);
	err = err ? err
		  : read_number(j,
				"SELECT value FROM meta "
				"WHERE key = 'created'",
				&j->created_s);
	err = err ? err
		  : read_number(j,
				"SELECT max(value, (SELECT ifnull("
				"max(id), 0) + 1 FROM recording)) "
				"FROM meta WHERE key = 'next_id'",
				&j->stored_id);
	return err ? err : load_all(j);
}

static int step(struct journal *j, sqlite3_stmt *s)
{
	int rc = sqlite3_step(s);

	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return rc == SQLITE_DONE ? 0 : explain(j, rc);
}

/* Text is bound without a copy: the op outlives the step. */
static int put_row(struct journal *j, const struct row *row)
{
	sqlite3_stmt *s = j->put;
	int column = 1;

	sqlite3_bind_int64(s, column++, row->id);
	sqlite3_bind_text(s, column++, job_name(row->state), -1, SQLITE_STATIC);
	for (int i = 0; i < ROW_TEXT_COUNT; i++)
		sqlite3_bind_text(s, column++, row->text[i], -1, SQLITE_STATIC);
	for (int i = 0; i < ROW_NUMBER_COUNT; i++)
		sqlite3_bind_int64(s, column++, row->number[i]);
	return step(j, s);
}

static int run_op(struct journal *j, const struct op *op)
{
	sqlite3_stmt *s = op->kind == OP_FORGET ? j->forget : j->reserve;

	if (op->kind == OP_PUT)
		return put_row(j, &op->row);
	sqlite3_bind_int64(s, 1, op->row.id);
	return step(j, s);
}

static int run_batch(struct journal *j)
{
	int err = run_sql(j, "BEGIN IMMEDIATE");

	if (err)
		return err;
	list_for_each(it, &j->batch) {
		err = run_op(j, list_entry(it, struct op, node));
		if (err)
			break;
	}
	err = err ? err : run_sql(j, "COMMIT");
	if (err)
		sqlite3_exec(j->db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

static void run_job(struct offload_job *job)
{
	struct journal *j = list_entry(job, struct journal, job);

	if (j->db) {
		j->result = run_batch(j);
		return;
	}
	j->result = open_database(j);
	if (j->result)
		drop_database(j);
}

/* ---- on the loop ------------------------------------------------------ */

static void free_op(struct op *op)
{
	row_release(&op->row);
	free(op);
}

static void free_ops(struct list *ops)
{
	list_for_each_safe(it, ops) {
		list_del(it);
		free_op(list_entry(it, struct op, node));
	}
}

static void submit(struct journal *j)
{
	j->busy = true;
	offload_submit(j->helper, &j->job);
}

static void kick(struct journal *j)
{
	if (j->busy || !j->is_open || loop_timer_is_armed(&j->retry))
		return;
	if (list_is_empty(&j->batch))
		list_take(&j->batch, &j->waiting);
	if (!list_is_empty(&j->batch))
		submit(j);
}

static void on_retry(struct loop_timer *timer)
{
	struct journal *j = list_entry(timer, struct journal, retry);

	if (j->is_open)
		kick(j);
	else
		submit(j);
}

static int add_op(struct journal *j, enum op_kind kind, struct op **ret)
{
	struct op *op = calloc(1, sizeof(*op));

	if (!op)
		return -ENOMEM;
	op->kind = kind;
	list_add_tail(&j->waiting, &op->node);
	*ret = op;
	return 0;
}

/* Ids up to the next limit are reserved before any of them is handed out. */
static void reserve_ids(struct journal *j)
{
	struct op *op;

	if (add_op(j, OP_RESERVE, &op))
		return; /* the next taker tries again */
	j->id_limit += ID_BLOCK;
	op->row.id = j->id_limit;
}

static void deliver_rows(struct journal *j)
{
	list_for_each_safe(it, &j->loaded) {
		struct loaded *l = list_entry(it, struct loaded, node);

		list_del(it);
		j->calls.row(j->calls.arg, &l->row);
		free(l);
	}
}

static void on_open_done(struct journal *j)
{
	struct err why = j->why;

	if (j->result) {
		loop_timer_start(&j->retry, RETRY_MS);
		j->calls.opened(j->calls.arg, j->result, &why, 0);
		return;
	}
	j->is_open = true;
	j->next_id = j->id_limit = j->stored_id;
	reserve_ids(j);
	deliver_rows(j);
	j->calls.opened(j->calls.arg, 0, NULL, j->created_s);
	kick(j);
}

static void on_batch_done(struct journal *j)
{
	struct list *it;

	j->shown.code = j->result;
	if (j->result) {
		j->shown = j->why;
		loop_timer_start(&j->retry, RETRY_MS);
		j->calls.trouble(j->calls.arg);
		return;
	}
	list_take(&j->finished, &j->batch);
	kick(j);
	/* One by one from the list: journal_disown() may look for the others.
	 */
	while ((it = list_first(&j->finished))) {
		struct op *op = list_entry(it, struct op, node);

		list_del(it);
		if (op->done)
			op->done(op->arg);
		free_op(op);
	}
}

static void job_done(struct offload_job *job)
{
	struct journal *j = list_entry(job, struct journal, job);

	j->busy = false;
	if (j->closing)
		return;
	if (j->is_open)
		on_batch_done(j);
	else
		on_open_done(j);
}

int journal_open(struct loop *loop, const char *path,
		 const struct journal_calls *calls, struct journal **ret)
{
	struct journal *j = calloc(1, sizeof(*j));
	int err;

	if (!j)
		return -ENOMEM;
	j->loop = loop;
	j->calls = *calls;
	j->lock_fd = -1;
	j->job.run = run_job;
	j->job.done = job_done;
	list_init(&j->waiting);
	list_init(&j->batch);
	list_init(&j->finished);
	list_init(&j->loaded);
	err = str_replace(&j->path, path);
	err = err ? err : loop_timer_init(&j->retry, loop, on_retry);
	err = err ? err : offload_new(loop, "journal", 1, &j->helper);
	if (err) {
		journal_close(j);
		return err;
	}
	submit(j);
	*ret = j;
	return 0;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	j->closing = true;
	offload_free(j->helper);
	loop_timer_release(&j->retry);
	free_ops(&j->batch);
	free_ops(&j->waiting);
	drop_database(j);
	free(j->path);
	free(j);
}

int64_t journal_take_id(struct journal *j)
{
	if (j->next_id + ID_BLOCK / 2 >= j->id_limit)
		reserve_ids(j);
	return j->next_id++;
}

int journal_put(struct journal *j, const struct row *row, journal_done_fn *done,
		void *arg)
{
	struct row copy;
	struct op *op;
	int err = row_copy(row, &copy);

	if (err)
		return err;
	err = add_op(j, OP_PUT, &op);
	if (err) {
		row_release(&copy);
		return err;
	}
	op->row = copy;
	op->done = done;
	op->arg = arg;
	kick(j);
	return 0;
}

int journal_forget(struct journal *j, int64_t id, journal_done_fn *done,
		   void *arg)
{
	struct op *op;
	int err = add_op(j, OP_FORGET, &op);

	if (err)
		return err;
	op->row.id = id;
	op->done = done;
	op->arg = arg;
	kick(j);
	return 0;
}

static void disown(struct list *ops, const void *arg)
{
	list_for_each(it, ops) {
		struct op *op = list_entry(it, struct op, node);

		if (op->arg == arg)
			op->done = NULL;
	}
}

void journal_disown(struct journal *j, const void *arg)
{
	disown(&j->waiting, arg);
	disown(&j->batch, arg);
	disown(&j->finished, arg);
}

const char *journal_why(const struct journal *j)
{
	return j->shown.code ? j->shown.text : NULL;
}
