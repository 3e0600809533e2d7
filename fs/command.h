/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_FS_COMMAND_H
#define UPCAST_FS_COMMAND_H

#include <sys/types.h>

#include "lib/attr.h"
#include "lib/ctlsock.h"
#include "lib/loop.h"

/*
 * Commands on their way to the daemons, on the loop: each is a connection to
 * the daemon's `ctl`, one line, one verdict, a second at most.
 *
 * A command that is taken back, or whose time is over, closes its connection:
 * a daemon does not run what nobody waits for any more.
 */
enum { COMMAND_TIMEOUT_MS = 1000, COMMAND_MAX = 32, COMMAND_TEXT = 512 };

struct command;
struct commands;

/* Once, on the loop, never from inside command_send(). */
typedef void command_done_fn(void *arg, int err, const char *sentence);

int commands_new(struct loop *loop, const char *control_dir,
		 struct commands **ret) ATTR_MUST_CHECK;
/* Takes back what is on its way. */
void commands_free(struct commands *c);

/*
 * What was written to a `ctl` as a command line: one line, its newline gone.
 * With an id it goes in behind the first word. -EINVAL, -EMSGSIZE. Pure.
 */
int command_format(const char *text, size_t len, const char *id,
		   char dst[COMMAND_TEXT]) ATTR_MUST_CHECK;

/*
 * Errors: -EBUSY too many on their way, -ECONNREFUSED no daemon listens,
 * -ETIMEDOUT it does not take connections in, -ENOMEM.
 */
int command_send(struct commands *c, const char *folder, uid_t uid,
		 const char *line, command_done_fn *done, void *arg,
		 struct command **ret) ATTR_MUST_CHECK;
void command_cancel(struct command *command);

#endif
