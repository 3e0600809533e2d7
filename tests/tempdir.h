/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_TEMPDIR_H
#define UPCAST_TEMPDIR_H

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * A folder for one test, on a tmpfs where there is one: tempdir_make() fills in
 * its path, tempdir_remove() takes away all that is in it (nothing if the making
 * failed).
 */
enum { TEMPDIR_MAX = 256 };

static inline int tempdir_make(char path[TEMPDIR_MAX])
{
	const char *tmp = getenv("TMPDIR");

	if (!tmp)
		tmp = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
	snprintf(path, TEMPDIR_MAX, "%s/upcast-XXXXXX", tmp);
	if (mkdtemp(path))
		return 0;
	*path = '\0';
	return -errno;
}

static inline int tempdir_unlink(const char *path, const struct stat *st,
				 int what, struct FTW *at)
{
	return remove(path);
}

static inline void tempdir_remove(const char *path)
{
	if (*path && nftw(path, tempdir_unlink, 8, FTW_DEPTH | FTW_PHYS))
		perror(path);
}

#endif
