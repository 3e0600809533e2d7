/* SPDX-License-Identifier: MIT */
#include "uploader/job.h"

#include "tests/unit.h"

/* Walks the events; CHECKs the word after each. */
struct walk {
	enum job_event event;
	enum job_state want;
};

static int walk(enum job_state state, const struct walk *steps, size_t n)
{
	enum job_action action;
	int err = 0;

	for (size_t i = 0; i < n; i++) {
		CHECK_OK(job_step(state, steps[i].event, &state, &action));
		CHECK_EQ(state, steps[i].want);
		CHECK_EQ(action, job_action(state));
	}
out:
	return err;
}

static int test_straight(void)
{
	static const struct walk steps[] = {
		{ JOB_EV_SETTLED, JOB_QUEUED },
		{ JOB_EV_SLOT, JOB_PREPARING },
		{ JOB_EV_PREPARED, JOB_SEARCHING },
		{ JOB_EV_NOT_FOUND, JOB_SENDING },
		{ JOB_EV_SENT, JOB_MARKING },
		{ JOB_EV_MARKED, JOB_PROCESSING },
		{ JOB_EV_AGAIN, JOB_PROCESSING },
		{ JOB_EV_PROCESSED, JOB_ACTIVATING },
		{ JOB_EV_ACTIVATED, JOB_READY },
		{ JOB_EV_REMOVE, JOB_DELETING },
		{ JOB_EV_REMOVED, JOB_DELETED },
	};

	return walk(JOB_SETTLING, steps, ARRAY_SIZE(steps));
}

static int test_lost_answer(void)
{
	static const struct walk found[] = {
		{ JOB_EV_UNKNOWN, JOB_UNSURE },
		{ JOB_EV_AGAIN, JOB_UNSURE },
		{ JOB_EV_FOUND, JOB_MARKING },
	};
	static const struct walk none[] = {
		{ JOB_EV_UNKNOWN, JOB_UNSURE },
		{ JOB_EV_NOT_FOUND, JOB_SETTLING },
	};
	int err = walk(JOB_SENDING, found, ARRAY_SIZE(found));

	return err ? err : walk(JOB_SENDING, none, ARRAY_SIZE(none));
}

static int test_stale_video(void)
{
	static const struct walk steps[] = {
		{ JOB_EV_STALE, JOB_DISCARDING },
		{ JOB_EV_AGAIN, JOB_DISCARDING },
		{ JOB_EV_DISCARDED, JOB_UNMARKING },
		{ JOB_EV_UNMARKED, JOB_SETTLING },
	};

	return walk(JOB_MARKING, steps, ARRAY_SIZE(steps));
}

/*
 * The promise of exactly-once, held against the whole table: bytes go only from
 * a search that found nothing; a video that may exist is never forgotten.
 */
static int test_invariants(void)
{
	enum job_state next;
	enum job_action action;
	int err = 0;

	for (int s = 0; s < JOB_STATE_COUNT; s++) {
		for (int e = 0; e < JOB_EVENT_COUNT; e++) {
			if (job_step((enum job_state)s, (enum job_event)e,
				     &next, &action))
				continue;
			if (next == JOB_SENDING)
				CHECK(s == JOB_SEARCHING &&
				      e == JOB_EV_NOT_FOUND);
			if (next == JOB_ACTIVATING)
				CHECK(s == JOB_PROCESSING);
			if (s == JOB_UNSURE)
				CHECK(next == JOB_UNSURE ||
				      next == JOB_MARKING ||
				      next == JOB_PROCESSING ||
				      e == JOB_EV_NOT_FOUND);
			if (s == JOB_MARKING)
				CHECK(next == JOB_MARKING ||
				      next == JOB_PROCESSING ||
				      next == JOB_DISCARDING ||
				      e == JOB_EV_REFUSED);
		}
	}
	CHECK(job_is_durable(JOB_SENDING) && job_is_durable(JOB_MARKING));
	CHECK(job_is_durable(JOB_PROCESSING) && job_is_durable(JOB_DISCARDING));
	CHECK_EQ(job_resume(JOB_SENDING), JOB_UNSURE);
	CHECK_EQ(job_resume(JOB_QUEUED), JOB_SETTLING);
	CHECK_EQ(job_resume(JOB_MARKING), JOB_MARKING);
	CHECK_EQ(job_resume(JOB_ACTIVATING), JOB_PROCESSING);
out:
	return err;
}

static int test_names(void)
{
	enum job_state state;
	int err = 0;

	for (int s = 0; s < JOB_STATE_COUNT; s++) {
		CHECK_OK(job_parse_name(job_name((enum job_state)s), &state));
		CHECK_EQ(state, s);
		CHECK(job_word(state)[0]);
	}
	CHECK_ERR(job_parse_name("", &state), -EINVAL);
	CHECK_ERR(job_parse_name("uploading", &state), -EINVAL);
out:
	return err;
}

static int test_unwanted(void)
{
	enum job_state state = JOB_READY;
	enum job_action action = JOB_DO_SEND;
	int err = 0;

	CHECK_ERR(job_step(JOB_READY, JOB_EV_RETRY, &state, &action), -EINVAL);
	CHECK_ERR(job_step(JOB_MARKING, JOB_EV_CANCEL, &state, &action),
		  -EINVAL);
	CHECK_ERR(job_step(JOB_UNSURE, JOB_EV_CANCEL, &state, &action),
		  -EINVAL);
	/* A share that is empty for a while does not undo a person's word. */
	CHECK_ERR(job_step(JOB_IGNORED, JOB_EV_VANISHED, &state, &action),
		  -EINVAL);
	CHECK_EQ(state, JOB_READY);
	CHECK_EQ(action, JOB_DO_SEND);
	CHECK_OK(job_step(JOB_MARKING, JOB_EV_REFUSED, &state, &action));
	CHECK_EQ(state, JOB_FAILED);
	CHECK_OK(job_step(JOB_DISCARDING, JOB_EV_FOUND, &state, &action));
	CHECK_EQ(state, JOB_PROCESSING);
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "a recording's life", test_straight, 0 },
	{ "a lost answer is looked for", test_lost_answer, 0 },
	{ "a stale video is discarded", test_stale_video, 0 },
	{ "the table keeps its promises", test_invariants, 0 },
	{ "names round-trip", test_names, 0 },
	{ "events that mean nothing change nothing", test_unwanted, 0 },
};
UNIT_MAIN(tests)
