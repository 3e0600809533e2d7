/* SPDX-License-Identifier: MIT */
#include "fs/render.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/str.h"

#include "fs/page.inc"

enum { TEXT_MAX = 16 << 20 };

static void add_version(const struct model *m, int64_t now_ms, struct text *dst)
{
	text_add(dst, UPCAST_VERSION "\n");
}

/* fs/page.html: it reads its neighbours. */
static void add_page(const struct model *m, int64_t now_ms, struct text *dst)
{
	text_add(dst, page);
}

static const struct builder {
	enum layout_kind kind;
	render_fn *build;
	int64_t keep_ms;
} builders[] = {
	{ LAYOUT_README, render_readme, 3600000 },
	{ LAYOUT_VERSION, add_version, 3600000 },
	{ LAYOUT_SUMMARY, render_summary, 1000 },
	{ LAYOUT_METRICS, render_metrics, 1000 },
	{ LAYOUT_CALLS, render_calls, 1000 },
	{ LAYOUT_RECORDINGS, render_recordings, 1000 },
	{ LAYOUT_QUEUE, render_picture, 60000 },
	{ LAYOUT_PAGE, add_page, 3600000 },
};

struct kept {
	struct text text;
	int64_t built_ms, changed_ms; /* 0: never */
};

struct render {
	const struct model *m;
	struct text line; /* of a fact */
	struct kept kept[ARRAY_SIZE(builders)];
};

int render_new(const struct model *m, struct render **ret)
{
	struct render *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->m = m;
	text_init(&r->line, UINT16_MAX + 2);
	for (size_t i = 0; i < ARRAY_SIZE(builders); i++)
		text_init(&r->kept[i].text, TEXT_MAX);
	*ret = r;
	return 0;
}

void render_free(struct render *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(builders); i++)
		buf_release(&r->kept[i].text.buf);
	buf_release(&r->line.buf);
	free(r);
}

/* ---- what is kept ------------------------------------------------------- */

static int rebuild(const struct model *m, const struct builder *b,
		   struct kept *k, int64_t now_ms)
{
	struct buf *old = &k->text.buf;
	struct text t;

	text_init(&t, TEXT_MAX);
	b->build(m, now_ms, &t);
	if (t.err) {
		buf_release(&t.buf);
		return t.err;
	}
	if (!k->changed_ms || t.buf.len != old->len ||
	    memcmp(buf_text(&t.buf), buf_text(old), old->len))
		k->changed_ms = now_ms;
	k->built_ms = now_ms;
	buf_release(old);
	k->text = t;
	return 0;
}

static int get_kept(struct render *r, enum layout_kind kind, int64_t now_ms,
		    struct render_text *ret)
{
	*ret = (struct render_text){ "", 0, 0 };
	for (size_t i = 0; i < ARRAY_SIZE(builders); i++) {
		const struct builder *b = &builders[i];
		struct kept *k = &r->kept[i];
		int64_t age_ms = now_ms - k->built_ms;
		int err = 0;

		if (b->kind != kind)
			continue;
		if (!k->changed_ms || age_ms < 0 || age_ms >= b->keep_ms)
			err = rebuild(r->m, b, k, now_ms);
		*ret = (struct render_text){ buf_text(&k->text.buf),
					     k->text.buf.len, k->changed_ms };
		return err;
	}
	return 0;
}

/* ---- facts -------------------------------------------------------------- */

int64_t render_parse_time(const char *text)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);

	return end && !*end ? timegm(&tm) : 0;
}

/* Seconds since a time that a value names; empty if it names none. */
static void add_elapsed(struct text *dst, const char *time, int64_t now_ms)
{
	int64_t since = render_parse_time(time);

	if (since && since <= now_ms / 1000)
		text_printf(dst, "%lld", (long long)(now_ms / 1000 - since));
}

static const char *daemon_get(const struct daemon *d, const char *key)
{
	return facts_get(&d->facts, layout_find_key(d->dir->layout, key));
}

/* Where it does not run, the word and the sentence are ours. */
static void add_daemon_fact(struct text *dst, const struct daemon *d,
			    enum layout_kind kind, const char *value,
			    int64_t now_ms)
{
	bool is_stopped = d->status == CTLREAD_STOPPED;
	char since[STR_TIME_SIZE];

	str_format_time(d->since_s, since);
	if (kind == LAYOUT_UPTIME)
		add_elapsed(dst, is_stopped ? "" : daemon_get(d, "started"),
			    now_ms);
	else if (d->status == CTLREAD_RUNNING)
		text_add(dst, value);
	else if (kind == LAYOUT_STATE)
		text_add(dst, is_stopped ? "stopped" : "hanging");
	else if (kind == LAYOUT_WHY && !*since)
		text_add(dst, "it has never run here");
	else if (kind == LAYOUT_WHY)
		text_printf(dst, "%s since %s",
			    is_stopped ? "stopped" : "not answering", since);
	else
		text_add(dst, value);
}

/* How long a call has lasted its daemon may say itself. */
static void add_object_fact(struct text *dst, const struct object *o,
			    enum layout_kind kind, const char *value,
			    int64_t now_ms)
{
	if (kind == LAYOUT_ID)
		text_add(dst, object_id(o));
	else if (kind == LAYOUT_LASTED && !*value &&
		 strcmp(object_get(o, "state"), "ended"))
		add_elapsed(dst, object_get(o, "started"), now_ms);
	else
		text_add(dst, value);
}

/*
 * When the value changed. What counts on its own keeps the time at which it
 * began: tar would call it a file that changes while it is read.
 */
static int64_t changed_ms(const struct node *dir, const struct layout_file *f,
			  const struct facts *facts, unsigned i)
{
	const struct daemon *d = model_daemon_of(dir);
	int64_t at = facts->changed_ms[i] ? facts->changed_ms[i]
					  : dir->changed_ms;

	if ((f->kind == LAYOUT_STATE || f->kind == LAYOUT_WHY) &&
	    d->status_changed_ms > at)
		return d->status_changed_ms;
	return at;
}

int render_file(struct render *r, const struct node *dir, unsigned i,
		int64_t now_ms, struct render_text *ret)
{
	const struct layout_file *f = &dir->layout->files[i];
	const struct object *o = model_object_of(dir);
	const struct daemon *d = model_daemon_of(dir);
	const struct facts *facts;
	const char *value;

	if (!o && !d)
		return get_kept(r, f->kind, now_ms, ret);
	facts = o ? object_facts(o) : &d->facts;
	value = f->kind == LAYOUT_CTL ? "" : facts_get(facts, (int)i);
	text_clear(&r->line);
	if (o)
		add_object_fact(&r->line, o, f->kind, value, now_ms);
	else
		add_daemon_fact(&r->line, d, f->kind, value, now_ms);
	if (r->line.buf.len)
		text_add(&r->line, "\n");
	*ret = (struct render_text){ buf_text(&r->line.buf), r->line.buf.len,
				     changed_ms(dir, f, facts, i) };
	return r->line.err;
}

uint64_t render_sum(const struct model *m, const struct daemon *d,
		    const char *state, const char *key)
{
	struct node *dir = tree_child(m->tree, d->by_state, state);
	int i = layout_find_key(model_item_layout(d), key);
	uint64_t sum = 0;

	if (!dir || i < 0)
		return 0;
	tree_for_each(link, dir)
		sum += facts_get_u64(object_facts(link->owner), i);
	return sum;
}
