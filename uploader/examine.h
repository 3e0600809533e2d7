/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_EXAMINE_H
#define UPCAST_EXAMINE_H

#include "lib/err.h"
#include "uploader/mp4.h"
#include "uploader/source.h"

/*
 * Reads what must be known of a file before it is uploaded: its box structure
 * (is it whole?), or its ends (which recording is it?).
 *
 * An examination ends in one call of `done`, never from inside the call that
 * starts it, unless it is cancelled. `attr` is what the server said of the
 * open file after the last byte.
 */
struct examine;

enum {
	EXAMINE_KEY_SIZE = 33,	/* 128 bits in hex, and the NUL */
	EXAMINE_NAME_SIZE = 17, /* its first half alone, and the NUL */
};

struct examine_result {
	int err; /* of the source */
	struct err why;
	struct source_attr attr;
	struct mp4 mp4;		    /* examine_boxes() */
	char key[EXAMINE_KEY_SIZE]; /* examine_ends() */
};

typedef void examine_done_fn(void *arg, const struct examine_result *result);

int examine_boxes(struct source *source, const char *path,
		  examine_done_fn *done, void *arg,
		  struct examine **ret) ATTR_MUST_CHECK;

/*
 * The recording's identity: a hash of the share's name, the directory and the
 * original file name, then a hash of these, the length, and the first and the
 * last MiB. It stays the same over a touch, a rename, a remount, another host;
 * its second half changes with the content. The first half alone tells which
 * recording a key was of, without reading anything.
 */
struct examine_identity {
	const char *share, *dir, *name;
};

int examine_name(const struct examine_identity *identity,
		 char ret_name[EXAMINE_NAME_SIZE]) ATTR_MUST_CHECK;

int examine_ends(struct source *source, const char *path,
		 const struct examine_identity *identity, examine_done_fn *done,
		 void *arg, struct examine **ret) ATTR_MUST_CHECK;
void examine_cancel(struct examine *e);

#endif
