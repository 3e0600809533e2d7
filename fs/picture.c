/* SPDX-License-Identifier: MIT */
#include "fs/render.h"

#include <string.h>

/*
 * The last day in quarters of an hour: how many recordings waited (a line) and
 * how many became ready (bars). Worked out from the times of the recordings,
 * so it is there at once after a start.
 */
enum { SLOTS = 96, SLOT_S = 900, WIDTH = 6, HEIGHT = 120, LEFT = 40, TOP = 20 };

struct day {
	int64_t start_s;
	int seen, modified, ended; /* the values that hold the times */
	int waiting[SLOTS + 1];	   /* first the differences */
	int done[SLOTS];
};

/* The first slot that ends at or after that time; SLOTS: none does. */
static size_t slot_of(const struct day *day, int64_t at_s)
{
	if (at_s <= day->start_s)
		return 0;
	if (at_s > day->start_s + (int64_t)SLOTS * SLOT_S)
		return SLOTS;
	return (size_t)((at_s - day->start_s - 1) / SLOT_S);
}

static bool is_ready(const char *state)
{
	return !strcmp(state, "ready") || !strcmp(state, "deleted");
}

static bool is_given_up(const char *state)
{
	return !strcmp(state, "failed") || !strcmp(state, "ignored");
}

static void count(struct day *day, const struct object *o, const char *state)
{
	const struct facts *facts = object_facts(o);
	int64_t came = render_parse_time(facts_get(facts, day->seen));
	int64_t done = render_parse_time(facts_get(facts, day->ended));
	bool has_ended = is_ready(state) || is_given_up(state);
	size_t at;

	if (!came)
		came = render_parse_time(facts_get(facts, day->modified));
	if (!came || (has_ended && !done))
		return;
	day->waiting[slot_of(day, came)]++;
	/* One that is tried again keeps the time at which it failed. */
	if (!has_ended)
		return;
	at = slot_of(day, done);
	day->waiting[at]--;
	if (done > day->start_s && at < SLOTS && is_ready(state))
		day->done[at]++;
}

static void count_all(const struct model *m, struct day *day)
{
	model_for_each(d, m) {
		if (d->is_streamer)
			continue;
		tree_for_each(state, d->by_state)
			tree_for_each(link, state)
				count(day, link->owner, state->name);
	}
	for (size_t i = 1; i < SLOTS; i++)
		day->waiting[i] += day->waiting[i - 1];
}

static int highest(const struct day *day)
{
	int max = 1;

	for (size_t i = 0; i < SLOTS; i++) {
		max = day->waiting[i] > max ? day->waiting[i] : max;
		max = day->done[i] > max ? day->done[i] : max;
	}
	return max;
}

static void add_bars(const struct day *day, int max, struct text *dst)
{
	text_add(dst, "<g fill=\"#7ab97a\">\n");
	for (int i = 0; i < SLOTS; i++) {
		int h = day->done[i] * HEIGHT / max;

		if (day->done[i])
			text_printf(dst,
				    "<rect x=\"%d\" y=\"%d\" width=\"%d\" "
				    "height=\"%d\"/>\n",
				    LEFT + i * WIDTH, TOP + HEIGHT - h,
				    WIDTH - 1, h);
	}
	text_add(dst, "</g>\n");
}

static void add_line(const struct day *day, int max, struct text *dst)
{
	text_add(dst, "<polyline fill=\"none\" stroke=\"#b04a2f\" "
		      "stroke-width=\"2\" points=\"");
	for (int i = 0; i < SLOTS; i++)
		text_printf(dst, "%s%d,%d", i ? " " : "",
			    LEFT + i * WIDTH + WIDTH / 2,
			    TOP + HEIGHT - day->waiting[i] * HEIGHT / max);
	text_add(dst, "\"/>\n");
}

void render_picture(const struct model *m, int64_t now_ms, struct text *dst)
{
	struct day day = {
		.start_s = now_ms / 1000 - SLOTS * SLOT_S,
		.seen = layout_find_key(&layout_recording, "seen"),
		.modified = layout_find_key(&layout_recording, "modified"),
		.ended = layout_find_key(&layout_recording, "done"),
	};
	int max, total = 0;

	count_all(m, &day);
	max = highest(&day);
	for (size_t i = 0; i < SLOTS; i++)
		total += day.done[i];
	text_printf(
		dst,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
		"height=\"%d\" font-family=\"sans-serif\" font-size=\"11\">\n"
		"<text x=\"%d\" y=\"14\" fill=\"#b04a2f\">%d waiting</text>\n"
		"<text x=\"%d\" y=\"14\" fill=\"#4a8a4a\">%d done in 24 h"
		"</text>\n"
		"<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%d</text>\n"
		"<text x=\"%d\" y=\"%d\" text-anchor=\"end\">0</text>\n"
		"<path d=\"M%d %dh%d\" stroke=\"#888\"/>\n",
		LEFT + SLOTS * WIDTH + 10, TOP + HEIGHT + 10, LEFT,
		day.waiting[SLOTS - 1], LEFT + 120, total, LEFT - 4, TOP + 10,
		max, LEFT - 4, TOP + HEIGHT, LEFT, TOP + HEIGHT, SLOTS * WIDTH);
	add_bars(&day, max, dst);
	add_line(&day, max, dst);
	text_add(dst, "</svg>\n");
}
