/* SPDX-License-Identifier: MIT */
/*
 * The engine's eyes: what a scan sees becomes new recordings, events, and looks
 * at those that settle.
 */
#include "uploader/engine_private.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "lib/log.h"
#include "lib/mono.h"
#include "lib/str.h"

enum {
	MISSED_MAX = 2, /* listings without a file before it counts as gone */
	SCAN_PAUSE_MS = 1000, /* between two passes, if not scan_interval */
};

static void get_config(const struct engine *e, struct settle_config *ret)
{
	ret->settle_ms = conf_number(e->conf, OPT_UP_SETTLE_TIME);
	ret->fragmented_ms =
		conf_number(e->conf, OPT_UP_FRAGMENTED_SETTLE_TIME);
	ret->crowd = e->catalog.counts[JOB_SETTLING];
}

/* ---- settling ---------------------------------------------------------- */

static void on_walked(void *arg, const struct examine_result *result)
{
	struct work *w = arg;

	engine_walk_ends(w);
	if (result->err == -ENOTCONN) {
		engine_perform_later(w); /* waits for the share */
		return;
	}
	if (result->err == -ENOENT) {
		engine_back_off(w, JOB_EV_CHANGED,
				"listed, but not there: the next scan knows "
				"more");
		return;
	}
	if (result->err) {
		engine_source_failed(w, result->err, &result->why,
				     JOB_EV_CHANGED);
		return;
	}
	settle_walked(&w->settle, &result->attr, &result->mp4, mono_ms());
	engine_perform_later(w);
}

static void walk(struct work *w)
{
	struct engine *e = w->engine;
	char path[4096];

	if (e->walks_running >= ENGINE_WALKS_MAX) {
		engine_line_up(w, &e->walk_waiters);
		return;
	}
	if (engine_path(w->item, NULL, path, sizeof(path)) ||
	    examine_boxes(e->source, path, on_walked, w, &w->examine)) {
		loop_timer_start(&w->timer, 1000);
		return;
	}
	e->walks_running++;
}

static void settled(struct work *w)
{
	struct row *row = &w->item->row;

	w->attr = w->settle.attr;
	row->number[ROW_SIZE] = (int64_t)w->attr.size;
	row->number[ROW_MTIME_NS] = w->attr.mtime_ns;
	row->number[ROW_FILEID] = (int64_t)w->attr.fileid;
	engine_event(w->engine, w->item, JOB_EV_SETTLED, NULL);
}

/*
 * Looks are what scans give; between them only the clock moves, so there is
 * nothing to do until the next scan unless a walk is due.
 */
void watch_settle(struct work *w)
{
	struct settle_config config;
	struct settle_result result;

	get_config(w->engine, &config);
	settle_check(&w->settle, &config, mono_ms(), &result);
	engine_set_why(w, "%s", result.why);
	if (result.state == SETTLE_DONE)
		settled(w);
	else if (result.state == SETTLE_WALK)
		walk(w);
}

/* ---- what a listing shows ---------------------------------------------- */

static void see_settling(struct engine *e, struct item *item,
			 const struct source_attr *attr)
{
	struct work *w = engine_work(e, item);

	if (!w)
		return;
	if (settle_see(&w->settle, attr, mono_ms())) {
		item->row.number[ROW_SIZE] = (int64_t)attr->size;
		/* What failed before failed with another file. */
		w->tries = 0;
		w->not_before_ms = 0;
	}
	engine_perform_later(w);
}

/* A queued recording is looked at in every pass: it may grow once more. */
static void see_queued(struct engine *e, struct item *item,
		       const struct source_attr *attr)
{
	struct work *w = item->work;

	if (w && settle_see(&w->settle, attr, mono_ms()))
		engine_event(e, item, JOB_EV_CHANGED, "the file changed");
}

static bool is_other_file(const struct item *item,
			  const struct source_attr *attr)
{
	return (uint64_t)item->row.number[ROW_SIZE] != attr->size ||
	       item->row.number[ROW_MTIME_NS] != attr->mtime_ns;
}

static void see_again(struct engine *e, struct item *item,
		      const struct source_attr *attr)
{
	if (engine_event(e, item, JOB_EV_SEEN,
			 "the file is there again without its mark"))
		return;
	settle_init(&item->work->settle);
	see_settling(e, item, attr);
}

/* A name of the recording was in this listing before. */
static bool is_double(struct engine *e, struct item *item,
		      const struct source_entry *entry)
{
	if (item->listing != item->folder->listing)
		return false;
	if (!item->is_double)
		engine_note(e, item, "%s stands beside it and is left alone",
			    entry->name);
	item->is_double = true;
	return true;
}

/* Somebody has changed the case of the name. */
static void take_case(struct item *item, const char *name)
{
	if (!strcmp(row_get(&item->row, ROW_NAME), name) ||
	    row_set(&item->row, ROW_NAME, name))
		return;
	if (item->work)
		item->work->is_dirty = true;
}

