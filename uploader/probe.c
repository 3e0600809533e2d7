/* SPDX-License-Identifier: MIT */
#include "uploader/probe.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/crypto.h"
#include "lib/log.h"
#include "lib/mono.h"
#include "lib/str.h"
#include "lib/verdict.h"
#include "uploader/parties.h"
#include "uploader/probe_video.h"
#include "uploader/recording.h"
#include "uploader/source.h"

enum {
	SOURCE_PATIENCE_MS = 10000, /* beyond nfs_timeout */
	STATUS_PAUSE_MS = 1000,
	STATUS_PATIENCE_MS = 300000,
	MARK_SIZE = 64,
	PATH_SIZE = 512,
};

struct probe {
	struct loop *loop;
	const struct conf *conf;
	struct source *source;
	struct parties *parties;
	bool full;
	size_t step;
	bool group_failed;
	int failures;
	bool is_done; /* the step has said its line */
	struct loop_task next;
	struct loop_timer timer;
	uint64_t deadline_ms;

	struct source_op *op;
	char folder[PATH_SIZE]; /* of the share, that is there */
	struct rev_call *call;
	struct cms_lookup *lookup;
	struct people_search *search;

	size_t sent;
	char mark[MARK_SIZE];
	char video_id[64], user_id[64], user_name[256];
};

enum group { GROUP_SHARE, GROUP_BRIDGE, GROUP_REV, GROUP_VIDEO };

struct probe_step {
	enum group group;
	void (*start)(struct probe *p);
};

/* ---- lines ------------------------------------------------------------- */

static void say(struct probe *p, enum verdict verdict, const char *fmt,
		va_list ap) ATTR_PRINTF(3, 0);

static void say(struct probe *p, enum verdict verdict, const char *fmt,
		va_list ap)
{
	verdict_print(verdict, fmt, ap);
	loop_timer_stop(&p->timer);
	p->is_done = true;
	loop_defer(p->loop, &p->next);
}

static void pass(struct probe *p, const char *fmt, ...) ATTR_PRINTF(2, 3);
static void fail(struct probe *p, const char *fmt, ...) ATTR_PRINTF(2, 3);

static void pass(struct probe *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(p, VERDICT_PASS, fmt, ap);
	va_end(ap);
}

static void fail(struct probe *p, const char *fmt, ...)
{
	va_list ap;

	p->failures++;
	p->group_failed = true;
	va_start(ap, fmt);
	say(p, VERDICT_FAIL, fmt, ap);
	va_end(ap);
}

static void check_started(struct probe *p, int err)
{
	if (err)
		fail(p, "out of memory");
}

/* ---- the share --------------------------------------------------------- */

static void check_source(struct probe *p)
{
	struct source_status status;

	source_get_status(p->source, &status);
	if (status.state == SOURCE_READY)
		pass(p, "the share %s answers", status.where);
	else if (status.state == SOURCE_DOWN)
		fail(p, "the share %s: %s", status.where, status.why);
}

static void on_source_changed(void *arg, const char *path)
{
	struct probe *p = arg;

	if (p->step == 0 && !p->is_done && p->source)
		check_source(p);
}

static void on_timer(struct loop_timer *timer);

static void try_source(struct probe *p)
{
	p->deadline_ms = mono_ms() + SOURCE_PATIENCE_MS +
			 conf_number(p->conf, OPT_UP_NFS_TIMEOUT);
	loop_timer_start(&p->timer, p->deadline_ms - mono_ms());
	check_source(p);
}

/* Its name as the server has it; NULL: not there. */
static const char *find_name(const struct source_result *result,
			     const char *name)
{
	for (size_t i = 0; i < result->entry_count; i++)
		if (!strcasecmp(result->entries[i].name, name))
			return result->entries[i].name;
	return NULL;
}

static void on_root(void *arg, const struct source_result *result)
{
	struct probe *p = arg;
	const char *spaces, *forwarded;

	p->op = NULL;
	if (result->err) {
		fail(p, "listing the share: %s", result->why.text);
		return;
	}
	spaces = find_name(result, "spaces");
	forwarded = find_name(result, "forwardedCalls");
	if (spaces || forwarded)
		str_copy(p->folder, spaces ? spaces : forwarded,
			 sizeof(p->folder));
	if (spaces || forwarded)
		pass(p, "the share can be listed and holds %s%s%s",
		     spaces ? "spaces" : "", spaces && forwarded ? " and " : "",
		     forwarded ? "forwardedCalls" : "");
	else
		fail(p,
		     "the share holds neither spaces nor forwardedCalls: the "
		     "directory must be the one that the recorder was given");
}

