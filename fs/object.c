/* SPDX-License-Identifier: MIT */
#include "fs/object.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/name.h"
#include "lib/str.h"

enum {
	FOLDERS_DEEP = 6, /* of a recording's path; the rest is one name */
	STATES_MAX = 64,  /* folders in by-state/ */
	TARGET_MAX = 16 * NAME_BYTES,
};

const char *object_id(const struct object *o)
{
	return o->id;
}

struct daemon *object_daemon(const struct object *o)
{
	return o->daemon;
}

const struct facts *object_facts(const struct object *o)
{
	return &o->facts;
}

static const struct layout *layout_of(const struct object *o)
{
	return model_item_layout(o->daemon);
}

const char *object_get(const struct object *o, const char *key)
{
	return facts_get(&o->facts, layout_find_key(layout_of(o), key));
}

int object_new(struct daemon *d, const char *id, struct object **ret)
{
	size_t size = strlen(id) + 1;
	struct object *o = calloc(1, sizeof(*o) + size);

	if (!o)
		return -ENOMEM;
	memcpy(o->id, id, size);
	o->daemon = d;
	HASH_ADD_KEYPTR(hh, d->objects, o->id, size - 1, o);
	if (!o->hh.tbl) {
		free(o);
		return -ENOMEM;
	}
	*ret = o;
	return 0;
}

/* ---- values ------------------------------------------------------------- */

/* Texts that are worked out from other values. */
struct derived {
	char progress[8], eta[24];
};

static uint64_t number_of(const struct object *o, const char *const *values,
			  const char *key)
{
	int i = layout_find_key(layout_of(o), key);
	uint64_t v;

	if (i < 0 || !values[i])
		return facts_get_u64(&o->facts, i);
	return str_parse_u64(values[i], 0, UINT64_MAX, &v) ? 0 : v;
}

/* A daemon that says nothing of progress and time left still shows them. */
static void derive(const struct object *o, const char *values[LAYOUT_FILES],
		   bool only_some, struct derived *d)
{
	int progress = layout_find_key(layout_of(o), "progress");
	int eta = layout_find_key(layout_of(o), "eta");
	uint64_t size = number_of(o, values, "size"), rate, sent;

	if (progress < 0 || !size)
		return;
	sent = number_of(o, values, "bytes_sent");
	rate = number_of(o, values, "rate");
	sent = sent < size ? sent : size;
	snprintf(d->progress, sizeof(d->progress), "%u",
		 (unsigned)((double)sent * 100 / (double)size));
	snprintf(d->eta, sizeof(d->eta), "%llu",
		 (unsigned long long)(rate ? (size - sent) / rate : 0));
	if (only_some ? !values[progress] : !*values[progress])
		values[progress] = d->progress;
	if (only_some ? !values[eta] : !*values[eta])
		values[eta] = rate ? d->eta : "";
}

int object_set_some(struct object *o, const char *values[LAYOUT_FILES],
		    int64_t now_ms)
{
	struct derived d;

	derive(o, values, true, &d);
	return facts_set(&o->facts, values, now_ms);
}

/* ---- places ------------------------------------------------------------- */

/* A folder that is not an object's; one of another name if need be. */
static int ensure_dir(struct tree *t, struct node *parent, const char *name,
		      int64_t now_ms, struct node **ret)
{
	struct node *found = tree_child(t, parent, name);
	char other[NAME_BYTES + 1];

	if (found && (found->owner || found->target)) {
		str_copy(other, name, sizeof(other));
		name_add_suffix(other, "folder");
		found = tree_child(t, parent, other);
		if (found && (found->owner || found->target))
			return -EEXIST;
		name = other;
	}
	if (found) {
		*ret = found;
		return 0;
	}
	return tree_add_dir(t, parent, name, NULL, NULL, now_ms, ret);
}

/* Removes folders that have become empty, up to one that stays. */
static void prune(struct tree *t, struct node *dir, const struct node *stay,
		  int64_t now_ms)
{
	while (dir != stay && !dir->child_count) {
		struct node *parent = dir->parent;

		tree_remove(t, dir, now_ms);
		dir = parent;
	}
}

/* Makes the folders of a path and gives the last one and the file's name. */
static int walk_path(struct tree *t, struct node *top, const char *path,
		     int64_t now_ms, struct node **ret_dir,
		     const char **ret_file)
{
	char name[NAME_BYTES + 1];
	const char *slash;
	int err, depth = 0;

	*ret_dir = top;
	for (; (slash = strchr(path, '/')) && depth < FOLDERS_DEEP;
	     path = slash + 1) {
		if (slash == path)
			continue;
		name_encode(path, (size_t)(slash - path), name);
		err = ensure_dir(t, *ret_dir, name, now_ms, ret_dir);
		if (err)
			return err;
		depth++;
	}
	*ret_file = path;
	return 0;
}

/* Under its name, or, where that is taken, with its id behind it. */
static int add_named(struct tree *t, struct node *parent, const char *name,
		     const char *target, struct object *o, int64_t now_ms,
		     struct node **ret)
{
	char other[NAME_BYTES + 1];

	if (tree_child(t, parent, name)) {
		str_copy(other, name, sizeof(other));
		name_add_suffix(other, o->id);
		name = other;
	}
	if (!target)
		return tree_add_dir(t, parent, name, layout_of(o), o, now_ms,
				    ret);
	if (tree_add_link(t, parent, name, target, now_ms, ret))
		return -ENOMEM;
	(*ret)->owner = o;
	return 0;
}

