/* SPDX-License-Identifier: MIT */
/*
 * The engine's hands: what each state does. A step starts one operation; its
 * answer becomes one event.
 */
#include "uploader/engine_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/log.h"
#include "lib/mono.h"
#include "lib/str.h"
#include "uploader/discard.h"

enum {
	PATH_SIZE = 4096,
	BRIDGE_PAUSE_MAX_MS = 60000,
	BRIDGE_REFUSED_MS = 900000,
	OLD_KEYS_MAX = 8,
	INDEX_LOOKS = 3, /* searches in the time that Rev's index may lag */
};

static void out_of_memory(struct work *w, enum job_event again)
{
	engine_back_off(w, again, "out of memory");
}

/* An answer of Rev that says nothing about this recording alone. */
static void rev_failed(struct work *w, const struct rev_result *result)
{
	/* What may be on Rev is looked for until Rev says so. */
	bool insists = w->item->row.state == JOB_UNSURE;

	if ((insists && result->class == REV_REFUSED) ||
	    !engine_rev_failed(w, result, JOB_EV_AGAIN, JOB_EV_REFUSED))
		engine_back_off(w, JOB_EV_AGAIN, result->why.text);
}

static const char *text(const struct work *w, enum row_text which)
{
	return row_get(&w->item->row, which);
}

static int set_text(struct work *w, enum row_text which, const char *value)
{
	w->is_dirty = true;
	return row_set(&w->item->row, which, value);
}

/* ---- settling, queue --------------------------------------------------- */

static void do_enqueue(struct work *w)
{
	list_del(&w->queue_node);
	list_add_tail(&w->engine->queue, &w->queue_node);
	engine_dispatch(w->engine);
}

/* ---- preparing --------------------------------------------------------- */

/* A clock that stepped back must not make anything wait for the old time. */
static int64_t seconds_since(const struct work *w, enum row_number which)
{
	int64_t *at = &w->item->row.number[which], now = mono_wall_s();

	if (*at > now)
		*at = now;
	return now - *at;
}

/*
 * How long the bridge is waited for counts from when the recording came, since
 * that is what its viewers wait for.
 */
static bool is_bridge_overdue(const struct work *w)
{
	int64_t waited_s = seconds_since(w, ROW_FIRST_SEEN_S);
	uint64_t max_ms = conf_number(w->engine->conf, OPT_UP_CMS_WAIT);

	return (uint64_t)waited_s * 1000 >= max_ms;
}

static void wait_for_bridge(struct work *w)
{
	struct lane *lane = &w->engine->cms_lane;

	engine_again(w, JOB_EV_AGAIN, lane_wait_ms(lane, mono_ms()) + 1,
		     lane->why);
}

/* A bridge that refuses the password is asked rarely: it locks accounts. */
static void bridge_failed(struct work *w, int err, const char *why)
{
	struct engine *e = w->engine;

	if (lane_is_open(&e->cms_lane, mono_ms()))
		log_warning("%s", why);
	if (err == -EACCES)
		lane_pause(&e->cms_lane, mono_ms(), BRIDGE_REFUSED_MS, why);
	else
		lane_outage(&e->cms_lane, mono_ms(), BRIDGE_PAUSE_MAX_MS,
			    engine_random(), why);
	wait_for_bridge(w);
}

static void on_prepared(void *arg, struct prepare_result *result)
{
	struct work *w = arg;
	struct engine *e = w->engine;

	w->prepare = NULL;
	if (result->end == PREPARE_REV) {
		rev_failed(w, result->rev);
		return;
	}
	if (result->end == PREPARE_BRIDGE) {
		bridge_failed(w, result->bridge_err, result->why.text);
		return;
	}
	engine_rev_answered(e);
	e->cms_answered = e->parties->cms != NULL;
	lane_open(&e->cms_lane);
	policy_release(&w->policy);
	w->policy = result->policy;
	if (set_text(w, ROW_SPACE_NAME, result->space_name) ||
	    set_text(w, ROW_TITLE, w->policy.title) ||
	    set_text(w, ROW_OWNER, w->policy.owner_name) ||
	    set_text(w, ROW_VIEWERS, w->policy.viewers_text)) {
		out_of_memory(w, JOB_EV_AGAIN);
		return;
	}
	if (w->policy.note)
		engine_note(e, w->item, "%s", w->policy.note);
	engine_event(e, w->item, JOB_EV_PREPARED, NULL);
}

