/* SPDX-License-Identifier: MIT */
/*
 * The engine from end to end in a world of the test's own (tests/sim.h): every
 * kind of failure, a crash after any turn of its loop, every want of memory.
 */
#include "uploader/engine.h"

#include <stdlib.h>

#include "lib/log.h"
#include "tests/sim.h"
#include "tests/unit.h"
#include "uploader/rev.h"

enum { TURNS_MAX = 20000, HOUR_MS = 3600000 };

#define SETTINGS                                                               \
	"[upcast]\nsecrets_dir = /nonexistent\n"                               \
	"[uploader]\nenabled = true\nsource = local\n"                         \
	"local_directory = /sim\nrev_host = rev.example\n"                     \
	"rev_user = uploader\nscan_interval = 1m\n"

struct bench {
	struct loop *loop;
	struct engine *engine;
	const char *settings; /* beside SETTINGS */
	long turns, at_turn, crash_turn;
	int (*act)(struct bench *b); /* what happens after turn `at_turn` */
	const char *broken;	     /* what must never be has been */
	bool has_rival;		     /* who makes videos visible, too */
	struct sim_file sent; /* written to after it was renamed: what it was */
	char said[4096];      /* the event lines */
};

static void on_item(void *arg, struct item *item)
{
}

static void on_loaded(void *arg)
{
}

static void on_event(void *arg, const char *text)
{
	struct bench *b = arg;
	size_t n = strlen(b->said);

	snprintf(b->said + n, sizeof(b->said) - n, "%s\n", text);
}

static int parse(struct bench *b, struct conf **ret)
{
	char text[1024];

	snprintf(text, sizeof(text), "%s%s", SETTINGS, b->settings);
	return conf_parse("t.ini", text, strlen(text), NULL, ret, NULL);
}

static int start(struct bench *b)
{
	struct engine_calls calls = { on_item, on_item, on_loaded, on_event,
				      b };
	struct conf *conf = NULL;
	struct err why;
	int err = parse(b, &conf);

	if (err)
		return err;
	err = engine_new(b->loop, conf, &calls, &b->engine, &why);
	if (err)
		conf_free(conf);
	return err;
}

static int setup(struct bench *b, const char *settings)
{
	int err = loop_new(&b->loop);

	if (err)
		return err;
	log_set_level(LOG_LEVEL_ERROR);
	b->settings = settings ? settings : "";
	sim_reset(b->loop);
	sim_put(SIM_DIR, SIM_NAME, 7);
	return start(b);
}

static void teardown(struct bench *b)
{
	engine_free(b->engine);
	sim_release();
	loop_free(b->loop);
}

static int crash(struct bench *b)
{
	engine_free(b->engine);
	b->engine = NULL;
	return start(b);
}

/* ---- looking ---------------------------------------------------------------
 */

static struct item *find(struct bench *b)
{
	struct folder_items *folder =
		catalog_find_folder(engine_catalog(b->engine), SIM_DIR);

	return folder ? catalog_find_stem(folder, SIM_STEM) : NULL;
}

static const char *state(struct bench *b)
{
	struct item *item = find(b);

	return item ? job_name(item->row.state) : "";
}

static const char *why(struct bench *b)
{
	static char text[ENGINE_WHY_MAX];
	struct engine_view view = { .why = "" };
	struct item *item = find(b);

	if (item)
		engine_view(item, &view);
	snprintf(text, sizeof(text), "%s", view.why);
	return text;
}

/* What must hold after every turn. */
static void look(struct bench *b)
{
	if (sim_count_videos(true) > 1 && !b->has_rival)
		b->broken = "two visible videos";
	if (!sim_find(SIM_STEM))
		b->broken = "the recording is lost";
}

/* ---- running ---------------------------------------------------------------
 */

/* Until `wanted` is its state, or nothing happens for an hour; -ETIME. */
static int run(struct bench *b, const char *wanted)
{
	uint64_t until = sim_loop_ms() + HOUR_MS;
	int err = 0;

	for (int i = 0; i < TURNS_MAX; i++) {
		if (*wanted && !strcmp(state(b), wanted))
			return 0;
		if (!sim_loop_turn(b->loop, until))
			break;
		look(b);
		if (++b->turns == b->at_turn)
			err = b->act(b);
		if (!err && b->turns == b->crash_turn)
			err = crash(b);
		if (err)
			return err;
	}
	return *wanted ? -ETIME : 0;
}

