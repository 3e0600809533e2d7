/* SPDX-License-Identifier: MIT */
/*
 * The engine from end to end in a world of the test's own: every kind of
 * failure, others' videos, every want of memory.
 */
#include "tests/engine_bench.h"

#include <inttypes.h>

#include "lib/str.h"
#include "tests/tempdir.h"
#include "tests/unit.h"
#include "uploader/recording.h"
#include "uploader/rev.h"

/* ---- each failure and its end --------------------------------------- */

struct story {
	const char *name, *settings;
	struct sim_fault faults[2];
	void (*change)(struct bench *b); /* before the start */
	int uploads;			 /* asked for; 0: whatever */
	uint64_t min_ms;		 /* it takes at least so long */
	const char *stays, *words;    /* the state it stays in first, and why */
	int (*help)(struct bench *b); /* and what a person then does */
};

static int say_retry(struct bench *b)
{
	struct err answer;

	return engine_retry(b->engine, bench_item(b)->row.id, &answer);
}

static int say_resume(struct bench *b)
{
	engine_resume(b->engine);
	return 0;
}

static void lock_login(struct bench *b)
{
	sim.is_locked = true;
}

static void fail_processing(struct bench *b)
{
	sim.video_fails = true;
}

static int heal_and_retry(struct bench *b)
{
	sim.video_fails = false;
	return say_retry(b);
}

static int delete_and_retry(struct bench *b)
{
	memset(sim_video(row_get(&bench_item(b)->row, ROW_VIDEO_ID)), 0,
	       sizeof(struct sim_video));
	return say_retry(b);
}

static int delete_by_hand(struct bench *b)
{
	memset(sim_video(row_get(&bench_item(b)->row, ROW_DISCARD_ID)), 0,
	       sizeof(struct sim_video));
	return 0;
}

static void hide_index(struct bench *b)
{
	sim.index_lag_ms = 50000;
}

static void hide_index_long(struct bench *b)
{
	sim.index_lag_ms = HOUR_MS;
}

