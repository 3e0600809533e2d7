/* SPDX-License-Identifier: MIT */
#include "fs/render.h"

#include <string.h>

#include "lib/str.h"

enum { READY_SHOWN = 100 };

/* ---- summary ------------------------------------------------------------ */

static const char *const streamer_facts[] = { "calls_active", "calls_limit",
					      "calls_total" };
static const char *const uploader_facts[] = { "source_state", "cms_state",
					      "rev_state", "last_scan",
					      "paused" };

static int add_facts(struct buf *dst, const struct daemon *d,
		     const char *const *keys, size_t n)
{
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = buf_printf(
			dst, "%s.%s %s\n", d->folder, keys[i],
			facts_get(&d->facts,
				  layout_find_key(d->dir->layout, keys[i])));
	return err;
}

static int add_counts(struct buf *dst, const struct daemon *d)
{
	int err = 0;

	list_for_each(it, &d->by_state->children) {
		struct node *dir = list_entry(it, struct node, sibling);

		if (!err)
			err = buf_printf(dst, "%s.%s %u\n", d->folder,
					 dir->name, dir->child_count);
	}
	return err;
}

static const char *status_word(const struct daemon *d)
{
	static const char *const words[] = { "stopped", "hanging", "running" };

	return words[d->status];
}

static int add_daemon(const struct model *m, const struct daemon *d,
		      struct buf *dst)
{
	char since[STR_TIME_SIZE] = "";
	int err;

	if (d->status != CTLREAD_RUNNING)
		str_format_time(d->since_s, since);
	err = buf_printf(dst, "%s %s%s%s\n", d->folder, status_word(d),
			 *since ? " since " : "", since);
	if (!err && d->is_streamer)
		err = add_facts(dst, d, streamer_facts,
				ARRAY_SIZE(streamer_facts));
	else if (!err)
		err = add_facts(dst, d, uploader_facts,
				ARRAY_SIZE(uploader_facts));
	if (!err)
		err = add_counts(dst, d);
	if (err)
		return err;
	return buf_printf(
		dst, "%s.%s %llu\n", d->folder,
		d->is_streamer ? "bits_per_second" : "bytes_per_second",
		(unsigned long long)(d->is_streamer
					     ? render_sum(m, d, "publishing",
							  "bitrate")
					     : render_sum(m, d, "uploading",
							  "rate")));
}

int render_summary(const struct model *m, int64_t now_ms, struct buf *dst)
{
	int err = 0;

	list_for_each(it, &m->daemons)
		if (!err)
			err = add_daemon(m, list_entry(it, struct daemon, node),
					 dst);
	return err;
}

/* ---- tables of objects -------------------------------------------------- */

/* The columns after daemon and id are values of these keys. */
static const char *const call_columns[] = {
	"state",   "space", "caller",  "url",	  "resolution", "fps",
	"bitrate", "lost",  "dropped", "started", "why",
};
static const char *const recording_columns[] = {
	"state", "title", "space_name",	  "path", "size", "progress",
	"rate",	 "eta",	  "playback_url", "done", "why",
};

enum { COLUMNS = ARRAY_SIZE(call_columns) };
_Static_assert(ARRAY_SIZE(recording_columns) == COLUMNS,
	       "both tables have the same number of columns");

struct table {
	struct buf *dst;
	const char *const *columns;
	int index[COLUMNS]; /* of the value */
};

static int begin_table(struct table *t, const struct layout *layout)
{
	int err = buf_add_str(t->dst, "daemon\tid");

	for (size_t i = 0; i < COLUMNS && !err; i++) {
		t->index[i] = layout_find_key(layout, t->columns[i]);
		err = buf_printf(t->dst, "\t%s", t->columns[i]);
	}
	return err ? err : buf_add_str(t->dst, "\n");
}

