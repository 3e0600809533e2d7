/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_FS_OPTIONS_H
#define UPCAST_FS_OPTIONS_H

#include "lib/attr.h"
#include "lib/err.h"

/*
 * The command line, in the words of mount(8), in any order:
 *
 *	upcast-fs [option]... [[source] mountpoint] [-o option,...]
 *
 * A source that is a path is the control directory. Options of our own are
 * config=FILE (-c FILE), control_dir=PATH, group=NAME and open; those that the
 * kernel or libfuse take go on to them; those that are for mount(8) and systemd
 * are dropped. What else begins with a dash is left in `argv`, for
 *boot_parse().
 */
struct options {
	/* NULL: not given */
	char *source, *mountpoint, *control_dir, *group, *config_path;
	char *kernel; /* by commas */
	int open;
	int argc, owns_argv;
	char **argv;
};

/* -EINVAL with a sentence, -ENOMEM. Pure. */
int options_parse(int argc, char **argv, struct options *ret,
		  struct err *err) ATTR_MUST_CHECK;
void options_release(struct options *o);

#endif
