/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_FS_FOLLOW_H
#define UPCAST_FS_FOLLOW_H

#include "fs/model.h"
#include "lib/attr.h"
#include "lib/loop.h"

/*
 * Keeps a model in step with the control directory, on the loop.
 */
struct follow;

/* There are new lines in the model's log. */
typedef void follow_event_fn(void *arg);

int follow_new(struct loop *loop, const char *control_dir, struct model *m,
	       struct follow **ret) ATTR_MUST_CHECK;
void follow_free(struct follow *f);
void follow_on_event(struct follow *f, follow_event_fn *fn, void *arg);

/* Runs the loop until all that is there has been read. */
int follow_load(struct follow *f) ATTR_MUST_CHECK;

#endif
