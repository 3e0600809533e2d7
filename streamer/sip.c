/* SPDX-License-Identifier: MIT */
#include "streamer/sip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "streamer/sip_dialog.h"
#include "streamer/sip_response.h"

struct sip {
	struct sip_dialogs dialogs;
};

/* ---- answers without a transaction or a dialog -------------------------- */

/* Refused before it counts: the peer repeats it or not, as it likes. */
static void respond_stateless(struct sip *sip, const struct sip_flow *flow,
			      const struct sip_msg *msg, int status)
{
	const struct sip_response response = { .owner = &sip->dialogs,
					       .request = msg,
					       .status = status };
	struct sip_flow back = *flow;
	struct buf text;

	buf_init(&text, SIP_TEXT_MAX);
	if (flow->transport == SIP_UDP)
		sip_msg_reply_address(msg, &flow->peer, &back.peer);
	if (!sip_response_format(&response, &text))
		(void)!sip_net_send(sip->dialogs.net, &back, text.data,
				    text.len);
	buf_release(&text);
}

static void respond(struct sip *sip, struct sip_txn *txn,
		    const struct sip_msg *msg, int status, const char *tag)
{
	const struct sip_response response = { .owner = &sip->dialogs,
					       .request = msg,
					       .status = status,
					       .tag = tag };

	sip_response_send(&response, txn);
}

/*
 * Outside of dialogs only what must be remembered has a transaction: the rest
 * is answered the same when it comes again (RFC 3261 section 8.2.7), and a
 * flood of it over UDP takes no place from calls. Transactions beyond the limit
 * get 503, and beyond the share of one dialog.
 */
static struct sip_txn *serve(struct sip *sip, const struct sip_flow *flow,
			     const struct sip_msg *msg, struct list *share)
{
	struct sip_txn *txn;

	if (!sip_txn_serve(sip->dialogs.txns, msg, flow, share, &txn))
		return txn;
	respond_stateless(sip, flow, msg, 503);
	return NULL;
}

/* ---- requests outside of dialogs ---------------------------------------- */

/*
 * A message is freed by on_message(), unless one of the functions from here to
 * there says true: a dialog has taken it then, and perhaps freed it already.
 */
static bool on_invite(struct sip *sip, const struct sip_flow *flow,
		      struct sip_msg *msg)
{
	int status = sip->dialogs.handler.admits(sip->dialogs.arg, flow);
	struct sip_dialog *d;
	struct sip_txn *txn;

	if (!status && sip_dialog_find_merged(&sip->dialogs, msg))
		status = 482;
	if (status) {
		respond_stateless(sip, flow, msg, status);
		return false;
	}
	txn = serve(sip, flow, msg, NULL);
	if (!txn)
		return false;
	if (sip_dialog_new(&sip->dialogs, flow, txn, msg, &d)) {
		respond(sip, txn, msg, 500, NULL);
		return false;
	}
	sip_dialog_begin(d);
	return true;
}

/* 503 sends a dispatcher to the next of us. */
static bool on_options(struct sip *sip, const struct sip_flow *flow,
		       struct sip_msg *msg)
{
	int status = sip->dialogs.handler.admits(sip->dialogs.arg, NULL);

	respond_stateless(sip, flow, msg, status ? status : 200);
	return false;
}

static bool on_cancel(struct sip *sip, const struct sip_flow *flow,
		      struct sip_msg *msg)
{
	struct sip_txn *invite = sip_txns_find_invite(sip->dialogs.txns, msg);
	struct sip_txn *txn = invite ? serve(sip, flow, msg, NULL) : NULL;
	struct sip_dialog *d = invite ? sip_txn_arg(invite) : NULL;

	if (!invite)
		respond_stateless(sip, flow, msg, 481);
	if (!txn)
		return false;
	/* The tag of what is cancelled: section 9.2. */
	respond(sip, txn, msg, 200, sip_txn_tag(invite));
	if (d)
		sip_dialog_cancel(d);
	return false;
}

static bool on_stray(struct sip *sip, const struct sip_flow *flow,
		     struct sip_msg *msg)
{
	respond_stateless(sip, flow, msg, 481);
	return false;
}

static const struct {
	enum sip_method method;
	bool (*on)(struct sip *sip, const struct sip_flow *flow,
		   struct sip_msg *msg);
} methods[] = {
	{ SIP_INVITE, on_invite }, { SIP_OPTIONS, on_options },
	{ SIP_CANCEL, on_cancel }, { SIP_BYE, on_stray },
	{ SIP_INFO, on_stray },	   { SIP_UPDATE, on_stray },
};

static bool dispatch(struct sip *sip, const struct sip_flow *flow,
		     struct sip_msg *msg)
{
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (methods[i].method == msg->method)
			return methods[i].on(sip, flow, msg);
	respond_stateless(sip, flow, msg, 405);
	return false;
}

