/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/mono.h"
#include "lib/resolve.h"
#include "lib/str.h"
#include "uploader/nfs_session.h"
#include "uploader/source_ops.h"

/*
 * Keeps an NFS export mounted: one session serves, and when it ends another
 * takes its place, at once the first time, then more and more rarely. Where no
 * more files can be opened on a session that serves (version 4), the next one
 * is mounted beside it, and the old one retires with its open files.
 */
enum {
	PAUSE_FIRST_MS = 500,
	PAUSE_LAST_MS = 60000,
	GOOD_LIFE_MS = 30000, /* then an end has a reason of its own */
	/* A folder whose listing cost us a session is left alone for long. */
	ENDLESS_MAX = 16,
	ENDLESS_MS = 3600000,
};

struct nfs_source {
	struct source base;
	struct source_nfs_config config; /* with texts of our own */
	char where[512];
	struct resolve *resolve;
	struct resolve_result found;
	size_t address;		     /* the next of them to try */
	struct nfs_session *current; /* serves */
	struct nfs_session *next;    /* is being mounted */
	struct retired {
		struct list node;
		struct nfs_session *session;
	} * spare; /* so that retiring cannot fail */
	struct list retired;
	struct list parked; /* opens that wait for `next` */
	struct endless {
		char *path;
		uint64_t until_ms;
	} endless[ENDLESS_MAX];
	size_t endless_count; /* that were ever noted */
	struct loop_timer retry;
	uint64_t pause_ms, mounted_ms;
	enum source_state state;
	int64_t since_s, next_try_s;
	struct err why;
};

/* ---- what others see ----------------------------------------------------- */

static void tell(struct nfs_source *n)
{
	if (n->base.changed)
		n->base.changed(n->base.changed_arg, NULL);
}

static void set_state(struct nfs_source *n, enum source_state state)
{
	if (n->state == state)
		return;
	n->state = state;
	n->since_s = mono_wall_s();
	tell(n);
}

static void get_status(const struct source *base,
		       struct source_status *ret_status)
{
	const struct nfs_source *n = list_entry(base, struct nfs_source, base);

	memset(ret_status, 0, sizeof(*ret_status));
	ret_status->state = n->state;
	ret_status->since_s = n->since_s;
	str_copy(ret_status->where, n->where, sizeof(ret_status->where));
	if (n->state == SOURCE_DOWN)
		ret_status->next_try_s = n->next_try_s;
	if (n->state != SOURCE_READY)
		str_copy(ret_status->why, n->why.text, sizeof(ret_status->why));
}

/* ---- connecting ---------------------------------------------------------- */

static void connect_next(struct nfs_source *n);

/* Half of the pause is chance, so that many clients do not come at once. */
static uint64_t take_pause(struct nfs_source *n)
{
	uint64_t ms = n->pause_ms, chance = 0;

	n->pause_ms = ms * 2 < PAUSE_LAST_MS ? ms * 2 : PAUSE_LAST_MS;
	if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) < 0)
		chance = mono_ns();
	return ms / 2 + chance % (ms / 2 + 1);
}

static void refuse_parked(struct nfs_source *n)
{
	struct list *it;

	while ((it = list_first(&n->parked)))
		nfs_op_refuse(list_entry(it, struct nfs_op, node), -ENOTCONN,
			      n->why.text);
}

/* Every address was tried in vain. */
static void go_down(struct nfs_source *n, const struct err *why)
{
	bool is_news = n->state == SOURCE_DOWN &&
		       strcmp(n->why.text, why->text);
	uint64_t ms = take_pause(n);

	n->next_try_s = mono_wall_s() + (int64_t)(ms + 999) / 1000;
	n->why = *why;
	nfs_session_free(n->current);
	n->current = NULL;
	refuse_parked(n);
	loop_timer_start(&n->retry, ms);
	if (is_news)
		tell(n);
	set_state(n, SOURCE_DOWN);
}

static struct nfs_session *end_session(struct nfs_source *n,
				       struct nfs_session *s)
{
	list_for_each_safe(it, &n->retired) {
		struct retired *r = list_entry(it, struct retired, node);

		if (r->session != s)
			continue;
		list_del(it);
		free(r);
	}
	nfs_session_free(s);
	return NULL;
}

