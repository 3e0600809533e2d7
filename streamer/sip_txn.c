/* SPDX-License-Identifier: MIT */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(txn) ((txn)->unlisted = true)
#include "streamer/sip_txn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hash.h"
#include "lib/mono.h"
#include "lib/str.h"

enum kind { SERVER, SERVER_INVITE, CLIENT, CLIENT_INVITE, KINDS };

enum state {
	TRYING,	    /* or calling: nothing came back yet */
	PROCEEDING, /* a provisional response did */
	COMPLETED,  /* the final one, other than 2xx for an INVITE */
	ACCEPTED,   /* 2xx for an INVITE */
	CONFIRMED,  /* the ACK to a completed one */
	STATES,
};

struct sip_txn {
	UT_hash_handle hh;
	struct list node; /* among those that one dialog has */
	char *key;
	struct sip_txns *owner;
	enum kind kind;
	enum state state;
	struct sip_flow flow;
	struct buf text; /* our request, or our last response */
	struct buf ack;
	uint64_t deadline_ms; /* when the state ends; 0: not by itself */
	uint64_t next_ms;     /* when `text` is sent again; 0: not */
	unsigned interval_ms;
	struct loop_timer timer;
	struct loop_task free_task;
	sip_txn_fn *fn;
	void *arg;
	char tag[SIP_TAG_SIZE];
	bool failed;   /* could not be sent */
	bool unlisted; /* the table had no memory for it */
};

struct sip_txns {
	struct loop *loop;
	struct sip_net *net;
	size_t max;
	struct sip_txn *table;
};

enum { LONG_MS = 64 * SIP_T1_MS, PATIENCE_MS = 180000, AT_ONCE = -1 };

/*
 * The clocks of each state, with the letters of RFC 3261 table 4 and RFC 6026.
 * [0] for reliable transports, [1] for UDP. 0: none.
 */
static const struct {
	int deadline_ms[2];
	int resend_ms, resend_max_ms; /* over UDP */
} clocks[KINDS][STATES] = {
	[SERVER][COMPLETED] = { { AT_ONCE, LONG_MS }, 0, 0 }, /* J */
	[SERVER_INVITE][COMPLETED] = { { LONG_MS, LONG_MS },  /* H, G */
				       SIP_T1_MS,
				       SIP_T2_MS },
	[SERVER_INVITE][ACCEPTED] = { { LONG_MS, LONG_MS }, 0, 0 },    /* L */
	[SERVER_INVITE][CONFIRMED] = { { AT_ONCE, SIP_T4_MS }, 0, 0 }, /* I */
	[CLIENT][TRYING] = { { LONG_MS, LONG_MS }, /* F, E */
			     SIP_T1_MS,
			     SIP_T2_MS },
	[CLIENT][PROCEEDING] = { { LONG_MS, LONG_MS }, SIP_T2_MS, SIP_T2_MS },
	[CLIENT][COMPLETED] = { { AT_ONCE, SIP_T4_MS }, 0, 0 }, /* K */
	[CLIENT_INVITE][TRYING] = { { LONG_MS, LONG_MS },	/* B, A */
				    SIP_T1_MS,
				    LONG_MS },
	[CLIENT_INVITE][PROCEEDING] = { { PATIENCE_MS, PATIENCE_MS }, 0, 0 },
	[CLIENT_INVITE][COMPLETED] = { { AT_ONCE, LONG_MS }, 0, 0 }, /* D */
	[CLIENT_INVITE][ACCEPTED] = { { LONG_MS, LONG_MS }, 0, 0 },  /* M */
};

/* ---- life --------------------------------------------------------------- */

static void free_txn(struct sip_txn *txn)
{
	if (txn->key && !txn->unlisted)
		HASH_DEL(txn->owner->table, txn);
	list_del(&txn->node);
	loop_cancel(txn->owner->loop, &txn->free_task);
	loop_timer_release(&txn->timer);
	buf_wipe(&txn->text);
	buf_release(&txn->ack);
	free(txn->key);
	free(txn);
}

static void on_free(struct loop_task *task)
{
	free_txn(container_of(task, struct sip_txn, free_task));
}

static void arm(struct sip_txn *txn)
{
	uint64_t now = mono_ms(), at = txn->deadline_ms;

	if (txn->next_ms && (!at || txn->next_ms < at))
		at = txn->next_ms;
	loop_timer_stop(&txn->timer);
	if (at)
		loop_timer_start(&txn->timer, at > now ? at - now : 0);
}

