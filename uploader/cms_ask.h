/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_CMS_ASK_H
#define UPCAST_CMS_ASK_H

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/http.h"
#include "lib/secret.h"
#include "uploader/cms.h"

/*
 * One question (GET) to the bridge's API at a time, put to the hosts of a
 * cluster in turn, beginning with the one that last answered.
 *
 * The answer comes once, on the loop: 0 and the XML; -ENOENT where the bridge
 * says that the thing does not exist; else as cms_space_fn says. An ask may be
 * started again from inside its own answer, and stopped at any time.
 */
struct cms_bridge {
	struct http *http;
	char **hosts;
	size_t host_count, current;
	unsigned port, timeout_ms;
	char *user;
	struct secret password;
};

struct cms_ask;
typedef void cms_ask_fn(struct cms_ask *ask, int err, const struct err *why,
			const struct buf *body);

struct cms_ask {
	struct cms_bridge *bridge;
	struct http_request *request;
	char path[512]; /* below /api/v1/ */
	size_t host, tried;
	cms_ask_fn *fn;
};

int cms_bridge_init(struct cms_bridge *b, struct loop *loop,
		    const struct cms_config *config,
		    struct err *err) ATTR_MUST_CHECK;
void cms_bridge_release(struct cms_bridge *b);

int cms_ask_start(struct cms_ask *ask, struct cms_bridge *b, cms_ask_fn *fn,
		  const char *fmt, ...) ATTR_PRINTF(4, 5) ATTR_MUST_CHECK;
void cms_ask_stop(struct cms_ask *ask);

#endif
