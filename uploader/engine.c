/* SPDX-License-Identifier: MIT */
/*
 * The engine as a whole: what the journal has, the settings, start and stop.
 */
#include "uploader/engine_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/mono.h"
#include "lib/str.h"
#include "uploader/discard.h"
#include "uploader/reconcile.h"

/* ---- the journal ------------------------------------------------------- */

static int on_row(void *arg, struct row *take_row)
{
	struct engine *e = arg;
	struct item *item;
	int err = catalog_add(&e->catalog, take_row, &item);

	if (!err || err == -ENOMEM)
		return err;
	log_warning("journal: row %" PRId64 " (%s/%s) is left out",
		    take_row->id, row_get(take_row, ROW_DIR),
		    row_get(take_row, ROW_NAME));
	row_release(take_row);
	return 0;
}

/* Where each job goes on that a crash, or a stop, has left behind. */
static void resume_items(struct engine *e)
{
	struct item *item, *next;
	enum job_state state;
	struct work *w;

	e->has_orphans = false;
	for (item = e->catalog.items; item; item = next) {
		next = item->by_id.next;
		if (item->work || job_is_final(item->row.state))
			continue;
		state = job_resume(item->row.state);
		catalog_set_state(&e->catalog, item, state);
		w = engine_work(e, item);
		if (!w) {
			e->has_orphans = true; /* engine_tidy() */
			continue;
		}
		w->action = job_action(state);
		w->unsure_ms = mono_ms();
		if (state == JOB_UNSURE)
			engine_set_why(w, "was being uploaded when the "
					  "uploader stopped: looking on Rev");
		engine_perform_later(w);
	}
}

void engine_tidy(struct engine *e)
{
	engine_wake_callers(e);
	if (e->has_orphans)
		resume_items(e);
}

/* What waits for the journal says so. */
static void on_journal_trouble(void *arg)
{
	struct engine *e = arg;
	const char *why = journal_why(e->journal);

	list_for_each(it, &e->works) {
		struct work *w = list_entry(it, struct work, node);

		if (why && w->storing)
			engine_set_why(w, "%s", why);
	}
}

static void on_opened(void *arg, int err, const struct err *why,
		      int64_t created_s)
{
	struct engine *e = arg;

	if (err) {
		if (strcmp(e->journal_why, why->text))
			log_warning("%s", why->text);
		str_copy(e->journal_why, why->text, sizeof(e->journal_why));
		e->is_standby = err == -EBUSY;
		return;
	}
	if (e->is_standby)
		log_info("the other uploader has gone: taking over");
	e->is_open = true;
	e->is_standby = false;
	e->journal_why[0] = '\0';
	e->journal_created_s = created_s;
	e->journal_opened_ms = mono_ms();
	resume_items(e);
	e->calls.loaded(e->calls.arg);
	watch_start(e);
	reconcile_start(e->reconcile);
}

/* ---- recordings ------------------------------------------------------- */

int engine_add(struct engine *e, const char *dir, const char *name,
	       const char *video_id, const struct source_attr *attr,
	       struct item **ret)
{
	enum job_state state = video_id ? JOB_PROCESSING : JOB_SETTLING;
	struct row row = { .id = journal_take_id(e->journal), .state = state };
	struct item *item;
	struct work *w;
	int err;

	row.number[ROW_SIZE] = (int64_t)attr->size;
	row.number[ROW_MTIME_NS] = attr->mtime_ns;
	row.number[ROW_FILEID] = (int64_t)attr->fileid;
	row.number[ROW_FIRST_SEEN_S] = mono_wall_s();
	err = row_set(&row, ROW_DIR, dir);
	row.number[ROW_ADOPTED] = video_id != NULL;
	err = err ? err : row_set(&row, ROW_NAME, name);
	err = err ? err : row_set(&row, ROW_VIDEO_ID, video_id);
	err = err ? err : catalog_add(&e->catalog, &row, &item);
	if (err) {
		row_release(&row);
		return err;
	}
	w = engine_work(e, item);
	if (!w) {
		catalog_remove(&e->catalog, item);
		return -ENOMEM;
	}
	w->action = job_action(state);
	engine_store(w);
	engine_perform_later(w);
	*ret = item;
	return 0;
}

int engine_remove(struct engine *e, struct item *item)
{
	int err = journal_forget(e->journal, item->row.id);

	if (err)
		return err;
	engine_free_work(item->work);
	e->calls.removed(e->calls.arg, item);
	catalog_remove(&e->catalog, item);
	return 0;
}

/* ---- settings ---------------------------------------------------------- */

