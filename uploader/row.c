/* SPDX-License-Identifier: MIT */
#include "uploader/row.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/str.h"

static const char *const text_names[ROW_TEXT_COUNT] = {
	[ROW_DIR] = "dir",
	[ROW_NAME] = "name",
	[ROW_KEY] = "key",
	[ROW_VIDEO_ID] = "video_id",
	[ROW_DISCARD_ID] = "discard_id",
	[ROW_PLAYBACK_URL] = "playback_url",
	[ROW_SPACE_NAME] = "space_name",
	[ROW_TITLE] = "title",
	[ROW_OWNER] = "owner",
	[ROW_VIEWERS] = "viewers",
	[ROW_ERROR] = "error",
};

static const char *const number_names[ROW_NUMBER_COUNT] = {
	[ROW_SIZE] = "size",
	[ROW_MTIME_NS] = "mtime_ns",
	[ROW_FILEID] = "fileid",
	[ROW_ATTEMPTS] = "attempts",
	[ROW_FIRST_SEEN_S] = "first_seen",
	[ROW_SENT_S] = "sent",
	[ROW_DONE_S] = "done",
	[ROW_VIDEO_BAD] = "video_bad",
	[ROW_ADOPTED] = "adopted",
};

int row_set(struct row *row, enum row_text which, const char *text)
{
	return str_replace(&row->text[which], text && *text ? text : NULL);
}

const char *row_get(const struct row *row, enum row_text which)
{
	return row->text[which] ? row->text[which] : "";
}

int row_copy(const struct row *row, struct row *ret)
{
	struct row copy = *row;

	for (int i = 0; i < ROW_TEXT_COUNT; i++)
		copy.text[i] = NULL;
	for (int i = 0; i < ROW_TEXT_COUNT; i++) {
		if (row_set(&copy, (enum row_text)i, row->text[i])) {
			row_release(&copy);
			return -ENOMEM;
		}
	}
	*ret = copy;
	return 0;
}

void row_release(struct row *row)
{
	for (int i = 0; i < ROW_TEXT_COUNT; i++) {
		free(row->text[i]);
		row->text[i] = NULL;
	}
}

const char *row_text_name(enum row_text which)
{
	return text_names[which];
}

const char *row_number_name(enum row_number which)
{
	return number_names[which];
}
