/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/listing.h"
#include "cli/view.h"
#include "lib/str.h"

enum { SCREEN_ROWS = 15, WATCH_MS = 1000, LABEL_WIDTH = 20 };

/* What a daemon's objects and the daemon itself show. */
struct column {
	const char *label, *key, *more; /* two keys make "a: b" */
};

struct part {
	const char *section;
	const struct column *columns, *lines;
	const char *const *done; /* states that the screen leaves out */
};

static const struct column call_columns[] = {
	{ "state", "state", NULL },
	{ "space", "space", NULL },
	{ "caller", "caller", NULL },
	{ "duration", "duration", NULL },
	{ "bitrate", "bitrate", NULL },
	{ "lost", "lost", NULL },
	{ "resolution", "resolution", NULL },
	{ "url", "url", NULL },
	{ "why", "why", NULL },
	{ NULL, NULL, NULL },
};

static const struct column streamer_lines[] = {
	{ "  why", "why", NULL },
	{ "  listens at", "listen", NULL },
	{ "  calls", "calls_active", NULL },
	{ "  call limit", "calls_limit", NULL },
	{ "  calls so far", "calls_total", NULL },
	{ "  last error", "error", NULL },
	{ NULL, NULL, NULL },
};

static const char *const ended[] = { "ended", NULL };

static const struct part streamer = { "streamer", call_columns, streamer_lines,
				      ended };

static const struct column recording_columns[] = {
	{ "state", "state", NULL }, { "progress", "progress", NULL },
	{ "size", "size", NULL },   { "space", "space_name", NULL },
	{ "path", "path", NULL },   { "why", "why", NULL },
	{ NULL, NULL, NULL },
};

static const struct column uploader_lines[] = {
	{ "  why", "why", NULL },
	{ "  share", "source_state", "source_why" },
	{ "  bridge", "cms_state", "cms_why" },
	{ "  rev", "rev_state", "rev_why" },
	{ "  last scan", "last_scan", NULL },
	{ "  waiting", "waiting", NULL },
	{ "  uploading", "uploading", NULL },
	{ "  processing", "processing", NULL },
	{ "  ready", "ready", NULL },
	{ "  failed", "failed", NULL },
	{ "  last error", "error", NULL },
	{ NULL, NULL, NULL },
};

static const char *const done[] = { "ready", "deleted", "ignored", NULL };

static const struct part uploader = { "uploader", recording_columns,
				      uploader_lines, done };

/* ---- lists of objects --------------------------------------------------- */

/* Which objects: those in a state, or all but some. */
struct query {
	const char *state;
	const char *const *but;
	size_t rows_max;
};

static bool is_wanted(const struct query *q, const char *state)
{
	if (q->state)
		return !strcmp(state, q->state);
	for (size_t i = 0; q->but && q->but[i]; i++)
		if (!strcmp(state, q->but[i]))
			return false;
	return true;
}

static void add_object(struct listing *l, struct view *v,
		       const struct column *c, const char *id,
		       const struct snapshot *s)
{
	listing_next(l);
	listing_add(l, "id", id);
	for (; c->label; c++)
		listing_add(l, c->label, view_get(v, id, s, c->key));
}

static int list(struct view *v, const struct part *part, const struct query *q,
		bool json)
{
	struct listing l;
	size_t rows = 0;

	listing_init(&l);
	for (size_t i = 0; i < v->count && rows < q->rows_max; i++) {
		struct snapshot s;
		const char *state;

		if (view_read(v, view_id(v, i), &s))
			continue;
		state = snapshot_get(&s, "state");
		if (is_wanted(q, state ? state : "")) {
			add_object(&l, v, part->columns, view_id(v, i), &s);
			rows++;
		}
		snapshot_release(&s);
	}
	return listing_end_table(&l, json);
}

static int open_and_list(struct cli *cli, const struct part *part,
			 const struct query *q, bool json)
{
	struct view *v;
	int code = view_open(cli, part->section, &v);

	if (code)
		return cli_failure(code, "%s", err_str(code));
	code = list(v, part, q, json);
	view_close(v);
	return code;
}

int cmd_calls(struct cli *cli, const struct table_match *m)
{
	const struct query q = {
		.but = table_has_flag(m, "--all") ? NULL : streamer.done,
		.rows_max = SIZE_MAX,
	};

	return open_and_list(cli, &streamer, &q, table_has_flag(m, "--json"));
}

int cmd_recordings(struct cli *cli, const struct table_match *m)
{
	const struct query q = { .state = table_arg(m, 0),
				 .rows_max = SIZE_MAX };

	return open_and_list(cli, &uploader, &q, table_has_flag(m, "--json"));
}

