/* SPDX-License-Identifier: MIT */
#include "uploader/journal.h"

#include <linux/magic.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <sqlite3.h>

#include "tests/unit.h"

enum { DEADLINE_MS = 20000, ROWS_MAX = 64 };

struct bench {
	struct loop *loop;
	struct loop_timer deadline;
	struct journal *journal;
	struct journal_op *op; /* the last one */
	int64_t refused_id;    /* once */
	char dir[64], path[96];
	struct row rows[ROWS_MAX];
	size_t row_count;
	int opened, open_err, done;
	int stop_at_done;
	bool late;
};

static void on_deadline(struct loop_timer *timer)
{
	struct bench *b = list_entry(timer, struct bench, deadline);

	b->late = true;
	loop_stop(b->loop);
}

static int on_row(void *arg, struct row *row)
{
	struct bench *b = arg;

	if (b->refused_id == row->id) {
		b->refused_id = 0;
		return -ENOMEM;
	}
	if (b->row_count < ROWS_MAX)
		b->rows[b->row_count++] = *row;
	else
		row_release(row);
	return 0;
}

static void on_opened(void *arg, int err, const struct err *why,
		      int64_t created_s)
{
	struct bench *b = arg;

	b->opened++;
	b->open_err = err;
	loop_stop(b->loop);
}

static void on_trouble(void *arg)
{
}

static void on_done(void *arg)
{
	struct bench *b = arg;

	if (++b->done == b->stop_at_done)
		loop_stop(b->loop);
}

static int open_journal(struct bench *b, const char *path)
{
	struct journal_calls calls = { on_row, on_opened, on_trouble, b };
	int err = journal_open(b->loop, path, &calls, &b->journal);

	return err ? err : loop_run(b->loop);
}

static void drop_rows(struct bench *b)
{
	for (size_t i = 0; i < b->row_count; i++)
		row_release(&b->rows[i]);
	b->row_count = 0;
}

static int setup(struct bench *b)
{
	int err = loop_new(&b->loop);

	err = err ? err : loop_timer_init(&b->deadline, b->loop, on_deadline);
	if (err)
		return err;
	loop_timer_start(&b->deadline, DEADLINE_MS);
	strcpy(b->dir, "/tmp/test-journal.XXXXXX");
	if (!mkdtemp(b->dir))
		return -errno;
	snprintf(b->path, sizeof(b->path), "%s/journal.db", b->dir);
	return 0;
}

static void teardown(struct bench *b)
{
	static const char *const endings[] = { "", "-wal", "-shm", ".lock" };
	char path[128];

	journal_close(b->journal);
	drop_rows(b);
	loop_timer_release(&b->deadline);
	loop_free(b->loop);
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		snprintf(path, sizeof(path), "%s%s", b->path, endings[i]);
		unlink(path);
	}
	rmdir(b->dir);
}

static int put(struct bench *b, int64_t id, enum job_state state,
	       const char *name)
{
	struct row row = { .id = id, .state = state };
	int err = row_set(&row, ROW_DIR, "spaces/x");

	err = err ? err : row_set(&row, ROW_NAME, name);
	row.number[ROW_SIZE] = 1LL << 40;
	err = err ? err : journal_put(b->journal, &row, on_done, b, &b->op);
	row_release(&row);
	return err;
}

static int test_round_trip(void)
{
	struct bench b = { 0 };
	int64_t first, id;
	int err = setup(&b);

	CHECK_OK(err);
	CHECK_OK(open_journal(&b, b.path));
	CHECK_EQ(b.open_err, 0);
	first = journal_take_id(b.journal);
	CHECK_OK(put(&b, first, JOB_SETTLING, "a.mp4"));
	CHECK_OK(put(&b, journal_take_id(b.journal), JOB_READY, "\xff.mp4"));
	CHECK_OK(put(&b, first, JOB_MARKING, "a.mp4"));
	CHECK_OK(put(&b, journal_take_id(b.journal), JOB_READY, "c.mp4"));
	CHECK_OK(journal_forget(b.journal, first + 2));
	CHECK_OK(put(&b, first, JOB_MARKING, "a.mp4"));
	b.stop_at_done = 5;
	CHECK_OK(loop_run(b.loop));
	CHECK(!b.late);
	journal_close(b.journal);
	b.journal = NULL;

	CHECK_OK(open_journal(&b, b.path));
	CHECK_EQ(b.row_count, 2);
	CHECK_EQ(b.rows[0].id, first);
	CHECK_EQ(b.rows[0].state, JOB_MARKING);
	CHECK_STR(row_get(&b.rows[0], ROW_DIR), "spaces/x");
	CHECK_STR(row_get(&b.rows[0], ROW_VIDEO_ID), "");
	CHECK_EQ(b.rows[0].number[ROW_SIZE], 1LL << 40);
	CHECK_STR(row_get(&b.rows[1], ROW_NAME), "\xff.mp4");
	id = journal_take_id(b.journal);
	CHECK(id > first + 2);
out:
	teardown(&b);
	return err;
}

