/* SPDX-License-Identifier: MIT */
#include "fs/render.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

enum { TEXT_MAX = 16 << 20 };

typedef int build_fn(const struct model *m, int64_t now_ms, struct buf *dst);

static int build_version(const struct model *m, int64_t now_ms, struct buf *dst)
{
	return buf_add_str(dst, UPCAST_VERSION "\n");
}

static const struct builder {
	enum layout_kind kind;
	build_fn *build;
	int64_t keep_ms;
} builders[] = {
	{ LAYOUT_README, render_readme, 3600000 },
	{ LAYOUT_VERSION, build_version, 3600000 },
	{ LAYOUT_SUMMARY, render_summary, 1000 },
	{ LAYOUT_METRICS, render_metrics, 1000 },
	{ LAYOUT_CALLS, render_calls, 1000 },
	{ LAYOUT_RECORDINGS, render_recordings, 1000 },
	{ LAYOUT_QUEUE, render_picture, 60000 },
	{ LAYOUT_PAGE, render_page, 3600000 },
};

struct kept {
	struct buf text;
	int64_t built_ms, changed_ms; /* 0: never */
};

struct render {
	const struct model *m;
	struct buf line; /* of a fact */
	struct kept kept[ARRAY_SIZE(builders)];
};

int render_new(const struct model *m, struct render **ret)
{
	struct render *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->m = m;
	buf_init(&r->line, UINT16_MAX + 2);
	for (size_t i = 0; i < ARRAY_SIZE(builders); i++)
		buf_init(&r->kept[i].text, TEXT_MAX);
	*ret = r;
	return 0;
}

void render_free(struct render *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(builders); i++)
		buf_release(&r->kept[i].text);
	buf_release(&r->line);
	free(r);
}

/* ---- what is kept ------------------------------------------------------- */

static int rebuild(const struct model *m, const struct builder *b,
		   struct kept *k, int64_t now_ms)
{
	struct buf text;
	int err;

	buf_init(&text, TEXT_MAX);
	err = b->build(m, now_ms, &text);
	if (err) {
		buf_release(&text);
		return err;
	}
	if (!k->changed_ms || text.len != k->text.len ||
	    memcmp(buf_text(&text), buf_text(&k->text), text.len))
		k->changed_ms = now_ms;
	k->built_ms = now_ms;
	buf_release(&k->text);
	k->text = text;
	return 0;
}

static int get_kept(struct render *r, enum layout_kind kind, int64_t now_ms,
		    struct render_text *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(builders); i++) {
		const struct builder *b = &builders[i];
		struct kept *k = &r->kept[i];
		int64_t age_ms = now_ms - k->built_ms;
		int err = 0;

		if (b->kind != kind)
			continue;
		if (!k->changed_ms || age_ms < 0 || age_ms >= b->keep_ms)
			err = rebuild(r->m, b, k, now_ms);
		*ret = (struct render_text){ buf_text(&k->text), k->text.len,
					     k->changed_ms };
		return err;
	}
	*ret = (struct render_text){ "", 0, 0 };
	return 0;
}

/* ---- facts -------------------------------------------------------------- */

/* Digits at a fixed place, or -1. */
static int digits(const char *s, int n)
{
	int v = 0;

	for (; n--; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		v = v * 10 + *s - '0';
	}
	return v;
}

int64_t render_parse_time(const char *s)
{
	static const char shape[] = "0000-00-00T00:00:00Z";
	int y, m, d;
	int64_t days;

	if (strlen(s) != strlen(shape))
		return 0;
	for (size_t i = 0; shape[i]; i++)
		if (shape[i] == '0' ? s[i] < '0' || s[i] > '9'
				    : s[i] != shape[i])
			return 0;
	/* Days since 1970, with years that begin in March. */
	y = digits(s, 4);
	m = digits(s + 5, 2);
	d = digits(s + 8, 2);
	y -= m <= 2;
	m += m <= 2 ? 9 : -3;
	days = 365 * (int64_t)y + y / 4 - y / 100 + y / 400 +
	       (153 * m + 2) / 5 + d - 1 - 719468;
	return days * 86400 + digits(s + 11, 2) * 3600 +
	       digits(s + 14, 2) * 60 + digits(s + 17, 2);
}

