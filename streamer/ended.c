/* SPDX-License-Identifier: MIT */
#include "streamer/ended.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/snapshot.h"
#include "lib/str.h"

enum { FOUND_MAX = 4 * ENDED_MAX }; /* with those that were up */

struct ended {
	struct ctldir *dir;
	struct ended_id ids[FOUND_MAX]; /* a ring, when nothing is read */
	size_t count, next;
};

void ended_format_id(struct ended_id id, char dst[ENDED_ID_SIZE])
{
	snprintf(dst, ENDED_ID_SIZE, "%" PRIu64 "-%" PRIu64, id.epoch,
		 id.number);
}

int ended_parse_id(const char *text, struct ended_id *ret)
{
	const char *dash = strchr(text, '-');
	char epoch[24], again[ENDED_ID_SIZE];
	struct ended_id id;

	if (!dash || (size_t)(dash - text) >= sizeof(epoch))
		return -EINVAL;
	str_copy(epoch, text, (size_t)(dash - text) + 1);
	if (str_parse_u64(epoch, 0, UINT64_MAX, &id.epoch) ||
	    str_parse_u64(dash + 1, 1, UINT64_MAX, &id.number))
		return -EINVAL;
	/* There is one way to write it. */
	ended_format_id(id, again);
	if (strcmp(text, again))
		return -EINVAL;
	*ret = id;
	return 0;
}

int ended_new(struct ctldir *dir, struct ended **ret)
{
	struct ended *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->dir = dir;
	*ret = e;
	return 0;
}

void ended_free(struct ended *e)
{
	free(e);
}

static int remove_call(struct ended *e, struct ended_id id)
{
	char name[ENDED_ID_SIZE];

	ended_format_id(id, name);
	return ctldir_remove_object(e->dir, name);
}

int ended_add(struct ended *e, struct ended_id id)
{
	int err = 0;

	if (e->count == ENDED_MAX)
		err = remove_call(e, e->ids[e->next]);
	else
		e->count++;
	e->ids[e->next] = id;
	e->next = (e->next + 1) % ENDED_MAX;
	return err;
}

/* ---- what a daemon before left ------------------------------------------ */

static bool find(void *arg, const char *name)
{
	struct ended *e = arg;

	if (e->count == FOUND_MAX || ended_parse_id(name, &e->ids[e->count]))
		return false;
	e->count++;
	return true;
}

static int compare(const void *a, const void *b)
{
	const struct ended_id *x = a, *y = b;

	return x->epoch != y->epoch    ? (x->epoch > y->epoch ? 1 : -1)
	       : x->number > y->number ? 1
				       : -1;
}

/* What is true of it now; the rest is as its daemon saw it last. */
static const struct {
	const char *key, *value;
} ends[] = {
	{ "state", "ended" },
	{ "why", "the streamer went down" },
	{ "rtmp_state", "ended" },
};

static const char *value_now(const char *key, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (!strcmp(ends[i].key, key))
			return ends[i].value;
	return value;
}

static int end_call(struct ended *e, const char *name, const struct snapshot *s)
{
	struct snapshot_writer w;
	struct buf b;
	int err;

	buf_init(&b, SNAPSHOT_MAX);
	snapshot_begin(&w, &b);
	for (size_t i = 0; i < s->count; i++)
		snapshot_add(&w, s->pairs[i].key,
			     value_now(s->pairs[i].key, s->pairs[i].value));
	err = w.err;
	if (!err)
		err = ctldir_put_object(e->dir, name, &b);
	if (!err)
		err = ctldir_event(e->dir,
				   "call %s ended: the streamer went "
				   "down",
				   name);
	buf_release(&b);
	/* A word too long for readers. */
	return err == -EMSGSIZE ? ctldir_remove_object(e->dir, name) : err;
}

static int look_at(struct ended *e, const char *name, unsigned *cut)
{
	struct snapshot s;
	const char *state;
	int err = ctldir_get_object(e->dir, name, &s);

	if (err)
		return err;
	state = snapshot_get(&s, "state");
	if (!state || strcmp(state, "ended")) {
		err = end_call(e, name, &s);
		*cut += !err;
	}
	snapshot_release(&s);
	return err;
}

int ended_adopt(struct ended *e, unsigned *ret_cut)
{
	int err = ctldir_sweep(e->dir, find, e), code;
	char name[ENDED_ID_SIZE];
	size_t extra;

	*ret_cut = 0;
	qsort(e->ids, e->count, sizeof(e->ids[0]), compare);
	extra = e->count > ENDED_MAX ? e->count - ENDED_MAX : 0;
	for (size_t i = 0; i < e->count; i++) {
		ended_format_id(e->ids[i], name);
		code = i < extra ? ctldir_remove_object(e->dir, name)
				 : look_at(e, name, ret_cut);
		err = err ? err : code;
	}
	e->count -= extra;
	memmove(e->ids, e->ids + extra, e->count * sizeof(e->ids[0]));
	e->next = e->count % ENDED_MAX;
	return err;
}