static void enter(struct sip_txn *txn, enum state state)
{
	bool udp = txn->flow.transport == SIP_UDP;
	int deadline = clocks[txn->kind][state].deadline_ms[udp];
	uint64_t now = mono_ms();
	/* Timer F runs on when a provisional response comes. */
	bool keep = txn->kind == CLIENT && state == PROCEEDING;

	txn->state = state;
	txn->interval_ms = udp ? (unsigned)clocks[txn->kind][state].resend_ms
			       : 0;
	txn->next_ms = txn->interval_ms ? now + txn->interval_ms : 0;
	if (deadline == AT_ONCE) {
		loop_timer_stop(&txn->timer);
		loop_defer(txn->owner->loop, &txn->free_task);
		return;
	}
	if (!keep)
		txn->deadline_ms = deadline ? now + (uint64_t)deadline : 0;
	arm(txn);
}

static int send_text(struct sip_txn *txn, const struct buf *text)
{
	return sip_net_send(txn->owner->net, &txn->flow, text->data, text->len);
}

/* The owner's function is called once and is then forgotten. */
static void report(struct sip_txn *txn, int status, const struct sip_msg *msg)
{
	sip_txn_fn *fn = txn->fn;

	txn->fn = NULL;
	if (fn)
		fn(txn->arg, txn, status, msg);
}

static void on_timer(struct loop_timer *timer)
{
	struct sip_txn *txn = container_of(timer, struct sip_txn, timer);
	uint64_t now = mono_ms();

	if (txn->failed || (txn->deadline_ms && now >= txn->deadline_ms)) {
		loop_defer(txn->owner->loop, &txn->free_task);
		report(txn, txn->failed ? 503 : 408, NULL);
		return;
	}
	if (txn->next_ms && now >= txn->next_ms) {
		unsigned max =
			(unsigned)clocks[txn->kind][txn->state].resend_max_ms;

		if (send_text(txn, &txn->text))
			txn->failed = txn->fn;
		txn->interval_ms *= 2;
		if (txn->interval_ms > max)
			txn->interval_ms = max;
		txn->next_ms = now + txn->interval_ms;
	}
	arm(txn);
}

static int new_txn(struct sip_txns *txns, enum kind kind,
		   const struct sip_flow *flow, struct buf *key,
		   struct sip_txn **ret)
{
	struct sip_txn *txn;
	int err;

	if (HASH_COUNT(txns->table) >= txns->max)
		return -ENOSPC;
	txn = calloc(1, sizeof(*txn));
	if (!txn)
		return -ENOMEM;
	txn->owner = txns;
	txn->kind = kind;
	txn->flow = *flow;
	list_init(&txn->node);
	loop_task_init(&txn->free_task, on_free);
	err = loop_timer_init(&txn->timer, txns->loop, on_timer);
	txn->key = err ? NULL : strdup(buf_text(key));
	if (txn->key)
		HASH_ADD_KEYPTR(hh, txns->table, txn->key, strlen(txn->key),
				txn);
	if (!txn->key || txn->unlisted) {
		free_txn(txn);
		return -ENOMEM;
	}
	*ret = txn;
	return 0;
}

int sip_txns_new(struct loop *loop, struct sip_net *net, size_t max,
		 struct sip_txns **ret)
{
	struct sip_txns *txns = calloc(1, sizeof(*txns));

	if (!txns)
		return -ENOMEM;
	txns->loop = loop;
	txns->net = net;
	txns->max = max;
	*ret = txns;
	return 0;
}

void sip_txns_free(struct sip_txns *txns)
{
	struct sip_txn *txn, *next;

	if (!txns)
		return;
	HASH_ITER(hh, txns->table, txn, next)
		free_txn(txn);
	free(txns);
}

/* ---- finding ------------------------------------------------------------ */

/* Ours are known by the branch that we made up. */
static int client_key(const char *branch, enum sip_method method,
		      struct buf *dst)
{
	return buf_printf(dst, "c|%s|%d", branch, method);
}

static struct sip_txn *find(const struct sip_txns *txns,
			    const struct sip_msg *msg, enum sip_method method)
{
	struct sip_txn *txn = NULL;
	struct buf key;
	int err;

	buf_init(&key, 65536);
	if (msg->status)
		err = client_key(msg->branch, method, &key);
	else
		err = sip_msg_key(msg, method, &key);
	if (!err)
		HASH_FIND(hh, txns->table, key.data, key.len, txn);
	buf_release(&key);
	return txn;
}

struct sip_txn *sip_txns_find(const struct sip_txns *txns,
			      const struct sip_msg *msg)
{
	return find(txns, msg,
		    msg->method == SIP_ACK && !msg->status ? SIP_INVITE
							   : msg->method);
}

struct sip_txn *sip_txns_find_invite(const struct sip_txns *txns,
				     const struct sip_msg *cancel)
{
	return find(txns, cancel, SIP_INVITE);
}

/* ---- servers ------------------------------------------------------------ */

static bool has_room(const struct list *share)
{
	size_t n = 0;

	list_for_each(it, share)
		n++;
	return n < SIP_TXN_SHARE;
}

