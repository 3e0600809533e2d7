/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_DISCARD_H
#define UPCAST_DISCARD_H

/*
 * Deletes videos of ours beside the jobs: duplicates that a lost answer or a
 * lost race has left. Only what engine_is_ours() says is deleted; a failure
 * leaves it to the daily pass.
 */
struct engine;

void discard_start(struct engine *e, const char *video_id, const char *mark);
void discard_free_all(struct engine *e);

#endif
