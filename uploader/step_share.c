/* SPDX-License-Identifier: MIT */
/*
 * The file on the share: it gets its uploaded name, its old one back, or goes.
 */
#include "uploader/steps.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* ---- marking ------------------------------------------------------------ */

static void list_folder(struct work *w);

static void marked(struct work *w)
{
	w->item->is_marked = true;
	engine_event(w->engine, w->item, JOB_EV_MARKED, NULL);
}

/* The video does not hold what the file is now: it goes, the file settles. */
static void stale(struct work *w, const char *why)
{
	if (step_set(w, ROW_DISCARD_ID, step_text(w, ROW_VIDEO_ID)) ||
	    step_set(w, ROW_VIDEO_ID, NULL)) {
		step_out_of_memory(w);
		return;
	}
	engine_event(w->engine, w->item, JOB_EV_STALE, why);
}

static bool is_what_was_sent(const struct work *w,
			     const struct source_attr *attr)
{
	const struct row *row = &w->item->row;

	return (uint64_t)row->number[ROW_SIZE] == attr->size &&
	       row->number[ROW_MTIME_NS] == attr->mtime_ns;
}

/* A file that was replaced between the look and the rename is seen here. */
static void look_at_marked(struct work *w, const struct source_attr *attr)
{
	if (is_what_was_sent(w, attr))
		marked(w);
	else
		stale(w, "the file was replaced while it was uploaded");
}

/*
 * Did the look find the file? A name that is not there any more is looked for.
 */
static bool is_there(struct work *w, const struct source_result *result)
{
	w->op = NULL;
	if (result->err == -ENOENT)
		list_folder(w);
	else if (result->err)
		step_source_failed(w, result);
	return !result->err;
}

static void on_marked_stat(void *arg, const struct source_result *result)
{
	struct work *w = arg;

	if (is_there(w, result))
		look_at_marked(w, &result->attr);
}

static void stat_marked(struct work *w)
{
	char path[STEP_PATH_SIZE];

	if (engine_path(w->item, step_text(w, ROW_VIDEO_ID), path,
			sizeof(path)) ||
	    source_stat(w->engine->source, path, on_marked_stat, w, &w->op))
		step_out_of_memory(w);
}

/* Another uploader's name is there: its video stays, ours goes. */
static void race_lost(struct work *w, const char *video_id)
{
	engine_note(w->engine, w->item,
		    "another uploader has renamed it to video %s", video_id);
	if (step_set(w, ROW_DISCARD_ID, step_text(w, ROW_VIDEO_ID)) ||
	    step_set(w, ROW_VIDEO_ID, video_id)) {
		step_out_of_memory(w);
		return;
	}
	w->item->row.number[ROW_ADOPTED] = 1;
	engine_event(w->engine, w->item, JOB_EV_RACE_LOST, NULL);
}

static void not_renamed(struct work *w, bool is_there)
{
	if (is_there)
		engine_back_off(w, JOB_EV_AGAIN,
				"the share does not agree with itself about "
				"the rename");
	else
		engine_event(w->engine, w->item, JOB_EV_VANISHED,
			     "the file was removed from the share after its "
			     "upload");
}

static void look_for_mark(struct work *w, const struct source_result *result)
{
	struct recording parsed;
	bool has_new = false;

	for (size_t i = 0; i < result->entry_count; i++) {
		recording_parse(result->entries[i].name, &parsed);
		if (strcmp(parsed.stem, w->item->stem))
			continue;
		has_new = has_new || parsed.kind == RECORDING_NEW;
		if (parsed.kind != RECORDING_UPLOADED)
			continue;
		if (strcasecmp(parsed.video_id, step_text(w, ROW_VIDEO_ID)))
			race_lost(w, parsed.video_id);
		else
			look_at_marked(w, &result->entries[i].attr);
		return;
	}
	not_renamed(w, has_new);
}

static void on_folder(void *arg, const struct source_result *result)
{
	struct work *w = arg;

	w->op = NULL;
	if (result->err == -ENOENT)
		not_renamed(w, false);
	else if (result->err)
		step_source_failed(w, result);
	else
		look_for_mark(w, result);
}

/* A rename's answer proves nothing (it may be lost): the folder does. */
static void list_folder(struct work *w)
{
	if (source_list(w->engine->source, w->item->folder->dir, on_folder, w,
			&w->op))
		step_out_of_memory(w);
}

static void on_renamed(void *arg, const struct source_result *result)
{
	struct work *w = arg;

	w->op = NULL;
	if (!result->err || result->err == -EEXIST) {
		engine_rename_worked(w->engine);
		stat_marked(w);
	} else if (result->err == -ENOENT) {
		list_folder(w);
	} else {
		/* Each recording counts once, however often it is tried. */
		if (!w->tries)
			engine_rename_refused(w->engine, false);
		step_source_failed(w, result);
	}
}

