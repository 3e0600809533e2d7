/* SPDX-License-Identifier: MIT */
#include "uploader/prepare.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/str.h"

/*
 * The people, in the order in which they are looked for: the space's owner,
 * the fall-back, then its members.
 */
enum { WHO_OWNER, WHO_FALLBACK, WHO_MEMBERS };

struct prepare {
	struct prepare_context *context;
	char *space_id;
	int64_t recorded_s;
	int utc_offset_s;
	bool without_bridge;

	/* Copies of what the bridge said. */
	char *space_name;
	struct cms_person *asked; /* WHO_OWNER, WHO_FALLBACK, members */
	struct policy_person *found;
	size_t count, next;

	struct rev_call *call;
	struct cms_lookup *lookup;
	struct people_search *search;
	struct loop_task task;
	prepare_done_fn *done;
	void *arg;
};

static void release_asked(struct cms_person *person)
{
	free(person->jid);
	free(person->email);
}

static void release_person(struct policy_person *person)
{
	free(person->id);
	free(person->name);
}

static void free_prepare(struct prepare *p)
{
	loop_cancel(p->context->loop, &p->task);
	for (size_t i = 0; i < p->count; i++) {
		release_asked(&p->asked[i]);
		release_person(&p->found[i]);
	}
	free(p->asked);
	free(p->found);
	free(p->space_name);
	free(p->space_id);
	free(p);
}

void prepare_cancel(struct prepare *p)
{
	if (!p)
		return;
	if (p->call)
		rev_cancel(p->call);
	if (p->lookup)
		cms_cancel(p->lookup);
	if (p->search)
		people_cancel(p->search);
	free_prepare(p);
}

static void finish(struct prepare *p, struct prepare_result *result)
{
	result->space_name = p->space_name;
	p->done(p->arg, result);
	free_prepare(p);
}

static void finish_rev(struct prepare *p, const struct rev_result *rev)
{
	struct prepare_result result = { .end = PREPARE_REV, .rev = rev };

	finish(p, &result);
}

/* Our own want of memory: like an outage, it is tried again. */
static void finish_err(struct prepare *p, int err)
{
	struct rev_result rev = { .class = REV_TRANSIENT };

	err_set(&rev.why, err, "preparing the upload: %s", err_str(err));
	finish_rev(p, &rev);
}

static void decide(struct prepare *p)
{
	struct prepare_result result = { .end = PREPARE_OK };
	struct policy_input in = {
		.conf = p->context->conf,
		.space_id = p->space_id,
		.space_name = p->space_name,
		.recorded_s = p->recorded_s,
		.utc_offset_s = p->utc_offset_s,
		.owner = p->found[WHO_OWNER],
		.fallback = p->found[WHO_FALLBACK],
		.members = p->found + WHO_MEMBERS,
		.member_count = p->count - WHO_MEMBERS,
		.self = p->context->self,
	};
	int err = policy_decide(&in, &result.policy);

	if (err)
		finish_err(p, err);
	else
		finish(p, &result);
}

static void find_next(struct loop_task *task);

static void on_person(void *arg, const struct rev_result *failed,
		      const struct policy_person *person)
{
	struct prepare *p = arg;
	struct policy_person *found = &p->found[p->next];

	p->search = NULL;
	if (failed) {
		finish_rev(p, failed);
		return;
	}
	if (str_replace(&found->id, person->id) ||
	    str_replace(&found->name, person->name)) {
		finish_err(p, -ENOMEM);
		return;
	}
	p->next++;
	loop_defer(p->context->loop, &p->task);
}

static bool is_nobody(const struct cms_person *person)
{
	return !person->jid && !person->email;
}

static void find_next(struct loop_task *task)
{
	struct prepare *p = list_entry(task, struct prepare, task);
	struct prepare_context *c = p->context;
	const struct cms_person *who;
	int err;

	while (p->next < p->count && is_nobody(&p->asked[p->next]))
		p->next++;
	if (p->next == p->count) {
		decide(p);
		return;
	}
	who = &p->asked[p->next];
	err = p->next == WHO_FALLBACK
		      ? people_find_user(c->people, who->jid, on_person, p,
					 &p->search)
		      : people_find(c->people, c->conf, who, on_person, p,
				    &p->search);
	if (err)
		finish_err(p, err);
}

