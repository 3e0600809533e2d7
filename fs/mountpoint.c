/* SPDX-License-Identifier: MIT */
#include "fs/mountpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROBE_MS = 2000 };

static const char our_type[] = "fuse.upcast-fs";

bool mountpoint_is_ours(FILE *table, const char *path)
{
	char line[2 * PATH_MAX];
	struct mntent entry;
	bool found = false;

	while (!found && getmntent_r(table, &entry, line, sizeof(line)))
		found = !strcmp(entry.mnt_type, our_type) &&
			!strcmp(entry.mnt_dir, path);
	return found;
}

/*
 * The path as the kernel writes it. Its last part is not resolved: that would
 * ask the file system which may not answer.
 */
static char *kernel_path(const char *path)
{
	char *copy = strdup(path), *slash, *parent, *full = NULL;

	if (!copy)
		return NULL;
	for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--)
		copy[n - 1] = '\0';
	slash = strrchr(copy, '/');
	if (slash && slash != copy) {
		*slash = '\0';
		parent = realpath(copy, NULL);
		*slash = '/';
		if (parent && asprintf(&full, "%s%s", parent, slash) < 0)
			full = NULL;
		free(parent);
	}
	if (!full)
		return copy;
	free(copy);
	return full;
}

/*
 * What statfs() says, 0 or an errno, or -ETIMEDOUT: of what stat() asks the
 * kernel may still know the answer. A child asks: it may wait for as long as it
 * likes.
 */
static int probe(const char *path)
{
	struct statfs st;
	struct pollfd p;
	int fds[2], status = -ETIMEDOUT;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (pid == 0)
		_exit(statfs(path, &st) ? errno : 0);
	close(fds[1]);
	p = (struct pollfd){ .fd = fds[0], .events = POLLIN };
	/* Its end closes the pipe. */
	if (pid > 0 && poll(&p, 1, PROBE_MS) == 0)
		kill(pid, SIGKILL);
	close(fds[0]);
	if (pid < 0)
		return -EAGAIN;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ETIMEDOUT;
}

/* As root directly; others need the helper that mounted it. */
static int detach(const char *path)
{
	pid_t pid;
	int status = -1;

	if (!umount2(path, MNT_DETACH))
		return 0;
	if (errno != EPERM)
		return -errno;
	pid = fork();
	if (pid == 0) {
		execlp("fusermount3", "fusermount3", "-uz", "--", path,
		       (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
		return -EPERM;
	return 0;
}

static int clear_stale(const char *path, struct err *err)
{
	int code = probe(path);

	if (!code)
		return err_set(err, -EBUSY,
			       "%s: another upcast-fs has it mounted and "
			       "answers; stop that one first",
			       path);
	if (code == -ETIMEDOUT)
		return err_set(err, -EBUSY,
			       "%s: another upcast-fs has it mounted and does "
			       "not answer; end that process first",
			       path);
	if (code != -ENOTCONN)
		return err_set(err, code, "%s: %s", path, err_str(code));
	code = detach(path);
	if (code)
		return err_set(err, code,
			       "%s: the mount of a dead upcast-fs cannot be "
			       "taken away: %s",
			       path, err_str(code));
	return 0;
}

static int make_folder(const char *path, struct err *err)
{
	struct stat st;

	if (mkdir(path, 0755) && errno != EEXIST)
		return err_set(err, -errno, "%s: %s", path, err_str(-errno));
	if (stat(path, &st))
		return err_set(err, -errno, "%s: %s", path, err_str(-errno));
	if (!S_ISDIR(st.st_mode))
		return err_set(err, -ENOTDIR, "%s: is no folder to mount on",
			       path);
	return 0;
}

int mountpoint_prepare(const char *path, struct err *err)
{
	FILE *table = setmntent("/proc/self/mounts", "re");
	char *full = kernel_path(path);
	int code = 0;

	if (!full || !table)
		code = err_set(err, -errno, "%s: %s", path, err_str(-errno));
	else if (mountpoint_is_ours(table, full))
		code = clear_stale(full, err);
	if (!code)
		code = make_folder(full, err);
	if (table)
		endmntent(table);
	free(full);
	return code;
}
