/* SPDX-License-Identifier: MIT */
/*
 * Before the upload: which recording it is, and who owns it and may see it.
 */
#include "uploader/steps.h"

#include <errno.h>
#include <string.h>

#include "lib/log.h"
#include "lib/mono.h"

enum {
	BRIDGE_PAUSE_MAX_MS = 60000,
	BRIDGE_REFUSED_MS = 900000,
};

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
		step_rev_failed(w, result->rev);
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
	if (step_set(w, ROW_SPACE_NAME, result->space_name) ||
	    step_set(w, ROW_TITLE, w->policy.title) ||
	    step_set(w, ROW_OWNER, w->policy.owner_name) ||
	    step_set(w, ROW_VIEWERS, w->policy.viewers_text)) {
		step_out_of_memory(w);
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
	recording_parse(step_text(w, ROW_NAME), &parsed);
	input.recorded_s = parsed.time_s;
	input.utc_offset_s = parsed.utc_offset_min * 60;
	engine_set_why(w, "asking the bridge and Rev who owns it");
	if (prepare_start(&e->parties->prepare, &input, on_prepared, w,
			  &w->prepare))
		step_out_of_memory(w);
}

/*
 * A server that says no may be wrong: one recording is sent to find out, the
 * others wait for its rename.
 */
static void on_may_write(void *arg, const struct source_result *result)
{
	struct work *w = arg;

	w->op = NULL;
	if (result->err == -ENOTCONN) {
		step_source_failed(w, result);
		return;
	}
	if (result->err)
		engine_rename_refused(w->engine, true);
	ask_parties(w);
}

static void ask_share(struct work *w)
{
	if (w->engine->rename_has_worked)
		ask_parties(w);
	else if (source_may_write(w->engine->source, w->item->folder->dir,
				  on_may_write, w, &w->op))
		step_out_of_memory(w);
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
		step_changed(w, "the file changed");
		return;
	}
	if (strcmp(result->key, step_text(w, ROW_KEY)))
		err = step_set(w, ROW_VIDEO_ID, NULL);
	err = err ? err : step_set(w, ROW_KEY, result->key);
	if (err)
		step_out_of_memory(w);
	else
		ask_share(w);
}

void step_prepare(struct work *w)
{
	struct engine *e = w->engine;
	struct engine_identity identity;
	char path[STEP_PATH_SIZE];

	engine_identify(e, w->item, &identity);
	engine_set_why(w, "reading which recording it is");
	if (engine_path(w->item, NULL, path, sizeof(path)) ||
	    examine_ends(e->source, path, &identity.it, on_key, w,
			 &w->examine)) {
		step_out_of_memory(w);
		return;
	}
	e->walks_running++;
}
