/* SPDX-License-Identifier: MIT */
#include "streamer/sip_conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>

#include "lib/log.h"
#include "lib/resolve.h"
#include "streamer/dscp.h"
#include "streamer/sip_tls.h"
#include "streamer/sip_trace.h"

enum { READ_MAX = 65536, OUTPUT_MAX = 1 << 20, TLS_HANDSHAKE = 0x16 };

static void on_event(struct bufferevent *bev, short what, void *arg);
static int try_next(struct sip_conn *conn);

static void start_timer(struct sip_conn *conn, bool stalled)
{
	const struct sip_net_config *c = conn->owner->config;

	/* What is half there gets no more time by dripping on. */
	if (stalled && conn->stalled)
		return;
	conn->stalled = stalled;
	loop_timer_start(&conn->timer, stalled ? c->setup_ms : c->idle_ms);
}

void sip_conn_kill(struct sip_conn *conn, const char *why)
{
	if (conn->dead)
		return;
	conn->dead = true;
	if (conn->bev)
		bufferevent_disable(conn->bev, EV_READ);
	loop_timer_stop(&conn->timer);
	conn->owner->ops->closed(conn->owner->arg, conn->flow.conn, why);
	loop_defer(conn->owner->loop, &conn->free_task);
}

static void on_timer(struct loop_timer *timer)
{
	struct sip_conn *conn = container_of(timer, struct sip_conn, timer);

	if (!try_next(conn))
		return;
	sip_conn_kill(conn, conn->stalled ? "too slow" : "idle");
}

static void on_free(struct loop_task *task)
{
	sip_conn_free(container_of(task, struct sip_conn, free_task));
}

/* ---- messages ----------------------------------------------------------- */

static void deliver(struct sip_conn *conn, const struct sip_frame *frame,
		    int broken)
{
	const struct sip_conn_owner *o = conn->owner;

	if (o->config->trace)
		sip_trace_message(&conn->flow, true, conn->in.data,
				  broken ? conn->in.len : frame->len);
	o->ops->message(o->arg, &conn->flow, conn->in.data, frame, broken);
}

static void answer_pings(struct sip_conn *conn, unsigned pings)
{
	/* One pong says it for all that came in one read. */
	if (pings && sip_conn_send(conn, "\r\n", 2))
		sip_conn_kill(conn, "does not read");
}

static void on_drained(struct bufferevent *bev, void *arg)
{
	struct sip_conn *conn = arg;

	sip_conn_kill(conn, conn->last_words);
}

/* Reads no more, and ends once the answer to the last message is out. */
static void finish(struct sip_conn *conn, const char *why)
{
	if (!evbuffer_get_length(bufferevent_get_output(conn->bev))) {
		sip_conn_kill(conn, why);
		return;
	}
	conn->last_words = why;
	bufferevent_disable(conn->bev, EV_READ);
	bufferevent_setcb(conn->bev, NULL, on_drained, on_event, conn);
	start_timer(conn, true);
}

static void take_messages(struct sip_conn *conn)
{
	struct sip_frame frame;
	unsigned pings;
	int err = 0;

	while (!conn->dead && !err) {
		buf_consume(&conn->in,
			    sip_frame_keepalive(conn->in.data, conn->in.len,
						&pings));
		answer_pings(conn, pings);
		err = sip_frame_next(&conn->framer, conn->in.data, conn->in.len,
				     &frame);
		if (err)
			break;
		deliver(conn, &frame, 0);
		buf_consume(&conn->in, frame.len);
		conn->stalled = false;
	}
	if (conn->dead)
		return;
	if (err == -EAGAIN) {
		start_timer(conn, conn->in.len > 0);
		return;
	}
	if (frame.head_len)
		deliver(conn, &frame, err);
	if (!conn->dead)
		finish(conn, err == -EMSGSIZE ? "message too large"
					      : "no SIP message");
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct sip_conn *conn = arg;
	struct evbuffer *input = bufferevent_get_input(bev);

	while (!conn->dead && !conn->last_words && evbuffer_get_length(input)) {
		size_t n = evbuffer_get_length(input);

		if (n > READ_MAX)
			n = READ_MAX;
		if (buf_reserve(&conn->in, n)) {
			sip_conn_kill(conn, "message too large");
			return;
		}
		evbuffer_remove(input, conn->in.data + conn->in.len, n);
		conn->in.len += n;
		conn->in.data[conn->in.len] = '\0';
		take_messages(conn);
	}
}

/* Dead peers are found by the kernel within three minutes. */
static void set_options(int fd, int dscp)
{
	int on = 1, idle = 60, interval = 30, count = 4;

	dscp_set(fd, dscp);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
}