static const struct story stories[] = {
	{ .name = "nothing fails", .uploads = 1 },
	{ .name = "an upload fails, not all had gone",
	  .faults = { { SIM_UPLOAD, .class = REV_TRANSIENT, .status = 413 } },
	  .uploads = 2 },
	{ .name = "500 without a code, again and again",
	  .faults = { { SIM_UPLOAD, .times = 5, .class = REV_TRANSIENT,
			.status = 500 } },
	  .uploads = 6 },
	{ .name = "the answer is lost",
	  .faults = { { SIM_UPLOAD, .class = REV_TRANSIENT, .done = true } },
	  .uploads = 1 },
	{ .name = "the answer is lost, and the index lags",
	  .change = hide_index,
	  .faults = { { SIM_UPLOAD, .class = REV_TRANSIENT, .done = true } },
	  .uploads = 1 },
	{ .name = "the answer is lost, and the index lags for too long",
	  .change = hide_index_long,
	  .faults = { { SIM_UPLOAD, .class = REV_TRANSIENT, .done = true } },
	  .uploads = 2,
	  .min_ms = 120000 },
	{ .name = "all is sent, nothing came of it",
	  .faults = { { SIM_UPLOAD, .class = REV_TRANSIENT } },
	  .uploads = 2,
	  .min_ms = 120000 },
	{ .name = "429 on the upload",
	  .faults = { { SIM_UPLOAD, .class = REV_LANE, .status = 429,
			.pause_ms = 600000 } },
	  .uploads = 2,
	  .min_ms = 600000 },
	{ .name = "refused, then a person says retry",
	  .faults = { { SIM_UPLOAD, .class = REV_REFUSED, .status = 400 } },
	  .uploads = 2,
	  .stays = "failed",
	  .words = "rev answered 400",
	  .help = say_retry },
	{ .name = "a refused login waits for resume",
	  .change = lock_login,
	  .uploads = 1,
	  .stays = "preparing",
	  .words = "refused the login",
	  .help = say_resume },
	{ .name = "the search fails",
	  .faults = { { SIM_SEARCH, .times = 3, .class = REV_TRANSIENT,
			.status = 500 } },
	  .uploads = 1 },
	{ .name = "the account cannot be asked for",
	  .faults = { { SIM_RIGHTS, .times = 2, .class = REV_TRANSIENT } },
	  .uploads = 1 },
	{ .name = "Rev cannot make a video of it",
	  .change = fail_processing,
	  .uploads = 2,
	  .stays = "failed",
	  .words = "rev says",
	  .help = heal_and_retry },
	{ .name = "the status is not to be had",
	  .faults = { { SIM_STATUS, .times = 4, .class = REV_TRANSIENT } },
	  .uploads = 1 },
	{ .name = "made visible, the answer is lost",
	  .faults = { { SIM_ACTIVATE, .class = REV_TRANSIENT, .done = true } },
	  .uploads = 1 },
	{ .name = "making it visible is refused",
	  .faults = { { SIM_ACTIVATE, .class = REV_REFUSED, .status = 403 } },
	  .uploads = 1,
	  .stays = "failed",
	  .words = "rev answered 403",
	  .help = say_retry },
	{ .name = "without a playback URL",
	  .faults = { { SIM_URL, .class = REV_REFUSED, .status = 403 } },
	  .uploads = 1 },
	{ .name = "a Rev that knows no playback URLs",
	  .faults = { { SIM_URL, .class = REV_GONE, .status = 404 } },
	  .uploads = 1 },
	{ .name = "deleted on Rev while its playback URL is asked for",
	  .faults = { { SIM_URL, .class = REV_GONE, .status = 404 },
		      { SIM_STATUS, .skip = 2, .class = REV_GONE } },
	  .uploads = 2,
	  .stays = "failed",
	  .words = "the video is gone from Rev",
	  .help = delete_and_retry },
	{ .name = "a read fails",
	  .faults = { { SIM_READ, .skip = 2, .error = -EIO } },
	  .uploads = 2 },
	{ .name = "the session ends in the upload",
	  .faults = { { SIM_READ, .skip = 2, .error = -ENOTCONN } },
	  .uploads = 2 },
	{ .name = "the file cannot be opened at first",
	  .faults = { { SIM_OPEN, .times = 4, .error = -EACCES } },
	  .uploads = 1 },
	{ .name = "folders cannot be listed at first",
	  .faults = { { SIM_LIST, .times = 4, .error = -EIO } },
	  .uploads = 1 },
	{ .name = "renamed, the answer is lost",
	  .faults = { { SIM_RENAME, .error = -ENOTCONN, .done = true } },
	  .uploads = 1 },
	{ .name = "renamed, and told that it was not there",
	  .faults = { { SIM_RENAME, .error = -ENOENT, .done = true } },
	  .uploads = 1 },
	{ .name = "a read-only share",
	  .faults = { { SIM_RENAME, .times = 5, .error = -EROFS } },
	  .uploads = 1 },
	{ .name = "a share that may be written to, and says no",
	  .faults = { { SIM_MAY_WRITE, .error = -EACCES } },
	  .uploads = 1 },
	{ .name = "visible, then written to, and not ours to delete",
	  .settings = "publish = at-upload\n",
	  .faults = { { SIM_DELETE, .class = REV_GONE, .times = 20 },
		      { SIM_RENAME, .error = -EBUSY, .touch = true } },
	  .uploads = 2,
	  .stays = "discarding",
	  .words = "delete it there",
	  .help = delete_by_hand },
	{ .name = "the file is written to while it is sent",
	  .faults = { { SIM_READ, .skip = 2, .done = true, .touch = true } },
	  .uploads = 2 },
	{ .name = "the file is written to before it is renamed",
	  .faults = { { SIM_RENAME, .error = -EBUSY, .touch = true } },
	  .uploads = 2 },
};

