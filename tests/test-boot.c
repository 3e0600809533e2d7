/* SPDX-License-Identifier: MIT */
#include "lib/boot.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit.h"

static bool probe;

static const struct boot_option more[] = {
	{ "probe", &probe, "ask each outside party" },
	{ NULL, NULL, NULL },
};

/* The words of `line` as the program's arguments. */
static struct boot parse_as(const char *line, bool has_instances)
{
	const struct boot_program program = { "does nothing", has_instances,
					      more };
	static char words[256];
	static char *argv[32];
	struct boot boot;
	int argc = 0;

	snprintf(words, sizeof(words), "x %s", line);
	for (char *at = strtok(words, " "); at; at = strtok(NULL, " "))
		argv[argc++] = at;
	argv[argc] = NULL;
	optind = 0; /* glibc: begin anew */
	probe = false;
	boot_parse(argc, argv, &program, &boot);
	return boot;
}

static struct boot parse(const char *line)
{
	return parse_as(line, true);
}

static int test_options(void)
{
	struct boot b = parse("-n -fv -c /f -i berlin --probe word -z");
	int err = 0;

	CHECK(b.check_only && b.foreground && b.verbose && probe);
	CHECK_STR(b.config_path, "/f");
	CHECK_STR(b.instance, "berlin");
	CHECK_EQ(b.argc, 2);
	CHECK_STR(b.argv[0], "word");
	b = parse("");
	CHECK(!b.check_only && !b.foreground && !b.verbose && !probe);
	CHECK_STR(b.config_path, "/etc/upcast/upcast.ini");
	CHECK(!b.instance);
	CHECK_EQ(b.argc, 0);
out:
	return err;
}

/* What a child prints and how it ends. */
struct result {
	char text[4096];
	int status;
};

typedef void child_fn(void *arg);

static int run_child(child_fn *fn, void *arg, struct result *ret)
{
	size_t len = 0;
	ssize_t n;
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		fn(arg);
		_exit(99);
	}
	close(fds[1]);
	while ((n = read(fds[0], ret->text + len,
			 sizeof(ret->text) - 1 - len)) > 0)
		len += (size_t)n;
	ret->text[len] = '\0';
	close(fds[0]);
	return waitpid(pid, &ret->status, 0) == pid ? 0 : -ECHILD;
}

static void child_parse(void *arg)
{
	parse(*(const char **)arg);
}

static void child_parse_one(void *arg)
{
	parse_as(*(const char **)arg, false);
}

static int test_exits(void)
{
	static const struct {
		const char *option;
		int status;
		const char *text;
	} cases[] = {
		{ "-V", 0, UPCAST_VERSION "\n" },
		{ "-h", 0, "    --probe" },
		{ "--help", 0, "-c, --config FILE" },
		{ "-x", BOOT_EXIT_USAGE, "usage: " },
		{ "-c", BOOT_EXIT_USAGE, "usage: " },
		{ "--nonsense", BOOT_EXIT_USAGE, "usage: " },
		{ "-i../x", BOOT_EXIT_USAGE, "an instance name is" },
		{ "word", 99, "" },
	};
	const char *option;
	struct result r;
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		option = cases[i].option;
		CHECK_OK(run_child(child_parse, &option, &r));
		CHECK(WIFEXITED(r.status));
		CHECK_EQ(WEXITSTATUS(r.status), cases[i].status);
		CHECK(strstr(r.text, cases[i].text));
	}
	option = "-i x";
	CHECK_OK(run_child(child_parse_one, &option, &r));
	CHECK_EQ(WEXITSTATUS(r.status), BOOT_EXIT_USAGE);
	CHECK(strstr(r.text, "usage: ") && !strstr(r.text, "--instance"));
out:
	return err;
}

/* A daemon that writes what it sees into a pipe of the test. */
struct daemon {
	bool fails;
	int report_fd;
};

static void child_detach(void *arg)
{
	struct boot boot = { .config_path = "/f" };
	struct daemon *d = arg;
	struct stat out, null;
	char report[64];
	struct err e;

	if (boot_detach(&boot, &e))
		_exit(98);
	dprintf(STDERR_FILENO, "starting\n");
	if (d->fails)
		_exit(7);
	boot_ready();
	dprintf(STDERR_FILENO, "nobody sees this\n");
	fstat(STDERR_FILENO, &out);
	stat("/dev/null", &null);
	snprintf(report, sizeof(report), "%d %d", getsid(0) == getpid(),
		 out.st_rdev == null.st_rdev);
	_exit(write(d->report_fd, report, strlen(report)) < 0);
}

static int test_detach(void)
{
	struct daemon d = { .fails = true };
	int fds[2] = { -1, -1 }, err = 0;
	char report[64] = "";
	struct result r;

	CHECK_OK(run_child(child_detach, &d, &r));
	CHECK(WIFEXITED(r.status) && WEXITSTATUS(r.status) == 1);
	CHECK_STR(r.text, "starting\n");
	CHECK(!pipe2(fds, O_CLOEXEC));
	d = (struct daemon){ .report_fd = fds[1] };
	CHECK_OK(run_child(child_detach, &d, &r));
	CHECK(WIFEXITED(r.status) && WEXITSTATUS(r.status) == 0);
	CHECK_STR(r.text, "starting\n");
	CHECK(read(fds[0], report, sizeof(report) - 1) > 0);
	CHECK_STR(report, "1 1");
out:
	close(fds[0]);
	close(fds[1]);
	return err;
}

static void child_limits(void *arg)
{
	struct rlimit files, core;
	mode_t mask;

	boot_limits();
	getrlimit(RLIMIT_NOFILE, &files);
	getrlimit(RLIMIT_CORE, &core);
	mask = umask(0);
	printf("%d %d %03o", files.rlim_cur == files.rlim_max, !core.rlim_cur,
	       mask);
	exit(0);
}

static int test_limits(void)
{
	struct result r;
	int err = 0;

	CHECK_OK(run_child(child_limits, NULL, &r));
	CHECK_STR(r.text, "1 1 027");
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "options", test_options, 0 },
	{ "help, version and mistakes", test_exits, UNIT_NO_OOM },
	{ "the parent waits until the daemon is ready", test_detach,
	  UNIT_NO_OOM },
	{ "limits", test_limits, UNIT_NO_OOM },
};
UNIT_MAIN(tests)
