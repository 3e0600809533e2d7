/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_HTTP_PRIV_H
#define UPCAST_HTTP_PRIV_H

#include <curl/curl.h>

#include "lib/http.h"
#include "lib/list.h"
#include "lib/pace.h"

/*
 * Inside lib/http: http.c has the destination, the loop and the life of a
 * request; http_setup.c tells curl what a request is; http_body.c is what curl
 * calls for headers and bodies; http_why.c explains failures.
 */
struct http {
	struct loop *loop;
	CURLM *multi;
	struct loop_timer timer; /* curl's own */
	struct list requests;
	char *trust, *proxy, *user_agent;
	char trust_name[64];
	unsigned connect_timeout_ms;
};

struct http_request {
	struct list node;
	struct http *http;
	CURL *easy;
	bool in_multi; /* curl works on it */
	struct curl_slist *headers;
	struct buf body;
	size_t max_body;
	char where[300]; /* host:port */
	char curl_text[CURL_ERROR_SIZE];

	http_body_fn *stream;
	void *stream_arg;
	uint64_t stream_len, given; /* the body's length; what curl has of it */
	bool is_paused;		    /* by its source or its pace */
	bool is_resumed;	    /* while curl was still in the callback */
	bool ended_early;	    /* the source had less than stream_len */
	struct pace pace;
	struct loop_timer pace_timer;

	struct loop_timer watch; /* of a streamed body that stands still */
	unsigned timeout_ms;
	uint64_t moved_ms, moved_bytes; /* when it last moved, and where to */

	struct http_response response;
	struct loop_task done_task;
	http_done_fn *done;
	void *arg;
};

/* http_body.c */
size_t http_on_header(char *line, size_t size, size_t n, void *request);
size_t http_on_body(char *data, size_t size, size_t n, void *request);
size_t http_read_body(char *dst, size_t size, size_t n, void *request);
void http_on_pace(struct loop_timer *timer);
void http_clear_headers(struct http_response *response);

/* http_setup.c */
int http_check_config(const struct http *http, struct err *err) ATTR_MUST_CHECK;
int http_setup(struct http_request *r,
	       const struct http_spec *spec) ATTR_MUST_CHECK;

#endif
