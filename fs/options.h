/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_FS_OPTIONS_H
#define UPCAST_FS_OPTIONS_H

#include <stdbool.h>

#include "lib/attr.h"
#include "lib/err.h"

/*
 * What stands on the command line behind the common options, in the words of
 * mount(8): [[source] mountpoint] [-o option,...]
 *
 * A source that is a path is the control directory. Options of our own are
 * config=FILE, control_dir=PATH, group=NAME and open; those that the kernel or
 * libfuse take go on to them; those that are for mount(8) and systemd are
 * dropped.
 */
struct options {
	/* NULL: not given */
	char *source, *mountpoint, *control_dir, *group, *config_path;
	bool open;
	char *kernel; /* by commas */
};

/*
 * Puts the -o behind everything else, after a "--": the common options may then
 * be read first, wherever it stood. The caller frees the array. -ENOMEM.
 */
int options_sort(int argc, char **argv, int *ret_argc,
		 char ***ret_argv) ATTR_MUST_CHECK;

/* -EINVAL with a sentence, -ENOMEM. Pure. */
int options_parse(int argc, char **argv, struct options *ret,
		  struct err *err) ATTR_MUST_CHECK;
void options_release(struct options *o);

#endif
