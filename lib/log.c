/* SPDX-License-Identifier: MIT */
#include "lib/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "lib/str.h"

/* What stands around the text: stamp, tag and process id, level column. */
enum { LINE_SIZE = LOG_LINE_MAX + 160 };

struct kind {
	enum log_level level;
	int priority;
	const char *column; /* LOG_SHAPE_STREAMER */
	const char *prefix; /* LOG_SHAPE_PLAIN on standard error */
};

static const struct kind kind_error = { LOG_LEVEL_ERROR, LOG_ERR, "ERROR",
					"error: " };
static const struct kind kind_warning = { LOG_LEVEL_WARNING, LOG_WARNING,
					  "WARNING", "warning: " };
static const struct kind kind_info = { LOG_LEVEL_INFO, LOG_INFO, "INFO", "" };
static const struct kind kind_debug = { LOG_LEVEL_DEBUG, LOG_DEBUG, "DEBUG",
					"debug: " };

/* A program has one log: the lock guards all but `level`. */
static struct {
	pthread_mutex_t lock;
	struct log_config config;
	bool to_syslog, to_stderr;
	int fd;
	unsigned long lost; /* lines since the last one that got through */
	atomic_int level;
} state = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.to_stderr = true,
	.fd = -1,
	.level = LOG_LEVEL_INFO,
};

/* One line on its way: all sinks show the same instant. */
struct line {
	const struct kind *kind;
	struct tm tm;
	int ms;
	const char *text;
};

/* Is standard error what JOURNAL_STREAM says (systemd.exec(5))? */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char mine[64];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st))
		return false;
	snprintf(mine, sizeof(mine), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	return !strcmp(stream, mine);
}

static void connect_syslog(void)
{
	const char *path = state.config.socket_path;
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	str_copy(to.sun_path, path ? path : "/dev/log", sizeof(to.sun_path));
	state.fd =
		socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (state.fd < 0)
		return;
	if (connect(state.fd, (struct sockaddr *)&to, sizeof(to))) {
		close(state.fd);
		state.fd = -1;
	}
}

static void disconnect_syslog(void)
{
	if (state.fd >= 0)
		close(state.fd);
	state.fd = -1;
}

/* A log daemon that was restarted has a new socket: one more try. */
static bool send_datagram(const char *p, size_t n)
{
	for (int tries = 0; tries < 2; tries++) {
		if (state.fd < 0)
			connect_syslog();
		if (state.fd < 0)
			return false;
		if (send(state.fd, p, n, MSG_NOSIGNAL) >= 0)
			return true;
		if (errno == EAGAIN || errno == ENOBUFS)
			return false;
		disconnect_syslog();
	}
	return false;
}

/*
 * A pipe that is writable takes PIPE_BUF bytes without blocking, and a line is
 * shorter. O_NONBLOCK is no choice: others share the open file.
 */
static bool write_stderr(const char *p, size_t n)
{
	struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&out, 1, 0) != 1 || !(out.revents & POLLOUT))
		return false;
	return write(STDERR_FILENO, p, n) == (ssize_t)n;
}

/* snprintf() behind what is there; returns the new length, at most size - 1. */
static size_t append(char *dst, size_t size, size_t len, const char *fmt, ...)
	ATTR_PRINTF(4, 5);

static size_t append(char *dst, size_t size, size_t len, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(dst + len, size - len, fmt, ap);
	va_end(ap);
	if (n < 0)
		return len;
	return (size_t)n < size - len ? len + (size_t)n : size - 1;
}

static size_t append_shape(char *dst, size_t size, size_t len,
			   const struct line *line)
{
	if (state.config.shape == LOG_SHAPE_PLAIN)
		return append(dst, size, len, "%s", line->text);
	return append(dst, size, len, " %02d%02d%02d.%03d : %-8s: %s",
		      line->tm.tm_hour, line->tm.tm_min, line->tm.tm_sec,
		      line->ms, line->kind->column, line->text);
}

/*
 * What syslog(3) sends to the local daemon: no host name, local time, English
 * months whatever the locale.
 */
