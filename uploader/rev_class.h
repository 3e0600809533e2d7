/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_REV_CLASS_H
#define UPCAST_REV_CLASS_H

#include <stdbool.h>

#include "uploader/rev.h"
#include "uploader/rev_json.h"

/*
 * What an answer of Rev means: Rev says 500 for bad input, 401 for what is gone
 * and for what is not allowed, and a proxy on the way says the rest. Pure.
 */

/* What was asked for, as far as an answer's meaning depends on it. */
enum rev_kind {
	REV_KIND_LOGIN,
	REV_KIND_UPLOAD,
	REV_KIND_OBJECT, /* a video or user that may not exist */
	REV_KIND_OTHER,
};

/*
 * Fills class, status, code, pause and sentence of `ret`. A 401 is taken as
 * one with a live session: the caller has seen to that.
 */
void rev_class_judge(enum rev_kind kind, const char *host,
		     const struct http_response *r, struct rev_result *ret);

#endif
