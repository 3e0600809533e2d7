/* SPDX-License-Identifier: MIT */
#include "lib/ctlsock.h"

#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/tempdir.h"
#include "tests/unit.h"

static int parse(const char *text, struct ctlsock_command *ret, char line[256])
{
	snprintf(line, 256, "%s", text);
	return ctlsock_parse(line, ret);
}

static int test_parse(void)
{
	struct ctlsock_command c = { .uid = 7 };
	char line[256];
	int err;

	CHECK_OK(parse(" retry\t17 ", &c, line));
	CHECK_EQ(c.argc, 2);
	CHECK_STR(c.argv[0], "retry");
	CHECK_STR(c.argv[1], "17");
	CHECK(!c.argv[2]);
	CHECK_EQ(c.uid, 7);
	CHECK_ERR(parse("", &c, line), -EINVAL);
	CHECK_ERR(parse(" \t", &c, line), -EINVAL);
	CHECK_ERR(parse("a\rb", &c, line), -EINVAL);
	CHECK_ERR(parse("a\x7f", &c, line), -EINVAL);
	CHECK_OK(parse("1 2 3 4 5 6 7 8 9 a b c d e f g", &c, line));
	CHECK_EQ(c.argc, CTLSOCK_WORDS);
	CHECK_ERR(parse("1 2 3 4 5 6 7 8 9 a b c d e f g h", &c, line), -E2BIG);
	err = 0;
out:
	return err;
}

static int test_answer(void)
{
	struct err e;
	int err = 0;

	CHECK_EQ(ctlsock_parse_answer("ok", &e), 0);
	CHECK_STR(e.text, "");
	CHECK_EQ(ctlsock_parse_answer("ok 17 is queued", &e), 0);
	CHECK_STR(e.text, "17 is queued");
	CHECK_EQ(ctlsock_parse_answer("error ENOENT no 99", &e), -ENOENT);
	CHECK_STR(e.text, "no 99");
	CHECK_EQ(ctlsock_parse_answer("error EINVAL", &e), -EINVAL);
	CHECK_STR(e.text, "");
	CHECK_EQ(ctlsock_parse_answer("error EWHAT x", &e), -EBADMSG);
	CHECK_EQ(ctlsock_parse_answer("okay", &e), -EBADMSG);
	CHECK_EQ(ctlsock_parse_answer("error", &e), -EBADMSG);
	CHECK_EQ(ctlsock_parse_answer("", &e), -EBADMSG);
out:
	return err;
}

/* ---- a server on a thread of its own ------------------------------------ */

struct server {
	char dir[TEMPDIR_MAX], path[TEMPDIR_MAX + 200];
	struct loop *loop;
	struct ctlsock *sock;
	pthread_t thread;
	bool started;
	int runs; /* of commands */
};

static int on_command(void *arg, const struct ctlsock_command *command,
		      struct err *answer)
{
	struct server *s = arg;

	s->runs++;
	if (!strcmp(command->argv[0], "fail"))
		return err_set(answer, -ENOENT, "no recording %s",
			       command->argc > 1 ? command->argv[1] : "");
	if (!strcmp(command->argv[0], "quiet"))
		return 0;
	err_set(answer, 0, "%d %s by %u", command->argc, command->argv[0],
		(unsigned)command->uid);
	return 0;
}

static void *run_server(void *arg)
{
	struct server *s = arg;

	return loop_run(s->loop) ? s : NULL;
}

/* `deep`: under a folder whose name a socket address cannot hold. */
static int start(struct server *s, bool deep)
{
	char mid[101] = { 0 };
	int err = tempdir_make(s->dir);

	if (err)
		return err;
	memset(mid, 'd', sizeof(mid) - 1);
	snprintf(s->path, sizeof(s->path), "%s/%s", s->dir, deep ? mid : "");
	if (deep && mkdir(s->path, 0700))
		return -errno;
	strcat(s->path, "/ctl");
	err = loop_new(&s->loop);
	if (!err)
		err = ctlsock_listen(s->loop, s->path, (gid_t)-1, on_command, s,
				     &s->sock, NULL);
	if (err)
		return err;
	s->started = !pthread_create(&s->thread, NULL, run_server, s);
	return s->started ? 0 : -EAGAIN;
}

static void stop(struct server *s)
{
	if (s->started) {
		loop_stop(s->loop);
		pthread_join(s->thread, NULL);
	}
	ctlsock_close(s->sock);
	loop_free(s->loop);
	tempdir_remove(s->dir);
}

