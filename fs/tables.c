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

static void add_facts(struct text *dst, const struct daemon *d,
		      const char *const *keys, size_t n)
{
	const struct layout *layout = d->dir->layout;

	for (size_t i = 0; i < n; i++)
		text_printf(dst, "%s.%s %s\n", d->folder, keys[i],
			    facts_get(&d->facts,
				      layout_find_key(layout, keys[i])));
}

static void add_status(struct text *dst, const struct daemon *d)
{
	static const char *const words[] = { "stopped", "hanging", "running" };
	char since[STR_TIME_SIZE] = "";

	if (d->status != CTLREAD_RUNNING)
		str_format_time(d->since_s, since);
	text_printf(dst, "%s %s%s%s\n", d->folder, words[d->status],
		    *since ? " since " : "", since);
}

static void add_rate(struct text *dst, const struct model *m,
		     const struct daemon *d)
{
	uint64_t rate = d->is_streamer
				? render_sum(m, d, "publishing", "bitrate")
				: render_sum(m, d, "uploading", "rate");

	text_printf(dst, "%s.%s_per_second %llu\n", d->folder,
		    d->is_streamer ? "bits" : "bytes",
		    (unsigned long long)rate);
}

void render_summary(const struct model *m, int64_t now_ms, struct text *dst)
{
	model_for_each(d, m) {
		add_status(dst, d);
		if (d->is_streamer)
			add_facts(dst, d, streamer_facts,
				  ARRAY_SIZE(streamer_facts));
		else
			add_facts(dst, d, uploader_facts,
				  ARRAY_SIZE(uploader_facts));
		tree_for_each(state, d->by_state)
			text_printf(dst, "%s.%s %u\n", d->folder, state->name,
				    state->child_count);
		add_rate(dst, m, d);
	}
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
	struct text *dst;
	const char *const *columns;
	int index[COLUMNS]; /* of the value */
};

static void begin_table(struct table *t, const struct layout *layout)
{
	text_add(t->dst, "daemon\tid");
	for (size_t i = 0; i < COLUMNS; i++) {
		t->index[i] = layout_find_key(layout, t->columns[i]);
		text_printf(t->dst, "\t%s", t->columns[i]);
	}
	text_add(t->dst, "\n");
}

static void add_row(const struct table *t, const struct object *o)
{
	text_printf(t->dst, "%s\t%s", object_daemon(o)->folder, object_id(o));
	for (size_t i = 0; i < COLUMNS; i++) {
		text_add(t->dst, "\t");
		text_add(t->dst, facts_get(object_facts(o), t->index[i]));
	}
	text_add(t->dst, "\n");
}

/* What lies in a state, of the finished ones the newest. */
static void add_state(const struct table *t, const struct node *dir,
		      unsigned max)
{
	unsigned skip = dir->child_count > max ? dir->child_count - max : 0;

	tree_for_each(link, dir) {
		if (skip)
			skip--;
		else
			add_row(t, link->owner);
	}
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

static void add_table(const struct model *m, bool calls, struct text *dst)
{
	struct table t = {
		.dst = dst,
		.columns = calls ? call_columns : recording_columns,
	};

	begin_table(&t, calls ? &layout_call : &layout_recording);
	model_for_each(d, m) {
		if (d->is_streamer != calls)
			continue;
		tree_for_each(state, d->by_state)
			add_state(&t, state, shown_of(state->name));
	}
}

void render_calls(const struct model *m, int64_t now_ms, struct text *dst)
{
	add_table(m, true, dst);
}

void render_recordings(const struct model *m, int64_t now_ms, struct text *dst)
{
	add_table(m, false, dst);
}

/* ---- README ------------------------------------------------------------- */

static const struct {
	const char *title;
	const struct layout *layout;
} sections[] = {
	{ "Here:", &layout_root },
	{ "streamer/:", &layout_streamer },
	{ "streamer/calls/<id>/, linked from streamer/by-state/<state>/:",
	  &layout_call },
	{ "uploader/, and uploader@<instance>/:", &layout_uploader },
	{ "uploader/recordings/.../<stem>/, linked from "
	  "uploader/by-state/<state>/\n"
	  "and uploader/by-space/<space>/:",
	  &layout_recording },
};

void render_readme(const struct model *m, int64_t now_ms, struct text *dst)
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

	text_add(dst, head);
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		const struct layout *l = sections[i].layout;

		text_printf(dst, "\n%s\n\n", sections[i].title);
		for (size_t k = 0; k < l->count; k++)
			text_printf(dst, "    %-15s %s\n", l->files[k].name,
				    l->files[k].help);
	}
}
