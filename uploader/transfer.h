/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_TRANSFER_H
#define UPCAST_TRANSFER_H

#include "uploader/rev.h"
#include "uploader/source.h"

/*
 * Sends one recording: from the source, through a read-ahead window, straight
 * into the body of an upload.
 *
 * The last bytes are held back until the server has said once more what the
 * file's attributes are: a file that changed while it was read is never sent
 * whole, so no video comes of it.
 *
 * A transfer ends in one call of `done`, never from inside transfer_start(),
 * unless it is cancelled. Memory is the window.
 */
struct transfer;

enum transfer_end {
	TRANSFER_SENT,	  /* Rev has it: rev->video_id */
	TRANSFER_CHANGED, /* the file is not what it was; nothing was sent */
	TRANSFER_SOURCE,  /* the source failed: `err`, `why`; nothing was sent */
	TRANSFER_REV,	  /* Rev did: rev->class; rev->sent_all: perhaps sent */
};

struct transfer_result {
	enum transfer_end end;
	int err;
	struct err why;
	const struct rev_result *rev;
};

typedef void transfer_done_fn(void *arg, const struct transfer_result *result);

struct transfer_spec {
	struct loop *loop;
	struct source *source;
	struct rev *rev;
	const char *path;
	struct source_attr attr; /* what it must still be */
	/* Its texts are the caller's, but file_name: that is the path's. */
	const struct rev_metadata *metadata;
	unsigned window;
	uint64_t bytes_per_s;
	transfer_done_fn *done;
	void *arg;
};

int transfer_start(const struct transfer_spec *spec,
		   struct transfer **ret) ATTR_MUST_CHECK;
void transfer_cancel(struct transfer *t);
void transfer_set_speed(struct transfer *t, uint64_t bytes_per_s);
/* Bytes handed to Rev so far. */
uint64_t transfer_sent(const struct transfer *t);
/* What holds back the upload's beginning, see rev_limit_why(). */
const char *transfer_limit_why(const struct transfer *t);
/* Has everything gone out, so that a video may exist? */
bool transfer_is_committed(const struct transfer *t);

#endif
