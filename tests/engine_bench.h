/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_ENGINE_BENCH_H
#define UPCAST_ENGINE_BENCH_H

#include "tests/sim.h"
#include "uploader/report.h"

/*
 * An engine in the world of tests/sim.h, with one recording on the share, and
 * what must hold of it after every turn of the loop.
 *
 *	struct bench b = { 0 };
 *	int err = bench_open(&b, "publish = at-upload\n");
 *	...
 *	bench_close(&b);
 */
enum { HOUR_MS = 3600000, BENCH_WAYS = 3 };

struct bench {
	struct loop *loop;
	struct engine *engine;
	const char *settings; /* beside SETTINGS */
	bool is_disabled;
	const char *control; /* directory to be shown in, NULL: none */
	struct ctldir *dir;
	struct report *report;
	long turns, at_turn, again_turn;
	int (*act)(struct bench *b);   /* what happens after turn `at_turn` */
	int (*again)(struct bench *b); /* and after turn `again_turn` */
	const char *broken;	       /* what must never be has been */
	bool has_rival;		       /* who makes videos visible, too */
	bool may_keep_mark;	       /* publish has changed */
	struct sim_file sent; /* written to after it was renamed: what it was */
	char said[4096];      /* the event lines */
};

int bench_open(struct bench *b, const char *settings) ATTR_MUST_CHECK;
void bench_close(struct bench *b);
/* The settings as they are now. */
int bench_parse(struct bench *b, struct conf **ret) ATTR_MUST_CHECK;
/* Killed and started again. */
int bench_crash(struct bench *b);

/*
 * Until `wanted` is the recording's state, -ETIME if nothing happens for an
 * hour.
 */
int bench_run(struct bench *b, const char *wanted) ATTR_MUST_CHECK;
void bench_pass(struct bench *b, uint64_t ms);
/* The daily pass, once Rev's index shows everything. */
void bench_clean_up(struct bench *b);

struct item *bench_item(struct bench *b);
const char *bench_state(struct bench *b); /* of job_name() */
const char *bench_why(struct bench *b);
/* What is wrong with the end of it; "": nothing. */
const char *bench_end(struct bench *b);

/* Settings to live through, and what makes the way as long as it can be. */
extern const char *const bench_ways[BENCH_WAYS];
void bench_make_hard(size_t way);

#endif
