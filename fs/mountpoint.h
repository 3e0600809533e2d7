/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_FS_MOUNTPOINT_H
#define UPCAST_FS_MOUNTPOINT_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/attr.h"
#include "lib/err.h"

/*
 * Makes a place fit to be mounted on: makes the folder where it is missing and
 * takes away the mount that a killed upcast-fs left there. Never waits for a
 * file system that does not answer.
 *
 * -EBUSY where a living one has it; the sentence says what would be right.
 */
int mountpoint_prepare(const char *path, struct err *err) ATTR_MUST_CHECK;

/* Is something of ours mounted there? `table` is that of getmntent(3). */
bool mountpoint_is_ours(FILE *table, const char *path);

#endif
