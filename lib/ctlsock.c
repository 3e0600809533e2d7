/* SPDX-License-Identifier: MIT */
#include "lib/ctlsock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "lib/buf.h"
#include "lib/mono.h"
#include "lib/spare.h"
#include "lib/str.h"

enum {
	IDLE_S = 60,
	BACKLOG = 64,
	GROUPS_MAX = 1024,
	ANSWER_MAX = ERR_TEXT_MAX + 64,
};

struct ctlsock {
	struct loop *loop;
	struct event *accept_event;
	struct spare spare;
	int fd;
	char *path;
	gid_t gid;
	ctlsock_fn *fn;
	void *arg;
	struct list peers;
	int peer_count;
};

struct peer {
	struct list node;
	struct ctlsock *owner;
	struct bufferevent *stream;
	uid_t uid;
	bool may_command;
	bool may_speak; /* for another user */
	bool closing;	/* after what is to be written */
	bool eof;
};

/* ---- the protocol's text ------------------------------------------------ */

int ctlsock_parse(char *line, struct ctlsock_command *ret)
{
	char *argv[CTLSOCK_WORDS + 1] = { 0 }, *save = NULL;
	int argc = 0;

	for (const char *p = line; *p; p++)
		if (((unsigned char)*p < ' ' && *p != '\t') || *p == 0x7f)
			return -EINVAL;
	for (char *word = strtok_r(line, " \t", &save); word;
	     word = strtok_r(NULL, " \t", &save)) {
		if (argc == CTLSOCK_WORDS)
			return -E2BIG;
		argv[argc++] = word;
	}
	if (!argc)
		return -EINVAL;
	ret->argc = argc;
	memcpy(ret->argv, argv, sizeof(argv));
	return 0;
}

static int errno_of(const char *name, size_t len)
{
	for (int code = 1; code < 256; code++) {
		const char *known = strerrorname_np(code);

		if (known && strlen(known) == len && !memcmp(known, name, len))
			return -code;
	}
	return 0;
}

int ctlsock_parse_answer(const char *line, struct err *answer)
{
	const char *text = line + strcspn(line, " ");
	size_t len;
	int code = 0;

	if (!strncmp(line, "error ", 6)) {
		text = line + 6;
		len = strcspn(text, " ");
		code = errno_of(text, len);
		text += len;
	}
	if (!code && (strncmp(line, "ok", 2) || text != line + 2))
		return err_set(answer, -EBADMSG, "the answer makes no sense");
	return err_set(answer, code, "%s", text + strspn(text, " "));
}

static int format_answer(struct buf *dst, int code, const char *text)
{
	const char *name = strerrorname_np(-code);
	int err;

	if (code)
		err = buf_printf(dst, "error %s", name ? name : "EIO");
	else
		err = buf_add_str(dst, "ok");
	if (!err && *text)
		err = buf_printf(dst, " %s", text);
	return err ? err : buf_add_str(dst, "\n");
}

/* ---- addresses ---------------------------------------------------------- */

/*
 * A socket's name holds 107 bytes, a control directory's path may be longer:
 * then it is named through a descriptor of its folder.
 */
static int fill_address(const char *path, struct sockaddr_un *ret_addr,
			int *ret_dir_fd)
{
	const char *name = strrchr(path, '/');
	char *dir;

	*ret_addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	*ret_dir_fd = -1;
	if (strlen(path) < sizeof(ret_addr->sun_path)) {
		str_copy(ret_addr->sun_path, path, sizeof(ret_addr->sun_path));
		return 0;
	}
	if (!name || strlen(name) > 64)
		return -ENAMETOOLONG;
	dir = strndup(path, (size_t)(name - path));
	if (!dir)
		return -ENOMEM;
	*ret_dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	if (*ret_dir_fd < 0)
		return -errno;
	snprintf(ret_addr->sun_path, sizeof(ret_addr->sun_path),
		 "/proc/self/fd/%d%.65s", *ret_dir_fd, name);
	return 0;
}

typedef int name_fn(int fd, const struct sockaddr *addr, socklen_t len);