static void see_new(struct engine *e, struct folder_items *folder,
		    const struct recording *parsed,
		    const struct source_entry *entry)
{
	struct item *item = catalog_find_stem(folder, parsed->stem);

	if (!item &&
	    engine_add(e, folder->dir, entry->name, NULL, &entry->attr, &item))
		return;
	if (is_double(e, item, entry))
		return;
	take_case(item, entry->name);
	item->listing = folder->listing;
	item->missed = 0;
	item->is_marked = false;
	switch (item->row.state) {
	case JOB_SETTLING:
		see_settling(e, item, &entry->attr);
		break;
	case JOB_QUEUED:
		see_queued(e, item, &entry->attr);
		break;
	case JOB_READY:
	case JOB_DELETED:
		see_again(e, item, &entry->attr);
		break;
	case JOB_FAILED:
		if (is_other_file(item, &entry->attr))
			engine_event(e, item, JOB_EV_CHANGED,
				     "the file changed");
		break;
	default:
		break; /* it is being worked on: that looks for itself */
	}
}

/* Renamed before this journal knew it, by us, the original, another host. */
static void adopt(struct engine *e, struct folder_items *folder,
		  const struct recording *parsed,
		  const struct source_entry *entry, struct item **ret_item)
{
	char name[RECORDING_NAME_MAX];

	if (recording_format_new(parsed->stem, name) ||
	    engine_add(e, folder->dir, name, parsed->video_id, &entry->attr,
		       ret_item))
		return;
	engine_set_why((*ret_item)->work,
		       "found as uploaded: asking Rev about the video");
}

/* The name says another video than the row: the name counts. */
static void take_name(struct engine *e, struct item *item, const char *video_id)
{
	if (!strcasecmp(row_get(&item->row, ROW_VIDEO_ID), video_id))
		return;
	if (row_set(&item->row, ROW_VIDEO_ID, video_id))
		return;
	item->row.number[ROW_ADOPTED] = 1;
	engine_note(e, item, "the name on the share says video %s", video_id);
	if (item->work)
		item->work->is_dirty = true;
}

static void see_marked(struct engine *e, struct folder_items *folder,
		       const struct recording *parsed,
		       const struct source_entry *entry)
{
	struct item *item = catalog_find_stem(folder, parsed->stem);

	if (!item)
		adopt(e, folder, parsed, entry, &item);
	if (!item || is_double(e, item, entry))
		return;
	item->listing = folder->listing;
	item->missed = 0;
	item->is_marked = true;
	switch (item->row.state) {
	case JOB_SETTLING:
	case JOB_QUEUED:
	case JOB_DELETED:
	case JOB_UNSURE:
	case JOB_IGNORED:
		take_name(e, item, parsed->video_id);
		item->row.number[ROW_SIZE] = (int64_t)entry->attr.size;
		item->row.number[ROW_MTIME_NS] = entry->attr.mtime_ns;
		engine_event(e, item, JOB_EV_SEEN_MARKED,
			     "found renamed on the share");
		break;
	case JOB_FAILED:
		/* It failed after the rename; a person decides. */
	case JOB_MARKING:
	case JOB_DISCARDING:
	case JOB_UNMARKING:
		break;
	default:
		take_name(e, item, parsed->video_id);
		break;
	}
}

/* Which states mind that their file is no longer there? */
static void see_missing(struct engine *e, struct item *item)
{
	static const char why[] = "the file was removed from the share";

	if (++item->missed < MISSED_MAX)
		return;
	item->missed = 0;
	item->is_marked = false;
	switch (item->row.state) {
	case JOB_SETTLING:
	case JOB_QUEUED:
	case JOB_READY:
	case JOB_FAILED:
		engine_event(e, item, JOB_EV_VANISHED, why);
		break;
	default:
		break;
	}
}

/*
 * Marked names come first: they say which unmarked ones are only copies. Then
 * names that are known, or new, as they are written; then those that differ
 * from a known one in their case.
 */
enum look { LOOK_MARKED, LOOK_NAMED, LOOK_REST, LOOK_COUNT };

static enum look look_of(struct folder_items *folder,
			 const struct recording *parsed, const char *name)
{
	struct item *item;

	if (parsed->kind == RECORDING_UPLOADED)
		return LOOK_MARKED;
	if (parsed->kind != RECORDING_NEW)
		return LOOK_REST;
	item = catalog_find_stem(folder, parsed->stem);
	return item && strcmp(row_get(&item->row, ROW_NAME), name) ? LOOK_REST
								   : LOOK_NAMED;
}

static void see_entries(struct engine *e, struct folder_items *folder,
			const struct source_entry *entries, size_t count,
			enum look look)
{
	struct recording parsed;

	for (size_t i = 0; i < count; i++) {
		if (!entries[i].attr.is_file)
			continue;
		recording_parse(entries[i].name, &parsed);
		if (look_of(folder, &parsed, entries[i].name) != look)
			continue;
		if (parsed.kind == RECORDING_UPLOADED)
			see_marked(e, folder, &parsed, &entries[i]);
		else if (parsed.kind == RECORDING_NEW)
			see_new(e, folder, &parsed, &entries[i]);
		else if (parsed.kind == RECORDING_STRANGE)
			log_debug("%s/%s is not named like a recording: left "
				  "alone",
				  folder->dir, entries[i].name);
	}
}