static int live(struct bench *b, const struct story *s)
{
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(s->faults); i++)
		if (s->faults[i].verb)
			sim_add_fault(s->faults[i]);
	if (s->change)
		s->change(b);
	if (s->stays) {
		CHECK_OK(bench_run(b, s->stays));
		bench_pass(b, HOUR_MS);
		CHECK_STR(bench_state(b), s->stays);
		CHECK(strstr(bench_why(b), s->words));
		CHECK_OK(s->help(b));
	}
	CHECK_OK(bench_run(b, "ready"));
	bench_clean_up(b);
	CHECK_STR(bench_end(b), "");
	CHECK(!s->uploads || sim.count[SIM_UPLOAD] == s->uploads);
	CHECK(sim_loop_ms() >= s->min_ms);
	err = 0;
out:
	if (err)
		printf("# %s: %s (%s)\n%s", s->name, bench_state(b),
		       bench_why(b), b->said);
	return err;
}

static int test_failures(void)
{
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(stories) && !err; i++) {
		struct bench b = { 0 };

		err = bench_open(&b, stories[i].settings);
		err = err ? err : live(&b, &stories[i]);
		bench_close(&b);
	}
	return err;
}

/* ---- others' videos ------------------------------------------------- */

/* A file that bears its video's name, and no journal that knows of it. */
static int find_uploaded(struct bench *b, const char *mark, bool *ret_active)
{
	struct sim_file *file;
	struct sim_video *v;
	int err = bench_open(b, NULL);

	CHECK_OK(err);
	file = sim_find(SIM_STEM);
	v = sim_add_video(mark, file);
	snprintf(file->name, sizeof(file->name),
		 SIM_STEM "_vid-id=%s@vbrick.mp4", v->id);
	CHECK_OK(bench_run(b, "ready"));
	bench_clean_up(b);
	CHECK_EQ(sim.count[SIM_UPLOAD], 0);
	*ret_active = v->is_active;
	err = 0;
out:
	bench_close(b);
	return err;
}

/* With a mark it is unfinished work; without one somebody wants it so. */
static int test_hand_over(void)
{
	struct bench b = { 0 };
	bool active;
	int err = find_uploaded(&b, "upcast-0123", &active);

	CHECK_OK(err);
	CHECK(active);
	b = (struct bench){ 0 };
	CHECK_OK(find_uploaded(&b, "", &active));
	CHECK(!active);
out:
	return err;
}

static int test_strangers(void)
{
	struct sim_video *v;
	struct bench b = { 0 };
	int err = bench_open(&b, NULL);

	CHECK_OK(err);
	v = sim_add_video("upcast-0123", sim_find(SIM_STEM));
	CHECK_OK(bench_run(&b, "ready"));
	bench_clean_up(&b);
	CHECK(*v->id && *v->mark && !v->is_active);
	CHECK_EQ(sim.count[SIM_DELETE], 0);
	err = 0;
out:
	bench_close(&b);
	return err;
}

/* ---- a person's words ----------------------------------------------- */

/* Forgotten, it is found again by the name that it has by then. */
static int test_forget(void)
{
	struct bench b = { 0 };
	struct err answer;
	int64_t id;
	int err = bench_open(&b, NULL);

	CHECK_OK(err);
	CHECK_OK(bench_run(&b, "sending"));
	id = bench_item(&b)->row.id;
	CHECK_ERR(engine_forget(b.engine, id, &answer), -EBUSY);
	CHECK_ERR(engine_retry(b.engine, id, &answer), -EBUSY);
	CHECK_ERR(engine_retry(b.engine, id + 1, &answer), -ENOENT);
	CHECK_OK(bench_run(&b, "ready"));
	CHECK_ERR(engine_cancel(b.engine, id, &answer), -EBUSY);
	CHECK_OK(engine_forget(b.engine, id, &answer));
	CHECK(!bench_item(&b));
	engine_rescan(b.engine);
	CHECK_OK(bench_run(&b, "ready"));
	CHECK(bench_item(&b)->row.id != id);
	CHECK_STR(bench_end(&b), "");
	CHECK(sim.count[SIM_UPLOAD] == 1 || unit_is_oom());
	err = 0;
out:
	bench_close(&b);
	return err;
}

