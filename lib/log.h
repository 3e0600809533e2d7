/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_LOG_H
#define UPCAST_LOG_H

#include <stdbool.h>

#include "lib/attr.h"

/*
 * The log of a program: one line per call, to standard error or to syslog.
 *
 * The shapes are those that administrators of the original know (syslog tag
 * "Uploader[pid]" and plain text; "streamer-sip[pid]" and
 * " HHMMSS.mmm : LEVEL   : text"). A line never blocks the caller: syslog
 * datagrams go out non-blocking to /dev/log, standard error is asked first
 * whether it takes a line, and what could not be written is counted and told
 * once it can be. Text is cut at LOG_LINE_MAX bytes, control characters become
 * '?'. errno is left as it was.
 *
 * log_open() once at start, before threads; log_close() at the end; the others
 * from any thread. Without log_open() lines go to standard error.
 */
enum { LOG_LINE_MAX = 2048 };

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

enum log_shape {
	LOG_SHAPE_PLAIN,    /* "text" */
	LOG_SHAPE_STREAMER, /* " HHMMSS.mmm : INFO    : text", always .info */
};

struct log_config {
	const char *tag; /* "Uploader", "streamer-sip"; stays valid */
	int facility;	 /* LOG_USER, LOG_DAEMON from <syslog.h> */
	enum log_shape shape;
	enum log_level level; /* what is below it is dropped */
	/*
	 * In the foreground: standard error and no syslog, unless standard
	 * error is the journal, which learns more from its syslog socket.
	 * Otherwise syslog, and errors on standard error as well: the person
	 * who starts a daemon sees them until boot_ready().
	 */
	bool to_stderr;
	const char *socket_path; /* NULL: /dev/log; stays valid */
};

void log_open(const struct log_config *config);
void log_close(void);
void log_set_level(enum log_level level);

void log_error(const char *fmt, ...) ATTR_PRINTF(1, 2);
void log_warning(const char *fmt, ...) ATTR_PRINTF(1, 2);
void log_info(const char *fmt, ...) ATTR_PRINTF(1, 2);
void log_debug(const char *fmt, ...) ATTR_PRINTF(1, 2);

#endif
