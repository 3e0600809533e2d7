/* SPDX-License-Identifier: MIT */
#include "uploader/row.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

/* The block begins with a byte that nobody uses: 0 is no place of a text. */
static size_t block_size(const char *const texts[ROW_TEXT_COUNT])
{
	size_t size = 1;

	for (int i = 0; i < ROW_TEXT_COUNT; i++)
		if (texts[i] && *texts[i])
			size += strlen(texts[i]) + 1;
	return size;
}

int row_fill(struct row *row, const char *const texts[ROW_TEXT_COUNT])
{
	size_t size = block_size(texts), n;
	char *block = size <= UINT32_MAX ? malloc(size) : NULL;
	uint32_t at = 1;

	if (!block)
		return -ENOMEM;
	for (int i = 0; i < ROW_TEXT_COUNT; i++) {
		row->at[i] = 0;
		if (!texts[i] || !*texts[i])
			continue;
		n = strlen(texts[i]) + 1;
		memcpy(block + at, texts[i], n);
		row->at[i] = at;
		at += (uint32_t)n;
	}
	free(row->block);
	row->block = block;
	row->size = (uint32_t)size;
	return 0;
}

int row_set(struct row *row, enum row_text which, const char *text)
{
	const char *texts[ROW_TEXT_COUNT];

	if (!text || !*text) {
		row->at[which] = 0; /* the next text takes its room */
		return 0;
	}
	for (int i = 0; i < ROW_TEXT_COUNT; i++)
		texts[i] = row_get(row, (enum row_text)i);
	texts[which] = text;
	return row_fill(row, texts);
}

const char *row_get(const struct row *row, enum row_text which)
{
	return row->at[which] ? row->block + row->at[which] : "";
}

int row_copy(const struct row *row, struct row *ret)
{
	struct row copy = *row;

	if (row->block) {
		copy.block = malloc(row->size);
		if (!copy.block)
			return -ENOMEM;
		memcpy(copy.block, row->block, row->size);
	}
	*ret = copy;
	return 0;
}

void row_release(struct row *row)
{
	free(row->block);
	row->block = NULL;
	row->size = 0;
	memset(row->at, 0, sizeof(row->at));
}

const char *row_text_name(enum row_text which)
{
	return text_names[which];
}

const char *row_number_name(enum row_number which)
{
	return number_names[which];
}