static void ask_parties(struct work *w)
{
	struct engine *e = w->engine;
	struct recording parsed;
	struct prepare_input input = {
		.space_id = w->item->folder->space_id,
		.without_bridge = is_bridge_overdue(w),
	};

	if (e->parties->cms && *w->item->folder->space_id &&
	    !input.without_bridge && !lane_is_open(&e->cms_lane, mono_ms())) {
		wait_for_bridge(w);
		return;
	}
	recording_parse(text(w, ROW_NAME), &parsed);
	input.recorded_s = parsed.time_s;
	input.utc_offset_s = parsed.utc_offset_min * 60;
	engine_set_why(w, "asking the bridge and Rev who owns it");
	if (prepare_start(&e->parties->prepare, &input, on_prepared, w,
			  &w->prepare))
		out_of_memory(w, JOB_EV_AGAIN);
}

/*
 * What was sent under the old key may have become a video all the same: the
 * daily pass knows it by this list. Only the latest few are worth keeping.
 */
static int keep_old_key(struct work *w)
{
	char keys[OLD_KEYS_MAX * EXAMINE_KEY_SIZE];
	int n = snprintf(keys, sizeof(keys), "%s %s", text(w, ROW_KEY),
			 text(w, ROW_OLD_KEYS));

	if (!*text(w, ROW_KEY) || !w->item->row.number[ROW_ATTEMPTS])
		return 0;
	if (n >= (int)sizeof(keys))
		*strrchr(keys, ' ') = '\0';
	return set_text(w, ROW_OLD_KEYS, keys);
}

/* Another content under the same name has nothing to do with the old video. */
static void on_key(void *arg, const struct examine_result *result)
{
	struct work *w = arg;
	int err = 0;

	engine_walk_ends(w);
	if (result->err) {
		engine_source_failed(w, result->err, &result->why,
				     JOB_EV_AGAIN);
		return;
	}
	if (!settle_is_same(&result->attr, &w->attr)) {
		engine_event(w->engine, w->item, JOB_EV_CHANGED,
			     "the file changed");
		return;
	}
	if (strcmp(result->key, text(w, ROW_KEY))) {
		err = keep_old_key(w);
		err = err ? err : set_text(w, ROW_VIDEO_ID, NULL);
	}
	err = err ? err : set_text(w, ROW_KEY, result->key);
	if (err)
		out_of_memory(w, JOB_EV_AGAIN);
	else
		ask_parties(w);
}

static void do_prepare(struct work *w)
{
	struct engine *e = w->engine;
	struct examine_identity identity = {
		.share = conf_text(e->conf, OPT_UP_SHARE_NAME),
		.dir = w->item->folder->dir,
		.name = w->item->stem,
	};
	char path[PATH_SIZE];

	if (engine_path(w->item, NULL, path, sizeof(path)) ||
	    examine_ends(e->source, path, &identity, on_key, w, &w->examine)) {
		out_of_memory(w, JOB_EV_AGAIN);
		return;
	}
	e->walks_running++;
}

/* ---- searching --------------------------------------------------------- */

/*
 * Of several videos with our mark one is kept: a visible one, else the oldest.
 * The others are duplicates that a lost answer has left, or another uploader's
 * that is about to rename the file: the daily pass knows better than we now.
 */
static const struct rev_video *choose(const struct rev_result *result)
{
	const struct rev_video *best = NULL;

	for (size_t i = 0; i < result->video_count; i++) {
		const struct rev_video *v = &result->videos[i];

		if (!best || v->is_active > best->is_active ||
		    (v->is_active == best->is_active &&
		     v->uploaded_s < best->uploaded_s))
			best = v;
	}
	return best;
}

static const char cut_short[] =
	"rev's search for it could not be read to its end";

static void adopt_video(struct work *w, const struct rev_result *result)
{
	const struct rev_video *best = choose(result);

	engine_note(w->engine, w->item, "found on Rev as video %s", best->id);
	if (set_text(w, ROW_VIDEO_ID, best->id))
		out_of_memory(w, JOB_EV_AGAIN);
	else
		engine_event(w->engine, w->item, JOB_EV_FOUND, NULL);
}

