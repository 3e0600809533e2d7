/* SPDX-License-Identifier: MIT */
#include "uploader/rev_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "lib/mono.h"
#include "lib/redact.h"
#include "lib/str.h"

enum {
	ANSWER_MAX = 4 << 20,
	URL_MAX = 8192,
};

enum {
	NO_TOKEN = 1,	 /* the question makes a session */
	OF_SESSION = 2,	 /* waits for none, and a 401 is an answer */
	QUIET = 4,	 /* asked again and again: not worth an info line */
	HIDE_ID = 8,	 /* the id is nobody's business */
	NO_VERSION = 16, /* v1 stands for the path before there were versions */
};

/* The path is /api/v2, head, the id, tail. */
static const struct route {
	const char *method, *head, *tail;
	enum rev_kind kind;
	enum rev_bucket bucket;
	int flags;
} routes[REV_PATHS] = {
	[REV_PATH_LOGIN] = { "POST", "/user/login", "", REV_KIND_LOGIN,
			     REV_BUCKET_NONE, NO_TOKEN | OF_SESSION },
	[REV_PATH_AUTHENTICATE] = { "POST", "/authenticate", "", REV_KIND_LOGIN,
				    REV_BUCKET_NONE, NO_TOKEN | OF_SESSION },
	[REV_PATH_SESSION] = { "GET", "/user/session", "", REV_KIND_OTHER,
			       REV_BUCKET_NONE, OF_SESSION | QUIET },
	[REV_PATH_EXTEND] = { "POST", "/user/extend-session", "",
			      REV_KIND_OTHER, REV_BUCKET_NONE,
			      OF_SESSION | QUIET },
	[REV_PATH_EXTEND_USER] = { "POST", "/user/extend-session-timeout", "",
				   REV_KIND_OTHER, REV_BUCKET_NONE,
				   OF_SESSION | QUIET },
	[REV_PATH_EXTEND_KEY] = { "POST", "/auth/extend-session-timeout/", "",
				  REV_KIND_OTHER, REV_BUCKET_NONE,
				  OF_SESSION | QUIET | HIDE_ID },
	[REV_PATH_UPLOAD] = { "POST", "/uploads/videos", "", REV_KIND_UPLOAD,
			      REV_BUCKET_EDITS, NO_VERSION },
	[REV_PATH_STATUS] = { "GET", "/videos/", "/status", REV_KIND_OBJECT,
			      REV_BUCKET_NONE, QUIET },
	[REV_PATH_DETAILS] = { "GET", "/videos/", "/details", REV_KIND_OBJECT,
			       REV_BUCKET_DETAILS, QUIET },
	[REV_PATH_PLAYBACK] = { "GET", "/videos/", "/playback-url",
				REV_KIND_OBJECT, REV_BUCKET_NONE, 0 },
	[REV_PATH_SEARCH] = { "GET", "/videos/search", "", REV_KIND_OTHER,
			      REV_BUCKET_SEARCHES, QUIET },
	[REV_PATH_PATCH] = { "PATCH", "/videos/", "", REV_KIND_OTHER,
			     REV_BUCKET_EDITS, 0 },
	[REV_PATH_DELETE] = { "DELETE", "/videos/", "", REV_KIND_OBJECT,
			      REV_BUCKET_EDITS, 0 },
	[REV_PATH_USER] = { "GET", "/users/", "", REV_KIND_OBJECT,
			    REV_BUCKET_NONE, QUIET },
	[REV_PATH_ME] = { "GET", "/users/me", "", REV_KIND_OTHER,
			  REV_BUCKET_NONE, QUIET },
	[REV_PATH_FIELDS] = { "GET", "/video-fields", "", REV_KIND_OTHER,
			      REV_BUCKET_NONE, QUIET },
};

static const struct route *route_of(const struct rev_call *call)
{
	return &routes[call->path];
}

static bool is_stream(const struct rev_call *call)
{
	return call->path == REV_PATH_UPLOAD;
}

