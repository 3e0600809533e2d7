/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SIP_NET_H
#define UPCAST_SIP_NET_H

#include "lib/err.h"
#include "lib/loop.h"
#include "streamer/sip_addr.h"
#include "streamer/sip_frame.h"
#include "streamer/sip_listen.h"

/*
 * SIP over the network: listeners for TCP, TLS and UDP, connections, and
 * whole messages in and out. Knows nothing of what they say.
 *
 * A `struct sip_flow` says where a message came from and thereby where its
 * answer goes. It is a value: connections are named by numbers that are never
 * used again, so one that is gone is found to be gone.
 *
 * Where a port serves both TCP and TLS the first byte tells: a TLS handshake
 * begins with 0x16, which begins no SIP message.
 *
 * Life cycle: sip_net_new(), events on the loop, sip_net_free(). Nothing is
 * freed while an event is being delivered.
 */
struct sip_net;
struct sip_tls;

enum sip_transport { SIP_UDP, SIP_TCP, SIP_TLS };
/* "UDP", "TCP", "TLS" */
const char *sip_net_transport_name(enum sip_transport transport);

struct sip_flow {
	enum sip_transport transport;
	uint64_t conn; /* number of the connection or socket */
	struct sockaddr_storage peer, local;
};

struct sip_net_config {
	struct sip_listens listens;
	bool udp; /* on the TCP ports, too */
	int dscp; /* of what is sent */
	size_t max_connections;
	size_t max_message;  /* bytes, head and body each */
	uint64_t setup_ms;   /* TLS handshake, or a message half received */
	uint64_t idle_ms;    /* without a message */
	struct sip_tls *tls; /* stays the caller's; NULL: no TLS */
	bool trace;
};

struct sip_net_ops {
	/*
	 * A message. `broken`: 0, or why its end cannot be told (sip_frame.h);
	 * its head may be answered, then the connection is closed.
	 */
	void (*message)(void *arg, const struct sip_flow *flow,
			const uint8_t *data, const struct sip_frame *frame,
			int broken);
	/* A connection has ended; `why` in a few words. */
	void (*closed)(void *arg, uint64_t conn, const char *why);
	/* May this host connect or send at all? */
	bool (*is_allowed)(void *arg, const struct sockaddr_storage *peer);
};

/* Errors with a sentence: what cannot be bound, and why. */
int sip_net_new(struct loop *loop, const struct sip_net_config *config,
		const struct sip_net_ops *ops, void *arg, struct sip_net **ret,
		struct err *err) ATTR_MUST_CHECK;
void sip_net_free(struct sip_net *net);

void sip_net_set_trace(struct sip_net *net, bool on);
/* For connections to come; also the limits. NULL: no TLS any more. */
void sip_net_set_tls(struct sip_net *net, struct sip_tls *tls);

/*
 * Sends along the flow. Where its connection is gone, another one to the same
 * peer is used or made, and the flow is changed to it. -ENOTCONN where that
 * cannot be, -ENOBUFS where the peer does not read.
 */
int sip_net_send(struct sip_net *net, struct sip_flow *flow, const void *data,
		 size_t len) ATTR_MUST_CHECK;
/* Another connection for the flow, to a host by its name. */
int sip_net_connect(struct sip_net *net, struct sip_flow *flow,
		    const char *host, uint16_t port) ATTR_MUST_CHECK;
bool sip_net_is_alive(const struct sip_net *net, const struct sip_flow *flow);

#endif
