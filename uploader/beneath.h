/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_BENEATH_H
#define UPCAST_BENEATH_H

#include <fcntl.h>

#include "lib/attr.h"

/*
 * Opening files below a directory and nowhere else: whoever may write there
 * must not lead us out of it by a symbolic link or "..". Blocking.
 *
 * The kernel does it (openat2, RESOLVE_BENEATH: links that stay inside are
 * followed); where it cannot, component by component without following any.
 */

/* A descriptor or a negative errno; -EXDEV or -ELOOP: it leads out. `path` is
 * relative, "" is the directory itself. Close-on-exec is added. */
int beneath_open(int root, const char *path, int flags) ATTR_MUST_CHECK;

/*
 * Opens the folder that holds `path`; *ret_name points to the last component.
 * -EINVAL where that is empty, "." or "..".
 */
int beneath_open_parent(int root, const char *path,
			const char **ret_name) ATTR_MUST_CHECK;

#endif
