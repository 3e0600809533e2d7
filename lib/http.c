/* SPDX-License-Identifier: MIT */
#include "lib/http_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "lib/http_why.h"
#include "lib/mono.h"
#include "lib/str.h"

/* How often in its time-out a streamed body is looked after. */
enum { WATCH_TICKS = 10, WATCH_MIN_MS = 10 };

/* ---- the end of a request ---------------------------------------------- */

static uint64_t bytes_sent(const struct http_request *r)
{
	curl_off_t n = 0;

	curl_easy_getinfo(r->easy, CURLINFO_SIZE_UPLOAD_T, &n);
	return (uint64_t)n;
}

static void leave_multi(struct http_request *r)
{
	if (r->in_multi)
		curl_multi_remove_handle(r->http->multi, r->easy);
	r->in_multi = false;
	loop_timer_stop(&r->watch);
	loop_timer_stop(&r->pace_timer);
}

/* A secret may be among them. */
static void free_headers(struct curl_slist *headers)
{
	for (struct curl_slist *it = headers; it; it = it->next)
		explicit_bzero(it->data, strlen(it->data));
	curl_slist_free_all(headers);
}

static void free_request(struct http_request *r)
{
	if (!r)
		return;
	curl_easy_cleanup(r->easy);
	loop_timer_release(&r->watch);
	loop_timer_release(&r->pace_timer);
	free_headers(r->headers);
	buf_wipe(&r->body);
	buf_wipe(&r->response.body);
	free(r);
}

static void run_done(struct loop_task *task)
{
	struct http_request *r =
		container_of(task, struct http_request, done_task);

	list_del(&r->node);
	r->done(r->arg, &r->response);
	free_request(r);
}

/* `done` is due; what curl knows is kept in the response. */
static void finish(struct http_request *r)
{
	r->response.sent = bytes_sent(r);
	r->response.sent_all = r->response.sent >=
			       (r->stream ? r->stream_len : r->body.len);
	leave_multi(r);
	loop_defer(r->http->loop, &r->done_task);
}

static void finish_with(struct http_request *r, CURLcode code)
{
	const struct http_why why = {
		.where = r->where,
		.trust = r->http->trust,
		.trust_name = r->http->trust_name,
		.has_proxy = r->http->proxy != NULL,
		.connect_timeout_ms = r->http->connect_timeout_ms,
		.timeout_ms = r->timeout_ms,
		.curl_text = r->curl_text,
	};
	struct http_response *a = &r->response;
	long status = 0;

	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	if (a->err)
		err_set(&a->why, a->err, "%s: %s", r->where, err_str(a->err));
	else if (a->truncated)
		; /* we ended it: it has a status and a beginning */
	else if (r->ended_early)
		a->err = err_set(&a->why, -ENODATA,
				 "what was sent to %s ended before its length",
				 r->where);
	else if (code)
		a->err = http_why_explain(&why, r->easy, code, &a->why);
	a->status = a->err ? 0 : (int)status;
	finish(r);
}

static void check_done(struct http *http)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(http->multi, &left))) {
		struct http_request *r = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &r);
		finish_with(r, msg->data.result);
	}
}

static void stand_still(struct http_request *r)
{
	struct http_response *a = &r->response;
	double s = r->timeout_ms / 1000.0;

	if (r->is_paused)
		err_set(&a->why, -ETIMEDOUT,
			"nothing came to be sent to %s for %g s", r->where, s);
	else if (r->moved_bytes < r->stream_len)
		err_set(&a->why, -ETIMEDOUT, "%s took no data for %g s",
			r->where, s);
	else
		err_set(&a->why, -ETIMEDOUT,
			"%s did not answer within %g s of the last byte",
			r->where, s);
	a->err = a->why.code;
	finish(r);
}

static void start_watch(struct http_request *r)
{
	unsigned ms = r->timeout_ms / WATCH_TICKS;

	loop_timer_start(&r->watch, ms > WATCH_MIN_MS ? ms : WATCH_MIN_MS);
}

static void on_watch(struct loop_timer *timer)
{
	struct http_request *r =
		container_of(timer, struct http_request, watch);
	uint64_t sent = bytes_sent(r);

	if (sent != r->moved_bytes) {
		r->moved_bytes = sent;
		r->moved_ms = mono_ms();
	}
	if (mono_ms() - r->moved_ms >= r->timeout_ms)
		stand_still(r);
	else
		start_watch(r);
}

/* ---- curl on the loop -------------------------------------------------- */

/* Curl is out of memory; it starts afresh once it holds no request. */
static void fail_all(struct http *http)
{
	list_for_each(it, &http->requests) {
		struct http_request *r =
			list_entry(it, struct http_request, node);

		if (!r->in_multi)
			continue;
		r->response.err = err_set(&r->response.why, -ENOMEM,
					  "%s: no memory", r->where);
		finish(r);
	}
}

static void act(struct http *http, curl_socket_t fd, int bits)
{
	int running;

	if (curl_multi_socket_action(http->multi, fd, bits, &running))
		fail_all(http);
	check_done(http);
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct http *http = arg;
	int bits = (what & EV_READ ? CURL_CSELECT_IN : 0) |
		   (what & EV_WRITE ? CURL_CSELECT_OUT : 0);

	act(http, fd, bits);
}

static void on_curl_timer(struct loop_timer *timer)
{
	act(container_of(timer, struct http, timer), CURL_SOCKET_TIMEOUT, 0);
}