static int add_row(const struct table *t, const struct object *o)
{
	const struct facts *facts = object_facts(o);
	int err = buf_printf(t->dst, "%s\t%s", object_daemon(o)->folder,
			     object_id(o));

	for (size_t i = 0; i < COLUMNS && !err; i++) {
		err = buf_add_str(t->dst, "\t");
		if (!err)
			err = buf_add_str(t->dst,
					  facts_get(facts, t->index[i]));
	}
	return err ? err : buf_add_str(t->dst, "\n");
}

/* What lies in a state, of the finished ones the newest. */
static int add_state(const struct table *t, const struct node *dir,
		     unsigned max)
{
	unsigned skip = dir->child_count > max ? dir->child_count - max : 0;
	int err = 0;

	list_for_each(it, &dir->children) {
		if (err)
			break;
		if (skip)
			skip--;
		else
			err = add_row(
				t, list_entry(it, struct node, sibling)->owner);
	}
	return err;
}

static unsigned shown_of(const char *state)
{
	static const struct {
		const char *state;
		unsigned max;
	} finished[] = {
		{ "ended", READY_SHOWN },
		{ "ready", READY_SHOWN },
		{ "deleted", 0 },
		{ "ignored", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(finished); i++)
		if (!strcmp(finished[i].state, state))
			return finished[i].max;
	return UINT32_MAX;
}

static int add_daemon_rows(const struct table *t, const struct daemon *d)
{
	int err = 0;

	list_for_each(it, &d->by_state->children) {
		struct node *dir = list_entry(it, struct node, sibling);

		if (!err)
			err = add_state(t, dir, shown_of(dir->name));
	}
	return err;
}

static int add_table(const struct model *m, bool calls, struct buf *dst)
{
	struct table t = {
		.dst = dst,
		.columns = calls ? call_columns : recording_columns,
	};
	int err = begin_table(&t, calls ? &layout_call : &layout_recording);

	list_for_each(it, &m->daemons) {
		struct daemon *d = list_entry(it, struct daemon, node);

		if (!err && d->is_streamer == calls)
			err = add_daemon_rows(&t, d);
	}
	return err;
}

int render_calls(const struct model *m, int64_t now_ms, struct buf *dst)
{
	return add_table(m, true, dst);
}

int render_recordings(const struct model *m, int64_t now_ms, struct buf *dst)
{
	return add_table(m, false, dst);
}

/* ---- README ------------------------------------------------------------- */

static int add_layout(struct buf *dst, const char *title,
		      const struct layout *layout)
{
	int err = buf_printf(dst, "\n%s\n\n", title);

	for (size_t i = 0; i < layout->count && !err; i++)
		err = buf_printf(dst, "    %-15s %s\n", layout->files[i].name,
				 layout->files[i].help);
	return err;
}

int render_readme(const struct model *m, int64_t now_ms, struct buf *dst)
{
	static const char head[] =
		"upcast at work: every call and every recording is a folder, "
		"every fact about it\n"
		"a file of one line. Sizes are bytes, times RFC 3339 in UTC, "
		"intervals seconds;\n"
		"an empty file is a fact that is not known. upcast-fs(1) says "
		"more.\n\n"
		"    cat summary\n"
		"    tail -f events\n"
		"    ls uploader/by-state/failed\n"
		"    cat uploader/by-state/failed/*/why\n"
		"    echo retry > uploader/by-state/failed/17/ctl\n"
		"    watch -n1 cat streamer/by-state/publishing/*/bitrate\n";
	int err = buf_add_str(dst, head);

	if (!err)
		err = add_layout(dst, "Here:", &layout_root);
	if (!err)
		err = add_layout(dst, "streamer/:", &layout_streamer);
	if (!err)
		err = add_layout(dst,
				 "streamer/calls/<id>/, linked from "
				 "streamer/by-state/<state>/:",
				 &layout_call);
	if (!err)
		err = add_layout(dst, "uploader/, and uploader@<instance>/:",
				 &layout_uploader);
	if (!err)
		err = add_layout(dst,
				 "uploader/recordings/.../<stem>/, linked from "
				 "uploader/by-state/<state>/\n"
				 "and uploader/by-space/<space>/:",
				 &layout_recording);
	return err;
}
