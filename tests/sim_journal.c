/* SPDX-License-Identifier: MIT */
#include "uploader/journal.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/mono.h"
#include "tests/sim.h"

enum { WRITE_MS = 20, RETRY_MS = 2000 };

struct journal_op {
	struct list node;
	struct row row;
	bool forget;
	journal_done_fn *done;
	void *arg;
};

struct journal {
	struct journal_calls calls;
	struct loop_timer timer; /* opens it, then makes one write durable */
	struct list waiting;
	size_t given; /* rows */
	bool is_open;
};

static void free_op(struct journal_op *op)
{
	row_release(&op->row);
	free(op);
}

static struct row *slot_of(int64_t id)
{
	struct row *free_slot = NULL;

	for (size_t i = 0; i < SIM_ROWS_MAX; i++) {
		if (sim.rows[i].id == id)
			return &sim.rows[i];
		if (!sim.rows[i].id && !free_slot)
			free_slot = &sim.rows[i];
	}
	return free_slot;
}

static void make_durable(struct journal_op *op)
{
	struct row *slot = slot_of(op->row.id);

	row_release(slot);
	*slot = op->forget ? (struct row){ 0 } : op->row;
	if (!op->forget)
		op->row = (struct row){ 0 };
}

static void write_one(struct journal *j)
{
	struct list *it = list_first(&j->waiting);
	struct journal_op *op;

	if (!it)
		return;
	if (sim.disk_is_full) {
		loop_timer_start(&j->timer, RETRY_MS);
		j->calls.trouble(j->calls.arg);
		return;
	}
	op = list_entry(it, struct journal_op, node);
	list_del(&op->node);
	make_durable(op);
	if (op->done)
		op->done(op->arg);
	free_op(op);
	if (!list_is_empty(&j->waiting))
		loop_timer_start(&j->timer, WRITE_MS);
}

static int give_row(struct journal *j, const struct row *row)
{
	struct row copy;

	if (row_copy(row, &copy))
		return -ENOMEM;
	if (!j->calls.row(j->calls.arg, &copy))
		return 0;
	row_release(&copy);
	return -ENOMEM;
}

static void load(struct journal *j)
{
	for (; j->given < SIM_ROWS_MAX; j->given++) {
		if (!sim.rows[j->given].id || !give_row(j, &sim.rows[j->given]))
			continue;
		loop_timer_start(&j->timer, RETRY_MS);
		return;
	}
	j->is_open = true;
	if (!sim.journal_created_s)
		sim.journal_created_s = mono_wall_s();
	j->calls.opened(j->calls.arg, 0, NULL, sim.journal_created_s);
}

static void on_timer(struct loop_timer *timer)
{
	struct journal *j = list_entry(timer, struct journal, timer);

	if (j->is_open)
		write_one(j);
	else
		load(j);
}

int journal_open(struct loop *loop, const char *path,
		 const struct journal_calls *calls, struct journal **ret)
{
	struct journal *j = calloc(1, sizeof(*j));

	if (!j)
		return -ENOMEM;
	j->calls = *calls;
	list_init(&j->waiting);
	if (loop_timer_init(&j->timer, loop, on_timer)) {
		free(j);
		return -ENOMEM;
	}
	loop_timer_start(&j->timer, WRITE_MS);
	*ret = j;
	return 0;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	list_for_each_safe(it, &j->waiting) {
		list_del(it);
		free_op(list_entry(it, struct journal_op, node));
	}
	loop_timer_release(&j->timer);
	free(j);
}

int64_t journal_take_id(struct journal *j)
{
	return sim.next_id++;
}

static struct journal_op *add_op(struct journal *j)
{
	struct journal_op *op = calloc(1, sizeof(*op));

	if (!op)
		return NULL;
	list_add_tail(&j->waiting, &op->node);
	if (!loop_timer_is_armed(&j->timer))
		loop_timer_start(&j->timer, WRITE_MS);
	return op;
}

int journal_put(struct journal *j, const struct row *row, journal_done_fn *done,
		void *arg, struct journal_op **ret)
{
	struct journal_op *op;
	struct row copy;

	if (row_copy(row, &copy))
		return -ENOMEM;
	op = add_op(j);
	if (!op) {
		row_release(&copy);
		return -ENOMEM;
	}
	op->row = copy;
	op->done = done;
	op->arg = arg;
	*ret = op;
	return 0;
}

int journal_forget(struct journal *j, int64_t id)
{
	struct journal_op *op = add_op(j);

	if (!op)
		return -ENOMEM;
	op->row.id = id;
	op->forget = true;
	return 0;
}

void journal_disown(struct journal_op *op)
{
	if (op)
		op->done = NULL;
}

const char *journal_why(const struct journal *j)
{
	return sim.disk_is_full ? "the disk of the journal is full" : NULL;
}
