/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_READER_H
#define UPCAST_READER_H

#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/loop.h"
#include "uploader/source.h"

/*
 * Reads a file of a source from front to back, ahead of its consumer: preads of
 * 1 MiB, at first two of them in flight, up to `window` (at most 16) where the
 * consumer has to wait for them (measured with 4 ms of round trip: one pread
 * at a time gives 175 MB/s, eight give 1000). Memory is the window.
 *
 * Life cycle: reader_new() takes an open file (reader_free() closes it; so does
 * reader_new() when it fails). reader_read() copies what is there; -EAGAIN
 * means that `ready` will be called once there is more, at the end, or on an
 * error. `ready` may free the reader. A session that is lost in mid-file is not
 * the reader's to repair: it ends with -ENOTCONN.
 */
enum { READER_WINDOW_MAX = 16 };

struct reader;

typedef void reader_ready_fn(void *arg);

int reader_new(struct loop *loop, struct source_file *take_file, uint64_t size,
	       unsigned window, reader_ready_fn *ready, void *arg,
	       struct reader **ret) ATTR_MUST_CHECK;
void reader_free(struct reader *r);

/*
 * The number of bytes copied, 0 at `size`, -EAGAIN, -ESTALE where the file
 * ended before `size`, or what a pread failed with.
 */
ptrdiff_t reader_read(struct reader *r, uint8_t *dst, size_t n);
const struct err *reader_why(const struct reader *r);

#endif
