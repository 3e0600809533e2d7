/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_BRIDGE_H
#define UPCAST_BRIDGE_H

#include "cli/cli.h"
#include "lib/cms_xml.h"
#include "lib/err.h"

/*
 * The bridge's API, one request after the other: what a command line wants.
 * Hosts, user, password and trust are the uploader's settings cms_*; of several
 * hosts the first that answers is spoken to.
 *
 * Paths are below /api/v1/. Sentences say what the bridge said; -EACCES where
 * it refuses user or password, -ENOENT where it knows no such object.
 */
struct bridge;

int bridge_open(const struct cli *cli, struct bridge **ret,
		struct err *err) ATTR_MUST_CHECK;
void bridge_close(struct bridge *b);

int bridge_get(struct bridge *b, const char *path, struct cms_xml **ret,
	       struct err *err) ATTR_MUST_CHECK;
/*
 * POST, PUT or DELETE with a form, "a=b&c=d" encoded, or NULL. The id of what
 * a POST makes goes to `ret_id` unless that is NULL.
 */
enum { BRIDGE_ID_SIZE = 64 };
int bridge_send(struct bridge *b, const char *method, const char *path,
		const char *form, char *ret_id,
		struct err *err) ATTR_MUST_CHECK;

/* Each item of a collection, all pages; `fn` ends it with an error of its own.
 */
typedef int bridge_item_fn(void *arg, const struct cms_xml_node *item);
int bridge_list(struct bridge *b, const char *collection, bridge_item_fn *fn,
		void *arg, struct err *err) ATTR_MUST_CHECK;

/* Of an answer: a child's text and the id, "" where there is none. */
const char *bridge_text(const struct cms_xml_node *n, const char *name);
const char *bridge_id(const struct cms_xml_node *n);

/* The address that this host has towards the bridge. */
int bridge_own_address(const struct bridge *b, char *dst, size_t size,
		       struct err *err) ATTR_MUST_CHECK;

#endif
