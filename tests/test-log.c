/* SPDX-License-Identifier: MIT */
#include "lib/log.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "tests/unit.h"

/* A log daemon's socket in a folder of its own. */
struct peer {
	char dir[32], path[64];
	int fd;
};

static int peer_listen(struct peer *p)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	memcpy(at.sun_path, p->path, sizeof(p->path));
	p->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p->fd < 0 || bind(p->fd, (struct sockaddr *)&at, sizeof(at)))
		return -errno;
	return 0;
}

static int peer_open(struct peer *p)
{
	strcpy(p->dir, "/tmp/test-log.XXXXXX");
	p->fd = -1;
	if (!mkdtemp(p->dir))
		return -errno;
	snprintf(p->path, sizeof(p->path), "%s/log", p->dir);
	return peer_listen(p);
}

static void peer_close(struct peer *p)
{
	log_close();
	if (p->fd >= 0)
		close(p->fd);
	unlink(p->path);
	rmdir(p->dir);
}

/* The next datagram, "" for none. */
static const char *peer_read(struct peer *p)
{
	static char line[8192];
	ssize_t n = recv(p->fd, line, sizeof(line) - 1, 0);

	line[n > 0 ? n : 0] = '\0';
	return line;
}

/* Standard error goes into a file while a test looks at it. */
struct capture {
	int saved, fd;
};

static int capture_start(struct capture *c)
{
	char path[] = "/tmp/test-log.XXXXXX";

	c->saved = dup(STDERR_FILENO);
	c->fd = mkstemp(path);
	if (c->saved < 0 || c->fd < 0)
		return -errno;
	unlink(path);
	return dup2(c->fd, STDERR_FILENO) < 0 ? -errno : 0;
}

static void capture_stop(struct capture *c)
{
	if (c->saved < 0)
		return;
	dup2(c->saved, STDERR_FILENO);
	close(c->saved);
	close(c->fd);
	c->saved = -1;
}

