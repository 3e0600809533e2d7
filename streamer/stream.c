/* SPDX-License-Identifier: MIT */
#include "streamer/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "lib/list.h"
#include "lib/str.h"
#include "streamer/dscp.h"
#include "streamer/lookup.h"
#include "streamer/stream_tls.h"

enum {
	READ_SIZE = 16 << 10,
	READS_MAX = 8, /* for one readiness, so that no peer owns the loop */
	CONNECT_MS = 3000, /* to each address */
	/* More in the kernel would only be more delay. */
	UNSENT_MAX = 256 << 10,
	/* What a key frame needed over this is given back. */
	KEEP_BYTES = 32 << 10,
};

enum state {
	STATE_LOOKUP,
	STATE_CONNECT,
	STATE_TLS,
	STATE_OPEN,
	STATE_FINISH, /* nobody's any more */
	STATE_OVER,
};

struct stream_env {
	struct loop *loop;
	struct lookups lookups;
	struct stream_tls *tls;
	struct list finishing;
	uint8_t input[READ_SIZE];
};

struct stream {
	struct stream_env *env;
	struct list node; /* in env->finishing */
	const struct stream_handler *handler;
	void *arg;
	enum state state;
	char *host;
	uint16_t port;
	uint32_t silence_ms;
	int dscp;
	bool tls_wanted;
	struct lookup lookup;
	struct resolve_result found;
	size_t next; /* of those found: not tried yet */
	int fd;
	struct event *readable, *writable;
	bool blocked; /* `writable` is waited for */
	struct ssl_st *tls;
	struct buf out;
	size_t done; /* of `out`, sent already */
	uint64_t sent;
	struct loop_timer timer;
	struct loop_task over; /* tells why, or frees what has finished */
	struct err why;
};

/* ---- environment ------------------------------------------------------ */

int stream_env_reload(struct stream_env *env, const struct stream_settings *s,
		      struct err *err)
{
	struct stream_tls *tls;
	int e = stream_tls_new(s, &tls, err);

	if (e)
		return e;
	stream_tls_free(env->tls);
	env->tls = tls;
	return 0;
}

int stream_env_new(struct loop *loop, const struct stream_settings *s,
		   struct stream_env **ret_env, struct err *err)
{
	struct stream_env *env = calloc(1, sizeof(*env));
	int e;

	if (!env)
		return err_set(err, -ENOMEM, "out of memory");
	env->loop = loop;
	list_init(&env->finishing);
	lookups_init(&env->lookups, loop);
	e = stream_env_reload(env, s, err);
	if (e) {
		stream_env_free(env);
		return e;
	}
	*ret_env = env;
	return 0;
}

void stream_env_free(struct stream_env *env)
{
	if (!env)
		return;
	list_for_each_safe(it, &env->finishing)
		stream_close(list_entry(it, struct stream, node));
	lookups_release(&env->lookups);
	stream_tls_free(env->tls);
	free(env);
}

/* ---- the end of a stream ---------------------------------------------- */