static void learn_addresses(struct sip_conn *conn)
{
	socklen_t len = sizeof(conn->flow.local);

	getsockname(bufferevent_getfd(conn->bev),
		    (struct sockaddr *)&conn->flow.local, &len);
	sip_addr_unmap(&conn->flow.local);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct sip_conn *conn = arg;
	char why[160] = "closed by the peer";

	if (conn->dead)
		return;
	if (what & BEV_EVENT_CONNECTED) {
		free(conn->found);
		conn->found = NULL;
		set_options(bufferevent_getfd(bev), conn->owner->config->dscp);
		learn_addresses(conn);
		start_timer(conn, false);
		return;
	}
	if (!try_next(conn))
		return;
	if (conn->ssl && what & BEV_EVENT_ERROR)
		sip_tls_explain(conn->ssl, bufferevent_get_openssl_error(bev),
				why, sizeof(why));
	else if (what & BEV_EVENT_ERROR)
		snprintf(why, sizeof(why), "%s",
			 evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
	sip_conn_kill(conn, why);
}

/* ---- set-up ------------------------------------------------------------- */

/* From here on the bufferevent owns the descriptor (-1: none yet). */
static int open_stream(struct sip_conn *conn, bool server)
{
	struct event_base *base = loop_base(conn->owner->loop);
	int options = BEV_OPT_CLOSE_ON_FREE, err;

	if (conn->flow.transport == SIP_TLS) {
		if (!conn->owner->config->tls)
			return -ENOTCONN;
		err = sip_tls_open(conn->owner->config->tls, server,
				   &conn->ssl);
		if (err)
			return err;
		conn->bev = bufferevent_openssl_socket_new(
			base, conn->fd, conn->ssl,
			server ? BUFFEREVENT_SSL_ACCEPTING
			       : BUFFEREVENT_SSL_CONNECTING,
			options);
		if (conn->bev)
			bufferevent_openssl_set_allow_dirty_shutdown(conn->bev,
								     1);
	} else {
		conn->bev = bufferevent_socket_new(base, conn->fd, options);
	}
	if (!conn->bev) {
		conn->ssl = NULL; /* went with it */
		return -ENOMEM;
	}
	conn->fd = -1;
	bufferevent_setcb(conn->bev, on_read, NULL, on_event, conn);
	bufferevent_setwatermark(conn->bev, EV_READ, 0, READ_MAX);
	return bufferevent_enable(conn->bev, EV_READ | EV_WRITE) ? -ENOMEM : 0;
}

static void on_first_byte(evutil_socket_t fd, short what, void *arg)
{
	struct sip_conn *conn = arg;
	unsigned char byte = 0;
	ssize_t n = recv(fd, &byte, 1, MSG_PEEK);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	event_del(conn->sniffer);
	if (n <= 0) {
		sip_conn_kill(conn, "closed by the peer");
		return;
	}
	conn->flow.transport = byte == TLS_HANDSHAKE ? SIP_TLS : SIP_TCP;
	if (open_stream(conn, true))
		sip_conn_kill(conn, "no memory, or no TLS here");
}

static int start_sniffing(struct sip_conn *conn)
{
	conn->sniffer = event_new(loop_base(conn->owner->loop), conn->fd,
				  EV_READ | EV_PERSIST, on_first_byte, conn);
	return conn->sniffer && !event_add(conn->sniffer, NULL) ? 0 : -ENOMEM;
}

static int new_conn(const struct sip_conn_owner *owner,
		    const struct sip_flow *flow, struct sip_conn **ret)
{
	struct sip_conn *conn = calloc(1, sizeof(*conn));
	size_t max = owner->config->max_message;
	int err;

	if (!conn)
		return -ENOMEM;
	conn->owner = owner;
	conn->flow = *flow;
	conn->fd = -1;
	conn->framer.max_head = conn->framer.max_body = max;
	buf_init(&conn->in, 2 * max + READ_MAX);
	loop_task_init(&conn->free_task, on_free);
	err = loop_timer_init(&conn->timer, owner->loop, on_timer);
	if (err) {
		free(conn);
		return err;
	}
	start_timer(conn, true);
	*ret = conn;
	return 0;
}

/* Never in a table yet, so that nobody need be told. */
static void drop(struct sip_conn *conn)
{
	loop_cancel(conn->owner->loop, &conn->free_task);
	conn->owner = NULL;
	sip_conn_free(conn);
}

int sip_conn_accept(const struct sip_conn_owner *owner,
		    const struct sip_flow *flow, int fd,
		    enum sip_conn_kind kind, struct sip_conn **ret)
{
	struct sip_conn *conn;
	int err = new_conn(owner, flow, &conn);

	if (err) {
		close(fd);
		return err;
	}
	set_options(fd, owner->config->dscp);
	conn->fd = fd;
	if (kind == SIP_CONN_SNIFF) {
		err = start_sniffing(conn);
	} else {
		conn->flow.transport = kind == SIP_CONN_TLS ? SIP_TLS : SIP_TCP;
		err = open_stream(conn, true);
	}
	if (err) {
		drop(conn);
		return err;
	}
	*ret = conn;
	return 0;
}

static int connect_stream(struct sip_conn *conn)
{
	struct sockaddr *peer = (struct sockaddr *)&conn->flow.peer;
	int err;

	/* What fails at once is told by what we return. */
	bufferevent_setcb(conn->bev, NULL, NULL, NULL, NULL);
	err = bufferevent_socket_connect(conn->bev, peer,
					 (int)sip_addr_len(&conn->flow.peer));
	bufferevent_setcb(conn->bev, on_read, NULL, on_event, conn);
	return err ? -ENOTCONN : 0;
}

/* Only those of the family by which the peer came, if there are any. */
static int take_addresses(struct sip_conn *conn,
			  const struct resolve_result *result)
{
	struct resolve_result *r = malloc(sizeof(*r));
	struct sockaddr_storage sa;
	size_t n = 0;

	if (!r)
		return -ENOMEM;
	*r = *result;
	for (size_t i = 0; i < r->count; i++)
		if (!sip_addr_parse(r->addresses[i], 0, &sa) &&
		    sa.ss_family == conn->flow.peer.ss_family)
			memmove(r->addresses[n++], r->addresses[i],
				sizeof(r->addresses[i]));
	r->count = n ? n : r->count;
	conn->found = r;
	return 0;
}

/* What waits to be sent goes with the next one. */
static int renew_stream(struct sip_conn *conn)
{
	struct evbuffer *kept = evbuffer_new();
	struct evbuffer *output = bufferevent_get_output(conn->bev);
	int err = kept ? 0 : -ENOMEM;

	evbuffer_unfreeze(output, 1);
	if (!err && evbuffer_add_buffer(kept, output))
		err = -ENOMEM;
	bufferevent_free(conn->bev);
	conn->bev = NULL;
	conn->ssl = NULL;
	err = err ? err : open_stream(conn, false);
	if (!err && bufferevent_write_buffer(conn->bev, kept))
		err = -ENOMEM;
	if (kept)
		evbuffer_free(kept);
	return err;
}

/* -ENOENT: there is no other address, or none was looked for. */
static int try_next(struct sip_conn *conn)
{
	struct resolve_result *found = conn->found;
	uint16_t port = sip_addr_port(&conn->flow.peer);
	int err = -ENOENT;

	while (err && found && conn->next < found->count) {
		if (conn->next && renew_stream(conn))
			return -ENOMEM;
		conn->stalled = false;
		start_timer(conn, true);
		err = sip_addr_parse(found->addresses[conn->next++], port,
				     &conn->flow.peer);
		if (!err)
			err = connect_stream(conn);
	}
	return err;
}

static void on_resolved(void *arg, const struct resolve_result *result)
{
	struct sip_conn *conn = arg;

	conn->lookup = NULL;
	if (result->err.code)
		sip_conn_kill(conn, result->err.text);
	else if (take_addresses(conn, result) || try_next(conn))
		sip_conn_kill(conn, "cannot be connected");
}

int sip_conn_connect(const struct sip_conn_owner *owner,
		     const struct sip_flow *flow, const char *host,
		     struct sip_conn **ret)
{
	struct sip_conn *conn;
	int err = new_conn(owner, flow, &conn);

	if (err)
		return err;
	err = open_stream(conn, false);
	if (!err)
		err = host ? resolve_start(owner->loop, host, on_resolved, conn,
					   &conn->lookup)
			   : connect_stream(conn);
	if (err) {
		drop(conn);
		return err;
	}
	*ret = conn;
	return 0;
}

int sip_conn_send(struct sip_conn *conn, const void *data, size_t len)
{
	struct evbuffer *output;

	if (conn->dead || !conn->bev)
		return -ENOTCONN;
	output = bufferevent_get_output(conn->bev);
	if (evbuffer_get_length(output) + len > OUTPUT_MAX)
		return -ENOBUFS;
	return bufferevent_write(conn->bev, data, len) ? -ENOMEM : 0;
}

void sip_conn_free(struct sip_conn *conn)
{
	if (conn->owner) {
		conn->owner->gone(conn->owner->net, conn);
		loop_cancel(conn->owner->loop, &conn->free_task);
	}
	resolve_cancel(conn->lookup);
	free(conn->found);
	if (conn->sniffer)
		event_free(conn->sniffer);
	if (conn->bev)
		bufferevent_free(conn->bev);
	if (conn->fd >= 0)
		close(conn->fd);
	loop_timer_release(&conn->timer);
	buf_release(&conn->in);
	free(conn);
}