/* What is cancelled stays so over a restart, until somebody says retry. */
static int test_cancel(void)
{
	struct bench b = { 0 };
	struct err answer;
	int err = bench_open(&b, NULL);

	CHECK_OK(err);
	CHECK_OK(bench_run(&b, "sending"));
	CHECK_OK(engine_cancel(b.engine, bench_item(&b)->row.id, &answer));
	bench_pass(&b, HOUR_MS);
	CHECK_OK(bench_crash(&b));
	bench_pass(&b, HOUR_MS);
	CHECK_STR(bench_state(&b), "ignored");
	CHECK_OK(say_retry(&b));
	CHECK_OK(bench_run(&b, "ready"));
	CHECK_STR(bench_end(&b), "");
	err = 0;
out:
	bench_close(&b);
	return err;
}

/* ---- what is gone, what is shown ------------------------------------ */

enum { DAY_S = 24 * 3600 };

static void wait_days(struct bench *b, int days)
{
	sim_loop_step_wall((int64_t)days * DAY_S * 1000);
	bench_pass(b, 300000); /* some scans */
	engine_reconcile(b->engine);
	bench_pass(b, 300000);
}

/* Forgotten after 90 days without its file, but not of a share that is away. */
static int test_gone(void)
{
	struct bench b = { 0 };
	int err = bench_open(&b, NULL);

	CHECK_OK(err);
	CHECK_OK(bench_run(&b, "ready"));
	wait_days(&b, 200);
	CHECK_STR(bench_state(&b), "ready");
	memset(sim_find(SIM_STEM), 0, sizeof(struct sim_file));
	CHECK_OK(bench_run(&b, "deleted"));
	wait_days(&b, 60);
	CHECK_STR(bench_state(&b), "deleted");
	sim_share_goes();
	wait_days(&b, 60);
	CHECK_STR(bench_state(&b), "deleted");
	sim_share_comes();
	wait_days(&b, 1);
	CHECK(!bench_item(&b));
	for (size_t i = 0; i < SIM_ROWS_MAX; i++)
		CHECK_EQ(sim.rows[i].id, 0);
	err = 0;
out:
	bench_close(&b);
	return err;
}

static int test_limit(void)
{
	struct bench b = { 0 };
	int err = bench_open(&b, NULL);

	CHECK_OK(err);
	sim.is_limited = true;
	CHECK_OK(bench_run(&b, "sending"));
	bench_pass(&b, 1000);
	CHECK_STR(bench_why(&b), "the limit");
	sim.is_limited = false;
	CHECK_STR(bench_why(&b), "uploading");
	err = 0;
out:
	bench_close(&b);
	return err;
}

/* Rev may take for ever: that is no failure, and a person is told. */
static int test_slow_rev(void)
{
	struct bench b = { 0 };
	int err = bench_open(&b, NULL);

	CHECK_OK(err);
	sim.processing_ms = 7 * HOUR_MS;
	CHECK_OK(bench_run(&b, "processing"));
	bench_pass(&b, HOUR_MS);
	CHECK_STR(bench_why(&b), "rev says Processing, 0 % done");
	bench_pass(&b, 5 * HOUR_MS);
	CHECK(strstr(bench_why(&b), "done, for 5 hours: look at it there"));
	bench_pass(&b, HOUR_MS);
	CHECK_OK(bench_run(&b, "ready"));
	CHECK_STR(bench_end(&b), "");
	err = 0;
out:
	bench_close(&b);
	return err;
}

/* ---- what changes under way ----------------------------------------- */

static int reload(struct bench *b, const char *settings)
{
	struct conf *conf = NULL;
	struct err why;
	int err;

	b->settings = settings;
	err = bench_parse(b, &conf);
	err = err ? err : engine_reload(b->engine, conf, &why);
	if (err)
		conf_free(conf);
	return err;
}