/* bind() or connect() by path. */
static int call_named(name_fn *fn, int fd, const char *path)
{
	struct sockaddr_un addr;
	int dir_fd, err = fill_address(path, &addr, &dir_fd);

	if (err)
		return err;
	if (fn(fd, (const struct sockaddr *)&addr, sizeof(addr)))
		err = -errno;
	if (dir_fd >= 0)
		close(dir_fd);
	return err;
}

static int call_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	return connect(fd, addr, len);
}

static int call_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	return bind(fd, addr, len);
}

static int new_socket(int *ret_fd)
{
	*ret_fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return *ret_fd < 0 ? -errno : 0;
}

int ctlsock_connect(const char *path, int *ret_fd)
{
	int fd, err = new_socket(&fd);

	if (err)
		return err;
	err = call_named(call_connect, fd, path);
	if (err) {
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

/* ---- the server's side -------------------------------------------------- */

static void free_peer(struct peer *peer)
{
	list_del(&peer->node);
	peer->owner->peer_count--;
	bufferevent_free(peer->stream);
	free(peer);
}

/* An answer that finds no memory ends the connection: no asker waits. */
static void answer(struct peer *peer, int code, const char *text)
{
	struct buf line;

	buf_init(&line, ANSWER_MAX);
	if (format_answer(&line, code, text) ||
	    bufferevent_write(peer->stream, line.data, line.len))
		peer->closing = true;
	buf_release(&line);
}

/* Has the asker closed its end altogether? (shutdown() alone is no reason) */
static bool has_gone(const struct peer *peer)
{
	struct pollfd p = { .fd = bufferevent_getfd(peer->stream) };

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR));
}

/* "as UID" in front says who is behind the command. */
static int take_asker(const struct peer *peer, struct ctlsock_command *command)
{
	uint64_t uid;

	command->uid = peer->uid;
	if (strcmp(command->argv[0], "as"))
		return 0;
	if (!peer->may_speak)
		return -EPERM;
	if (command->argc < 3 ||
	    str_parse_u64(command->argv[1], 0, UINT32_MAX - 1, &uid))
		return -EINVAL;
	command->uid = (uid_t)uid;
	command->argc -= 2;
	memmove(command->argv, command->argv + 2,
		sizeof(command->argv) - 2 * sizeof(command->argv[0]));
	return 0;
}

static void run_line(struct peer *peer, char *line)
{
	struct ctlsock_command command = { 0 };
	struct err verdict = { 0 };
	int code = ctlsock_parse(line, &command);

	if (!code)
		code = take_asker(peer, &command);
	if (code == -E2BIG)
		err_set(&verdict, code, "more than %d words", CTLSOCK_WORDS);
	else if (code == -EPERM)
		err_set(&verdict, code, "only root may speak for another user");
	else if (code)
		err_set(&verdict, code, "not a command");
	else
		code = peer->owner->fn(peer->owner->arg, &command, &verdict);
	answer(peer, code, verdict.text);
}

/*
 * One command per turn of the loop: the next one waits until its answer is
 * written, which also bounds what a peer that never reads can pile up.
 */
static void serve(struct peer *peer)
{
	struct evbuffer *in = bufferevent_get_input(peer->stream);
	struct evbuffer *out = bufferevent_get_output(peer->stream);
	size_t len;
	char *line;

	if (peer->closing || evbuffer_get_length(out))
		return;
	line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF);
	if (line) {
		if (strlen(line) != len)
			answer(peer, -EINVAL, "not a command");
		else if (!has_gone(peer))
			run_line(peer, line);
		free(line);
	} else if (evbuffer_get_length(in) >= CTLSOCK_LINE) {
		answer(peer, -EMSGSIZE, "the line is too long");
		peer->closing = true;
	}
}

/* Serves, and ends the connection once nothing is left to be said. */
static void go_on(struct peer *peer)
{
	serve(peer);
	if ((peer->closing || peer->eof) &&
	    !evbuffer_get_length(bufferevent_get_output(peer->stream)))
		free_peer(peer);
}

static void on_ready(struct bufferevent *stream, void *arg)
{
	go_on(arg);
}

