/* SPDX-License-Identifier: MIT */
#include "uploader/reader.h"

#include <errno.h>
#include <stdlib.h>

#include <event2/event.h>

#include "tests/unit.h"
#include "uploader/source_ops.h"

/*
 * A source whose preads wait until the test answers them, in any order. Byte i
 * of its file is pattern(i); it ends at `end`.
 */
struct fake_op {
	struct source_op base;
	struct list node;
};

static struct {
	struct source source;
	struct source_file file;
	struct loop *loop;
	struct list waiting;
	unsigned waiting_count, most_waiting;
	bool is_file_closed;
	uint64_t end;
	int ready_count;
} fake;

static uint8_t pattern(uint64_t i)
{
	return (uint8_t)(i * 7 + i / 4096 + i / SOURCE_READ_MAX);
}

static void fake_start(struct source_op *base)
{
	struct fake_op *op = list_entry(base, struct fake_op, base);

	list_add_tail(&fake.waiting, &op->node);
	if (++fake.waiting_count > fake.most_waiting)
		fake.most_waiting = fake.waiting_count;
}

static void fake_release(struct source_op *op)
{
}

static void fake_close_file(struct source_file *file)
{
	fake.is_file_closed = true;
}

static const struct source_ops fake_ops = {
	.op_size = sizeof(struct fake_op),
	.start = fake_start,
	.release = fake_release,
	.close_file = fake_close_file,
};

static void answer(struct fake_op *op, int err)
{
	struct source_op *base = &op->base;
	size_t n = base->length;

	list_del(&op->node);
	fake.waiting_count--;
	if (err) {
		source_op_fail(base, err, "made up");
		return;
	}
	if (base->offset >= fake.end)
		n = 0;
	else if (n > fake.end - base->offset)
		n = (size_t)(fake.end - base->offset);
	for (size_t i = 0; i < n; i++)
		base->buffer[i] = pattern(base->offset + i);
	base->result.length = n;
	source_op_finish(base);
}

/* Answers one, the first or the last that waits, and gives the answer. */
static void answer_one(bool first, int err)
{
	struct list *it = first ? fake.waiting.next : fake.waiting.prev;

	answer(list_entry(it, struct fake_op, node), err);
	loop_flush(fake.loop);
}

static void answer_all(void)
{
	while (!list_is_empty(&fake.waiting))
		answer(list_entry(fake.waiting.next, struct fake_op, node), 0);
	if (fake.loop)
		loop_flush(fake.loop);
}

static void on_ready(void *arg)
{
	fake.ready_count++;
}

static int begin(uint64_t end)
{
	int err;

	memset(&fake, 0, sizeof(fake));
	list_init(&fake.waiting);
	err = loop_new(&fake.loop);
	if (err)
		return err;
	source_init(&fake.source, &fake_ops, fake.loop, NULL, NULL);
	fake.file.source = &fake.source;
	fake.end = end;
	return 0;
}

static void end(struct reader *r)
{
	reader_free(r);
	answer_all();
	loop_free(fake.loop);
}

/* Reads all in odd pieces; checks each byte. */
static int read_all(struct reader *r, uint64_t size, bool in_order)
{
	static uint8_t piece[77777];
	uint64_t at = 0;

	for (;;) {
		ptrdiff_t n = reader_read(r, piece, sizeof(piece));

		if (n == -EAGAIN) {
			int ready = fake.ready_count;

			while (ready == fake.ready_count)
				answer_one(in_order, 0);
			continue;
		}
		if (n <= 0)
			return n < 0 ? (int)n : at == size ? 0 : -EBADE;
		for (ptrdiff_t i = 0; i < n; i++)
			if (piece[i] != pattern(at++))
				return -EBADMSG;
	}
}

static int test_order(uint64_t size, unsigned window, bool in_order)
{
	struct reader *r = NULL;
	int err = begin(size);

	CHECK_OK(err);
	CHECK_OK(reader_new(fake.loop, &fake.file, size, window, on_ready, NULL,
			    &r));
	CHECK_OK(read_all(r, size, in_order));
	CHECK(fake.most_waiting <= window);
	if (size > (uint64_t)window * SOURCE_READ_MAX && !unit_is_oom())
		CHECK_EQ(fake.most_waiting, window);
out:
	end(r);
	CHECK(fake.is_file_closed || err);
	return err;
}

static int test_in_order(void)
{
	return test_order(5 * SOURCE_READ_MAX + 123, 4, true);
}

static int test_out_of_order(void)
{
	return test_order(5 * SOURCE_READ_MAX, 3, false);
}

static int test_small(void)
{
	int err = test_order(1, 8, true);

	return err ? err : test_order(0, 8, true);
}

static ptrdiff_t read_some(struct reader *r, uint8_t *dst, size_t n)
{
	ptrdiff_t got;

	while ((got = reader_read(r, dst, n)) == -EAGAIN)
		answer_all();
	return got;
}