static int set_timer(CURLM *multi, long ms, void *arg)
{
	struct http *http = arg;

	if (ms < 0)
		loop_timer_stop(&http->timer);
	else
		loop_timer_start(&http->timer, (uint64_t)ms);
	return 0;
}

/* -1 ends every transfer of this multi: there is no memory left. */
static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
		      void *socket_arg)
{
	struct http *http = arg;
	struct event *event = socket_arg;
	short flags = EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) |
		      (what & CURL_POLL_OUT ? EV_WRITE : 0);

	if (what == CURL_POLL_REMOVE) {
		if (event)
			event_free(event);
		curl_multi_assign(http->multi, fd, NULL);
		return 0;
	}
	if (event) {
		event_del(event);
		event_assign(event, loop_base(http->loop), fd, flags, on_ready,
			     http);
	} else {
		event = event_new(loop_base(http->loop), fd, flags, on_ready,
				  http);
		if (!event || curl_multi_assign(http->multi, fd, event))
			return -1;
	}
	return event_add(event, NULL);
}

static int make_multi(struct http *http)
{
	CURLM *m = curl_multi_init();

	http->multi = m;
	if (!m || curl_multi_setopt(m, CURLMOPT_SOCKETFUNCTION, set_socket) ||
	    curl_multi_setopt(m, CURLMOPT_SOCKETDATA, http) ||
	    curl_multi_setopt(m, CURLMOPT_TIMERFUNCTION, set_timer) ||
	    curl_multi_setopt(m, CURLMOPT_TIMERDATA, http))
		return -ENOMEM;
	return 0;
}

/* ---- a destination ----------------------------------------------------- */

static int copy_config(struct http *http, const struct http_config *c)
{
	const char *trust = c->trust && *c->trust ? c->trust : NULL;
	const char *proxy = c->proxy && *c->proxy ? c->proxy : NULL;
	int err = str_replace(&http->trust, trust);

	if (!err)
		err = str_replace(&http->proxy, proxy);
	if (!err)
		err = str_replace(&http->user_agent, c->user_agent);
	str_copy(http->trust_name, c->trust_name ? c->trust_name : "trust",
		 sizeof(http->trust_name));
	http->connect_timeout_ms = c->connect_timeout_ms;
	return err;
}

int http_new(struct loop *loop, const struct http_config *config,
	     struct http **ret, struct err *err)
{
	struct http *http = calloc(1, sizeof(*http));
	int e;

	if (!http)
		return err_set(err, -ENOMEM, "no memory");
	http->loop = loop;
	list_init(&http->requests);
	e = curl_global_init(CURL_GLOBAL_DEFAULT) ? -ENOMEM : 0;
	if (!e)
		e = copy_config(http, config);
	if (!e)
		e = http_check_config(http, err);
	if (!e)
		e = loop_timer_init(&http->timer, loop, on_curl_timer);
	if (!e)
		e = make_multi(http);
	if (e == -ENOMEM)
		err_set(err, e, "no memory");
	if (e)
		http_free(http);
	else
		*ret = http;
	return e;
}

void http_free(struct http *http)
{
	if (!http)
		return;
	list_for_each_safe(it, &http->requests)
		http_cancel(list_entry(it, struct http_request, node));
	if (http->multi)
		curl_multi_cleanup(http->multi);
	loop_timer_release(&http->timer);
	free(http->trust);
	free(http->proxy);
	free(http->user_agent);
	free(http);
	curl_global_cleanup();
}

/* Host and port of the URL, without the rest, for sentences. */
static void set_where(struct http_request *r, const char *url)
{
	const char *start = strstr(url, "://");
	const char *at;
	size_t n;

	start = start ? start + 3 : url;
	n = strcspn(start, "/?#");
	at = memrchr(start, '@', n);
	if (at) {
		n -= (size_t)(at + 1 - start);
		start = at + 1;
	}
	snprintf(r->where, sizeof(r->where), "%.*s", (int)n, start);
}

static struct http_request *new_request(struct http *http,
					const struct http_spec *spec)
{
	struct http_request *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->http = http;
	list_init(&r->node);
	loop_task_init(&r->done_task, run_done);
	buf_init(&r->response.body, spec->max_body);
	http_clear_headers(&r->response);
	r->stream = spec->stream;
	r->stream_arg = spec->stream_arg;
	r->stream_len = spec->stream_len;
	r->timeout_ms = spec->timeout_ms;
	r->done = spec->done;
	r->arg = spec->arg;
	r->moved_ms = mono_ms();
	set_where(r, spec->url);
	pace_set(&r->pace, spec->max_bytes_per_s, mono_ns());
	return r;
}

int http_start(struct http *http, const struct http_spec *spec,
	       struct http_request **ret)
{
	struct http_request *r = new_request(http, spec);
	int err = -ENOMEM;

	if (!r)
		return err;
	r->easy = curl_easy_init();
	if (!r->easy)
		goto fail;
	err = loop_timer_init(&r->watch, http->loop, on_watch);
	if (!err)
		err = loop_timer_init(&r->pace_timer, http->loop, http_on_pace);
	if (!err)
		err = http_setup(r, spec);
	if (!err && curl_multi_add_handle(http->multi, r->easy))
		err = -ENOMEM;
	if (err)
		goto fail;
	r->in_multi = true;
	list_add_tail(&http->requests, &r->node);
	if (r->stream)
		start_watch(r);
	*ret = r;
	return 0;
fail:
	free_request(r);
	return err;
}

void http_cancel(struct http_request *r)
{
	if (!r)
		return;
	leave_multi(r);
	loop_cancel(r->http->loop, &r->done_task);
	list_del(&r->node);
	free_request(r);
}
