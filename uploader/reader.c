/* SPDX-License-Identifier: MIT */
#include "uploader/reader.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	CHUNK = SOURCE_READ_MAX,
	WINDOW_FIRST = 2,
	SHRINK_AFTER = 128, /* chunks */
};

/* One chunk of the file: on its way, or there. */
struct slot {
	struct reader *reader;
	struct source_op *op; /* on its way */
	uint8_t *buffer;      /* there */
	size_t length;	      /* bytes there */
	size_t wanted;
	int err;
	bool is_there;
};

/*
 * Chunk i of the file goes through slot i modulo READER_WINDOW_MAX. The window
 * is as small as will do, since what has been in memory for long has left the
 * cache (measured: eight chunks cost half as much CPU again as two): it grows
 * when the consumer has to wait, and shrinks after a long time of plenty. For
 * the same reason the buffer that was emptied last is filled next.
 */
struct reader {
	struct source_file *file;
	uint64_t size;
	uint64_t asked; /* chunks asked for */
	uint64_t at;	/* bytes given to the consumer */
	unsigned window, window_max;
	unsigned under_way;
	unsigned plenty; /* chunks in a row at whose end all were there */
	unsigned free_count;
	uint8_t *free[READER_WINDOW_MAX];
	bool is_waited_for; /* the consumer got -EAGAIN */
	struct err why;
	reader_ready_fn *ready;
	void *arg;
	struct slot slots[READER_WINDOW_MAX];
};

static struct slot *slot_at(struct reader *r, uint64_t offset)
{
	return &r->slots[offset / CHUNK % READER_WINDOW_MAX];
}

static void on_bytes(void *arg, const struct source_result *result)
{
	struct slot *s = arg;
	struct reader *r = s->reader;

	s->op = NULL;
	r->under_way--;
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

static uint8_t *take_buffer(struct reader *r, size_t n)
{
	if (r->free_count)
		return r->free[--r->free_count];
	return malloc(r->size < CHUNK ? n : CHUNK);
}

static void give_buffer(struct reader *r, uint8_t *buffer)
{
	r->free[r->free_count++] = buffer;
}

static int ask(struct reader *r, struct slot *s, uint64_t offset)
{
	uint64_t left = r->size - offset;
	uint8_t *buffer;
	int err;

	s->wanted = left < CHUNK ? (size_t)left : CHUNK;
	s->is_there = false;
	s->length = 0;
	buffer = take_buffer(r, s->wanted);
	if (!buffer)
		return -ENOMEM;
	err = source_pread(r->file, offset, buffer, s->wanted, on_bytes, s,
			   &s->op);
	if (err)
		give_buffer(r, buffer);
	else
		r->under_way++;
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
	r->window_max = window;
	r->window = window < WINDOW_FIRST ? window : WINDOW_FIRST;
	r->ready = ready;
	r->arg = arg;
	for (unsigned i = 0; i < READER_WINDOW_MAX; i++)
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
	for (unsigned i = 0; i < READER_WINDOW_MAX; i++) {
		if (r->slots[i].op)
			source_cancel(r->slots[i].op);
		free(r->slots[i].buffer);
	}
	while (r->free_count)
		free(r->free[--r->free_count]);
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

/* All of a chunk is copied: its buffer serves another one. */
static int pass_chunk(struct reader *r, struct slot *s)
{
	give_buffer(r, s->buffer);
	s->buffer = NULL;
	s->is_there = false;
	r->plenty = r->under_way ? 0 : r->plenty + 1;
	if (r->plenty > SHRINK_AFTER && r->window > WINDOW_FIRST) {
		r->window--;
		r->plenty = 0;
	}
	return ask_ahead(r);
}

/* The first chunk is waited for in any case. */
static int wait(struct reader *r)
{
	int err = 0;

	if (r->at && r->window < r->window_max) {
		r->window = r->window * 2 < r->window_max ? r->window * 2
							  : r->window_max;
		r->plenty = 0;
		err = ask_ahead(r);
	}
	r->is_waited_for = !err;
	return err ? err : -EAGAIN;
}

ptrdiff_t reader_read(struct reader *r, uint8_t *dst, size_t n)
{
	size_t copied = 0;
	int err = ask_ahead(r);

	while (!err && copied < n && r->at < r->size) {
		struct slot *s = slot_at(r, r->at);
		size_t done = (size_t)(r->at % CHUNK), part = n - copied;

		err = obstacle(r, s, done);
		if (err)
			break;
		part = part < s->length - done ? part : s->length - done;
		memcpy(dst + copied, s->buffer + done, part);
		copied += part;
		r->at += part;
		if (done + part == s->wanted)
			err = pass_chunk(r, s);
	}
	if (copied)
		return (ptrdiff_t)copied;
	return err == -EAGAIN ? wait(r) : err;
}

const struct err *reader_why(const struct reader *r)
{
	return &r->why;
}