/* Rev's index may not show yet what came before this journal began. */
static uint64_t index_wait_ms(const struct work *w)
{
	const struct engine *e = w->engine;
	uint64_t grace = conf_number(e->conf, OPT_UP_INDEX_GRACE);
	int64_t age_ms = (mono_wall_s() - e->journal_created_s) * 1000;

	if (w->attr.mtime_ns / 1000000000 >= e->journal_created_s)
		return 0;
	if (age_ms < 0 || (uint64_t)age_ms >= grace)
		return 0;
	return grace - (uint64_t)age_ms;
}

static void on_search(void *arg, const struct rev_result *result)
{
	struct work *w = arg;
	uint64_t wait;

	w->call = NULL;
	if (result->class != REV_OK) {
		rev_failed(w, result);
		return;
	}
	engine_rev_answered(w->engine);
	if (result->video_count) {
		adopt_video(w, result);
		return;
	}
	if (!result->search_complete) {
		engine_back_off(w, JOB_EV_AGAIN, cut_short);
		return;
	}
	wait = index_wait_ms(w);
	if (w->engine->is_paused)
		engine_again(w, JOB_EV_AGAIN, 0, NULL);
	else if (wait)
		engine_again(w, JOB_EV_AGAIN, wait,
			     "older than the journal: Rev's index is given "
			     "its time before it counts as not uploaded");
	else
		engine_event(w->engine, w->item, JOB_EV_NOT_FOUND, NULL);
}

static void search_mark(struct work *w, rev_done_fn *done)
{
	char mark[ENGINE_MARK_MAX];

	engine_mark(w->item, mark);
	engine_set_why(w, "looking on Rev whether it is there already");
	if (rev_search_mark(w->engine->parties->rev, mark, done, w, &w->call))
		out_of_memory(w, JOB_EV_AGAIN);
}

/* The video that the journal knows: it may be there still, without a mark. */
static void on_known(void *arg, const struct rev_result *result)
{
	struct work *w = arg;

	w->call = NULL;
	if (result->class == REV_OK) {
		engine_event(w->engine, w->item, JOB_EV_FOUND, NULL);
	} else if (result->class == REV_GONE) {
		if (set_text(w, ROW_VIDEO_ID, NULL))
			out_of_memory(w, JOB_EV_AGAIN);
		else
			search_mark(w, on_search);
	} else {
		rev_failed(w, result);
	}
}

static void do_search(struct work *w)
{
	struct rev *rev = w->engine->parties->rev;

	if (!*text(w, ROW_VIDEO_ID)) {
		search_mark(w, on_search);
		return;
	}
	if (rev_get_details(rev, text(w, ROW_VIDEO_ID), NULL, on_known, w,
			    &w->call))
		out_of_memory(w, JOB_EV_AGAIN);
}

/* ---- sending ----------------------------------------------------------- */

/*
 * All bytes went out and no verdict came: a video may exist. (A 401 is one: the
 * session had ended, and Rev took nothing. A redirect is one, too.)
 */
static bool is_unknown(const struct rev_result *rev)
{
	return rev->sent_all && rev->class == REV_TRANSIENT &&
	       rev->status != 401 && rev->status / 100 != 3;
}

static void not_sent(struct work *w, const struct rev_result *rev)
{
	if (is_unknown(rev))
		engine_event(w->engine, w->item, JOB_EV_UNKNOWN, rev->why.text);
	else
		rev_failed(w, rev);
}

static void on_transferred(void *arg, const struct transfer_result *result)
{
	struct work *w = arg;
	struct engine *e = w->engine;

	engine_transfer_ends(w);
	switch (result->end) {
	case TRANSFER_SENT:
		w->item->row.number[ROW_ADOPTED] = 0;
		w->item->is_kept = false;
		engine_rev_answered(e);
		if (set_text(w, ROW_VIDEO_ID, result->rev->video_id))
			/* It has our mark: the search finds it. */
			engine_event(e, w->item, JOB_EV_UNKNOWN,
				     "out of memory");
		else
			engine_event(e, w->item, JOB_EV_SENT, NULL);
		break;
	case TRANSFER_CHANGED:
		engine_event(e, w->item, JOB_EV_CHANGED, result->why.text);
		break;
	case TRANSFER_SOURCE:
		engine_source_failed(w, result->err, &result->why,
				     JOB_EV_AGAIN);
		break;
	case TRANSFER_REV:
		not_sent(w, result->rev);
		break;
	}
}