/* What was sent to be made visible later is made visible all the same. */
static int test_publish(void)
{
	struct bench b = { 0 };
	int err = bench_open(&b, NULL);

	CHECK_OK(err);
	sim.processing_ms = HOUR_MS / 2;
	CHECK_OK(bench_run(&b, "processing"));
	CHECK_OK(reload(&b, "publish = at-upload\n"));
	CHECK_OK(bench_run(&b, "ready"));
	CHECK_STR(bench_end(&b), "");
	CHECK(sim.count[SIM_UPLOAD] == 1 || unit_is_oom());
	err = 0;
out:
	bench_close(&b);
	return err;
}

/* The account may not edit: a person sets at-upload, and says retry. */
static int test_publish_refused(void)
{
	struct bench b = { 0 };
	int err = bench_open(&b, NULL);

	CHECK_OK(err);
	sim_add_fault((struct sim_fault){ SIM_ACTIVATE, .class = REV_REFUSED,
					  .status = 403, .times = 100 });
	CHECK_OK(bench_run(&b, "failed"));
	CHECK_OK(reload(&b, "publish = at-upload\n"));
	CHECK_OK(bench_run(&b, "failed"));
	CHECK_OK(say_retry(&b));
	CHECK_OK(bench_run(&b, "ready"));
	CHECK_STR(bench_end(&b), "");
	CHECK(sim.count[SIM_UPLOAD] == 2 || unit_is_oom());
	err = 0;
out:
	bench_close(&b);
	return err;
}

/* Its folder is gone with it: the video is all that is left of it. */
static int test_folder_gone(void)
{
	struct bench b = { 0 };
	int err = bench_open(&b, NULL);

	CHECK_OK(err);
	CHECK_OK(bench_run(&b, "marking"));
	memset(sim_find(SIM_STEM), 0, sizeof(struct sim_file));
	CHECK_OK(bench_run(&b, "ready"));
	CHECK_EQ(sim_count_videos(true), 1);
	CHECK_OK(bench_run(&b, "deleted"));
	err = 0;
out:
	bench_close(&b);
	return err;
}

static const char *state_of(struct bench *b, const char *name)
{
	struct catalog *c = engine_catalog(b->engine);
	struct recording r;
	struct item *item;

	recording_parse(name, &r);
	item = catalog_find_stem(catalog_find_folder(c, SIM_DIR), r.stem);
	return item ? job_name(item->row.state) : "";
}

/* Eight that cannot be renamed hold the others up for a while only. */
static int test_poisoned(void)
{
	static const char good[] = "20210618032350-0430.mp4";
	struct bench b = { .has_rival = true };
	char name[64];
	int err = bench_open(&b, "parallel = 1\n");

	CHECK_OK(err);
	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "2021061803231%d-0430.mp4", i);
		sim_put(SIM_DIR, name, (uint8_t)i);
	}
	sim_add_fault((struct sim_fault){ SIM_RENAME, .path = "2021061803231",
					  .times = 10000, .error = -EBUSY });
	CHECK_OK(bench_run(&b, "ready"));
	bench_pass(&b, HOUR_MS / 12);
	CHECK_STR(state_of(&b, name), "marking");
	sim_put(SIM_DIR, good, 30);
	bench_pass(&b, HOUR_MS / 12);
	CHECK_STR(state_of(&b, good), "queued");
	CHECK_EQ(sim.count[SIM_UPLOAD], 9);
	bench_pass(&b, HOUR_MS / 4);
	CHECK_STR(state_of(&b, good), "ready");
	CHECK_EQ(sim_count_videos(true), 2);
	err = 0;
out:
	bench_close(&b);
	return err;
}