static bool emit_syslog(const struct line *line)
{
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr",
					    "May", "Jun", "Jul", "Aug",
					    "Sep", "Oct", "Nov", "Dec" };
	int priority = state.config.shape == LOG_SHAPE_PLAIN
			       ? line->kind->priority
			       : LOG_INFO;
	const struct tm *tm = &line->tm;
	char text[LINE_SIZE];
	size_t n;

	n = append(text, sizeof(text), 0, "<%d>%s %2d %02d:%02d:%02d %s[%d]: ",
		   state.config.facility | priority, months[tm->tm_mon],
		   tm->tm_mday, tm->tm_hour, tm->tm_min, tm->tm_sec,
		   state.config.tag, (int)getpid());
	n = append_shape(text, sizeof(text), n, line);
	return send_datagram(text, n);
}

static bool emit_stderr(const struct line *line)
{
	char text[LINE_SIZE];
	size_t n = 0;

	if (state.config.shape == LOG_SHAPE_PLAIN)
		n = append(text, sizeof(text), 0, "%02d:%02d:%02d.%03d %s",
			   line->tm.tm_hour, line->tm.tm_min, line->tm.tm_sec,
			   line->ms, line->kind->prefix);
	n = append_shape(text, sizeof(text) - 1, n, line);
	text[n++] = '\n';
	return write_stderr(text, n);
}

static bool emit(const struct line *line)
{
	if (!state.to_syslog)
		return emit_stderr(line);
	if (state.to_stderr && line->kind->level == LOG_LEVEL_ERROR)
		emit_stderr(line);
	return emit_syslog(line);
}

/* What was lost is told before the next line that gets through. */
static void emit_counted(struct line *line)
{
	char lost[64];
	struct line first = *line;

	if (state.lost) {
		snprintf(lost, sizeof(lost), "%lu log lines were lost",
			 state.lost);
		first.kind = &kind_warning;
		first.text = lost;
		if (emit(&first))
			state.lost = 0;
	}
	if (!emit(line))
		state.lost++;
}

static void format_text(char *dst, size_t size, const char *fmt, va_list ap)
	ATTR_PRINTF(3, 0);

/* What is cut ends before a UTF-8 sequence, not in it. */
static void format_text(char *dst, size_t size, const char *fmt, va_list ap)
{
	int len = vsnprintf(dst, size, fmt, ap);
	size_t n;

	if (len > 0 && (size_t)len >= size) {
		for (n = size - 1; n && (dst[n - 1] & 0xc0) == 0x80; n--)
			;
		if (n && (unsigned char)dst[n - 1] >= 0xc0)
			n--;
		dst[n] = '\0';
	}
	str_clean(dst);
}

static void emit_text(const struct kind *kind, const char *fmt, va_list ap)
	ATTR_PRINTF(2, 0);

static void emit_text(const struct kind *kind, const char *fmt, va_list ap)
{
	struct line line = { .kind = kind };
	char text[LOG_LINE_MAX + 1];
	int saved = errno;
	struct timespec now;

	if ((int)kind->level > atomic_load(&state.level))
		return;
	format_text(text, sizeof(text), fmt, ap);
	line.text = text;
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &line.tm);
	line.ms = (int)(now.tv_nsec / 1000000);
	pthread_mutex_lock(&state.lock);
	emit_counted(&line);
	pthread_mutex_unlock(&state.lock);
	errno = saved;
}

void log_open(const struct log_config *config)
{
	pthread_mutex_lock(&state.lock);
	disconnect_syslog();
	state.config = *config;
	state.to_syslog = !config->to_stderr || stderr_is_journal();
	state.to_stderr = !config->to_stderr || !state.to_syslog;
	state.lost = 0;
	pthread_mutex_unlock(&state.lock);
	log_set_level(config->level);
}

void log_close(void)
{
	pthread_mutex_lock(&state.lock);
	disconnect_syslog();
	state.config = (struct log_config){ 0 };
	state.to_syslog = false;
	state.to_stderr = true;
	pthread_mutex_unlock(&state.lock);
	log_set_level(LOG_LEVEL_INFO);
}

void log_set_level(enum log_level level)
{
	atomic_store(&state.level, (int)level);
}

#define LOG_FUNCTION(kind)                                                     \
	void log_##kind(const char *fmt, ...)                                  \
	{                                                                      \
		va_list ap;                                                    \
                                                                               \
		va_start(ap, fmt);                                             \
		emit_text(&kind_##kind, fmt, ap);                              \
		va_end(ap);                                                    \
	}

LOG_FUNCTION(error)
LOG_FUNCTION(warning)
LOG_FUNCTION(info)
LOG_FUNCTION(debug)
