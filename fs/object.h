/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_FS_OBJECT_H
#define UPCAST_FS_OBJECT_H

#include "fs/model.h"
#include "lib/hash.h"

/*
 * One call or recording: its values and its places in the tree. Private to
 * fs/model.c and fs/object.c; fs/model.h is what others see. Pure.
 */
struct object {
	UT_hash_handle hh;
	struct daemon *daemon;
	struct node *dir, *state_link, *space_link;
	struct facts facts;
	char id[];
};

int object_new(struct daemon *d, const char *id,
	       struct object **ret) ATTR_MUST_CHECK;
/* Takes it out of the tree, too. */
void object_free(struct tree *t, struct object *o, int64_t now_ms);

/* The values of a snapshot: what it does not name is unknown. */
int object_set(struct tree *t, struct object *o, const struct snapshot *s,
	       int64_t now_ms) ATTR_MUST_CHECK;
/* Some values, NULL leaves one as it is; the places stay. */
int object_set_some(struct object *o, const char *values[LAYOUT_FILES],
		    int64_t now_ms) ATTR_MUST_CHECK;

#endif
