/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/crypto.h"
#include "lib/log.h"
#include "lib/mono.h"
#include "streamer/sip_dialog.h"

enum { BRANCH_SIZE = 40, RETRY_MS = 10000, GLARE_MS = 2500 };

/* ---- where to ----------------------------------------------------------- */

/* A first hop that knows loose routing, which all of today do. */
static bool is_strict(const struct sip_dialog *d)
{
	return d->route_count && !strcasestr(d->routes[0], ";lr");
}

/*
 * The connection of the dialog, as long as it lives (RFC 5923). Else a new one
 * to the next hop.
 */
static void find_way(struct sip_dialog *d)
{
	const char *next = d->route_count ? d->routes[0] : d->target;
	uint16_t port = 0;
	char host[256];

	if (sip_net_is_alive(d->owner->net, &d->flow) || !next ||
	    sip_msg_uri_place(next, host, sizeof(host), &port))
		return;
	if (!port)
		port = d->flow.transport == SIP_TLS ? 5061 : 5060;
	if (sip_addr_parse(host, port, &d->flow.peer) &&
	    sip_net_connect(d->owner->net, &d->flow, host, port))
		log_warning("%s cannot be connected", host);
}

/* ---- how it reads ------------------------------------------------------- */

static int add_request_line(const struct sip_dialog *d, enum sip_method method,
			    struct buf *dst)
{
	int err = buf_printf(dst, "%s ", sip_check_method_name(method));

	if (!err)
		err = is_strict(d)
			      ? sip_msg_uri(d->routes[0], dst)
			      : buf_add_str(dst, d->target ? d->target
							   : "sip:invalid");
	return err ? err : buf_add_str(dst, " SIP/2.0\r\n");
}

static int add_routes(const struct sip_dialog *d, struct buf *dst)
{
	int err = 0;

	for (size_t i = is_strict(d); i < d->route_count && !err; i++)
		err = buf_printf(dst, "Route: %s\r\n", d->routes[i]);
	if (!err && is_strict(d))
		err = buf_printf(dst, "Route: <%s>\r\n",
				 d->target ? d->target : "sip:invalid");
	return err;
}

static int add_head(const struct sip_dialog *d, enum sip_method method,
		    uint32_t cseq, const char *branch, struct buf *dst)
{
	int err = add_request_line(d, method, dst);

	if (!err)
		err = buf_printf(dst,
				 "Via: SIP/2.0/%s %s;branch=%s;rport\r\n"
				 "Max-Forwards: 70\r\n",
				 sip_net_transport_name(d->flow.transport),
				 d->place, branch);
	if (!err)
		err = add_routes(d, dst);
	if (!err)
		err = buf_printf(dst,
				 "From: %s\r\n"
				 "To: %s\r\n"
				 "Call-ID: %s\r\n"
				 "CSeq: %u %s\r\n"
				 "User-Agent: %s\r\n",
				 d->local, d->remote, d->call_id, cseq,
				 sip_check_method_name(method),
				 d->owner->config.server);
	return err;
}

static int add_session(const struct sip_dialog *d, struct buf *dst)
{
	int err = buf_printf(dst,
			     "Contact: <%s>\r\n"
			     "Allow: " SIP_CHECK_ALLOWED "\r\n"
			     "Supported: " SIP_CHECK_SUPPORTED "\r\n",
			     d->contact);

	if (err || !d->expires.interval_s)
		return err;
	return buf_printf(dst,
			  "Session-Expires: %u;refresher=uac\r\n"
			  "Min-SE: %u\r\n",
			  d->expires.interval_s, SIP_EXPIRES_MIN_S);
}

static void make_branch(char dst[BRANCH_SIZE])
{
	uint8_t random[12];

	crypto_random(random, sizeof(random));
	memcpy(dst, "z9hG4bK", 7);
	crypto_hex(random, sizeof(random), dst + 7);
}

/* The ACK to a refusal goes with the transaction: same branch, same CSeq. */
static int write_ack(const struct sip_dialog *d, uint32_t cseq,
		     const char *branch, struct buf *dst)
{
	int err = add_head(d, SIP_ACK, cseq, branch, dst);

	return err ? err : sip_msg_end(dst, NULL, NULL, 0);
}

static int write_request(const struct sip_dialog *d, enum sip_method method,
			 const char *branch, const char *type, const char *body,
			 struct buf *dst)
{
	int err = add_head(d, method, d->local_cseq, branch, dst);

	if (!err && (method == SIP_INVITE || method == SIP_UPDATE))
		err = add_session(d, dst);
	return err ? err
		   : sip_msg_end(dst, type, body, body ? strlen(body) : 0);
}

static int send_request(struct sip_dialog *d, enum sip_method method,
			const char *type, const char *body, sip_txn_fn *fn,
			struct sip_txn **ret)
{
	char branch[BRANCH_SIZE];
	struct buf text, ack;
	int err;