/* A video that Rev never answers for does not shut the lane for all. */
static int test_sick_video(void)
{
	static const int statuses[] = { 0, 502, 503 };
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(statuses) && !err; i++) {
		struct bench b = { 0 };

		err = bench_open(&b, NULL);
		CHECK_OK(err);
		sim_put(SIM_DIR, "20210618032350-0430.mp4", 30);
		sim.processing_ms = 3 * HOUR_MS;
		sim_add_fault((struct sim_fault){ .verb = SIM_STATUS,
						  .path = "000000000001",
						  .times = 10000,
						  .class = REV_TRANSIENT,
						  .status = statuses[i] });
		bench_pass(&b, HOUR_MS);
		CHECK_EQ(sim.count[SIM_UPLOAD], 2);
		sim.count[SIM_STATUS] = 0;
		bench_pass(&b, HOUR_MS);
		/* The other one is asked for every 15 s, as if alone. */
		CHECK(sim.count[SIM_STATUS] > 235);
		CHECK(sim.count[SIM_STATUS] < 255);
		err = 0;
	out:
		bench_close(&b);
	}
	return err;
}

/* What a lost journal may have sent is given its time, whatever the clock. */
static int test_old_file(void)
{
	static const int hours[] = { 0, 30, -30 };
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(hours) && !err; i++) {
		struct bench b = { 0 };

		err = bench_open(&b, NULL);
		CHECK_OK(err);
		sim.files[0].mtime_ns -= (int64_t)HOUR_MS * 1000000;
		CHECK_OK(bench_run(&b, "settling"));
		sim_loop_step_wall((int64_t)hours[i] * HOUR_MS);
		CHECK_OK(bench_run(&b, "sending"));
		CHECK(sim_loop_ms() >= 120000);
		err = 0;
	out:
		bench_close(&b);
	}
	return err;
}

/* Where names that differ in their case alone are two files. */
static int test_two_cases(void)
{
	static const char upper[] = SIM_STEM ".MP4";
	struct bench b = { 0 };
	int err = bench_open(&b, NULL);

	CHECK_OK(err);
	sim_put(SIM_DIR, upper, 9);
	CHECK_OK(bench_run(&b, "ready"));
	bench_pass(&b, HOUR_MS);
	CHECK_STR(bench_end(&b), "");
	CHECK_EQ(sim.count[SIM_UPLOAD], 1);
	CHECK_STR(sim.files[1].name, upper);
	CHECK(strstr(b.said, ".MP4 stands beside it"));
	err = 0;
out:
	bench_close(&b);
	return err;
}

static int change_case(const char *state)
{
	struct bench b = { 0 };
	int err = bench_open(&b, NULL);

	CHECK_OK(err);
	CHECK_OK(bench_run(&b, state));
	str_copy(sim.files[0].name, SIM_STEM ".MP4", sizeof(sim.files[0].name));
	CHECK_OK(bench_run(&b, "ready"));
	CHECK_STR(bench_end(&b), "");
	CHECK(sim.count[SIM_UPLOAD] <= 2);
	err = 0;
out:
	bench_close(&b);
	return err;
}

static int test_change_case(void)
{
	int err = change_case("queued");

	err = err ? err : change_case("sending");
	return err ? err : change_case("marking");
}

/* What broke off is "Uploading" for ever: a person's word sends it anew. */
static int test_stuck(void)
{
	struct bench b = { 0 };
	int err = bench_open(&b, NULL);

	CHECK_OK(err);
	sim.is_stuck = true;
	CHECK_OK(bench_run(&b, "processing"));
	CHECK_OK(say_retry(&b));
	bench_pass(&b, 3 * HOUR_MS);
	CHECK_STR(bench_state(&b), "processing");
	bench_pass(&b, 2 * HOUR_MS);
	CHECK(strstr(bench_why(&b), "4 hours: retry deletes it there"));
	sim.is_stuck = false;
	CHECK_OK(say_retry(&b));
	CHECK_OK(bench_run(&b, "ready"));
	CHECK_STR(bench_end(&b), "");
	CHECK_EQ(sim.count[SIM_UPLOAD], 2);
	err = 0;
out:
	bench_close(&b);
	return err;
}