/* End of file, an error, or idle for too long. */
static void on_event(struct bufferevent *stream, short what, void *arg)
{
	struct peer *peer = arg;

	if (what & BEV_EVENT_EOF) {
		/*
		 * It may have shut its sending side only: it gets its answers.
		 */
		peer->eof = true;
		go_on(peer);
	} else {
		free_peer(peer);
	}
}

static bool is_member(int fd, gid_t gid)
{
	gid_t groups[GROUPS_MAX];
	socklen_t size = sizeof(groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size))
		return false;
	for (size_t i = 0; i < size / sizeof(groups[0]); i++)
		if (groups[i] == gid)
			return true;
	return false;
}

static void check_peer(struct peer *peer, int fd)
{
	struct ucred cred = { .uid = (uid_t)-1, .gid = (gid_t)-1 };
	socklen_t size = sizeof(cred);
	gid_t gid = peer->owner->gid;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size))
		return;
	peer->uid = cred.uid;
	peer->may_speak = cred.uid == 0 || cred.uid == geteuid();
	peer->may_command =
		peer->may_speak ||
		(gid != (gid_t)-1 && (cred.gid == gid || is_member(fd, gid)));
}

/* Takes the descriptor over, also on failure. */
static int new_peer(struct ctlsock *s, int fd, struct peer **ret)
{
	static const struct timeval idle = { .tv_sec = IDLE_S };
	struct peer *peer = calloc(1, sizeof(*peer));

	if (peer)
		peer->stream = bufferevent_socket_new(loop_base(s->loop), fd,
						      BEV_OPT_CLOSE_ON_FREE);
	if (!peer || !peer->stream) {
		free(peer);
		close(fd);
		return -ENOMEM;
	}
	peer->owner = s;
	list_add_tail(&s->peers, &peer->node);
	s->peer_count++;
	bufferevent_setcb(peer->stream, on_ready, on_ready, on_event, peer);
	bufferevent_setwatermark(peer->stream, EV_READ, 0, CTLSOCK_LINE);
	bufferevent_set_timeouts(peer->stream, &idle, &idle);
	*ret = peer;
	return 0;
}

static void on_accept(evutil_socket_t listen_fd, short what, void *arg)
{
	struct ctlsock *s = arg;
	struct sockaddr_storage from;
	struct peer *peer;
	int fd;

	if (spare_accept(&s->spare, (int)listen_fd, &from, &fd) ||
	    new_peer(s, fd, &peer))
		return;
	check_peer(peer, fd);
	if (!peer->may_command)
		answer(peer, -EACCES, "you may not command this daemon");
	else if (s->peer_count > CTLSOCK_PEERS)
		answer(peer, -EAGAIN, "too many connections");
	peer->closing = peer->closing || !peer->may_command ||
			s->peer_count > CTLSOCK_PEERS;
	if (bufferevent_enable(peer->stream, EV_READ | EV_WRITE))
		free_peer(peer);
}

/* A socket that nobody listens on is what a dead process left. */
static int bind_path(int fd, const char *path)
{
	int other, err = call_named(call_bind, fd, path);

	if (err != -EADDRINUSE)
		return err;
	err = ctlsock_connect(path, &other);
	if (!err)
		close(other);
	if (err != -ECONNREFUSED)
		return -EADDRINUSE;
	if (unlink(path))
		return -errno;
	return call_named(call_bind, fd, path);
}

/* Until listen() nobody can connect, whatever the umask says. */
static int open_socket(struct ctlsock *s)
{
	int err = new_socket(&s->fd);

	if (!err)
		err = bind_path(s->fd, s->path);
	if (err)
		return err;
	if (s->gid != (gid_t)-1 && chown(s->path, (uid_t)-1, s->gid))
		return -errno;
	if (chmod(s->path, 0660) || listen(s->fd, BACKLOG))
		return -errno;
	return 0;
}