static void try_list(struct probe *p)
{
	check_started(p, source_list(p->source, "", on_root, p, &p->op));
}

/* As root, who may do anything on a disk of this host. */
static void on_may_write(void *arg, const struct source_result *result)
{
	struct probe *p = arg;
	bool is_local = !strcmp(conf_text(p->conf, OPT_UP_SOURCE), "local");

	p->op = NULL;
	if (result->err)
		fail(p,
		     "%s: export it for writing to this host, and let "
		     "uploader.nfs_uid, or on a local disk the service's user, "
		     "write there",
		     result->why.text);
	else
		pass(p, "files in %s may be renamed%s", p->folder,
		     is_local && !geteuid() ? " by root: the service's user "
					      "must be allowed to as well"
					    : "");
}

/* The first folder of a space stands for all of them. */
static void on_spaces(void *arg, const struct source_result *result)
{
	struct probe *p = arg;
	struct recording_dir parsed;
	char path[PATH_SIZE];

	p->op = NULL;
	for (size_t i = 0; i < result->entry_count; i++) {
		snprintf(path, sizeof(path), "%.64s/%.255s", p->folder,
			 result->entries[i].name);
		recording_parse_dir(path, &parsed);
		if (!result->entries[i].attr.is_dir ||
		    parsed.kind != RECORDING_DIR_SPACE)
			continue;
		str_copy(p->folder, path, sizeof(p->folder));
		break;
	}
	if (result->err)
		fail(p, "listing the share: %s", result->why.text);
	else
		check_started(p, source_may_write(p->source, p->folder,
						  on_may_write, p, &p->op));
}

static void try_write(struct probe *p)
{
	check_started(p,
		      source_list(p->source, p->folder, on_spaces, p, &p->op));
}

/* ---- the bridge --------------------------------------------------------- */

static void on_space(void *arg, int err, const struct err *why,
		     const struct cms_space *space)
{
	struct probe *p = arg;

	p->lookup = NULL;
	if (err)
		fail(p, "%s", why->text);
	else
		pass(p, "the bridge answers and its user may read spaces");
}

/* No space has this id: "there is none" is the right answer. */
static void try_bridge(struct probe *p)
{
	if (!p->parties->cms)
		pass(p, "no bridge is set: recordings keep their space's id as "
			"name and go to the fall-back owner");
	else
		check_started(
			p, cms_get_space(p->parties->cms,
					 "00000000-0000-0000-0000-000000000000",
					 on_space, p, &p->lookup));
}

/* ---- Rev ---------------------------------------------------------------- */

static void on_login(void *arg, const struct rev_result *result)
{
	struct probe *p = arg;

	p->call = NULL;
	if (result->class == REV_OK)
		pass(p, "logged in to Rev at %s",
		     conf_text(p->conf, OPT_UP_REV_HOST));
	else
		fail(p, "%s", result->why.text);
}

static void try_login(struct probe *p)
{
	if (!p->parties->rev)
		fail(p, "no Rev server is set: set uploader.rev_host");
	else
		check_started(p, rev_login(p->parties->rev, on_login, p,
					   &p->call));
}

static void on_rights(void *arg, const struct rev_result *result)
{
	struct probe *p = arg;

	p->call = NULL;
	if (result->class != REV_OK) {
		fail(p, "%s", result->why.text);
		return;
	}
	str_copy(p->user_id, result->user_id, sizeof(p->user_id));
	str_copy(p->user_name, result->user_name, sizeof(p->user_name));
	if (!result->can_upload)
		fail(p,
		     "the Rev user %s may not upload: give it the role Media "
		     "Contributor, or Media Admin to upload for others",
		     p->user_name);
	else if (result->why.text[0])
		fail(p, "%s", result->why.text);
	else
		pass(p, "the Rev user %s may upload", p->user_name);
}

static void try_rights(struct probe *p)
{
	check_started(p,
		      rev_get_rights(p->parties->rev, on_rights, p, &p->call));
}

