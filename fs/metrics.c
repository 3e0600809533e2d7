/* SPDX-License-Identifier: MIT */
#include "fs/render.h"

#include <string.h>

#include "lib/str.h"

/*
 * Prometheus text format 0.0.4: all samples of one metric stand together,
 * below its HELP and TYPE.
 */
enum source {
	UP,	   /* runs and answers */
	FACT,	   /* a number in the daemon's snapshot */
	FACT_TIME, /* a time there */
	FACT_BOOL, /* a word there */
	COUNT,	   /* objects in each state */
	SUM,	   /* of a value over the objects at work */
	SUM_BITS,  /* the same in bytes */
	LEFT,	   /* bytes not sent yet */
	OLDEST,	   /* seconds since the oldest that waits was recorded */
};

enum { STREAMER = 1, UPLOADER = 2, BOTH = 3 };

static const struct metric {
	const char *name, *type;
	int daemons;
	enum source source;
	const char *key;
	const char *help;
} metrics[] = {
	{ "upcast_up", "gauge", BOTH, UP, NULL,
	  "Whether the daemon runs and answers." },
	{ "upcast_start_time_seconds", "gauge", BOTH, FACT_TIME, "started",
	  "Start of the daemon, Unix time." },
	{ "upcast_calls", "gauge", STREAMER, COUNT, NULL,
	  "Calls that the streamer shows, by state." },
	{ "upcast_calls_limit", "gauge", STREAMER, FACT, "calls_limit",
	  "Calls that the streamer takes at most." },
	{ "upcast_calls_total", "counter", STREAMER, FACT, "calls_total",
	  "Calls since the start of the streamer." },
	{ "upcast_live_bytes_per_second", "gauge", STREAMER, SUM_BITS,
	  "bitrate", "Media that the live calls bring in." },
	{ "upcast_live_packets", "gauge", STREAMER, SUM, "packets",
	  "Packets that the live calls have brought." },
	{ "upcast_live_packets_lost", "gauge", STREAMER, SUM, "lost",
	  "Packets that the live calls have lost." },
	{ "upcast_live_frames_dropped", "gauge", STREAMER, SUM, "dropped",
	  "Pictures of the live calls that were not sent on." },
	{ "upcast_live_reconnects", "gauge", STREAMER, SUM, "reconnects",
	  "Reconnections of the live calls." },
	{ "upcast_recordings", "gauge", UPLOADER, COUNT, NULL,
	  "Recordings that the uploader shows, by state." },
	{ "upcast_upload_bytes_per_second", "gauge", UPLOADER, SUM, "rate",
	  "Speed of all running uploads." },
	{ "upcast_upload_bytes_left", "gauge", UPLOADER, LEFT, NULL,
	  "Bytes of unfinished recordings that are not sent yet." },
	{ "upcast_oldest_waiting_seconds", "gauge", UPLOADER, OLDEST, NULL,
	  "Age of the oldest recording that waits for its upload." },
	{ "upcast_last_scan_time_seconds", "gauge", UPLOADER, FACT_TIME,
	  "last_scan", "Last look at the share, Unix time." },
	{ "upcast_paused", "gauge", UPLOADER, FACT_BOOL, "paused",
	  "Whether uploads are held." },
};

/* Where an object is at work. */
static const char *const busy_states[] = {
	"answered", "waiting-url", "connecting", "publishing",
	"retrying", "held",	   "uploading",
};
static const char *const unsent_states[] = { "settling", "queued",
					     "uploading" };
static const char *const waiting_states[] = { "settling", "queued" };

static uint64_t sum_of(const struct model *m, const struct daemon *d,
		       const char *const *states, size_t n, const char *key)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += render_sum(m, d, states[i], key);
	return sum;
}

