/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_ENGINE_H
#define UPCAST_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/conf.h"
#include "lib/err.h"
#include "lib/loop.h"
#include "uploader/catalog.h"

/*
 * Drives every recording through the table of uploader/job.h: scans the source,
 * keeps the journal, gives out upload slots, and waits where the source, Rev,
 * the bridge or the journal make it wait. Everything is on one loop and nothing
 * in it blocks.
 *
 * Life cycle: engine_new() with loaded settings; it starts by itself, whatever
 * is down; engine_reload() swaps the settings while uploads go on;
 * engine_free() stops where a crash could stop it, too: nothing is lost by it.
 *
 * The engine tells its owner what happens; the owner asks for details with
 * engine_view() and friends from inside those calls or at any time.
 */
struct engine;

struct engine_calls {
	/* Something about the recording is new. */
	void (*changed)(void *arg, struct item *item);
	/* It is forgotten; `item` dies after the call. */
	void (*removed)(void *arg, struct item *item);
	/* The journal has been read: all items are known now. */
	void (*loaded)(void *arg);
	/* A line for the event log. */
	void (*event)(void *arg, const char *text);
	void *arg;
};

/* What the owner's settings hold; taken over by the engine. */
int engine_new(struct loop *loop, struct conf *take_conf,
	       const struct engine_calls *calls, struct engine **ret,
	       struct err *err) ATTR_MUST_CHECK;
void engine_free(struct engine *e);
/*
 * The journal that the settings mean: an instance never takes over the plain
 * uploader's, it has one of its own name. -ENAMETOOLONG.
 */
int engine_journal_path(const struct conf *conf, char *dst,
			size_t size) ATTR_MUST_CHECK;

/*
 * New settings and secrets. On an error the old ones stay (and `take_conf` is
 * the caller's). Failed recordings are tried again.
 */
int engine_reload(struct engine *e, struct conf *take_conf,
		  struct err *err) ATTR_MUST_CHECK;
const struct conf *engine_conf(const struct engine *e);
struct catalog *engine_catalog(struct engine *e);

/*
 * A person's words. 0 and a sentence, or -ENOENT (no such id), -EBUSY (not in
 * this state), with the sentence that says why.
 */
int engine_retry(struct engine *e, int64_t id, struct err *answer);
int engine_cancel(struct engine *e, int64_t id, struct err *answer);
int engine_forget(struct engine *e, int64_t id, struct err *answer);
/* No new upload begins while paused. resume also unlocks a refused login. */
void engine_pause(struct engine *e);
void engine_resume(struct engine *e);
/* A full pass at once. */
void engine_rescan(struct engine *e);

/* The daily pass at once: see uploader/reconcile.h. */
void engine_reconcile(struct engine *e);

/* A recording under way, for showing; texts are valid until the next event. */
struct engine_view {
	const char *why;
	uint64_t bytes_sent;
	uint64_t rate;	   /* bytes a second */
	unsigned progress; /* percent of the whole: upload, then processing */
	int64_t next_retry_s; /* 0: none planned */
	int64_t started_s;    /* of the upload, 0: none under way */
};

void engine_view(const struct item *item, struct engine_view *ret);

enum { ENGINE_WHY_MAX = ERR_TEXT_MAX };

struct engine_status {
	const char *state; /* starting standby disabled paused running */
	bool is_paused;
	char why[ENGINE_WHY_MAX];
	char source[512];
	const char *source_state; /* connecting ready down */
	char source_why[ENGINE_WHY_MAX];
	const char *rev_state; /* unknown ready paused locked */
	char rev_why[ENGINE_WHY_MAX];
	const char *cms_state; /* unknown ready down none */
	char cms_why[ENGINE_WHY_MAX];
	int64_t last_scan_s;
	uint64_t scanned; /* folders listed in the last pass */
};

void engine_get_status(const struct engine *e, struct engine_status *ret);

/* Refreshes rates; once a second while uploads run. True if any does. */
bool engine_tick(struct engine *e);

#endif
