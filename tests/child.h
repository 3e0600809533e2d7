/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_CHILD_H
#define UPCAST_CHILD_H

#include <stddef.h>
#include <sys/types.h>

#include "lib/attr.h"

/*
 * A program that a test starts and ends: its standard output is read line by
 * line, and it dies with the test, however that ends.
 */
struct child {
	pid_t pid;
	int out_fd; /* its standard output */
};

int child_start(struct child *c, const char *const *argv) ATTR_MUST_CHECK;
/* The next line, without the newline; -EPIPE where the program is gone. */
int child_read_line(struct child *c, char *dst, size_t size) ATTR_MUST_CHECK;
/* Takes a zeroed one, too. */
void child_stop(struct child *c);

#endif