static const char *capture_text(struct capture *c)
{
	static char text[8192];
	ssize_t n = pread(c->fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static struct log_config config_for(struct peer *p, enum log_shape shape)
{
	return (struct log_config){
		.tag = shape == LOG_SHAPE_PLAIN ? "Uploader" : "streamer-sip",
		.facility = shape == LOG_SHAPE_PLAIN ? LOG_USER : LOG_DAEMON,
		.shape = shape,
		.level = LOG_LEVEL_INFO,
		.socket_path = p->path,
	};
}

static int test_plain(void)
{
	char month[4], want[64];
	struct capture c = { -1, -1 };
	struct log_config config;
	int day, h, m, s, n = 0, err = 0;
	struct peer p;
	const char *line;

	CHECK_OK(peer_open(&p));
	CHECK_OK(capture_start(&c));
	config = config_for(&p, LOG_SHAPE_PLAIN);
	log_open(&config);
	errno = ERANGE;
	log_info("a\tb %d", 7);
	CHECK_EQ(errno, ERANGE);
	line = peer_read(&p);
	CHECK_EQ(sscanf(line, "<14>%3s %d %d:%d:%d %n", month, &day, &h, &m, &s,
			&n),
		 5);
	snprintf(want, sizeof(want), "Uploader[%d]: a?b 7", (int)getpid());
	CHECK_STR(line + n, want);
	CHECK_STR(capture_text(&c), "");
	log_debug("not shown");
	CHECK_STR(peer_read(&p), "");
	log_error("bad");
	CHECK(!strncmp(peer_read(&p), "<11>", 4));
	CHECK(strstr(capture_text(&c), "error: bad\n"));
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("shown");
	CHECK(!strncmp(peer_read(&p), "<15>", 4));
out:
	capture_stop(&c);
	peer_close(&p);
	return err;
}

static int test_streamer(void)
{
	struct log_config config;
	struct peer p;
	const char *line, *text;
	int err = 0;

	CHECK_OK(peer_open(&p));
	config = config_for(&p, LOG_SHAPE_STREAMER);
	log_open(&config);
	log_warning("refresh");
	line = peer_read(&p);
	CHECK(!strncmp(line, "<30>", 4));
	text = strstr(line, "]:  ");
	CHECK(text && strlen(text) > 15 && text[10] == '.');
	CHECK_STR(text + 14, " : WARNING : refresh");
out:
	peer_close(&p);
	return err;
}

static int test_lost(void)
{
	struct log_config config;
	int sent = 0, err = 0;
	struct peer p;

	CHECK_OK(peer_open(&p));
	config = config_for(&p, LOG_SHAPE_PLAIN);
	log_open(&config);
	/* Nobody reads: the queue fills up, and the calls still return. */
	for (int i = 0; i < 4096; i++)
		log_info("line");
	while (*peer_read(&p))
		sent++;
	CHECK(sent > 0 && sent < 4096);
	log_info("again");
	CHECK(strstr(peer_read(&p), "log lines were lost"));
	CHECK(strstr(peer_read(&p), "again"));
	log_info("and again");
	CHECK(strstr(peer_read(&p), "and again"));
	/* The daemon goes, and comes back with another socket. */
	close(p.fd);
	unlink(p.path);
	log_info("to nobody");
	CHECK_OK(peer_listen(&p));
	log_info("back");
	CHECK(strstr(peer_read(&p), ": 1 log lines were lost"));
	CHECK(strstr(peer_read(&p), "back"));
out:
	peer_close(&p);
	return err;
}

static int test_long(void)
{
	char text[LOG_LINE_MAX + 100];
	struct log_config config;
	struct peer p;
	const char *line;
	int err = 0;

	CHECK_OK(peer_open(&p));
	config = config_for(&p, LOG_SHAPE_PLAIN);
	log_open(&config);
	memset(text, 'x', sizeof(text));
	memcpy(text + LOG_LINE_MAX - 1, "é", 2);
	text[sizeof(text) - 1] = '\0';
	log_info("%s", text);
	line = strstr(peer_read(&p), "]: ");
	CHECK(line);
	CHECK_EQ(strlen(line + 3), LOG_LINE_MAX - 1);
out:
	peer_close(&p);
	return err;
}

static int test_foreground(void)
{
	struct capture c = { -1, -1 };
	struct log_config config;
	char stream[64];
	struct stat st;
	struct peer p;
	int err = 0;

	CHECK_OK(peer_open(&p));
	CHECK_OK(capture_start(&c));
	config = config_for(&p, LOG_SHAPE_PLAIN);
	config.to_stderr = true;
	log_open(&config);
	log_info("seen");
	CHECK(strstr(capture_text(&c), " seen\n"));
	CHECK_STR(peer_read(&p), "");
	/* The journal on standard error: its syslog socket is better. */
	CHECK(!fstat(STDERR_FILENO, &st));
	snprintf(stream, sizeof(stream), "%llu:%llu",
		 (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_open(&config);
	log_error("elsewhere");
	CHECK(strstr(peer_read(&p), "elsewhere"));
	CHECK(!strstr(capture_text(&c), "elsewhere"));
out:
	unsetenv("JOURNAL_STREAM");
	capture_stop(&c);
	peer_close(&p);
	return err;
}

/* Standard error is a pipe that nobody empties. */
static int test_full_pipe(void)
{
	struct capture c = { -1, -1 };
	int fds[2] = { -1, -1 }, err = 0;
	char text[8192];
	ssize_t n;

	CHECK_OK(capture_start(&c));
	CHECK(!pipe2(fds, O_CLOEXEC));
	CHECK(dup2(fds[1], STDERR_FILENO) >= 0);
	for (int i = 0; i < 10000; i++)
		log_info("line");
	CHECK(!fcntl(fds[0], F_SETFL, O_NONBLOCK));
	while (read(fds[0], text, sizeof(text)) > 0)
		;
	log_info("again");
	n = read(fds[0], text, sizeof(text) - 1);
	CHECK(n > 0);
	text[n] = '\0';
	CHECK(strstr(text, "log lines were lost"));
	CHECK(strstr(text, "again"));
out:
	capture_stop(&c);
	close(fds[0]);
	close(fds[1]);
	return err;
}

static const struct unit_test tests[] = {
	{ "syslog, plain shape", test_plain, 0 },
	{ "syslog, streamer's shape", test_streamer, 0 },
	{ "lost lines are counted and told", test_lost, 0 },
	{ "long lines are cut", test_long, 0 },
	{ "foreground and the journal", test_foreground, 0 },
	{ "a full pipe does not block", test_full_pipe, 0 },
};
UNIT_MAIN(tests)
