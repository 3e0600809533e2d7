/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_CMS_H
#define UPCAST_CMS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"
#include "lib/loop.h"
#include "lib/secret.h"

/*
 * Client of the bridge's REST API (XML over HTTPS, Basic auth, /api/v1/).
 *
 * Several hosts are a cluster: tried in turn, starting with the one that last
 * answered. Answers are cached for cache_ms (also "there is no such space").
 * The XML reader is lib/cms_xml.h.
 *
 * Life cycle: cms_new(), lookups, cms_free(); a callback comes once, on the
 * loop, never from inside the call; cms_cancel() takes a lookup back. A
 * callback may do anything but cms_free(). What it is given lives until it
 * returns.
 *
 * Lookups of one space at the same time are one question. At most
 * CMS_MEMBERS_MAX (uploader/cms_parse.h) members are read, 1 000 spaces
 * remembered.
 */
struct cms;
struct cms_lookup;

struct cms_config {
	const char *hosts; /* words of str_next_word() */
	unsigned port;
	const char *user;
	const struct secret *password;
	const char *trust; /* CA bundle; the setting is cms_trust */
	unsigned timeout_ms;
	unsigned cache_ms;
};

struct cms_person {
	char *user_id; /* bridge's id, may be NULL */
	char *jid;     /* user1@example.com */
	char *email;   /* may be NULL: asked by cms_space() for each member */
	char *name;    /* may be NULL */
};

struct cms_space {
	bool exists; /* false: the bridge says that it has no such space */
	char *id, *name, *uri, *stream_url;
	struct cms_person owner; /* all NULL: none */
	struct cms_person *members;
	size_t member_count;
};

/*
 * What a failed lookup means. -EAGAIN: the bridge does not answer or is busy,
 * later may do. -EACCES: it refuses user or password (needs a person).
 * -EPROTO: its answer makes no sense. `why` has the sentence.
 */
typedef void cms_space_fn(void *arg, int err, const struct err *why,
			  const struct cms_space *space);

int cms_new(struct loop *loop, const struct cms_config *config,
	    struct cms **ret, struct err *err) ATTR_MUST_CHECK;
void cms_free(struct cms *cms);

/*
 * Name, owner and members (all pages, the owner's and members' users too). A
 * user whom the bridge no longer knows keeps what the space says: the JID.
 * -EMSGSIZE where this cannot be an id.
 */
int cms_get_space(struct cms *cms, const char *space_id, cms_space_fn *fn,
		  void *arg, struct cms_lookup **ret) ATTR_MUST_CHECK;
void cms_cancel(struct cms_lookup *lookup);
/* Forgets what is cached: after a reload. */
void cms_flush(struct cms *cms);

#endif
