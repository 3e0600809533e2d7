/* SPDX-License-Identifier: MIT */
#include "fs/facts.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

void facts_release(struct facts *f)
{
	free(f->text);
	*f = (struct facts){ 0 };
}

const char *facts_get(const struct facts *f, int i)
{
	return i < 0 || !f->text ? "" : f->text + f->at[i];
}

uint64_t facts_get_u64(const struct facts *f, int i)
{
	uint64_t v;

	return str_parse_u64(facts_get(f, i), 0, UINT64_MAX, &v) ? 0 : v;
}

void facts_read(const struct layout *layout, const struct snapshot *s,
		const char *values[LAYOUT_FILES])
{
	for (int i = 0; i < LAYOUT_FILES; i++)
		values[i] = "";
	/* Of a key that occurs twice the first counts. */
	for (size_t k = s ? s->count : 0; k--;) {
		int i = layout_find_key(layout, s->pairs[k].key);

		if (i >= 0)
			values[i] = s->pairs[k].value;
	}
}

static bool is_same(const struct facts *f,
		    const char *const values[LAYOUT_FILES])
{
	for (int i = 0; i < LAYOUT_FILES; i++)
		if (values[i] && strcmp(values[i], facts_get(f, i)))
			return false;
	return true;
}

int facts_set(struct facts *f, const char *const values[LAYOUT_FILES],
	      int64_t now_ms)
{
	struct facts old = *f, new = *f;
	size_t len = 1;

	if (is_same(f, values))
		return 0;
	for (int i = 0; i < LAYOUT_FILES; i++)
		len += strlen(values[i] ? values[i] : facts_get(f, i)) + 1;
	if (len > UINT16_MAX)
		return -EMSGSIZE;
	new.text = malloc(len);
	if (!new.text)
		return -ENOMEM;
	*new.text = '\0';
	len = 1;
	for (int i = 0; i < LAYOUT_FILES; i++) {
		const char *v = values[i] ? values[i] : facts_get(&old, i);
		char *copy = new.text + len;

		new.at[i] = *v ? (uint16_t)len : 0;
		if (*v) {
			strcpy(copy, v);
			str_clean(copy);
			len += strlen(copy) + 1;
		}
		if (strcmp(facts_get(&new, i), facts_get(&old, i)))
			new.changed_ms[i] = now_ms;
	}
	free(old.text);
	*f = new;
	return 0;
}
