/* SPDX-License-Identifier: MIT */
#include "lib/http_priv.h"

#include <string.h>
#include <strings.h>

#include "lib/mono.h"
#include "lib/str.h"

enum { RETRY_AFTER_MAX_S = 86400 };

/* ---- answers ----------------------------------------------------------- */

/* The value of the header `name` in a line of `n` bytes, or false. */
static bool header_value(const char *line, size_t n, const char *name,
			 char *dst, size_t size)
{
	size_t at = strlen(name);

	if (n <= at || strncasecmp(line, name, at) || line[at] != ':')
		return false;
	for (at++; at < n && (line[at] == ' ' || line[at] == '\t'); at++)
		;
	while (n > at && strchr(" \t\r\n", line[n - 1]))
		n--;
	n = n - at < size - 1 ? n - at : size - 1;
	memcpy(dst, line + at, n);
	dst[n] = '\0';
	str_clean(dst);
	return true;
}

/* Seconds, or the date of the server's clock. */
static int64_t parse_retry_after(const char *value)
{
	uint64_t seconds;
	time_t date;

	if (str_parse_u64(value, 0, UINT64_MAX, &seconds)) {
		date = curl_getdate(value, NULL);
		if (date < 0)
			return -1;
		seconds = date > mono_wall_s()
				  ? (uint64_t)(date - mono_wall_s())
				  : 0;
	}
	if (seconds > RETRY_AFTER_MAX_S)
		seconds = RETRY_AFTER_MAX_S;
	return (int64_t)seconds * 1000;
}

static int64_t parse_date(const char *value)
{
	time_t t = curl_getdate(value, NULL);

	return t > 0 ? (int64_t)t : 0;
}

void http_clear_headers(struct http_response *response)
{
	response->content_type[0] = '\0';
	response->location[0] = '\0';
	response->www_authenticate[0] = '\0';
	response->retry_after_ms = -1;
	response->date_s = 0;
}

size_t http_on_header(char *line, size_t size, size_t n, void *arg)
{
	struct http_request *r = arg;
	struct http_response *a = &r->response;
	char value[64];

	n *= size;
	/* An answer may follow a 100 or that of a proxy. */
	if (n > 5 && !memcmp(line, "HTTP/", 5))
		http_clear_headers(a);
	else if (header_value(line, n, "Retry-After", value, sizeof(value)))
		a->retry_after_ms = parse_retry_after(value);
	else if (header_value(line, n, "Date", value, sizeof(value)))
		a->date_s = parse_date(value);
	else if (!header_value(line, n, "Content-Type", a->content_type,
			       sizeof(a->content_type)) &&
		 !header_value(line, n, "Location", a->location,
			       sizeof(a->location)))
		header_value(line, n, "WWW-Authenticate", a->www_authenticate,
			     sizeof(a->www_authenticate));
	return n;
}

/* Ends the transfer where the body passes its bound. */
size_t http_on_body(char *data, size_t size, size_t n, void *arg)
{
	struct http_request *r = arg;
	struct buf *body = &r->response.body;
	size_t room = body->cap - body->len;

	n *= size;
	if (n > room) {
		r->response.truncated = true;
		r->response.err = buf_add(body, data, room);
		return 0;
	}
	r->response.err = buf_add(body, data, n);
	return r->response.err ? 0 : n;
}

/* ---- streamed bodies --------------------------------------------------- */

static size_t pause_body(struct http_request *r)
{
	r->is_paused = true;
	return CURL_READFUNC_PAUSE;
}

size_t http_read_body(char *dst, size_t size, size_t n, void *arg)
{
	struct http_request *r = arg;
	uint64_t left = r->stream_len - r->given;
	ptrdiff_t got;
	size_t want;

	n *= size;
	if (n > left)
		n = (size_t)left;
	want = r->pace.rate ? pace_take(&r->pace, n, mono_ns()) : n;
	if (!want) {
		loop_timer_start(&r->pace_timer, pace_wait_ms(&r->pace));
		return pause_body(r);
	}
	do {
		r->is_resumed = false;
		got = r->stream(r->stream_arg, (uint8_t *)dst, want);
	} while (got == HTTP_BODY_PAUSE && r->is_resumed);
	if (got > 0 && (size_t)got <= want) {
		pace_give(&r->pace, want - (size_t)got);
		r->given += (uint64_t)got;
		return (size_t)got;
	}
	pace_give(&r->pace, want);
	if (got == HTTP_BODY_PAUSE)
		return pause_body(r);
	r->ended_early = got != HTTP_BODY_ABORT;
	return CURL_READFUNC_ABORT;
}

void http_resume(struct http_request *r)
{
	/* A pause for the speed ends by its own timer. */
	if (!r->is_paused || loop_timer_is_armed(&r->pace_timer)) {
		r->is_resumed = true;
		return;
	}
	r->is_paused = false;
	curl_easy_pause(r->easy, CURLPAUSE_CONT);
}

void http_on_pace(struct loop_timer *timer)
{
	http_resume(container_of(timer, struct http_request, pace_timer));
}

void http_set_speed(struct http_request *r, uint64_t bytes_per_s)
{
	pace_set(&r->pace, bytes_per_s, mono_ns());
	if (!loop_timer_is_armed(&r->pace_timer))
		return;
	loop_timer_stop(&r->pace_timer);
	http_resume(r);
}