static void stop_io(struct stream *s)
{
	if (s->readable)
		event_free(s->readable);
	if (s->writable)
		event_free(s->writable);
	s->readable = s->writable = NULL;
	s->blocked = false;
	stream_tls_close(s->tls);
	s->tls = NULL;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/* The first reason counts. The handler hears of it when this dispatch ends. */
static void fail(struct stream *s, int code, const char *what)
{
	if (s->state == STATE_OVER)
		return;
	if (s->state != STATE_FINISH) {
		err_set(&s->why, code, "%s:%u: %s", s->host, s->port, what);
		s->state = STATE_OVER;
	}
	loop_timer_stop(&s->timer);
	stop_io(s);
	loop_cancel(s->env->loop, &s->over);
	loop_defer(s->env->loop, &s->over);
}

static void on_over(struct loop_task *task)
{
	struct stream *s = container_of(task, struct stream, over);

	if (s->state == STATE_FINISH)
		stream_close(s);
	else
		s->handler->on_close(s->arg, &s->why);
}

void stream_close(struct stream *s)
{
	if (!s)
		return;
	list_del(&s->node);
	lookup_cancel(&s->lookup);
	loop_cancel(s->env->loop, &s->over);
	loop_timer_release(&s->timer);
	stop_io(s);
	buf_wipe(&s->out);
	free(s->host);
	free(s);
}

/* All is sent: say so, and wait for the far end to say the same. */
static void half_close(struct stream *s)
{
	if (s->tls)
		stream_tls_shutdown(s->tls);
	shutdown(s->fd, SHUT_WR);
}

void stream_finish(struct stream *s)
{
	if (s->state != STATE_OPEN) {
		stream_close(s);
		return;
	}
	s->state = STATE_FINISH;
	list_add_tail(&s->env->finishing, &s->node);
	loop_timer_start(&s->timer, STREAM_FINISH_MS);
	if (stream_pending(s))
		stream_flush(s);
	else
		half_close(s);
}

/* ---- sending ----------------------------------------------------------- */

size_t stream_pending(const struct stream *s)
{
	return s->out.len - s->done;
}

uint64_t stream_sent(const struct stream *s)
{
	return s->sent;
}

/* Moving the rest to the front costs no more than what it frees. */
struct buf *stream_out(struct stream *s)
{
	if (s->done && s->done >= s->out.len - s->done) {
		buf_consume(&s->out, s->done);
		s->done = 0;
	}
	return &s->out;
}

static ssize_t send_some(struct stream *s)
{
	const uint8_t *data = s->out.data + s->done;
	size_t n = s->out.len - s->done;
	ssize_t sent;

	if (s->tls)
		return stream_tls_send(s->tls, data, n);
	sent = send(s->fd, data, n, MSG_NOSIGNAL);
	return sent < 0 ? -errno : sent;
}

static void all_sent(struct stream *s)
{
	s->done = 0;
	if (s->out.size > KEEP_BYTES)
		buf_release(&s->out);
	else
		buf_clear(&s->out);
	if (s->state == STATE_FINISH)
		half_close(s);
}

static void send_pending(struct stream *s)
{
	while (s->done < s->out.len) {
		ssize_t n = send_some(s);

		if (n == -EAGAIN || n == -EINTR) {
			s->blocked = !event_add(s->writable, NULL);
			return;
		}
		if (n < 0) {
			fail(s, (int)n, err_str((int)n));
			return;
		}
		s->done += (size_t)n;
		s->sent += (uint64_t)n;
	}
	all_sent(s);
}

void stream_flush(struct stream *s)
{
	if ((s->state != STATE_OPEN && s->state != STATE_FINISH) ||
	    s->blocked || !stream_pending(s))
		return;
	send_pending(s);
}

/* ---- receiving --------------------------------------------------------- */

/* How many bytes, 0 at the end, -EAGAIN, or another error. */
static ssize_t receive_some(struct stream *s, uint8_t *dst, size_t n)
{
	ssize_t got;

	if (s->tls)
		return stream_tls_receive(s->tls, dst, n);
	got = recv(s->fd, dst, n, 0);
	return got < 0 ? -errno : got;
}

static void receive(struct stream *s)
{
	struct stream_env *env = s->env;

	for (int i = 0; i < READS_MAX; i++) {
		ssize_t n = receive_some(s, env->input, sizeof(env->input));

		if (n == -EAGAIN || n == -EINTR)
			return;
		if (n == 0)
			fail(s, -ECONNRESET, "far end closed the connection");
		else if (n < 0)
			fail(s, (int)n, err_str((int)n));
		else if (s->state == STATE_OPEN)
			s->handler->on_data(s->arg, env->input, (size_t)n);
		if (s->state != STATE_OPEN && s->fd < 0)
			return;
	}
	/* TLS may hold more that no readiness would tell of. */
	event_active(s->readable, EV_READ, 0);
}

/* ---- TLS --------------------------------------------------------------- */

static void shake(struct stream *s)
{
	bool blocked = false;
	char why[256];
	int err = stream_tls_shake(s->tls, s->env->tls, &blocked, why,
				   sizeof(why));

	if (err == -EAGAIN) {
		s->blocked = blocked && !event_add(s->writable, NULL);
	} else if (err) {
		fail(s, err, why);
	} else {
		loop_timer_stop(&s->timer);
		s->state = STATE_OPEN;
		s->handler->on_open(s->arg, s->fd);
	}
}

static void start_tls(struct stream *s)
{
	s->tls = stream_tls_open(s->env->tls, s->host, s->fd);
	if (!s->tls) {
		fail(s, -ENOMEM, "out of memory");
		return;
	}
	s->state = STATE_TLS;
	shake(s);
}

/* ---- connecting -------------------------------------------------------- */

static void connect_next(struct stream *s);

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;

	if (s->state == STATE_TLS)
		shake(s);
	else if (s->state == STATE_OPEN || s->state == STATE_FINISH)
		receive(s);
}

