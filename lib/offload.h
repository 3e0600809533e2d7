/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_OFFLOAD_H
#define UPCAST_OFFLOAD_H

#include <stdbool.h>

#include "lib/loop.h"

/*
 * Helper threads for what blocks: name resolution, fsync, local disk I/O.
 *
 * A job is a member of the object that it works for. `run` is called on a
 * helper thread and may touch only what the job carries; `done` is called on
 * the loop afterwards. Jobs of an offload with one thread run in order.
 *
 * Life cycle: offload_new(), offload_submit() from the loop's thread,
 * offload_free(): waits for the jobs that run, sets `canceled` in those that
 * wait, and calls every outstanding `done` before it returns.
 *
 *	job->work = (struct offload_job){ .run = sync_file, .done = synced };
 *	offload_submit(disk, &job->work);
 */
struct offload;
struct offload_job;

typedef void offload_fn(struct offload_job *job);

struct offload_job {
	struct loop_task task;
	offload_fn *run;  /* on a helper thread */
	offload_fn *done; /* on the loop */
	bool canceled;	  /* `run` was not called */
};

/* Errors: -ENOMEM, -EAGAIN (no thread to be had). `name`: for ps and gdb. */
int offload_new(struct loop *loop, const char *name, int threads,
		struct offload **ret_offload) ATTR_MUST_CHECK;
void offload_free(struct offload *o);
void offload_submit(struct offload *o, struct offload_job *job);

#endif
