/* SPDX-License-Identifier: MIT */
#include "streamer/call.h"

#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto.h"
#include "lib/mono.h"
#include "lib/str.h"
#include "streamer/call_priv.h"
#include "streamer/route.h"

enum {
	SDP_TEXT_MAX = 32768,
	IDLE_MS = 40000, /* more than transactions live, RFC 6026 */
};

const char *call_state_name(enum call_state state)
{
	static const char *const names[] = {
		[CALL_RINGING] = "ringing",
		[CALL_ANSWERED] = "answered",
		[CALL_WAITING_URL] = "waiting-url",
		[CALL_CONNECTING] = "connecting",
		[CALL_PUBLISHING] = "publishing",
		[CALL_RETRYING] = "retrying",
		[CALL_HELD] = "held",
		[CALL_ENDED] = "ended",
	};

	return names[state];
}

void call_set_state(struct call *c, enum call_state state, const char *fmt, ...)
{
	char why[sizeof(c->why)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (c->state == state && !strcmp(c->why, why))
		return;
	c->state = state;
	memcpy(c->why, why, sizeof(why));
	c->owner->observer.moved(c->owner->observer.arg, c);
}

/* ---- life --------------------------------------------------------------- */

static void free_call(struct call *c)
{
	list_del(&c->node);
	list_del(&c->shown);
	c->owner->count--;
	if (!c->established)
		c->owner->half_open--;
	loop_cancel(c->owner->loop, &c->free_task);
	loop_timer_release(&c->url_timer);
	udp_pair_close(&c->offered.audio_ports);
	udp_pair_close(&c->offered.video_ports);
	str_wipe(&c->url);
	str_wipe(&c->last_sdp);
	explicit_bzero(c, sizeof(*c));
	free(c);
}

/* What many calls have used is in pieces, and glibc would keep them. */
static void on_idle(struct loop_timer *timer)
{
	malloc_trim(0);
}

static void check_drained(struct calls *calls)
{
	if (calls->draining && !calls->count && calls->drained_fn)
		loop_defer(calls->loop, &calls->drained);
}

static void log_usage(const struct calls *calls)
{
	if (calls->admit.limit == SETTINGS_NO_LIMIT)
		log_info("[USAGE] : %u / none calls", calls->count);
	else
		log_info("[USAGE] : %u / %u calls", calls->count,
			 calls->admit.limit);
}

/* The last of a call: its dialog and its media are gone. */
static void on_free(struct loop_task *task)
{
	struct call *c = container_of(task, struct call, free_task);
	struct calls *calls = c->owner;

	if (c->dialog || c->session)
		return;
	c->state = CALL_ENDED;
	c->ended_s = mono_wall_s();
	c->ended_ms = mono_ms();
	calls->observer.ended(calls->observer.arg, c);
	free_call(c);
	log_usage(calls);
	if (!calls->count)
		loop_timer_start(&calls->idle_timer, IDLE_MS);
	check_drained(calls);
}

/* The dialog is over, from whichever side; the media still have to end. */
static void finish(struct call *c, const char *why)
{
	if (c->stopping)
		return;
	c->stopping = true;
	loop_timer_stop(&c->url_timer);
	call_info(c, "ended: %s", why ? why : "hung up");
	call_set_state(c, c->state, "%s", why ? why : "hung up");
	if (c->session)
		session_stop(c->session);
	else
		loop_defer(c->owner->loop, &c->free_task);
}

void call_hangup(struct call *c, const char *why)
{
	struct sip_dialog *d = c->dialog;

	c->dialog = NULL;
	if (d)
		sip_bye(d, why);
	finish(c, why);
}

static int new_call(struct calls *calls, const struct sip_invite *invite,
		    struct sip_dialog *d, struct call **ret)
{
	struct call *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->owner = calls;
	list_init(&c->shown);
	loop_task_init(&c->free_task, on_free);
	err = loop_timer_init(&c->url_timer, calls->loop, call_on_url_timer);
	if (err) {
		free(c);
		return err;
	}
	c->number = ++calls->total;
	c->dialog = d;
	c->flow = *invite->flow;
	c->started_s = mono_wall_s();
	c->started_ms = mono_ms();
	c->offered.audio_ports = c->offered.video_ports =
		(struct msg_ports)MSG_PORTS_NONE;
	str_copy(c->user, invite->user, sizeof(c->user));
	str_copy(c->caller, invite->caller, sizeof(c->caller));
	str_copy(c->display, invite->display, sizeof(c->display));
	str_copy(c->call_id, invite->call_id, sizeof(c->call_id));
	crypto_random(c->rules.keys, sizeof(c->rules.keys));
	list_add_tail(&calls->list, &c->node);
	calls->count++;
	loop_timer_stop(&calls->idle_timer);
	calls->half_open++;
	*ret = c;
	return 0;
}

/* ---- from SIP ----------------------------------------------------------- */

/* A flood of calls must not become a flood of lines. */
static void log_refusal(struct calls *calls, const struct sip_flow *from,
			const char *why)
{
	uint64_t now = mono_ms();
	char peer[SIP_ADDR_SIZE];

	if (calls->refusal_logged_ms && now < calls->refusal_logged_ms + 1000)
		return;
	calls->refusal_logged_ms = now;
	log_warning("call from %s refused: %s",
		    sip_addr_text(&from->peer, peer), why);
}

static int admits(void *arg, const struct sip_flow *from)
{
	struct calls *calls = arg;
	const char *why;

	if (!calls->settings->enabled || calls->draining)
		return 503;
	if (!from)
		why = admit_check(&calls->admit, calls->count,
				  calls->half_open);
	else
		why = admit_take(&calls->admit, calls->count, calls->half_open,
				 mono_ms());
	if (from && why)
		log_refusal(calls, from, why);
	return why ? 503 : 0;
}

static bool is_allowed(void *arg, const struct sockaddr_storage *peer)
{
	struct calls *calls = arg;

	return route_is_allowed(calls->settings->allow_from, peer);
}

/* 0 with the text of the answer or offer, or a status. */
static int negotiate(struct call *c, const char *sdp, size_t len,
		     struct buf *text, const char **ret_why)
{
	return sdp ? call_answer_offer(c, sdp, len, text, ret_why)
		   : call_make_offer(c, text, ret_why);
}

static void log_new(const struct call *c, const struct sip_invite *invite)
{
	char peer[SIP_ADDR_SIZE];

	log_info("newIncomingCall, with%s session description",
		 invite->sdp ? "" : "out");
	call_info(c, "from %s <%s> at %s (%s) to \"%s\"", c->display, c->caller,
		  sip_addr_text(&c->flow.peer, peer),
		  sip_net_transport_name(c->flow.transport), c->user);
	log_usage(c->owner);
}

/* What is offered or asked for, answered; 0, or the status that refuses it. */
static int settle(struct call *c, const char *sdp, size_t len,
		  const char **ret_why)
{
	struct buf text;
	int status;

	buf_init(&text, SDP_TEXT_MAX);
	status = negotiate(c, sdp, len, &text, ret_why);
	if (!status) {
		call_info(c,
			  "refreshing media, session descriptions: "
			  "local 1 remote %d",
			  sdp != NULL);
		*ret_why = "no memory";
		if (sip_answer(c->dialog, buf_text(&text), text.len))
			status = 500;
	}
	buf_wipe(&text);
	return status;
}

static int begin(struct call *c, const struct sip_invite *invite)
{
	const char *why;
	int status;

	call_info(c, "supplying contact uri, \"sip:%s\"",
		  sip_contact(c->dialog));
	status = settle(c, invite->sdp, invite->sdp_len, &why);
	if (status) {
		call_warn(c, "refused with %d: %s", status, why);
		c->dialog = NULL;
		finish(c, why);
		return status;
	}
	c->answered_s = mono_wall_s();
	call_set_state(c, CALL_ANSWERED, "not acknowledged yet");
	call_start_url(c, invite->url);
	return 0;
}

static int on_incoming(void *arg, struct sip_dialog *d,
		       const struct sip_invite *invite, void **ret_call)
{
	struct calls *calls = arg;
	struct call *c;
	int status;

	/* The list may have changed since the connection was made. */
	if (!is_allowed(calls, &invite->flow->peer))
		return 403;
	if (new_call(calls, invite, d, &c))
		return 500;
	log_new(c, invite);
	calls->observer.moved(calls->observer.arg, c);
	status = begin(c, invite);
	if (!status)
		*ret_call = c;
	return status;
}

static void on_offered(void *arg, const char *sdp, size_t len)
{
	struct call *c = arg;
	const char *why;
	int status = settle(c, sdp, len, &why);

	if (status) {
		call_warn(c, "new offer refused with %d: %s", status, why);
		sip_refuse(c->dialog, status, why);
	} else if (c->held) {
		call_set_state(c, CALL_HELD, "the caller sends nothing now");
	}
}

static void on_answered(void *arg, const char *sdp, size_t len)
{
	struct call *c = arg;
	bool first = !c->session;
	const char *why;

	if (call_take_answer(c, sdp, len, &why))
		call_hangup(c, why);
	else if (first)
		call_send_targets(c);
}

static void on_established(void *arg)
{
	struct call *c = arg;

	call_info(c, "handling sip accepted notification");
	if (c->established)
		return;
	c->established = true;
	c->owner->half_open--;
	if (c->state == CALL_ANSWERED)
		call_set_state(c, c->url ? CALL_CONNECTING : CALL_WAITING_URL,
			       "%s",
			       c->url ? "connecting to the stream's server"
				      : "waiting for the bridge to name a "
					"stream URL");
}

static void on_url(void *arg, const char *url)
{
	call_new_url(arg, url, CALL_URL_CONTACT);
}

static void on_ended(void *arg, const char *why)
{
	struct call *c = arg;

	c->dialog = NULL;
	finish(c, why);
}

/* ---- all of them -------------------------------------------------------- */

static void take_settings(struct calls *calls, const struct settings *s)
{
	calls->settings = s;
	calls->admit.limit = s->limit;
	calls->admit.half_open_limit = s->half_open;
	calls->admit.per_second = s->calls_per_second;
	calls->ports.min = s->port_min;
	calls->ports.max = s->port_max;
}

static void on_drained(struct loop_task *task)
{
	struct calls *calls = container_of(task, struct calls, drained);
	calls_drained_fn *fn = calls->drained_fn;

	calls->drained_fn = NULL;
	if (fn)
		fn(calls->drained_arg);
}

static void on_drain_timer(struct loop_timer *timer)
{
	struct calls *calls = container_of(timer, struct calls, drain_timer);

	list_for_each_safe(it, &calls->list)
		call_hangup(list_entry(it, struct call, node),
			    "the streamer is going down");
	check_drained(calls);
}

int calls_new(struct loop *loop, const struct settings *settings,
	      struct session_pool *pool, const struct calls_observer *observer,
	      struct calls **ret, struct err *err)
{
	static const struct sip_handler handler = {
		.admits = admits,
		.is_allowed = is_allowed,
		.incoming = on_incoming,
		.offered = on_offered,
		.answered = on_answered,
		.established = on_established,
		.url = on_url,
		.ended = on_ended,
	};
	struct calls *calls = calloc(1, sizeof(*calls));
	int code;

	if (!calls)
		return err_set(err, -ENOMEM, "no memory");
	calls->loop = loop;
	calls->pool = pool;
	calls->observer = *observer;
	list_init(&calls->list);
	loop_task_init(&calls->drained, on_drained);
	take_settings(calls, settings);
	code = loop_timer_init(&calls->drain_timer, loop, on_drain_timer);
	code = code ? code : loop_timer_init(&calls->idle_timer, loop, on_idle);
	if (code)
		err_set(err, code, "no memory");
	else
		code = sip_new(loop, &settings->sip, &handler, calls,
			       &calls->sip, err);
	if (code) {
		calls_free(calls);
		return code;
	}
	*ret = calls;
	return 0;
}

void calls_free(struct calls *calls)
{
	if (!calls)
		return;
	sip_free(calls->sip);
	list_for_each_safe(it, &calls->list)
		free_call(list_entry(it, struct call, node));
	loop_cancel(calls->loop, &calls->drained);
	loop_timer_release(&calls->drain_timer);
	loop_timer_release(&calls->idle_timer);
	free(calls);
}

void calls_reload(struct calls *calls, const struct settings *settings)
{
	take_settings(calls, settings);
	sip_reload(calls->sip, &settings->sip);
}

void calls_drain(struct calls *calls, uint64_t grace_ms, calls_drained_fn *done,
		 void *arg)
{
	calls->draining = true;
	calls->drained_fn = done;
	calls->drained_arg = arg;
	if (done)
		loop_timer_start(&calls->drain_timer, grace_ms);
	check_drained(calls);
}

void calls_undrain(struct calls *calls)
{
	calls->draining = false;
	calls->drained_fn = NULL;
	loop_timer_stop(&calls->drain_timer);
}

/* ---- commands and figures ----------------------------------------------- */

static struct call *find_call(const struct calls *calls, uint64_t number,
			      struct err *err)
{
	list_for_each(it, &calls->list) {
		struct call *c = list_entry(it, struct call, node);

		if (c->number == number && !c->stopping)
			return c;
	}
	err_set(err, -ENOENT, "no call has the number %llu",
		(unsigned long long)number);
	return NULL;
}

int calls_hangup(struct calls *calls, uint64_t number, struct err *err)
{
	struct call *c = find_call(calls, number, err);

	if (!c)
		return -ENOENT;
	call_hangup(c, "hung up by command");
	return 0;
}

int calls_keyframe(struct calls *calls, uint64_t number, struct err *err)
{
	struct call *c = find_call(calls, number, err);

	if (!c)
		return -ENOENT;
	if (!c->session)
		return err_set(err, -EAGAIN, "the call has no media yet");
	return session_keyframe(c->session);
}

int calls_reconnect(struct calls *calls, uint64_t number, struct err *err)
{
	struct call *c = find_call(calls, number, err);

	if (!c)
		return -ENOENT;
	if (!c->session)
		return err_set(err, -EAGAIN, "the call has no media yet");
	return session_reconnect(c->session);
}

void calls_set_trace(struct calls *calls, bool on)
{
	sip_set_trace(calls->sip, on);
}

void calls_set_limit(struct calls *calls, unsigned limit)
{
	calls->admit.limit = limit;
}

const struct list *calls_list(const struct calls *calls)
{
	return &calls->list;
}

unsigned calls_active(const struct calls *calls)
{
	return calls->count;
}

unsigned calls_limit(const struct calls *calls)
{
	return calls->admit.limit;
}

uint64_t calls_total(const struct calls *calls)
{
	return calls->total;
}

bool calls_is_draining(const struct calls *calls)
{
	return calls->draining;
}