static void pass_time(struct bench *b, uint64_t ms)
{
	uint64_t until = sim_loop_ms() + ms;

	while (sim_loop_turn(b->loop, until))
		look(b);
}

static bool holds(const struct sim_video *v, const struct sim_file *file)
{
	return v->size == file->size && !memcmp(v->data, file->data, v->size);
}

/* One visible video, that of the name on the share, of what the file holds. */
static const char *look_at_end(struct bench *b)
{
	struct sim_file *file = sim_find(SIM_STEM);
	struct sim_video *v;
	char id[SIM_ID_SIZE] = "";

	if (sim_count_videos(true) > 1)
		b->broken = "two visible videos";
	if (b->broken)
		return b->broken;
	if (sscanf(file->name, SIM_STEM "_vid-id=%36[0-9a-f-]@vbrick.mp4",
		   id) != 1)
		return "the file is not renamed";
	v = sim_video(id);
	if (!v)
		return "the video of the name is gone";
	if (!v->is_active)
		return "the video is not visible";
	if (*v->mark && !strstr(b->settings, "at-upload"))
		return "the mark is left on the video";
	if (!holds(v, file) && !holds(v, &b->sent))
		return "the video is not what the file is";
	return sim_count_videos(false) ? "an inactive video is left" : "";
}

/* The daily pass, once Rev's index shows everything. */
static void clean_up(struct bench *b)
{
	sim.index_lag_ms = 0;
	engine_reconcile(b->engine);
	pass_time(b, 600000);
}

/* ---- each failure and its end ----------------------------------------------
 */

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

	return engine_retry(b->engine, find(b)->row.id, &answer);
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

static int delete_by_hand(struct bench *b)
{
	memset(sim_video(row_get(&find(b)->row, ROW_DISCARD_ID)), 0,
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
		CHECK_OK(run(b, s->stays));
		pass_time(b, HOUR_MS);
		CHECK_STR(state(b), s->stays);
		CHECK(strstr(why(b), s->words));
		CHECK_OK(s->help(b));
	}
	CHECK_OK(run(b, "ready"));
	clean_up(b);
	CHECK_STR(look_at_end(b), "");
	CHECK(!s->uploads || sim.count[SIM_UPLOAD] == s->uploads);
	CHECK(sim_loop_ms() >= s->min_ms);
	err = 0;
out:
	if (err)
		printf("# %s: %s (%s)\n%s", s->name, state(b), why(b), b->said);
	return err;
}

static int test_failures(void)
{
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(stories) && !err; i++) {
		struct bench b = { 0 };

		err = setup(&b, stories[i].settings);
		err = err ? err : live(&b, &stories[i]);
		teardown(&b);
	}
	return err;
}

/* ---- something happens after any turn ---------------------------------------
 */

static int lose_journal(struct bench *b)
{
	for (size_t i = 0; i < SIM_ROWS_MAX; i++) {
		row_release(&sim.rows[i]);
		sim.rows[i].id = 0;
	}
	return crash(b);
}

static int lose_share(struct bench *b)
{
	sim_share_goes();
	pass_time(b, 30000);
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
	int err = parse(b, &conf);

	err = err ? err : engine_reload(b->engine, conf, &why);
	if (err)
		conf_free(conf);
	return err;
}

static int cancel_and_retry(struct bench *b)
{
	struct item *item = find(b);
	struct err answer;

	if (!item || engine_cancel(b->engine, item->row.id, &answer))
		return 0;
	pass_time(b, 60000);
	if (find(b)->row.state != JOB_IGNORED)
		b->broken = "cancelled and not ignored";
	return say_retry(b);
}

static int pause_and_resume(struct bench *b)
{
	engine_pause(b->engine);
	pass_time(b, 60000);
	engine_resume(b->engine);
	return 0;
}

static int fill_disk(struct bench *b)
{
	sim.disk_is_full = true;
	pass_time(b, 60000);
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
	{ "it is killed", crash, 2 },
	{ "it is killed, the journal is lost", lose_journal, 2 },
	{ "the share goes and comes", lose_share, 2 },
	{ "the file is written to", change_file, 3 },
	{ "the settings are read again", reload, 1 },
	{ "a person cancels, then retries", cancel_and_retry, 2 },
	{ "a person pauses, then resumes", pause_and_resume, 1 },
	{ "the disk of the journal is full for a while", fill_disk, 1 },
	{ "the daily pass runs", look_for_duplicates, 1 },
	{ "another uploader is faster", lose_race, 2 },
};

