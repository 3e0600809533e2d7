/* SPDX-License-Identifier: MIT */
#include "tests/fuzz.h"

#include <errno.h>

#include "streamer/chunk.h"

/* The first byte says in what pieces the rest comes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chunk_reader *r;
	struct chunk_message m;
	const uint8_t *body, *end = data + size;
	size_t step, left;
	unsigned sum = 0;
	int err = -EAGAIN;

	if (!size || chunk_reader_new(&r))
		return 0;
	step = *data++ + 1u;
	while (data < end && err == -EAGAIN) {
		left = step < (size_t)(end - data) ? step
						   : (size_t)(end - data);
		while (!(err = chunk_read(r, &data, &left, &m, &body))) {
			for (uint32_t i = 0; i < m.len; i++)
				sum += body[i];
			if (m.type == 1 && m.len >= 4 &&
			    chunk_reader_set_size(r, buf_get_u32(body)))
				break;
			if (m.type == 2 && m.len >= 4)
				chunk_reader_abort(r, buf_get_u32(body));
		}
	}
	chunk_reader_free(r);
	return sum == 0xdeadbeef; /* so that the bytes are looked at */
}
