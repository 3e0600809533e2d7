/* SPDX-License-Identifier: MIT */
#include "lib/schema.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/nearest.h"
#include "lib/str.h"

enum { INSTANCE_MAX = 32 };

const struct schema_option schema_options[SCHEMA_COUNT] = {
#define OPTION(id, ...) [id] = { __VA_ARGS__ },
#include "lib/options.def"
#undef OPTION
};

static const char *const free_sections[] = { "route" };
static const char *const instance_sections[] = { "uploader" };

static bool is_one_of(const char *const *words, size_t n, const char *s,
		      size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(words[i]) == len && !memcmp(words[i], s, len))
			return true;
	return false;
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') ||
	       ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

bool schema_is_free(const char *section)
{
	return is_one_of(free_sections, ARRAY_SIZE(free_sections), section,
			 strlen(section));
}

bool schema_is_instance(const char *name)
{
	size_t n = strlen(name);

	if (!n || n > INSTANCE_MAX || !is_alnum(*name))
		return false;
	for (; *name; name++)
		if (!is_alnum(*name) && !strchr("-_.", *name))
			return false;
	return true;
}

/* Is "uploader" or "uploader NAME" the section of this row? */
static bool serves(const struct schema_option *o, const char *section)
{
	size_t n = strcspn(section, " ");

	if (strlen(o->section) != n || memcmp(o->section, section, n))
		return false;
	if (!section[n])
		return true;
	return is_one_of(instance_sections, ARRAY_SIZE(instance_sections),
			 section, n) &&
	       schema_is_instance(section + n + 1);
}

static bool has_section(const char *section)
{
	if (schema_is_free(section))
		return true;
	for (size_t i = 0; i < SCHEMA_COUNT; i++)
		if (serves(&schema_options[i], section))
			return true;
	return false;
}

/* The section of row `i` if no row before it has it, else NULL. */
static const char *first_of_section(size_t i)
{
	const char *section = schema_options[i].section;

	for (size_t k = 0; k < i; k++)
		if (!strcmp(schema_options[k].section, section))
			return NULL;
	return section;
}

static int bad_instance(const char *section, size_t n, struct err *err)
{
	if (is_one_of(instance_sections, ARRAY_SIZE(instance_sections), section,
		      n))
		return err_set(err, -ENOENT,
			       "[%s]: an instance name is 1 to %d letters, "
			       "digits, '-', '_' or '.'",
			       section, INSTANCE_MAX);
	return err_set(err, -ENOENT, "[%s]: section %.*s has no instances",
		       section, (int)n, section);
}

static int unknown_section(const char *section, struct err *err)
{
	char hint[128], all[256] = "";
	struct nearest near;
	size_t len = 0;

	nearest_init(&near, section);
	for (size_t i = 0; i < ARRAY_SIZE(free_sections); i++)
		nearest_offer(&near, free_sections[i]);
	for (size_t i = 0; i < SCHEMA_COUNT; i++) {
		const char *s = first_of_section(i);

		if (!s || len >= sizeof(all))
			continue;
		nearest_offer(&near, s);
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s, ",
					s);
	}
	nearest_format(&near, hint, sizeof(hint));
	if (*hint)
		return err_set(err, -ENOENT,
			       "[%s]: unknown section; near it: %s", section,
			       hint);
	return err_set(err, -ENOENT, "[%s]: unknown section; there are: %s%s",
		       section, all, free_sections[0]);
}

int schema_check_section(const char *section, struct err *err)
{
	size_t n = strcspn(section, " ");
	char base[64];

	if (has_section(section))
		return 0;
	if (n < sizeof(base) && section[n]) {
		memcpy(base, section, n);
		base[n] = '\0';
		if (has_section(base))
			return bad_instance(section, n, err);
	}
	return unknown_section(section, err);
}

static int unknown_key(const char *section, const char *key, struct err *err)
{
	const char *other = NULL;
	struct nearest near;
	char hint[256];

	nearest_init(&near, key);
	for (size_t i = 0; i < SCHEMA_COUNT; i++) {
		const struct schema_option *o = &schema_options[i];

		if (serves(o, section))
			nearest_offer(&near, o->key);
		else if (!strcmp(o->key, key))
			other = o->section;
	}
	nearest_format(&near, hint, sizeof(hint));
	if (other)
		return err_set(err, -ENOENT,
			       "unknown key; it belongs to section [%s]",
			       other);
	if (*hint)
		return err_set(err, -ENOENT, "unknown key; near it: %s", hint);
	return err_set(err, -ENOENT,
		       "unknown key; upcast.ini(5) names those of [%s]",
		       section);
}

int schema_find(const char *section, const char *key, enum schema_id *ret_id,
		struct err *err)
{
	int e;

	for (size_t i = 0; i < SCHEMA_COUNT; i++) {
		const struct schema_option *o = &schema_options[i];

		if (strcmp(o->key, key) || !serves(o, section))
			continue;
		*ret_id = (enum schema_id)i;
		return 0;
	}
	e = schema_check_section(section, err);
	return e ? e : unknown_key(section, key, err);
}