static void on_ended(void *arg, struct nfs_session *s, const struct err *why)
{
	struct nfs_source *n = arg;
	struct err reason = *why;
	bool was_next = s == n->next, was_current = s == n->current;

	if (was_next)
		n->next = NULL;
	if (was_current)
		n->current = NULL;
	end_session(n, s);
	if (was_next && n->address < n->found.count) {
		connect_next(n);
	} else if (was_next) {
		go_down(n, &reason);
	} else if (was_current && !n->next && !n->resolve) {
		if (mono_ms() > n->mounted_ms + GOOD_LIFE_MS)
			n->pause_ms = PAUSE_FIRST_MS;
		n->why = reason;
		loop_timer_start(&n->retry, take_pause(n));
		set_state(n, SOURCE_CONNECTING);
	} else if (was_current) {
		n->why = reason;
		set_state(n, SOURCE_CONNECTING);
	}
}

static void retire_current(struct nfs_source *n)
{
	struct retired *r = n->spare;

	if (!n->current)
		return;
	r->session = n->current;
	list_add_tail(&n->retired, &r->node);
	n->spare = NULL;
	n->current = NULL;
	nfs_session_retire(r->session);
}

static void start(struct source_op *base);

static void on_mounted(void *arg, struct nfs_session *s)
{
	struct nfs_source *n = arg;
	struct list parked, *it;

	retire_current(n);
	n->current = s;
	n->next = NULL;
	n->mounted_ms = mono_ms();
	n->address = 0;
	list_take(&parked, &n->parked);
	while ((it = list_first(&parked))) {
		list_del(it);
		start(&list_entry(it, struct nfs_op, node)->base);
	}
	set_state(n, SOURCE_READY);
}

static void on_again(void *arg, struct nfs_op *op)
{
	start(&op->base);
}

static void on_endless(void *arg, const char *path)
{
	struct nfs_source *n = arg;
	struct endless *e = &n->endless[n->endless_count++ % ENDLESS_MAX];

	e->until_ms = mono_ms() + ENDLESS_MS;
	if (str_replace(&e->path, path))
		e->until_ms = 0; /* then it costs a session again */
}

static bool is_endless(const struct nfs_source *n, const char *path)
{
	for (size_t i = 0; i < ENDLESS_MAX; i++) {
		const struct endless *e = &n->endless[i];

		if (e->path && mono_ms() < e->until_ms &&
		    !strcmp(e->path, path))
			return true;
	}
	return false;
}

static void connect_next(struct nfs_source *n)
{
	struct nfs_session_config config = {
		.address = n->found.addresses[n->address++],
		.where = n->where,
		.export = n->config.directory,
		.version = n->config.version,
		.nfs_port = n->config.nfs_port,
		.mount_port = n->config.mount_port,
		.uid = n->config.uid,
		.gid = n->config.gid,
		.timeout_ms = n->config.timeout_ms,
		.lease_ms = n->config.lease_ms,
		.list_bytes_max = n->config.list_bytes_max,
	};
	struct nfs_session_calls calls = {
		.arg = n,
		.mounted = on_mounted,
		.ended = on_ended,
		.again = on_again,
		.endless = on_endless,
	};
	struct err why;

	if (!n->spare)
		n->spare = calloc(1, sizeof(*n->spare));
	if (n->spare &&
	    !nfs_session_new(n->base.loop, &config, &calls, &n->next))
		return;
	err_set(&why, -ENOMEM, "out of memory");
	go_down(n, &why);
}

static void on_resolved(void *arg, const struct resolve_result *result)
{
	struct nfs_source *n = arg;

	n->resolve = NULL;
	n->found = *result;
	n->address = 0;
	if (result->err.code)
		go_down(n, &result->err);
	else
		connect_next(n);
}

static void connect_anew(struct nfs_source *n)
{
	struct err why;

	if (n->resolve || n->next)
		return;
	loop_timer_stop(&n->retry);
	if (!resolve_start(n->base.loop, n->config.host, on_resolved, n,
			   &n->resolve))
		return;
	err_set(&why, -EAGAIN, "cannot resolve %s", n->config.host);
	go_down(n, &why);
}

