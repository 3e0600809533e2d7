/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into a program under test: kills it at the n-th time it makes data
 * durable, before or after that (CRASH_AT=3, CRASH_AT=-3). What a power cut at
 * a journal's step looks like to the program.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static int count_to(void)
{
	const char *text = getenv("CRASH_AT");

	return text ? atoi(text) : 0;
}

static int sync_and_crash(const char *name, int fd)
{
	static atomic_int calls;
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
	int at = count_to(), now = ++calls, rc;

	if (at > 0 && now == at)
		kill(getpid(), SIGKILL);
	rc = real(fd);
	if (at < 0 && now == -at)
		kill(getpid(), SIGKILL);
	return rc;
}

int fdatasync(int fd)
{
	return sync_and_crash("fdatasync", fd);
}

int fsync(int fd)
{
	return sync_and_crash("fsync", fd);
}