static int place_recording(struct tree *t, struct object *o, int64_t now_ms)
{
	struct node *top = o->daemon->items, *dir;
	char name[NAME_BYTES + 1];
	const char *file;
	int err = walk_path(t, top, object_get(o, "path"), now_ms, &dir, &file);

	if (err)
		return err;
	if (!*file)
		file = o->id;
	name_encode(file, name_stem_length(file, strlen(file)), name);
	err = add_named(t, dir, name, NULL, o, now_ms, &o->dir);
	if (err)
		prune(t, dir, top, now_ms);
	return err;
}

/* Only the mark of an upload may differ: then it stays where it is. */
static bool is_same_place(const char *a, const char *b)
{
	const char *slash = strrchr(a, '/'), *file = slash ? slash + 1 : a;
	size_t n = (size_t)(file - a);
	size_t stem = n + name_stem_length(file, strlen(file));

	return strlen(b) >= n && !strchr(b + n, '/') &&
	       n + name_stem_length(b + n, strlen(b + n)) == stem &&
	       !memcmp(a, b, stem);
}

static void unplace(struct tree *t, struct object *o, int64_t now_ms)
{
	struct node *parent = o->dir ? o->dir->parent : NULL;

	if (!parent)
		return;
	tree_remove(t, o->dir, now_ms);
	o->dir = NULL;
	prune(t, parent, o->daemon->items, now_ms);
}

static int place(struct tree *t, struct object *o, int64_t now_ms)
{
	if (o->dir)
		return 0;
	if (!o->daemon->is_streamer)
		return place_recording(t, o, now_ms);
	return tree_add_dir(t, o->daemon->items, o->id, &layout_call, o, now_ms,
			    &o->dir);
}

/* ---- links -------------------------------------------------------------- */

/* From two folders below the daemon's to the object's. */
static int format_target(const struct object *o, char dst[TARGET_MAX])
{
	const struct node *chain[FOLDERS_DEEP + 4];
	int n = 0, at;

	for (const struct node *i = o->dir; i != o->daemon->dir; i = i->parent)
		chain[n++] = i;
	at = snprintf(dst, TARGET_MAX, "../..");
	while (n-- && at < TARGET_MAX)
		at += snprintf(dst + at, (size_t)(TARGET_MAX - at), "/%s",
			       chain[n]->name);
	return at < TARGET_MAX ? 0 : -ENAMETOOLONG;
}

static bool is_known_state(const struct daemon *d, const char *name)
{
	const char *const *states = d->is_streamer ? layout_call_states
						   : layout_job_states;

	for (; *states; states++)
		if (!strcmp(*states, name))
			return true;
	return false;
}

static void drop_link(struct tree *t, struct object *o, struct node **link,
		      int64_t now_ms)
{
	struct node *dir = *link ? (*link)->parent : NULL;

	if (!dir)
		return;
	tree_remove(t, *link, now_ms);
	*link = NULL;
	if (dir->parent == o->daemon->by_space ||
	    !is_known_state(o->daemon, dir->name))
		prune(t, dir, dir->parent, now_ms);
}

/* A link below `top`, in the folder `group`; none if that is empty. */
static int place_link(struct tree *t, struct object *o, struct node *top,
		      const char *group, const char *name, int64_t now_ms,
		      struct node **link)
{
	char target[TARGET_MAX], dir_name[NAME_BYTES + 1];
	struct node *dir;
	int err;

	if (!*group) {
		drop_link(t, o, link, now_ms);
		return 0;
	}
	name_encode(group, strlen(group), dir_name);
	if (*link && !strcmp((*link)->parent->name, dir_name))
		return 0;
	drop_link(t, o, link, now_ms);
	err = format_target(o, target);
	if (!err)
		err = ensure_dir(t, top, dir_name, now_ms, &dir);
	if (err)
		return err;
	err = add_named(t, dir, name, target, o, now_ms, link);
	if (err)
		prune(t, dir, top, now_ms);
	return err;
}

static int place_links(struct tree *t, struct object *o, int64_t now_ms)
{
	struct daemon *d = o->daemon;
	const char *state = object_get(o, "state");
	const char *space = object_get(o, "space_name");
	int err;

	if (d->by_state->child_count >= STATES_MAX && !is_known_state(d, state))
		state = "";
	err = place_link(t, o, d->by_state, state, o->id, now_ms,
			 &o->state_link);
	if (err || !d->by_space)
		return err;
	if (!*space)
		space = object_get(o, "space_id");
	return place_link(t, o, d->by_space, space, o->dir->name, now_ms,
			  &o->space_link);
}

static void drop_places(struct tree *t, struct object *o, int64_t now_ms)
{
	drop_link(t, o, &o->state_link, now_ms);
	drop_link(t, o, &o->space_link, now_ms);
	unplace(t, o, now_ms);
}

void object_free(struct tree *t, struct object *o, int64_t now_ms)
{
	drop_places(t, o, now_ms);
	HASH_DEL(o->daemon->objects, o);
	facts_release(&o->facts);
	free(o);
}

int object_set(struct tree *t, struct object *o, const struct snapshot *s,
	       int64_t now_ms)
{
	const char *values[LAYOUT_FILES], *path = object_get(o, "path");
	char *old_path = o->dir ? strdup(path) : NULL;
	struct derived d;
	int err;

	if (o->dir && !old_path)
		return -ENOMEM;
	facts_read(layout_of(o), s, values);
	derive(o, values, false, &d);
	err = facts_set(&o->facts, values, now_ms);
	if (!err && old_path && !is_same_place(old_path, object_get(o, "path")))
		drop_places(t, o, now_ms);
	free(old_path);
	if (!err)
		err = place(t, o, now_ms);
	if (err)
		return err;
	o->dir->changed_ms = now_ms;
	return place_links(t, o, now_ms);
}
