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
		list_for_each(it, &dir->children) {
			struct node *l = list_entry(it, struct node, sibling);
			int64_t at = render_parse_time(
				facts_get(object_facts(l->owner), modified));

			first = at && at < first ? at : first;
		}
	}
	return now_s - first;
}

/* The name of a state or a daemon inside of quotes. */
static int add_label(struct buf *dst, const char *text)
{
	int err = 0;

	for (; *text && !err; text++)
		err = *text == '"' || *text == '\\'
			      ? buf_printf(dst, "\\%c", *text)
			      : buf_add_u8(dst, (uint8_t)*text);
	return err;
}

static int add_sample(struct buf *dst, const struct metric *metric,
		      const struct daemon *d, const char *state, uint64_t value)
{
	int err = buf_printf(dst, "%s{daemon=\"", metric->name);

	if (!err)
		err = add_label(dst, d->folder);
	if (!err && state)
		err = buf_add_str(dst, "\",state=\"");
	if (!err && state)
		err = add_label(dst, state);
	if (!err)
		err = buf_printf(dst, "\"} %llu\n", (unsigned long long)value);
	return err;
}

static int add_counts(struct buf *dst, const struct metric *metric,
		      const struct daemon *d)
{
	int err = 0;

	list_for_each(it, &d->by_state->children) {
		struct node *dir = list_entry(it, struct node, sibling);

		if (!err)
			err = add_sample(dst, metric, d, dir->name,
					 dir->child_count);
	}
	return err;
}

/* A fact that is not known has no sample. */
static int add_fact(struct buf *dst, const struct metric *metric,
		    const struct daemon *d)
{
	const char *text = facts_get(&d->facts, layout_find_key(d->dir->layout,
								metric->key));
	uint64_t value;
	bool yes;

	switch (metric->source) {
	case FACT_TIME:
		value = (uint64_t)render_parse_time(text);
		break;
	case FACT_BOOL:
		if (str_parse_bool(text, &yes))
			return 0;
		value = yes;
		break;
	default:
		if (str_parse_u64(text, 0, UINT64_MAX, &value))
			return 0;
	}
	return *text ? add_sample(dst, metric, d, NULL, value) : 0;
}

static int add_daemon(const struct model *m, const struct metric *metric,
		      const struct daemon *d, int64_t now_ms, struct buf *dst)
{
	uint64_t value = 0;

	switch (metric->source) {
	case COUNT:
		return add_counts(dst, metric, d);
	case FACT:
	case FACT_TIME:
	case FACT_BOOL:
		return add_fact(dst, metric, d);
	case UP:
		value = d->status == CTLREAD_RUNNING;
		break;
	case SUM:
		value = sum_of(m, d, busy_states, ARRAY_SIZE(busy_states),
			       metric->key);
		break;
	case SUM_BITS:
		value = sum_of(m, d, busy_states, ARRAY_SIZE(busy_states),
			       metric->key) /
			8;
		break;
	case LEFT:
		value = bytes_left(m, d);
		break;
	case OLDEST:
		value = (uint64_t)oldest(m, d, now_ms / 1000);
		break;
	}
	return add_sample(dst, metric, d, NULL, value);
}

int render_metrics(const struct model *m, int64_t now_ms, struct buf *dst)
{
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(metrics) && !err; i++) {
		const struct metric *metric = &metrics[i];

		err = buf_printf(dst, "# HELP %s %s\n# TYPE %s %s\n",
				 metric->name, metric->help, metric->name,
				 metric->type);
		list_for_each(it, &m->daemons) {
			struct daemon *d = list_entry(it, struct daemon, node);
			int is = d->is_streamer ? STREAMER : UPLOADER;

			if (!err && metric->daemons & is)
				err = add_daemon(m, metric, d, now_ms, dst);
		}
	}
	return err;
}
