/* SPDX-License-Identifier: MIT */
#include "uploader/scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hash.h"
#include "lib/str.h"
#include "uploader/recording.h"

struct folder {
	UT_hash_handle hh;
	struct scan *scan;
	struct list node; /* on `queue`, or by itself */
	struct source_op *op;
	int64_t mtime_ns; /* at the last look */
	unsigned pass;	  /* in which it was last seen in its parent */
	bool is_stale;	  /* to be listed */
	enum recording_dir_kind kind;
	char dir[];
};

struct scan {
	struct loop *loop;
	struct source *source;
	struct scan_calls calls;
	struct folder *folders;
	struct list queue; /* folders to list in this pass */
	unsigned running;  /* listings under way */
	unsigned pass;
	bool is_running, is_full;
	size_t listed;
	int err; /* the first thing that went wrong in this pass */
	struct err why;
	struct loop_task task;
};

static void start_listings(struct scan *s);

static void free_folder(struct scan *s, struct folder *f)
{
	if (f->op)
		source_cancel(f->op);
	list_del(&f->node);
	HASH_DEL(s->folders, f);
	free(f);
}

static struct folder *find_folder(struct scan *s, const char *dir)
{
	struct folder *f;

	HASH_FIND_STR(s->folders, dir, f);
	return f;
}

/* -ENOMEM is for this pass only: the next one meets the folder anew. */
static struct folder *add_folder(struct scan *s, const char *dir,
				 enum recording_dir_kind kind)
{
	size_t len = strlen(dir);
	struct folder *f = calloc(1, sizeof(*f) + len + 1);

	if (!f)
		return NULL;
	memcpy(f->dir, dir, len + 1);
	f->scan = s;
	f->kind = kind;
	f->is_stale = true;
	list_init(&f->node);
	HASH_ADD_STR(s->folders, dir, f);
	if (!f->hh.tbl) {
		free(f);
		return NULL;
	}
	return f;
}

static void note_failure(struct scan *s, int err, const struct err *why)
{
	if (s->err)
		return;
	s->err = err;
	if (why)
		s->why = *why;
	else
		err_set(&s->why, err, "scanning: %s", err_str(err));
}

static void enqueue(struct scan *s, struct folder *f)
{
	if (list_is_empty(&f->node) && !f->op)
		list_add_tail(&s->queue, &f->node);
}

/*
 * A folder below the one just listed. Its mtime decides; the folders that hold
 * folders are always listed, since a grandchild does not move their mtime.
 */
static void see_folder(struct scan *s, const char *dir,
		       const struct source_attr *attr)
{
	struct recording_dir parsed;
	struct folder *f = find_folder(s, dir);

	recording_parse_dir(dir, &parsed);
	if (parsed.kind == RECORDING_DIR_OTHER)
		return;
	if (!f)
		f = add_folder(s, dir, parsed.kind);
	if (!f) {
		note_failure(s, -ENOMEM, NULL);
		return;
	}
	f->pass = s->pass;
	if (f->mtime_ns != attr->mtime_ns) {
		f->mtime_ns = attr->mtime_ns;
		f->is_stale = true;
		enqueue(s, f);
	} else if (f->is_stale || s->is_full ||
		   f->kind != RECORDING_DIR_SPACE ||
		   s->calls.wants(s->calls.arg, f->dir)) {
		f->is_stale = false;
		enqueue(s, f);
	}
}

static void see_children(struct scan *s, const char *dir,
			 const struct source_entry *entries, size_t count)
{
	char path[4096];

	for (size_t i = 0; i < count; i++) {
		const struct source_entry *e = &entries[i];
		int n;

		if (!e->attr.is_dir)
			continue;
		n = snprintf(path, sizeof(path), "%s%s%s", dir, *dir ? "/" : "",
			     e->name);
		if (n < (int)sizeof(path))
			see_folder(s, path, &e->attr);
	}
}

static bool holds_recordings(const struct folder *f)
{
	return f->kind == RECORDING_DIR_SPACE ||
	       f->kind == RECORDING_DIR_FORWARDED;
}

static void on_listed(void *arg, const struct source_result *result)
{
	struct folder *f = arg;
	struct scan *s = f->scan;

	f->op = NULL;
	s->running--;
	if (result->err == -ENOENT && *f->dir) {
		s->calls.gone(s->calls.arg, f->dir);
		free_folder(s, f);
	} else if (result->err) {
		f->is_stale = true;
		note_failure(s, result->err, &result->why);
	} else {
		s->listed++;
		if (holds_recordings(f))
			s->calls.folder(s->calls.arg, f->dir, result->entries,
					result->entry_count);
		if (f->kind != RECORDING_DIR_SPACE)
			see_children(s, f->dir, result->entries,
				     result->entry_count);
	}
	loop_defer(s->loop, &s->task);
}

/*
 * Folders that their parent no longer holds; only after a pass without fault.
 */
static void drop_gone(struct scan *s)
{
	struct folder *f, *next;

	HASH_ITER(hh, s->folders, f, next) {
		if (f->pass == s->pass || !*f->dir)
			continue;
		s->calls.gone(s->calls.arg, f->dir);
		free_folder(s, f);
	}
}

static void finish(struct scan *s)
{
	s->is_running = false;
	if (!s->err)
		drop_gone(s);
	s->calls.finished(s->calls.arg, s->err, s->err ? &s->why : NULL,
			  s->listed);
}

/* A session that is lost ends the pass: the rest would only fail as well. */
static void go_on(struct loop_task *task)
{
	struct scan *s = list_entry(task, struct scan, task);
	struct list *it;

	if (s->err == -ENOTCONN)
		while ((it = list_first(&s->queue))) {
			list_del(it);
			list_entry(it, struct folder, node)->is_stale = true;
		}
	start_listings(s);
	if (s->is_running && !s->running && list_is_empty(&s->queue))
		finish(s);
}

static void start_listings(struct scan *s)
{
	struct list *it;

	while (s->running < SCAN_PARALLEL && (it = list_first(&s->queue))) {
		struct folder *f = list_entry(it, struct folder, node);
		int err;

		list_del(it);
		err = source_list(s->source, f->dir, on_listed, f, &f->op);
		if (err) {
			f->is_stale = true;
			note_failure(s, err, NULL);
		} else {
			s->running++;
		}
	}
}

int scan_new(struct loop *loop, struct source *source,
	     const struct scan_calls *calls, struct scan **ret)
{
	struct scan *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->loop = loop;
	s->source = source;
	s->calls = *calls;
	list_init(&s->queue);
	loop_task_init(&s->task, go_on);
	if (!add_folder(s, "", RECORDING_DIR_ROOT)) {
		free(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

void scan_free(struct scan *s)
{
	struct folder *f, *next;

	if (!s)
		return;
	loop_cancel(s->loop, &s->task);
	HASH_ITER(hh, s->folders, f, next)
		free_folder(s, f);
	free(s);
}

int scan_start(struct scan *s, bool full)
{
	if (s->is_running)
		return -EALREADY;
	s->is_running = true;
	s->is_full = full;
	s->pass++;
	s->listed = 0;
	s->err = 0;
	enqueue(s, find_folder(s, ""));
	loop_defer(s->loop, &s->task);
	return 0;
}

bool scan_is_running(const struct scan *s)
{
	return s->is_running;
}
