/* SPDX-License-Identifier: MIT */
#include "lib/spare.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

void spare_init(struct spare *spare)
{
	spare->fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void spare_release(struct spare *spare)
{
	if (spare->fd >= 0)
		close(spare->fd);
	spare->fd = -1;
}

static int take(int listener, struct sockaddr_storage *ret_peer)
{
	socklen_t len = sizeof(*ret_peer);
	int fd = accept4(listener, (struct sockaddr *)ret_peer, &len,
			 SOCK_CLOEXEC | SOCK_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

int spare_accept(struct spare *spare, int listener,
		 struct sockaddr_storage *ret_peer, int *ret_fd)
{
	int fd = take(listener, ret_peer), none = fd;

	if (fd >= 0) {
		*ret_fd = fd;
		return 0;
	}
	if (none != -EMFILE && none != -ENFILE)
		return none;
	spare_release(spare);
	fd = take(listener, ret_peer);
	if (fd >= 0)
		close(fd);
	spare_init(spare);
	return fd >= 0 ? none : fd;
}
