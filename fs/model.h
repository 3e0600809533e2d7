/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_FS_MODEL_H
#define UPCAST_FS_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/eventlog.h"
#include "fs/facts.h"
#include "fs/tree.h"
#include "lib/attr.h"
#include "lib/ctlread.h"
#include "lib/list.h"
#include "lib/snapshot.h"

/*
 * What the control directory says, as a tree: its folders, links and values.
 * Pure: told by fs/follow.h, asked by fs/render.h and fs/ops.h, all on one
 * thread.
 *
 *	streamer/calls/<id>/			layout_call
 *	streamer/by-state/<state>/<id>		-> ../../calls/<id>
 *	uploader/recordings/<folders>/<stem>/	layout_recording
 *	uploader/by-state/<state>/<id>		-> ../../recordings/...
 *	uploader/by-space/<space>/<stem>	-> ../../recordings/...
 *
 * Two recordings of one name in one folder are told apart by "~<id>".
 *
 * The calls that fail with -ENOMEM leave a tree that is whole, if not the
 * latest.
 */
struct model {
	struct tree *tree;
	struct list daemons; /* struct daemon */
	struct eventlog log;
};

/* A folder of the control directory. The root's owner is the model. */
struct daemon {
	struct list node;
	const char *folder; /* "uploader@east" */
	bool is_streamer;
	struct node *dir, *items, *by_state, *by_space;
	struct facts facts;
	enum ctlread_status status;
	int64_t since_s;	   /* of the status: the last heartbeat */
	int64_t status_changed_ms; /* when we learned of it */
	struct object *objects;	   /* by id */
};

#define model_for_each(d, m)                                                   \
	for (struct daemon *d =                                                \
		     list_entry((m)->daemons.next, struct daemon, node);       \
	     &d->node != &(m)->daemons;                                        \
	     d = list_entry(d->node.next, struct daemon, node))

/* A call or a recording. The links to it in by-state/ are owned by it, too. */
struct object;
const char *object_id(const struct object *o);
struct daemon *object_daemon(const struct object *o);
const struct facts *object_facts(const struct object *o);
/* The value of that key of the snapshot, "" if unknown. */
const char *object_get(const struct object *o, const char *key);

int model_new(int64_t now_ms, struct model **ret) ATTR_MUST_CHECK;
void model_free(struct model *m);

int model_set_folder(struct model *m, const char *folder, bool exists,
		     int64_t now_ms) ATTR_MUST_CHECK;
void model_set_status(struct model *m, const char *folder,
		      enum ctlread_status status, int64_t since_s,
		      int64_t now_ms);
/* `s` NULL: there is none (any more). */
int model_set_state(struct model *m, const char *folder,
		    const struct snapshot *s, int64_t now_ms) ATTR_MUST_CHECK;
int model_set_object(struct model *m, const char *folder, const char *id,
		     const struct snapshot *s, int64_t now_ms) ATTR_MUST_CHECK;
/* The text is cut up. */
int model_set_counters(struct model *m, const char *folder, char *text,
		       int64_t now_ms) ATTR_MUST_CHECK;
/* What `error` says of a daemon (id NULL) or an object, until it says else. */
int model_set_error(struct model *m, const char *folder, const char *id,
		    const char *text, int64_t now_ms) ATTR_MUST_CHECK;

/* The files that a daemon's calls or recordings have. */
const struct layout *model_item_layout(const struct daemon *d);
/* Whose files the folder has: the object or NULL; the daemon or NULL. */
struct object *model_object_of(const struct node *dir);
struct daemon *model_daemon_of(const struct node *dir);

#endif
