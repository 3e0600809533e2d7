/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SIP_TXN_H
#define UPCAST_SIP_TXN_H

#include "lib/buf.h"
#include "lib/list.h"
#include "streamer/sip_msg.h"
#include "streamer/sip_net.h"

/*
 * SIP transactions (RFC 3261 section 17, RFC 6026): retransmissions in and
 * out, and the end of waiting. One timer each, one hash lookup per message.
 *
 * osip has transactions, too, which we do not use: it finds them by walking
 * lists, polls all their timers in one sweep, keeps 15 KiB of DNS records in
 * each, and knows nothing of RFC 6026.
 *
 * A transaction frees itself when its last timer has run, at the end of a
 * dispatch. The owner of a server transaction may hold its pointer until the
 * final response; the owner of a client transaction until its function has been
 * called, which happens once, unless sip_txn_forget() came first.
 */
struct sip_txn;
struct sip_txns;

enum {
	SIP_TAG_SIZE = 24,
	SIP_TXN_SHARE = 64, /* of what is served, for one dialog */
};

/* `status` is the final response's, or 408 and 503 with `msg` NULL where none
 * came. */
typedef void sip_txn_fn(void *arg, struct sip_txn *txn, int status,
			const struct sip_msg *msg);

int sip_txns_new(struct loop *loop, struct sip_net *net, size_t max,
		 struct sip_txns **ret) ATTR_MUST_CHECK;
void sip_txns_free(struct sip_txns *txns);

/* The transaction that a message belongs to: an ACK to its INVITE's. NULL. */
struct sip_txn *sip_txns_find(const struct sip_txns *txns,
			      const struct sip_msg *msg);
/* The INVITE that a CANCEL means, NULL if it is gone. */
struct sip_txn *sip_txns_find_invite(const struct sip_txns *txns,
				     const struct sip_msg *cancel);
/*
 * A message that sip_txns_find() assigned. False: it is the dialog's, an ACK
 * to a 2xx that has the branch of its INVITE, as older callers send it.
 */
bool sip_txn_receive(struct sip_txn *txn, const struct sip_msg *msg);

/*
 * For a request that none was found for. -ENOSPC: too many are live, of all or
 * of `share`, a list of the caller's that has those of one dialog (or NULL).
 */
int sip_txn_serve(struct sip_txns *txns, const struct sip_msg *request,
		  const struct sip_flow *flow, struct list *share,
		  struct sip_txn **ret) ATTR_MUST_CHECK;
/* The list ends; what is in it lives on. */
void sip_txn_release_share(struct list *share);
/* Sends a response and keeps it for retransmissions; takes the buffer's bytes
 * and leaves it empty. */
void sip_txn_respond(struct sip_txn *txn, int status, struct buf *text);
/*
 * What a CANCEL finds of the INVITE that it means: its owner, while that has
 * not answered, and our tag as long as the transaction is there.
 */
void sip_txn_set_arg(struct sip_txn *txn, void *arg);
void *sip_txn_arg(const struct sip_txn *txn);
void sip_txn_set_tag(struct sip_txn *txn, const char *tag);
const char *sip_txn_tag(const struct sip_txn *txn);

/*
 * Sends a request whose topmost Via carries `branch`. `ack`: for an INVITE what
 * acknowledges a final response other than 2xx, else empty. Takes the bytes of
 * both buffers. Failure to send is told through `fn`.
 */
int sip_txn_request(struct sip_txns *txns, struct sip_flow *flow,
		    enum sip_method method, const char *branch,
		    struct buf *text, struct buf *ack, sip_txn_fn *fn,
		    void *arg, struct sip_txn **ret) ATTR_MUST_CHECK;
void sip_txn_forget(struct sip_txn *txn);
/* Sends the ACK to a 2xx, and again when that comes again; takes the bytes. */
void sip_txn_acknowledge(struct sip_txn *txn, struct buf *text);

enum { SIP_T1_MS = 500, SIP_T2_MS = 4000, SIP_T4_MS = 5000 };

#endif
