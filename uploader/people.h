/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_PEOPLE_H
#define UPCAST_PEOPLE_H

#include "lib/conf.h"
#include "uploader/cms.h"
#include "uploader/policy.h"
#include "uploader/rev.h"

/*
 * Finds the people of the bridge on Rev, one name after the other as
 * `user_match` says, and remembers what it found: a space of ten thousand
 * members is asked for once, not at every recording.
 *
 * Life cycle: people_new(), people_find()..., people_free(). A search ends in
 * one call of its function, never from inside people_find(), unless it is
 * cancelled. An unknown person is no error: `person->id` is NULL then.
 */
struct people;
struct people_search;

/*
 * `failed` is NULL when all went well: `person` is then the caller's to copy.
 * Otherwise it is Rev's answer, and the search has stopped there.
 */
typedef void people_done_fn(void *arg, const struct rev_result *failed,
			    const struct policy_person *person);

enum { PEOPLE_CACHE_MS = 600000, PEOPLE_CACHE_MAX = 65536 };

int people_new(struct loop *loop, struct rev *rev,
	       struct people **ret) ATTR_MUST_CHECK;
void people_free(struct people *p);
/* Forgets what it knows: after a reload. */
void people_flush(struct people *p);

int people_find(struct people *p, const struct conf *conf,
		const struct cms_person *person, people_done_fn *done,
		void *arg, struct people_search **ret) ATTR_MUST_CHECK;
/* The same for a Rev user that the settings name: `user_match` plays no part. */
int people_find_user(struct people *p, const char *user, people_done_fn *done,
		     void *arg, struct people_search **ret) ATTR_MUST_CHECK;
void people_cancel(struct people_search *s);

#endif