static void on_source_changed(void *arg, const char *path)
{
	struct engine *e = arg;
	struct source_status status;

	if (!e->source)
		return;
	source_get_status(e->source, &status);
	if (!path) /* what waits goes on, or says why it waits now */
		engine_wake_all(e);
	if (e->is_open && status.state == SOURCE_READY)
		watch_scan_now(e, false);
}

int engine_open_source(struct engine *e, const struct conf *conf,
		       struct source **ret_source, struct scan **ret_scan,
		       struct err *err)
{
	struct scan_calls calls = watch_scan_calls;
	int rc;

	*ret_source = NULL;
	*ret_scan = NULL;
	rc = source_open(e->loop, conf, on_source_changed, e, ret_source, err);
	if (rc == -EINVAL && !conf_bool(conf, OPT_UP_ENABLED))
		return 0;
	if (rc)
		return rc;
	calls.arg = e;
	rc = scan_new(e->loop, *ret_source, &calls, ret_scan);
	if (rc) {
		source_close(*ret_source);
		*ret_source = NULL;
		err_set(err, rc, "out of memory");
	}
	return rc;
}

void engine_close_source(struct engine *e)
{
	struct source *source = e->source;
	struct scan *scan = e->scan;

	/* What a source says while it is closed finds nobody. */
	e->scan = NULL;
	e->source = NULL;
	scan_free(scan);
	source_close(source);
}

int engine_journal_path(const struct conf *conf, char *dst, size_t size)
{
	const char *instance = conf_instance(conf);
	char section[128];
	int n;

	snprintf(section, sizeof(section), "uploader %s",
		 instance ? instance : "");
	if (instance && !conf_find(conf, section, "journal"))
		n = snprintf(dst, size,
			     "/var/lib/upcast/uploader/journal@%s.db",
			     instance);
	else
		n = snprintf(dst, size, "%s", conf_text(conf, OPT_UP_JOURNAL));
	return n < (int)size ? 0 : -ENAMETOOLONG;
}

/* Old parties whose last transfer has ended; not from inside its answer. */
static void on_retire(struct loop_task *task)
{
	struct engine *e = list_entry(task, struct engine, retire_task);

	list_for_each_safe(it, &e->retired) {
		struct parties *p = list_entry(it, struct parties, node);

		if (!p->transfers)
			parties_free(p);
	}
}

static int open_journal(struct engine *e)
{
	struct journal_calls calls = { on_row, on_opened, on_journal_trouble,
				       e };
	char path[2048];
	int err = engine_journal_path(e->conf, path, sizeof(path));

	e->is_dry = conf_bool(e->conf, OPT_UP_DRY_RUN);
	return err ? err
		   : journal_open(e->loop, e->is_dry ? NULL : path, &calls,
				  &e->journal);
}

static int open_all(struct engine *e, struct err *err)
{
	int rc = engine_slots_init(e);

	rc = rc ? rc : watch_init(e);
	rc = rc ? rc : reconcile_new(e, &e->reconcile);
	rc = rc ? rc : parties_new(e->loop, e->conf, &e->parties, err);
	rc = rc ? rc
		: engine_open_source(e, e->conf, &e->source, &e->scan, err);
	return rc ? rc : open_journal(e);
}

int engine_new(struct loop *loop, struct conf *take_conf,
	       const struct engine_calls *calls, struct engine **ret,
	       struct err *err)
{
	struct engine *e = calloc(1, sizeof(*e));
	int rc;

	err_set(err, -ENOMEM, "out of memory");
	if (!e)
		return -ENOMEM;
	e->loop = loop;
	e->conf = take_conf;
	e->calls = *calls;
	list_init(&e->works);
	list_init(&e->call_waiters);
	list_init(&e->walk_waiters);
	list_init(&e->discards);
	list_init(&e->retired);
	loop_task_init(&e->retire_task, on_retire);
	rc = open_all(e, err);
	if (rc) {
		e->conf = NULL; /* stays the caller's */
		engine_free(e);
		return rc;
	}
	*ret = e;
	return 0;
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	list_for_each_safe(it, &e->works)
		engine_free_work(list_entry(it, struct work, node));
	reconcile_free(e->reconcile);
	discard_free_all(e);
	loop_cancel(e->loop, &e->retire_task);
	engine_slots_release(e);
	/* Closing what has a helper runs what the loop still has to do: nothing
	 * may come of it, so the scan and then the journal go first. */
	scan_free(e->scan);
	e->scan = NULL;
	journal_close(e->journal);
	engine_close_source(e);
	list_for_each_safe(it, &e->retired)
		parties_free(list_entry(it, struct parties, node));
	parties_free(e->parties);
	loop_timer_release(&e->scan_timer);
	catalog_release(&e->catalog);
	conf_free(e->conf);
	free(e);
}
