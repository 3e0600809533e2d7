/* SPDX-License-Identifier: MIT */
#include "cli/service.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DAEMON_WORDS = 8 };

extern char **environ;

bool service_has_manager(void)
{
	return !access("/run/systemd/system", F_OK);
}

static int start(const char *const *argv, bool quiet, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	int err = -posix_spawn_file_actions_init(&actions);

	if (err)
		return err;
	if (quiet)
		err = -posix_spawn_file_actions_addopen(
			&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	/* POSIX has it without const, for C's sake; it changes nothing. */
	if (!err)
		err = -posix_spawnp(ret_pid, argv[0], &actions, NULL,
				    (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return err;
}

static int spawn(const char *const *argv, bool quiet)
{
	pid_t pid;
	int status, err;

	fflush(stdout);
	err = start(argv, quiet, &pid);
	if (err)
		return err;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

int service_spawn(const char *const *argv)
{
	return spawn(argv, false);
}

int service_daemon(const struct cli *cli, const char *section,
		   const char *const *args, bool quiet)
{
	const char *argv[DAEMON_WORDS + 1] = { NULL, "-c", cli->config_path };
	char path[256];
	int status, argc = 3;

	snprintf(path, sizeof(path), "%s/upcast-%s", SBINDIR, section);
	argv[0] = access(path, X_OK) ? strrchr(path, '/') + 1 : path;
	if (cli->instance && !strcmp(section, "uploader")) {
		argv[argc++] = "-i";
		argv[argc++] = cli->instance;
	}
	while (*args && argc < DAEMON_WORDS)
		argv[argc++] = *args++;
	status = spawn(argv, quiet);
	return status == 127 ? -ENOENT : status;
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