static void rename_it(struct work *w)
{
	char from[STEP_PATH_SIZE], to[STEP_PATH_SIZE];

	if (engine_path(w->item, NULL, from, sizeof(from)) ||
	    engine_path(w->item, step_text(w, ROW_VIDEO_ID), to, sizeof(to))) {
		step_video_bad(
			w, JOB_EV_REFUSED,
			"rev gave a video id that no file name can hold");
		return;
	}
	if (source_rename(w->engine->source, from, to, on_renamed, w, &w->op))
		step_out_of_memory(w);
}

static void on_stat(void *arg, const struct source_result *result)
{
	struct work *w = arg;

	if (!is_there(w, result))
		return;
	if (is_what_was_sent(w, &result->attr))
		rename_it(w);
	else
		stale(w, "the file changed after it was uploaded");
}

void step_rename(struct work *w)
{
	char path[STEP_PATH_SIZE];

	engine_set_why(w, "uploaded: renaming the file");
	if (engine_path(w->item, NULL, path, sizeof(path)) ||
	    source_stat(w->engine->source, path, on_stat, w, &w->op))
		step_out_of_memory(w);
}

/* ---- deleting, discarding, renaming back ---------------------------- */

static void on_removed(void *arg, const struct source_result *result)
{
	struct work *w = arg;

	w->op = NULL;
	if (!result->err || result->err == -ENOENT)
		engine_event(w->engine, w->item, JOB_EV_REMOVED,
			     "deleted from the share");
	else
		step_source_failed(w, result);
}

static void keep_file(struct work *w, const char *why)
{
	w->item->is_kept = true;
	engine_note(w->engine, w->item, "%s: the file is not deleted", why);
	engine_event(w->engine, w->item, JOB_EV_REFUSED, NULL);
}

static void remove_it(struct work *w)
{
	char path[STEP_PATH_SIZE];

	if (engine_path(w->item, step_text(w, ROW_VIDEO_ID), path,
			sizeof(path)) ||
	    source_remove(w->engine->source, path, on_removed, w, &w->op))
		step_out_of_memory(w);
}

static void on_remove_stat(void *arg, const struct source_result *result)
{
	struct work *w = arg;

	w->op = NULL;
	if (result->err == -ENOENT)
		on_removed(w, result);
	else if (result->err)
		step_source_failed(w, result);
	else if (!result->attr.is_file || !is_what_was_sent(w, &result->attr))
		keep_file(w, "it is not what was uploaded");
	else
		remove_it(w);
}

static void stat_removed(struct work *w)
{
	char path[STEP_PATH_SIZE];

	if (engine_path(w->item, step_text(w, ROW_VIDEO_ID), path,
			sizeof(path)))
		keep_file(w, "no file name can hold its video");
	else if (source_stat(w->engine->source, path, on_remove_stat, w,
			     &w->op))
		step_out_of_memory(w);
}

/* The video was ready when the time of the file began: is it there still? */
static void on_last_look(void *arg, const struct rev_result *result)
{
	struct work *w = arg;

	w->call = NULL;
	if (result->class == REV_GONE)
		keep_file(w, "its video is gone from Rev");
	else if (result->class != REV_OK)
		step_rev_failed(w, result);
	else if (result->failed)
		keep_file(w, "its video has failed on Rev");
	else
		stat_removed(w);
}

/*
 * By its uploaded name only: what is not renamed is never deleted. Nor is the
 * last copy.
 */
void step_remove(struct work *w)
{
	if (!*step_text(w, ROW_VIDEO_ID))
		keep_file(w, "no video is known of it");
	else if (rev_get_status(w->engine->parties->rev,
				step_text(w, ROW_VIDEO_ID), on_last_look, w,
				&w->call))
		step_out_of_memory(w);
}

static void unmarked(struct work *w)
{
	settle_init(&w->settle);
	w->item->is_marked = false;
	if (step_set(w, ROW_DISCARD_ID, NULL) ||
	    step_set(w, ROW_VIDEO_ID, NULL))
		step_out_of_memory(w);
	else
		engine_event(w->engine, w->item, JOB_EV_UNMARKED, w->why);
}

/* No such name: it was never renamed. The old name taken: the file is back. */
static void on_renamed_back(void *arg, const struct source_result *result)
{
	struct work *w = arg;

	w->op = NULL;
	if (!result->err || result->err == -ENOENT || result->err == -EEXIST)
		unmarked(w);
	else
		step_source_failed(w, result);
}

void step_rename_back(struct work *w)
{
	char from[STEP_PATH_SIZE], to[STEP_PATH_SIZE];

	if (!*step_text(w, ROW_DISCARD_ID) ||
	    engine_path(w->item, step_text(w, ROW_DISCARD_ID), from,
			sizeof(from)) ||
	    engine_path(w->item, NULL, to, sizeof(to))) {
		unmarked(w);
		return;
	}
	if (source_rename(w->engine->source, from, to, on_renamed_back, w,
			  &w->op))
		step_out_of_memory(w);
}
