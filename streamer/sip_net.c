/* SPDX-License-Identifier: MIT */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(conn) ((conn)->unlisted = true)
#include "streamer/sip_net.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "lib/log.h"
#include "lib/mono.h"
#include "lib/spare.h"
#include "streamer/dscp.h"
#include "streamer/sip_conn.h"
#include "streamer/sip_trace.h"

enum {
	LISTENERS_MAX = SIP_LISTEN_MAX * SIP_LISTEN_ADDRESSES_MAX,
	BACKLOG = 128,
	ACCEPTS_PER_TURN = 32,
	DATAGRAM_MAX = 65536,
};

/* A listening stream socket or a UDP socket. */
struct listener {
	struct sip_net *net;
	struct event *event;
	int fd;
	enum sip_conn_kind kind;
	struct sip_flow flow; /* UDP: with the socket's number */
};

struct sip_net {
	struct sip_conn_owner owner;
	struct sip_net_config config;
	struct sip_net_ops ops;
	struct sip_conn *conns; /* by number */
	uint64_t last_number;
	struct listener listeners[LISTENERS_MAX];
	size_t listener_count;
	struct spare spare;
	uint64_t refusal_logged_ms;
	uint8_t *datagram;
};

const char *sip_net_transport_name(enum sip_transport transport)
{
	static const char *const names[] = {
		[SIP_UDP] = "UDP", [SIP_TCP] = "TCP", [SIP_TLS] = "TLS"
	};

	return names[transport];
}

/* ---- connections -------------------------------------------------------- */

static struct sip_conn *find_conn(const struct sip_net *net, uint64_t number)
{
	struct sip_conn *conn = NULL;

	HASH_FIND(hh, net->conns, &number, sizeof(number), conn);
	return conn && !conn->dead ? conn : NULL;
}

/* It never got into the table if there was no memory for that. */
static int add_conn(struct sip_net *net, struct sip_conn *conn)
{
	HASH_ADD(hh, net->conns, flow.conn, sizeof(conn->flow.conn), conn);
	if (!conn->unlisted)
		return 0;
	sip_conn_free(conn);
	return -ENOMEM;
}

static void on_gone(void *arg, struct sip_conn *conn)
{
	struct sip_net *net = arg;

	if (!conn->unlisted)
		HASH_DEL(net->conns, conn);
}

/* A flood of strangers must not become a flood of lines. */
static void log_refusal(struct sip_net *net,
			const struct sockaddr_storage *peer, const char *why)
{
	char text[SIP_ADDR_SIZE];
	uint64_t now = mono_ms();

	if (net->refusal_logged_ms && now < net->refusal_logged_ms + 1000)
		return;
	net->refusal_logged_ms = now;
	log_warning("connection from %s refused: %s", sip_addr_text(peer, text),
		    why);
}

static bool is_welcome(struct sip_net *net, const struct sockaddr_storage *peer)
{
	if (!net->ops.is_allowed(net->owner.arg, peer)) {
		log_refusal(net, peer, "not in allow_from");
		return false;
	}
	if (HASH_COUNT(net->conns) >= net->config.max_connections) {
		log_refusal(net, peer, "too many connections");
		return false;
	}
	return true;
}

static void accept_one(struct listener *l, int fd, struct sip_flow *flow)
{
	struct sip_net *net = l->net;
	socklen_t len = sizeof(flow->local);
	struct sip_conn *conn;

	sip_addr_unmap(&flow->peer);
	if (!is_welcome(net, &flow->peer)) {
		close(fd);
		return;
	}
	getsockname(fd, (struct sockaddr *)&flow->local, &len);
	sip_addr_unmap(&flow->local);
	flow->conn = ++net->last_number;
	if (net->config.trace)
		sip_trace_accepted(flow);
	if (sip_conn_accept(&net->owner, flow, fd, l->kind, &conn) ||
	    add_conn(net, conn))
		log_refusal(net, &flow->peer, "no memory, or no TLS here");
}

static void on_accept(evutil_socket_t sock, short what, void *arg)
{
	struct listener *l = arg;

	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		struct sip_flow flow = { .transport = l->flow.transport };
		int fd, err = spare_accept(&l->net->spare, sock, &flow.peer,
					   &fd);

		if (err == -EMFILE || err == -ENFILE)
			log_refusal(l->net, &flow.peer, err_str(err));
		else if (err)
			return;
		else
			accept_one(l, fd, &flow);
	}
}

/* ---- datagrams ---------------------------------------------------------- */

