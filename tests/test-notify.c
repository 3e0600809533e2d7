/* SPDX-License-Identifier: MIT */
#include "lib/notify.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit.h"

/* The service manager's socket, an abstract one. */
static int manager_listen(int *ret_fd)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(sa_family_t);
	char name[64];
	int fd;

	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, len))
		return -errno;
	len = sizeof(at);
	if (getsockname(fd, (struct sockaddr *)&at, &len))
		return -errno;
	snprintf(name, sizeof(name), "@%.*s",
		 (int)(len - sizeof(sa_family_t) - 1), at.sun_path + 1);
	setenv("NOTIFY_SOCKET", name, 1);
	*ret_fd = fd;
	return 0;
}

static const char *manager_read(int fd)
{
	static char text[4096];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static int test_words(void)
{
	char pid[32];
	int fd = -1, err;

	CHECK_OK(manager_listen(&fd));
	notify_ready();
	CHECK_STR(manager_read(fd), "READY=1");
	notify_reloading();
	CHECK(!strncmp(manager_read(fd), "RELOADING=1\nMONOTONIC_USEC=", 27));
	notify_status("3 calls\nREADY=1");
	CHECK_STR(manager_read(fd), "STATUS=3 calls");
	notify_stopping();
	CHECK_STR(manager_read(fd), "STOPPING=1");
	CHECK_EQ(notify_watchdog_ms(), 0);
	setenv("WATCHDOG_USEC", "30000000", 1);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	CHECK_EQ(notify_watchdog_ms(), 15000);
	notify_watchdog();
	CHECK_STR(manager_read(fd), "WATCHDOG=1");
	unsetenv("NOTIFY_SOCKET");
	notify_ready();
	CHECK_STR(manager_read(fd), "");
	err = 0;
out:
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	close(fd);
	return err;
}

static const struct unit_test tests[] = {
	{ "words to the service manager", test_words, 0 },
};
UNIT_MAIN(tests)
