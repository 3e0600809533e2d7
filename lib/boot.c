/* SPDX-License-Identifier: MIT */
#include "lib/boot.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/notify.h"
#include "lib/schema.h"

/* The last one is only for programs that have instances. */
static const struct {
	struct option option;
	const char *argument, *help;
} common[] = {
	{ { "config", required_argument, NULL, 'c' },
	  " FILE",
	  "settings [" BOOT_CONFIG_PATH "]" },
	{ { "check", no_argument, NULL, 'n' },
	  "",
	  "check the settings and exit" },
	{ { "foreground", no_argument, NULL, 'f' },
	  "",
	  "stay in the foreground, log to standard error" },
	{ { "verbose", no_argument, NULL, 'v' }, "", "log at debug level" },
	{ { "version", no_argument, NULL, 'V' }, "", "print the version" },
	{ { "help", no_argument, NULL, 'h' }, "", "print this" },
	{ { "instance", required_argument, NULL, 'i' },
	  " NAME",
	  "instance: section [uploader NAME]" },
};

/* The write end that tells the parent, in a daemon that is not yet ready. */
static int ready_fd = -1;

static size_t common_count(const struct boot_program *program)
{
	return ARRAY_SIZE(common) - !program->has_instances;
}

static void print_usage(FILE *to, const struct boot_program *program)
{
	const struct boot_option *more = program->more;
	char name[64];

	fprintf(to, "usage: %s [options]\n%s\n\n",
		program_invocation_short_name, program->summary);
	for (size_t i = 0; i < common_count(program); i++) {
		snprintf(name, sizeof(name), "-%c, --%s%s",
			 common[i].option.val, common[i].option.name,
			 common[i].argument);
		fprintf(to, "  %-24s %s\n", name, common[i].help);
	}
	for (; more && more->name; more++) {
		snprintf(name, sizeof(name), "    --%s", more->name);
		fprintf(to, "  %-24s %s\n", name, more->help);
	}
}

static void ATTR_NORETURN exit_usage(const struct boot_program *program)
{
	print_usage(stderr, program);
	exit(BOOT_EXIT_USAGE);
}

static const char *check_instance(const char *name)
{
	if (schema_is_instance(name))
		return name;
	fprintf(stderr,
		"%s: -i: an instance name is 1 to 32 letters, digits, '-', '_' "
		"or '.'\n",
		program_invocation_short_name);
	exit(BOOT_EXIT_USAGE);
}

static void apply(int letter, struct boot *ret)
{
	switch (letter) {
	case 'c':
		ret->config_path = optarg;
		break;
	case 'i':
		ret->instance = check_instance(optarg);
		break;
	case 'n':
		ret->check_only = true;
		break;
	case 'f':
		ret->foreground = true;
		break;
	case 'v':
		ret->verbose = true;
		break;
	}
}

/* All long options, the common ones first; an index of `more` is no letter. */
static void fill_options(struct option *dst, const struct boot_program *program)
{
	const struct boot_option *more = program->more;

	for (size_t i = 0; i < common_count(program); i++)
		*dst++ = common[i].option;
	for (int i = 0; more && more[i].name && i < BOOT_OPTIONS_MAX; i++)
		*dst++ = (struct option){ more[i].name, no_argument, NULL,
					  256 + i };
}

void boot_parse(int argc, char **argv, const struct boot_program *program,
		struct boot *ret)
{
	const char *letters = program->has_instances ? "+c:nfvVhi:"
						     : "+c:nfvVh";
	struct option options[ARRAY_SIZE(common) + BOOT_OPTIONS_MAX + 1];
	int letter;

	memset(options, 0, sizeof(options));
	fill_options(options, program);
	*ret = (struct boot){ .config_path = BOOT_CONFIG_PATH };
	while ((letter = getopt_long(argc, argv, letters, options, NULL)) !=
	       -1) {
		if (letter == '?')
			exit_usage(program);
		if (letter == 'h') {
			print_usage(stdout, program);
			exit(0);
		}
		if (letter == 'V') {
			printf("%s %s\n", program_invocation_short_name,
			       UPCAST_VERSION);
			exit(0);
		}
		if (letter >= 256)
			*program->more[letter - 256].set = true;
		else
			apply(letter, ret);
	}
	ret->argc = argc - optind;
	ret->argv = argv + optind;
}

/*
 * In the parent: the child's byte says that it runs, its end that it does not.
 */
static void ATTR_NORETURN await_ready(int fd)
{
	ssize_t n;
	char byte;

	do
		n = read(fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	_exit(n == 1 ? 0 : 1);
}

int boot_detach(const struct boot *boot, struct err *err)
{
	int fds[2];
	pid_t pid;

	if (boot->foreground)
		return 0;
	if (pipe2(fds, O_CLOEXEC))
		return err_set(err, -errno, "cannot become a daemon: %s",
			       err_str(-errno));
	fflush(NULL);
	pid = fork();
	if (pid > 0) {
		close(fds[1]);
		await_ready(fds[0]);
	}
	close(fds[0]);
	if (pid < 0) {
		close(fds[1]);
		return err_set(err, -EAGAIN,
			       "cannot become a daemon: no more "
			       "processes");
	}
	ready_fd = fds[1];
	setsid();
	signal(SIGPIPE, SIG_IGN);
	/* No file system is held busy, unless a reload needs the folder. */
	if (*boot->config_path == '/' && chdir("/"))
		return err_set(err, -errno, "/: %s", err_str(-errno));
	return 0;
}

/* The terminal belongs to others from now on. */
static void leave_terminal(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

void boot_ready(void)
{
	ssize_t n;

	notify_ready();
	if (ready_fd < 0)
		return;
	leave_terminal();
	/* A parent that is gone does not want to know. */
	n = write(ready_fd, "", 1);
	(void)n;
	close(ready_fd);
	ready_fd = -1;
}

void boot_limits(void)
{
	struct rlimit limit, none = { 0, 0 };

	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	/* Of the soft limit only, so that prlimit(1) can allow a core. */
	if (!getrlimit(RLIMIT_CORE, &limit)) {
		none.rlim_max = limit.rlim_max;
		setrlimit(RLIMIT_CORE, &none);
	}
	umask(027);
}