/* ---- answers ------------------------------------------------------------ */

/* An error page may repeat what was sent to it. */
static void hide_secrets(const struct rev *rev, struct err *why)
{
	const char *const secrets[] = {
		secret_text(&rev->password),
		secret_text(&rev->api_secret),
		/* behind the scheme */
		rev->token.len ? strrchr(buf_text(&rev->token), ' ') + 1 : "",
	};

	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++)
		if (redact_is_echo(why->text, secrets[i]))
			err_set(why, why->code,
				"rev %s answered with a text that holds a "
				"secret",
				rev->host);
}

void rev_send_deliver(struct rev_call *call)
{
	call->answer(call, NULL);
}

/* Does a 404 or 405 say that this server has no such path in v2? */
static bool shall_try_v1(const struct rev_call *call, int status)
{
	return (status == 404 || status == 405) && !call->rev->api &&
	       !call->is_v1 &&
	       call->rev->versions[call->path] == REV_VERSION_UNKNOWN;
}

/* True where the question is asked again in its older form. */
static bool fall_back(struct rev_call *call, int status)
{
	struct rev *rev = call->rev;

	if (!shall_try_v1(call, status))
		return false;
	if (is_stream(call)) {
		rev->versions[call->path] = REV_VERSION_V1;
		rev_finish_with(call, REV_TRANSIENT,
				"rev %s has no /api/v2/uploads: the next try "
				"takes the older path",
				rev->host);
		return true;
	}
	call->is_v1 = true;
	rev_send_again(call);
	return true;
}

static void learn_version(struct rev_call *call)
{
	if (!call->rev->api && call->result.class == REV_OK)
		call->rev->versions[call->path] = call->is_v1 ? REV_VERSION_V1
							      : REV_VERSION_V2;
}

static void log_answer(const struct rev_call *call,
		       const struct http_response *r)
{
	const char *what = call->path == REV_PATH_STATUS
				   ? "response status code:"
				   : "response";

	if (r->err)
		return;
	if (route_of(call)->flags & QUIET)
		log_debug("Received vbrick %s %d", what, r->status);
	else
		log_info("Received vbrick %s %d", what, r->status);
}

static void on_response(void *arg, struct http_response *r)
{
	struct rev_call *call = arg;
	struct rev *rev = call->rev;
	const struct route *route = route_of(call);

	call->request = NULL;
	log_answer(call, r);
	rev_class_judge(route->kind, rev->host, r, &call->result);
	hide_secrets(rev, &call->result.why);
	call->result.sent_all = is_stream(call) && r->sent_all;
	learn_version(call);
	if (!r->err && fall_back(call, r->status))
		return;
	if (!r->err && r->status == 401 && !(route->flags & OF_SESSION))
		rev_session_doubt(call);
	else
		call->answer(call, r);
}

/* ---- questions ---------------------------------------------------------- */

static bool asks_v1(const struct rev_call *call)
{
	const struct rev *rev = call->rev;

	return rev->api == 1 || call->is_v1 ||
	       (!rev->api && rev->versions[call->path] == REV_VERSION_V1);
}

static int make_url(const struct rev_call *call, const char *id,
		    struct buf *ret)
{
	const struct route *route = route_of(call);
	const char *version = "/api/v2";

	if (call->is_v1)
		version = route->flags & NO_VERSION ? "/api" : "/api/v1";
	return buf_printf(ret, "%s%s%s%s%s%s%s", call->rev->base, version,
			  route->head, id, route->tail,
			  call->query.len ? "?" : "", buf_text(&call->query));
}

static void log_question(struct rev_call *call, const char *url)
{
	const struct route *route = route_of(call);
	bool is_get = !strcmp(route->method, "GET");
	const char *verb = is_get ? "Getting" : "posting";
	const char *way = is_get ? "from" : "to";

	if (!is_get && strcmp(route->method, "POST"))
		verb = route->method;
	if (route->flags & QUIET)
		log_debug("%s %s: %s", verb, way, url);
	else
		log_info("%s %s: %s", verb, way, url);
}

