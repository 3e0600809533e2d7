/* SPDX-License-Identifier: MIT */
#include "uploader/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/mono.h"
#include "lib/notify.h"
#include "lib/snapshot.h"
#include "lib/str.h"

enum {
	FLUSH_MS = 50,	 /* changes gather that long */
	FLUSH_MAX = 100, /* snapshots at a time */
	TICK_MS = 1000,
	HEARTBEAT_MS = 5000,
	COUNTERS_MAX = 1 << 16,
};

struct report {
	struct loop *loop;
	struct ctldir *dir;
	struct engine *engine; /* NULL: none yet, or none any more */
	struct list dirty;     /* items whose snapshots are to be written */
	struct list done;      /* items done and shown, the oldest first */
	size_t done_count;
	struct loop_timer flush_timer, tick_timer;
	int64_t started_s;
	uint64_t state_ms;	/* `state` was written */
	const char *state_word; /* in it */
	bool failed;		/* the last write; told once */
	bool is_stopping;
};

/* ---- writing ------------------------------------------------------------ */

static void check(struct report *r, int err)
{
	if (!err == !r->failed)
		return;
	r->failed = err != 0;
	if (err)
		log_warning("the control directory cannot be written: %s: "
			    "uploads go on unseen",
			    err_str(err));
	else
		log_info("the control directory can be written again");
}

