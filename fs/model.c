/* SPDX-License-Identifier: MIT */
#include "fs/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/object.h"

enum { COLUMNS_MAX = 32, OBJECTS_MAX = 32768 };

/* ---- daemons ------------------------------------------------------------ */

static struct daemon *find_daemon(const struct model *m, const char *folder)
{
	model_for_each(d, m)
		if (!strcmp(d->folder, folder))
			return d;
	return NULL;
}

static const struct layout *layout_of(const struct daemon *d)
{
	return d->is_streamer ? &layout_streamer : &layout_uploader;
}

const struct layout *model_item_layout(const struct daemon *d)
{
	return d->is_streamer ? &layout_call : &layout_recording;
}

static void free_daemon(struct model *m, struct daemon *d, int64_t now_ms)
{
	struct object *o, *next;

	HASH_ITER(hh, d->objects, o, next)
		object_free(m->tree, o, now_ms);
	tree_remove(m->tree, d->dir, now_ms);
	list_del(&d->node);
	facts_release(&d->facts);
	free(d);
}

/* The folders that a daemon has, whether it ever ran or not. */
static int add_folders(struct model *m, struct daemon *d, const char *folder,
		       int64_t now_ms)
{
	const char *const *states = d->is_streamer ? layout_call_states
						   : layout_job_states;
	struct tree *t = m->tree;
	struct node *dir;
	int err = tree_add_dir(t, tree_root(t), folder, layout_of(d), d, now_ms,
			       &d->dir);

	if (err)
		return err;
	d->folder = d->dir->name;
	err = tree_add_dir(t, d->dir, d->is_streamer ? "calls" : "recordings",
			   NULL, NULL, now_ms, &d->items);
	if (!err)
		err = tree_add_dir(t, d->dir, "by-state", NULL, NULL, now_ms,
				   &d->by_state);
	if (!err && !d->is_streamer)
		err = tree_add_dir(t, d->dir, "by-space", NULL, NULL, now_ms,
				   &d->by_space);
	for (; !err && *states; states++)
		err = tree_add_dir(t, d->by_state, *states, NULL, NULL, now_ms,
				   &dir);
	return err;
}

static int add_daemon(struct model *m, const char *folder, int64_t now_ms)
{
	struct daemon *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	d->is_streamer = !strcmp(folder, "streamer");
	d->status_changed_ms = now_ms;
	list_add_tail(&m->daemons, &d->node);
	err = add_folders(m, d, folder, now_ms);
	if (err)
		free_daemon(m, d, now_ms);
	return err;
}

/* These two are always there: the tree is the same before their first start. */
static bool stays(const struct daemon *d)
{
	return !strcmp(d->folder, "streamer") || !strcmp(d->folder, "uploader");
}

int model_new(int64_t now_ms, struct model **ret)
{
	struct model *m = calloc(1, sizeof(*m));
	int err;

	if (!m)
		return -ENOMEM;
	list_init(&m->daemons);
	eventlog_init(&m->log);
	err = tree_new(&layout_root, now_ms, &m->tree);
	if (!err) {
		tree_root(m->tree)->owner = m;
		err = add_daemon(m, "streamer", now_ms);
	}
	if (!err)
		err = add_daemon(m, "uploader", now_ms);
	if (err) {
		model_free(m);
		return err;
	}
	*ret = m;
	return 0;
}

void model_free(struct model *m)
{
	if (!m)
		return;
	if (m->tree)
		tree_on_gone(m->tree, NULL, NULL);
	list_for_each_safe(it, &m->daemons)
		free_daemon(m, list_entry(it, struct daemon, node), 0);
	tree_free(m->tree);
	eventlog_release(&m->log);
	free(m);
}

static int clear_daemon(struct model *m, struct daemon *d, int64_t now_ms)
{
	struct object *o, *next;

	HASH_ITER(hh, d->objects, o, next)
		object_free(m->tree, o, now_ms);
	d->status = CTLREAD_STOPPED;
	d->since_s = 0;
	d->status_changed_ms = now_ms;
	return model_set_state(m, d->folder, NULL, now_ms);
}

int model_set_folder(struct model *m, const char *folder, bool exists,
		     int64_t now_ms)
{
	struct daemon *d = find_daemon(m, folder);

	if (exists)
		return d ? 0 : add_daemon(m, folder, now_ms);
	if (!d)
		return 0;
	if (stays(d))
		return clear_daemon(m, d, now_ms);
	free_daemon(m, d, now_ms);
	return 0;
}

void model_set_status(struct model *m, const char *folder,
		      enum ctlread_status status, int64_t since_s,
		      int64_t now_ms)
{
	struct daemon *d = find_daemon(m, folder);

	if (!d)
		return;
	d->status = status;
	d->since_s = since_s;
	d->status_changed_ms = now_ms;
}

