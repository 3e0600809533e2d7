/* SPDX-License-Identifier: MIT */
#include "uploader/journal_db.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <sqlite3.h>

#include "lib/buf.h"
#include "lib/str.h"

enum { SQL_MAX = 4096 };

struct journal_db {
	char *path; /* NULL: in memory */
	int lock_fd;
	sqlite3 *sqlite;
	sqlite3_stmt *put, *forget, *reserve;
	int64_t created_s, next_id;
	struct err why; /* of the last failure */
};

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER);"
	"INSERT OR IGNORE INTO meta VALUES ('format', 1);"
	"INSERT OR IGNORE INTO meta VALUES ('created', unixepoch());"
	"INSERT OR IGNORE INTO meta VALUES ('next_id', 1);";

static int explain(struct journal_db *d, int rc)
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
		{ SQLITE_BUSY, -EAGAIN, "another program has it open" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if ((rc & 0xff) == known[i].rc)
			return err_set(&d->why, known[i].err,
				       "journal %s: %s: %s", d->path,
				       sqlite3_errstr(rc), known[i].advice);
	return err_set(&d->why, -EIO, "journal %s: %s", d->path,
		       sqlite3_errstr(rc));
}

static int run_sql(struct journal_db *d, const char *sql)
{
	int rc = sqlite3_exec(d->sqlite, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : explain(d, rc);
}

static int prepare(struct journal_db *d, const char *sql, sqlite3_stmt **ret)
{
	int rc = sqlite3_prepare_v2(d->sqlite, sql, -1, ret, NULL);

	return rc == SQLITE_OK ? 0 : explain(d, rc);
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

static int make_tables(struct journal_db *d)
{
	struct buf sql;
	int err;

	buf_init(&sql, SQL_MAX);
	err = buf_add_str(&sql, "CREATE TABLE IF NOT EXISTS recording ("
				"id INTEGER PRIMARY KEY, state TEXT NOT NULL");
	err = err ? err : add_columns(&sql, "", "type");
	err = err ? err : buf_add_str(&sql, ");");
	err = err ? err : buf_add_str(&sql, schema);
	err = err ? err : run_sql(d, buf_text(&sql));
	buf_release(&sql);
	return err;
}

static int read_number(struct journal_db *d, const char *sql, int64_t *ret)
{
	sqlite3_stmt *s = NULL;
	int rc, err = prepare(d, sql, &s);

	if (err)
		return err;
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_int64(s, 0);
	else
		err = explain(d, rc == SQLITE_DONE ? SQLITE_CORRUPT : rc);
	sqlite3_finalize(s);
	return err;
}

/* A journal of an earlier version has fewer columns. */
static int add_column(struct journal_db *d, const char *name, const char *type)
{
	struct buf sql;
	int64_t there = 0;
	int err;

	buf_init(&sql, SQL_MAX);
	err = buf_printf(&sql,
			 "SELECT count(*) FROM pragma_table_info('recording') "
			 "WHERE name = '%s'",
			 name);
	err = err ? err : read_number(d, buf_text(&sql), &there);
	buf_clear(&sql);
	if (!err && !there)
		err = buf_printf(&sql, "ALTER TABLE recording ADD COLUMN %s %s",
				 name, type);
	if (!err && !there)
		err = run_sql(d, buf_text(&sql));
	buf_release(&sql);
	return err;
}

static int add_missing_columns(struct journal_db *d)
{
	int err = 0;

	for (int i = 0; i < ROW_TEXT_COUNT && !err; i++)
		err = add_column(d, row_text_name((enum row_text)i), "TEXT");
	for (int i = 0; i < ROW_NUMBER_COUNT && !err; i++)
		err = add_column(d, row_number_name((enum row_number)i),
				 "INTEGER");
	return err;
}

static int prepare_put(struct journal_db *d)
{
	struct buf sql;
	int err;

	buf_init(&sql, SQL_MAX);
	err = buf_add_str(&sql, "INSERT OR REPLACE INTO recording (id, state");
	err = err ? err : add_columns(&sql, "", "");
	err = err ? err : buf_add_str(&sql, ") VALUES (:id, :state");
	err = err ? err : add_columns(&sql, ":", "");
	err = err ? err : buf_add_str(&sql, ")");
	err = err ? err : prepare(d, buf_text(&sql), &d->put);
	buf_release(&sql);
	return err;
}

/* Columns are read in the order in which add_columns() names them. */
static int read_row(sqlite3_stmt *s, struct row *row)
{
	const char *state = (const char *)sqlite3_column_text(s, 1);
	const char *texts[ROW_TEXT_COUNT];
	int err, column = 2;

	*row = (struct row){ .id = sqlite3_column_int64(s, 0) };
	err = job_parse_name(state ? state : "", &row->state);
	if (err)
		return err;
	for (int i = 0; i < ROW_TEXT_COUNT; i++)
		texts[i] = (const char *)sqlite3_column_text(s, column++);
	for (int i = 0; i < ROW_NUMBER_COUNT; i++)
		row->number[i] = sqlite3_column_int64(s, column++);
	return row_fill(row, texts);
}

/*
 * A row that makes no sense (a later version's state) is left out: the
 * recording is then found again by its name and its mark.
 */
static int give_rows(struct journal_db *d, sqlite3_stmt *s,
		     journal_db_row_fn *fn, void *arg)
{
	struct row row;
	int rc, err;

	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		err = read_row(s, &row);
		if (!err)
			err = fn(arg, &row);
		if (err == -ENOMEM)
			return explain(d, SQLITE_NOMEM);
	}
	return rc == SQLITE_DONE ? 0 : explain(d, rc);
}

int journal_db_load(struct journal_db *d, journal_db_row_fn *fn, void *arg)
{
	sqlite3_stmt *s = NULL;
	struct buf sql;
	int err;

	buf_init(&sql, SQL_MAX);
	err = buf_add_str(&sql, "SELECT id, state");
	err = err ? err : add_columns(&sql, "", "");
	err = err ? err : buf_add_str(&sql, " FROM recording ORDER BY id");
	err = err ? err : prepare(d, buf_text(&sql), &s);
	err = err ? err : give_rows(d, s, fn, arg);
	sqlite3_finalize(s);
	buf_release(&sql);
	return err;
}

/* ---- writing ------------------------------------------------------------ */

static int step(struct journal_db *d, sqlite3_stmt *s)
{
	int rc = sqlite3_step(s);

	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return rc == SQLITE_DONE ? 0 : explain(d, rc);
}

int journal_db_begin(struct journal_db *d)
{
	return run_sql(d, "BEGIN IMMEDIATE");
}

int journal_db_commit(struct journal_db *d)
{
	return run_sql(d, "COMMIT");
}

void journal_db_rollback(struct journal_db *d)
{
	sqlite3_exec(d->sqlite, "ROLLBACK", NULL, NULL, NULL);
}

/* Without a copy: the row outlives the step. */
static void bind_text(sqlite3_stmt *s, int column, const char *text)
{
	sqlite3_bind_text(s, column, *text ? text : NULL, -1, SQLITE_STATIC);
}

int journal_db_put(struct journal_db *d, const struct row *row)
{
	sqlite3_stmt *s = d->put;
	int column = 1;

	sqlite3_bind_int64(s, column++, row->id);
	sqlite3_bind_text(s, column++, job_name(row->state), -1, SQLITE_STATIC);
	for (int i = 0; i < ROW_TEXT_COUNT; i++)
		bind_text(s, column++, row_get(row, (enum row_text)i));
	for (int i = 0; i < ROW_NUMBER_COUNT; i++)
		sqlite3_bind_int64(s, column++, row->number[i]);
	return step(d, s);
}

int journal_db_forget(struct journal_db *d, int64_t id)
{
	sqlite3_bind_int64(d->forget, 1, id);
	return step(d, d->forget);
}

int journal_db_reserve(struct journal_db *d, int64_t next_id)
{
	sqlite3_bind_int64(d->reserve, 1, next_id);
	return step(d, d->reserve);
}

/* ---- opening ------------------------------------------------------------ */

/*
 * A lock of NFS or SMB may be of this host alone, or be lost while it is held;
 * and what SQLite shares in memory is never seen by another host.
 */
static bool is_on_network(int fd)
{
	static const unsigned types[] = { NFS_SUPER_MAGIC, SMB_SUPER_MAGIC,
					  CIFS_SUPER_MAGIC, SMB2_SUPER_MAGIC };
	struct statfs fs;

	if (fstatfs(fd, &fs))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if ((unsigned)fs.f_type == types[i])
			return true;
	return false;
}

static int lock(struct journal_db *d)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char *path = NULL;

	if (asprintf(&path, "%s.lock", d->path) < 0)
		return explain(d, SQLITE_NOMEM);
	d->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	free(path);
	if (d->lock_fd < 0)
		return err_set(&d->why, -errno,
			       "journal %s: %s: its directory must exist and "
			       "belong to the uploader",
			       d->path, err_str(-errno));
	if (is_on_network(d->lock_fd))
		return err_set(&d->why, -ENOTSUP,
			       "journal %s: on a network file system: it must "
			       "be on a disk of this host",
			       d->path);
	if (!fcntl(d->lock_fd, F_OFD_SETLK, &fl))
		return 0;
	if (errno != EAGAIN && errno != EACCES)
		return err_set(&d->why, -errno,
			       "journal %s: no lock: %s: it must be on a disk "
			       "of this host",
			       d->path, err_str(-errno));
	return err_set(&d->why, -EBUSY,
		       "journal %s is held by another uploader: standing by",
		       d->path);
}

