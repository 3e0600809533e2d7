/* SPDX-License-Identifier: MIT */
#include "fs/follow.h"

#include <errno.h>
#include <stdlib.h>

#include <event2/event.h>

#include "lib/ctlwatch.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/mono.h"

struct follow {
	struct loop *loop;
	struct model *m;
	struct ctlwatch *watch;
	follow_event_fn *fn;
	void *arg;
	bool settled;
	bool failing; /* has been logged */
};

/* Said once; what is missing comes with its next change. */
static void check(struct follow *f, int err)
{
	if (err && !f->failing)
		log_warning("the tree is not complete: %s", err_str(err));
	f->failing = err != 0;
}

static void on_folder(void *arg, const char *folder, bool exists)
{
	struct follow *f = arg;

	check(f, model_set_folder(f->m, folder, exists, mono_wall_ms()));
}

static void on_status(void *arg, const char *folder, enum ctlread_status status,
		      int64_t since_s)
{
	struct follow *f = arg;

	model_set_status(f->m, folder, status, since_s, mono_wall_ms());
}

static void on_state(void *arg, const char *folder, const struct snapshot *s,
		     int64_t mtime_ns)
{
	struct follow *f = arg;

	check(f, model_set_state(f->m, folder, s,
				 s ? mtime_ns / 1000000 : mono_wall_ms()));
}

static void on_object(void *arg, const char *folder, const char *id,
		      const struct snapshot *s, int64_t mtime_ns)
{
	struct follow *f = arg;

	check(f, model_set_object(f->m, folder, id, s,
				  s ? mtime_ns / 1000000 : mono_wall_ms()));
}

static void on_counters(void *arg, const char *folder, char *text)
{
	struct follow *f = arg;

	check(f, model_set_counters(f->m, folder, text, mono_wall_ms()));
}

static void on_event(void *arg, const char *folder, const char *line)
{
	struct follow *f = arg;
	int err = eventlog_add(&f->m->log, folder, line, mono_wall_ms());

	if (!err && f->settled && f->fn)
		f->fn(f->arg);
}

static void on_settled(void *arg)
{
	struct follow *f = arg;

	f->settled = true;
	check(f, eventlog_sort(&f->m->log));
}

static const struct ctlwatch_ops ops = {
	.folder = on_folder,
	.status = on_status,
	.state = on_state,
	.object = on_object,
	.counters = on_counters,
	.event = on_event,
	.settled = on_settled,
};

int follow_new(struct loop *loop, const char *control_dir, struct model *m,
	       struct follow **ret)
{
	struct follow *f = calloc(1, sizeof(*f));
	int err;

	if (!f)
		return -ENOMEM;
	f->loop = loop;
	f->m = m;
	err = ctlwatch_new(loop, control_dir, &ops, f, &f->watch);
	if (err) {
		free(f);
		return err;
	}
	*ret = f;
	return 0;
}

void follow_free(struct follow *f)
{
	if (!f)
		return;
	ctlwatch_free(f->watch);
	free(f);
}

void follow_on_event(struct follow *f, follow_event_fn *fn, void *arg)
{
	f->fn = fn;
	f->arg = arg;
}

int follow_load(struct follow *f)
{
	while (!f->settled)
		if (event_base_loop(loop_base(f->loop), EVLOOP_ONCE) < 0)
			return -EIO;
	return 0;
}