static int test_shorter(void)
{
	static uint8_t piece[SOURCE_READ_MAX];
	uint64_t size = 2 * SOURCE_READ_MAX;
	struct reader *r = NULL;
	int err = begin(SOURCE_READ_MAX + 10);

	CHECK_OK(err);
	CHECK_OK(
		reader_new(fake.loop, &fake.file, size, 4, on_ready, NULL, &r));
	CHECK_EQ(read_some(r, piece, sizeof(piece)), SOURCE_READ_MAX);
	CHECK_EQ(read_some(r, piece, sizeof(piece)), 10);
	CHECK_EQ(read_some(r, piece, sizeof(piece)), -ESTALE);
	CHECK_STR(reader_why(r)->text, "the file became shorter");
out:
	end(r);
	return err;
}

static int test_error(void)
{
	static uint8_t piece[100];
	struct reader *r = NULL;
	int err = begin(UINT64_MAX);

	CHECK_OK(err);
	CHECK_OK(reader_new(fake.loop, &fake.file, 4 * SOURCE_READ_MAX, 2,
			    on_ready, NULL, &r));
	CHECK_EQ(reader_read(r, piece, sizeof(piece)), -EAGAIN);
	answer_one(false, -EIO);
	CHECK_EQ(fake.ready_count, 0);
	answer_one(true, -ENOTCONN);
	CHECK_EQ(fake.ready_count, 1);
	CHECK_EQ(reader_read(r, piece, sizeof(piece)), -ENOTCONN);
	CHECK_STR(reader_why(r)->text, "made up");
out:
	end(r);
	return err;
}

/* A reader that goes away takes its preads back; their buffers are freed. */
static int test_abandoned(void)
{
	struct reader *r = NULL;
	int err = begin(UINT64_MAX);

	CHECK_OK(err);
	CHECK_OK(reader_new(fake.loop, &fake.file, 4 * SOURCE_READ_MAX, 4,
			    on_ready, NULL, &r));
	answer(list_entry(fake.waiting.next, struct fake_op, node), 0);
	reader_free(r);
	r = NULL;
	CHECK_EQ(fake.is_file_closed, fake.waiting_count == 0);
	CHECK(fake.waiting_count == 1 || unit_is_oom());
	answer_all();
	CHECK(fake.is_file_closed);
	CHECK_EQ(fake.ready_count, 0);
out:
	end(r);
	return err;
}

static struct source_op *first_waiting(void)
{
	return &list_entry(fake.waiting.next, struct fake_op, node)->base;
}

/* Busy: asked again without a word, until that has gone on for too long. */
static int test_busy(void)
{
	struct reader *r = NULL;
	struct source_op *op;
	uint8_t byte;
	int err;

	CHECK_OK(begin(SOURCE_READ_MAX));
	CHECK_OK(reader_new(fake.loop, &fake.file, fake.end, 2, on_ready, NULL,
			    &r));
	CHECK_EQ(reader_read(r, &byte, 1), -EAGAIN);
	for (int i = 0; i < SOURCE_TRIES_MAX; i++) {
		op = first_waiting();
		answer_one(true, -EBUSY);
		CHECK_EQ(fake.ready_count, 0);
		CHECK(loop_timer_is_armed(&op->timer));
		loop_timer_start(&op->timer, 0);
		CHECK_EQ(event_base_loop(loop_base(fake.loop), EVLOOP_ONCE), 0);
		CHECK_EQ(fake.waiting_count, 1);
	}
	answer_one(true, -EBUSY);
	CHECK_EQ(fake.ready_count, 1);
	CHECK_EQ(reader_read(r, &byte, 1), -EBUSY);
	err = 0;
out:
	end(r);
	return err;
}

/* Taken back while it rests. */
static int test_busy_cancel(void)
{
	struct reader *r = NULL;
	int err;

	CHECK_OK(begin(SOURCE_READ_MAX));
	CHECK_OK(reader_new(fake.loop, &fake.file, fake.end, 2, on_ready, NULL,
			    &r));
	answer_one(true, -EBUSY);
	reader_free(r);
	r = NULL;
	CHECK(fake.is_file_closed);
	CHECK_EQ(fake.waiting_count, 0);
	err = 0;
out:
	end(r);
	return err;
}

static const struct unit_test tests[] = {
	{ "answers in order", test_in_order, 0 },
	{ "answers out of order", test_out_of_order, 0 },
	{ "small files", test_small, 0 },
	{ "a file that became shorter", test_shorter, 0 },
	{ "an error", test_error, 0 },
	{ "an abandoned reader", test_abandoned, 0 },
	{ "a busy server", test_busy, 0 },
	{ "a busy server, abandoned", test_busy_cancel, 0 },
};
UNIT_MAIN(tests)
