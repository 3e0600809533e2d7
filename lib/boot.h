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
 *	-i NAME		instance, where a program has them
 *	-n		check the settings and exit: 0, or 1 with all sentences
 *	-f		stay in the foreground, log to standard error
 *	-v		log at debug level; -V: version; -h: help
 *
 * Without -f the program detaches once boot_ready() is called: the command that
 * started it returns then, with 0, or earlier with 1 if it failed. Until then
 * standard error is still that of the command, and errors are told there.
 *
 *	boot_parse(argc, argv, &program, &boot);
 *	... conf_load(), log_open(), boot_limits() ...
 *	err = boot_detach(&boot, &e);		// before any thread
 *	... listen, drop into the loop ...
 *	boot_ready();
 */
#define BOOT_CONFIG_PATH "/etc/upcast/upcast.ini"

enum { BOOT_OPTIONS_MAX = 16, BOOT_EXIT_USAGE = 2 };

struct boot {
	const char *config_path;
	const char *instance; /* NULL: none */
	bool check_only;
	bool foreground;
	bool verbose;
	int argc; /* what follows the options: the first word without a dash */
	char **argv;
};

struct boot_option {
	const char *name; /* "probe": taken as --probe; NULL ends the table */
	bool *set;
	const char *help;
};

struct boot_program {
	const char *summary; /* what it does, for -h */
	bool has_instances;
	/* NULL, or at most BOOT_OPTIONS_MAX options of its own. */
	const struct boot_option *more;
};

/*
 * Prints usage or version and exits where the options ask for it, or with
 * BOOT_EXIT_USAGE where they are wrong.
 */
void boot_parse(int argc, char **argv, const struct boot_program *program,
		struct boot *ret);
/* Forks unless -f; returns in the child. Before threads, loops and locks. */
int boot_detach(const struct boot *boot, struct err *err) ATTR_MUST_CHECK;
/* Start is over: the parent may exit, the service manager is told. */
void boot_ready(void);
/* Raises RLIMIT_NOFILE to its hard limit, no core of secrets, umask 027. */
void boot_limits(void);

#endif
