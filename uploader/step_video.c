/* SPDX-License-Identifier: MIT */
/*
 * The video on Rev: it is waited for, made visible, or deleted.
 */
#include "uploader/steps.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/log.h"
#include "lib/mono.h"
#include "uploader/discard.h"

enum { SLOW_HOURS = 4 }; /* of processing */

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
		step_video_bad(w, JOB_EV_VIDEO_GONE,
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
	if ((*v->mark && step_set(w, ROW_KEY, v->mark + strlen("upcast-"))) ||
	    (!*step_text(w, ROW_TITLE) && step_set(w, ROW_TITLE, v->title)))
		step_out_of_memory(w);
	else if (!*v->mark)
		ask_playback_url(w);
	else
		engine_event(w->engine, w->item, JOB_EV_PROCESSED, NULL);
}

static void processed(struct work *w)
{
	struct rev *rev = w->engine->parties->rev;

	if (*step_text(w, ROW_KEY) && !w->item->row.number[ROW_ADOPTED])
		engine_event(w->engine, w->item, JOB_EV_PROCESSED, NULL);
	else if (rev_get_details(rev, step_text(w, ROW_VIDEO_ID), NULL,
				 on_adopted, w, &w->call))
		step_out_of_memory(w);
}

static int64_t hours_since_sent(const struct work *w)
{
	const int64_t *number = w->item->row.number;
	int64_t since_s = number[ROW_SENT_S] ? number[ROW_SENT_S]
					     : number[ROW_FIRST_SEEN_S];

	return (mono_wall_s() - since_s) / 3600;
}

/* Nobody sends to it any more; still, only a person gives it up. */
static bool is_stuck(const struct work *w, const char *word)
{
	return hours_since_sent(w) >= SLOW_HOURS &&
	       (!strcasecmp(word, "Uploading") ||
		!strcasecmp(word, "NotUploaded"));
}

/* Rev may never end with a video: it is asked for ever, and a person told. */
static void say_status(const struct work *w, const char *word, char *dst,
		       size_t size)
{
	int64_t hours = hours_since_sent(w);
	int n = snprintf(dst, size, "rev says %s, %u %% done", word,
			 w->progress);

	if (hours >= SLOW_HOURS && n < (int)size)
		snprintf(dst + n, size - (size_t)n, ", for %" PRId64 " hours%s",
			 hours,
			 is_stuck(w, word) ? ": retry deletes it there and "
					     "uploads the recording again"
					   : ": look at it there");
}

static void on_status(void *arg, const struct rev_result *result)
{
	struct work *w = arg;
	char why[192];

	w->call = NULL;
	if (result->class != REV_OK) {
		on_video_failure(w, result);
		return;
	}
	engine_rev_answered(w->engine);
	w->progress = (unsigned)(result->progress * 100);
	w->item->row.number[ROW_VIDEO_BAD] = is_stuck(w, result->status_word);
	log_debug("file %s vid %s status %s", step_text(w, ROW_NAME),
		  step_text(w, ROW_VIDEO_ID), result->status_word);
	if (result->ready) {
		processed(w);
		return;
	}
	say_status(w, result->status_word, why, sizeof(why));
	if (result->failed)
		step_video_bad(w, JOB_EV_REFUSED, why);
	else
		poll_later(w, why);
}

void step_poll(struct work *w)
{
	struct engine *e = w->engine;
	char mark[ENGINE_MARK_MAX];

	/* A race that was lost has left a video of ours. */
	if (*step_text(w, ROW_DISCARD_ID)) {
		engine_mark(w->item, mark);
		discard_start(e, step_text(w, ROW_DISCARD_ID), mark);
		if (step_set(w, ROW_DISCARD_ID, NULL)) {
			step_out_of_memory(w);
			return;
		}
	}
	if (rev_get_status(e->parties->rev, step_text(w, ROW_VIDEO_ID),
			   on_status, w, &w->call))
		step_out_of_memory(w);
}

/* ---- activating ----------------------------------------------------- */

static void ready(struct work *w)
{
	engine_event(w->engine, w->item, JOB_EV_ACTIVATED, NULL);
}

static void on_last_status(void *arg, const struct rev_result *result)
{
	struct work *w = arg;

	w->call = NULL;
	if (result->class == REV_GONE)
		on_video_failure(w, result);
	else
		ready(w);
}

/*
 * The URL is for people; a video without it is no less ready. Or has the video
 * gone?
 */
static void on_playback_url(void *arg, const struct rev_result *result)
{
	struct work *w = arg;

	w->call = NULL;
	if (result->class == REV_GONE &&
	    !rev_get_status(w->engine->parties->rev, step_text(w, ROW_VIDEO_ID),
			    on_last_status, w, &w->call))
		return;
	if (result->class == REV_OK &&
	    step_set(w, ROW_PLAYBACK_URL, result->playback_url))
		log_warning("out of memory: a playback URL is not kept");
	ready(w);
}

static void ask_playback_url(struct work *w)
{
	if (rev_get_playback_url(w->engine->parties->rev,
				 step_text(w, ROW_VIDEO_ID), on_playback_url, w,
				 &w->call))
		ready(w);
}

/* Who may not edit what was sent invisible can send it once more, visible. */
static void on_activated(void *arg, const struct rev_result *result)
{
	struct work *w = arg;

	w->call = NULL;
	if (result->class == REV_OK)
		ask_playback_url(w);
	else if (result->class == REV_REFUSED && engine_is_at_upload(w->engine))
		step_video_bad(w, JOB_EV_REFUSED, result->why.text);
	else
		on_video_failure(w, result);
}

