/* SPDX-License-Identifier: MIT */
#include "tests/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "lib/snapshot.h"

/* Whatever parses can be written again, and reads the same then. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct snapshot s, again;
	struct snapshot_writer w;
	struct buf b;

	if (snapshot_parse((const char *)data, size, &s))
		return 0;
	/* What is not UTF-8 grows when it is written. */
	buf_init(&b, (size_t)4 * SNAPSHOT_MAX);
	snapshot_begin(&w, &b);
	for (size_t i = 0; i < s.count; i++)
		snapshot_add(&w, s.pairs[i].key, s.pairs[i].value);
	if (w.err)
		abort();
	if (b.len > SNAPSHOT_MAX)
		goto out;
	if (snapshot_parse(buf_text(&b), b.len, &again) ||
	    again.count != s.count)
		abort();
	for (size_t i = 0; i < s.count; i++)
		if (strcmp(again.pairs[i].value, s.pairs[i].value))
			abort();
	snapshot_release(&again);
out:
	snapshot_release(&s);
	buf_release(&b);
	return 0;
}