static void on_fallback(void *arg, const struct rev_result *failed,
			const struct policy_person *person)
{
	struct probe *p = arg;
	const char *name = conf_text(p->conf, OPT_UP_FALLBACK_OWNER);

	p->search = NULL;
	if (failed)
		fail(p, "%s", failed->why.text);
	else if (person->id)
		pass(p, "the fall-back owner %s is known to Rev", name);
	else
		fail(p,
		     "the fall-back owner %s is unknown to Rev: set "
		     "uploader.fallback_owner to a Rev user name",
		     name);
}

static void try_fallback(struct probe *p)
{
	const char *name = conf_text(p->conf, OPT_UP_FALLBACK_OWNER);

	if (!*name)
		pass(p,
		     "no fall-back owner is set: what nobody owns belongs to "
		     "%s",
		     p->user_name);
	else
		check_started(p, people_find_user(p->parties->people, name,
						  on_fallback, p, &p->search));
}

/* ---- a video ------------------------------------------------------------ */

static ptrdiff_t give_video(void *arg, uint8_t *dst, size_t n)
{
	struct probe *p = arg;
	size_t left = sizeof(probe_video) - p->sent;

	n = n < left ? n : left;
	memcpy(dst, probe_video + p->sent, n);
	p->sent += n;
	return (ptrdiff_t)n;
}

static void on_upload(void *arg, const struct rev_result *result)
{
	struct probe *p = arg;

	p->call = NULL;
	if (result->class != REV_OK) {
		fail(p, "uploading a video of one second: %s",
		     result->why.text);
		return;
	}
	str_copy(p->video_id, result->video_id, sizeof(p->video_id));
	pass(p, "a private video of one second is uploaded: %s", p->video_id);
}

static void try_upload(struct probe *p)
{
	struct rev_metadata metadata = {
		.title = "upcast probe",
		.access = "Private",
		.mark = p->mark,
		.file_name = "upcast-probe.mp4",
	};
	uint8_t random[16];

	crypto_random(random, sizeof(random));
	str_copy(p->mark, "upcast-", sizeof(p->mark));
	crypto_hex(random, sizeof(random), p->mark + strlen(p->mark));
	check_started(p, rev_upload(p->parties->rev, &metadata,
				    sizeof(probe_video), give_video, p, 0,
				    on_upload, p, &p->call));
}

/* Something that takes its time: asked again until the patience ends. */
static void again(struct probe *p, const char *what)
{
	if (mono_ms() < p->deadline_ms)
		loop_timer_start(&p->timer, STATUS_PAUSE_MS);
	else
		fail(p, "%s: it takes longer than 5 minutes", what);
}

static void on_status(void *arg, const struct rev_result *result)
{
	struct probe *p = arg;

	p->call = NULL;
	if (result->class != REV_OK)
		fail(p, "asking for its status: %s", result->why.text);
	else if (result->failed)
		fail(p, "rev could not process the video: %s",
		     result->status_word);
	else if (result->ready)
		pass(p, "rev has processed it");
	else
		again(p, "processing the video");
}

static void ask_status(struct probe *p)
{
	check_started(p, rev_get_status(p->parties->rev, p->video_id, on_status,
					p, &p->call));
}

static void try_status(struct probe *p)
{
	p->deadline_ms = mono_ms() + STATUS_PATIENCE_MS;
	ask_status(p);
}

static void on_found(void *arg, const struct rev_result *result)
{
	struct probe *p = arg;

	p->call = NULL;
	if (result->class != REV_OK)
		fail(p, "searching for it: %s", result->why.text);
	else if (result->video_count == 1)
		pass(p, "rev's search finds it by its mark");
	else
		again(p, "finding the video by its mark");
}

static void ask_search(struct probe *p)
{
	check_started(p, rev_search_mark(p->parties->rev, p->mark, on_found, p,
					 &p->call));
}

static void try_search(struct probe *p)
{
	p->deadline_ms = mono_ms() + STATUS_PATIENCE_MS;
	ask_search(p);
}

static void on_activated(void *arg, const struct rev_result *result)
{
	struct probe *p = arg;

	p->call = NULL;
	if (result->class == REV_OK)
		pass(p, "it is active and has lost its mark");
	else
		fail(p,
		     "activating it: %s: the account needs the right to edit "
		     "videos, or set uploader.publish = at-upload",
		     result->why.text);
}