static void see_missing_items(struct engine *e, struct folder_items *folder)
{
	struct item *item, *next;

	HASH_ITER(by_stem, folder->items, item, next)
		if (item->listing != folder->listing)
			see_missing(e, item);
}

static void on_folder(void *arg, const char *dir,
		      const struct source_entry *entries, size_t count)
{
	struct engine *e = arg;
	struct folder_items *folder;

	if (catalog_folder(&e->catalog, dir, &folder))
		return;
	folder->listing++;
	log_debug("scanning directory: %s: %zu entries", dir, count);
	for (int look = 0; look < LOOK_COUNT; look++)
		see_entries(e, folder, entries, count, (enum look)look);
	see_missing_items(e, folder);
}

static void on_gone(void *arg, const char *dir)
{
	struct engine *e = arg;
	struct folder_items *folder = catalog_find_folder(&e->catalog, dir);

	if (!folder)
		return;
	folder->listing++;
	see_missing_items(e, folder);
	see_missing_items(e, folder);
}

static bool on_wants(void *arg, const char *dir)
{
	struct engine *e = arg;
	struct folder_items *folder = catalog_find_folder(&e->catalog, dir);

	return folder && folder->unsettled;
}

/* ---- passes ------------------------------------------------------------ */

/* Ready recordings whose time on the share is over. */
static void remove_due(struct engine *e)
{
	int64_t after_s =
		(int64_t)conf_number(e->conf, OPT_UP_DELETE_AFTER) / 1000;
	int64_t now_s = mono_wall_s();
	struct item *item, *next;

	if (!conf_bool(e->conf, OPT_UP_DELETE) || engine_is_dry(e))
		return;
	for (item = e->catalog.items; item; item = next) {
		next = item->by_id.next;
		if (item->row.state == JOB_READY && item->is_marked &&
		    !item->is_kept &&
		    item->row.number[ROW_DONE_S] + after_s <= now_s)
			engine_event(e, item, JOB_EV_REMOVE,
				     "to be deleted from the share");
	}
}

/* However many hints come. */
static uint64_t scan_pause(const struct engine *e)
{
	uint64_t interval = conf_number(e->conf, OPT_UP_SCAN_INTERVAL);

	return interval < SCAN_PAUSE_MS ? interval : SCAN_PAUSE_MS;
}

static void on_finished(void *arg, int err, const struct err *why,
			size_t folders_listed)
{
	struct engine *e = arg;

	e->scanned = folders_listed;
	e->pass_end_ms = mono_ms();
	engine_tidy(e);
	if (err) {
		if (strcmp(e->scan_why, why->text))
			log_warning("%s", why->text);
		str_copy(e->scan_why, why->text, sizeof(e->scan_why));
	} else {
		e->scan_why[0] = '\0';
		e->last_scan_s = mono_wall_s();
		log_debug("the scan has ended: %zu folders were listed",
			  folders_listed);
	}
	if (err != -ENOTCONN)
		remove_due(e);
	loop_timer_start(&e->scan_timer,
			 e->rescan_wanted
				 ? scan_pause(e)
				 : conf_number(e->conf, OPT_UP_SCAN_INTERVAL));
}

const struct scan_calls watch_scan_calls = {
	.wants = on_wants,
	.folder = on_folder,
	.gone = on_gone,
	.finished = on_finished,
};

/* While the share is away, the timer only keeps asking whether it is back. */
static void on_scan_timer(struct loop_timer *timer)
{
	struct engine *e = list_entry(timer, struct engine, scan_timer);
	struct source_status status;

	if (!e->source || !conf_bool(e->conf, OPT_UP_ENABLED))
		return;
	source_get_status(e->source, &status);
	if (status.state == SOURCE_READY)
		watch_scan_now(e, false);
	else
		loop_timer_start(timer,
				 conf_number(e->conf, OPT_UP_SCAN_INTERVAL));
}

int watch_init(struct engine *e)
{
	return loop_timer_init(&e->scan_timer, e->loop, on_scan_timer);
}

void watch_start(struct engine *e)
{
	e->full_scan_ms = 0;
	loop_timer_start(&e->scan_timer, 0);
}

void watch_scan_now(struct engine *e, bool full)
{
	uint64_t now = mono_ms(), next = e->pass_end_ms + scan_pause(e);

	if (!e->source || !conf_bool(e->conf, OPT_UP_ENABLED))
		return;
	e->full_wanted = e->full_wanted || full;
	if (scan_is_running(e->scan)) {
		e->rescan_wanted = true;
		return;
	}
	if (now < next) {
		loop_timer_start(&e->scan_timer, next - now);
		return;
	}
	full = e->full_wanted || now >= e->full_scan_ms;
	if (full) {
		e->full_scan_ms =
			now + conf_number(e->conf, OPT_UP_FULL_SCAN_INTERVAL);
	}
	e->rescan_wanted = e->full_wanted = false;
	loop_timer_stop(&e->scan_timer);
	if (scan_start(e->scan, full))
		loop_timer_start(&e->scan_timer, 1000);
}
