/* SPDX-License-Identifier: MIT */
#include "uploader/beneath.h"

#include <errno.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel asks to try again when a rename crossed its way. */
enum { TRIES = 8 };

static int open_by_kernel(int root, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)flags,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};

	for (int i = 0; i < TRIES; i++) {
		long fd = syscall(SYS_openat2, root, path, &how, sizeof(how));

		if (fd >= 0)
			return (int)fd;
		if (errno != EAGAIN && errno != EINTR)
			break;
	}
	return -errno;
}

/* One component; `flags` are those of the last one. */
static int open_step(int dir, const char *name, size_t n, bool is_last,
		     int flags)
{
	char text[NAME_MAX + 1];
	int fd;

	if (n > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(text, name, n);
	text[n] = '\0';
	if (!strcmp(text, ".."))
		return -EXDEV;
	fd = openat(dir, text,
		    (is_last ? flags : O_PATH | O_DIRECTORY | O_CLOEXEC) |
			    O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

static int open_by_steps(int root, const char *path, int flags)
{
	int dir = root, fd;

	for (;;) {
		size_t n = strcspn(path, "/");
		bool is_last = !path[n];

		fd = open_step(dir, path, n, is_last, flags);
		if (dir != root)
			close(dir);
		if (fd < 0 || is_last)
			return fd;
		dir = fd;
		path += n + 1;
	}
}

int beneath_open(int root, const char *path, int flags)
{
	int fd;

	if (!*path)
		path = ".";
	flags |= O_CLOEXEC;
	fd = open_by_kernel(root, path, flags);
	/* Too old a kernel, or a filter that does not know the call. */
	if (fd == -ENOSYS || fd == -EPERM)
		fd = open_by_steps(root, path, flags);
	return fd;
}

int beneath_open_parent(int root, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/'),
		   *name = slash ? slash + 1 : path;
	char dir[PATH_MAX];
	size_t n = slash ? (size_t)(slash - path) : 0;
	int fd;

	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return -EINVAL;
	if (n >= sizeof(dir))
		return -ENAMETOOLONG;
	memcpy(dir, path, n);
	dir[n] = '\0';
	fd = beneath_open(root, dir, O_RDONLY | O_DIRECTORY);
	if (fd >= 0)
		*ret_name = name;
	return fd;
}