static void on_retry(struct loop_timer *timer)
{
	connect_anew(list_entry(timer, struct nfs_source, retry));
}

/* ---- what source.c asks for ---------------------------------------------- */

static void start_on_file(struct nfs_op *op)
{
	struct nfs_file *file =
		list_entry(op->base.file, struct nfs_file, base);

	if (file->session)
		nfs_session_start(file->session, op);
	else
		nfs_op_refuse(op, -ENOTCONN,
			      "the connection it was opened on is gone");
}

static void start(struct source_op *base)
{
	struct nfs_op *op = list_entry(base, struct nfs_op, base);
	struct nfs_source *n =
		list_entry(base->source, struct nfs_source, base);

	list_init(&op->node);
	if (base->file) {
		start_on_file(op);
	} else if (!n->current) {
		nfs_op_refuse(op, -ENOTCONN,
			      *n->why.text ? n->why.text : "not connected");
	} else if (base->verb == SOURCE_LIST && is_endless(n, base->path)) {
		nfs_op_refuse(op, -EIO, nfs_op_endless);
	} else if (base->verb == SOURCE_OPEN &&
		   !nfs_session_can_open(n->current)) {
		list_add_tail(&n->parked, &op->node);
		connect_anew(n);
	} else {
		nfs_session_start(n->current, op);
	}
}

static void nfs_close(struct source *base)
{
	struct nfs_source *n = list_entry(base, struct nfs_source, base);

	n->base.changed = NULL;
	resolve_cancel(n->resolve);
	err_set(&n->why, -ENOTCONN, "closed");
	refuse_parked(n);
	list_for_each_safe(it, &n->retired) {
		struct retired *r = list_entry(it, struct retired, node);

		nfs_session_free(r->session);
		free(r);
	}
	nfs_session_free(n->next);
	nfs_session_free(n->current);
	loop_timer_release(&n->retry);
	free(n->spare);
	for (size_t i = 0; i < ENDLESS_MAX; i++)
		free(n->endless[i].path);
	free((char *)(uintptr_t)n->config.host);
	free((char *)(uintptr_t)n->config.directory);
	free(n);
}

static const struct source_ops nfs_ops = {
	.op_size = sizeof(struct nfs_op),
	.start = start,
	.release = nfs_op_release,
	.close_file = nfs_file_close,
	.close = nfs_close,
	.get_status = get_status,
};

/*
 * "Recording" and "/Recording" are the same to those who come from the bridge.
 */
static int copy_texts(struct nfs_source *n,
		      const struct source_nfs_config *config)
{
	const char *slash = config->directory[0] == '/' ? "" : "/";
	char *directory = NULL;

	n->config = *config;
	n->config.directory = NULL;
	n->config.host = strdup(config->host);
	if (asprintf(&directory, "%s%s", slash, config->directory) < 0)
		directory = NULL;
	n->config.directory = directory;
	if (!n->config.host || !directory)
		return -ENOMEM;
	snprintf(n->where, sizeof(n->where), "nfs://%.255s%.240s",
		 n->config.host, directory);
	return 0;
}

int source_nfs_open(struct loop *loop, const struct source_nfs_config *config,
		    source_changed_fn *changed, void *arg, struct source **ret,
		    struct err *err)
{
	struct nfs_source *n;
	int rc;

	if (!*config->host || !*config->directory)
		return err_set(err, -EINVAL, "%s is not set",
			       *config->host ? "nfs_directory" : "nfs_host");
	n = calloc(1, sizeof(*n));
	if (!n)
		return err_set(err, -ENOMEM, "out of memory");
	source_init(&n->base, &nfs_ops, loop, changed, arg);
	list_init(&n->retired);
	list_init(&n->parked);
	n->pause_ms = PAUSE_FIRST_MS;
	n->state = SOURCE_CONNECTING;
	n->since_s = mono_wall_s();
	rc = copy_texts(n, config);
	rc = rc ? rc : loop_timer_init(&n->retry, loop, on_retry);
	if (rc) {
		source_close(&n->base);
		return err_set(err, rc, "out of memory");
	}
	loop_timer_start(&n->retry, 0);
	*ret = &n->base;
	return 0;
}
