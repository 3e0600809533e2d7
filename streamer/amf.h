/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_AMF_H
#define UPCAST_AMF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/buf.h"

/*
 * AMF0 (Action Message Format, Adobe, 2007), as far as RTMP uses it. Pure.
 *
 * Writing: one call per value, or a table for an object's fields. Errors are
 * those of lib/buf.h; -EMSGSIZE also for a string over 65535 bytes.
 *
 *	const struct amf_field fields[] = {
 *		{ .key = "app", .type = AMF_STRING, .text = app },
 *		{ .key = "fpad", .type = AMF_BOOLEAN, .flag = false },
 *	};
 *	err = amf_put_object(b, AMF_OBJECT, fields, ARRAY_SIZE(fields));
 */
enum amf_type {
	AMF_NUMBER = 0,
	AMF_BOOLEAN = 1,
	AMF_STRING = 2,
	AMF_OBJECT = 3,
	AMF_NULL = 5,
	AMF_UNDEFINED = 6,
	AMF_REFERENCE = 7,
	AMF_ECMA_ARRAY = 8,
	AMF_OBJECT_END = 9,
	AMF_STRICT_ARRAY = 10,
	AMF_DATE = 11,
	AMF_LONG_STRING = 12,
	AMF_UNSUPPORTED = 13,
	AMF_XML = 15,
	AMF_TYPED_OBJECT = 16,
};

/* A field with `text` NULL and type AMF_STRING is left out. */
struct amf_field {
	const char *key;
	enum amf_type type; /* AMF_NUMBER, AMF_BOOLEAN or AMF_STRING */
	double number;
	bool flag;
	const char *text;
};

int amf_put_number(struct buf *dst, double v) ATTR_MUST_CHECK;
int amf_put_boolean(struct buf *dst, bool v) ATTR_MUST_CHECK;
int amf_put_string(struct buf *dst, const char *s) ATTR_MUST_CHECK;
int amf_put_null(struct buf *dst) ATTR_MUST_CHECK;
/* `type`: AMF_OBJECT or AMF_ECMA_ARRAY. */
int amf_put_object(struct buf *dst, enum amf_type type,
		   const struct amf_field *fields, size_t n) ATTR_MUST_CHECK;

/*
 * Reading: values one after another from borrowed bytes. A failed call leaves
 * the reader where it was. Errors: -EBADMSG cut short or no AMF0, or nested
 * deeper than AMF_DEPTH_MAX; -ENOENT a value of another type stands there.
 */
enum { AMF_DEPTH_MAX = 8 };

struct amf_reader {
	const uint8_t *at;
	size_t left;
};

struct amf_text {
	const char *at; /* not terminated; NULL: it was not there */
	size_t len;
};

int amf_get_number(struct amf_reader *r, double *ret_v) ATTR_MUST_CHECK;
int amf_get_text(struct amf_reader *r, struct amf_text *ret) ATTR_MUST_CHECK;
int amf_skip(struct amf_reader *r) ATTR_MUST_CHECK;

/* The strings of an object (or array) by their keys; the rest is skipped. */
struct amf_wanted {
	const char *key;
	struct amf_text *ret;
};
int amf_get_object(struct amf_reader *r, const struct amf_wanted *wanted,
		   size_t n) ATTR_MUST_CHECK;

bool amf_text_is(struct amf_text t, const char *s);
/* Copies what fits, terminated, control characters as '?'. */
void amf_text_copy(struct amf_text t, char *dst, size_t size);

#endif
