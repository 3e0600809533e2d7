/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SERVICE_H
#define UPCAST_SERVICE_H

#include <stdbool.h>

#include "cli/cli.h"

/*
 * The service manager, where there is one, and other programs.
 */

/* Does systemd run this host? */
bool service_has_manager(void);

/*
 * Runs a program and waits: its exit status, or a negative errno. What it
 * prints goes where ours goes. argv[0] is found in PATH unless it has a slash.
 */
int service_spawn(const char *const *argv) ATTR_MUST_CHECK;

/*
 * The same with upcast-SECTION, which need not be in PATH, and the settings
 * that are in use; -ENOENT where it is not installed. `quiet`: without what it
 * prints on standard output.
 */
int service_daemon(const struct cli *cli, const char *section,
		   const char *const *args, bool quiet) ATTR_MUST_CHECK;

/*
 * systemctl VERB [--now] upcast-FOLDER, FOLDER as in the control directory.
 * -EIO with a sentence where it fails.
 */
int service_order(const char *verb, bool now, const char *folder,
		  struct err *err) ATTR_MUST_CHECK;

#endif
