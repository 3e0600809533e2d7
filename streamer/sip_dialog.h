/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SIP_DIALOG_H
#define UPCAST_SIP_DIALOG_H

#include "lib/hash.h"
#include "streamer/sip.h"
#include "streamer/sip_expires.h"
#include "streamer/sip_txn.h"

/*
 * Dialogs (RFC 3261 section 12), the inside of sip.h: who the two sides are,
 * which way their messages go, what is open between them. sip_dialog.c serves
 * requests, sip_request.c makes them; sip.c finds the dialog that a message
 * belongs to.
 */
enum { SIP_ROUTES_MAX = 16, SIP_TEXT_MAX = 65536 };

enum sip_dialog_state {
	SIP_DIALOG_INVITED,  /* no final response yet */
	SIP_DIALOG_ACCEPTED, /* 2xx sent, no ACK yet */
	SIP_DIALOG_ESTABLISHED,
	SIP_DIALOG_ENDED, /* to be freed after this dispatch */
};

struct sip_dialogs {
	struct loop *loop;
	struct sip_net *net;
	struct sip_txns *txns;
	struct sip_handler handler;
	void *arg;
	struct sip_config config;
	struct sip_dialog *table; /* by local tag */
};

struct sip_dialog {
	UT_hash_handle hh;
	struct sip_dialogs *owner;
	enum sip_dialog_state state;
	void *call; /* NULL: nobody listens any more */

	char local_tag[SIP_TAG_SIZE];
	char *call_id, *remote_tag;
	char *local, *remote; /* the values of our From and To */
	char *target;	      /* remote target, a URI */
	char *routes[SIP_ROUTES_MAX];
	size_t route_count;
	char contact[96]; /* our Contact, without brackets */
	char place[64];	  /* host:port in it */
	uint32_t local_cseq, remote_cseq;
	struct sip_flow flow;
	bool peer_updates; /* allows UPDATE */
	bool peer_timer;   /* supports timer */

	struct list served; /* transactions of theirs */
	/*
	 * The request that we have not answered yet: both or neither. The
	 * message is the dialog's; the transaction frees itself, and has the
	 * dialog as its argument as long as it is here.
	 */
	struct sip_txn *open_txn;
	struct sip_msg *open_msg;
	/* The 2xx that waits for its ACK, and whether that brings an answer. */
	struct buf accept;
	bool offered;
	bool accepting;
	uint32_t accept_cseq;
	unsigned accept_interval_ms;
	uint64_t accept_end_ms;
	struct loop_timer accept_timer;

	/* Our own requests. */
	struct sip_txn *refresh_txn; /* until on_refresh() has been called */
	bool bye_wanted;	     /* once the ACK is here */
	char *last_sdp;		     /* for a refresh by re-INVITE */

	struct sip_expires expires;
	uint64_t expires_end_ms;
	struct loop_timer expires_timer;

	struct loop_task free_task;
	bool unlisted; /* not in the table (yet) */
};

/*
 * From a new INVITE whose transaction is `txn`: takes `msg` on success. The
 * dialog frees itself, at the end of the dispatch in which it has ended.
 */
int sip_dialog_new(struct sip_dialogs *owner, const struct sip_flow *flow,
		   struct sip_txn *txn, struct sip_msg *msg,
		   struct sip_dialog **ret) ATTR_MUST_CHECK;
void sip_dialog_free(struct sip_dialog *d);
/* Answers 100 and shows the INVITE to the calls. */
void sip_dialog_begin(struct sip_dialog *d);
/* The dialog of a request or response; NULL. */
struct sip_dialog *sip_dialog_find(struct sip_dialogs *owner,
				   const struct sip_msg *msg);
/* The dialog that a merged copy of this INVITE has made already; NULL. */
struct sip_dialog *sip_dialog_find_merged(struct sip_dialogs *owner,
					  const struct sip_msg *msg);

/* A request in the dialog; `txn` is NULL for an ACK. True: it took `msg`. */
bool sip_dialog_receive(struct sip_dialog *d, const struct sip_flow *flow,
			struct sip_txn *txn,
			struct sip_msg *msg) ATTR_MUST_CHECK;
/* A CANCEL for the INVITE that is open. */
void sip_dialog_cancel(struct sip_dialog *d);
/* Tells the call, if it listens, and sees to its own end. */
void sip_dialog_end(struct sip_dialog *d, const char *why);

struct sip_expires_ask sip_dialog_read_expires(const struct sip_msg *msg);

/* sip_request.c. The BYE goes its own way, the dialog ends. */
void sip_dialog_send_bye(struct sip_dialog *d, const char *why);
void sip_dialog_start_expires(struct sip_dialog *d);
void sip_dialog_on_expires(struct loop_timer *timer);

#endif
