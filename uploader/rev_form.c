/* SPDX-License-Identifier: MIT */
#include "uploader/rev_form.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* A space may have 20 000 members. */
enum { HEAD_MAX = 9 << 20, RANDOM_BYTES = 16 };

/* 128 random bits: no file holds them by accident, and nobody can guess. */
static int make_boundary(struct rev_form *f)
{
	uint8_t random[RANDOM_BYTES];
	size_t at;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	at = (size_t)snprintf(f->boundary, sizeof(f->boundary), "upcast-");
	for (size_t i = 0; i < sizeof(random); i++, at += 2)
		snprintf(f->boundary + at, 3, "%02x", random[i]);
	f->tail_len = (size_t)snprintf(f->tail, sizeof(f->tail),
				       "\r\n--%s--\r\n", f->boundary);
	return 0;
}

static bool is_plain(const char *name)
{
	for (; *name; name++)
		if (*name <= ' ' || *name >= 0x7f || strchr("\"\\;/", *name))
			return false;
	return true;
}

int rev_form_init(struct rev_form *f, const void *metadata, size_t len,
		  const char *file_name, uint64_t size, http_body_fn *body,
		  void *arg)
{
	int err;

	memset(f, 0, sizeof(*f));
	buf_init(&f->head, HEAD_MAX);
	f->size = size;
	f->body = body;
	f->arg = arg;
	if (!is_plain(file_name))
		return -EINVAL;
	err = make_boundary(f);
	if (!err)
		err = buf_printf(&f->head,
				 "--%s\r\n"
				 "Content-Disposition: form-data; "
				 "name=\"Video\"\r\n"
				 "Content-Type: application/json\r\n\r\n",
				 f->boundary);
	if (!err)
		err = buf_add(&f->head, metadata, len);
	if (!err)
		err = buf_printf(&f->head,
				 "\r\n--%s\r\n"
				 "Content-Disposition: form-data; "
				 "name=\"VideoFile\"; filename=\"%s\"\r\n"
				 "Content-Type: video/mp4\r\n\r\n",
				 f->boundary, file_name);
	if (err)
		rev_form_release(f);
	return err;
}

void rev_form_release(struct rev_form *f)
{
	buf_release(&f->head);
}

uint64_t rev_form_length(const struct rev_form *f)
{
	return f->head.len + f->size + f->tail_len;
}

/* What is left of a part that begins at `start` of the whole. */
static size_t copy_part(const struct rev_form *f, const void *part,
			uint64_t start, size_t len, uint8_t *dst, size_t n)
{
	size_t at = (size_t)(f->at - start);

	if (n > len - at)
		n = len - at;
	memcpy(dst, (const uint8_t *)part + at, n);
	return n;
}

ptrdiff_t rev_form_read(void *form, uint8_t *dst, size_t n)
{
	struct rev_form *f = form;
	uint64_t file_end = f->head.len + f->size;
	uint64_t left = file_end > f->at ? file_end - f->at : 0;
	ptrdiff_t got;

	if (f->at < f->head.len)
		got = (ptrdiff_t)copy_part(f, f->head.data, 0, f->head.len, dst,
					   n);
	else if (left)
		got = f->body(f->arg, dst, n < left ? n : (size_t)left);
	else
		got = (ptrdiff_t)copy_part(f, f->tail, file_end, f->tail_len,
					   dst, n);
	if (got > 0)
		f->at += (uint64_t)got;
	return got;
}
