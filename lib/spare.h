/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SPARE_H
#define UPCAST_SPARE_H

#include <sys/socket.h>

#include "lib/attr.h"

/*
 * A descriptor kept for the time when there are no more. A connection that
 * cannot be accepted for want of one stays in the queue and keeps the loop
 * awake; with this one it is taken, and ended at once.
 *
 * Life cycle: spare_init(), spare_accept() where the listener is readable,
 * spare_release().
 */
struct spare {
	int fd;
};

void spare_init(struct spare *spare);
void spare_release(struct spare *spare);

/*
 * The next connection, not blocking, with the address of its peer. -EAGAIN:
 * there is none; -EMFILE, -ENFILE: one was turned away, and the address is
 * its; or what accept(2) says.
 */
int spare_accept(struct spare *spare, int listener,
		 struct sockaddr_storage *ret_peer,
		 int *ret_fd) ATTR_MUST_CHECK;

#endif
