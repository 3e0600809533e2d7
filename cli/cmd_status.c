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

static int no_memory(int err)
{
	return cli_failure(err, "%s", err_str(err));
}

/* ---- lists of objects --------------------------------------------------- */

struct column {
	const char *label, *key;
};

static const struct column call_columns[] = {
	{ "id", NULL },
	{ "state", "state" },
	{ "space", "space" },
	{ "caller", "caller" },
	{ "duration", "duration" },
	{ "bitrate", "bitrate" },
	{ "lost", "lost" },
	{ "resolution", "resolution" },
	{ "url", "url" },
	{ "why", "why" },
};

static const struct column recording_columns[] = {
	{ "id", NULL },
	{ "state", "state" },
	{ "progress", "progress" },
	{ "size", "size" },
	{ "space", "space_name" },
	{ "path", "path" },
	{ "why", "why" },
};

/* Which objects, and what of them. */
struct query {
	const char *section;
	const struct column *columns;
	size_t column_count;
	const char *state;	   /* NULL: any ... */
	const char *const *hidden; /* ... but these */
	size_t rows_max;
};

static bool is_wanted(const struct query *q, const char *state)
{
	if (q->state)
		return !strcmp(state, q->state);
	for (size_t i = 0; q->hidden && q->hidden[i]; i++)
		if (!strcmp(state, q->hidden[i]))
			return false;
	return true;
}

static int add_row(struct view *v, const struct query *q, const char *id,
		   const struct snapshot *s, struct listing *l)
{
	int err = 0;

	listing_next(l);
	for (size_t i = 0; i < q->column_count && !err; i++) {
		const struct column *c = &q->columns[i];

		err = listing_add(l, c->label,
				  c->key ? view_get(v, id, s, c->key) : id);
	}
	return err;
}

static int fill(struct view *v, const struct query *q, struct listing *l)
{
	size_t rows = 0;
	int err = 0;

	for (size_t i = 0; i < v->count && rows < q->rows_max && !err; i++) {
		struct snapshot s;
		const char *state;

		if (view_read(v, v->ids[i], &s))
			continue;
		state = snapshot_get(&s, "state");
		if (is_wanted(q, state ? state : "")) {
			err = add_row(v, q, v->ids[i], &s, l);
			rows++;
		}
		snapshot_release(&s);
	}
	return err;
}

static int list(struct view *v, const struct query *q, bool json)
{
	struct listing *l = NULL;
	int err = listing_new(&l);

	if (!err)
		err = fill(v, q, l);
	if (!err)
		err = listing_print_table(l, json);
	listing_free(l);
	return err;
}

static int open_and_list(struct cli *cli, const struct query *q, bool json)
{
	struct view *v;
	int err = view_open(cli, q->section, &v);

	if (err)
		return no_memory(err);
	err = list(v, q, json);
	view_close(v);
	return err ? no_memory(err) : 0;
}

static const char *const ended[] = { "ended", NULL };
static const char *const done[] = { "ready", "deleted", "ignored", NULL };

int cmd_calls(struct cli *cli, const struct table_match *m)
{
	const struct query q = {
		.section = "streamer",
		.columns = call_columns,
		.column_count = ARRAY_SIZE(call_columns),
		.hidden = table_has_flag(m, "--all") ? NULL : ended,
		.rows_max = SIZE_MAX,
	};

	return open_and_list(cli, &q, table_has_flag(m, "--json"));
}

int cmd_recordings(struct cli *cli, const struct table_match *m)
{
	const struct query q = {
		.section = "uploader",
		.columns = recording_columns,
		.column_count = ARRAY_SIZE(recording_columns),
		.state = table_arg(m, 0),
		.rows_max = SIZE_MAX,
	};

	return open_and_list(cli, &q, table_has_flag(m, "--json"));
}

/* ---- show --------------------------------------------------------------- */

static int show(struct view *v, const char *id, const struct snapshot *s,
		bool json)
{
	struct listing *l = NULL;
	int err = listing_new(&l);

	for (size_t i = 0; i < s->count && !err; i++) {
		const char *key = s->pairs[i].key;

		err = listing_add(l, key, view_get(v, id, s, key));
	}
	if (!err)
		err = listing_print_pairs(l, LABEL_WIDTH, json);
	listing_free(l);
	return err;
}

/* 1 where there is no such object. */
static int show_of(struct cli *cli, const char *section, const char *id,
		   bool json)
{
	struct snapshot s;
	struct view *v;
	int err = view_open(cli, section, &v);

	if (err)
		return err;
	if (view_read(v, id, &s)) {
		err = 1;
	} else {
		err = show(v, id, &s, json);
		snapshot_release(&s);
	}
	view_close(v);
	return err;
}

int cmd_show(struct cli *cli, const struct table_match *m)
{
	bool json = table_has_flag(m, "--json");
	int err = show_of(cli, "uploader", m->argv[0], json);

	if (err == 1)
		err = show_of(cli, "streamer", m->argv[0], json);
	if (err == 1)
		return cli_failure(-ENOENT,
				   "no call and no recording has the id %s",
				   m->argv[0]);
	return err ? no_memory(err) : 0;
}

/* ---- commands on one object --------------------------------------------- */