static void connected(struct stream *s)
{
	if (event_add(s->readable, NULL)) {
		fail(s, -ENOMEM, "out of memory");
		return;
	}
	if (s->tls_wanted) {
		start_tls(s);
		return;
	}
	loop_timer_stop(&s->timer);
	s->state = STATE_OPEN;
	s->handler->on_open(s->arg, s->fd);
}

static void try_next(struct stream *s, int code)
{
	stop_io(s);
	if (s->next < s->found.count)
		connect_next(s);
	else
		fail(s, code, err_str(code));
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;
	socklen_t len = sizeof(int);
	int e = 0;

	s->blocked = false;
	if (s->state == STATE_TLS) {
		shake(s);
	} else if (s->state != STATE_CONNECT) {
		stream_flush(s);
	} else {
		if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &e, &len))
			e = errno;
		if (e)
			try_next(s, -e);
		else
			connected(s);
	}
}

/* What fails here only costs comfort. */
static void set_options(int fd, uint32_t silence_ms)
{
	int one = 1, unsent = UNSENT_MAX;

	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence_ms,
		   sizeof(silence_ms));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
}

static int watch_socket(struct stream *s)
{
	struct event_base *base = loop_base(s->env->loop);

	set_options(s->fd, s->silence_ms);
	dscp_set(s->fd, s->dscp);
	s->readable =
		event_new(base, s->fd, EV_READ | EV_PERSIST, on_readable, s);
	s->writable = event_new(base, s->fd, EV_WRITE, on_writable, s);
	return s->readable && s->writable && !event_add(s->writable, NULL)
		       ? 0
		       : -ENOMEM;
}

static int open_socket(struct stream *s, const char *address)
{
	const struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV | AI_NUMERICHOST,
	};
	struct addrinfo *ai;
	char port[8];
	int err;

	snprintf(port, sizeof(port), "%u", s->port);
	if (getaddrinfo(address, port, &hints, &ai))
		return -ENOMEM;
	s->fd = socket(ai->ai_family,
		       SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	err = s->fd < 0 ? -errno : watch_socket(s);
	if (!err && connect(s->fd, ai->ai_addr, ai->ai_addrlen) &&
	    errno != EINPROGRESS)
		err = -errno;
	freeaddrinfo(ai);
	return err;
}

static void connect_next(struct stream *s)
{
	int err;

	do {
		s->state = STATE_CONNECT;
		err = open_socket(s, s->found.addresses[s->next++]);
		if (err)
			stop_io(s);
	} while (err && s->next < s->found.count);
	if (err)
		fail(s, err, err_str(err));
	else
		loop_timer_start(&s->timer, CONNECT_MS);
}

/* An address that does not answer, or a slow end. */
static void on_timer(struct loop_timer *timer)
{
	struct stream *s = container_of(timer, struct stream, timer);

	if (s->state == STATE_FINISH)
		fail(s, -ETIMEDOUT, "");
	else if (s->state == STATE_CONNECT)
		try_next(s, -ETIMEDOUT);
}

static void on_found(void *arg, const struct resolve_result *result)
{
	struct stream *s = arg;

	s->found = *result;
	if (result->err.code)
		fail(s, result->err.code, result->err.text);
	else
		connect_next(s);
}

static bool is_address(const char *host)
{
	struct in6_addr addr;

	return inet_pton(AF_INET, host, &addr) == 1 ||
	       inet_pton(AF_INET6, host, &addr) == 1;
}

/* An address needs no lookup. */
static int start(struct stream *s)
{
	if (!is_address(s->host))
		return lookup_start(&s->env->lookups, &s->lookup, s->host,
				    on_found, s);
	s->found.count = 1;
	str_copy(s->found.addresses[0], s->host, sizeof(s->found.addresses[0]));
	connect_next(s);
	return 0;
}

int stream_open(struct stream_env *env, const struct stream_target *target,
		size_t buffer_bytes, const struct stream_handler *handler,
		void *arg, struct stream **ret_stream)
{
	struct stream *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	if (!s)
		return err;
	s->env = env;
	s->handler = handler;
	s->arg = arg;
	s->fd = -1;
	s->port = target->port;
	s->silence_ms = target->silence_ms;
	s->dscp = target->dscp;
	s->tls_wanted = target->tls;
	list_init(&s->node);
	lookup_init(&s->lookup);
	loop_task_init(&s->over, on_over);
	buf_init(&s->out, buffer_bytes);
	s->host = strdup(target->host);
	if (s->host)
		err = loop_timer_init(&s->timer, env->loop, on_timer);
	err = err ? err : start(s);
	if (err) {
		stream_close(s);
		return err;
	}
	*ret_stream = s;
	return 0;
}