int sip_txn_serve(struct sip_txns *txns, const struct sip_msg *request,
		  const struct sip_flow *flow, struct list *share,
		  struct sip_txn **ret)
{
	struct buf key;
	int err;

	if (share && !has_room(share))
		return -ENOSPC;
	buf_init(&key, 65536);
	err = sip_msg_key(request, request->method, &key);
	if (!err)
		err = new_txn(txns,
			      request->method == SIP_INVITE ? SERVER_INVITE
							    : SERVER,
			      flow, &key, ret);
	buf_release(&key);
	if (err)
		return err;
	if (share)
		list_add_tail(share, &(*ret)->node);
	if (flow->transport == SIP_UDP)
		sip_msg_reply_address(request, &flow->peer, &(*ret)->flow.peer);
	return 0;
}

void sip_txn_release_share(struct list *share)
{
	list_for_each_safe(it, share)
		list_del(it);
}

static void take_bytes(struct buf *to, struct buf *from)
{
	buf_wipe(to);
	*to = *from;
	buf_init(from, from->cap);
}

void sip_txn_respond(struct sip_txn *txn, int status, struct buf *text)
{
	take_bytes(&txn->text, text);
	/* Over a connection that is lost the peer will not ask again. */
	(void)!send_text(txn, &txn->text);
	if (status < 200)
		enter(txn, PROCEEDING);
	else if (txn->kind == SERVER_INVITE && status < 300)
		enter(txn, ACCEPTED);
	else
		enter(txn, COMPLETED);
}

static void receive_request(struct sip_txn *txn, const struct sip_msg *msg)
{
	if (msg->method == SIP_ACK) {
		if (txn->state == COMPLETED)
			enter(txn, CONFIRMED);
		return;
	}
	/* In ACCEPTED the dialog repeats the 2xx itself (RFC 6026). */
	if (txn->text.len &&
	    (txn->state == PROCEEDING || txn->state == COMPLETED))
		(void)!send_text(txn, &txn->text);
}

void sip_txn_set_arg(struct sip_txn *txn, void *arg)
{
	txn->arg = arg;
}

void *sip_txn_arg(const struct sip_txn *txn)
{
	return txn->arg;
}

void sip_txn_set_tag(struct sip_txn *txn, const char *tag)
{
	str_copy(txn->tag, tag, sizeof(txn->tag));
}

const char *sip_txn_tag(const struct sip_txn *txn)
{
	return txn->tag;
}

/* ---- clients ------------------------------------------------------------ */

int sip_txn_request(struct sip_txns *txns, struct sip_flow *flow,
		    enum sip_method method, const char *branch,
		    struct buf *text, struct buf *ack, sip_txn_fn *fn,
		    void *arg, struct sip_txn **ret)
{
	struct sip_txn *txn;
	struct buf key;
	int err;

	buf_init(&key, 256);
	err = client_key(branch, method, &key);
	if (!err)
		err = new_txn(txns,
			      method == SIP_INVITE ? CLIENT_INVITE : CLIENT,
			      flow, &key, &txn);
	buf_release(&key);
	if (err)
		return err;
	txn->fn = fn;
	txn->arg = arg;
	take_bytes(&txn->text, text);
	take_bytes(&txn->ack, ack);
	enter(txn, TRYING);
	if (send_text(txn, &txn->text)) {
		txn->failed = true;
		loop_timer_start(&txn->timer, 0);
	}
	*flow = txn->flow;
	*ret = txn;
	return 0;
}

void sip_txn_forget(struct sip_txn *txn)
{
	txn->fn = NULL;
}

void sip_txn_acknowledge(struct sip_txn *txn, struct buf *text)
{
	take_bytes(&txn->ack, text);
	(void)!send_text(txn, &txn->ack);
}

static void receive_response(struct sip_txn *txn, const struct sip_msg *msg)
{
	if (txn->state != TRYING && txn->state != PROCEEDING) {
		/* The final response again: our ACK was lost. */
		if (txn->ack.len)
			(void)!send_text(txn, &txn->ack);
		return;
	}
	if (msg->status < 200) {
		enter(txn, PROCEEDING);
		return;
	}
	if (txn->kind == CLIENT_INVITE && msg->status >= 300)
		(void)!send_text(txn, &txn->ack);
	enter(txn, txn->kind == CLIENT_INVITE && msg->status < 300 ? ACCEPTED
								   : COMPLETED);
	report(txn, msg->status, msg);
}

bool sip_txn_receive(struct sip_txn *txn, const struct sip_msg *msg)
{
	if (!msg->status && msg->method == SIP_ACK && txn->state == ACCEPTED)
		return false;
	if (msg->status)
		receive_response(txn, msg);
	else
		receive_request(txn, msg);
	return true;
}
