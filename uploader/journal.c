/* SPDX-License-Identifier: MIT */
#include "uploader/journal.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/mono.h"
#include "lib/offload.h"
#include "lib/str.h"
#include "uploader/journal_db.h"

enum {
	ID_BLOCK = 1000, /* ids reserved ahead, so that none is used twice */
	RETRY_MS = 2000,
	LOADED_ROWS = 1024,
};

enum op_kind { OP_PUT, OP_FORGET, OP_RESERVE };

struct journal_op {
	struct list node;
	enum op_kind kind;
	struct row row; /* OP_FORGET, OP_RESERVE: only the id */
	journal_done_fn *done;
	void *arg;
};

/* Large enough for the memory to go back to the system once it is read. */
struct loaded {
	struct list node;
	size_t count, given;
	struct row rows[LOADED_ROWS];
};

struct journal {
	struct offload *helper;
	struct journal_calls calls;
	char *path; /* NULL: in memory */
	struct offload_job job;
	struct loop_timer retry;
	bool busy; /* `job` is on the helper */
	bool is_open;
	struct list waiting; /* ops not yet handed over */
	struct list batch;   /* ops of the transaction under way */
	int64_t next_id, id_limit;
	bool closing;
	struct err shown; /* why the last batch failed, code 0: it did not */

	/* The helper's while `busy`. */
	struct journal_db *db;
	struct list loaded;
	int result;
	struct err why;
};

/* ---- on the helper thread ------------------------------------------- */

static struct loaded *room(struct journal *j)
{
	struct loaded *l = NULL;

	if (!list_is_empty(&j->loaded))
		l = list_entry(j->loaded.prev, struct loaded, node);
	if (l && l->count < LOADED_ROWS)
		return l;
	l = calloc(1, sizeof(*l));
	if (l)
		list_add_tail(&j->loaded, &l->node);
	return l;
}

static int keep_row(void *arg, struct row *take_row)
{
	struct loaded *l = room(arg);

	if (!l) {
		row_release(take_row);
		return -ENOMEM;
	}
	l->rows[l->count++] = *take_row;
	return 0;
}

static void drop_loaded(struct journal *j)
{
	list_for_each_safe(it, &j->loaded) {
		struct loaded *l = list_entry(it, struct loaded, node);

		list_del(it);
		for (size_t i = l->given; i < l->count; i++)
			row_release(&l->rows[i]);
		free(l);
	}
}

static int open_database(struct journal *j)
{
	int err = journal_db_open(j->path, &j->db, &j->why);

	if (err)
		return err;
	err = journal_db_load(j->db, keep_row, j);
	if (err) {
		j->why = *journal_db_why(j->db);
		drop_loaded(j);
		journal_db_close(j->db);
		j->db = NULL;
	}
	return err;
}

static int run_op(struct journal_db *db, const struct journal_op *op)
{
	switch (op->kind) {
	case OP_PUT:
		return journal_db_put(db, &op->row);
	case OP_FORGET:
		return journal_db_forget(db, op->row.id);
	default:
		return journal_db_reserve(db, op->row.id);
	}
}

static int write_batch(struct journal *j)
{
	int err = journal_db_begin(j->db);

	list_for_each(it, &j->batch) {
		if (err)
			break;
		err = run_op(j->db, list_entry(it, struct journal_op, node));
	}
	return err ? err : journal_db_commit(j->db);
}

static int run_batch(struct journal *j)
{
	int err = write_batch(j);

	if (err) {
		j->why = *journal_db_why(j->db);
		journal_db_rollback(j->db);
	}
	return err;
}

static void run_job(struct offload_job *job)
{
	struct journal *j = list_entry(job, struct journal, job);

	j->result = j->db ? run_batch(j) : open_database(j);
}

/* ---- on the loop ------------------------------------------------------ */

static void free_op(struct journal_op *op)
{
	row_release(&op->row);
	free(op);
}

static void free_ops(struct list *ops)
{
	list_for_each_safe(it, ops) {
		list_del(it);
		free_op(list_entry(it, struct journal_op, node));
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

static int add_op(struct journal *j, enum op_kind kind, struct journal_op **ret)
{
	struct journal_op *op = calloc(1, sizeof(*op));

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
	struct journal_op *op;

	if (add_op(j, OP_RESERVE, &op))
		return; /* the next taker tries again */
	j->id_limit += ID_BLOCK;
	op->row.id = j->id_limit;
}

static int give_rows(struct journal *j, struct loaded *l)
{
	for (; l->given < l->count; l->given++)
		if (j->calls.row(j->calls.arg, &l->rows[l->given]))
			return -ENOMEM;
	return 0;
}

static void give_all(struct journal *j)
{
	list_for_each_safe(it, &j->loaded) {
		struct loaded *l = list_entry(it, struct loaded, node);

		if (give_rows(j, l)) {
			loop_timer_start(&j->retry, RETRY_MS);
			return;
		}
		list_del(it);
		free(l);
	}
	j->is_open = true;
	j->next_id = j->id_limit = journal_db_next_id(j->db);
	reserve_ids(j);
	j->calls.opened(j->calls.arg, 0, NULL, journal_db_created(j->db));
	kick(j);
}

static void on_open_done(struct journal *j)
{
	struct err why = j->why;

	if (!j->result) {
		give_all(j);
		return;
	}
	loop_timer_start(&j->retry, RETRY_MS);
	j->calls.opened(j->calls.arg, j->result, &why, 0);
}

static void on_retry(struct loop_timer *timer)
{
	struct journal *j = list_entry(timer, struct journal, retry);

	if (j->is_open)
		kick(j);
	else if (j->db)
		give_all(j);
	else
		submit(j);
}

static void on_batch_done(struct journal *j)
{
	struct list done;

	j->shown.code = j->result;
	if (j->result) {
		j->shown = j->why;
		loop_timer_start(&j->retry, RETRY_MS);
		j->calls.trouble(j->calls.arg);
		return;
	}
	list_take(&done, &j->batch);
	kick(j);
	list_for_each_safe(it, &done) {
		struct journal_op *op = list_entry(it, struct journal_op, node);

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
	j->calls = *calls;
	j->job.run = run_job;
	j->job.done = job_done;
	list_init(&j->waiting);
	list_init(&j->batch);
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
	drop_loaded(j);
	journal_db_close(j->db);
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
		void *arg, struct journal_op **ret)
{
	struct journal_op *op;
	struct row copy;
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
	*ret = op;
	return 0;
}

int journal_forget(struct journal *j, int64_t id)
{
	struct journal_op *op;
	int err = add_op(j, OP_FORGET, &op);

	if (err)
		return err;
	op->row.id = id;
	kick(j);
	return 0;
}

void journal_disown(struct journal_op *op)
{
	if (op)
		op->done = NULL;
}

const char *journal_why(const struct journal *j)
{
	return j->shown.code ? j->shown.text : NULL;
}
