/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SIP_H
#define UPCAST_SIP_H

#include "streamer/sip_net.h"

/*
 * SIP signalling of the streamer: a user agent server that is called, answers,
 * refreshes its sessions and hangs up (RFC 3261, 3262 to 3264, 3311, 4028).
 *
 * sip_net moves messages, sip_txn repeats them, sip_dialog remembers; this is
 * the whole, as the calls see it. A call begins with incoming(); from then on
 * the dialog's pointer is good until ended() has been called, or until the
 * call itself has ended it with sip_refuse() or sip_bye().
 *
 *	incoming -> sip_answer(answer to its offer, or our own offer)
 *		    [-> answered: the peer's answer to that]
 *		 -> established
 *	offered	 -> sip_answer() or sip_refuse(): re-INVITE, UPDATE
 *	ended
 */
struct sip;
struct sip_dialog;

/* What an INVITE says; the pointers are good during the call. */
struct sip_invite {
	const char *call_id;
	const char *user;    /* user part of the request URI */
	const char *caller;  /* user@host of From */
	const char *display; /* its display name */
	const char *url;     /* x-cisco-stream, "" if there is none */
	const char *sdp;     /* NULL: no offer, we make one */
	size_t sdp_len;
	const struct sip_flow *flow;
};

struct sip_handler {
	/*
	 * May calls come: 0, or the status that says no. A call from there
	 * begins, which counts; NULL: it is only asked (OPTIONS).
	 */
	int (*admits)(void *arg, const struct sip_flow *from);
	bool (*is_allowed)(void *arg, const struct sockaddr_storage *peer);
	/*
	 * A new call. 0: taken, `ret_call` goes with all that follows, and
	 * sip_answer() or sip_refuse() has been or will be called. A status
	 * of 300 and more refuses it.
	 */
	int (*incoming)(void *arg, struct sip_dialog *d,
			const struct sip_invite *invite, void **ret_call);
	/* A new offer in the call; NULL: we are asked for ours. */
	void (*offered)(void *call, const char *sdp, size_t len);
	/* The peer's answer to our offer; NULL: it gave none. */
	void (*answered)(void *call, const char *sdp, size_t len);
	void (*established)(void *call);
	/* A Contact with a stream URL, in a re-INVITE or UPDATE. */
	void (*url)(void *call, const char *url);
	/* The dialog is over; its pointer is dead. */
	void (*ended)(void *call, const char *why);
};

struct sip_config {
	struct sip_net_config net;
	char server[96];    /* Server and User-Agent */
	char advertise[64]; /* address in Contact, "": the local one */
	uint32_t expires_s; /* session timer, 0: only if the peer asks */
	size_t max_transactions;
};

int sip_new(struct loop *loop, const struct sip_config *config,
	    const struct sip_handler *handler, void *arg, struct sip **ret,
	    struct err *err) ATTR_MUST_CHECK;
/* Ends everything without a word; ended() is not called. */
void sip_free(struct sip *sip);
/* Takes over what may change: server, advertise, expires_s, trace, tls. */
void sip_reload(struct sip *sip, const struct sip_config *config);
void sip_set_trace(struct sip *sip, bool on);

/*
 * 200 with that SDP: to the INVITE, re-INVITE or UPDATE that is open. On
 * failure (-ENOMEM, -EMSGSIZE) nothing is sent, and it is still to be refused.
 */
int sip_answer(struct sip_dialog *d, const char *sdp,
	       size_t len) ATTR_MUST_CHECK;
/*
 * Another final response. For the first INVITE that is the end of the dialog,
 * and ended() is not called; later the call goes on as it was.
 */
void sip_refuse(struct sip_dialog *d, int status, const char *why);
/* Hangs up. The pointer is dead then, ended() is not called. */
void sip_bye(struct sip_dialog *d, const char *why);
/* INFO that asks for a key frame (RFC 5168). */
void sip_ask_keyframe(struct sip_dialog *d);
/* "127.0.0.1:5060" of our side, as the Contact shows it. */
const char *sip_contact(const struct sip_dialog *d);

#endif