static void add_texts(struct snapshot_writer *w, const struct item *item)
{
	static const struct {
		const char *key;
		enum row_text text;
		size_t max; /* 0: what fits */
	} fields[] = {
		{ "space_name", ROW_SPACE_NAME, 0 },
		{ "video_id", ROW_VIDEO_ID, 64 },
		{ "playback_url", ROW_PLAYBACK_URL, 0 },
		{ "title", ROW_TITLE, 0 },
		{ "owner", ROW_OWNER, 0 },
		{ "viewers", ROW_VIEWERS, 0 },
		{ "error", ROW_ERROR, 0 },
		{ "key", ROW_KEY, 64 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		snapshot_add_cut(w, fields[i].key,
				 row_get(&item->row, fields[i].text),
				 fields[i].max ? fields[i].max : w->text_max);
}

static void add_eta(struct snapshot_writer *w, uint64_t size,
		    const struct engine_view *view)
{
	if (view->rate && size > view->bytes_sent)
		snapshot_add_u64(w, "eta",
				 (size - view->bytes_sent) / view->rate);
	else
		snapshot_add(w, "eta", "");
}

static void add_numbers(struct snapshot_writer *w, const struct item *item,
			const struct engine_view *view)
{
	const int64_t *n = item->row.number;
	uint64_t size = (uint64_t)n[ROW_SIZE];

	snapshot_add_u64(w, "size", size);
	snapshot_add_time(w, "modified", n[ROW_MTIME_NS] / 1000000000);
	snapshot_add_u64(w, "bytes_sent", view->bytes_sent);
	snapshot_add_u64(w, "rate", view->rate);
	add_eta(w, size, view);
	snapshot_add_u64(w, "progress", view->progress);
	snapshot_add_u64(w, "attempts", (uint64_t)n[ROW_ATTEMPTS]);
	snapshot_add_time(w, "next_retry", view->next_retry_s);
	snapshot_add_time(w, "seen", n[ROW_FIRST_SEEN_S]);
	snapshot_add_time(w, "started", n[ROW_SENT_S]);
	snapshot_add_time(w, "done", n[ROW_DONE_S]);
}

static void fill_item(struct snapshot_writer *w, const void *arg)
{
	const struct item *item = arg;
	struct engine_view view;
	char path[4096];

	engine_view(item, &view);
	snprintf(path, sizeof(path), "%s/%s", item->folder->dir,
		 row_get(&item->row, ROW_NAME));
	snapshot_add(w, "state", job_word(item->row.state));
	snapshot_add_text(w, "why", view.why);
	snapshot_add_u64(w, "id", (uint64_t)item->row.id);
	snapshot_add_cut(w, "path", path, SNAPSHOT_TEXT_MAX);
	snapshot_add(w, "space_id", item->folder->space_id);
	add_texts(w, item);
	add_numbers(w, item, &view);
}

int report_format(const struct item *item, struct buf *dst)
{
	return snapshot_write(dst, fill_item, item);
}

static int write_item(struct report *r, const struct item *item)
{
	struct buf b;
	char id[32];
	int err;

	buf_init(&b, SNAPSHOT_MAX);
	snprintf(id, sizeof(id), "%" PRId64, item->row.id);
	err = report_format(item, &b);
	err = err ? err : ctldir_put_object(r->dir, id, &b);
	buf_release(&b);
	check(r, err);
	return err;
}

static void remove_item(struct report *r, int64_t id)
{
	char name[32];
	int err;

	snprintf(name, sizeof(name), "%" PRId64, id);
	err = ctldir_remove_object(r->dir, name);
	check(r, err == -ENOENT ? 0 : err);
}

/* ---- what is done -------------------------------------------------------- */

static void drop_done(struct report *r, struct item *item)
{
	if (list_is_empty(&item->done_node))
		return;
	list_del(&item->done_node);
	r->done_count--;
}

static void keep_done(struct report *r, struct item *item)
{
	struct item *oldest;

	drop_done(r, item);
	list_add_tail(&r->done, &item->done_node);
	if (++r->done_count <= REPORT_DONE_MAX)
		return;
	oldest = list_entry(list_first(&r->done), struct item, done_node);
	remove_item(r, oldest->row.id);
	drop_done(r, oldest);
}

static bool is_done(enum job_state state)
{
	return state == JOB_READY || state == JOB_DELETED;
}

/* ---- state, counters ------------------------------------------------ */

static void add_counts(struct snapshot_writer *w, struct engine *engine)
{
	static const char *const words[] = {
		"settling",   "queued", "uploading", "marking", "processing",
		"activating", "ready",	"deleted",   "failed",	"ignored",
	};
	struct catalog *catalog = engine_catalog(engine);

	snapshot_add_u64(w, "waiting",
			 catalog_count_word(catalog, "settling") +
				 catalog_count_word(catalog, "queued"));
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		snapshot_add_u64(w, words[i],
				 catalog_count_word(catalog, words[i]));
}

static void add_status(struct snapshot_writer *w, const struct engine_status *s)
{
	snapshot_add(w, "state", s->state);
	snapshot_add_text(w, "why", s->why);
	snapshot_add_text(w, "source", s->source);
	snapshot_add(w, "source_state", s->source_state);
	snapshot_add_text(w, "source_why", s->source_why);
	snapshot_add(w, "rev_state", s->rev_state);
	snapshot_add_text(w, "rev_why", s->rev_why);
	snapshot_add(w, "cms_state", s->cms_state);
	snapshot_add_text(w, "cms_why", s->cms_why);
	snapshot_add(w, "paused", s->is_paused ? "true" : "false");
	snapshot_add_time(w, "last_scan", s->last_scan_s);
	snapshot_add_u64(w, "scanned", s->scanned);
}

static void fill_state(struct snapshot_writer *w, const void *arg)
{
	const struct report *r = arg;
	struct engine_status status;

	snapshot_add_u64(w, "pid", (uint64_t)getpid());
	snapshot_add(w, "version", UPCAST_VERSION);
	snapshot_add_time(w, "started", r->started_s);
	snapshot_add_time(w, "heartbeat", mono_wall_s());
	if (r->is_stopping || !r->engine) {
		snapshot_add(w, "state",
			     r->is_stopping ? "stopped" : "starting");
		return;
	}
	engine_get_status(r->engine, &status);
	add_status(w, &status);
	add_counts(w, r->engine);
}

/* The engine's; NULL while there is none. */
static const char *state_word(const struct report *r)
{
	struct engine_status status = { 0 };

	if (r->engine)
		engine_get_status(r->engine, &status);
	return status.state;
}

static void write_state(struct report *r)
{
	struct buf b;
	int err;

	r->state_ms = mono_ms();
	r->state_word = state_word(r);
	buf_init(&b, SNAPSHOT_MAX);
	err = snapshot_write(&b, fill_state, r);
	check(r, err ? err : ctldir_put(r->dir, "state", &b));
	buf_release(&b);
}

static void tell_manager(struct report *r)
{
	struct catalog *c = engine_catalog(r->engine);
	char text[160];

	snprintf(text, sizeof(text),
		 "%zu waiting, %zu uploading, %zu processing, %zu ready, "
		 "%zu failed",
		 catalog_count_word(c, "settling") +
			 catalog_count_word(c, "queued"),
		 catalog_count_word(c, "uploading"),
		 catalog_count_word(c, "processing"),
		 catalog_count_word(c, "ready"),
		 catalog_count_word(c, "failed"));
	notify_status(text);
}

/* One line for each running upload. */
static void write_counters(struct report *r)
{
	struct item *item;
	struct buf b;
	int err = 0;

	buf_init(&b, COUNTERS_MAX);
	item = engine_catalog(r->engine)->items;
	for (; item && !err; item = item->by_id.next) {
		struct engine_view view;

		if (item->row.state != JOB_SENDING)
			continue;
		engine_view(item, &view);
		err = buf_printf(&b,
				 "%" PRId64 " %" PRIu64 " %" PRId64 " %" PRIu64
				 "\n",
				 item->row.id, view.bytes_sent,
				 item->row.number[ROW_SIZE], view.rate);
	}
	check(r, err ? err : ctldir_put(r->dir, "counters", &b));
	buf_release(&b);
}

/* Paused, enabled and so on, which no recording tells of. */
static bool has_changed(const struct report *r)
{
	return !r->state_word || strcmp(state_word(r), r->state_word) != 0;
}

static void on_tick(struct loop_timer *timer)
{
	struct report *r = list_entry(timer, struct report, tick_timer);
	uint64_t age = mono_ms() - r->state_ms;
	bool busy = r->engine && engine_tick(r->engine);

	if (busy)
		write_counters(r);
	if (busy || age >= HEARTBEAT_MS || (r->engine && has_changed(r)))
		write_state(r);
	if (r->engine && age >= HEARTBEAT_MS)
		tell_manager(r);
	notify_watchdog();
	loop_timer_start(timer, TICK_MS);
}

/* ---- the engine's calls --------------------------------------------- */

static int flush_one(struct report *r, struct item *item)
{
	int err = write_item(r, item);

	if (err)
		return err;
	list_del(&item->dirty_node);
	if (is_done(item->row.state))
		keep_done(r, item);
	else
		drop_done(r, item);
	return 0;
}

static void on_flush(struct loop_timer *timer)
{
	struct report *r = list_entry(timer, struct report, flush_timer);
	struct list *it;
	int err = 0;

	if (!r->engine)
		return;
	for (int i = 0; i < FLUSH_MAX && (it = list_first(&r->dirty)); i++) {
		err = flush_one(r, list_entry(it, struct item, dirty_node));
		if (err)
			break; /* it stays the first to be written */
	}
	if (list_is_empty(&r->dirty))
		write_state(r);
	else
		loop_timer_start(timer, err ? TICK_MS : FLUSH_MS);
}

static void on_changed(void *arg, struct item *item)
{
	struct report *r = arg;

	if (!list_is_empty(&item->dirty_node))
		return;
	list_add_tail(&r->dirty, &item->dirty_node);
	if (!loop_timer_is_armed(&r->flush_timer))
		loop_timer_start(&r->flush_timer, FLUSH_MS);
}

static void on_removed(void *arg, struct item *item)
{
	struct report *r = arg;

	list_del(&item->dirty_node);
	drop_done(r, item);
	remove_item(r, item->row.id);
}

static bool keep_object(void *arg, const char *id)
{
	struct report *r = arg;
	struct item *item;
	int64_t number;

	if (str_parse_i64(id, 1, INT64_MAX, &number))
		return false;
	item = catalog_find(engine_catalog(r->engine), number);
	return item != NULL;
}

static int by_done(const void *a, const void *b)
{
	const struct item *const *x = a, *const *y = b;
	int64_t p = (*x)->row.number[ROW_DONE_S];
	int64_t q = (*y)->row.number[ROW_DONE_S];

	return p < q ? 1 : p > q ? -1 : 0;
}

/* The latest REPORT_DONE_MAX, the oldest of them first. */
static void show_done(struct report *r, struct catalog *catalog)
{
	size_t total = HASH_CNT(by_id, catalog->items), n = 0, shown;
	struct item **items = calloc(total + 1, sizeof(*items)), *item;

	if (!items)
		return;
	for (item = catalog->items; item; item = item->by_id.next)
		if (is_done(item->row.state))
			items[n++] = item;
	qsort(items, n, sizeof(*items), by_done);
	shown = n < REPORT_DONE_MAX ? n : REPORT_DONE_MAX;
	while (shown)
		on_changed(r, items[--shown]);
	free(items);
}

static void on_loaded(void *arg)
{
	struct report *r = arg;
	struct catalog *catalog = engine_catalog(r->engine);
	struct item *item;

	check(r, ctldir_sweep(r->dir, keep_object, r));
	for (item = catalog->items; item; item = item->by_id.next)
		if (!is_done(item->row.state))
			on_changed(r, item);
	show_done(r, catalog);
	write_state(r);
}

static void on_event(void *arg, const char *text)
{
	struct report *r = arg;

	check(r, ctldir_event(r->dir, "%s", text));
}

void report_get_calls(struct report *r, struct engine_calls *ret)
{
	*ret = (struct engine_calls){
		.changed = on_changed,
		.removed = on_removed,
		.loaded = on_loaded,
		.event = on_event,
		.arg = r,
	};
}

void report_attach(struct report *r, struct engine *engine)
{
	r->engine = engine;
	write_state(r);
}

void report_stopping(struct report *r)
{
	r->is_stopping = true;
	write_state(r);
	r->engine = NULL;
	check(r, ctldir_event(r->dir, "uploader stopped"));
}

int report_new(struct loop *loop, struct ctldir *dir, struct report **ret)
{
	struct report *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->loop = loop;
	r->dir = dir;
	list_init(&r->dirty);
	list_init(&r->done);
	r->started_s = mono_wall_s();
	err = loop_timer_init(&r->flush_timer, loop, on_flush);
	err = err ? err : loop_timer_init(&r->tick_timer, loop, on_tick);
	if (err) {
		report_free(r);
		return err;
	}
	loop_timer_start(&r->tick_timer, TICK_MS);
	write_state(r);
	check(r, ctldir_event(dir, "uploader started, version %s",
			      UPCAST_VERSION));
	*ret = r;
	return 0;
}

void report_free(struct report *r)
{
	if (!r)
		return;
	loop_timer_release(&r->flush_timer);
	loop_timer_release(&r->tick_timer);
	free(r);
}
