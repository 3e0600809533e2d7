/* SPDX-License-Identifier: MIT */
#include "uploader/source.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "uploader/source_ops.h"

void source_init(struct source *source, const struct source_ops *ops,
		 struct loop *loop, source_changed_fn *changed, void *arg)
{
	source->ops = ops;
	source->loop = loop;
	source->changed = changed;
	source->changed_arg = arg;
	list_init(&source->all);
}

void source_get_status(const struct source *source,
		       struct source_status *ret_status)
{
	source->ops->get_status(source, ret_status);
}

/* ---- operations ---------------------------------------------------------- */

static void drop_file(struct source_file *file)
{
	if (--file->busy == 0 && file->closing)
		file->source->ops->close_file(file);
}

static void free_op(struct source_op *op)
{
	op->source->ops->release(op);
	if (op->result.file)
		source_close_file(op->result.file);
	if (op->file)
		drop_file(op->file);
	list_del(&op->all_node);
	loop_timer_release(&op->timer);
	free(op->path);
	free(op->to);
	free(op->buffer);
	free(op);
}

/* Files and buffers change hands here, before anyone can look back. */
static void give_answer(struct loop_task *task)
{
	struct source_op *op = list_entry(task, struct source_op, task);
	struct source_result result = op->result;

	result.buffer = op->buffer;
	op->buffer = NULL;
	if (result.err)
		result.file = NULL;
	else
		op->result.file = NULL;
	op->done(op->arg, &result);
	free_op(op);
}

static void on_timer(struct loop_timer *timer)
{
	struct source_op *op = list_entry(timer, struct source_op, timer);

	op->finished = false;
	memset(&op->result, 0, sizeof(op->result));
	op->source->ops->start(op);
}

/* What only looks may do so twice. */
static bool is_patient(const struct source_op *op)
{
	return op->verb == SOURCE_STAT || op->verb == SOURCE_FSTAT ||
	       op->verb == SOURCE_PREAD;
}

static bool try_later(struct source_op *op)
{
	if (op->result.err != -EBUSY || !is_patient(op) ||
	    op->tries == SOURCE_TRIES_MAX)
		return false;
	if (!op->timer.event &&
	    loop_timer_init(&op->timer, op->source->loop, on_timer))
		return false;
	loop_timer_start(&op->timer, (uint64_t)SOURCE_PAUSE_MS << op->tries++);
	return true;
}

void source_op_finish(struct source_op *op)
{
	assert(!op->finished);
	op->finished = true;
	if (op->canceled)
		free_op(op);
	else if (!try_later(op))
		loop_defer(op->source->loop, &op->task);
}

void source_op_fail(struct source_op *op, int err, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	op->result.err = err_set(&op->result.why, err, "%s", text);
	source_op_finish(op);
}

const char *source_verb_text(enum source_verb verb)
{
	static const char *const texts[] = {
		[SOURCE_LIST] = "list",		  [SOURCE_STAT] = "look at",
		[SOURCE_OPEN] = "open",		  [SOURCE_RENAME] = "rename",
		[SOURCE_REMOVE] = "remove",	  [SOURCE_PREAD] = "read",
		[SOURCE_MAY_WRITE] = "rename in", [SOURCE_FSTAT] = "look at",
	};

	return texts[verb];
}

void source_cancel(struct source_op *op)
{
	op->canceled = true;
	if (!op->finished)
		return;
	loop_cancel(op->source->loop, &op->task);
	free_op(op);
}

static char *copy_text(const char *s)
{
	return s ? strdup(s) : NULL;
}

static struct source_op *new_op(struct source *source, enum source_verb verb,
				const char *path, const char *to)
{
	struct source_op *op = calloc(1, source->ops->op_size);

	if (!op)
		return NULL;
	op->source = source;
	op->verb = verb;
	loop_task_init(&op->task, give_answer);
	list_init(&op->all_node);
	op->path = copy_text(path);
	op->to = copy_text(to);
	if ((path && !op->path) || (to && !op->to)) {
		free(op->path);
		free(op->to);
		free(op);
		return NULL;
	}
	return op;
}

static int start(struct source_op *op, source_done_fn *done, void *arg,
		 struct source_op **ret_op)
{
	if (!op)
		return -ENOMEM;
	op->done = done;
	op->arg = arg;
	list_add_tail(&op->source->all, &op->all_node);
	if (op->file)
		op->file->busy++;
	if (ret_op)
		*ret_op = op;
	op->source->ops->start(op);
	return 0;
}

int source_list(struct source *source, const char *dir, source_done_fn *done,
		void *arg, struct source_op **ret_op)
{
	return start(new_op(source, SOURCE_LIST, dir, NULL), done, arg, ret_op);
}

int source_stat(struct source *source, const char *path, source_done_fn *done,
		void *arg, struct source_op **ret_op)
{
	return start(new_op(source, SOURCE_STAT, path, NULL), done, arg,
		     ret_op);
}

int source_open_file(struct source *source, const char *path,
		     source_done_fn *done, void *arg, struct source_op **ret_op)
{
	return start(new_op(source, SOURCE_OPEN, path, NULL), done, arg,
		     ret_op);
}

int source_rename(struct source *source, const char *from, const char *to,
		  source_done_fn *done, void *arg, struct source_op **ret_op)
{
	return start(new_op(source, SOURCE_RENAME, from, to), done, arg,
		     ret_op);
}

int source_may_write(struct source *source, const char *dir,
		     source_done_fn *done, void *arg, struct source_op **ret_op)
{
	return start(new_op(source, SOURCE_MAY_WRITE, dir, NULL), done, arg,
		     ret_op);
}

int source_remove(struct source *source, const char *path, source_done_fn *done,
		  void *arg, struct source_op **ret_op)
{
	return start(new_op(source, SOURCE_REMOVE, path, NULL), done, arg,
		     ret_op);
}

int source_pread(struct source_file *file, uint64_t offset, uint8_t *buffer,
		 size_t n, source_done_fn *done, void *arg,
		 struct source_op **ret_op)
{
	struct source_op *op = new_op(file->source, SOURCE_PREAD, NULL, NULL);

	assert(n <= SOURCE_READ_MAX);
	if (!op)
		return -ENOMEM;
	op->file = file;
	op->offset = offset;
	op->buffer = buffer;
	op->length = n;
	return start(op, done, arg, ret_op);
}

int source_fstat(struct source_file *file, source_done_fn *done, void *arg,
		 struct source_op **ret_op)
{
	struct source_op *op = new_op(file->source, SOURCE_FSTAT, NULL, NULL);

	if (op)
		op->file = file;
	return start(op, done, arg, ret_op);
}

void source_close_file(struct source_file *file)
{
	if (!file)
		return;
	assert(!file->closing);
	file->closing = true;
	if (file->busy == 0)
		file->source->ops->close_file(file);
}

/* A cancelled operation that had finished is freed at once. */
void source_close(struct source *source)
{
	if (!source)
		return;
	list_for_each_safe(it, &source->all) {
		struct source_op *op =
			list_entry(it, struct source_op, all_node);

		if (!op->canceled)
			source_cancel(op);
	}
	source->ops->close(source);
}
