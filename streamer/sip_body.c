/* SPDX-License-Identifier: MIT */
#include "streamer/sip_body.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool is_type(const char *value, size_t len, const char *type)
{
	size_t n = strlen(type);

	return len >= n && !strncasecmp(value, type, n) &&
	       (len == n || strchr("; \t\r", value[n]));
}

/* Does a part's head say application/sdp? */
static bool is_sdp_part(const char *head, size_t len)
{
	static const char name[] = "content-type:";
	const char *end = head + len;

	while (head < end) {
		const char *nl = memchr(head, '\n', (size_t)(end - head));
		size_t n = (size_t)((nl ? nl : end) - head);
		size_t skip = strlen(name);

		if (n > skip && !strncasecmp(head, name, skip)) {
			while (skip < n && head[skip] == ' ')
				skip++;
			return is_type(head + skip, n - skip,
				       "application/sdp");
		}
		head += n + 1;
	}
	return false;
}

/* Parts stand between lines of "--boundary" (RFC 2046 section 5.1.1). */
static bool find_part(const char *body, size_t len, const char *boundary,
		      const char **ret, size_t *ret_len)
{
	size_t n = strlen(boundary);
	const char *end = body + len;
	const char *at = memmem(body, len, boundary, n);

	while (at) {
		const char *part = at + n, *head_end;

		at = memmem(part, (size_t)(end - part), boundary, n);
		if (!at)
			return false;
		head_end = memmem(part, (size_t)(at - part), "\r\n\r\n", 4);
		if (!head_end || !is_sdp_part(part, (size_t)(head_end - part)))
			continue;
		*ret = head_end + 4;
		*ret_len = (size_t)(at - *ret);
		return true;
	}
	return false;
}

static bool find_boundary(const char *type, char *dst, size_t size)
{
	const char *at = strcasestr(type, "boundary=");
	size_t n;

	if (!at)
		return false;
	at += strlen("boundary=");
	at += *at == '"';
	n = strcspn(at, "\"; \t");
	if (!n || n > 70 || n + 3 > size)
		return false;
	snprintf(dst, size, "--%.*s", (int)n, at);
	return true;
}

bool sip_body_find_sdp(const char *type, const char *body, size_t len,
		       const char **ret, size_t *ret_len)
{
	char boundary[80];

	if (is_type(type, strlen(type), "application/sdp")) {
		*ret = body;
		*ret_len = len;
		return true;
	}
	return is_type(type, strlen(type), "multipart/mixed") &&
	       find_boundary(type, boundary, sizeof(boundary)) &&
	       find_part(body, len, boundary, ret, ret_len);
}
