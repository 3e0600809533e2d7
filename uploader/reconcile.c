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

static bool has_key(const char *keys, const char *key)
{
	const char *at = *key ? strstr(keys, key) : NULL;
	size_t n = strlen(key);

	return at && (at[n] == ' ' || at[n] == '\0');
}

/* The recording that the mark is of, or was of before its file changed. */
static struct item *find_owner(struct engine *e, const char *key)
{
	struct item *item;

	for (item = e->catalog.items; item; item = item->by_id.next)
		if (!strcmp(row_get(&item->row, ROW_KEY), key) ||
		    has_key(row_get(&item->row, ROW_OLD_KEYS), key))
			return item;
	return NULL;
}

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

static bool is_duplicate(struct engine *e, const struct rev_video *v)
{
	const char *key = v->mark + strlen("upcast-");
	struct item *item = find_owner(e, key);

	if (!item) {
		log_info("the inactive video %s carries the mark %s of an "
			 "upload that this journal does not know: let be",
			 v->id, v->mark);
		return false;
	}
	return is_decided(item) &&
	       strcasecmp(row_get(&item->row, ROW_VIDEO_ID), v->id);
}

static void on_list(void *arg, const struct rev_result *result)
{
	struct reconcile *r = arg;
	struct engine *e = r->engine;

	r->call = NULL;
	loop_timer_start(&r->timer,
			 result->class == REV_OK ? PASS_MS : AGAIN_MS);
	if (result->class != REV_OK) {
		log_warning("looking for duplicates on Rev: %s",
			    result->why.text);
		return;
	}
	for (size_t i = 0; i < result->video_count; i++)
		if (is_duplicate(e, &result->videos[i]))
			discard_start(e, result->videos[i].id,
				      result->videos[i].mark);
	log_info("looked for duplicates on Rev: %zu videos are unfinished",
		 result->video_count);
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
