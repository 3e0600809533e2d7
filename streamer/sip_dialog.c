/* SPDX-License-Identifier: MIT */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(d) ((d)->unlisted = true)
#include "streamer/sip_dialog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/mono.h"
#include "lib/str.h"
#include "streamer/sip_response.h"

static void respond(struct sip_dialog *d, struct sip_txn *txn,
		    const struct sip_msg *msg, int status)
{
	const struct sip_response response = {
		.owner = d->owner, .request = msg, .status = status, .dialog = d
	};

	sip_response_send(&response, txn);
}

/* ---- life --------------------------------------------------------------- */

static void on_free(struct loop_task *task)
{
	sip_dialog_free(container_of(task, struct sip_dialog, free_task));
}

void sip_dialog_free(struct sip_dialog *d)
{
	if (!d)
		return;
	if (!d->unlisted)
		HASH_DEL(d->owner->table, d);
	if (d->open_txn)
		sip_txn_set_arg(d->open_txn, NULL);
	if (d->refresh_txn)
		sip_txn_forget(d->refresh_txn);
	sip_txn_release_share(&d->served);
	loop_cancel(d->owner->loop, &d->free_task);
	loop_timer_release(&d->accept_timer);
	loop_timer_release(&d->expires_timer);
	sip_msg_free(d->open_msg);
	buf_wipe(&d->accept);
	for (size_t i = 0; i < d->route_count; i++)
		free(d->routes[i]);
	free(d->call_id);
	free(d->remote_tag);
	free(d->local);
	free(d->remote);
	free(d->target);
	str_wipe(&d->last_sdp);
	free(d);
}

void sip_dialog_end(struct sip_dialog *d, const char *why)
{
	void *call = d->call;

	loop_timer_stop(&d->accept_timer);
	loop_timer_stop(&d->expires_timer);
	d->call = NULL;
	d->state = SIP_DIALOG_ENDED;
	loop_defer(d->owner->loop, &d->free_task);
	if (call)
		d->owner->handler.ended(call, why);
}

static void make_contact(struct sip_dialog *d)
{
	static const char *const names[] = {
		[SIP_UDP] = "udp", [SIP_TCP] = "tcp", [SIP_TLS] = "tls"
	};
	const char *advertise = d->owner->config.advertise;
	char host[SIP_ADDR_SIZE];

	sip_addr_uri_host(&d->flow.local, host);
	if (*advertise)
		snprintf(host, sizeof(host),
			 strchr(advertise, ':') ? "[%.46s]" : "%.50s",
			 advertise);
	snprintf(d->place, sizeof(d->place), "%s:%u", host,
		 sip_addr_port(&d->flow.local));
	snprintf(d->contact, sizeof(d->contact), "sip:%s;transport=%s",
		 d->place, names[d->flow.transport]);
}

static int take_text(struct buf *b, char **ret)
{
	char *copy = strdup(buf_text(b));

	buf_clear(b);
	if (!copy)
		return -ENOMEM;
	free(*ret);
	*ret = copy;
	return 0;
}

static int learn_target(struct sip_dialog *d, const struct sip_msg *msg)
{
	struct buf b;
	int err;

	buf_init(&b, SIP_TEXT_MAX);
	err = sip_msg_contact_uri(msg, &b);
	if (!err)
		err = take_text(&b, &d->target);
	buf_release(&b);
	return err == -ENOENT ? 0 : err;
}

/* In the order in which they came: that is ours too (section 12.1.1). */
static int learn_routes(struct sip_dialog *d, const struct sip_msg *msg)
{
	struct buf b;
	int err = 0;

	buf_init(&b, SIP_TEXT_MAX);
	while (!err && d->route_count < SIP_ROUTES_MAX) {
		err = sip_msg_record_route(msg, (int)d->route_count, &b);
		if (!err)
			err = take_text(&b, &d->routes[d->route_count]);
		if (!err)
			d->route_count++;
	}
	buf_release(&b);
	return err == -ENOENT ? 0 : err;
}

static int learn_sides(struct sip_dialog *d, const struct sip_msg *msg)
{
	struct buf b;
	int err;

	buf_init(&b, SIP_TEXT_MAX);
	err = buf_printf(&b, "%s;tag=%s", sip_msg_value(msg, SIP_TO),
			 d->local_tag);
	if (!err)
		err = take_text(&b, &d->local);
	if (!err)
		err = str_replace(&d->remote, sip_msg_value(msg, SIP_FROM));
	if (!err)
		err = str_replace(&d->call_id, msg->call_id);
	if (!err)
		err = str_replace(&d->remote_tag, msg->from_tag);
	buf_release(&b);
	return err;
}

