/* SPDX-License-Identifier: MIT */
/*
 * prepare and people against a Rev and a bridge of the test's own: their
 * functions are defined here, so every order of answers and every want of
 * memory can be had.
 */
#include "uploader/prepare.h"

#include <stdlib.h>

#include "lib/str.h"
#include "tests/unit.h"

enum { CALLS_MAX = 64 };

/* A question under way: answered by the loop, as the real ones are. */
struct rev_call {
	struct loop_task task;
	rev_done_fn *done;
	void *arg;
	struct rev_result result;
	bool is_used;
};

struct cms_lookup {
	struct loop_task task;
	cms_space_fn *fn;
	void *arg;
	bool is_used;
};

struct bench {
	struct loop *loop;
	struct conf *conf;
	struct prepare_context context;
	struct prepare *prepare;
	struct prepare_result result; /* policy: ours */
	char space_name[64];
	bool is_done;
};

/* What the two say, and what they were asked. */
static struct {
	struct loop *loop;
	struct rev_call calls[CALLS_MAX];
	struct cms_lookup lookup;
	const struct cms_space *space;
	int space_err;
	enum rev_class user_class; /* for everybody, if not REV_OK */
	int users_asked;
} world;

static void answer_call(struct loop_task *task)
{
	struct rev_call *call = list_entry(task, struct rev_call, task);

	call->is_used = false;
	call->done(call->arg, &call->result);
}

static struct rev_call *new_call(rev_done_fn *done, void *arg)
{
	struct rev_call *call = world.calls;

	while (call->is_used)
		call++;
	*call = (struct rev_call){ .done = done, .arg = arg, .is_used = true };
	loop_task_init(&call->task, answer_call);
	loop_defer(world.loop, &call->task);
	return call;
}

int rev_get_rights(struct rev *rev, rev_done_fn *done, void *arg,
		   struct rev_call **ret)
{
	struct rev_call *call = new_call(done, arg);

	strcpy(call->result.user_id, "self-id");
	strcpy(call->result.user_name, "uploader");
	call->result.can_upload = true;
	*ret = call;
	return 0;
}

/* Everybody whose name begins with "known" is known. */
int rev_find_user(struct rev *rev, const char *name, bool is_email,
		  rev_done_fn *done, void *arg, struct rev_call **ret)
{
	struct rev_call *call = new_call(done, arg);

	world.users_asked++;
	if (world.user_class != REV_OK) {
		call->result.class = world.user_class;
		strcpy(call->result.why.text, "rev is not in the mood");
	} else if (!strncmp(name, "known", 5)) {
		snprintf(call->result.user_id, sizeof(call->result.user_id),
			 "id-of-%s", name);
		str_copy(call->result.user_name, name,
			 sizeof(call->result.user_name));
	} else {
		call->result.class = REV_GONE;
	}
	*ret = call;
	return 0;
}

void rev_cancel(struct rev_call *call)
{
	loop_cancel(world.loop, &call->task);
	call->is_used = false;
}

static void answer_space(struct loop_task *task)
{
	struct cms_lookup *l = list_entry(task, struct cms_lookup, task);
	struct err why = { 0 };

	l->is_used = false;
	if (world.space_err)
		err_set(&why, world.space_err, "the bridge is away");
	l->fn(l->arg, world.space_err, &why,
	      world.space_err ? NULL : world.space);
}

int cms_get_space(struct cms *cms, const char *space_id, cms_space_fn *fn,
		  void *arg, struct cms_lookup **ret)
{
	world.lookup = (struct cms_lookup){ .fn = fn, .arg = arg };
	world.lookup.is_used = true;
	loop_task_init(&world.lookup.task, answer_space);
	loop_defer(world.loop, &world.lookup.task);
	*ret = &world.lookup;
	return 0;
}

void cms_cancel(struct cms_lookup *lookup)
{
	loop_cancel(world.loop, &lookup->task);
	lookup->is_used = false;
}

static void on_prepared(void *arg, struct prepare_result *result)
{
	struct bench *b = arg;

	b->prepare = NULL;
	b->result = *result;
	str_copy(b->space_name, result->space_name ? result->space_name : "",
		 sizeof(b->space_name));
	b->is_done = true;
}

static int setup(struct bench *b, const char *settings)
{
	int err;

	memset(&world, 0, sizeof(world));
	err = loop_new(&b->loop);
	err = err ? err
		  : conf_parse("t.ini", settings, strlen(settings), NULL,
			       &b->conf, NULL);
	err = err ? err : people_new(b->loop, NULL, &b->context.people);
	world.loop = b->loop;
	b->context.loop = b->loop;
	b->context.conf = b->conf;
	b->context.cms = (struct cms *)&world; /* there is one */
	return err;
}

static void teardown(struct bench *b)
{
	prepare_cancel(b->prepare);
	policy_release(&b->result.policy);
	people_free(b->context.people);
	free(b->context.self.id);
	free(b->context.self.name);
	conf_free(b->conf);
	loop_free(b->loop);
}

