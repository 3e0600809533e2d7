/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_FS_OPS_H
#define UPCAST_FS_OPS_H

#include <stdbool.h>
#include <sys/types.h>

#include "fs/command.h"
#include "fs/model.h"
#include "fs/render.h"
#include "lib/attr.h"
#include "lib/err.h"
#include "lib/loop.h"

/*
 * The mounted file system: the model through libfuse's low-level interface, on
 * the loop's thread. Every request is answered from memory or, where it waits
 * (a read of `stream`, a write to `ctl`), later; none holds the loop up.
 *
 * Life cycle: ops_mount(); `ready` once the kernel has greeted; `ended` once
 * somebody has unmounted it, or after ops_stop(); then ops_unmount(), when the
 * loop no longer runs.
 */
struct ops;

typedef void ops_fn(void *arg);

struct ops_config {
	const char *source, *mountpoint;
	const char
		*options; /* for the kernel and libfuse, by commas; or NULL */
	gid_t gid;	  /* who may read and command */
	bool open;	  /* everyone may read */
	struct model *model;
	struct render *render;
	struct commands *commands;
	ops_fn *ready, *ended;
	void *arg;
};

int ops_mount(struct loop *loop, const struct ops_config *config,
	      struct ops **ret, struct err *err) ATTR_MUST_CHECK;
void ops_stop(struct ops *ops);
void ops_unmount(struct ops *ops);

/* The log has new lines: those who wait for them get them. */
void ops_wake(struct ops *ops);

#endif