static int start_listening(struct ctlsock *s)
{
	int err = open_socket(s);

	if (err)
		return err;
	s->accept_event = event_new(loop_base(s->loop), s->fd,
				    EV_READ | EV_PERSIST, on_accept, s);
	if (!s->accept_event || event_add(s->accept_event, NULL))
		return -ENOMEM;
	return 0;
}

int ctlsock_listen(struct loop *loop, const char *path, gid_t gid,
		   ctlsock_fn *fn, void *arg, struct ctlsock **ret,
		   struct err *err)
{
	struct ctlsock *s = calloc(1, sizeof(*s));
	int code = -ENOMEM;

	if (!s)
		return err_set(err, code, "%s: out of memory", path);
	*s = (struct ctlsock){
		.loop = loop, .fd = -1, .gid = gid, .fn = fn, .arg = arg
	};
	spare_init(&s->spare);
	list_init(&s->peers);
	s->path = strdup(path);
	if (s->path)
		code = start_listening(s);
	if (code) {
		err_set(err, code, "%s: %s", path, err_str(code));
		ctlsock_close(s);
		return code;
	}
	*ret = s;
	return 0;
}

void ctlsock_close(struct ctlsock *s)
{
	if (!s)
		return;
	list_for_each_safe(it, &s->peers)
		free_peer(list_entry(it, struct peer, node));
	if (s->accept_event) {
		event_free(s->accept_event);
		unlink(s->path);
	}
	if (s->fd >= 0)
		close(s->fd);
	spare_release(&s->spare);
	free(s->path);
	free(s);
}

/* ---- the client's side -------------------------------------------------- */

/* Waits for `events`; -ETIMEDOUT at the deadline. */
static int wait_for(int fd, short events, uint64_t deadline_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	uint64_t now;
	int n;

	do {
		now = mono_ms();
		if (now >= deadline_ms)
			return -ETIMEDOUT;
		n = poll(&p, 1, (int)(deadline_ms - now));
	} while (n == 0 || (n < 0 && errno == EINTR));
	return n < 0 ? -errno : 0;
}

static int send_command(int fd, const char *command, uint64_t deadline_ms)
{
	struct buf line;
	ssize_t n;
	int err;

	buf_init(&line, CTLSOCK_LINE);
	err = buf_printf(&line, "%s\n", command);
	while (!err && line.len) {
		err = wait_for(fd, POLLOUT, deadline_ms);
		if (err)
			break;
		n = send(fd, line.data, line.len, MSG_NOSIGNAL);
		/* A refusal may be waiting to be read. */
		if (n < 0 && errno == EPIPE)
			break;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			err = -errno;
		buf_consume(&line, n > 0 ? (size_t)n : 0);
	}
	buf_release(&line);
	return err;
}

/* `line` has room for ANSWER_MAX bytes. */
static int receive_line(int fd, char *line, uint64_t deadline_ms)
{
	size_t len = 0;
	char *end;

	while (len < ANSWER_MAX - 1) {
		int err = wait_for(fd, POLLIN, deadline_ms);
		ssize_t n;

		if (err)
			return err;
		n = recv(fd, line + len, ANSWER_MAX - 1 - len, 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0)
			return n ? -errno : -ECONNRESET;
		len += (size_t)n;
		line[len] = '\0';
		end = strchr(line, '\n');
		if (end) {
			*end = '\0';
			return 0;
		}
	}
	return -EBADMSG;
}

int ctlsock_call(const char *path, const char *command, unsigned timeout_ms,
		 struct err *answer_err)
{
	uint64_t deadline = mono_ms() + timeout_ms;
	char line[ANSWER_MAX];
	int fd, err;

	if (!*command || strchr(command, '\n'))
		return err_set(answer_err, -EINVAL, "not a command");
	err = ctlsock_connect(path, &fd);
	if (err)
		return err_set(answer_err, err == -EAGAIN ? -ETIMEDOUT : err,
			       "%s: %s", path, err_str(err));
	err = send_command(fd, command, deadline);
	if (!err)
		err = receive_line(fd, line, deadline);
	close(fd);
	if (err)
		return err_set(answer_err, err, "%s: %s", path, err_str(err));
	return ctlsock_parse_answer(line, answer_err);
}