static int copy_person(struct cms_person *dst, const struct cms_person *src)
{
	int err = str_replace(&dst->jid, src->jid);

	return err ? err : str_replace(&dst->email, src->email);
}

/* `space` NULL: there is none, or none is known. */
static int take_people(struct prepare *p, const struct cms_space *space)
{
	const char *fallback =
		conf_text(p->context->conf, OPT_UP_FALLBACK_OWNER);
	size_t members = space ? space->member_count : 0;
	int err = 0;

	p->asked = calloc(WHO_MEMBERS + members, sizeof(*p->asked));
	p->found = calloc(WHO_MEMBERS + members, sizeof(*p->found));
	if (!p->asked || !p->found)
		return -ENOMEM;
	p->count = WHO_MEMBERS + members;
	if (*fallback)
		err = str_replace(&p->asked[WHO_FALLBACK].jid, fallback);
	if (space && !err)
		err = copy_person(&p->asked[WHO_OWNER], &space->owner);
	for (size_t i = 0; i < members && !err; i++)
		err = copy_person(&p->asked[WHO_MEMBERS + i],
				  &space->members[i]);
	if (space && !err)
		err = str_replace(&p->space_name, space->name);
	return err;
}

static void go_on_with(struct prepare *p, const struct cms_space *space)
{
	int err = take_people(p, space);

	if (err) {
		finish_err(p, err);
		return;
	}
	p->task.run = find_next;
	loop_defer(p->context->loop, &p->task);
}

static void on_space(void *arg, int err, const struct err *why,
		     const struct cms_space *space)
{
	struct prepare *p = arg;
	struct prepare_result result = { .end = PREPARE_BRIDGE,
					 .bridge_err = err };

	p->lookup = NULL;
	if (!err) {
		go_on_with(p, space->exists ? space : NULL);
		return;
	}
	if (p->without_bridge) {
		go_on_with(p, NULL);
		return;
	}
	result.why = *why;
	finish(p, &result);
}

static void ask_bridge(struct prepare *p)
{
	struct cms *cms = p->context->cms;
	int err;

	if (!cms || !*p->space_id) {
		go_on_with(p, NULL);
		return;
	}
	err = cms_get_space(cms, p->space_id, on_space, p, &p->lookup);
	if (err)
		finish_err(p, err);
}

static void on_rights(void *arg, const struct rev_result *result)
{
	struct prepare *p = arg;
	struct policy_person *self = &p->context->self;

	p->call = NULL;
	if (result->class != REV_OK) {
		finish_rev(p, result);
		return;
	}
	if (str_replace(&self->id, result->user_id) ||
	    str_replace(&self->name, result->user_name)) {
		finish_err(p, -ENOMEM);
		return;
	}
	ask_bridge(p);
}

static void begin(struct loop_task *task)
{
	struct prepare *p = list_entry(task, struct prepare, task);
	int err;

	if (p->context->self.name) {
		ask_bridge(p);
		return;
	}
	err = rev_get_rights(p->context->rev, on_rights, p, &p->call);
	if (err)
		finish_err(p, err);
}

int prepare_start(struct prepare_context *context,
		  const struct prepare_input *input, prepare_done_fn *done,
		  void *arg, struct prepare **ret)
{
	struct prepare *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->context = context;
	p->recorded_s = input->recorded_s;
	p->utc_offset_s = input->utc_offset_s;
	p->without_bridge = input->without_bridge;
	p->done = done;
	p->arg = arg;
	loop_task_init(&p->task, begin);
	if (str_replace(&p->space_id, input->space_id)) {
		free_prepare(p);
		return -ENOMEM;
	}
	loop_defer(context->loop, &p->task);
	*ret = p;
	return 0;
}