/* Recording names are ASCII by their grammar. */
static void fill_metadata(const struct work *w, const char *mark,
			  struct rev_metadata *ret)
{
	const struct conf *c = w->engine->conf;
	const struct policy *p = &w->policy;

	*ret = (struct rev_metadata){
		.title = p->title,
		.description = p->description,
		.owner_id = p->owner_id,
		.access = conf_text(c, OPT_UP_ACCESS),
		.viewers = p->viewers,
		.viewer_count = p->viewer_count,
		.categories = conf_text(c, OPT_UP_CATEGORIES),
		.tags = conf_text(c, OPT_UP_TAGS),
		.mark = mark,
		.file_name = text(w, ROW_NAME),
		.active = conf_number(c, OPT_UP_PUBLISH) == 1 &&
			  conf_number(c, OPT_UP_INITIAL_STATE) == 0,
		.comments = conf_bool(c, OPT_UP_COMMENTS),
		.ratings = conf_bool(c, OPT_UP_RATINGS),
		.downloads = conf_bool(c, OPT_UP_DOWNLOADS),
	};
}

static void do_send(struct work *w)
{
	struct engine *e = w->engine;
	struct rev_metadata metadata;
	char path[PATH_SIZE];
	struct transfer_spec spec = {
		.loop = e->loop,
		.source = e->source,
		.rev = e->parties->rev,
		.path = path,
		.attr = w->attr,
		.metadata = &metadata,
		.window = (unsigned)conf_number(e->conf, OPT_UP_READ_WINDOW),
		.bytes_per_s =
			lane_share(conf_number(e->conf, OPT_UP_BANDWIDTH),
				   (unsigned)e->catalog.counts[JOB_SENDING]),
		.done = on_transferred,
		.arg = w,
	};

	engine_mark(w->item, w->mark);
	fill_metadata(w, w->mark, &metadata);
	if (engine_path(w->item, NULL, path, sizeof(path)) ||
	    transfer_start(&spec, &w->transfer)) {
		out_of_memory(w, JOB_EV_AGAIN);
		return;
	}
	list_add_tail(&e->sending, &w->queue_node);
	w->parties = e->parties;
	w->parties->transfers++;
	w->started_s = mono_wall_s();
	w->rate = w->rate_bytes = 0;
	w->rate_ms = mono_ms();
	log_info("posting %s to Rev: %" PRIu64 " bytes, title \"%s\", owner %s",
		 path, w->attr.size, w->policy.title, w->policy.owner_name);
	engine_set_why(w, "uploading");
}

/* ---- sent, answer unknown ----------------------------------------------- */

/*
 * How much longer the index may hide it. The clock on the wall may step, so a
 * restart waits the whole time once more.
 */
static uint64_t grace_left_ms(const struct work *w)
{
	uint64_t grace = conf_number(w->engine->conf, OPT_UP_INDEX_GRACE);
	uint64_t since_ms = mono_ms() - w->unsure_ms;

	return since_ms < grace ? grace - since_ms : 0;
}

static void on_index(void *arg, const struct rev_result *result)
{
	struct work *w = arg;
	uint64_t left = grace_left_ms(w), pause;

	w->call = NULL;
	if (result->class != REV_OK) {
		rev_failed(w, result);
	} else if (result->video_count) {
		adopt_video(w, result);
	} else if (!result->search_complete) {
		engine_back_off(w, JOB_EV_AGAIN, cut_short);
	} else if (left) {
		pause = conf_number(w->engine->conf, OPT_UP_INDEX_GRACE) /
				INDEX_LOOKS +
			1;
		engine_again(w, JOB_EV_AGAIN, pause < left ? pause : left,
			     "sent, but the answer was lost: Rev's search does "
			     "not show it yet");
	} else {
		engine_note(w->engine, w->item,
			    "not on Rev: it is uploaded once more");
		engine_back_off(w, JOB_EV_NOT_FOUND,
				"not on Rev: it is uploaded once more");
	}
}

/* An upload that a lost account or an unknown key began cannot be looked for.
 */
static void do_wait_index(struct work *w)
{
	if (*text(w, ROW_KEY))
		search_mark(w, on_index);
	else
		engine_event(w->engine, w->item, JOB_EV_NOT_FOUND, NULL);
}

/* ---- marking ------------------------------------------------------------ */

static void list_folder(struct work *w);