static int open_file(struct journal_db *d)
{
	int rc = sqlite3_open_v2(d->path ? d->path : ":memory:", &d->sqlite,
				 SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
					 SQLITE_OPEN_NOMUTEX,
				 NULL);

	if (rc != SQLITE_OK)
		return explain(d, rc);
	return run_sql(d, "PRAGMA journal_mode = WAL;"
			  "PRAGMA synchronous = FULL;"
			  "PRAGMA foreign_keys = OFF;"
			  "PRAGMA busy_timeout = 1000;");
}

static int prepare_all(struct journal_db *d)
{
	int err = prepare_put(d);

	err = err ? err
		  : prepare(d, "DELETE FROM recording WHERE id = ?",
			    &d->forget);
	return err ? err
		   : prepare(d,
			     "UPDATE meta SET value = ? WHERE key = 'next_id'",
			     &d->reserve);
}

static int read_meta(struct journal_db *d)
{
	int err = read_number(d, "SELECT value FROM meta WHERE key = 'created'",
			      &d->created_s);

	return err ? err
		   : read_number(d,
				 "SELECT max(value, (SELECT ifnull("
				 "max(id), 0) + 1 FROM recording)) "
				 "FROM meta WHERE key = 'next_id'",
				 &d->next_id);
}

int journal_db_open(const char *path, struct journal_db **ret, struct err *why)
{
	struct journal_db *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return err_set(why, -ENOMEM, "journal: memory is short");
	d->lock_fd = -1;
	err = str_replace(&d->path, path);
	if (err)
		err_set(&d->why, err, "journal: memory is short");
	if (!err && path)
		err = lock(d);
	err = err ? err : open_file(d);
	err = err ? err : make_tables(d);
	err = err ? err : add_missing_columns(d);
	err = err ? err : prepare_all(d);
	err = err ? err : read_meta(d);
	if (err) {
		*why = d->why;
		journal_db_close(d);
		return err;
	}
	*ret = d;
	return 0;
}

void journal_db_close(struct journal_db *d)
{
	if (!d)
		return;
	sqlite3_finalize(d->put);
	sqlite3_finalize(d->forget);
	sqlite3_finalize(d->reserve);
	sqlite3_close(d->sqlite);
	if (d->lock_fd >= 0)
		close(d->lock_fd);
	free(d->path);
	free(d);
}

const struct err *journal_db_why(const struct journal_db *d)
{
	return &d->why;
}

int64_t journal_db_created(const struct journal_db *d)
{
	return d->created_s;
}

int64_t journal_db_next_id(const struct journal_db *d)
{
	return d->next_id;
}
