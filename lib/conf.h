/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_CONF_H
#define UPCAST_CONF_H

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/schema.h"

/*
 * The settings file: read as a whole, checked as a whole, edited in place.
 *
 * conf_load() reads FILE into an immutable `struct conf`; every value has been
 * checked and every option has one (its default where the file is silent).
 * A daemon that reloads loads a second one and swaps. Anything wrong fails the
 * whole file with a sentence of the form
 *	FILE:12: uploader.rev_port: 70000 is out of range, 1 to 65535
 *
 * Format (upcast.ini(5)): [section] or [section NAME]; key = value; a comment
 * is a line that starts with ; or #. Lines of up to CONF_LINE_MAX bytes, UTF-8.
 * A value that inih would damage (" ;" in it) is refused, not misread.
 * [route] takes any key. A secret in the file is an error that says where it
 * belongs. No sentence quotes the value of an unknown key, a secret or a route.
 */
enum {
	CONF_LINE_MAX = 1024,
	CONF_FILE_MAX = 1 << 20,
	CONF_KEYS_MAX = 4096,
	CONF_FAULTS_MAX = 32, /* that conf_check() tells */
};

struct conf;

/*
 * `instance` picks [uploader NAME] over [uploader]: an option that the
 * instance's section does not set comes from the plain one. NULL: none.
 * Errors: what opening says, -EINVAL with the sentence, -ENOMEM.
 */
int conf_load(const char *path, const char *instance, struct conf **ret_conf,
	      struct err *err) ATTR_MUST_CHECK;
/* The same from memory; `path` only names it. Pure: what the fuzzer calls. */
int conf_parse(const char *path, const char *text, size_t len,
	       const char *instance, struct conf **ret_conf,
	       struct err *err) ATTR_MUST_CHECK;
/*
 * As conf_load(), for a person: every fault of the file goes to say(), not only
 * the first. Below a wrong [section] nothing is looked at.
 */
typedef void conf_say_fn(void *arg, const char *sentence);
int conf_check(const char *path, const char *instance, conf_say_fn *say,
	       void *arg, struct conf **ret_conf) ATTR_MUST_CHECK;
void conf_free(struct conf *conf);

/* The instance that was picked, NULL for none. */
const char *conf_instance(const struct conf *conf);

const char *conf_text(const struct conf *conf, enum schema_id id);
/* UINT, DURATION (ms), SIZE (bytes), ENUM (index of the word). */
uint64_t conf_number(const struct conf *conf, enum schema_id id);
bool conf_bool(const struct conf *conf, enum schema_id id);

/* The keys of a free section ([route]) in file order; NULL at the end. */
const char *conf_free_key(const struct conf *conf, const char *section,
			  size_t i, const char **ret_value);

/* The text of any setting as it stands in the file, NULL if it does not. */
const char *conf_find(const struct conf *conf, const char *section,
		      const char *key);

/*
 * Sets or (value NULL) removes one key in place: comments, order and unknown
 * text survive; a new key goes below its commented-out example, else to the end
 * of its section; a missing file is made. Written beside, fsynced, renamed
 * over, the directory fsynced; owner and mode are kept; a lock file beside it
 * (PATH.lock) makes concurrent writers wait for each other (10 s at most,
 * -EAGAIN). The result is read back and checked before it replaces the old
 * file.
 */
int conf_set(const char *path, const char *section, const char *key,
	     const char *value, struct err *err) ATTR_MUST_CHECK;
/*
 * The pure part of it: the edited text goes to `dst`. -EINVAL where section,
 * key and value could not be read back as they are.
 */
int conf_edit(const char *text, size_t len, const char *section,
	      const char *key, const char *value,
	      struct buf *dst) ATTR_MUST_CHECK;

#endif
