/* SPDX-License-Identifier: MIT */
/*
 * The engine from end to end, while something happens after any turn of its
 * loop, and again while it is killed soon after that.
 */
#include "tests/engine_bench.h"
#include "tests/unit.h"

static int say_retry(struct bench *b)
{
	struct err answer;

	return engine_retry(b->engine, bench_item(b)->row.id, &answer);
}

/* ---- something happens after any turn ------------------------------- */

static int lose_journal(struct bench *b)
{
	for (size_t i = 0; i < SIM_ROWS_MAX; i++) {
		row_release(&sim.rows[i]);
		sim.rows[i].id = 0;
	}
	sim.journal_created_s = 0;
	return bench_crash(b);
}

static int lose_share(struct bench *b)
{
	sim_share_goes();
	bench_pass(b, 30000);
	sim_share_comes();
	return 0;
}

static int change_file(struct bench *b)
{
	struct sim_file *file = sim_find(SIM_STEM);

	if (strcmp(file->name, SIM_NAME))
		b->sent = *file;
	sim_write(file, 8);
	return 0;
}

static int reload(struct bench *b)
{
	struct conf *conf = NULL;
	struct err why;
	int err = bench_parse(b, &conf);

	err = err ? err : engine_reload(b->engine, conf, &why);
	if (err)
		conf_free(conf);
	return err;
}

/* To at-upload, or back. */
static int change_publish(struct bench *b)
{
	bool is_at_upload = strstr(b->settings, "at-upload");

	b->settings = is_at_upload ? "" : "publish = at-upload\n";
	b->may_keep_mark = true;
	return reload(b);
}

/* What has been sent is brought to its end; the rest says why it waits. */
static int disable_and_enable(struct bench *b)
{
	int err;

	b->is_disabled = true;
	err = reload(b);
	if (err)
		return err;
	bench_pass(b, HOUR_MS);
	if (sim_count_videos(false))
		b->broken = "an invisible video while disabled";
	if (bench_item(b) && strcmp(bench_state(b), "ready") &&
	    !strstr(bench_why(b), "disabled"))
		b->broken = "disabled, and why says nothing of it";
	b->is_disabled = false;
	return reload(b);
}

static int cancel_and_retry(struct bench *b)
{
	struct item *item = bench_item(b);
	struct err answer;

	if (!item || engine_cancel(b->engine, item->row.id, &answer))
		return 0;
	bench_pass(b, 60000);
	if (bench_item(b)->row.state != JOB_IGNORED)
		b->broken = "cancelled and not ignored";
	return say_retry(b);
}

static int pause_and_resume(struct bench *b)
{
	engine_pause(b->engine);
	bench_pass(b, 60000);
	engine_resume(b->engine);
	return 0;
}

static int fill_disk(struct bench *b)
{
	sim.disk_is_full = true;
	bench_pass(b, 60000);
	sim.disk_is_full = false;
	return 0;
}

static int look_for_duplicates(struct bench *b)
{
	engine_reconcile(b->engine);
	return 0;
}

/* Another one has uploaded the recording and renames it under our hands. */
static int lose_race(struct bench *b)
{
	struct sim_file *file = sim_find(SIM_STEM);
	struct sim_video *v;

	if (strstr(file->name, "_vid-id="))
		return 0;
	v = sim_add_video("upcast-of-another", file);
	v->is_active = strstr(b->settings, "at-upload");
	b->has_rival = v->is_active;
	snprintf(file->name, sizeof(file->name),
		 SIM_STEM "_vid-id=%s@vbrick.mp4", v->id);
	return 0;
}

static const struct {
	const char *name;
	int (*act)(struct bench *b);
	int uploads_max;
} acts[] = {
	{ "it is killed", bench_crash, 2 },
	{ "it is killed, the journal is lost", lose_journal, 2 },
	{ "the share goes and comes", lose_share, 2 },
	{ "the file is written to", change_file, 3 },
	{ "the settings are read again", reload, 1 },
	{ "publish is set otherwise", change_publish, 1 },
	{ "it is disabled, then enabled", disable_and_enable, 2 },
	{ "a person cancels, then retries", cancel_and_retry, 2 },
	{ "a person pauses, then resumes", pause_and_resume, 1 },
	{ "the disk of the journal is full for a while", fill_disk, 1 },
	{ "the daily pass runs", look_for_duplicates, 1 },
	{ "another uploader is faster", lose_race, 2 },
};

/* Killed or so again `later` turns after it, 0: not. Says whether it came to
 * the turn. */
static int live_with(size_t act, size_t way, long turn, long later,
		     bool *ret_came)
{
	struct bench b = { .at_turn = turn, .act = acts[act].act };
	int err = bench_open(&b, bench_ways[way]);

	CHECK_OK(err);
	b.again_turn = later ? turn + later : 0;
	b.again = acts[act].act == lose_journal ? lose_journal : bench_crash;
	bench_make_hard(way);
	err = bench_run(&b, "ready");
	/* Words that were not durable yet are to be said once more. */
	if (err == -ETIME && !strcmp(bench_state(&b), "ignored"))
		err = say_retry(&b);
	CHECK_OK(err);
	CHECK_OK(bench_run(&b, "ready"));
	bench_clean_up(&b);
	CHECK_STR(bench_state(&b), "ready");
	CHECK_STR(bench_end(&b), "");
	CHECK(sim.count[SIM_UPLOAD] <= acts[act].uploads_max + (later > 0));
	*ret_came = b.turns >= turn;
out:
	if (err)
		printf("# %s, after turn %ld+%ld, way %zu: %s (%s)\n%s",
		       acts[act].name, turn, later, way, bench_state(&b),
		       bench_why(&b), b.said);
	bench_close(&b);
	return err;
}

static int live_through(size_t act, size_t way, long later)
{
	bool came = true;
	int err = 0;

	for (long turn = 1; came && !err; turn++)
		err = live_with(act, way, turn, later, &came);
	return err;
}

static int test_any_turn(void)
{
	static const long later[] = { 0, 1, 3, 10, 40 };
	int err = 0;

	for (size_t act = 0; act < ARRAY_SIZE(acts); act++)
		for (size_t way = 0; way < BENCH_WAYS; way++)
			for (size_t i = 0; i < ARRAY_SIZE(later) && !err; i++)
				err = live_through(act, way, later[i]);
	return err;
}

static const struct unit_test tests[] = {
	{ "whatever happens, at any turn", test_any_turn, UNIT_NO_OOM },
};
UNIT_MAIN(tests)
