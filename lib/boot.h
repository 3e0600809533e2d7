/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_BOOT_H
#define UPCAST_BOOT_H

#include <stdbool.h>

#include "lib/err.h"
#include "lib/log.h"

/*
 * What every daemon's main() begins with: the common options, and becoming a
 * daemon.
 *
 *	-c FILE		settings [/etc/upcast/upcast.ini]
 *	-i NAME		instance
 *	-n		check the settings and exit: 0, or 1 with the sentences
 *	-f		stay in the foreground, log to standard error
 *	-v		log at debug level; -V: version
 *
 * Without -f the program detaches once boot_ready() is called: the command that
 * started it returns then, with 0, or earlier with 1 if it failed.
 */
struct boot {
	const char *config_path;
	const char *instance; /* NULL: none */
	bool check_only;
	bool foreground;
	bool verbose;
	int argc; /* what follows the common options */
	char **argv;
};

struct boot_option {
	const char *name; /* "probe": taken as --probe */
	bool *set;
	const char *help;
};

/* Prints usage or version and exits where the options ask for it. */
void boot_parse(int argc, char **argv, const char *summary,
		const struct boot_option *more, struct boot *ret);
/* Forks unless -f; returns in the child. */
int boot_detach(const struct boot *boot, struct err *err) ATTR_MUST_CHECK;
/* Start is over: the parent may exit, the service manager is told. */
void boot_ready(void);
/* Raises RLIMIT_NOFILE to its hard limit, no core of secrets, umask 027. */
void boot_limits(void);

#endif
