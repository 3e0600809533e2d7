/* SPDX-License-Identifier: MIT */
#include "uploader/transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"
#include "uploader/reader.h"
#include "uploader/settle.h"

enum checked { CHECK_NOT_YET, CHECK_UNDER_WAY, CHECK_DONE };

struct transfer {
	struct transfer_spec spec;
	char *path;
	struct rev_metadata metadata;
	struct reader *reader;
	struct rev_call *call;
	struct source_op *op;
	uint64_t sent;
	enum checked checked;
	struct transfer_result result; /* set before the body is aborted */
};

/* Rev may answer while the last look at the file is under way. */
static void free_transfer(struct transfer *t)
{
	if (t->op)
		source_cancel(t->op);
	reader_free(t->reader);
	free(t->path);
	free(t);
}

void transfer_cancel(struct transfer *t)
{
	if (!t)
		return;
	if (t->call)
		rev_cancel(t->call);
	free_transfer(t);
}

static void finish(struct transfer *t)
{
	t->spec.done(t->spec.arg, &t->result);
	free_transfer(t);
}

static void fail(struct transfer *t, enum transfer_end end, int err,
		 const struct err *why)
{
	t->result.end = end;
	t->result.err = err;
	if (why && why->text[0])
		t->result.why = *why;
	else
		err_set(&t->result.why, err, "%s: %s", t->path, err_str(err));
}

static bool is_same(struct transfer *t, const struct source_attr *attr)
{
	struct err why;

	if (settle_is_same(attr, &t->spec.attr))
		return true;
	err_set(&why, -EAGAIN, "the file changed while it was uploaded");
	fail(t, TRANSFER_CHANGED, -EAGAIN, &why);
	return false;
}

static void on_checked(void *arg, const struct source_result *result)
{
	struct transfer *t = arg;

	t->op = NULL;
	t->checked = CHECK_DONE;
	if (result->err)
		fail(t, TRANSFER_SOURCE, result->err, &result->why);
	else
		is_same(t, &result->attr);
	rev_upload_resume(t->call); /* goes on, or aborts */
}

/* By path, not by handle: a file that was replaced counts as changed. */
static void check(struct transfer *t)
{
	int err = source_stat(t->spec.source, t->path, on_checked, t, &t->op);

	t->checked = err ? CHECK_DONE : CHECK_UNDER_WAY;
	if (err)
		fail(t, TRANSFER_SOURCE, err, NULL);
}

static ptrdiff_t give_body(void *arg, uint8_t *dst, size_t n)
{
	struct transfer *t = arg;
	ptrdiff_t got;

	if (t->sent + n >= t->spec.attr.size && t->checked == CHECK_NOT_YET)
		check(t);
	if (t->result.err)
		return HTTP_BODY_ABORT;
	if (t->checked == CHECK_UNDER_WAY)
		return HTTP_BODY_PAUSE;
	got = reader_read(t->reader, dst, n);
	if (got == -EAGAIN)
		return HTTP_BODY_PAUSE;
	if (got > 0) {
		t->sent += (uint64_t)got;
		return got;
	}
	fail(t, got == -ESTALE ? TRANSFER_CHANGED : TRANSFER_SOURCE,
	     got ? (int)got : -ESTALE, reader_why(t->reader));
	return HTTP_BODY_ABORT;
}

static void on_ready(void *arg)
{
	struct transfer *t = arg;

	if (t->call && t->checked != CHECK_UNDER_WAY)
		rev_upload_resume(t->call);
}

static void on_answer(void *arg, const struct rev_result *rev)
{
	struct transfer *t = arg;

	t->call = NULL;
	t->result.rev = rev;
	/* What made us abort matters, not that Rev got half of it. */
	if (rev->class == REV_OK)
		t->result.end = TRANSFER_SENT;
	else if (!t->result.err || rev->sent_all)
		t->result.end = TRANSFER_REV;
	finish(t);
}

static void on_open(void *arg, const struct source_result *result)
{
	struct transfer *t = arg;
	int err;

	t->op = NULL;
	if (result->err) {
		fail(t, TRANSFER_SOURCE, result->err, &result->why);
		finish(t);
		return;
	}
	err = reader_new(t->spec.loop, result->file, t->spec.attr.size,
			 t->spec.window, on_ready, t, &t->reader);
	if (!err && !is_same(t, &result->attr)) {
		finish(t);
		return;
	}
	if (!err)
		err = rev_upload(t->spec.rev, &t->metadata, t->spec.attr.size,
				 give_body, t, t->spec.bytes_per_s, on_answer,
				 t, &t->call);
	if (err) {
		fail(t, TRANSFER_SOURCE, err, NULL);
		finish(t);
	}
}

int transfer_start(const struct transfer_spec *spec, struct transfer **ret)
{
	struct transfer *t = calloc(1, sizeof(*t));
	int err = t ? 0 : -ENOMEM;

	if (err)
		return err;
	t->spec = *spec;
	t->metadata = *spec->metadata;
	err = str_replace(&t->path, spec->path);
	if (!err) {
		t->metadata.file_name = basename(t->path);
		err = source_open_file(spec->source, spec->path, on_open, t,
				       &t->op);
	}
	if (err) {
		free_transfer(t);
		return err;
	}
	*ret = t;
	return 0;
}

void transfer_set_speed(struct transfer *t, uint64_t bytes_per_s)
{
	t->spec.bytes_per_s = bytes_per_s;
	if (t->call)
		rev_upload_set_speed(t->call, bytes_per_s);
}

uint64_t transfer_sent(const struct transfer *t)
{
	return t->sent;
}

const char *transfer_limit_why(const struct transfer *t)
{
	return t->call ? rev_limit_why(t->call) : NULL;
}

bool transfer_is_committed(const struct transfer *t)
{
	return t->sent == t->spec.attr.size;
}
