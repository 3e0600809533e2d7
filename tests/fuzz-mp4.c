/* SPDX-License-Identifier: MIT */
/*
 * The first byte says how long the file is said to be beyond the bytes there
 * are (zeros follow them); the walk must end, in bounded steps, and agree with
 * itself whatever the sizes of the pieces that it is fed.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz.h"
#include "uploader/mp4.h"

static struct mp4 walk(const uint8_t *data, size_t n, uint64_t size,
		       size_t piece)
{
	uint8_t *bytes = malloc(piece);
	uint64_t offset, steps = 0;
	struct mp4 m;
	size_t want;

	if (!bytes)
		abort();
	mp4_init(&m, size);
	while (mp4_wants(&m, &offset, &want)) {
		want = want < piece ? want : piece;
		if (++steps > n + 16)
			abort();
		memset(bytes, 0, want);
		if (offset < n)
			memcpy(bytes, data + offset,
			       want < n - offset ? want : n - offset);
		mp4_feed(&m, offset, bytes, want);
	}
	free(bytes);
	return m;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mp4 a, b;
	uint64_t length;

	if (size == 0)
		return 0;
	length = size - 1;
	if (data[0] > 0 && data[0] < 64)
		length += (uint64_t)1 << data[0];
	a = walk(data + 1, size - 1, length, MP4_WANT);
	b = walk(data + 1, size - 1, length, 64);
	if (a.verdict == MP4_MORE || a.verdict != b.verdict ||
	    strcmp(a.why, b.why) != 0 || a.duration_ms != b.duration_ms)
		abort();
	return 0;
}
