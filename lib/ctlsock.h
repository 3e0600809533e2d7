/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_CTLSOCK_H
#define UPCAST_CTLSOCK_H

#include <sys/types.h>

#include "lib/attr.h"
#include "lib/err.h"
#include "lib/loop.h"

/*
 * The `ctl` socket of a daemon: a command per line in, a verdict per line out.
 *
 *	retry 17\n	->	ok 17 is queued\n
 *	retry 99\n	->	error ENOENT no recording has the id 99\n
 *
 * The peer's credentials (SO_PEERCRED) decide: root, members of the group, and
 * nobody else. Root and the uid that the daemon runs as may speak for another
 * user, which is how upcast-fs passes on who wrote: "as 1000 retry 17". The
 * uid behind a command is logged with it by the handler's owner.
 *
 * Server: commands are answered in order. At most CTLSOCK_PEERS connections
 * and CTLSOCK_LINE bytes a line; a peer idle for 60 s is closed; a command
 * whose asker has gone is not run.
 */
enum { CTLSOCK_PEERS = 64, CTLSOCK_LINE = 1024, CTLSOCK_WORDS = 16 };

struct ctlsock;

struct ctlsock_command {
	uid_t uid; /* behind the command */
	int argc;  /* 1..CTLSOCK_WORDS */
	char *argv[CTLSOCK_WORDS + 1];
};

/*
 * Returns 0 or a negative errno and puts the sentence into `answer->text`
 * ("" is allowed). Called on the loop; must not wait, nor close the socket.
 */
typedef int ctlsock_fn(void *arg, const struct ctlsock_command *command,
		       struct err *answer);

/*
 * Makes the socket at `path` (0660, group `gid`; (gid_t)-1: left as it is); a
 * stale one of a dead process is replaced.
 */
int ctlsock_listen(struct loop *loop, const char *path, gid_t gid,
		   ctlsock_fn *fn, void *arg, struct ctlsock **ret,
		   struct err *err) ATTR_MUST_CHECK;
void ctlsock_close(struct ctlsock *s);

/*
 * Splits a line in place into words; `uid` is left as it is. -E2BIG too many,
 * -EINVAL control characters or no word. Pure.
 */
int ctlsock_parse(char *line, struct ctlsock_command *ret) ATTR_MUST_CHECK;

/*
 * Reads an answer without its newline: 0 or the errno it names, the sentence in
 * `answer`; -EBADMSG if it is none. Pure.
 */
int ctlsock_parse_answer(const char *line, struct err *answer) ATTR_MUST_CHECK;

/*
 * Opens a connection to the socket at `path`, which may be longer than a
 * socket's name can be. Does not wait: -EAGAIN where the daemon does not take
 * connections in, -ECONNREFUSED or -ENOENT where none listens.
 */
int ctlsock_connect(const char *path, int *ret_fd) ATTR_MUST_CHECK;

/*
 * Client, blocking, for the command line and for threads of their own: sends
 * one command and waits for its verdict. Returns 0 or the verdict's errno, with
 * the sentence in `answer`; -ETIMEDOUT, -ECONNREFUSED where no daemon listens.
 */
int ctlsock_call(const char *path, const char *command, unsigned timeout_ms,
		 struct err *answer) ATTR_MUST_CHECK;

#endif
