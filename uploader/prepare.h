/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_PREPARE_H
#define UPCAST_PREPARE_H

#include "lib/conf.h"
#include "uploader/cms.h"
#include "uploader/people.h"
#include "uploader/policy.h"
#include "uploader/rev.h"

/*
 * Gets ready to upload one recording: asks the bridge for its space, Rev for
 * the people, and lets the policy decide.
 *
 *	account -> space -> owner, members, fall-back -> policy
 *
 * A prepare ends in one call of `done`, never from inside prepare_start(),
 * unless it is cancelled.
 */
struct prepare;

/* What all prepares share; the caller keeps it while any of them lives. */
struct prepare_context {
	struct loop *loop;
	const struct conf *conf;
	struct cms *cms; /* NULL: no bridge is asked */
	struct rev *rev;
	struct people *people;
	struct policy_person self; /* the account; filled by the first */
};

struct prepare_input {
	const char *space_id; /* "" for forwardedCalls */
	int64_t recorded_s;
	int utc_offset_s;
	/* A bridge that does not answer is no longer waited for. */
	bool without_bridge;
};

enum prepare_end {
	PREPARE_OK,
	PREPARE_REV,	/* Rev's answer stands in the way: `rev` */
	PREPARE_BRIDGE, /* the bridge's does: `why` */
};

struct prepare_result {
	enum prepare_end end;
	const struct rev_result *rev;
	int bridge_err; /* as cms_space_fn says */
	struct err why;
	struct policy policy;	/* PREPARE_OK: now the callee's */
	const char *space_name; /* NULL: none */
};

typedef void prepare_done_fn(void *arg, struct prepare_result *result);

int prepare_start(struct prepare_context *context,
		  const struct prepare_input *input, prepare_done_fn *done,
		  void *arg, struct prepare **ret) ATTR_MUST_CHECK;
void prepare_cancel(struct prepare *p);

#endif