static const char *const ways[] = {
	"",
	"index_grace = 60s\n",
	"publish = at-upload\n",
};

/* The longest way through the table: its answer is lost, and the index lags. */
static void make_hard(size_t way)
{
	if (way != 1)
		return;
	sim.index_lag_ms = 50000;
	sim_add_fault((struct sim_fault){ SIM_UPLOAD, .class = REV_TRANSIENT,
					  .done = true });
}

/* Killed `later` turns after it, 0: not. Says whether it came to the turn. */
static int live_with(size_t act, size_t way, long turn, long later,
		     bool *ret_came)
{
	struct bench b = { .at_turn = turn, .act = acts[act].act };
	int err = setup(&b, ways[way]);

	CHECK_OK(err);
	b.crash_turn = later ? turn + later : 0;
	make_hard(way);
	err = run(&b, "ready");
	/* Words that were not durable yet are to be said once more. */
	if (err == -ETIME && !strcmp(state(&b), "ignored"))
		err = say_retry(&b);
	CHECK_OK(err);
	CHECK_OK(run(&b, "ready"));
	clean_up(&b);
	CHECK_STR(state(&b), "ready");
	CHECK_STR(look_at_end(&b), "");
	CHECK(sim.count[SIM_UPLOAD] <= acts[act].uploads_max + (later > 0));
	*ret_came = b.turns >= turn;
out:
	if (err)
		printf("# %s, after turn %ld+%ld, way %zu: %s (%s)\n%s",
		       acts[act].name, turn, later, way, state(&b), why(&b),
		       b.said);
	teardown(&b);
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
	static const long later[] = { 0, 1, 3, 10 };
	int err = 0;

	for (size_t act = 0; act < ARRAY_SIZE(acts); act++)
		for (size_t way = 0; way < ARRAY_SIZE(ways); way++)
			for (size_t i = 0; i < ARRAY_SIZE(later) && !err; i++)
				err = live_through(act, way, later[i]);
	return err;
}

/* ---- others' videos ---------------------------------------------------------
 */

/* A file that bears its video's name, and no journal that knows of it. */
static int find_uploaded(struct bench *b, const char *mark, bool *ret_active)
{
	struct sim_file *file;
	struct sim_video *v;
	int err = setup(b, NULL);

	CHECK_OK(err);
	file = sim_find(SIM_STEM);
	v = sim_add_video(mark, file);
	snprintf(file->name, sizeof(file->name),
		 SIM_STEM "_vid-id=%s@vbrick.mp4", v->id);
	CHECK_OK(run(b, "ready"));
	clean_up(b);
	CHECK_EQ(sim.count[SIM_UPLOAD], 0);
	*ret_active = v->is_active;
	err = 0;
out:
	teardown(b);
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
	int err = setup(&b, NULL);

	CHECK_OK(err);
	v = sim_add_video("upcast-0123", sim_find(SIM_STEM));
	CHECK_OK(run(&b, "ready"));
	clean_up(&b);
	CHECK(*v->id && *v->mark && !v->is_active);
	CHECK_EQ(sim.count[SIM_DELETE], 0);
	err = 0;
out:
	teardown(&b);
	return err;
}

/* ---- memory
 * -------------------------------------------------------------------
 */

/* Whichever allocation fails: it comes to its end without a restart. */
static int live_without_memory(size_t way)
{
	struct bench b = { 0 };
	int err = setup(&b, ways[way]);

	CHECK_OK(err);
	make_hard(way);
	CHECK_OK(run(&b, "ready"));
	clean_up(&b);
	CHECK_STR(look_at_end(&b), "");
	CHECK(sim.count[SIM_UPLOAD] <= 2);
	err = 0;
out:
	teardown(&b);
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
	{ "whatever happens, at any turn", test_any_turn, UNIT_NO_OOM },
	{ "a share that another uploader has been at", test_hand_over, 0 },
	{ "strangers are let be", test_strangers, 0 },
	{ "any want of memory", test_memory, 0 },
	{ "any want of memory while the answer is lost", test_memory_unsure,
	  0 },
};
UNIT_MAIN(tests)
