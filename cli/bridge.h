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
 * Paths are below /api/v1/. What fails leaves its sentence in `err`; -EPERM
 * where the bridge refuses user or password, -ENOENT where it knows no such
 * object.
 */
struct bridge {
	struct cli *cli;
	struct err err;
	struct bridge_link *link;
};

/* Where it fails, bridge_close() is due all the same. */
int bridge_open(struct cli *cli, struct bridge *ret) ATTR_MUST_CHECK;
void bridge_close(struct bridge *b);

/* bridge_get(b, &xml, "coSpaces/%s", id) */
int bridge_get(struct bridge *b, struct cms_xml **ret, const char *fmt, ...)
	ATTR_PRINTF(3, 4) ATTR_MUST_CHECK;

/* Each item of a collection, all pages; `fn` ends it with what it returns. It
 * may ask for more itself. */
typedef int bridge_item_fn(void *arg, const struct cms_xml_node *item);
typedef int bridge_each_fn(void *arg, const char *id,
			   const struct cms_xml_node *object);
int bridge_list(struct bridge *b, const char *collection, bridge_item_fn *fn,
		void *arg) ATTR_MUST_CHECK;

/* The same with all that the bridge knows of each: a question for every one. */
int bridge_each(struct bridge *b, const char *collection, bridge_each_fn *fn,
		void *arg) ATTR_MUST_CHECK;

struct bridge_field {
	const char *name, *value; /* a NULL name ends them */
};

/*
 * POST, PUT or DELETE of `path`, or of `path`/`id`, with fields or NULL. The
 * id of what a POST makes goes to `ret_id` unless that is NULL.
 */
enum { BRIDGE_ID_SIZE = 64 };
int bridge_send(struct bridge *b, const char *method, const char *path,
		const char *id, const struct bridge_field *fields,
		char *ret_id) ATTR_MUST_CHECK;

/* Of an answer: a child's text and the id, "" where there is none. */
const char *bridge_text(const struct cms_xml_node *n, const char *name);
const char *bridge_id(const struct cms_xml_node *n);

/* The address that this host has towards the bridge. */
int bridge_own_address(struct bridge *b, char *dst,
		       size_t size) ATTR_MUST_CHECK;

#endif
