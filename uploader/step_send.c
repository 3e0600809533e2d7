/* SPDX-License-Identifier: MIT */
/*
 * The upload: never before Rev has been searched for the mark, and once more if
 * its answer was lost.
 */
#include "uploader/steps.h"

#include <inttypes.h>
#include <strings.h>

#include "lib/log.h"
#include "lib/mono.h"

enum { INDEX_LOOKS = 3 }; /* searches in the time that Rev's index may lag */

/* ---- searching --------------------------------------------------------- */

/* An upload that broke off has left a name on Rev, and no recording. */
static bool is_husk(const struct rev_video *v)
{
	return !v->is_active && !strcasecmp(v->status_word, "UploadFailed");
}

static bool is_better(const struct rev_video *a, const struct rev_video *b)
{
	if (a->has_failed != b->has_failed)
		return b->has_failed;
	if (a->is_active != b->is_active)
		return a->is_active;
	return a->uploaded_s < b->uploaded_s;
}

/*
 * Of several videos with our mark one is kept: one that can be played, a
 * visible one, else the oldest. The others are duplicates that a lost answer
 * has left, or another uploader's that is about to rename the file: the daily
 * pass knows better than we now.
 */
static const struct rev_video *choose(const struct rev_result *result)
{
	const struct rev_video *best = NULL;

	for (size_t i = 0; i < result->video_count; i++) {
		const struct rev_video *v = &result->videos[i];

		if (!is_husk(v) && (!best || is_better(v, best)))
			best = v;
	}
	return best;
}

static const char cut_short[] =
	"rev's search for it could not be read to its end";

static bool adopt_video(struct work *w, const struct rev_result *result)
{
	const struct rev_video *best = choose(result);

	if (!best)
		return false;
	engine_note(w->engine, w->item, "found on Rev as video %s", best->id);
	if (step_set(w, ROW_VIDEO_ID, best->id))
		step_out_of_memory(w);
	else
		engine_event(w->engine, w->item, JOB_EV_FOUND, NULL);
	return true;
}

/*
 * Rev's index may not show yet what came before this journal began. Its age is
 * not asked for, since the clock on the wall may have stepped.
 */
static uint64_t index_wait_ms(const struct work *w)
{
	const struct engine *e = w->engine;
	uint64_t grace = conf_number(e->conf, OPT_UP_INDEX_GRACE);
	uint64_t open_ms = mono_ms() - e->journal_opened_ms;

	if (w->attr.mtime_ns / 1000000000 >= e->journal_created_s)
		return 0;
	return open_ms < grace ? grace - open_ms : 0;
}

static void on_search(void *arg, const struct rev_result *result)
{
	struct work *w = arg;
	uint64_t wait;

	w->call = NULL;
	if (result->class != REV_OK) {
		step_rev_failed(w, result);
		return;
	}
	engine_rev_answered(w->engine);
	if (adopt_video(w, result))
		return;
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
		step_out_of_memory(w);
}

/* The video that the journal knows: it may be there still, without a mark. */
static void on_known(void *arg, const struct rev_result *result)
{
	struct work *w = arg;

	w->call = NULL;
	if (result->class == REV_OK) {
		engine_event(w->engine, w->item, JOB_EV_FOUND, NULL);
	} else if (result->class == REV_GONE) {
		if (step_set(w, ROW_VIDEO_ID, NULL))
			step_out_of_memory(w);
		else
			search_mark(w, on_search);
	} else {
		step_rev_failed(w, result);
	}
}

void step_search(struct work *w)
{
	struct rev *rev = w->engine->parties->rev;

	if (!*step_text(w, ROW_VIDEO_ID)) {
		search_mark(w, on_search);
		return;
	}
	if (rev_get_details(rev, step_text(w, ROW_VIDEO_ID), NULL, on_known, w,
			    &w->call))
		step_out_of_memory(w);
}

/* ---- sending ----------------------------------------------------------- */

/*
 * All bytes went out and no verdict came: a video may exist. (A 401 is one: the
 * session had ended, and Rev took nothing. A redirect is one, too. A 503 is a
 * gateway's, which knows nothing, whether it asks for a pause or not.)
 */
static bool is_unknown(const struct rev_result *rev)
{
	bool has_verdict = rev->class != REV_TRANSIENT && rev->status != 503;

	return rev->sent_all && !has_verdict && rev->status != 401 &&
	       rev->status / 100 != 3;
}

static void not_sent(struct work *w, const struct rev_result *rev)
{
	if (!is_unknown(rev))
		step_rev_failed(w, rev);
	else if (rev->class != REV_LANE ||
		 !engine_rev_failed(w, rev, JOB_EV_UNKNOWN, JOB_EV_UNKNOWN))
		engine_event(w->engine, w->item, JOB_EV_UNKNOWN, rev->why.text);
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
		if (step_set(w, ROW_VIDEO_ID, result->rev->video_id))
			/* It has our mark: the search finds it. */
			engine_event(e, w->item, JOB_EV_UNKNOWN,
				     "out of memory");
		else
			engine_event(e, w->item, JOB_EV_SENT, NULL);
		break;
	case TRANSFER_CHANGED:
		step_changed(w, result->why.text);
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
		.active = engine_is_at_upload(w->engine) &&
			  conf_number(c, OPT_UP_INITIAL_STATE) == 0,
		.comments = conf_bool(c, OPT_UP_COMMENTS),
		.ratings = conf_bool(c, OPT_UP_RATINGS),
		.downloads = conf_bool(c, OPT_UP_DOWNLOADS),
	};
}

void step_send(struct work *w)
{
	struct engine *e = w->engine;
	struct rev_metadata metadata;
	char path[STEP_PATH_SIZE];
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
		step_out_of_memory(w);
		return;
	}
	engine_line_up(w, &e->sending);
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
		step_rev_failed(w, result);
	} else if (adopt_video(w, result)) {
		return;
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

/*
 * An upload that a lost account or an unknown key began cannot be looked for.
 */
void step_wait_index(struct work *w)
{
	if (*step_text(w, ROW_KEY))
		search_mark(w, on_index);
	else
		engine_event(w->engine, w->item, JOB_EV_NOT_FOUND, NULL);
}
