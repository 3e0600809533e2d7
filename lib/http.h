/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_HTTP_H
#define UPCAST_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/loop.h"

/*
 * HTTP(S) requests on the loop: curl's multi interface behind a small struct.
 * The only user of curl. Nothing is retried here, redirects are not followed
 * (an Authorization header must not travel to another host); the certificate
 * and the host name are verified always.
 *
 * Life cycle: http_new() per destination (its trust, proxy, connection pool),
 * http_start() per request; `done` is called once, on the loop, never from
 * inside http_start(); the request is freed after it returns. http_cancel()
 * frees a request without a call. http_free() cancels what is left. `done` may
 * call any of these; a body source may call http_resume() and nothing else.
 *
 * A trust bundle is read once: make a new http after a reload.
 *
 * Errors of an answer that did not come: -EHOSTUNREACH (no such name),
 * -ECONNREFUSED, -ETIMEDOUT, -ECONNRESET, -EKEYREJECTED (the certificate),
 * -EPROTO (no TLS, no HTTP), -ECANCELED (the source said so), -ENODATA (the
 * source ended early), -ENOMEM, -EIO. The sentence names host and port, never
 * a path, a query or a header.
 */
struct http;
struct http_request;

struct http_config {
	const char *trust;	/* CA bundle path, NULL or "": the system's */
	const char *trust_name; /* the setting that names it, for sentences */
	const char *proxy;	/* NULL or "": none */
	const char *user_agent;
	unsigned connect_timeout_ms;
};

/* What a body source says, besides a number of bytes. */
enum { HTTP_BODY_PAUSE = -1, HTTP_BODY_ABORT = -2 };

/*
 * Gives the next at most `n` bytes of a streamed body: their number (0 is an
 * error before the end), HTTP_BODY_PAUSE until http_resume(), or
 * HTTP_BODY_ABORT, which ends the request with -ECANCELED.
 */
typedef ptrdiff_t http_body_fn(void *arg, uint8_t *dst, size_t n);

struct http_response {
	int err;	 /* 0: an answer came; else negative errno */
	struct err why;	 /* where err is set: what failed, on what host */
	int status;	 /* HTTP status */
	struct buf body; /* cut at max_body; `truncated` then */
	bool truncated;
	char content_type[128];
	char location[512];
	int64_t retry_after_ms; /* -1: no such header; both forms understood */
	int64_t date_s;		/* the server's own clock, 0: it did not say */
	char www_authenticate[256];
	uint64_t sent; /* body bytes handed to the wire */
	bool sent_all; /* the whole body went out: the answer is unknown */
};

typedef void http_done_fn(void *arg, struct http_response *response);

struct http_spec {
	const char *method;	    /* "GET", "POST", ... */
	const char *url;	    /* never logged by this module */
	const char *const *headers; /* "Name: value", NULL-terminated; copied */
	const char *user, *password; /* Basic auth, NULL: none; copied */

	const void *body; /* copied; NULL: none or streamed */
	size_t body_len;
	http_body_fn *stream; /* NULL: no streamed body */
	void *stream_arg;
	uint64_t stream_len;	  /* exact: becomes Content-Length */
	uint64_t max_bytes_per_s; /* 0: no limit */
	bool fresh_connection;	  /* a connection of its own, never reused: what
				   * must not be sent twice (curl repeats a
				   * request on a reused one that has died) */

	size_t max_body;     /* of the answer */
	unsigned timeout_ms; /* whole request, or for a streamed body: how
			      * long it may stand still, and how long the
			      * answer may take after its last byte */
	http_done_fn *done;
	void *arg;
};

/*
 * -EINVAL with a sentence where trust or proxy cannot work (missing bundle).
 */
int http_new(struct loop *loop, const struct http_config *config,
	     struct http **ret, struct err *err) ATTR_MUST_CHECK;
void http_free(struct http *http);

int http_start(struct http *http, const struct http_spec *spec,
	       struct http_request **ret) ATTR_MUST_CHECK;
void http_cancel(struct http_request *request);
/* A paused body has more. Harmless when it is not paused. */
void http_resume(struct http_request *request);
/* Changes the speed of a running upload. 0: no limit. */
void http_set_speed(struct http_request *request, uint64_t bytes_per_s);

#endif
