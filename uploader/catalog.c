/* SPDX-License-Identifier: MIT */
#include "uploader/catalog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

/* States in which the file must be looked at in every pass. */
static bool is_unsettled(enum job_state state)
{
	return state == JOB_SETTLING || state == JOB_QUEUED;
}

static void free_item(struct item *item)
{
	row_release(&item->row);
	free(item);
}

void catalog_release(struct catalog *c)
{
	struct folder_items *folder, *next_folder;
	struct item *item, *next;

	HASH_ITER(by_id, c->items, item, next)
		catalog_remove(c, item);
	HASH_ITER(hh, c->folders, folder, next_folder) {
		HASH_DEL(c->folders, folder);
		free(folder->dir);
		free(folder);
	}
}

struct folder_items *catalog_find_folder(struct catalog *c, const char *dir)
{
	struct folder_items *folder;

	HASH_FIND_STR(c->folders, dir, folder);
	return folder;
}

int catalog_folder(struct catalog *c, const char *dir,
		   struct folder_items **ret)
{
	struct folder_items *folder = catalog_find_folder(c, dir);
	struct recording_dir parsed;

	if (folder) {
		*ret = folder;
		return 0;
	}
	folder = calloc(1, sizeof(*folder));
	if (!folder || str_replace(&folder->dir, dir))
		goto fail;
	recording_parse_dir(dir, &parsed);
	if (parsed.kind == RECORDING_DIR_SPACE)
		str_copy(folder->space_id, parsed.space_id,
			 sizeof(folder->space_id));
	HASH_ADD_KEYPTR(hh, c->folders, folder->dir, strlen(folder->dir),
			folder);
	if (!folder->hh.tbl)
		goto fail;
	*ret = folder;
	return 0;
fail:
	if (folder)
		free(folder->dir);
	free(folder);
	return -ENOMEM;
}

struct item *catalog_find(struct catalog *c, int64_t id)
{
	struct item *item;

	HASH_FIND(by_id, c->items, &id, sizeof(id), item);
	return item;
}

struct item *catalog_find_stem(struct folder_items *folder, const char *stem)
{
	struct item *item;

	HASH_FIND(by_stem, folder->items, stem, strlen(stem), item);
	return item;
}

static void count(struct catalog *c, struct item *item, int by)
{
	c->counts[item->row.state] += (size_t)by;
	if (is_unsettled(item->row.state))
		item->folder->unsettled += (unsigned)by;
}

/* Ids come in rising order: most need no search. */
static bool has_id(struct catalog *c, int64_t id)
{
	return id <= c->last_id && catalog_find(c, id);
}

int catalog_add(struct catalog *c, struct row *take_row, struct item **ret)
{
	struct recording parsed;
	struct folder_items *folder;
	struct item *item;
	int err;

	recording_parse(row_get(take_row, ROW_NAME), &parsed);
	if (parsed.kind != RECORDING_NEW)
		return -EINVAL;
	err = catalog_folder(c, row_get(take_row, ROW_DIR), &folder);
	if (err)
		return err;
	if (has_id(c, take_row->id) || catalog_find_stem(folder, parsed.stem))
		return -EEXIST;
	item = calloc(1, sizeof(*item));
	if (!item)
		return -ENOMEM;
	item->folder = folder;
	list_init(&item->dirty_node);
	list_init(&item->done_node);
	str_copy(item->stem, parsed.stem, sizeof(item->stem));
	item->row.id = take_row->id;
	HASH_ADD(by_id, c->items, row.id, sizeof(item->row.id), item);
	if (!item->by_id.tbl) {
		free(item);
		return -ENOMEM;
	}
	HASH_ADD_KEYPTR(by_stem, folder->items, item->stem, strlen(item->stem),
			item);
	if (!item->by_stem.tbl) {
		HASH_DELETE(by_id, c->items, item);
		free(item);
		return -ENOMEM;
	}
	item->row = *take_row;
	if (item->row.id > c->last_id)
		c->last_id = item->row.id;
	count(c, item, 1);
	*ret = item;
	return 0;
}

void catalog_remove(struct catalog *c, struct item *item)
{
	count(c, item, -1);
	HASH_DELETE(by_id, c->items, item);
	HASH_DELETE(by_stem, item->folder->items, item);
	list_del(&item->dirty_node);
	list_del(&item->done_node);
	free_item(item);
}

void catalog_set_state(struct catalog *c, struct item *item,
		       enum job_state state)
{
	count(c, item, -1);
	item->row.state = state;
	count(c, item, 1);
}

size_t catalog_count_word(const struct catalog *c, const char *word)
{
	size_t n = 0;

	for (int s = 0; s < JOB_STATE_COUNT; s++)
		if (!strcmp(job_word((enum job_state)s), word))
			n += c->counts[s];
	return n;
}
