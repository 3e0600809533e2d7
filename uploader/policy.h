/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_POLICY_H
#define UPCAST_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/conf.h"
#include "uploader/cms.h"
#include "uploader/rev.h"

/*
 * Who owns a video, who may see it and what it is called: the settings of the
 * original applied to what the bridge and Rev know. Pure.
 */

/* One name under which a person of the bridge may be known to Rev. */
struct policy_name {
	char text[256];
	bool is_email; /* an address, not a user name */
};

/*
 * The `i`-th name to try for the person, by `user_match` ("email jid
 * local-part"); false when there is no further one. A way that the person has
 * nothing for is passed over.
 */
bool policy_name(const struct conf *conf, const struct cms_person *person,
		 size_t i, struct policy_name *ret_name);

/* A person of the bridge as Rev knows it. */
struct policy_person {
	char *id;   /* Rev user id, NULL: unknown to Rev */
	char *name; /* Rev user name, or what was tried */
};

struct policy_input {
	const struct conf *conf;
	const char *space_id;	 /* "" for forwardedCalls */
	const char *space_name;	 /* NULL: no such space, or not known */
	int64_t recorded_s;	 /* when the recording began */
	int utc_offset_s;	 /* of the recorder's clock */
	struct policy_person owner; /* of the space */
	const struct policy_person *members;
	size_t member_count;
	struct policy_person fallback; /* fallback_owner */
	struct policy_person self;     /* the uploader's own account */
};

struct policy {
	char *title, *description;
	char *owner_id, *owner_name; /* owner_id NULL: the uploader's account */
	struct rev_viewer *viewers;
	size_t viewer_count;
	char *viewers_text; /* "anna (view), ben (edit)", cut; for people */
	char *note;	    /* what a person should know, or NULL */
};

enum { POLICY_VIEWERS_TEXT_MAX = 1024 };

int policy_decide(const struct policy_input *in,
		  struct policy *ret) ATTR_MUST_CHECK;
void policy_release(struct policy *p);

/*
 * Fills a title's or a description's words: {space} {date} {time} {id}
 * {owner}; other braces stay as they are.
 */
int policy_expand(const struct policy_input *in, const char *pattern,
		  const char *owner, struct buf *dst) ATTR_MUST_CHECK;

#endif