static uint64_t bytes_left(const struct model *m, const struct daemon *d)
{
	uint64_t size =
		sum_of(m, d, unsent_states, ARRAY_SIZE(unsent_states), "size");
	uint64_t sent = sum_of(m, d, unsent_states, ARRAY_SIZE(unsent_states),
			       "bytes_sent");

	return size > sent ? size - sent : 0;
}

static int64_t oldest(const struct model *m, const struct daemon *d,
		      int64_t now_s)
{
	int modified = layout_find_key(&layout_recording, "modified");
	int64_t first = now_s;

	for (size_t i = 0; i < ARRAY_SIZE(waiting_states); i++) {
		struct node *dir =
			tree_child(m->tree, d->by_state, waiting_states[i]);

		if (!dir)
			continue;
		tree_for_each(link, dir) {
			int64_t at = render_parse_time(
				facts_get(object_facts(link->owner), modified));

			first = at && at < first ? at : first;
		}
	}
	return now_s - first;
}

/* The name of a state or a daemon inside of quotes. */
static void add_label(struct text *dst, const char *name, const char *value)
{
	text_printf(dst, "%s=\"", name);
	for (; *value; value++)
		text_printf(dst,
			    *value == '"' || *value == '\\' ? "\\%c" : "%c",
			    *value);
	text_add(dst, "\"");
}

static void add_sample(struct text *dst, const struct metric *metric,
		       const struct daemon *d, const char *state,
		       uint64_t value)
{
	text_printf(dst, "%s{", metric->name);
	add_label(dst, "daemon", d->folder);
	if (state) {
		text_add(dst, ",");
		add_label(dst, "state", state);
	}
	text_printf(dst, "} %llu\n", (unsigned long long)value);
}

/* False where it is not known: then there is no sample. */
static bool find_fact(const struct metric *metric, const struct daemon *d,
		      uint64_t *ret)
{
	const char *text = facts_get(&d->facts, layout_find_key(d->dir->layout,
								metric->key));
	bool yes;

	switch (metric->source) {
	case FACT_TIME:
		*ret = (uint64_t)render_parse_time(text);
		return *text;
	case FACT_BOOL:
		if (str_parse_bool(text, &yes))
			return false;
		*ret = yes;
		return true;
	default:
		return !str_parse_u64(text, 0, UINT64_MAX, ret);
	}
}

static bool find_value(const struct model *m, const struct metric *metric,
		       const struct daemon *d, int64_t now_ms, uint64_t *ret)
{
	switch (metric->source) {
	case UP:
		*ret = d->status == CTLREAD_RUNNING;
		return true;
	case SUM:
	case SUM_BITS:
		*ret = sum_of(m, d, busy_states, ARRAY_SIZE(busy_states),
			      metric->key) /
		       (metric->source == SUM_BITS ? 8 : 1);
		return true;
	case LEFT:
		*ret = bytes_left(m, d);
		return true;
	case OLDEST:
		*ret = (uint64_t)oldest(m, d, now_ms / 1000);
		return true;
	default:
		return find_fact(metric, d, ret);
	}
}

static void add_daemon(const struct model *m, const struct metric *metric,
		       const struct daemon *d, int64_t now_ms, struct text *dst)
{
	uint64_t value;

	if (metric->source == COUNT)
		tree_for_each(state, d->by_state)
			add_sample(dst, metric, d, state->name,
				   state->child_count);
	else if (find_value(m, metric, d, now_ms, &value))
		add_sample(dst, metric, d, NULL, value);
}

void render_metrics(const struct model *m, int64_t now_ms, struct text *dst)
{
	for (size_t i = 0; i < ARRAY_SIZE(metrics); i++) {
		const struct metric *metric = &metrics[i];

		text_printf(dst, "# HELP %s %s\n# TYPE %s %s\n", metric->name,
			    metric->help, metric->name, metric->type);
		model_for_each(d, m)
			if (metric->daemons &
			    (d->is_streamer ? STREAMER : UPLOADER))
				add_daemon(m, metric, d, now_ms, dst);
	}
}