static void activate(struct work *w, const char *mark)
{
	struct engine *e = w->engine;
	bool active = conf_number(e->conf, OPT_UP_INITIAL_STATE) == 0;

	if (rev_activate(e->parties->rev, step_text(w, ROW_VIDEO_ID), mark,
			 active, on_activated, w, &w->call))
		step_out_of_memory(w);
}

/* Its mark stays, and it is edited only if it was sent before the setting. */
static void on_twins(void *arg, const struct rev_result *result)
{
	struct work *w = arg;
	bool is_visible = false;

	w->call = NULL;
	if (result->class != REV_OK) {
		step_rev_failed(w, result);
		return;
	}
	for (size_t i = 0; i < result->video_count; i++) {
		const struct rev_video *v = &result->videos[i];

		if (!strcasecmp(v->id, step_text(w, ROW_VIDEO_ID)))
			is_visible = v->is_active;
		else
			discard_start(w->engine, v->id, v->mark);
	}
	if (is_visible)
		ask_playback_url(w);
	else
		activate(w, "");
}

/*
 * Of accounts that may not edit the duplicates can be seen, too: they do not
 * wait for the daily pass.
 */
void step_activate(struct work *w)
{
	struct engine *e = w->engine;
	bool edits = !engine_is_at_upload(e);
	char mark[ENGINE_MARK_MAX];

	/* It never had a mark, or its being inactive may be a choice. */
	if (!*step_text(w, ROW_KEY) ||
	    (!edits && w->item->row.number[ROW_ADOPTED])) {
		ask_playback_url(w);
		return;
	}
	engine_mark(w->item, mark);
	engine_set_why(w, "rev is done with it: making it visible");
	if (edits)
		activate(w, mark);
	else if (rev_search_mark(e->parties->rev, mark, on_twins, w, &w->call))
		step_out_of_memory(w);
}

static void discarded(struct work *w)
{
	w->item->row.number[ROW_VIDEO_BAD] = 0;
	engine_event(w->engine, w->item, JOB_EV_DISCARDED, w->why);
}

/*
 * What nobody can see may stay: the daily pass meets it again. Of what
 * everybody sees there must not be a second one, so nothing is sent until it
 * has gone.
 */
static void cannot_delete(struct work *w, const char *why)
{
	if (!engine_is_at_upload(w->engine)) {
		engine_event(w->engine, w->item, JOB_EV_REFUSED, why);
		return;
	}
	engine_set_why(w,
		       "video %s is not what the file is now, and rev does "
		       "not delete it: delete it there",
		       step_text(w, ROW_DISCARD_ID));
	engine_back_off(w, JOB_EV_AGAIN, w->why);
}

/* Gone, or only not ours to delete? Rev says 401 to both. */
static void on_still_there(void *arg, const struct rev_result *result)
{
	struct work *w = arg;

	w->call = NULL;
	if (result->class == REV_GONE)
		discarded(w);
	else if (result->class == REV_OK)
		cannot_delete(w, "rev does not let this account delete it");
	else
		step_rev_failed(w, result);
}

static void on_deleted(void *arg, const struct rev_result *result)
{
	struct work *w = arg;

	w->call = NULL;
	if (result->class == REV_OK)
		discarded(w);
	else if (result->class == REV_REFUSED)
		cannot_delete(w, result->why.text);
	else if (result->class != REV_GONE)
		step_rev_failed(w, result);
	else if (rev_get_details(w->engine->parties->rev,
				 step_text(w, ROW_DISCARD_ID), NULL,
				 on_still_there, w, &w->call))
		step_out_of_memory(w);
}

/* A person retries what has failed on Rev, where it is visible by now. */
static void keep_video(struct work *w)
{
	struct row *row = &w->item->row;

	if (step_set(w, ROW_VIDEO_ID, step_text(w, ROW_DISCARD_ID)) ||
	    step_set(w, ROW_DISCARD_ID, NULL)) {
		step_out_of_memory(w);
		return;
	}
	row->number[ROW_VIDEO_BAD] = 0;
	row->number[ROW_ADOPTED] = 1;
	engine_event(w->engine, w->item, JOB_EV_FOUND,
		     "the video is visible on Rev: it is kept");
}

static void delete_it(struct work *w)
{
	if (rev_delete(w->engine->parties->rev, step_text(w, ROW_DISCARD_ID),
		       on_deleted, w, &w->call))
		step_out_of_memory(w);
}

static void on_discard_details(void *arg, const struct rev_result *result)
{
	struct work *w = arg;
	const struct rev_video *v = result->videos;
	bool is_there = result->class == REV_OK && result->video_count == 1;

	w->call = NULL;
	if (is_there && engine_is_ours(w->engine, v))
		delete_it(w);
	else if (is_there && v->is_active && w->item->row.number[ROW_VIDEO_BAD])
		keep_video(w);
	else if (result->class == REV_OK || result->class == REV_GONE)
		discarded(w);
	else
		step_rev_failed(w, result);
}

void step_discard(struct work *w)
{
	char mark[ENGINE_MARK_MAX];

	engine_mark(w->item, mark);
	if (rev_get_details(w->engine->parties->rev,
			    step_text(w, ROW_DISCARD_ID), mark,
			    on_discard_details, w, &w->call))
		step_out_of_memory(w);
}
