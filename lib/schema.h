/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SCHEMA_H
#define UPCAST_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/err.h"

/*
 * The option table: every setting of upcast.ini once, from lib/options.def.
 * The reader, the checks, `upcast get|set`, completion and the check that
 * upcast.ini(5) is complete all come from it. Pure.
 *
 * A section that has instances is found by "uploader" and by "uploader NAME"
 * alike. Free sections ([route]) take any key; the table does not know them.
 */
enum schema_type {
	SCHEMA_BOOL,	 /* true false yes no on off enable disable */
	SCHEMA_UINT,	 /* min..max */
	SCHEMA_DURATION, /* min..max in ms; "10s", "5m" */
	SCHEMA_SIZE,	 /* min..max in bytes; "20M" */
	SCHEMA_ENUM,	 /* one of the words in `words`, separated by '|' */
	SCHEMA_TEXT,	 /* UTF-8; length min..max in bytes */
	SCHEMA_HOST,	 /* host name or address; may be empty where min is 0 */
	SCHEMA_HOSTS,	 /* several of them, by commas or blanks */
	SCHEMA_PATH,	 /* absolute; may be empty where min is 0 */
	SCHEMA_HOURS,	 /* "22:00-06:00", several by commas; empty: always */
	SCHEMA_LIST,	 /* words by commas or blanks; of `words` if given */
};

enum schema_flag {
	SCHEMA_RESTART = 1, /* takes effect at the next start only */
	SCHEMA_SECRET = 2,  /* a file of its own (lib/secret.h) */
	SCHEMA_OWN = 4,	    /* each instance has another, none inherits it */
};

/* One row per option, in the order of options.def: its index is its id. */
struct schema_option {
	const char *section; /* "uploader" also serves "uploader NAME" */
	const char *key;
	enum schema_type type;
	const char *unit; /* "ms", "bytes", "" */
	uint64_t min, max;
	const char *words;	  /* SCHEMA_ENUM, SCHEMA_LIST: "nfs|local" */
	const char *default_text; /* as it would stand in the file */
	int flags;
	const char *help; /* one line */
};

enum schema_id {
#define OPTION(id, ...) id,
#include "lib/options.def"
#undef OPTION
	SCHEMA_COUNT
};

extern const struct schema_option schema_options[SCHEMA_COUNT];

/* -ENOENT if there is none; `err` then names the nearest known ones. */
int schema_find(const char *section, const char *key, enum schema_id *ret_id,
		struct err *err) ATTR_MUST_CHECK;
/*
 * Is the section one of ours (an instance name apart)? -ENOENT with the nearest
 * known ones if not.
 */
int schema_check_section(const char *section, struct err *err) ATTR_MUST_CHECK;
/* Does the section take any key? */
bool schema_is_free(const char *section);
/* Letters, digits, '-', '_' and '.', 1 to 32, a letter or digit first. */
bool schema_is_instance(const char *name);

/*
 * A value as the program uses it. Text forms point into the text checked.
 */
struct schema_value {
	const char *text; /* as written */
	uint64_t number;  /* BOOL 0 or 1, UINT, ms, bytes, index of the word */
};

/*
 * Checks `text` against the row; -EINVAL or -ERANGE with a sentence that says
 * what would be right. The sentence does not begin with the option's name.
 */
int schema_check(enum schema_id id, const char *text,
		 struct schema_value *ret_value,
		 struct err *err) ATTR_MUST_CHECK;

/* "1 to 65535", "nfs, local", "a host name or address": for help texts. */
void schema_format_range(enum schema_id id, char *dst, size_t size);

#endif