static int test_call(void)
{
	struct server s = { 0 };
	struct err e;
	char want[64];
	int err;

	CHECK_OK(start(&s, false));
	CHECK_OK(ctlsock_call(s.path, "retry 17", 5000, &e));
	snprintf(want, sizeof(want), "2 retry by %u", (unsigned)getuid());
	CHECK_STR(e.text, want);
	CHECK_OK(ctlsock_call(s.path, "as 1000 retry", 5000, &e));
	CHECK_STR(e.text, "1 retry by 1000");
	CHECK_OK(ctlsock_call(s.path, "quiet", 5000, &e));
	CHECK_STR(e.text, "");
	CHECK_ERR(ctlsock_call(s.path, "fail 9", 5000, &e), -ENOENT);
	CHECK_STR(e.text, "no recording 9");
	CHECK_ERR(ctlsock_call(s.path, "as x retry", 5000, &e), -EINVAL);
	CHECK_ERR(ctlsock_call(s.path, "as 7", 5000, &e), -EINVAL);
	CHECK_ERR(ctlsock_call(s.path, "a\rb", 5000, &e), -EINVAL);
	CHECK_ERR(ctlsock_call(s.path, "a\nb", 5000, &e), -EINVAL);
	CHECK_ERR(ctlsock_call(s.path, "", 5000, &e), -EINVAL);
	err = 0;
out:
	stop(&s);
	return err;
}

static int test_deep_path(void)
{
	struct server s = { 0 };
	struct stat st;
	int err;

	CHECK_OK(start(&s, true));
	CHECK_OK(ctlsock_call(s.path, "retry", 5000, NULL));
	CHECK(!stat(s.path, &st));
	CHECK_EQ(st.st_mode & 0777, 0660);
	err = 0;
out:
	stop(&s);
	return err;
}

/* Reads until the end of the connection, or `want` newlines. */
static int read_lines(int fd, int want, char *dst, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t len = 0;

	while (want && len < size - 1 && poll(&p, 1, 5000) == 1) {
		ssize_t n = recv(fd, dst + len, 1, 0);

		if (n <= 0)
			break;
		want -= dst[len++] == '\n';
	}
	dst[len] = '\0';
	return want;
}

static int test_order(void)
{
	static const char three[] = "quiet\nfail 1\n\nretry\n";
	struct server s = { 0 };
	char text[1024], want[256];
	int err, fd = -1;

	CHECK_OK(start(&s, false));
	CHECK_OK(ctlsock_connect(s.path, &fd));
	CHECK_EQ(send(fd, three, strlen(three), 0), strlen(three));
	shutdown(fd, SHUT_WR);
	CHECK_EQ(read_lines(fd, 9, text, sizeof(text)), 5);
	snprintf(want, sizeof(want),
		 "ok\nerror ENOENT no recording 1\nerror EINVAL not a command\n"
		 "ok 1 retry by %u\n",
		 (unsigned)getuid());
	CHECK_STR(text, want);
	err = 0;
out:
	close(fd);
	stop(&s);
	return err;
}

static int test_bounds(void)
{
	struct server s = { 0 };
	int fds[CTLSOCK_PEERS + 1], err, fd = -1;
	char text[CTLSOCK_LINE + 100];

	memset(fds, -1, sizeof(fds));
	CHECK_OK(start(&s, false));
	CHECK_OK(ctlsock_connect(s.path, &fd));
	memset(text, 'x', sizeof(text));
	CHECK(send(fd, text, sizeof(text), MSG_NOSIGNAL) > 0);
	CHECK_EQ(read_lines(fd, 2, text, sizeof(text)), 1);
	CHECK_STR(text, "error EMSGSIZE the line is too long\n");
	for (int i = 0; i < CTLSOCK_PEERS; i++) {
		CHECK_OK(ctlsock_connect(s.path, &fds[i]));
		CHECK_EQ(send(fds[i], "quiet\n", 6, MSG_NOSIGNAL), 6);
		CHECK_EQ(read_lines(fds[i], 1, text, sizeof(text)), 0);
	}
	CHECK_ERR(ctlsock_call(s.path, "quiet", 5000, NULL), -EAGAIN);
	close(fds[0]);
	fds[0] = -1;
	CHECK_EQ(send(fds[1], "quiet\n", 6, MSG_NOSIGNAL), 6);
	CHECK_EQ(read_lines(fds[1], 1, text, sizeof(text)), 0);
	CHECK_OK(ctlsock_call(s.path, "quiet", 5000, NULL));
	err = 0;
out:
	for (int i = 0; i < CTLSOCK_PEERS; i++)
		close(fds[i]);
	close(fd);
	stop(&s);
	return err;
}

