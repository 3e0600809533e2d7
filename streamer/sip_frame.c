/* SPDX-License-Identifier: MIT */
#include "streamer/sip_frame.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

size_t sip_frame_keepalive(const uint8_t *data, size_t len, unsigned *ret_pings)
{
	size_t at = 0;
	unsigned pings = 0;

	while (len - at >= 4 && !memcmp(data + at, "\r\n\r\n", 4)) {
		at += 4;
		pings++;
	}
	if (len - at >= 3 && !memcmp(data + at, "\r\n", 2) &&
	    data[at + 2] != '\r')
		at += 2;
	*ret_pings = pings;
	return at;
}

/* The end of the head behind the empty line, or 0 if it has not come yet. */
static size_t find_head_end(struct sip_framer *f, const uint8_t *data,
			    size_t len)
{
	size_t from = f->scanned > 3 ? f->scanned - 3 : 0;
	const uint8_t *end =
		len > from ? memmem(data + from, len - from, "\r\n\r\n", 4)
			   : NULL;

	f->scanned = len;
	return end ? (size_t)(end - data) + 4 : 0;
}

/* Skips blanks and folded line ends (RFC 3261 section 25.1, LWS). */
static size_t skip_lws(const uint8_t *p, size_t at, size_t end)
{
	for (;;) {
		while (at < end && (p[at] == ' ' || p[at] == '\t'))
			at++;
		if (end - at < 3 || p[at] != '\r' || p[at + 1] != '\n' ||
		    (p[at + 2] != ' ' && p[at + 2] != '\t'))
			return at;
		at += 2;
	}
}

/* Is the line at `at` a Content-Length? Then where its value starts, else 0. */
static size_t match_length(const uint8_t *p, size_t at, size_t end)
{
	static const char *const names[] = { "content-length", "l" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t n = strlen(names[i]), colon;

		if (end - at < n ||
		    strncasecmp((const char *)p + at, names[i], n))
			continue;
		colon = skip_lws(p, at + n, end);
		if (colon < end && p[colon] == ':')
			return skip_lws(p, colon + 1, end);
	}
	return 0;
}

static int parse_length(const uint8_t *p, size_t at, size_t end, size_t *ret)
{
	size_t v = 0, start = at;

	for (; at < end && p[at] >= '0' && p[at] <= '9'; at++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (size_t)(p[at] - '0'), &v))
			return -EBADMSG;
	if (at == start)
		return -EBADMSG;
	at = skip_lws(p, at, end);
	if (end - at < 2 || memcmp(p + at, "\r\n", 2))
		return -EBADMSG;
	*ret = v;
	return 0;
}

/* -ENOENT if the head has none; two of them are an error even if they agree. */
static int find_length(const uint8_t *p, size_t head_len, size_t *ret)
{
	size_t at = 0;
	bool found = false;
	int err;

	while (at < head_len) {
		const uint8_t *nl = memchr(p + at, '\n', head_len - at);
		size_t value;

		at = nl ? (size_t)(nl - p) + 1 : head_len;
		value = match_length(p, at, head_len);
		if (!value)
			continue;
		if (found)
			return -EBADMSG;
		err = parse_length(p, value, head_len, ret);
		if (err)
			return err;
		found = true;
	}
	return found ? 0 : -ENOENT;
}

static int frame_body(struct sip_framer *f, const uint8_t *data, size_t len,
		      struct sip_frame *ret)
{
	size_t body = 0;
	int err = find_length(data, f->head_len, &body);

	ret->head_len = f->head_len;
	if (err)
		return -EBADMSG;
	if (body > f->max_body)
		return -EMSGSIZE;
	if (len - f->head_len < body)
		return -EAGAIN;
	ret->body_len = body;
	ret->len = f->head_len + body;
	f->head_len = f->scanned = 0;
	return 0;
}

int sip_frame_next(struct sip_framer *f, const uint8_t *data, size_t len,
		   struct sip_frame *ret)
{
	*ret = (struct sip_frame){ 0 };
	if (!f->head_len)
		f->head_len = find_head_end(f, data, len);
	if (!f->head_len)
		return len > f->max_head ? -EMSGSIZE : -EAGAIN;
	if (f->head_len > f->max_head)
		return -EMSGSIZE;
	return frame_body(f, data, len, ret);
}

int sip_frame_datagram(const uint8_t *data, size_t len, struct sip_frame *ret)
{
	struct sip_framer f = { .max_head = len, .max_body = len };
	size_t body, head = find_head_end(&f, data, len);
	int err;

	*ret = (struct sip_frame){ .head_len = head, .len = len };
	if (!head)
		return -EBADMSG;
	body = len - head;
	err = find_length(data, head, &body);
	if (err && err != -ENOENT)
		return err;
	if (body > len - head)
		return -EBADMSG;
	ret->body_len = body;
	return 0;
}
