/* SPDX-License-Identifier: MIT */
#include "tests/engine_bench.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "uploader/rev.h"

enum { TURNS_MAX = 20000 };

#define SETTINGS                                                               \
	"[upcast]\nsecrets_dir = /nonexistent\n"                               \
	"[uploader]\nsource = local\n"                                         \
	"local_directory = /sim\nrev_host = rev.example\n"                     \
	"rev_user = uploader\nscan_interval = 1m\n"

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

int bench_parse(struct bench *b, struct conf **ret)
{
	char text[1024];

	snprintf(text, sizeof(text), "%senabled = %s\n%s", SETTINGS,
		 b->is_disabled ? "false" : "true", b->settings);
	return conf_parse("t.ini", text, strlen(text), NULL, ret, NULL);
}

static int start(struct bench *b)
{
	struct engine_calls calls = { on_item, on_item, on_loaded, on_event,
				      b };
	struct conf *conf = NULL;
	struct err why;
	int err = bench_parse(b, &conf);

	if (err)
		return err;
	if (b->report)
		report_get_calls(b->report, &calls);
	err = engine_new(b->loop, conf, &calls, &b->engine, &why);
	if (err)
		conf_free(conf);
	else if (b->report)
		report_attach(b->report, b->engine);
	return err;
}

static int open_report(struct bench *b)
{
	struct err why;
	int err = ctldir_open(b->control, "jobs", &b->dir, &why);

	return err ? err : report_new(b->loop, b->dir, &b->report);
}

int bench_open(struct bench *b, const char *settings)
{
	int err = loop_new(&b->loop);

	if (err)
		return err;
	log_set_level(LOG_LEVEL_ERROR);
	b->settings = settings ? settings : "";
	sim_reset(b->loop);
	sim_put(SIM_DIR, SIM_NAME, 7);
	if (b->control)
		err = open_report(b);
	return err ? err : start(b);
}

void bench_close(struct bench *b)
{
	engine_free(b->engine);
	report_free(b->report);
	ctldir_close(b->dir);
	sim_release();
	loop_free(b->loop);
}

int bench_crash(struct bench *b)
{
	engine_free(b->engine);
	b->engine = NULL;
	return start(b);
}

/* ---- looking -------------------------------------------------------- */

struct item *bench_item(struct bench *b)
{
	struct folder_items *folder =
		catalog_find_folder(engine_catalog(b->engine), SIM_DIR);

	return folder ? catalog_find_stem(folder, SIM_STEM) : NULL;
}

const char *bench_state(struct bench *b)
{
	struct item *item = bench_item(b);

	return item ? job_name(item->row.state) : "";
}

const char *bench_why(struct bench *b)
{
	static char text[ENGINE_WHY_MAX];
	struct engine_view view = { .why = "" };
	struct item *item = bench_item(b);

	if (item)
		engine_view(item, &view);
	snprintf(text, sizeof(text), "%s", view.why);
	return text;
}

/* What must hold after every turn. */
static void look(struct bench *b)
{
	struct engine_view view = { .progress = 100 };
	struct item *item = bench_item(b);

	if (item && item->row.state == JOB_READY)
		engine_view(item, &view);
	if (view.progress != 100)
		b->broken = "ready, and not all of it";
	if (sim_count_videos(true) > 1 && !b->has_rival)
		b->broken = "two visible videos";
	if (!sim_find(SIM_STEM))
		b->broken = "the recording is lost";
}

/* ---- running -------------------------------------------------------- */

/* Until `wanted` is its state, or nothing happens for an hour; -ETIME. */
int bench_run(struct bench *b, const char *wanted)
{
	uint64_t until = sim_loop_ms() + HOUR_MS;
	int err = 0;

	for (int i = 0; i < TURNS_MAX; i++) {
		if (*wanted && !strcmp(bench_state(b), wanted))
			return 0;
		if (!sim_loop_turn(b->loop, until))
			break;
		look(b);
		if (++b->turns == b->at_turn)
			err = b->act(b);
		if (!err && b->turns == b->again_turn)
			err = b->again(b);
		if (err)
			return err;
	}
	return *wanted ? -ETIME : 0;
}

void bench_pass(struct bench *b, uint64_t ms)
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
const char *bench_end(struct bench *b)
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
	if (*v->mark && !strstr(b->settings, "at-upload") && !b->may_keep_mark)
		return "the mark is left on the video";
	if (!holds(v, file) && !holds(v, &b->sent))
		return "the video is not what the file is";
	return sim_count_videos(false) ? "an inactive video is left" : "";
}

/* The daily pass, once Rev's index shows everything. */
void bench_clean_up(struct bench *b)
{
	sim.index_lag_ms = 0;
	engine_reconcile(b->engine);
	bench_pass(b, 600000);
}

const char *const bench_ways[BENCH_WAYS] = {
	"",
	"index_grace = 60s\n",
	"publish = at-upload\n",
};

/* The longest way through the table: its answer is lost, and the index lags. */
void bench_make_hard(size_t way)
{
	if (way != 1)
		return;
	sim.index_lag_ms = 50000;
	sim_add_fault((struct sim_fault){ SIM_UPLOAD, .class = REV_TRANSIENT,
					  .done = true });
}
