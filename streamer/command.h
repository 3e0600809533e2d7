/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_STREAMER_COMMAND_H
#define UPCAST_STREAMER_COMMAND_H

#include "lib/ctldir.h"
#include "lib/ctlsock.h"
#include "streamer/call.h"

/*
 * The commands of the streamer's `ctl` socket, upcast-control(7). What is done
 * is logged with the user behind it.
 */
struct command_target {
	struct calls *calls;
	struct ctldir *dir;
	int (*reload)(void *arg, struct err *answer);
	void *arg;
};

/* A ctlsock_fn; `arg` is the target. */
int command_run(void *arg, const struct ctlsock_command *command,
		struct err *answer);

#endif