static int order_object(struct cli *cli, const char *section,
			const struct table_match *m)
{
	char command[256];
	int word = (int)strcspn(m->command->syntax, " ");

	snprintf(command, sizeof(command), "%.*s %s", word, m->command->syntax,
		 m->argv[0]);
	return cmd_order(cli, section, command);
}

int cmd_order_call(struct cli *cli, const struct table_match *m)
{
	return order_object(cli, "streamer", m);
}

int cmd_order_recording(struct cli *cli, const struct table_match *m)
{
	return order_object(cli, "uploader", m);
}

/* ---- status ------------------------------------------------------------- */

static void format_life(const struct view *v, char *dst, size_t size)
{
	char since[STR_TIME_SIZE];

	str_format_time(v->since_s, since);
	if (v->status == CTLREAD_RUNNING)
		snprintf(dst, size, "%s since %s", view_state(v, "state"),
			 view_state(v, "started"));
	else if (v->status == CTLREAD_HANGING)
		snprintf(dst, size, "not answering since %s", since);
	else if (v->since_s)
		snprintf(dst, size, "stopped since %s", since);
	else
		snprintf(dst, size, "never started");
}

static int add_life(struct listing *l, const char *label, const struct view *v)
{
	char text[128];

	format_life(v, text, sizeof(text));
	return listing_add(l, label, text);
}

/* Labels and the keys behind them; two keys make "a: b". */
struct line {
	const char *label, *key, *more;
};

static const struct line streamer_lines[] = {
	{ "  why", "why", NULL },
	{ "  listens at", "listen", NULL },
	{ "  calls", "calls_active", NULL },
	{ "  call limit", "calls_limit", NULL },
	{ "  calls so far", "calls_total", NULL },
	{ "  last error", "error", NULL },
};

static const struct line uploader_lines[] = {
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
};

static int add_lines(struct listing *l, const struct view *v,
		     const struct line *lines, size_t n)
{
	char text[512];
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		const char *value = view_state(v, lines[i].key);
		const char *more = lines[i].more ? view_state(v, lines[i].more)
						 : "";

		snprintf(text, sizeof(text), "%s%s%s", value,
			 *value && *more ? ": " : "", more);
		if (*text)
			err = listing_add(l, lines[i].label, text);
	}
	return err;
}

static int print_daemon(const struct view *v, const char *label,
			const struct line *lines, size_t n)
{
	struct listing *l = NULL;
	int err = listing_new(&l);

	if (!err)
		err = add_life(l, label, v);
	if (!err)
		err = add_lines(l, v, lines, n);
	if (!err)
		err = listing_print_pairs(l, LABEL_WIDTH, false);
	listing_free(l);
	return err;
}

static int print_screen(struct view *streamer, struct view *uploader)
{
	const struct query calls = {
		.columns = call_columns,
		.column_count = ARRAY_SIZE(call_columns),
		.hidden = ended,
		.rows_max = SCREEN_ROWS,
	};
	const struct query recordings = {
		.columns = recording_columns,
		.column_count = ARRAY_SIZE(recording_columns),
		.hidden = done,
		.rows_max = SCREEN_ROWS,
	};
	int err = print_daemon(streamer, "streamer", streamer_lines,
			       ARRAY_SIZE(streamer_lines));

	if (!err)
		err = list(streamer, &calls, false);
	putchar('\n');
	if (!err)
		err = print_daemon(uploader, uploader->folder, uploader_lines,
				   ARRAY_SIZE(uploader_lines));
	if (!err)
		err = list(uploader, &recordings, false);
	return err;
}

static int add_state(struct listing *l, const struct view *v)
{
	char label[160], life[128];
	int err;

	format_life(v, life, sizeof(life));
	snprintf(label, sizeof(label), "%s", v->folder);
	err = listing_add(l, label, life);
	for (size_t i = 0; v->state.text && i < v->state.count && !err; i++) {
		snprintf(label, sizeof(label), "%s_%s", v->folder,
			 v->state.pairs[i].key);
		err = listing_add(l, label, v->state.pairs[i].value);
	}
	return err;
}

static int print_json(struct view *streamer, struct view *uploader)
{
	struct listing *l = NULL;
	int err = listing_new(&l);

	if (!err)
		err = add_state(l, streamer);
	if (!err)
		err = add_state(l, uploader);
	if (!err)
		err = listing_print_pairs(l, 0, true);
	listing_free(l);
	return err;
}

static int print_status(struct cli *cli, bool json)
{
	struct view *streamer = NULL, *uploader = NULL;
	int err = view_open(cli, "streamer", &streamer);

	if (!err)
		err = view_open(cli, "uploader", &uploader);
	if (!err)
		err = json ? print_json(streamer, uploader)
			   : print_screen(streamer, uploader);
	view_close(streamer);
	view_close(uploader);
	fflush(stdout);
	return err;
}

int cmd_status(struct cli *cli, const struct table_match *m)
{
	bool watches = table_has_flag(m, "-w");
	int err;

	cli_watch_interrupt();
	do {
		if (watches && isatty(STDOUT_FILENO))
			fputs("\033[H\033[J", stdout);
		err = print_status(cli, table_has_flag(m, "--json"));
		if (watches && !err)
			poll(NULL, 0, WATCH_MS);
	} while (watches && !err && !cli_is_interrupted() && !ferror(stdout));
	return err ? no_memory(err) : 0;
}