static void learn_abilities(struct sip_dialog *d, const struct sip_msg *msg)
{
	if (sip_head_find(&msg->head, SIP_ALLOW))
		d->peer_updates =
			sip_check_lists(&msg->head, SIP_ALLOW, "UPDATE");
	d->peer_timer = sip_check_lists(&msg->head, SIP_SUPPORTED, "timer");
}

/* ---- what is open ------------------------------------------------------- */

static void hold_open(struct sip_dialog *d, struct sip_txn *txn,
		      struct sip_msg *msg)
{
	d->open_txn = txn;
	d->open_msg = msg;
	sip_txn_set_arg(txn, d);
}

static void close_open(struct sip_dialog *d)
{
	sip_txn_set_arg(d->open_txn, NULL);
	d->open_txn = NULL;
	sip_msg_free(d->open_msg);
	d->open_msg = NULL;
}

/* ---- birth -------------------------------------------------------------- */

static void on_accept_timer(struct loop_timer *timer);
static bool settle_expires(struct sip_dialog *d, struct sip_txn *txn,
			   const struct sip_msg *msg);

static int fill(struct sip_dialog *d, const struct sip_msg *msg)
{
	int err;

	sip_response_make_tag(d->local_tag);
	make_contact(d);
	learn_abilities(d, msg);
	d->remote_cseq = msg->cseq;
	err = loop_timer_init(&d->accept_timer, d->owner->loop,
			      on_accept_timer);
	if (!err)
		err = loop_timer_init(&d->expires_timer, d->owner->loop,
				      sip_dialog_on_expires);
	if (!err)
		err = learn_sides(d, msg);
	if (!err)
		err = learn_target(d, msg);
	return err ? err : learn_routes(d, msg);
}

int sip_dialog_new(struct sip_dialogs *owner, const struct sip_flow *flow,
		   struct sip_txn *txn, struct sip_msg *msg,
		   struct sip_dialog **ret)
{
	struct sip_dialog *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	d->owner = owner;
	d->flow = *flow;
	d->unlisted = true; /* not in the table yet */
	list_init(&d->served);
	loop_task_init(&d->free_task, on_free);
	buf_init(&d->accept, SIP_TEXT_MAX);
	err = fill(d, msg);
	if (!err) {
		d->unlisted = false;
		HASH_ADD_STR(owner->table, local_tag, d);
		err = d->unlisted ? -ENOMEM : 0;
	}
	if (err) {
		sip_dialog_free(d);
		return err;
	}
	hold_open(d, txn, msg);
	sip_txn_set_tag(txn, d->local_tag);
	*ret = d;
	return 0;
}

static int show_invite(struct sip_dialog *d, struct sip_invite *invite,
		       struct buf *caller, struct buf *display)
{
	int err = sip_msg_caller(d->open_msg, caller);

	if (!err)
		err = sip_msg_display(d->open_msg, display);
	if (err)
		return 500;
	invite->caller = buf_text(caller);
	invite->display = buf_text(display);
	return d->owner->handler.incoming(d->owner->arg, d, invite, &d->call);
}

static void offer_invite(struct sip_dialog *d)
{
	struct sip_invite invite = {
		.call_id = d->call_id,
		.user = sip_msg_request_user(d->open_msg),
		.flow = &d->flow,
	};
	struct buf caller, display;
	char url[2048];
	int status;

	d->offered = !sip_msg_sdp(d->open_msg, &invite.sdp, &invite.sdp_len);
	sip_msg_stream_url(d->open_msg, url, sizeof(url));
	invite.url = url;
	buf_init(&caller, SIP_TEXT_MAX);
	buf_init(&display, SIP_TEXT_MAX);
	status = show_invite(d, &invite, &caller, &display);
	buf_release(&caller);
	buf_release(&display);
	explicit_bzero(url, sizeof(url));
	if (status)
		d->call = NULL;
	if (status)
		sip_refuse(d, status, d->open_msg ? d->open_msg->why : NULL);
	if (d->state == SIP_DIALOG_ENDED)
		d->call = NULL;
}

void sip_dialog_begin(struct sip_dialog *d)
{
	respond(d, d->open_txn, d->open_msg, 100);
	if (settle_expires(d, d->open_txn, d->open_msg)) {
		offer_invite(d);
		return;
	}
	close_open(d);
	sip_dialog_end(d, "its session timer is too short");
}

struct sip_dialog *sip_dialog_find(struct sip_dialogs *owner,
				   const struct sip_msg *msg)
{
	const char *local = msg->status ? msg->from_tag : msg->to_tag;
	const char *remote = msg->status ? msg->to_tag : msg->from_tag;
	struct sip_dialog *d;

	HASH_FIND_STR(owner->table, local, d);
	if (!d || strcmp(d->call_id, msg->call_id) ||
	    strcmp(d->remote_tag, remote))
		return NULL;
	return d;
}

