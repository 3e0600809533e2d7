/* SPDX-License-Identifier: MIT */
#include "lib/spare.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit.h"

enum { CLIENTS = 3, FILES_MAX = 256 };

static int listen_somewhere(struct sockaddr_in *sa)
{
	socklen_t len = sizeof(*sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	*sa = (struct sockaddr_in){ .sin_family = AF_INET };
	sa->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)sa, len) || listen(fd, 8) ||
	    getsockname(fd, (struct sockaddr *)sa, &len))
		return -1;
	return fd;
}

/* All that there are; how many it took. */
static int use_up(int files[FILES_MAX])
{
	const struct rlimit few = { FILES_MAX / 2, FILES_MAX };
	int n = 0;

	if (setrlimit(RLIMIT_NOFILE, &few))
		return -1;
	while (n < FILES_MAX && (files[n] = dup(STDOUT_FILENO)) >= 0)
		n++;
	return n;
}

static int test_none_left(void)
{
	struct sockaddr_storage peer;
	struct sockaddr_in sa;
	struct spare spare;
	int files[FILES_MAX], clients[CLIENTS], n = 0, fd = -1, err;
	int listener = listen_somewhere(&sa);
	char byte;

	spare_init(&spare);
	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = socket(AF_INET, SOCK_STREAM, 0);
		CHECK(!connect(clients[i], (struct sockaddr *)&sa, sizeof(sa)));
	}
	CHECK_OK(spare_accept(&spare, listener, &peer, &fd));
	n = use_up(files);
	CHECK(n > 0 && n < FILES_MAX);
	for (int i = 1; i < CLIENTS; i++) {
		CHECK_ERR(spare_accept(&spare, listener, &peer, &fd), -EMFILE);
		CHECK_EQ(peer.ss_family, AF_INET);
		CHECK_EQ(recv(clients[i], &byte, 1, 0), 0);
	}
	CHECK_ERR(spare_accept(&spare, listener, &peer, &fd), -EAGAIN);
	CHECK_ERR(recv(clients[0], &byte, 1, MSG_DONTWAIT) < 0 ? -errno : 0,
		  -EAGAIN);
	err = 0;
out:
	while (n > 0)
		close(files[--n]);
	for (int i = 0; i < CLIENTS; i++)
		close(clients[i]);
	if (fd >= 0)
		close(fd);
	close(listener);
	spare_release(&spare);
	return err;
}

static const struct unit_test tests[] = {
	{ "one is turned away when there are no more descriptors",
	  test_none_left, UNIT_NO_OOM },
};
UNIT_MAIN(tests)
