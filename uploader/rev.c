/* SPDX-License-Identifier: MIT */
#include "uploader/rev.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"
#include "uploader/rev_priv.h"

enum {
	ID_MAX = 1024,
	QUERY_MAX = 4096,
	BODY_MAX = 8 << 20,
	DETAILS_MAX = 4 << 20,
	CONNECT_MAX_MS = 30000,
	DETAILS_PER_MINUTE = 2000, /* published */
};

/* ---- the life of a call ------------------------------------------------- */

static void run_done(struct loop_task *task)
{
	struct rev_call *call = container_of(task, struct rev_call, done_task);

	call->done(call->arg, &call->result);
	rev_call_free(call);
}

static void on_limit_timer(struct loop_timer *timer)
{
	rev_send_again(container_of(timer, struct rev_call, limit_timer));
}

int rev_call_new(struct rev *rev, rev_done_fn *done, void *arg,
		 struct rev_call **ret)
{
	struct rev_call *call = calloc(1, sizeof(*call));

	if (!call)
		return -ENOMEM;
	list_init(&call->wait_node);
	call->rev = rev;
	call->done = done;
	call->arg = arg;
	loop_task_init(&call->done_task, run_done);
	buf_init(&call->id, ID_MAX);
	buf_init(&call->query, QUERY_MAX);
	buf_init(&call->body, BODY_MAX);
	buf_init(&call->details, DETAILS_MAX);
	list_add_tail(&rev->calls, &call->node);
	if (loop_timer_init(&call->limit_timer, rev->loop, on_limit_timer)) {
		rev_call_free(call);
		return -ENOMEM;
	}
	*ret = call;
	return 0;
}

void rev_call_free(struct rev_call *call)
{
	if (!call)
		return;
	http_cancel(call->request);
	loop_cancel(call->rev->loop, &call->done_task);
	loop_timer_release(&call->limit_timer);
	list_del(&call->node);
	list_del(&call->wait_node);
	rev_form_release(&call->form);
	rev_search_free(call->search);
	buf_release(&call->id);
	buf_release(&call->query);
	buf_wipe(&call->body);
	buf_release(&call->details);
	free(call->mark);
	free(call->name);
	free(call);
}

void rev_cancel(struct rev_call *call)
{
	rev_call_free(call);
}

void rev_finish(struct rev_call *call)
{
	if (call->result.class == REV_OK)
		call->result.why = (struct err){ 0 };
	loop_defer(call->rev->loop, &call->done_task);
}

void rev_finish_with(struct rev_call *call, enum rev_class class,
		     const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	call->result.class = class;
	err_set(&call->result.why, 0, "%s", text);
	rev_finish(call);
}

struct rev_query rev_query_of(const struct rev *rev, const char *mark)
{
	return (struct rev_query){ .mark = mark,
				   .mark_field = rev->mark_field,
				   .user = rev->user,
				   .user_id = rev->user_id };
}

/* ---- the account -------------------------------------------------------- */

static int check_config(const struct rev_config *c, struct err *err)
{
	if (!c->host || !*c->host)
		return err_set(err, -EINVAL, "rev_host: no server is named");
	if (!c->user || !*c->user)
		return err_set(err, -EINVAL,
			       "rev_user: a Rev user name is needed: it is the "
			       "uploader of every video");
	if (c->use_api_key &&
	    (!c->api_key || !*c->api_key || !*secret_text(c->api_secret)))
		return err_set(err, -EINVAL,
			       "rev_login = api-key needs rev_api_key and the "
			       "secret rev_api_secret");
	if (!c->use_api_key && !*secret_text(c->password))
		return err_set(err, -EINVAL,
			       "rev_login = password needs the secret "
			       "rev_password");
	return 0;
}

static int make_base(struct rev *rev, const struct rev_config *c)
{
	bool is_ipv6 = strchr(c->host, ':') && *c->host != '[';

	if (asprintf(&rev->host, "%s%s%s:%u", is_ipv6 ? "[" : "", c->host,
		     is_ipv6 ? "]" : "", c->port) < 0) {
		rev->host = NULL;
		return -ENOMEM;
	}
	if (asprintf(&rev->base, "https://%s", rev->host) < 0) {
		rev->base = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int copy_config(struct rev *rev, const struct rev_config *c)
{
	int err = make_base(rev, c);

	rev->use_api_key = c->use_api_key;
	rev->api = c->api;
	rev->timeout_ms = c->timeout_ms;
	rev->upload_timeout_ms = c->upload_timeout_ms;
	if (!err)
		err = str_replace(&rev->user, c->user);
	if (!err && c->api_key)
		err = str_replace(&rev->api_key, c->api_key);
	if (!err)
		err = str_replace(&rev->mark_field,
				  c->mark_field ? c->mark_field : "");
	if (!err && c->password)
		err = secret_set(&rev->password, secret_text(c->password));
	if (!err && c->api_secret)
		err = secret_set(&rev->api_secret, secret_text(c->api_secret));
	return err;
}

static int make_windows(struct rev *rev, const struct rev_config *c)
{
	int err = rev_window_init(&rev->windows[REV_BUCKET_EDITS],
				  c->uploads_per_minute);

	if (!err)
		err = rev_window_init(&rev->windows[REV_BUCKET_SEARCHES],
				      c->searches_per_minute);
	if (!err)
		err = rev_window_init(&rev->windows[REV_BUCKET_DETAILS],
				      DETAILS_PER_MINUTE);
	return err;
}

static int make_http(struct rev *rev, const struct rev_config *c,
		     struct err *err)
{
	const struct http_config config = {
		.trust = c->trust,
		.trust_name = "rev_trust",
		.proxy = c->proxy,
		.user_agent = "upcast/" UPCAST_VERSION,
		.connect_timeout_ms = c->timeout_ms < CONNECT_MAX_MS
					      ? c->timeout_ms
					      : CONNECT_MAX_MS,
	};

	return http_new(rev->loop, &config, &rev->http, err);
}

int rev_new(struct loop *loop, const struct rev_config *config,
	    struct rev **ret, struct err *err)
{
	struct rev *rev;
	int e = check_config(config, err);

	if (e)
		return e;
	rev = calloc(1, sizeof(*rev));
	if (!rev)
		return err_set(err, -ENOMEM, "rev: no memory");
	rev->loop = loop;
	list_init(&rev->calls);
	e = copy_config(rev, config);
	if (!e)
		e = make_windows(rev, config);
	if (!e)
		e = rev_session_init(rev);
	if (e)
		err_set(err, e, "rev: %s", err_str(e));
	else
		e = make_http(rev, config, err);
	if (e)
		rev_free(rev);
	else
		*ret = rev;
	return e;
}

void rev_free(struct rev *rev)
{
	if (!rev)
		return;
	rev_session_release(rev);
	list_for_each_safe(it, &rev->calls)
		rev_call_free(list_entry(it, struct rev_call, node));
	http_free(rev->http);
	for (size_t i = 0; i < REV_BUCKETS; i++)
		rev_window_release(&rev->windows[i]);
	secret_release(&rev->password);
	secret_release(&rev->api_secret);
	free(rev->base);
	free(rev->host);
	free(rev->user);
	free(rev->api_key);
	free(rev->mark_field);
	free(rev);
}
