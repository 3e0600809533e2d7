/* SPDX-License-Identifier: MIT */
#include "uploader/discard.h"

#include <stdlib.h>

#include "lib/log.h"
#include "lib/str.h"
#include "uploader/engine_private.h"

struct discard {
	struct list node;
	struct engine *engine;
	struct rev_call *call;
	bool was_checked;
	char video_id[64], mark[ENGINE_MARK_MAX];
};

static void free_discard(struct discard *d)
{
	if (d->call)
		rev_cancel(d->call);
	list_del(&d->node);
	free(d);
}

/* First the details: only what is ours is deleted. */
static void on_discard(void *arg, const struct rev_result *result)
{
	struct discard *d = arg;
	const struct rev_video *v = result->videos;

	d->call = NULL;
	if (result->class == REV_OK && !d->was_checked &&
	    result->video_count == 1 && engine_is_ours(d->engine, v)) {
		d->was_checked = true;
		if (!rev_delete(d->engine->parties->rev, d->video_id,
				on_discard, d, &d->call))
			return;
	} else if (result->class == REV_OK && d->was_checked) {
		log_info("deleted the duplicate %s (%s)", d->video_id, d->mark);
	} else if (result->class != REV_GONE) {
		log_warning("the duplicate %s (%s) stays for now: %s",
			    d->video_id, d->mark,
			    result->why.text[0] ? result->why.text
						: "it is visible or not ours");
	}
	free_discard(d);
}

void discard_start(struct engine *e, const char *video_id, const char *mark)
{
	struct discard *d;

	if (engine_is_dry(e))
		return;
	d = calloc(1, sizeof(*d));
	if (!d)
		return;
	d->engine = e;
	list_add_tail(&e->discards, &d->node);
	str_copy(d->video_id, video_id, sizeof(d->video_id));
	str_copy(d->mark, mark, sizeof(d->mark));
	if (rev_get_details(e->parties->rev, d->video_id, d->mark, on_discard,
			    d, &d->call))
		free_discard(d);
}

void discard_free_all(struct engine *e)
{
	list_for_each_safe(it, &e->discards)
		free_discard(list_entry(it, struct discard, node));
}
