/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_CTLFOLDER_H
#define UPCAST_CTLFOLDER_H

#include <stdbool.h>
#include <sys/inotify.h>

#include "lib/attr.h"
#include "lib/ctlwatch.h"
#include "lib/list.h"

/*
 * One daemon's folder, as lib/ctlwatch.c follows it: what inotify says marks
 * what has to be looked at again, ctlfolder_work() looks and tells. Part of
 * lib/ctlwatch.h; nobody else includes it.
 */
struct ctlfolder;

/*
 * Watches TOP/name with that inotify descriptor; everything is to be looked at.
 * -EINVAL if the name is no daemon's, -EIO, -ENOMEM.
 */
int ctlfolder_new(int inotify_fd, const char *top, const char *name,
		  const struct ctlwatch_ops *ops, void *arg,
		  struct ctlfolder **ret) ATTR_MUST_CHECK;
void ctlfolder_free(struct ctlfolder *f);

const char *ctlfolder_name(const struct ctlfolder *f);
void ctlfolder_mark_all(struct ctlfolder *f);
void ctlfolder_mark_status(struct ctlfolder *f);
/* Is the change one of this folder? */
bool ctlfolder_on_change(struct ctlfolder *f, const struct inotify_event *e);

/* Looks at files, `*budget` of them at most, which it counts down. */
void ctlfolder_work(struct ctlfolder *f, int *budget);
bool ctlfolder_has_work(const struct ctlfolder *f);

#endif