/* Which of our addresses a socket bound to all of them answers from. */
static void find_local(struct sip_flow *flow)
{
	uint16_t port = sip_addr_port(&flow->local);
	socklen_t len = sizeof(flow->local);
	int fd;

	if (!sip_addr_is_any(&flow->local))
		return;
	fd = socket(flow->peer.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (!connect(fd, (struct sockaddr *)&flow->peer,
		     sip_addr_len(&flow->peer)) &&
	    !getsockname(fd, (struct sockaddr *)&flow->local, &len))
		sip_addr_set_port(&flow->local, port);
	close(fd);
}

static void on_datagram(evutil_socket_t sock, short what, void *arg)
{
	struct listener *l = arg;
	struct sip_net *net = l->net;
	struct sip_flow flow = l->flow;
	struct sip_frame frame;
	socklen_t len = sizeof(flow.peer);
	ssize_t n = recvfrom(sock, net->datagram, DATAGRAM_MAX, 0,
			     (struct sockaddr *)&flow.peer, &len);
	int err;

	if (n <= 0)
		return;
	sip_addr_unmap(&flow.peer);
	if (!net->ops.is_allowed(net->owner.arg, &flow.peer)) {
		log_refusal(net, &flow.peer, "not in allow_from");
		return;
	}
	err = sip_frame_datagram(net->datagram, (size_t)n, &frame);
	if (!frame.head_len || (size_t)n > 2 * net->config.max_message)
		return;
	find_local(&flow);
	if (net->config.trace)
		sip_trace_message(&flow, true, net->datagram, (size_t)n);
	net->ops.message(net->owner.arg, &flow, net->datagram, &frame, err);
}

static struct listener *find_socket(struct sip_net *net, uint64_t number)
{
	for (size_t i = 0; i < net->listener_count; i++)
		if (net->listeners[i].flow.transport == SIP_UDP &&
		    net->listeners[i].flow.conn == number)
			return &net->listeners[i];
	return NULL;
}

static int send_datagram(struct sip_net *net, const struct sip_flow *flow,
			 const void *data, size_t len)
{
	struct listener *l = find_socket(net, flow->conn);
	struct sockaddr_storage to = flow->peer;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&to;
	const struct sockaddr_in *v4 = (const void *)&flow->peer;

	if (!l)
		return -ENOTCONN;
	if (l->flow.local.ss_family == AF_INET6 && to.ss_family == AF_INET) {
		memset(&to, 0, sizeof(to));
		v6->sin6_family = AF_INET6;
		v6->sin6_port = v4->sin_port;
		v6->sin6_addr.s6_addr[10] = v6->sin6_addr.s6_addr[11] = 0xff;
		memcpy(v6->sin6_addr.s6_addr + 12, &v4->sin_addr, 4);
	}
	return sendto(l->fd, data, len, 0, (struct sockaddr *)&to,
		      sip_addr_len(&to)) < 0
		       ? -errno
		       : 0;
}

/* ---- listeners ---------------------------------------------------------- */

static int bind_socket(struct sockaddr_storage *sa, int type, int dscp,
		       int *ret_fd)
{
	int fd = socket(sa->ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1, off = 0;
	socklen_t len = sizeof(*sa);

	if (fd < 0)
		return -errno;
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	dscp_set(fd, dscp);
	/* An address that the network brings up later may be listened on. */
	setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
	if (sa->ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY,
			   sip_addr_is_any(sa) ? &off : &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)sa, sip_addr_len(sa)) ||
	    (type == SOCK_STREAM && listen(fd, BACKLOG)) ||
	    getsockname(fd, (struct sockaddr *)sa, &len)) {
		int err = -errno;

		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

static int add_listener(struct sip_net *net, const struct sockaddr_storage *at,
			enum sip_transport transport, enum sip_conn_kind kind,
			struct err *err)
{
	struct listener *l = &net->listeners[net->listener_count];
	bool udp = transport == SIP_UDP;
	char text[SIP_ADDR_SIZE];
	int code;

	if (net->listener_count == LISTENERS_MAX)
		return err_set(err, -ENOSPC, "sip_listen: too many addresses");
	*l = (struct listener){ .net = net, .kind = kind };
	l->flow.transport = transport;
	l->flow.local = *at;
	code = bind_socket(&l->flow.local, udp ? SOCK_DGRAM : SOCK_STREAM,
			   net->config.dscp, &l->fd);
	if (code)
		return err_set(err, code, "sip_listen: %s %s: %s",
			       sip_net_transport_name(transport),
			       sip_addr_text(at, text), err_str(code));
	net->listener_count++;
	l->flow.conn = udp ? ++net->last_number : 0;
	l->event = event_new(loop_base(net->owner.loop), l->fd,
			     EV_READ | EV_PERSIST,
			     udp ? on_datagram : on_accept, l);
	if (!l->event || event_add(l->event, NULL))
		return err_set(err, -ENOMEM, "no memory");
	log_info("listening on %s %s",
		 kind == SIP_CONN_SNIFF ? "TCP and TLS"
					: sip_net_transport_name(transport),
		 sip_addr_text(&l->flow.local, text));
	return 0;
}

static int listen_at(struct sip_net *net, const struct sip_listen *listen,
		     struct sockaddr_storage *at, struct err *err)
{
	bool shared = listen->tcp == listen->tls;
	int code = 0;

	sip_addr_set_port(at, listen->tcp);
	if (listen->tcp)
		code = add_listener(net, at, SIP_TCP,
				    shared ? SIP_CONN_SNIFF : SIP_CONN_TCP,
				    err);
	if (!code && listen->tcp && net->config.udp)
		code = add_listener(net, at, SIP_UDP, SIP_CONN_TCP, err);
	sip_addr_set_port(at, listen->tls);
	if (!code && listen->tls && !shared)
		code = add_listener(net, at, SIP_TLS, SIP_CONN_TLS, err);
	return code;
}

static int listen_all(struct sip_net *net, struct err *err)
{
	struct sockaddr_storage at[SIP_LISTEN_ADDRESSES_MAX];
	size_t n;
	int code = 0;

	for (size_t i = 0; i < net->config.listens.count && !code; i++) {
		const struct sip_listen *l = &net->config.listens.at[i];

		code = sip_listen_resolve(l->interface, at, &n, err);
		for (size_t k = 0; !code && k < n; k++)
			code = listen_at(net, l, &at[k], err);
	}
	return code;
}

/* ---- life and sending --------------------------------------------------- */

int sip_net_new(struct loop *loop, const struct sip_net_config *config,
		const struct sip_net_ops *ops, void *arg, struct sip_net **ret,
		struct err *err)
{
	struct sip_net *net = calloc(1, sizeof(*net));
	int code;

	if (!net)
		return err_set(err, -ENOMEM, "no memory");
	net->config = *config;
	net->ops = *ops;
	net->owner = (struct sip_conn_owner){ .loop = loop,
					      .config = &net->config,
					      .ops = &net->ops,
					      .arg = arg,
					      .gone = on_gone,
					      .net = net };
	spare_init(&net->spare);
	net->datagram = malloc(DATAGRAM_MAX);
	code = net->datagram ? listen_all(net, err)
			     : err_set(err, -ENOMEM, "no memory");
	if (code) {
		sip_net_free(net);
		return code;
	}
	*ret = net;
	return 0;
}

void sip_net_free(struct sip_net *net)
{
	struct sip_conn *conn, *next;

	if (!net)
		return;
	HASH_ITER(hh, net->conns, conn, next)
		sip_conn_free(conn);
	for (size_t i = 0; i < net->listener_count; i++) {
		if (net->listeners[i].event)
			event_free(net->listeners[i].event);
		if (net->listeners[i].fd >= 0)
			close(net->listeners[i].fd);
	}
	spare_release(&net->spare);
	free(net->datagram);
	free(net);
}

void sip_net_set_trace(struct sip_net *net, bool on)
{
	net->config.trace = on;
}

void sip_net_set_tls(struct sip_net *net, struct sip_tls *tls)
{
	net->config.tls = tls;
}

bool sip_net_is_alive(const struct sip_net *net, const struct sip_flow *flow)
{
	return flow->transport == SIP_UDP || find_conn(net, flow->conn);
}

/* Another connection to the same host and port (RFC 3261 section 18). */
static struct sip_conn *find_other(struct sip_net *net,
				   const struct sip_flow *flow)
{
	struct sip_conn *conn, *next;

	HASH_ITER(hh, net->conns, conn, next)
		if (!conn->dead && conn->bev &&
		    conn->flow.transport == flow->transport &&
		    sip_addr_equal(&conn->flow.peer, &flow->peer))
			return conn;
	return NULL;
}

static int connect_anew(struct sip_net *net, const struct sip_flow *flow,
			const char *host, struct sip_conn **ret)
{
	struct sip_flow fresh = *flow;
	int err;

	fresh.conn = ++net->last_number;
	err = sip_conn_connect(&net->owner, &fresh, host, ret);
	return err ? err : add_conn(net, *ret);
}

int sip_net_connect(struct sip_net *net, struct sip_flow *flow,
		    const char *host, uint16_t port)
{
	struct sip_conn *conn;
	int err;

	sip_addr_set_port(&flow->peer, port);
	err = connect_anew(net, flow, host, &conn);
	if (!err)
		flow->conn = conn->flow.conn;
	return err;
}

static int find_or_connect(struct sip_net *net, struct sip_flow *flow,
			   struct sip_conn **ret)
{
	int err = 0;

	*ret = find_conn(net, flow->conn);
	if (!*ret)
		*ret = find_other(net, flow);
	if (!*ret)
		err = connect_anew(net, flow, NULL, ret);
	if (!err)
		flow->conn = (*ret)->flow.conn;
	return err;
}

int sip_net_send(struct sip_net *net, struct sip_flow *flow, const void *data,
		 size_t len)
{
	struct sip_conn *conn;
	int err;

	if (flow->transport == SIP_UDP) {
		err = send_datagram(net, flow, data, len);
	} else {
		err = find_or_connect(net, flow, &conn);
		if (!err)
			err = sip_conn_send(conn, data, len);
		if (err == -ENOBUFS)
			sip_conn_kill(conn, "does not read");
	}
	if (!err && net->config.trace)
		sip_trace_message(flow, false, data, len);
	return err;
}