	find_way(d);
	make_branch(branch);
	d->local_cseq++;
	buf_init(&text, SIP_TEXT_MAX);
	buf_init(&ack, SIP_TEXT_MAX);
	err = write_request(d, method, branch, type, body, &text);
	if (!err && method == SIP_INVITE)
		err = write_ack(d, d->local_cseq, branch, &ack);
	if (!err)
		err = sip_txn_request(d->owner->txns, &d->flow, method, branch,
				      &text, &ack, fn, d, ret);
	buf_wipe(&text);
	buf_release(&ack);
	return err;
}

/* ---- BYE and INFO ------------------------------------------------------- */

void sip_dialog_send_bye(struct sip_dialog *d, const char *why)
{
	struct sip_txn *txn;

	if (send_request(d, SIP_BYE, NULL, NULL, NULL, &txn))
		log_warning("a BYE could not be sent");
	sip_dialog_end(d, why);
}

void sip_bye(struct sip_dialog *d, const char *why)
{
	d->call = NULL;
	if (d->state == SIP_DIALOG_INVITED)
		sip_refuse(d, 503, why);
	else if (d->accepting)
		d->bye_wanted = true; /* section 15: not before the ACK */
	else
		sip_dialog_send_bye(d, why);
}

static const char picture_fast_update[] =
	"<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n"
	"<media_control><vc_primitive><to_encoder><picture_fast_update/>"
	"</to_encoder></vc_primitive></media_control>\r\n";

void sip_ask_keyframe(struct sip_dialog *d)
{
	struct sip_txn *txn;

	if (d->state == SIP_DIALOG_ESTABLISHED)
		(void)!send_request(d, SIP_INFO,
				    "application/media_control+xml",
				    picture_fast_update, NULL, &txn);
}

/* ---- session timer ------------------------------------------------------ */

static void arm_expires(struct sip_dialog *d, uint64_t ms)
{
	uint64_t now = mono_ms(), left;

	left = d->expires_end_ms > now ? d->expires_end_ms - now : 0;
	loop_timer_start(&d->expires_timer, ms < left ? ms : left);
}

void sip_dialog_start_expires(struct sip_dialog *d)
{
	loop_timer_stop(&d->expires_timer);
	if (!d->expires.interval_s || d->state == SIP_DIALOG_ENDED)
		return;
	d->expires_end_ms = mono_ms() + sip_expires_end_ms(&d->expires);
	arm_expires(d, d->expires.by_us ? sip_expires_refresh_ms(&d->expires)
					: UINT64_MAX);
}

/* The ACK to the 2xx of a re-INVITE has a branch of its own. */
static void acknowledge(struct sip_dialog *d, struct sip_txn *txn,
			uint32_t cseq)
{
	char branch[BRANCH_SIZE];
	struct buf text;

	make_branch(branch);
	buf_init(&text, SIP_TEXT_MAX);
	if (!write_ack(d, cseq, branch, &text))
		sip_txn_acknowledge(txn, &text);
	buf_release(&text);
}

static void on_refreshed(struct sip_dialog *d, struct sip_txn *txn,
			 const struct sip_msg *msg)
{
	struct sip_expires_ask said = sip_dialog_read_expires(msg);

	if (msg->method == SIP_INVITE)
		acknowledge(d, txn, msg->cseq);
	/* A peer without session timers is refreshed all the same. */
	if (d->peer_timer)
		sip_expires_take(&said, &d->expires);
	sip_dialog_start_expires(d);
}

/* Statuses that say that the dialog is no more (RFC 5057 section 5.1). */
static bool ends_dialog(int status)
{
	return status == 404 || status == 408 || status == 410 ||
	       status == 481 || status == 604;
}

static void on_refresh(void *arg, struct sip_txn *txn, int status,
		       const struct sip_msg *msg)
{
	struct sip_dialog *d = arg;

	d->refresh_txn = NULL;
	if (status < 300) {
		on_refreshed(d, txn, msg);
	} else if (ends_dialog(status)) {
		sip_dialog_send_bye(
			d, status == 408 ? "no answer to the refresh of "
					   "the session"
					 : "the caller knows no such call");
	} else if (status == 405 || status == 501) {
		d->peer_updates = false;
		arm_expires(d, 0);
	} else {
		/* Glare, or a connection that is gone: until time is up. */
		arm_expires(d, status == 491 ? GLARE_MS : RETRY_MS);
	}
}

static void refresh(struct sip_dialog *d)
{
	bool update = d->peer_updates || !d->last_sdp;
	int err;

	/* Not while another exchange is under way. */
	if (d->refresh_txn || d->open_txn || d->accepting) {
		arm_expires(d, GLARE_MS);
		return;
	}
	err = send_request(d, update ? SIP_UPDATE : SIP_INVITE,
			   SIP_CHECK_ACCEPTED, update ? NULL : d->last_sdp,
			   on_refresh, &d->refresh_txn);
	arm_expires(d, err ? RETRY_MS : UINT64_MAX);
}

void sip_dialog_on_expires(struct loop_timer *timer)
{
	struct sip_dialog *d =
		container_of(timer, struct sip_dialog, expires_timer);

	if (mono_ms() >= d->expires_end_ms)
		sip_dialog_send_bye(d, "the session timer ran out");
	else if (d->expires.by_us)
		refresh(d);
	else
		arm_expires(d, UINT64_MAX);
}
