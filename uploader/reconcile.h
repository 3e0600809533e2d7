/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_RECONCILE_H
#define UPCAST_RECONCILE_H

#include "lib/attr.h"

/*
 * The daily pass: the account's inactive videos that carry a mark are held
 * against the recordings. One whose recording has become another video is a
 * duplicate that a lost answer or a lost journal has left: it is deleted. One
 * whose recording is still under way is let be, and so is one of a recording
 * that is not on this share: it is another uploader's.
 *
 * Before that it forgets what has been gone from the share for 90 days, unless
 * the share has not been looked at since yesterday.
 *
 * Life cycle: reconcile_new(), reconcile_start() when the journal is open and
 * after a reload, reconcile_stop() before the account goes, reconcile_free().
 */
struct engine;
struct reconcile;

int reconcile_new(struct engine *e, struct reconcile **ret) ATTR_MUST_CHECK;
void reconcile_free(struct reconcile *r);
void reconcile_start(struct reconcile *r);
void reconcile_stop(struct reconcile *r);
/* A pass at once. */
void reconcile_now(struct reconcile *r);

#endif
