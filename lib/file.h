/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_FILE_H
#define UPCAST_FILE_H

#include "lib/attr.h"
#include "lib/buf.h"

/*
 * Whole files on disk: read up to a bound; written beside and renamed over, so
 * that a reader, and a power cut, finds the old content or the new one.
 *
 *	struct file_draft d;
 *	err = file_draft_open(&d, path);
 *	if (!err)
 *		err = file_draft_write(&d, text, len);
 *	...				// d.fd: fchmod(), fchown()
 *	if (!err)
 *		err = file_draft_commit(&d);
 *	file_draft_release(&d);		// always; removes what is not committed
 *
 * Errors are those of the system calls.
 */

/* Adds the content to `dst`. -EMSGSIZE past its cap, -EINVAL no plain file. */
int file_read(const char *path, struct buf *dst) ATTR_MUST_CHECK;

struct file_draft {
	char *path; /* what it becomes */
	char *temp; /* ".NAME.XXXXXX" beside it, 0600 */
	int fd;
};

int file_draft_open(struct file_draft *d, const char *path) ATTR_MUST_CHECK;
int file_draft_write(struct file_draft *d, const void *p,
		     size_t n) ATTR_MUST_CHECK;
/* fsync, rename, fsync of the directory. */
int file_draft_commit(struct file_draft *d) ATTR_MUST_CHECK;
void file_draft_release(struct file_draft *d);

#endif
