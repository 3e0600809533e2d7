/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_REV_FORM_H
#define UPCAST_REV_FORM_H

#include <stdint.h>

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/http.h"

/*
 * The body of an upload: multipart/form-data (RFC 7578) of the metadata and the
 * file, whose bytes pass through without being held here.
 *
 *	err = rev_form_init(&form, metadata, len, "x.mp4", size, read, arg);
 *	spec.stream = rev_form_read;	// with &form
 *	spec.stream_len = rev_form_length(&form);
 */
enum { REV_FORM_BOUNDARY = 40 };

struct rev_form {
	struct buf head; /* before the file */
	char boundary[REV_FORM_BOUNDARY];
	char tail[REV_FORM_BOUNDARY + 16]; /* after it */
	size_t tail_len;
	uint64_t size, at; /* of the file; of the whole */
	http_body_fn *body;
	void *arg;
};

/* `file_name` is plain ASCII without a quote (-EINVAL). */
int rev_form_init(struct rev_form *f, const void *metadata, size_t len,
		  const char *file_name, uint64_t size, http_body_fn *body,
		  void *arg) ATTR_MUST_CHECK;
void rev_form_release(struct rev_form *f);

uint64_t rev_form_length(const struct rev_form *f);
/* An http_body_fn; `form` is the struct rev_form. */
ptrdiff_t rev_form_read(void *form, uint8_t *dst, size_t n);

#endif
