/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/listing.h"
#include "lib/ctlwatch.h"
#include "lib/str.h"

enum { KEPT = 4096, SHOWN = 50, SETTLE_MS = 3000 };

struct line {
	size_t number; /* as it came */
	char *text;
};

/* Lines gather until all that is there is known; then they come in order. */
struct events {
	struct loop *loop;
	struct loop_timer timer; /* for a directory that does not settle */
	bool follows, is_settled, json;
	struct listing list;
	size_t count; /* of all that came before */
	struct line lines[KEPT];
};

/* "epoch.seq time text": the time is what two daemons have in common. */
static const char *time_of(const char *line)
{
	const char *blank = strchr(line, ' ');

	return blank ? blank + 1 : line;
}

/* A time is a second: those of one daemon within it stay as they came. */
static int compare(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	const char *time = time_of(x->text);
	int order = strncmp(time, time_of(y->text), strcspn(time, " ") + 1);

	return order ? order
		     : (x->number > y->number) - (x->number < y->number);
}

static void print_line(const char *line)
{
	char text[8192];

	str_copy(text, time_of(line), sizeof(text));
	str_clean(text);
	puts(text);
	fflush(stdout);
}

/* The words of a line and its rest, each under a name of its own. */
static void list_line(struct listing *l, const char *line)
{
	static const char *const names[] = { "id", "time", "daemon" };
	char word[128];

	listing_next(l);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t n = strcspn(line, " ");

		snprintf(word, sizeof(word), "%.*s", (int)n, line);
		listing_add(l, names[i], word);
		line += n + (line[n] == ' ');
	}
	listing_add(l, "text", line);
}

/* Where more may come there is no end to a list: each is an object. */
static void show_line(struct events *e, const char *line)
{
	struct listing one;

	if (!e->json) {
		print_line(line);
	} else if (!e->follows) {
		list_line(&e->list, line);
	} else {
		listing_init(&one);
		list_line(&one, line);
		if (listing_end_pairs(&one, 0, true))
			loop_stop(e->loop);
		fflush(stdout);
	}
}

static void settle(struct events *e)
{
	size_t n = e->count < KEPT ? e->count : KEPT;

	if (e->is_settled)
		return;
	e->is_settled = true;
	qsort(e->lines, n, sizeof(e->lines[0]), compare);
	for (size_t i = n > SHOWN ? n - SHOWN : 0; i < n; i++)
		show_line(e, e->lines[i].text);
	if (!e->follows)
		loop_stop(e->loop);
}

static void on_event(void *arg, const char *folder, const char *line)
{
	struct events *e = arg;
	struct line *slot = &e->lines[e->count % KEPT];
	char text[8192];

	/* epoch.seq, time, folder, text: the folder says whose it is. */
	snprintf(text, sizeof(text), "%.*s %.*s %s%s", (int)strcspn(line, " "),
		 line, (int)strcspn(time_of(line), " "), time_of(line), folder,
		 time_of(line) + strcspn(time_of(line), " "));
	if (e->is_settled) {
		show_line(e, text);
		return;
	}
	free(slot->text);
	*slot = (struct line){ e->count, strdup(text) };
	if (slot->text)
		e->count++;
}

static void on_settled(void *arg)
{
	settle(arg);
}

static void on_timer(struct loop_timer *timer)
{
	settle(container_of(timer, struct events, timer));
}

static void on_interrupt(void *arg, int signo)
{
	struct events *e = arg;

	loop_stop(e->loop);
}

static void on_folder(void *arg, const char *folder, bool exists)
{
}

static void on_status(void *arg, const char *folder, enum ctlread_status status,
		      int64_t since_s)
{
}

static void on_state(void *arg, const char *folder, const struct snapshot *s,
		     int64_t mtime_ns)
{
}

static void on_object(void *arg, const char *folder, const char *id,
		      const struct snapshot *s, int64_t mtime_ns)
{
}

static void on_counters(void *arg, const char *folder, char *text)
{
}

static const struct ctlwatch_ops ops = {
	.folder = on_folder,
	.status = on_status,
	.state = on_state,
	.object = on_object,
	.counters = on_counters,
	.event = on_event,
	.settled = on_settled,
};

static int run(struct cli *cli, struct events *e)
{
	struct ctlwatch *watch = NULL;
	int err = loop_new(&e->loop);

	if (!err)
		err = loop_on_signal(e->loop, SIGINT, on_interrupt, e);
	if (!err)
		err = loop_timer_init(&e->timer, e->loop, on_timer);
	if (!err)
		err = ctlwatch_new(e->loop,
				   conf_text(cli->conf, OPT_CONTROL_DIR), &ops,
				   e, &watch);
	if (!err) {
		loop_timer_start(&e->timer, SETTLE_MS);
		err = loop_run(e->loop);
	}
	ctlwatch_free(watch);
	loop_timer_release(&e->timer);
	loop_free(e->loop);
	return err;
}

int cmd_events(struct cli *cli, const struct table_match *m)
{
	struct events *e = calloc(1, sizeof(*e));
	int err;

	if (!e)
		return cli_failure(-ENOMEM, "out of memory");
	e->follows = table_has_flag(m, "-f");
	e->json = table_has_flag(m, "--json");
	listing_init(&e->list);
	err = run(cli, e);
	for (size_t i = 0; i < KEPT; i++)
		free(e->lines[i].text);
	if (err)
		cli_failure(err, "%s", err_str(err));
	else if (e->json && !e->follows)
		err = listing_end_table(&e->list, true);
	listing_release(&e->list);
	free(e);
	return err;
}
