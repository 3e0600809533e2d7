/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SIP_CONN_H
#define UPCAST_SIP_CONN_H

#include "lib/buf.h"
#include "lib/hash.h"
#include "streamer/sip_net.h"

/*
 * One stream connection of sip_net.c, TCP or TLS, in or out: bytes to
 * messages, and the clocks that end it. Only sip_net.c uses this.
 *
 * A connection that ends marks itself and is freed at the end of the dispatch,
 * so whoever is on the stack may still look at it.
 */
struct bufferevent;
struct event;
struct resolve;
struct resolve_result;

struct sip_conn {
	UT_hash_handle hh;
	struct sip_flow flow; /* flow.conn is the key */
	const struct sip_conn_owner *owner;
	struct bufferevent *bev;      /* NULL while the first byte is awaited */
	struct resolve *lookup;	      /* the peer's name is asked for */
	struct resolve_result *found; /* what to try, until one is connected */
	size_t next;
	struct event *sniffer;
	int fd;		    /* the sniffer's */
	struct ssl_st *ssl; /* the bufferevent's */
	struct sip_framer framer;
	struct buf in;
	struct loop_timer timer;
	struct loop_task free_task;
	const char *last_words; /* why it ends once its output is out */
	bool stalled;		/* the timer waits for the rest of something */
	bool dead;
	bool unlisted; /* its owner's table had no memory for it */
};

struct sip_conn_owner {
	struct loop *loop;
	const struct sip_net_config *config;
	const struct sip_net_ops *ops;
	void *arg;
	/* Takes it out of its table; called once, before it is freed. */
	void (*gone)(void *net, struct sip_conn *conn);
	void *net;
};

enum sip_conn_kind { SIP_CONN_TCP, SIP_CONN_TLS, SIP_CONN_SNIFF };

/* Takes the descriptor, also when it fails. */
int sip_conn_accept(const struct sip_conn_owner *owner,
		    const struct sip_flow *flow, int fd,
		    enum sip_conn_kind kind,
		    struct sip_conn **ret) ATTR_MUST_CHECK;
/*
 * `flow`: transport, number and peer; with `host` only the peer's port counts,
 * and its addresses are looked up and tried, those of the peer's family only if
 * there are any. What is sent waits for the connection.
 */
int sip_conn_connect(const struct sip_conn_owner *owner,
		     const struct sip_flow *flow, const char *host,
		     struct sip_conn **ret) ATTR_MUST_CHECK;
int sip_conn_send(struct sip_conn *conn, const void *data,
		  size_t len) ATTR_MUST_CHECK;
/* Ends it after the current dispatch; `why` for the log. */
void sip_conn_kill(struct sip_conn *conn, const char *why);
/* At once; nobody may be on the stack. */
void sip_conn_free(struct sip_conn *conn);

#endif