/* The duplicate of a late answer can be seen: it goes before all is said. */
static int test_twins(void)
{
	struct bench b = { .has_rival = true };
	int err = bench_open(&b, "publish = at-upload\n");

	CHECK_OK(err);
	sim.index_lag_ms = 150000;
	sim.processing_ms = HOUR_MS / 2;
	sim_add_fault((struct sim_fault){
		.verb = SIM_UPLOAD, .class = REV_TRANSIENT, .done = true });
	CHECK_OK(bench_run(&b, "ready"));
	bench_pass(&b, 1000);
	CHECK_STR(bench_end(&b), "");
	CHECK_EQ(sim.count[SIM_UPLOAD], 2);
	err = 0;
out:
	bench_close(&b);
	return err;
}

static int read_shown(const char *dir, int64_t id, char text[4096])
{
	char path[TEMPDIR_MAX + 16];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/jobs/%" PRId64, dir, id);
	f = fopen(path, "r");
	if (!f)
		return -errno;
	n = fread(text, 1, 4095, f);
	text[n] = '\0';
	fclose(f);
	return 0;
}

static int test_shown(void)
{
	char dir[TEMPDIR_MAX], text[4096];
	struct bench b = { .control = dir };
	int err = tempdir_make(dir);

	CHECK_OK(err);
	CHECK_OK(bench_open(&b, NULL));
	CHECK_OK(bench_run(&b, "ready"));
	bench_pass(&b, 3000);
	CHECK_OK(read_shown(dir, bench_item(&b)->row.id, text));
	CHECK(strstr(text, "\nstate=ready\n"));
	err = 0;
out:
	bench_close(&b);
	tempdir_remove(dir);
	return err;
}

/* ---- memory --------------------------------------------------------- */

/* Whichever allocation fails: it comes to its end without a restart. */
static int live_without_memory(size_t way)
{
	struct bench b = { 0 };
	int err = bench_open(&b, bench_ways[way]);

	CHECK_OK(err);
	bench_make_hard(way);
	CHECK_OK(bench_run(&b, "ready"));
	bench_clean_up(&b);
	CHECK_STR(bench_end(&b), "");
	CHECK(sim.count[SIM_UPLOAD] <= 2);
	err = 0;
out:
	bench_close(&b);
	return err;
}

static int test_memory(void)
{
	return live_without_memory(0);
}

static int test_memory_unsure(void)
{
	return live_without_memory(1);
}

static const struct unit_test tests[] = {
	{ "each failure and its end", test_failures, UNIT_NO_OOM },
	{ "a share that another uploader has been at", test_hand_over, 0 },
	{ "strangers are let be", test_strangers, 0 },
	{ "forget, and what cannot be done", test_forget, 0 },
	{ "cancel", test_cancel, 0 },
	{ "what is gone for long is forgotten", test_gone, UNIT_NO_OOM },
	{ "a video that Rev does not end with is told", test_slow_rev,
	  UNIT_NO_OOM },
	{ "publish changes under way", test_publish, 0 },
	{ "publish changes where the account may not edit",
	  test_publish_refused, 0 },
	{ "a folder is removed with its file", test_folder_gone, UNIT_NO_OOM },
	{ "eight that cannot be renamed", test_poisoned, UNIT_NO_OOM },
	{ "a video that Rev never answers for", test_sick_video, UNIT_NO_OOM },
	{ "a file older than the journal, and a clock that steps",
	  test_old_file, UNIT_NO_OOM },
	{ "two names that differ in their case", test_two_cases, UNIT_NO_OOM },
	{ "a name's case changes", test_change_case, UNIT_NO_OOM },
	{ "a video that stays Uploading", test_stuck, UNIT_NO_OOM },
	{ "a late answer's duplicate that can be seen goes", test_twins,
	  UNIT_NO_OOM },
	{ "a limit of Rev's is told", test_limit, UNIT_NO_OOM },
	{ "what is shown is true, whatever memory was short", test_shown, 0 },
	{ "any want of memory", test_memory, 0 },
	{ "any want of memory while the answer is lost", test_memory_unsure,
	  0 },
};
UNIT_MAIN(tests)
