/* SPDX-License-Identifier: MIT */
#include "lib/pace.h"

/* Below this a wake-up costs more than the bytes are worth. */
enum { CHUNK_BYTES = 64 << 10 };

static const uint64_t second_ns = 1000000000;

static uint64_t bucket_size(const struct pace *p)
{
	return p->rate / 4 ? p->rate / 4 : 1;
}

static uint64_t chunk_size(const struct pace *p)
{
	uint64_t size = bucket_size(p);

	return size < CHUNK_BYTES ? size : CHUNK_BYTES;
}

void pace_set(struct pace *p, uint64_t bytes_per_s, uint64_t now_ns)
{
	p->rate = bytes_per_s;
	p->tokens = 0;
	p->at_ns = now_ns;
}

static void refill(struct pace *p, uint64_t now_ns)
{
	uint64_t ns = now_ns > p->at_ns ? now_ns - p->at_ns : 0;
	uint64_t tokens;

	/* The bucket is full after a second in any case. */
	if (ns > second_ns)
		ns = second_ns;
	tokens = (uint64_t)((unsigned __int128)p->rate * ns / second_ns);
	if (!tokens)
		return;
	p->at_ns = now_ns;
	p->tokens += tokens;
	if (p->tokens > bucket_size(p))
		p->tokens = bucket_size(p);
}

size_t pace_take(struct pace *p, size_t want, uint64_t now_ns)
{
	if (!p->rate)
		return want;
	refill(p, now_ns);
	if (p->tokens < want && p->tokens < chunk_size(p))
		return 0;
	if (want > p->tokens)
		want = (size_t)p->tokens;
	p->tokens -= want;
	return want;
}

void pace_give(struct pace *p, size_t n)
{
	if (p->rate)
		p->tokens += n;
}

uint64_t pace_wait_ms(const struct pace *p)
{
	uint64_t chunk, missing;

	if (!p->rate)
		return 0;
	chunk = chunk_size(p);
	missing = p->tokens < chunk ? chunk - p->tokens : 0;
	return missing * 1000 / p->rate + 1;
}