static int run(struct bench *b, const char *space_id, bool without_bridge)
{
	struct prepare_input input = { .space_id = space_id,
				       .recorded_s = 1624000989,
				       .without_bridge = without_bridge };
	int err =
		prepare_start(&b->context, &input, on_prepared, b, &b->prepare);

	b->is_done = false;
	policy_release(&b->result.policy);
	for (int i = 0; !err && !b->is_done && i < 1000; i++)
		loop_flush(b->loop);
	if (!err && b->is_done && b->result.end == PREPARE_REV &&
	    unit_is_oom() && b->result.rev->class == REV_TRANSIENT)
		err = -ENOMEM; /* how a want of memory is told */
	return err;
}

static struct cms_space make_space(struct cms_person *members, size_t n)
{
	static char name[] = "Weekly", owner[] = "known.anna@example.com";

	return (struct cms_space){
		.exists = true,
		.name = name,
		.owner = { .jid = owner },
		.members = members,
		.member_count = n,
	};
}

static int test_whole(void)
{
	char ben[] = "known.ben@example.com", eve[] = "eve@example.com";
	struct cms_person members[] = { { .jid = ben }, { .jid = eve } };
	struct cms_space space = make_space(members, 2);
	struct bench b = { 0 };
	int err = setup(&b, "[uploader]\nuser_match = local-part\n");

	CHECK_OK(err);
	world.space = &space;
	CHECK_OK(run(&b, "guid", false));
	CHECK(b.is_done);
	CHECK_EQ(b.result.end, PREPARE_OK);
	CHECK_STR(b.space_name, "Weekly");
	CHECK_STR(b.result.policy.owner_id, "id-of-known.anna");
	CHECK_STR(b.result.policy.viewers_text, "known.ben (view)");
	CHECK_EQ(world.users_asked, 3);
	/* What Rev said is remembered, also that it does not know somebody. */
	CHECK_OK(run(&b, "guid", false));
	CHECK_EQ(b.result.end, PREPARE_OK);
	CHECK_EQ(world.users_asked, 3);
	people_flush(b.context.people);
	CHECK_OK(run(&b, "guid", false));
	CHECK_EQ(world.users_asked, 6);
	err = 0;
out:
	teardown(&b);
	return err;
}

static int test_fallback(void)
{
	struct cms_space none = { .exists = false };
	struct bench b = { 0 };
	int err = setup(&b, "[uploader]\nfallback_owner = known-admin\n");

	CHECK_OK(err);
	world.space = &none;
	CHECK_OK(run(&b, "guid", false));
	CHECK_EQ(b.result.end, PREPARE_OK);
	CHECK_STR(b.result.policy.owner_id, "id-of-known-admin");
	CHECK_STR(b.space_name, "");
	/* forwardedCalls: the bridge is not asked at all. */
	world.space_err = -EAGAIN;
	CHECK_OK(run(&b, "", false));
	CHECK_EQ(b.result.end, PREPARE_OK);
	err = 0;
out:
	teardown(&b);
	return err;
}

static int test_bridge_away(void)
{
	struct bench b = { 0 };
	int err = setup(&b, "[uploader]\n");

	CHECK_OK(err);
	world.space_err = -EAGAIN;
	CHECK_OK(run(&b, "guid", false));
	CHECK_EQ(b.result.end, PREPARE_BRIDGE);
	CHECK_EQ(b.result.bridge_err, -EAGAIN);
	CHECK_STR(b.result.why.text, "the bridge is away");
	CHECK_OK(run(&b, "guid", true));
	CHECK_EQ(b.result.end, PREPARE_OK);
	CHECK_STR(b.result.policy.owner_name, "uploader");
	err = 0;
out:
	teardown(&b);
	return err;
}

static int test_rev_away(void)
{
	struct cms_space space = make_space(NULL, 0);
	struct bench b = { 0 };
	int err = setup(&b, "[uploader]\n");

	CHECK_OK(err);
	world.space = &space;
	world.user_class = REV_LANE;
	CHECK_OK(run(&b, "guid", false));
	CHECK(b.is_done);
	CHECK_EQ(b.result.end, PREPARE_REV);
	err = 0;
out:
	teardown(&b);
	return err;
}

static int test_cancel(void)
{
	struct cms_space space = make_space(NULL, 0);
	struct prepare_input input = { .space_id = "guid" };
	struct bench b = { 0 };
	int err = setup(&b, "[uploader]\n");

	CHECK_OK(err);
	world.space = &space;
	/* Taken back at every point of its way. */
	for (int turns = 0; turns < 12; turns++) {
		CHECK_OK(prepare_start(&b.context, &input, on_prepared, &b,
				       &b.prepare));
		for (int i = 0; i < turns && b.prepare; i++)
			loop_flush(b.loop);
		prepare_cancel(b.prepare);
		b.prepare = NULL;
		policy_release(&b.result.policy);
		people_flush(b.context.people);
	}
	for (int i = 0; i < CALLS_MAX; i++)
		CHECK(!world.calls[i].is_used);
	err = 0;
out:
	teardown(&b);
	return err;
}

static const struct unit_test tests[] = {
	{ "space, people, policy", test_whole, 0 },
	{ "a space that is gone, a call without one", test_fallback, 0 },
	{ "the bridge is away", test_bridge_away, 0 },
	{ "rev is away", test_rev_away, 0 },
	{ "taken back at any time", test_cancel, 0 },
};
UNIT_MAIN(tests)
