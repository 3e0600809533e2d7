/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SERVICE_H
#define UPCAST_SERVICE_H

#include <stdbool.h>

#include "lib/attr.h"
#include "lib/err.h"

/*
 * The service manager, where there is one.
 */

/* Does systemd run this host? */
bool service_has_manager(void);

/*
 * Runs a program and waits: its exit status, or a negative errno. What it
 * prints goes where ours goes. argv[0] is found in PATH unless it has a slash.
 */
int service_spawn(const char *const *argv) ATTR_MUST_CHECK;

/*
 * systemctl VERB [--now] upcast-FOLDER, FOLDER as in the control directory.
 * -EIO with a sentence where it fails.
 */
int service_order(const char *verb, bool now, const char *folder,
		  struct err *err) ATTR_MUST_CHECK;

#endif