struct sip_dialog *sip_dialog_find_merged(struct sip_dialogs *owner,
					  const struct sip_msg *msg)
{
	struct sip_dialog *d, *next;

	HASH_ITER(hh, owner->table, d, next)
		if (d->remote_cseq == msg->cseq &&
		    !strcmp(d->call_id, msg->call_id) &&
		    !strcmp(d->remote_tag, msg->from_tag))
			return d;
	return NULL;
}

/* ---- offers ------------------------------------------------------------- */

/* Repeats the 2xx until its ACK is here (section 13.3.1.4). */
static void await_ack(struct sip_dialog *d, const struct buf *text)
{
	buf_clear(&d->accept);
	if (buf_add(&d->accept, text->data, text->len))
		buf_clear(&d->accept); /* then it is not repeated */
	d->accepting = true;
	d->accept_cseq = d->open_msg->cseq;
	d->accept_interval_ms = SIP_T1_MS;
	d->accept_end_ms = mono_ms() + 64 * SIP_T1_MS;
	loop_timer_start(&d->accept_timer, SIP_T1_MS);
}

static void on_accept_timer(struct loop_timer *timer)
{
	struct sip_dialog *d =
		container_of(timer, struct sip_dialog, accept_timer);
	uint64_t now = mono_ms(), left;

	if (now >= d->accept_end_ms) {
		d->accepting = false;
		sip_dialog_send_bye(d, "no ACK came");
		return;
	}
	if (d->accept.len)
		(void)!sip_net_send(d->owner->net, &d->flow, d->accept.data,
				    d->accept.len);
	d->accept_interval_ms *= 2;
	if (d->accept_interval_ms > SIP_T2_MS)
		d->accept_interval_ms = SIP_T2_MS;
	left = d->accept_end_ms - now;
	loop_timer_start(&d->accept_timer, d->accept_interval_ms < left
						   ? d->accept_interval_ms
						   : left);
}

static enum sip_refresher read_refresher(const struct sip_msg *msg)
{
	const char *value = sip_msg_value(msg, SIP_SESSION_EXPIRES);

	return strcasestr(value, "refresher=uac")   ? SIP_REFRESHER_UAC
	       : strcasestr(value, "refresher=uas") ? SIP_REFRESHER_UAS
						    : SIP_REFRESHER_NONE;
}

struct sip_expires_ask sip_dialog_read_expires(const struct sip_msg *msg)
{
	return (struct sip_expires_ask){
		.interval_s = sip_msg_seconds(msg, SIP_SESSION_EXPIRES, 0),
		.refresher = read_refresher(msg),
		.min_s = sip_msg_seconds(msg, SIP_MIN_SE, 0),
		.supported =
			sip_check_lists(&msg->head, SIP_SUPPORTED, "timer"),
	};
}

/* False if the request has been refused for its session timer. */
static bool settle_expires(struct sip_dialog *d, struct sip_txn *txn,
			   const struct sip_msg *msg)
{
	struct sip_expires_ask ask = sip_dialog_read_expires(msg);

	if (!sip_expires_answer(&ask, d->owner->config.expires_s, &d->expires))
		return true;
	respond(d, txn, msg, 422);
	return false;
}

int sip_answer(struct sip_dialog *d, const char *sdp, size_t len)
{
	const struct sip_response response = { .owner = d->owner,
					       .request = d->open_msg,
					       .status = 200,
					       .dialog = d,
					       .sdp = sdp,
					       .sdp_len = len };
	char *copy = sdp ? strndup(sdp, len) : NULL;
	struct buf text;
	int err = sdp && !copy ? -ENOMEM : 0;

	buf_init(&text, SIP_TEXT_MAX);
	if (!err)
		err = sip_response_format(&response, &text);
	if (err) {
		buf_wipe(&text);
		free(copy);
		return err;
	}
	str_wipe(&d->last_sdp);
	d->last_sdp = copy;
	if (d->state == SIP_DIALOG_INVITED)
		d->state = SIP_DIALOG_ACCEPTED;
	if (d->open_msg->method == SIP_INVITE)
		await_ack(d, &text);
	sip_txn_respond(d->open_txn, 200, &text);
	buf_wipe(&text);
	close_open(d);
	sip_dialog_start_expires(d);
	return 0;
}

void sip_refuse(struct sip_dialog *d, int status, const char *why)
{
	if (!d->open_txn)
		return;
	d->open_msg->why = why;
	respond(d, d->open_txn, d->open_msg, status);
	close_open(d);
	if (d->state != SIP_DIALOG_INVITED)
		return;
	d->call = NULL;
	sip_dialog_end(d, NULL);
}

void sip_dialog_cancel(struct sip_dialog *d)
{
	if (!d->open_txn)
		return;
	respond(d, d->open_txn, d->open_msg, 487);
	close_open(d);
	if (d->state == SIP_DIALOG_INVITED)
		sip_dialog_end(d, "the caller gave up");
}

