/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_FS_NOTIFIER_H
#define UPCAST_FS_NOTIFIER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/loop.h"

/*
 * The thread that tells the kernel of changes. A notification may wait for a
 * lock that a process holds while it waits for an answer of ours, so it is
 * never sent from the thread that answers, and that thread goes on answering
 * until this one has ended.
 *
 * Life cycle: notifier_new(); notifier_send...() from the loop's thread;
 * notifier_stop() once, whose task says that the thread has ended; then
 * notifier_free(). `send` runs on the thread, or with `dropped` set on any:
 * it then only frees what the notice carries.
 */
struct notice {
	uint64_t parent, inode; /* an entry is gone; or, with a handle: */
	void *poll_handle;	/* whoever polls there should look again */
	const char *name;
};

typedef void notifier_send_fn(void *arg, const struct notice *notice,
			      bool dropped);

/* At most this many wait; what is more is dropped: an entry lives on for its
 * time-out then. */
enum { NOTIFIER_QUEUE = 4096 };

struct notifier;

int notifier_new(struct loop *loop, notifier_send_fn *send, void *arg,
		 struct notifier **ret) ATTR_MUST_CHECK;
void notifier_free(struct notifier *n);

void notifier_send_gone(struct notifier *n, uint64_t parent, uint64_t inode,
			const char *name);
void notifier_send_poll(struct notifier *n, void *poll_handle);
void notifier_stop(struct notifier *n, struct loop_task *stopped);

#endif