/* Commands whose askers have gone before the loop runs are not run. */
static int test_gone(void)
{
	struct server s = { 0 };
	int err, fd = -1;

	CHECK_OK(tempdir_make(s.dir));
	snprintf(s.path, sizeof(s.path), "%s/ctl", s.dir);
	CHECK_OK(loop_new(&s.loop));
	CHECK_OK(ctlsock_listen(s.loop, s.path, (gid_t)-1, on_command, &s,
				&s.sock, NULL));
	CHECK_OK(ctlsock_connect(s.path, &fd));
	CHECK_EQ(send(fd, "retry 1\n", 8, 0), 8);
	close(fd);
	fd = -1;
	CHECK_ERR(ctlsock_call(s.path, "retry 2", 50, NULL), -ETIMEDOUT);
	s.started = !pthread_create(&s.thread, NULL, run_server, &s);
	CHECK(s.started);
	CHECK_OK(ctlsock_call(s.path, "retry 3", 5000, NULL));
	CHECK_EQ(s.runs, 1);
	err = 0;
out:
	close(fd);
	stop(&s);
	return err;
}

enum { STRANGER = 65534, GROUP = 54321 };

/* The verdict on a command of somebody else. */
static int call_as(const struct server *s, gid_t gid, gid_t more,
		   const char *command)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		if (setgroups(1, &more) || setgid(gid) || setuid(STRANGER))
			_exit(255);
		_exit(-ctlsock_call(s->path, command, 5000, NULL));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -ECHILD;
	return -WEXITSTATUS(status);
}

static int test_who(void)
{
	struct server s = { 0 };
	int err = 0;

	if (geteuid())
		return 0;
	CHECK_OK(tempdir_make(s.dir));
	CHECK(!chmod(s.dir, 0755));
	snprintf(s.path, sizeof(s.path), "%s/ctl", s.dir);
	CHECK_OK(loop_new(&s.loop));
	CHECK_OK(ctlsock_listen(s.loop, s.path, GROUP, on_command, &s, &s.sock,
				NULL));
	s.started = !pthread_create(&s.thread, NULL, run_server, &s);
	CHECK(s.started);
	CHECK_EQ(call_as(&s, GROUP, STRANGER, "quiet"), 0);
	CHECK_EQ(call_as(&s, STRANGER, GROUP, "quiet"), 0);
	CHECK_EQ(call_as(&s, GROUP, STRANGER, "as 0 quiet"), -EPERM);
	CHECK_EQ(call_as(&s, STRANGER, STRANGER, "quiet"), -EACCES);
	/* Not the mode of the file alone keeps them out. */
	CHECK(!chmod(s.path, 0666));
	CHECK_EQ(call_as(&s, STRANGER, STRANGER, "quiet"), -EACCES);
	CHECK_EQ(s.runs, 2);
out:
	stop(&s);
	return err;
}

static int test_listen(void)
{
	struct server s = { 0 };
	struct ctlsock *other = NULL;
	struct err e;
	int err, fd = -1;

	CHECK_OK(start(&s, false));
	CHECK_ERR(ctlsock_listen(s.loop, s.path, (gid_t)-1, on_command, &s,
				 &other, &e),
		  -EADDRINUSE);
	CHECK(strstr(e.text, s.path));
	CHECK_ERR(ctlsock_call("/nonexistent/ctl", "x", 100, &e), -ENOENT);
	/* What a dead process left: bound, but nobody listens. */
	loop_stop(s.loop);
	pthread_join(s.thread, NULL);
	s.started = false;
	ctlsock_close(s.sock);
	s.sock = NULL;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(fd >= 0);
	{
		struct sockaddr_un addr = { .sun_family = AF_UNIX };

		CHECK(strlen(s.path) < sizeof(addr.sun_path));
		strcpy(addr.sun_path, s.path);
		CHECK(!bind(fd, (struct sockaddr *)&addr, sizeof(addr)));
	}
	CHECK_ERR(ctlsock_call(s.path, "x", 100, &e), -ECONNREFUSED);
	CHECK_OK(ctlsock_listen(s.loop, s.path, (gid_t)-1, on_command, &s,
				&s.sock, &e));
	err = 0;
out:
	close(fd);
	ctlsock_close(other);
	stop(&s);
	return err;
}

static const struct unit_test tests[] = {
	{ "a line is words", test_parse, 0 },
	{ "answers are read", test_answer, 0 },
	{ "a command gets its verdict", test_call, UNIT_NO_OOM },
	{ "the socket's path may be long", test_deep_path, UNIT_NO_OOM },
	{ "answers come in order", test_order, UNIT_NO_OOM },
	{ "lines and peers are bounded", test_bounds, UNIT_NO_OOM },
	{ "who has gone commands nothing", test_gone, UNIT_NO_OOM },
	{ "the group commands, others do not", test_who, UNIT_NO_OOM },
	{ "one listener, a dead one is replaced", test_listen, UNIT_NO_OOM },
};
UNIT_MAIN(tests)
