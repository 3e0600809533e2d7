/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_CONF_SCAN_H
#define UPCAST_CONF_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"

/*
 * The lines of a settings file, one at a time: what the reader and the editor
 * of lib/conf have in common. Pure; internal to lib/conf.
 *
 * A line is whole where it is bad, too, so that an editor can pass over it. All
 * pointers are into the text; nothing in it is changed.
 *
 *	struct conf_scan s;
 *	conf_scan_init(&s, text, len);
 *	while (conf_scan_next(&s))
 *		err = conf_scan_check(&s, &why);
 */
enum conf_scan_kind {
	CONF_SCAN_BLANK,
	CONF_SCAN_COMMENT, /* first sign is ; or # */
	CONF_SCAN_SECTION, /* [name] */
	CONF_SCAN_PAIR,	   /* name = value */
	CONF_SCAN_BAD,	   /* none of these */
};

struct conf_scan_slice {
	const char *p;
	size_t len;
};

struct conf_scan {
	const char *at, *end; /* what is left */
	int number;	      /* of the line, from 1 */
	enum conf_scan_kind kind;
	struct conf_scan_slice line;  /* with its line end */
	struct conf_scan_slice body;  /* without blanks around it */
	struct conf_scan_slice name;  /* of the section or the key */
	struct conf_scan_slice value; /* of a pair */
};

void conf_scan_init(struct conf_scan *s, const char *text, size_t len);
/* Moves to the next line; false at the end. */
bool conf_scan_next(struct conf_scan *s);
/* Can this line be taken as it stands? -EINVAL and why not. */
int conf_scan_check(const struct conf_scan *s, struct err *err) ATTR_MUST_CHECK;
bool conf_scan_is(const struct conf_scan_slice *slice, const char *text);

#endif
