/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_UPLOADER_COMMAND_H
#define UPCAST_UPLOADER_COMMAND_H

#include "lib/ctlsock.h"
#include "uploader/engine.h"

/*
 * The words of the uploader's `ctl` (upcast-control(7)): retry, cancel and
 * forget a recording; pause, resume, rescan, reload, ping. A ctlsock_fn whose
 * argument is a struct command_target; every command is logged with the uid
 * behind it.
 */
struct command_target {
	struct engine *engine;
	/* Re-reads the settings: the owner's. */
	int (*reload)(void *arg, struct err *answer);
	void *arg;
};

int command_run(void *arg, const struct ctlsock_command *command,
		struct err *answer);

#endif