static void try_activate(struct probe *p)
{
	check_started(p, rev_activate(p->parties->rev, p->video_id, p->mark,
				      true, on_activated, p, &p->call));
}

static void on_deleted(void *arg, const struct rev_result *result)
{
	struct probe *p = arg;

	p->call = NULL;
	if (result->class == REV_OK)
		pass(p, "it is deleted again");
	else
		fail(p,
		     "deleting it: %s: please delete the video \"upcast "
		     "probe\" by hand",
		     result->why.text);
	p->video_id[0] = '\0';
}

/* Runs whenever there is a video, whatever went wrong before it. */
static void try_delete(struct probe *p)
{
	check_started(p, rev_delete(p->parties->rev, p->video_id, on_deleted, p,
				    &p->call));
}

/* ---- one after the other ------------------------------------------------ */

static const struct probe_step probe_steps[] = {
	{ GROUP_SHARE, try_source },   { GROUP_SHARE, try_list },
	{ GROUP_SHARE, try_write },    { GROUP_BRIDGE, try_bridge },
	{ GROUP_REV, try_login },      { GROUP_REV, try_rights },
	{ GROUP_REV, try_fallback },   { GROUP_VIDEO, try_upload },
	{ GROUP_VIDEO, try_status },   { GROUP_VIDEO, try_search },
	{ GROUP_VIDEO, try_activate }, { GROUP_VIDEO, try_delete },
};

static void on_timer(struct loop_timer *timer)
{
	struct probe *p = list_entry(timer, struct probe, timer);
	void (*start)(struct probe *) = probe_steps[p->step].start;

	if (start == try_status)
		ask_status(p);
	else if (start == try_search)
		ask_search(p);
	else
		fail(p, "the share does not answer: check the host, its ports "
			"and its exports");
}

/* A step whose group has failed is left out; so is a video without Rev. */
static bool is_wanted(const struct probe *p, size_t step)
{
	const struct probe_step *s = &probe_steps[step];

	if (s->start == try_delete)
		return *p->video_id;
	if (s->group == GROUP_VIDEO && (!p->full || !*p->user_id))
		return false;
	return !p->group_failed;
}

static void run_step(struct probe *p)
{
	while (p->step < ARRAY_SIZE(probe_steps) && !is_wanted(p, p->step)) {
		p->step++;
		if (p->step < ARRAY_SIZE(probe_steps) &&
		    probe_steps[p->step].group !=
			    probe_steps[p->step - 1].group)
			p->group_failed = false;
	}
	if (p->step == ARRAY_SIZE(probe_steps)) {
		loop_stop(p->loop);
		return;
	}
	p->is_done = false;
	probe_steps[p->step].start(p);
}

static void on_next(struct loop_task *task)
{
	struct probe *p = list_entry(task, struct probe, next);

	p->step++;
	if (p->step < ARRAY_SIZE(probe_steps) &&
	    probe_steps[p->step].group != probe_steps[p->step - 1].group)
		p->group_failed = false;
	run_step(p);
}

static int start(struct probe *p, struct err *err)
{
	int rc = loop_new(&p->loop);

	loop_task_init(&p->next, on_next);
	rc = rc ? rc : loop_timer_init(&p->timer, p->loop, on_timer);
	if (rc)
		return err_set(err, rc, "%s", err_str(rc));
	rc = parties_new(p->loop, p->conf, &p->parties, err);
	if (rc)
		return rc;
	return source_open(p->loop, p->conf, on_source_changed, p, &p->source,
			   err);
}

int probe_run(struct conf *take_conf, bool full)
{
	struct probe p = { .conf = take_conf, .full = full };
	struct err err;
	int rc;

	log_set_level(LOG_LEVEL_ERROR);
	rc = start(&p, &err);
	if (rc) {
		printf("FAILURE: %s\n", err.text);
	} else {
		run_step(&p);
		rc = loop_run(p.loop);
	}
	parties_free(p.parties);
	source_close(p.source);
	loop_timer_release(&p.timer);
	loop_free(p.loop);
	conf_free(take_conf);
	return rc || p.failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
