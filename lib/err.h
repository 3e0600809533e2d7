/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_ERR_H
#define UPCAST_ERR_H

#include "lib/attr.h"

/*
 * A code and a sentence, for what an operator must act on.
 *
 * The sentence is lower case without a full stop and says what failed, on
 * what, and what would be right: "rev_port: 70000 is out of range, 1 to 65535".
 * It never holds a secret: what may hold one goes in through lib/redact.h.
 *
 * Functions that explain take `struct err *err` as their last parameter; NULL
 * is allowed where the caller does not want the words. The struct needs no
 * release; `code` is 0 or a negative errno and `text` is always terminated.
 *
 *	struct err err;
 *	if (conf_load(path, &conf, &err))
 *		log_error("%s", err.text);
 */
enum { ERR_TEXT_MAX = 512 };

struct err {
	int code;
	char text[ERR_TEXT_MAX];
};

/* Sets both and returns `code`, so that a function can end in it. */
int err_set(struct err *err, int code, const char *fmt, ...)
	ATTR_PRINTF(3, 4);

/* Puts "where: " before the sentence that is there already. */
int err_prefix(struct err *err, const char *fmt, ...) ATTR_PRINTF(2, 3);

/* strerror() of a negative errno, without its buffer. */
const char *err_str(int code);

#endif