const char *sip_contact(const struct sip_dialog *d)
{
	return d->place;
}

/* ---- requests in the dialog --------------------------------------------- */

static void tell_url(struct sip_dialog *d, const struct sip_msg *msg)
{
	char url[2048];

	if (d->call && sip_msg_stream_url(msg, url, sizeof(url)))
		d->owner->handler.url(d->call, url);
	explicit_bzero(url, sizeof(url));
}

/* The status that stands against a new offer now, or 0 (section 14.2). */
static int refuse_offer(const struct sip_dialog *d)
{
	if (d->open_txn || d->accepting)
		return 500;
	return d->refresh_txn ? 491 : 0;
}

/* The call is asked about an offer: the request stays open for its answer. */
static void offer_again(struct sip_dialog *d, struct sip_txn *txn,
			struct sip_msg *msg, const char *sdp, size_t len)
{
	hold_open(d, txn, msg);
	d->offered = !sdp;
	if (msg->method == SIP_INVITE)
		respond(d, txn, msg, 100);
	tell_url(d, msg);
	if (d->call)
		d->owner->handler.offered(d->call, sdp, len);
}

/* Re-INVITE and UPDATE: both may move the target and offer media. */
static bool on_session(struct sip_dialog *d, struct sip_txn *txn,
		       struct sip_msg *msg)
{
	const char *sdp = NULL;
	size_t len = 0;
	bool offers = sip_msg_sdp(msg, &sdp, &len);
	bool invite = msg->method == SIP_INVITE;
	int status = invite || offers ? refuse_offer(d) : 0;

	if (status || learn_target(d, msg)) {
		respond(d, txn, msg, status ? status : 500);
		return false;
	}
	learn_abilities(d, msg);
	if (!settle_expires(d, txn, msg))
		return false;
	if (invite || offers) {
		offer_again(d, txn, msg, sdp, len);
		return true;
	}
	respond(d, txn, msg, 200);
	sip_dialog_start_expires(d);
	tell_url(d, msg);
	return false;
}

static bool on_bye(struct sip_dialog *d, struct sip_txn *txn,
		   struct sip_msg *msg)
{
	/* What is open is answered first (section 15.1.2). */
	if (d->open_txn) {
		respond(d, d->open_txn, d->open_msg, 487);
		close_open(d);
	}
	respond(d, txn, msg, 200);
	sip_dialog_end(d, "the caller hung up");
	return false;
}

static bool on_other(struct sip_dialog *d, struct sip_txn *txn,
		     struct sip_msg *msg)
{
	respond(d, txn, msg, 200);
	return false;
}

static void on_ack(struct sip_dialog *d, const struct sip_msg *msg)
{
	const char *sdp = NULL;
	size_t len = 0;
	bool first = d->state == SIP_DIALOG_ACCEPTED;
	bool had_offered = d->offered;

	if (!d->accepting || msg->cseq != d->accept_cseq)
		return;
	d->accepting = false;
	d->offered = false;
	loop_timer_stop(&d->accept_timer);
	buf_wipe(&d->accept);
	if (first)
		d->state = SIP_DIALOG_ESTABLISHED;
	if (d->bye_wanted) {
		sip_dialog_send_bye(d, NULL);
	} else if (d->call) {
		sip_msg_sdp(msg, &sdp, &len);
		if (had_offered)
			d->owner->handler.answered(d->call, sdp, len);
		/* The answer may have been the end of it. */
		if (d->call && first)
			d->owner->handler.established(d->call);
	}
}

static const struct {
	enum sip_method method;
	bool (*on)(struct sip_dialog *d, struct sip_txn *txn,
		   struct sip_msg *msg);
} methods[] = {
	{ SIP_INVITE, on_session }, { SIP_UPDATE, on_session },
	{ SIP_BYE, on_bye },	    { SIP_INFO, on_other },
	{ SIP_OPTIONS, on_other },
};

bool sip_dialog_receive(struct sip_dialog *d, const struct sip_flow *flow,
			struct sip_txn *txn, struct sip_msg *msg)
{
	if (msg->method == SIP_ACK) {
		on_ack(d, msg);
		return false;
	}
	/* Older than what we have seen: section 12.2.2. */
	if (msg->cseq <= d->remote_cseq || d->state == SIP_DIALOG_ENDED) {
		respond(d, txn, msg, d->state == SIP_DIALOG_ENDED ? 481 : 500);
		return false;
	}
	d->remote_cseq = msg->cseq;
	d->flow = *flow;
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (methods[i].method == msg->method)
			return methods[i].on(d, txn, msg);
	respond(d, txn, msg, 405);
	return false;
}