int model_set_state(struct model *m, const char *folder,
		    const struct snapshot *s, int64_t now_ms)
{
	struct daemon *d = find_daemon(m, folder);
	const char *values[LAYOUT_FILES];

	if (!d)
		return 0;
	facts_read(layout_of(d), s, values);
	return facts_set(&d->facts, values, now_ms);
}

/* ---- objects ------------------------------------------------------------ */

static struct object *find_object(const struct daemon *d, const char *id)
{
	struct object *o = NULL;

	if (d)
		HASH_FIND_STR(d->objects, id, o);
	return o;
}

int model_set_object(struct model *m, const char *folder, const char *id,
		     const struct snapshot *s, int64_t now_ms)
{
	struct daemon *d = find_daemon(m, folder);
	struct object *o = find_object(d, id);
	int err;

	if (!d)
		return 0;
	if (!s) {
		if (o)
			object_free(m->tree, o, now_ms);
		return 0;
	}
	if (!o && HASH_COUNT(d->objects) >= OBJECTS_MAX)
		return 0;
	if (!o) {
		err = object_new(d, id, &o);
		if (err)
			return err;
	}
	err = object_set(m->tree, o, s, now_ms);
	/* What has no place does not show and must not be in the way. */
	if (err && !o->dir)
		object_free(m->tree, o, now_ms);
	return err;
}

/* ---- counters ----------------------------------------------------------- */

/* The columns where the table does not name them. */
static const char uploader_columns[] = "id bytes_sent size rate",
		  streamer_columns[] = "id duration fps bitrate packets lost "
				       "jitter rtmp_bytes dropped reconnects";

/* Which value each column after the id is; -1: none that we know. */
static size_t parse_columns(const struct layout *layout, char *line,
			    int columns[COLUMNS_MAX])
{
	char *save = NULL, *word = strtok_r(line, " ", &save);
	size_t n = 0;

	while (word && (word = strtok_r(NULL, " ", &save)) && n < COLUMNS_MAX)
		columns[n++] = layout_find_key(layout, word);
	return n;
}

static int set_row(const struct daemon *d, char *line, const int *columns,
		   size_t n, int64_t now_ms)
{
	const char *values[LAYOUT_FILES] = { 0 };
	char *save = NULL, *word = strtok_r(line, " ", &save);
	struct object *o = word ? find_object(d, word) : NULL;

	if (!o)
		return 0;
	for (size_t i = 0; i < n && (word = strtok_r(NULL, " ", &save)); i++)
		if (columns[i] >= 0)
			values[columns[i]] = word;
	return object_set_some(o, values, now_ms);
}

int model_set_counters(struct model *m, const char *folder, char *text,
		       int64_t now_ms)
{
	struct daemon *d = find_daemon(m, folder);
	char line_of_columns[sizeof(streamer_columns)], *save = NULL, *line;
	const struct layout *layout;
	int columns[COLUMNS_MAX], err = 0;
	size_t n;

	if (!d)
		return 0;
	layout = model_item_layout(d);
	strcpy(line_of_columns,
	       d->is_streamer ? streamer_columns : uploader_columns);
	n = parse_columns(layout, line_of_columns, columns);
	for (line = strtok_r(text, "\n", &save); line && !err;
	     line = strtok_r(NULL, "\n", &save)) {
		if (*line == '#')
			n = parse_columns(layout, line + strspn(line, "# "),
					  columns);
		else
			err = set_row(d, line, columns, n, now_ms);
	}
	return err;
}

int model_set_error(struct model *m, const char *folder, const char *id,
		    const char *text, int64_t now_ms)
{
	const char *values[LAYOUT_FILES] = { 0 };
	struct daemon *d = find_daemon(m, folder);
	struct object *o = id ? find_object(d, id) : NULL;

	if (!d || (id && !o))
		return 0;
	values[layout_find_key(o ? o->dir->layout : layout_of(d), "error")] =
		text;
	return o ? object_set_some(o, values, now_ms)
		 : facts_set(&d->facts, values, now_ms);
}

/* ---- questions ---------------------------------------------------------- */

struct object *model_object_of(const struct node *dir)
{
	bool is_object = dir->layout == &layout_call ||
			 dir->layout == &layout_recording;

	return is_object ? dir->owner : NULL;
}

struct daemon *model_daemon_of(const struct node *dir)
{
	bool is_daemon = dir->layout == &layout_streamer ||
			 dir->layout == &layout_uploader;

	return is_daemon ? dir->owner : NULL;
}
