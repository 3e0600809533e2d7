/* SPDX-License-Identifier: MIT */
/*
 * Drives a fuzz target without libFuzzer: the corpus as it is, every prefix of
 * its files, and byte flips of them, from a fixed seed so that a failure comes
 * again. TAP on standard output.
 *
 *	fuzz-x [folder]		default: tests/corpus/x
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz.h"

enum { INPUT_MAX = 1 << 20, FLIPS = 2000, PREFIXES = 4096 };

static uint64_t seed = 0x9e3779b97f4a7c15ULL;

/* xorshift64*: enough to pick bytes. */
static uint64_t next_random(void)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * 0x2545f4914f6cdd1dULL;
}

/* The target gets a block of just its size, so that an overrun is seen. */
static void run_one(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void run_mutations(uint8_t *data, size_t size)
{
	size_t step = size / PREFIXES + 1;

	for (size_t n = 0; n <= size; n += step)
		run_one(data, n);
	for (int i = 0; size && i < FLIPS; i++) {
		size_t at = next_random() % size, n = size;
		uint8_t old[4];
		size_t run = 1 + next_random() % 4;

		run = run < size - at ? run : size - at;
		memcpy(old, data + at, run);
		for (size_t k = 0; k < run; k++)
			data[at + k] = (uint8_t)next_random();
		if (next_random() % 4 == 0)
			n = next_random() % (size + 1);
		run_one(data, n);
		memcpy(data + at, old, run);
	}
}

static int run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(INPUT_MAX);
	size_t n;

	if (!f || !data) {
		perror(path);
		exit(1);
	}
	n = fread(data, 1, INPUT_MAX, f);
	fclose(f);
	run_mutations(data, n);
	free(data);
	return 0;
}

static int skip_dots(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	const char *top = getenv("top_srcdir"), *name = strstr(argv[0], "fuzz-");
	char dir[4096], path[8192];
	struct dirent **entries;
	int n;

	snprintf(dir, sizeof(dir), "%s/tests/corpus/%s", top ? top : ".",
		 name ? name + strlen("fuzz-") : "none");
	if (argc > 1)
		snprintf(dir, sizeof(dir), "%s", argv[1]);
	n = scandir(dir, &entries, skip_dots, alphasort);
	if (n <= 0) {
		printf("1..1\nnot ok 1 - no corpus in %s\n", dir);
		return 1;
	}
	run_one((const uint8_t *)"", 0);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name);
		run_file(path);
		free(entries[i]);
	}
	free(entries);
	printf("1..1\nok 1 - %d inputs and their mutations\n", n);
	return 0;
}