/* Seconds since a time that a value names; empty if it names none. */
static int add_elapsed(struct buf *dst, const char *time, int64_t now_ms)
{
	int64_t since = render_parse_time(time);

	if (!since || since > now_ms / 1000)
		return 0;
	return buf_printf(dst, "%lld", (long long)(now_ms / 1000 - since));
}

static int add_why(struct buf *dst, const struct daemon *d, const char *why)
{
	char since[STR_TIME_SIZE];

	str_format_time(d->since_s, since);
	if (d->status == CTLREAD_RUNNING)
		return buf_add_str(dst, why);
	if (!*since)
		return buf_add_str(dst, "it has never run here");
	return buf_printf(dst, "%s since %s",
			  d->status == CTLREAD_STOPPED ? "stopped"
						       : "not answering",
			  since);
}

static int add_uptime(struct buf *dst, const struct daemon *d, int64_t now_ms)
{
	int started = layout_find_key(d->dir->layout, "started");

	if (d->status == CTLREAD_STOPPED)
		return 0;
	return add_elapsed(dst, facts_get(&d->facts, started), now_ms);
}

static int add_daemon_fact(struct buf *dst, const struct daemon *d,
			   const struct layout_file *f, const char *value,
			   int64_t now_ms)
{
	switch (f->kind) {
	case LAYOUT_STATE:
		if (d->status != CTLREAD_RUNNING)
			value = d->status == CTLREAD_STOPPED ? "stopped"
							     : "hanging";
		return buf_add_str(dst, value);
	case LAYOUT_WHY:
		return add_why(dst, d, value);
	case LAYOUT_UPTIME:
		return add_uptime(dst, d, now_ms);
	default:
		return buf_add_str(dst, value);
	}
}

/* How long a call has lasted, unless the daemon says it itself. */
static int add_lasted(struct buf *dst, const struct object *o,
		      const char *value, int64_t now_ms)
{
	if (*value || !strcmp(object_get(o, "state"), "ended"))
		return buf_add_str(dst, value);
	return add_elapsed(dst, object_get(o, "started"), now_ms);
}

static int add_object_fact(struct buf *dst, const struct object *o,
			   const struct layout_file *f, const char *value,
			   int64_t now_ms)
{
	if (f->kind == LAYOUT_ID)
		return buf_add_str(dst, object_id(o));
	if (f->kind == LAYOUT_LASTED)
		return add_lasted(dst, o, value, now_ms);
	return buf_add_str(dst, value);
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
	int err;

	if (!o && !d)
		return get_kept(r, f->kind, now_ms, ret);
	facts = o ? object_facts(o) : &d->facts;
	value = f->kind == LAYOUT_CTL ? "" : facts_get(facts, (int)i);
	buf_clear(&r->line);
	err = o ? add_object_fact(&r->line, o, f, value, now_ms)
		: add_daemon_fact(&r->line, d, f, value, now_ms);
	if (!err && r->line.len)
		err = buf_add_str(&r->line, "\n");
	*ret = (struct render_text){ buf_text(&r->line), r->line.len,
				     changed_ms(dir, f, facts, i) };
	return err;
}

uint64_t render_sum(const struct model *m, const struct daemon *d,
		    const char *state, const char *key)
{
	struct node *dir = tree_child(m->tree, d->by_state, state);
	int i = layout_find_key(model_item_layout(d), key);
	uint64_t sum = 0;

	if (!dir || i < 0)
		return 0;
	list_for_each(it, &dir->children) {
		struct node *link = list_entry(it, struct node, sibling);

		sum += facts_get_u64(object_facts(link->owner), i);
	}
	return sum;
}
