/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_CATALOG_H
#define UPCAST_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/hash.h"
#include "lib/list.h"
#include "uploader/recording.h"
#include "uploader/row.h"

/*
 * Every recording that the uploader knows, found by its id or by its folder and
 * stem. What is done keeps only its row; what is under way has a `struct work`,
 * which is the engine's.
 *
 * The catalog owns the items. Changing an item's state goes through
 * catalog_set_state(), which keeps the counts.
 */
struct work;
struct folder_items;

struct item {
	struct row row;
	char stem[RECORDING_STEM_MAX];
	struct folder_items *folder;
	struct work *work; /* NULL: nothing to do */

	/* The folder's last listing. */
	unsigned listing;     /* in which it was seen */
	unsigned char missed; /* listings in a row without it */
	bool is_marked;	      /* seen under its uploaded name */
	bool is_double;	      /* an unmarked copy stands beside that */
	bool is_kept;	      /* not what was uploaded: never deleted */

	/* The owner's lists; an item that is removed leaves them. */
	struct list dirty_node, done_node;

	UT_hash_handle by_id, by_stem;
};

struct folder_items {
	char *dir;
	char space_id[RECORDING_ID_MAX]; /* "" for forwardedCalls */
	struct item *items;		 /* by stem */
	unsigned listing;
	unsigned unsettled; /* items that want to be seen in every pass */
	UT_hash_handle hh;
};

struct catalog {
	struct item *items; /* by id */
	struct folder_items *folders;
	size_t counts[JOB_STATE_COUNT];
	int64_t last_id; /* the highest that there ever was */
};

void catalog_release(struct catalog *c);

/* -ENOMEM. */
int catalog_folder(struct catalog *c, const char *dir,
		   struct folder_items **ret) ATTR_MUST_CHECK;
struct folder_items *catalog_find_folder(struct catalog *c, const char *dir);

/*
 * Takes the row; -EEXIST where the id or the folder and stem are there already,
 * -EINVAL where the row's name is no recording's, -ENOMEM: the row is then
 * still the caller's.
 */
int catalog_add(struct catalog *c, struct row *take_row,
		struct item **ret) ATTR_MUST_CHECK;
void catalog_remove(struct catalog *c, struct item *item);
struct item *catalog_find(struct catalog *c, int64_t id);
struct item *catalog_find_stem(struct folder_items *folder, const char *stem);
void catalog_set_state(struct catalog *c, struct item *item,
		       enum job_state state);

/* Sum of the counts of all states with this word ("uploading"). */
size_t catalog_count_word(const struct catalog *c, const char *word);

#endif