static int test_standby(void)
{
	struct bench b = { 0 };
	struct journal *first;
	int err = setup(&b);

	CHECK_OK(err);
	CHECK_OK(open_journal(&b, b.path));
	first = b.journal;
	b.journal = NULL;
	CHECK_OK(open_journal(&b, b.path));
	CHECK_EQ(b.open_err, -EBUSY);
	journal_close(first);
	/* The second tries again by itself and takes over. */
	CHECK_OK(loop_run(b.loop));
	CHECK(!b.late);
	CHECK_EQ(b.opened, 3);
	CHECK_EQ(b.open_err, 0);
out:
	teardown(&b);
	return err;
}

static long fake_type; /* of every file system; 0: none */

int __real_fstatfs(int fd, struct statfs *ret);
int __wrap_fstatfs(int fd, struct statfs *ret);

int __wrap_fstatfs(int fd, struct statfs *ret)
{
	int err = __real_fstatfs(fd, ret);

	if (fake_type)
		ret->f_type = fake_type;
	return err;
}

/* It is not opened there, and says so; moved to a disk, it goes on. */
static int test_network(void)
{
	struct bench b = { 0 };
	int err = setup(&b);

	CHECK_OK(err);
	fake_type = NFS_SUPER_MAGIC;
	CHECK_OK(open_journal(&b, b.path));
	CHECK_EQ(b.open_err, -ENOTSUP);
	fake_type = 0;
	CHECK_OK(loop_run(b.loop));
	CHECK(!b.late);
	CHECK_EQ(b.open_err, 0);
out:
	fake_type = 0;
	teardown(&b);
	return err;
}

/* sqlite3(1) or a backup is no other uploader: nobody stands by. */
static int test_busy(void)
{
	struct bench b = { 0 };
	sqlite3 *db = NULL;
	int err = setup(&b);

	CHECK_OK(err);
	CHECK_OK(open_journal(&b, b.path));
	journal_close(b.journal);
	b.journal = NULL;
	CHECK(sqlite3_open(b.path, &db) == SQLITE_OK);
	CHECK(sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL) ==
	      SQLITE_OK);
	CHECK_OK(open_journal(&b, b.path));
	CHECK_EQ(b.open_err, -EAGAIN);
	sqlite3_close(db);
	db = NULL;
	CHECK_OK(loop_run(b.loop));
	CHECK_EQ(b.open_err, 0);
out:
	sqlite3_close(db);
	teardown(&b);
	return err;
}

static int test_damaged(void)
{
	struct bench b = { 0 };
	FILE *f;
	int err = setup(&b);

	CHECK_OK(err);
	f = fopen(b.path, "w");
	CHECK(f);
	fprintf(f, "%0512d", 7);
	fclose(f);
	CHECK_OK(open_journal(&b, b.path));
	CHECK_EQ(b.open_err, -EBADMSG);
out:
	teardown(&b);
	return err;
}

static int test_older(void)
{
	static const char sql[] =
		"CREATE TABLE recording (id INTEGER PRIMARY KEY, state TEXT, "
		"dir TEXT, name TEXT);"
		"INSERT INTO recording VALUES (7, 'ready', 'd', 'n.mp4');"
		"INSERT INTO recording VALUES (8, 'dancing', 'd', 'o.mp4');"
		"INSERT INTO recording VALUES (9, 'ready', 'd', 'p.mp4');";
	struct bench b = { 0 };
	sqlite3 *db = NULL;
	int err = setup(&b);

	CHECK_OK(err);
	CHECK(sqlite3_open(b.path, &db) == SQLITE_OK);
	CHECK(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
	sqlite3_close(db);
	db = NULL;
	b.refused_id = 9; /* given once more, when there is memory */
	CHECK_OK(open_journal(&b, b.path));
	CHECK_EQ(b.open_err, 0);
	/* A state that only a later version knows is left out. */
	CHECK_EQ(b.row_count, 2);
	CHECK_EQ(b.rows[0].id, 7);
	CHECK_EQ(b.rows[1].id, 9);
	CHECK(journal_take_id(b.journal) > 9);
	CHECK_OK(put(&b, 10, JOB_READY, "q.mp4"));
	b.stop_at_done = 1;
	CHECK_OK(loop_run(b.loop));
	CHECK(!b.late);
out:
	sqlite3_close(db);
	teardown(&b);
	return err;
}

static int test_disown(void)
{
	struct bench b = { 0 };
	int err = setup(&b);

	CHECK_OK(err);
	CHECK_OK(open_journal(&b, NULL));
	CHECK_OK(put(&b, journal_take_id(b.journal), JOB_READY, "a.mp4"));
	journal_disown(NULL);
	journal_disown(b.op);
	CHECK_OK(put(&b, journal_take_id(b.journal), JOB_READY, "b.mp4"));
	b.stop_at_done = 1;
	CHECK_OK(loop_run(b.loop));
	CHECK(!b.late);
	CHECK_EQ(b.done, 1);
out:
	teardown(&b);
	return err;
}

static const struct unit_test tests[] = {
	{ "rows come back", test_round_trip, UNIT_NO_OOM },
	{ "a second uploader stands by and takes over", test_standby,
	  UNIT_NO_OOM },
	{ "no journal on a network file system", test_network, UNIT_NO_OOM },
	{ "another program has it open for a while", test_busy, UNIT_NO_OOM },
	{ "a damaged journal is told", test_damaged, UNIT_NO_OOM },
	{ "an older journal gets its columns", test_older, UNIT_NO_OOM },
	{ "a disowned answer does not come", test_disown, UNIT_NO_OOM },
};
UNIT_MAIN(tests)
