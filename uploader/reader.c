/* SPDX-License-Identifier: MIT */
#include "uploader/reader.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = SOURCE_READ_MAX };

/* One chunk of the file: on its way, or there. */
struct slot {
	struct reader *reader;
	struct source_op *op; /* on its way */
	uint8_t *buffer;      /* ours while `op` is NULL */
	size_t length;	      /* bytes there */
	size_t wanted;
	int err;
	bool is_there;
};

/* Chunk i of the file goes through slot i modulo the window. */
struct reader {
	struct source_file *file;
	uint64_t size;
	uint64_t asked; /* chunks asked for */
	uint64_t at;	/* bytes given to the consumer */
	unsigned window;
	bool is_waited_for; /* the consumer got -EAGAIN */
	struct err why;
	reader_ready_fn *ready;
	void *arg;
	struct slot slots[READER_WINDOW_MAX];
};

static struct slot *slot_at(struct reader *r, uint64_t offset)
{
	return &r->slots[offset / CHUNK % r->window];
}

static void on_bytes(void *arg, const struct source_result *result)
{
	struct slot *s = arg;
	struct reader *r = s->reader;

	s->op = NULL;
	s->buffer = result->buffer;
	s->length = result->length;
	s->err = result->err;
	s->is_there = true;
	if (s->err && !r->why.code)
		r->why = result->why;
	if (!r->is_waited_for || s != slot_at(r, r->at))
		return;
	r->is_waited_for = false;
	r->ready(r->arg);
}

static int ask(struct reader *r, struct slot *s, uint64_t offset)
{
	uint64_t left = r->size - offset;
	int err;

	s->wanted = left < CHUNK ? (size_t)left : CHUNK;
	s->is_there = false;
	s->length = 0;
	if (!s->buffer)
		s->buffer = malloc(s->wanted);
	if (!s->buffer)
		return -ENOMEM;
	err = source_pread(r->file, offset, s->buffer, s->wanted, on_bytes, s,
			   &s->op);
	if (!err)
		s->buffer = NULL;
	return err;
}

/* Keeps the window full. What cannot be asked for now is asked for later. */
static int ask_ahead(struct reader *r)
{
	uint64_t first = r->at / CHUNK;

	while (r->asked < first + r->window && r->asked * CHUNK < r->size) {
		uint64_t offset = r->asked * CHUNK;
		int err = ask(r, slot_at(r, offset), offset);

		if (err)
			return r->asked > first ? 0 : err;
		r->asked++;
	}
	return 0;
}

int reader_new(struct loop *loop, struct source_file *take_file, uint64_t size,
	       unsigned window, reader_ready_fn *ready, void *arg,
	       struct reader **ret)
{
	struct reader *r = calloc(1, sizeof(*r));
	int err;

	if (!r) {
		source_close_file(take_file);
		return -ENOMEM;
	}
	assert(window > 0 && window <= READER_WINDOW_MAX);
	r->file = take_file;
	r->size = size;
	r->window = window;
	r->ready = ready;
	r->arg = arg;
	for (unsigned i = 0; i < window; i++)
		r->slots[i].reader = r;
	err = ask_ahead(r);
	if (err) {
		reader_free(r);
		return err;
	}
	*ret = r;
	return 0;
}

void reader_free(struct reader *r)
{
	if (!r)
		return;
	for (unsigned i = 0; i < r->window; i++) {
		if (r->slots[i].op)
			source_cancel(r->slots[i].op);
		free(r->slots[i].buffer);
	}
	source_close_file(r->file);
	free(r);
}

/* Why nothing can be copied at `at`: 0 if something can. */
static int obstacle(struct reader *r, const struct slot *s, size_t done)
{
	if (!s->is_there)
		return -EAGAIN;
	if (s->err)
		return s->err;
	if (done < s->length)
		return 0;
	return err_set(&r->why, -ESTALE, "the file became shorter");
}

ptrdiff_t reader_read(struct reader *r, uint8_t *dst, size_t n)
{
	size_t copied = 0;
	int err = 0;

	while (!err && copied < n && r->at < r->size) {
		struct slot *s = slot_at(r, r->at);
		size_t done = (size_t)(r->at % CHUNK), part = n - copied;

		err = ask_ahead(r);
		if (err)
			break;
		err = obstacle(r, s, done);
		if (err)
			break;
		part = part < s->length - done ? part : s->length - done;
		memcpy(dst + copied, s->buffer + done, part);
		copied += part;
		r->at += part;
		if (done + part == s->wanted)
			err = ask_ahead(r);
	}
	if (copied)
		return (ptrdiff_t)copied;
	r->is_waited_for = err == -EAGAIN;
	return err;
}

const struct err *reader_why(const struct reader *r)
{
	return &r->why;
}