/* ---- show --------------------------------------------------------------- */

static int show(struct view *v, const char *id, const struct snapshot *s,
		bool json)
{
	struct listing l;

	listing_init(&l);
	for (size_t i = 0; i < s->count; i++)
		listing_add(&l, s->pairs[i].key,
			    view_get(v, id, s, s->pairs[i].key));
	return listing_end_pairs(&l, LABEL_WIDTH, json);
}

/* False where there is no such object. */
static bool show_of(struct cli *cli, const char *section,
		    const struct table_match *m, int *ret_code)
{
	struct snapshot s;
	struct view *v;
	bool found;

	*ret_code = view_open(cli, section, &v);
	if (*ret_code) {
		cli_failure(*ret_code, "%s", err_str(*ret_code));
		return true;
	}
	found = !view_read(v, m->argv[0], &s);
	if (found) {
		*ret_code =
			show(v, m->argv[0], &s, table_has_flag(m, "--json"));
		snapshot_release(&s);
	}
	view_close(v);
	return found;
}

int cmd_show(struct cli *cli, const struct table_match *m)
{
	int code;

	if (show_of(cli, "uploader", m, &code) ||
	    show_of(cli, "streamer", m, &code))
		return code;
	return cli_failure(-ENOENT, "no call and no recording has the id %s",
			   m->argv[0]);
}

/* ---- status ------------------------------------------------------------- */

static void add_life(struct listing *l, const char *label, const struct view *v)
{
	char since[STR_TIME_SIZE], text[128] = "never started";

	str_format_time(v->since_s, since);
	if (v->status == CTLREAD_RUNNING)
		snprintf(text, sizeof(text), "%s since %s",
			 view_state(v, "state"), view_state(v, "started"));
	else if (v->status == CTLREAD_HANGING)
		snprintf(text, sizeof(text), "not answering since %s", since);
	else if (v->since_s)
		snprintf(text, sizeof(text), "stopped since %s", since);
	listing_add(l, label, text);
}

static int print_daemon(struct view *v, const struct part *part)
{
	const struct query q = { .but = part->done, .rows_max = SCREEN_ROWS };
	struct listing l;
	int code;

	listing_init(&l);
	add_life(&l, v->folder, v);
	for (const struct column *c = part->lines; c->label; c++) {
		const char *value = view_state(v, c->key);
		const char *more = c->more ? view_state(v, c->more) : "";
		char text[512];

		snprintf(text, sizeof(text), "%s%s%s", value,
			 *value && *more ? ": " : "", more);
		if (*text)
			listing_add(&l, c->label, text);
	}
	code = listing_end_pairs(&l, LABEL_WIDTH, false);
	return code ? code : list(v, part, &q, false);
}

static void add_state(struct listing *l, const struct view *v)
{
	char label[160];

	add_life(l, v->folder, v);
	for (size_t i = 0; i < v->state.count; i++) {
		snprintf(label, sizeof(label), "%s_%s", v->folder,
			 v->state.pairs[i].key);
		listing_add(l, label, v->state.pairs[i].value);
	}
}

static int print_json(const struct view *s, const struct view *u)
{
	struct listing l;

	listing_init(&l);
	add_state(&l, s);
	add_state(&l, u);
	return listing_end_pairs(&l, 0, true);
}

static int print_screen(struct view *s, struct view *u)
{
	int code = print_daemon(s, &streamer);

	putchar('\n');
	return code ? code : print_daemon(u, &uploader);
}

static int print_status(struct cli *cli, bool json)
{
	struct view *s = NULL, *u = NULL;
	int code = view_open(cli, "streamer", &s);

	if (!code)
		code = view_open(cli, "uploader", &u);
	if (code)
		cli_failure(code, "%s", err_str(code));
	else
		code = json ? print_json(s, u) : print_screen(s, u);
	view_close(s);
	view_close(u);
	fflush(stdout);
	return code;
}

int cmd_status(struct cli *cli, const struct table_match *m)
{
	bool watches = table_has_flag(m, "-w");
	int code;

	cli_watch_interrupt();
	do {
		if (watches && isatty(STDOUT_FILENO))
			fputs("\033[H\033[J", stdout);
		code = print_status(cli, table_has_flag(m, "--json"));
		if (watches && !code)
			poll(NULL, 0, WATCH_MS);
	} while (watches && !code && !cli_is_interrupted() && !ferror(stdout));
	return code;
}