static int start(struct rev_call *call, const char *url)
{
	struct rev *rev = call->rev;
	const struct route *route = route_of(call);
	const char *headers[4] = { "Accept: application/json" };
	char type[100];
	size_t n = 1;
	struct http_spec spec = {
		.method = route->method,
		.url = url,
		.headers = headers,
		.max_body = ANSWER_MAX,
		.timeout_ms = rev->timeout_ms,
		.done = on_response,
		.arg = call,
	};

	if (!(route->flags & NO_TOKEN))
		headers[n++] = buf_text(&rev->token);
	else
		/* Not sent twice behind our back: each login counts. */
		spec.fresh_connection = true;
	if (is_stream(call)) {
		snprintf(type, sizeof(type),
			 "Content-Type: multipart/form-data; boundary=%s",
			 call->form.boundary);
		headers[n++] = type;
		spec.stream = rev_form_read;
		spec.stream_arg = &call->form;
		spec.stream_len = rev_form_length(&call->form);
		spec.max_bytes_per_s = call->bytes_per_s;
		spec.fresh_connection = true;
		spec.timeout_ms = rev->upload_timeout_ms;
	} else if (call->body.len) {
		headers[n++] = "Content-Type: application/json";
		spec.body = call->body.data;
		spec.body_len = call->body.len;
	}
	call->generation = rev->generation;
	return http_start(rev->http, &spec, &call->request);
}

static void put(struct rev_call *call)
{
	struct buf url, shown;
	int err;

	call->is_v1 = asks_v1(call);
	buf_init(&url, URL_MAX);
	buf_init(&shown, URL_MAX);
	err = make_url(call, buf_text(&call->id), &url);
	if (!err)
		err = make_url(call,
			       route_of(call)->flags & HIDE_ID
				       ? REDACTED
				       : buf_text(&call->id),
			       &shown);
	if (!err) {
		log_question(call, buf_text(&shown));
		err = start(call, buf_text(&url));
	}
	buf_release(&url);
	buf_release(&shown);
	if (!err)
		return;
	call->result.class = REV_TRANSIENT;
	err_set(&call->result.why, 0, "rev: %s", err_str(err));
	call->answer(call, NULL);
}

void rev_send_again(struct rev_call *call)
{
	struct rev *rev = call->rev;
	const struct route *route = route_of(call);
	uint64_t wait_ms = 0;

	if (!(route->flags & OF_SESSION) && rev_session_holds(call))
		return;
	if (call->path == REV_PATH_NONE) {
		call->result.class = REV_OK;
		call->answer(call, NULL);
		return;
	}
	if (route->bucket)
		wait_ms = rev_window_take(&rev->windows[route->bucket],
					  mono_ms());
	if (wait_ms)
		loop_timer_start(&call->limit_timer, wait_ms);
	else
		put(call);
}

const char *rev_limit_why(const struct rev_call *call)
{
	static const char *const why[REV_BUCKETS] = {
		[REV_BUCKET_EDITS] = "as many uploads and edits went to Rev in "
				     "this minute as rev_uploads_per_minute "
				     "allows: waits for the next",
		[REV_BUCKET_SEARCHES] = "as many searches went to Rev in this "
					"minute as rev_searches_per_minute "
					"allows: waits for the next",
		[REV_BUCKET_DETAILS] = "as many questions about videos went to "
				       "Rev in this minute as it allows: waits "
				       "for the next",
	};

	return loop_timer_is_armed(&call->limit_timer)
		       ? why[route_of(call)->bucket]
		       : NULL;
}

void rev_send(struct rev_call *call, enum rev_path path, rev_answer_fn *answer)
{
	call->path = path;
	call->answer = answer;
	call->is_v1 = false;
	call->is_retry = false;
	rev_send_again(call);
}