static bool on_in_dialog(struct sip *sip, const struct sip_flow *flow,
			 struct sip_msg *msg)
{
	struct sip_dialog *d = sip_dialog_find(&sip->dialogs, msg);
	bool is_ack = msg->method == SIP_ACK;
	struct sip_txn *txn = NULL;

	/* Its BYE is the last of them. */
	if (d && !is_ack)
		txn = serve(sip, flow, msg,
			    msg->method == SIP_BYE ? NULL : &d->served);
	if (txn || (d && is_ack))
		return sip_dialog_receive(d, flow, txn, msg);
	if (!d && !is_ack)
		respond_stateless(sip, flow, msg, 481);
	return false;
}

static bool on_request(struct sip *sip, const struct sip_flow *flow,
		       struct sip_msg *msg)
{
	if (*msg->to_tag && msg->method != SIP_CANCEL)
		return on_in_dialog(sip, flow, msg);
	return msg->method != SIP_ACK && dispatch(sip, flow, msg);
}

/* ---- from the network --------------------------------------------------- */

static bool on_good_message(struct sip *sip, const struct sip_flow *flow,
			    struct sip_msg *msg)
{
	struct sip_txn *txn;

	if (!msg->status && sip_msg_stamp(msg, &flow->peer))
		return false;
	txn = sip_txns_find(sip->dialogs.txns, msg);
	if ((txn && sip_txn_receive(txn, msg)) || msg->status)
		return false;
	return on_request(sip, flow, msg);
}

static bool on_bad_message(struct sip *sip, const struct sip_flow *flow,
			   const struct sip_msg *msg)
{
	char peer[SIP_ADDR_SIZE];

	log_debug("SIP request from %s refused with %d: %s",
		  sip_addr_text(&flow->peer, peer), msg->refusal, msg->why);
	respond_stateless(sip, flow, msg, msg->refusal);
	return false;
}

static void on_message(void *arg, const struct sip_flow *flow,
		       const uint8_t *data, const struct sip_frame *frame,
		       int broken)
{
	struct sip *sip = arg;
	struct sip_msg *msg;
	const char *why;
	char peer[SIP_ADDR_SIZE];

	if (sip_msg_new(data, frame, broken, &msg, &why)) {
		log_debug("SIP message from %s dropped: %s",
			  sip_addr_text(&flow->peer, peer), why);
		return;
	}
	if (!(msg->refusal ? on_bad_message(sip, flow, msg)
			   : on_good_message(sip, flow, msg)))
		sip_msg_free(msg);
}

/* The calls go on: what is to be sent makes another connection. */
static void on_closed(void *arg, uint64_t conn, const char *why)
{
	log_debug("SIP connection %llu has ended: %s", (unsigned long long)conn,
		  why);
}

static bool on_allowed(void *arg, const struct sockaddr_storage *peer)
{
	struct sip *sip = arg;

	return sip->dialogs.handler.is_allowed(sip->dialogs.arg, peer);
}

/* ---- life --------------------------------------------------------------- */

int sip_new(struct loop *loop, const struct sip_config *config,
	    const struct sip_handler *handler, void *arg, struct sip **ret,
	    struct err *err)
{
	static const struct sip_net_ops ops = { .message = on_message,
						.closed = on_closed,
						.is_allowed = on_allowed };
	struct sip *sip = calloc(1, sizeof(*sip));
	int code;

	if (!sip)
		return err_set(err, -ENOMEM, "no memory");
	sip_msg_init();
	sip->dialogs.loop = loop;
	sip->dialogs.handler = *handler;
	sip->dialogs.arg = arg;
	sip->dialogs.config = *config;
	code = sip_net_new(loop, &config->net, &ops, sip, &sip->dialogs.net,
			   err);
	if (!code && sip_txns_new(loop, sip->dialogs.net,
				  config->max_transactions, &sip->dialogs.txns))
		code = err_set(err, -ENOMEM, "no memory");
	if (code) {
		sip_free(sip);
		return code;
	}
	*ret = sip;
	return 0;
}

void sip_free(struct sip *sip)
{
	struct sip_dialog *d, *next;

	if (!sip)
		return;
	HASH_ITER(hh, sip->dialogs.table, d, next)
		sip_dialog_free(d);
	sip_txns_free(sip->dialogs.txns);
	sip_net_free(sip->dialogs.net);
	free(sip);
}

void sip_reload(struct sip *sip, const struct sip_config *config)
{
	struct sip_config *own = &sip->dialogs.config;

	memcpy(own->server, config->server, sizeof(own->server));
	memcpy(own->advertise, config->advertise, sizeof(own->advertise));
	own->expires_s = config->expires_s;
	sip_net_set_tls(sip->dialogs.net, config->net.tls);
	sip_net_set_trace(sip->dialogs.net, config->net.trace);
}

void sip_set_trace(struct sip *sip, bool on)
{
	sip_net_set_trace(sip->dialogs.net, on);
}
