/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SPARE_H
#define UPCAST_SPARE_H

#include <sys/socket.h>

#include "lib/attr.h"

/*
 * A file descriptor held in reserve for when the process has used them up. A
 * connection that cannot be accepted for want of one stays in the listener's
 * queue and keeps the loop busy; with the reserve it is accepted and closed.
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
 * there is none; -EMFILE, -ENFILE: one was turned away, whose address
 * `ret_peer` is; or what accept(2) says.
 */
int spare_accept(struct spare *spare, int listener,
		 struct sockaddr_storage *ret_peer,
		 int *ret_fd) ATTR_MUST_CHECK;

#endif
