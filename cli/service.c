/* SPDX-License-Identifier: MIT */
#include "cli/service.h"

#include <errno.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

bool service_has_manager(void)
{
	return !access("/run/systemd/system", F_OK);
}

int service_spawn(const char *const *argv)
{
	pid_t pid;
	int status, err;

	fflush(stdout);
	/* POSIX has it without const, for C's sake; it changes nothing. */
	err = -posix_spawnp(&pid, argv[0], NULL, NULL,
			    (char *const *)(uintptr_t)argv, environ);
	if (err)
		return err;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

int service_order(const char *verb, bool now, const char *folder,
		  struct err *err)
{
	char unit[128];
	const char *argv[] = { "systemctl", "--quiet", verb, unit, NULL, NULL };
	int status;

	snprintf(unit, sizeof(unit), "upcast-%s.service", folder);
	if (now)
		argv[4] = "--now";
	status = service_spawn(argv);
	if (!status)
		return 0;
	if (status < 0)
		return err_set(err, status, "systemctl: %s", err_str(status));
	return err_set(err, -EIO,
		       "systemctl %s %s failed; \"systemctl status %s\" says "
		       "why",
		       verb, unit, unit);
}
