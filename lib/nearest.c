/* SPDX-License-Identifier: MIT */
#include "lib/nearest.h"

#include <stdio.h>
#include <string.h>

void nearest_init(struct nearest *n, const char *typed)
{
	*n = (struct nearest){ .typed = typed };
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/*
 * Optimal string alignment: Levenshtein's distance with a swap of neighbours
 * as one slip. Three rows of the table are enough.
 */
static unsigned distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned rows[3][NEAREST_LENGTH + 1];
	unsigned *before = rows[0], *above = rows[1], *row = rows[2], *spare;

	for (size_t j = 0; j <= nb; j++)
		above[j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			row[j] = min3(above[j] + 1, row[j - 1] + 1,
				      above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && before[j - 2] < row[j])
				row[j] = before[j - 2] + 1;
		}
		spare = before;
		before = above;
		above = row;
		row = spare;
	}
	return above[nb];
}

/* Puts the word at its place; what falls off the end is gone. */
static void insert(struct nearest *n, const char *word, unsigned d)
{
	size_t at = n->count;

	while (at && n->distances[at - 1] > d)
		at--;
	if (at == NEAREST_WORDS)
		return;
	if (n->count < NEAREST_WORDS)
		n->count++;
	for (size_t i = n->count - 1; i > at; i--) {
		n->words[i] = n->words[i - 1];
		n->distances[i] = n->distances[i - 1];
	}
	n->words[at] = word;
	n->distances[at] = d;
}

void nearest_offer(struct nearest *n, const char *word)
{
	size_t na = strlen(n->typed), nb = strlen(word);
	unsigned d;

	if (na > NEAREST_LENGTH || nb > NEAREST_LENGTH)
		return;
	d = distance(n->typed, na, word, nb);
	/* A third of the letters may differ, or what was typed is a part. */
	if (d <= 1 + na / 3 || (na > 2 && strstr(word, n->typed)))
		insert(n, word, d);
}

/* A word much farther away than the best one is noise. */
static size_t worth_naming(const struct nearest *n)
{
	size_t count = 0;

	while (count < n->count && n->distances[count] <= n->distances[0] + 1)
		count++;
	return count;
}

void nearest_format(const struct nearest *n, char *dst, size_t size)
{
	size_t len = 0, count = worth_naming(n);

	if (size)
		*dst = '\0';
	for (size_t i = 0; i < count && len < size; i++) {
		const char *glue = !i ? "" : i + 1 < count ? ", " : " or ";

		len += (size_t)snprintf(dst + len, size - len, "%s%s", glue,
					n->words[i]);
	}
}
