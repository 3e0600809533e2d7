/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_ROW_H
#define UPCAST_ROW_H

#include <stdint.h>

#include "lib/attr.h"
#include "uploader/job.h"

/*
 * What is durable about one recording: a row of the journal. Pure.
 *
 * A zeroed row is empty. Its texts stand in one block, since there may be
 * hundreds of thousands of rows: what row_get() has given is void after the
 * next row_set().
 */
enum row_text {
	ROW_DIR,  /* "spaces/<id>", "forwardedCalls" */
	ROW_NAME, /* as the recorder wrote it, with .mp4 */
	ROW_KEY,  /* identity, hex; what the mark is made of */
	ROW_VIDEO_ID,
	ROW_DISCARD_ID, /* JOB_DISCARDING: the video that must go */
	ROW_PLAYBACK_URL,
	ROW_SPACE_NAME,
	ROW_TITLE,
	ROW_OWNER,   /* Rev user name */
	ROW_VIEWERS, /* Rev user names and rights, for people */
	ROW_ERROR,   /* JOB_FAILED: the sentence */
	ROW_TEXT_COUNT
};

enum row_number {
	ROW_SIZE,
	ROW_MTIME_NS,
	ROW_FILEID,
	ROW_ATTEMPTS, /* uploads begun */
	ROW_FIRST_SEEN_S,
	ROW_SENT_S,    /* the last upload began */
	ROW_DONE_S,    /* it came to a final state */
	ROW_VIDEO_BAD, /* 1: the video itself failed or is gone, so that a
			* retry must send the recording again */
	ROW_ADOPTED,   /* 1: known by its name, or ready once: only a mark
			* says that its being inactive is unfinished work */
	ROW_NUMBER_COUNT
};

struct row {
	int64_t id;
	enum job_state state;
	uint32_t size, at[ROW_TEXT_COUNT]; /* of the block; 0: no text */
	char *block;
	int64_t number[ROW_NUMBER_COUNT];
};

/*
 * Replaces a text, which may be one of the row's; NULL or "": none, and that
 * cannot fail. -ENOMEM leaves it as it was.
 */
int row_set(struct row *row, enum row_text which,
	    const char *text) ATTR_MUST_CHECK;
/* All of them at once. */
int row_fill(struct row *row,
	     const char *const texts[ROW_TEXT_COUNT]) ATTR_MUST_CHECK;
/* "" where there is none. */
const char *row_get(const struct row *row, enum row_text which);
int row_copy(const struct row *row, struct row *ret) ATTR_MUST_CHECK;
void row_release(struct row *row);

/* The column's name in the journal. */
const char *row_text_name(enum row_text which);
const char *row_number_name(enum row_number which);

#endif
