/* SPDX-License-Identifier: MIT */
#include "tests/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void run(const char *const *argv, int out_fd)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(out_fd, STDOUT_FILENO);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

int child_start(struct child *c, const char *const *argv)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	c->pid = fork();
	if (!c->pid)
		run(argv, fds[1]);
	close(fds[1]);
	c->out_fd = fds[0];
	if (c->pid > 0)
		return 0;
	close(fds[0]);
	c->pid = 0;
	return -EAGAIN;
}

int child_read_line(struct child *c, char *dst, size_t size)
{
	size_t n = 0;
	char ch;

	while (n + 1 < size) {
		if (read(c->out_fd, &ch, 1) != 1)
			return -EPIPE;
		if (ch == '\n')
			break;
		dst[n++] = ch;
	}
	dst[n] = '\0';
	return 0;
}

void child_stop(struct child *c)
{
	if (c->pid <= 0)
		return;
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	close(c->out_fd);
	c->pid = 0;
}
