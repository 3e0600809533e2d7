/* SPDX-License-Identifier: MIT */
#include "uploader/reconcile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/log.h"
#include "lib/mono.h"
#include "uploader/discard.h"
#include "uploader/engine_private.h"

enum {
	DAY_S = 24 * 3600,
	FIRST_MS = 600000,	/* after the start */
	PASS_MS = DAY_S * 1000, /* between two passes */
	KEEP_GONE_S = 90 * DAY_S,
	FORGET_MAX = 10000, /* in one pass */
	AGAIN_MS = 1800000, /* after one that failed */
};

struct reconcile {
	struct engine *engine;
	struct rev_call *call;
	struct loop_timer timer;
};

/*
 * Until the file bears a video's name, nobody knows which one it will be: the
 * name on the share decides, not the journal (which may be an old one).
 */
static bool is_decided(const struct item *item)
{
	switch (item->row.state) {
	case JOB_PROCESSING:
	case JOB_ACTIVATING:
	case JOB_READY:
	case JOB_DELETING:
		return item->is_marked && *row_get(&item->row, ROW_VIDEO_ID);
	case JOB_DELETED:
		return *row_get(&item->row, ROW_VIDEO_ID);
	default:
		return false;
	}
}

/*
 * Is `key` of this recording? Also of an earlier content of it, or of one that
 * a lost journal knew: the first half tells the recording.
 */
static bool is_of(const struct item *item, const char *name, const char *key)
{
	return !strncmp(name, key, EXAMINE_NAME_SIZE - 1) ||
	       !strcmp(row_get(&item->row, ROW_KEY), key);
}

static const char *key_of(const struct rev_video *v)
{
	return v->mark + strlen("upcast-");
}

/* Hashes every recording's name once: a tenth of a second for 100 000. */
static int find_owners(struct engine *e, const struct rev_result *result,
		       struct item **owners)
{
	struct engine_identity identity;
	char name[EXAMINE_NAME_SIZE];
	struct item *item;
	int err;

	for (item = e->catalog.items; item; item = item->by_id.next) {
		engine_identify(e, item, &identity);
		err = examine_name(&identity.it, name);
		if (err)
			return err;
		for (size_t i = 0; i < result->video_count; i++)
			if (is_of(item, name, key_of(&result->videos[i])))
				owners[i] = item;
	}
	return 0;
}

static void judge(struct engine *e, const struct rev_video *v,
		  const struct item *owner)
{
	if (!owner)
		log_info("the inactive video %s carries the mark %s of a "
			 "recording that is not on this share: let be",
			 v->id, v->mark);
	else if (is_decided(owner) &&
		 strcasecmp(row_get(&owner->row, ROW_VIDEO_ID), v->id))
		discard_start(e, v->id, v->mark);
}

static int judge_all(struct engine *e, const struct rev_result *result)
{
	struct item **owners = calloc(result->video_count, sizeof(*owners));
	int err = owners ? find_owners(e, result, owners) : -ENOMEM;

	for (size_t i = 0; i < result->video_count && !err; i++)
		judge(e, &result->videos[i], owners[i]);
	free(owners);
	return err;
}

static void on_list(void *arg, const struct rev_result *result)
{
	struct reconcile *r = arg;
	bool is_done = result->class == REV_OK;

	r->call = NULL;
	if (!is_done)
		log_warning("looking for duplicates on Rev: %s",
			    result->why.text);
	else if (result->video_count && judge_all(r->engine, result))
		is_done = false;
	else
		log_info("looked for duplicates on Rev: %zu videos are "
			 "unfinished",
			 result->video_count);
	loop_timer_start(&r->timer, is_done ? PASS_MS : AGAIN_MS);
}

/*
 * Recordings whose file has been gone for so long that it will not come back,
 * as far as the share has been looked at since.
 */
static bool is_long_gone(const struct engine *e, const struct item *item,
			 int64_t now_s)
{
	int64_t gone_s = item->row.number[ROW_DONE_S];

	return item->row.state == JOB_DELETED && now_s - gone_s > KEEP_GONE_S &&
	       now_s - e->last_scan_s < DAY_S;
}

static void forget_gone(struct engine *e)
{
	int64_t now_s = mono_wall_s();
	struct item *item, *next;
	size_t n = 0;

	for (item = e->catalog.items; item && n < FORGET_MAX; item = next) {
		next = item->by_id.next;
		if (!is_long_gone(e, item, now_s))
			continue;
		if (engine_remove(e, item))
			break;
		n++;
	}
	if (n)
		log_info("forgot %zu recordings that left the share %d days "
			 "ago or earlier",
			 n, KEEP_GONE_S / DAY_S);
}

void reconcile_now(struct reconcile *r)
{
	struct engine *e = r->engine;
	uint64_t wait = lane_wait_ms(&e->rev_lane, mono_ms());

	forget_gone(e);
	if (r->call)
		return;
	if (wait || !e->parties->rev || engine_is_dry(e) ||
	    !conf_bool(e->conf, OPT_UP_ENABLED) ||
	    rev_is_locked(e->parties->rev) ||
	    rev_list_unfinished(e->parties->rev, on_list, r, &r->call))
		loop_timer_start(&r->timer, wait + AGAIN_MS);
}

static void on_timer(struct loop_timer *timer)
{
	reconcile_now(list_entry(timer, struct reconcile, timer));
}

int reconcile_new(struct engine *e, struct reconcile **ret)
{
	struct reconcile *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->engine = e;
	if (loop_timer_init(&r->timer, e->loop, on_timer)) {
		free(r);
		return -ENOMEM;
	}
	*ret = r;
	return 0;
}

void reconcile_start(struct reconcile *r)
{
	if (!loop_timer_is_armed(&r->timer))
		loop_timer_start(&r->timer, FIRST_MS);
}

void reconcile_stop(struct reconcile *r)
{
	if (r->call)
		rev_cancel(r->call);
	r->call = NULL;
	loop_timer_stop(&r->timer);
}

void reconcile_free(struct reconcile *r)
{
	if (!r)
		return;
	reconcile_stop(r);
	loop_timer_release(&r->timer);
	free(r);
}