static void video_bad(struct work *w, enum job_event event, const char *why)
{
	w->item->row.number[ROW_VIDEO_BAD] = 1;
	w->is_dirty = true;
	engine_event(w->engine, w->item, event, why);
}

static void marked(struct work *w)
{
	w->item->is_marked = true;
	engine_event(w->engine, w->item, JOB_EV_MARKED, NULL);
}

/* The video does not hold what the file is now: it goes, the file settles. */
static void stale(struct work *w, const char *why)
{
	if (set_text(w, ROW_DISCARD_ID, text(w, ROW_VIDEO_ID)) ||
	    set_text(w, ROW_VIDEO_ID, NULL)) {
		out_of_memory(w, JOB_EV_AGAIN);
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
static void on_marked_stat(void *arg, const struct source_result *result)
{
	struct work *w = arg;

	w->op = NULL;
	if (result->err == -ENOENT)
		list_folder(w);
	else if (result->err)
		engine_source_failed(w, result->err, &result->why,
				     JOB_EV_AGAIN);
	else if (!is_what_was_sent(w, &result->attr))
		stale(w, "the file was replaced while it was uploaded");
	else
		marked(w);
}

static void stat_marked(struct work *w)
{
	char path[PATH_SIZE];

	if (engine_path(w->item, text(w, ROW_VIDEO_ID), path, sizeof(path)) ||
	    source_stat(w->engine->source, path, on_marked_stat, w, &w->op))
		out_of_memory(w, JOB_EV_AGAIN);
}

/* Another uploader's name is there: its video stays, ours goes. */
static void race_lost(struct work *w, const char *video_id)
{
	engine_note(w->engine, w->item,
		    "another uploader has renamed it to video %s", video_id);
	if (set_text(w, ROW_DISCARD_ID, text(w, ROW_VIDEO_ID)) ||
	    set_text(w, ROW_VIDEO_ID, video_id)) {
		out_of_memory(w, JOB_EV_AGAIN);
		return;
	}
	w->item->row.number[ROW_ADOPTED] = 1;
	engine_event(w->engine, w->item, JOB_EV_RACE_LOST, NULL);
}

static void look_for_mark(struct work *w, const struct source_result *result)
{
	struct recording parsed;
	bool has_new = false;

	for (size_t i = 0; i < result->entry_count; i++) {
		recording_parse(result->entries[i].name, &parsed);
		if (strcmp(parsed.stem, w->item->stem))
			continue;
		if (parsed.kind == RECORDING_UPLOADED &&
		    !strcasecmp(parsed.video_id, text(w, ROW_VIDEO_ID))) {
			marked(w);
			return;
		}
		if (parsed.kind == RECORDING_UPLOADED) {
			race_lost(w, parsed.video_id);
			return;
		}
		has_new = has_new || parsed.kind == RECORDING_NEW;
	}
	if (has_new)
		engine_back_off(w, JOB_EV_AGAIN,
				"the share does not agree with itself about "
				"the rename");
	else
		engine_event(w->engine, w->item, JOB_EV_VANISHED,
			     "the file was removed from the share after its "
			     "upload");
}

static void on_folder(void *arg, const struct source_result *result)
{
	struct work *w = arg;

	w->op = NULL;
	if (result->err)
		engine_source_failed(w, result->err, &result->why,
				     JOB_EV_AGAIN);
	else
		look_for_mark(w, result);
}

/* A rename's answer proves nothing (it may be lost): the folder does. */
static void list_folder(struct work *w)
{
	if (source_list(w->engine->source, w->item->folder->dir, on_folder, w,
			&w->op))
		out_of_memory(w, JOB_EV_AGAIN);
}

static void on_renamed(void *arg, const struct source_result *result)
{
	struct work *w = arg;

	w->op = NULL;
	if (!result->err || result->err == -EEXIST)
		stat_marked(w);
	else if (result->err == -ENOENT)
		list_folder(w);
	else
		engine_source_failed(w, result->err, &result->why,
				     JOB_EV_AGAIN);
}

static void rename_it(struct work *w)
{
	char from[PATH_SIZE], to[PATH_SIZE];

	if (engine_path(w->item, NULL, from, sizeof(from)) ||
	    engine_path(w->item, text(w, ROW_VIDEO_ID), to, sizeof(to))) {
		video_bad(w, JOB_EV_REFUSED,
			  "rev gave a video id that no file name can hold");
		return;
	}
	if (source_rename(w->engine->source, from, to, on_renamed, w, &w->op))
		out_of_memory(w, JOB_EV_AGAIN);
}

static void on_stat(void *arg, const struct source_result *result)
{
	struct work *w = arg;

	w->op = NULL;
	if (result->err == -ENOENT)
		list_folder(w);
	else if (result->err)
		engine_source_failed(w, result->err, &result->why,
				     JOB_EV_AGAIN);
	else if (!is_what_was_sent(w, &result->attr))
		stale(w, "the file changed after it was uploaded");
	else
		rename_it(w);
}

static void do_rename(struct work *w)
{
	char path[PATH_SIZE];

	engine_set_why(w, "uploaded: renaming the file");
	if (engine_path(w->item, NULL, path, sizeof(path)) ||
	    source_stat(w->engine->source, path, on_stat, w, &w->op))
		out_of_memory(w, JOB_EV_AGAIN);
}

/* ---- processing ---------------------------------------------------------- */

static void poll_later(struct work *w, const char *why)
{
	engine_again(w, JOB_EV_AGAIN,
		     conf_number(w->engine->conf, OPT_UP_STATUS_INTERVAL), why);
}

static void ask_playback_url(struct work *w);

/* The answers that every question about a video can have. */
static void on_video_failure(struct work *w, const struct rev_result *result)
{
	if (!engine_rev_failed(w, result, JOB_EV_AGAIN, JOB_EV_REFUSED))
		video_bad(w, JOB_EV_VIDEO_GONE,
			  "the video is gone from Rev: retry uploads the "
			  "recording again");
}

/*
 * Adopted by its name, or ready once and seen anew: with a mark of ours it is
 * unfinished, without one its being inactive is somebody's choice.
 */
static void on_adopted(void *arg, const struct rev_result *result)
{
	struct work *w = arg;
	const struct rev_video *v = result->videos;

	w->call = NULL;
	if (result->class != REV_OK || result->video_count != 1) {
		on_video_failure(w, result);
		return;
	}
	/* "upcast-<key>" */
	if ((*v->mark && set_text(w, ROW_KEY, v->mark + strlen("upcast-"))) ||
	    (!*text(w, ROW_TITLE) && set_text(w, ROW_TITLE, v->title)))
		out_of_memory(w, JOB_EV_AGAIN);
	else if (!*v->mark)
		ask_playback_url(w);
	else
		engine_event(w->engine, w->item, JOB_EV_PROCESSED, NULL);
}

static void processed(struct work *w)
{
	struct rev *rev = w->engine->parties->rev;

	if (*text(w, ROW_KEY) && !w->item->row.number[ROW_ADOPTED])
		engine_event(w->engine, w->item, JOB_EV_PROCESSED, NULL);
	else if (rev_get_details(rev, text(w, ROW_VIDEO_ID), NULL, on_adopted,
				 w, &w->call))
		out_of_memory(w, JOB_EV_AGAIN);
}

static void on_status(void *arg, const struct rev_result *result)
{
	struct work *w = arg;
	char why[160];

	w->call = NULL;
	if (result->class != REV_OK) {
		on_video_failure(w, result);
		return;
	}
	engine_rev_answered(w->engine);
	w->progress = (unsigned)(result->progress * 100);
	log_debug("file %s vid %s status %s", text(w, ROW_NAME),
		  text(w, ROW_VIDEO_ID), result->status_word);
	if (result->ready) {
		processed(w);
		return;
	}
	snprintf(why, sizeof(why), "rev says %s, %u %% done",
		 result->status_word, w->progress);
	if (result->failed)
		video_bad(w, JOB_EV_REFUSED, why);
	else
		poll_later(w, why);
}

static void do_poll(struct work *w)
{
	struct engine *e = w->engine;
	char mark[ENGINE_MARK_MAX];

	/* A race that was lost has left a video of ours. */
	if (*text(w, ROW_DISCARD_ID)) {
		engine_mark(w->item, mark);
		discard_start(e, text(w, ROW_DISCARD_ID), mark);
		if (set_text(w, ROW_DISCARD_ID, NULL)) {
			out_of_memory(w, JOB_EV_AGAIN);
			return;
		}
	}
	if (rev_get_status(e->parties->rev, text(w, ROW_VIDEO_ID), on_status, w,
			   &w->call))
		out_of_memory(w, JOB_EV_AGAIN);
}

/* ---- activating -----------------------------------------------------------
 */

static void ready(struct work *w)
{
	engine_event(w->engine, w->item, JOB_EV_ACTIVATED, NULL);
}

/* The URL is for people; a video without it is no less ready. */
static void on_playback_url(void *arg, const struct rev_result *result)
{
	struct work *w = arg;

	w->call = NULL;
	if (result->class == REV_OK &&
	    set_text(w, ROW_PLAYBACK_URL, result->playback_url))
		log_warning("out of memory: a playback URL is not kept");
	ready(w);
}

static void ask_playback_url(struct work *w)
{
	if (rev_get_playback_url(w->engine->parties->rev, text(w, ROW_VIDEO_ID),
				 on_playback_url, w, &w->call))
		ready(w);
}

static void on_activated(void *arg, const struct rev_result *result)
{
	struct work *w = arg;

	w->call = NULL;
	if (result->class == REV_OK) {
		ask_playback_url(w);
		return;
	}
	on_video_failure(w, result);
}

static void do_activate(struct work *w)
{
	struct engine *e = w->engine;
	bool active = conf_number(e->conf, OPT_UP_INITIAL_STATE) == 0;
	char mark[ENGINE_MARK_MAX];

	/* Accounts that may not edit, and videos that never had a mark. */
	if (conf_number(e->conf, OPT_UP_PUBLISH) == 1 || !*text(w, ROW_KEY)) {
		ask_playback_url(w);
		return;
	}
	engine_mark(w->item, mark);
	engine_set_why(w, "rev is done with it: making it visible");
	if (rev_activate(e->parties->rev, text(w, ROW_VIDEO_ID), mark, active,
			 on_activated, w, &w->call))
		out_of_memory(w, JOB_EV_AGAIN);
}

/* ---- deleting, discarding, renaming back ----------------------------------
 */

static void on_removed(void *arg, const struct source_result *result)
{
	struct work *w = arg;

	w->op = NULL;
	if (!result->err || result->err == -ENOENT)
		engine_event(w->engine, w->item, JOB_EV_REMOVED,
			     "deleted from the share");
	else
		engine_source_failed(w, result->err, &result->why,
				     JOB_EV_AGAIN);
}

static void keep_file(struct work *w)
{
	w->item->is_kept = true;
	engine_note(w->engine, w->item,
		    "the file is not what was uploaded: it is not deleted");
	engine_event(w->engine, w->item, JOB_EV_REFUSED, NULL);
}

static void remove_it(struct work *w)
{
	char path[PATH_SIZE];

	if (engine_path(w->item, text(w, ROW_VIDEO_ID), path, sizeof(path)) ||
	    source_remove(w->engine->source, path, on_removed, w, &w->op))
		out_of_memory(w, JOB_EV_AGAIN);
}

static void on_remove_stat(void *arg, const struct source_result *result)
{
	struct work *w = arg;

	w->op = NULL;
	if (result->err == -ENOENT)
		on_removed(w, result);
	else if (result->err)
		engine_source_failed(w, result->err, &result->why,
				     JOB_EV_AGAIN);
	else if (!result->attr.is_file || !is_what_was_sent(w, &result->attr))
		keep_file(w);
	else
		remove_it(w);
}

/* By its uploaded name only: what is not renamed is never deleted. */
static void do_remove(struct work *w)
{
	char path[PATH_SIZE];

	if (!*text(w, ROW_VIDEO_ID) ||
	    engine_path(w->item, text(w, ROW_VIDEO_ID), path, sizeof(path)))
		keep_file(w);
	else if (source_stat(w->engine->source, path, on_remove_stat, w,
			     &w->op))
		out_of_memory(w, JOB_EV_AGAIN);
}

static void discarded(struct work *w)
{
	w->item->row.number[ROW_VIDEO_BAD] = 0;
	engine_event(w->engine, w->item, JOB_EV_DISCARDED, w->why);
}

static void on_deleted(void *arg, const struct rev_result *result)
{
	struct work *w = arg;

	w->call = NULL;
	if (result->class == REV_OK || result->class == REV_GONE)
		discarded(w);
	else
		rev_failed(w, result);
}

/* A person retries what has failed on Rev, where it is visible by now. */
static void keep_video(struct work *w)
{
	struct row *row = &w->item->row;

	if (set_text(w, ROW_VIDEO_ID, text(w, ROW_DISCARD_ID)) ||
	    set_text(w, ROW_DISCARD_ID, NULL)) {
		out_of_memory(w, JOB_EV_AGAIN);
		return;
	}
	row->number[ROW_VIDEO_BAD] = 0;
	row->number[ROW_ADOPTED] = 1;
	engine_event(w->engine, w->item, JOB_EV_FOUND,
		     "the video is visible on Rev: it is kept");
}

/* What people can see, or what has no mark of ours, is not ours to delete. */
static void on_discard_details(void *arg, const struct rev_result *result)
{
	struct work *w = arg;
	const struct rev_video *v = result->videos;
	bool is_there = result->class == REV_OK && result->video_count == 1;

	w->call = NULL;
	if (is_there && v->is_active && w->item->row.number[ROW_VIDEO_BAD]) {
		keep_video(w);
		return;
	}
	if (is_there && !v->is_active && v->has_mark) {
		if (rev_delete(w->engine->parties->rev, text(w, ROW_DISCARD_ID),
			       on_deleted, w, &w->call))
			out_of_memory(w, JOB_EV_AGAIN);
		return;
	}
	if (result->class == REV_OK || result->class == REV_GONE)
		discarded(w);
	else
		rev_failed(w, result);
}

static void do_discard(struct work *w)
{
	char mark[ENGINE_MARK_MAX];

	engine_mark(w->item, mark);
	if (rev_get_details(w->engine->parties->rev, text(w, ROW_DISCARD_ID),
			    mark, on_discard_details, w, &w->call))
		out_of_memory(w, JOB_EV_AGAIN);
}

static void unmarked(struct work *w)
{
	settle_init(&w->settle);
	w->item->is_marked = false;
	if (set_text(w, ROW_DISCARD_ID, NULL) ||
	    set_text(w, ROW_VIDEO_ID, NULL))
		out_of_memory(w, JOB_EV_AGAIN);
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
		engine_source_failed(w, result->err, &result->why,
				     JOB_EV_AGAIN);
}

static void do_rename_back(struct work *w)
{
	char from[PATH_SIZE], to[PATH_SIZE];

	if (!*text(w, ROW_DISCARD_ID) ||
	    engine_path(w->item, text(w, ROW_DISCARD_ID), from, sizeof(from)) ||
	    engine_path(w->item, NULL, to, sizeof(to))) {
		unmarked(w);
		return;
	}
	if (source_rename(w->engine->source, from, to, on_renamed_back, w,
			  &w->op))
		out_of_memory(w, JOB_EV_AGAIN);
}

static void do_nothing(struct work *w)
{
}

const struct step steps[] = {
	[JOB_DO_NOTHING] = { do_nothing, 0 },
	[JOB_DO_WATCH] = { watch_settle, STEP_NEEDS_SOURCE },
	[JOB_DO_ENQUEUE] = { do_enqueue, 0 },
	[JOB_DO_PREPARE] = { do_prepare, STEP_NEEDS_SOURCE | STEP_NEEDS_REV },
	[JOB_DO_SEARCH] = { do_search, STEP_NEEDS_REV | STEP_IS_CALL },
	[JOB_DO_SEND] = { do_send,
			  STEP_NEEDS_SOURCE | STEP_NEEDS_REV | STEP_CHANGES },
	[JOB_DO_WAIT_INDEX] = { do_wait_index, STEP_NEEDS_REV | STEP_IS_CALL },
	[JOB_DO_RENAME] = { do_rename, STEP_NEEDS_SOURCE | STEP_CHANGES },
	[JOB_DO_POLL] = { do_poll, STEP_NEEDS_REV | STEP_IS_CALL },
	[JOB_DO_ACTIVATE] = { do_activate,
			      STEP_NEEDS_REV | STEP_IS_CALL | STEP_CHANGES },
	[JOB_DO_FINISH] = { do_nothing, 0 },
	[JOB_DO_REMOVE] = { do_remove, STEP_NEEDS_SOURCE | STEP_CHANGES },
	[JOB_DO_DISCARD] = { do_discard,
			     STEP_NEEDS_REV | STEP_IS_CALL | STEP_CHANGES },
	[JOB_DO_RENAME_BACK] = { do_rename_back,
				 STEP_NEEDS_SOURCE | STEP_CHANGES },
};
