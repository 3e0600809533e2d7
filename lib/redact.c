/* SPDX-License-Identifier: MIT */
#include "lib/redact.h"

#include <stdio.h>
#include <string.h>

#include "lib/str.h"

enum { URL_MAX = 2048, URL_SHOWN_MAX = 1024 };

/* Behind the colon of a host stands a port, or it is no host. */
static bool is_place(const char *host, const char *end)
{
	const char *colon;

	if (*host == '[')
		host = memchr(host, ']', (size_t)(end - host));
	if (!host)
		return false;
	colon = memchr(host, ':', (size_t)(end - host));
	return !colon || colon + 1 + strspn(colon + 1, "0123456789") == end;
}

void redact_url(const char *url, char *dst, size_t size)
{
	const char *host = strstr(url, "://"), *path, *at, *colon, *last;

	host = host ? host + 3 : url;
	path = host + strcspn(host, "/");
	at = memrchr(host, '@', (size_t)(path - host));
	colon = at ? memchr(host, ':', (size_t)(at - host)) : NULL;
	if (host != url && colon && colon + 1 < at) {
		snprintf(dst, size, "%.*s:" REDACTED "%s", (int)(colon - url),
			 url, at);
	} else if (host == url ||
		   (!at && (strchr(path, '@') || !is_place(host, path)))) {
		/* No URL, or a password that broke it: nothing is safe. */
		snprintf(dst, size, "%.*s%s", (int)(host - url), url,
			 *url ? REDACTED : "");
	} else {
		path = *path ? path : host + strcspn(host, "?");
		last = path + strcspn(path, "?");
		while (last > path && last[-1] != '/')
			last--;
		snprintf(dst, size, "%.*s%s", (int)(last - url), url,
			 *last ? REDACTED : "");
	}
	str_clean(dst);
}

/* The URL that is `len` bytes of a text. */
static void redact_part(const char *text, size_t len, char *dst, size_t size)
{
	char url[URL_MAX];

	if (len >= sizeof(url)) {
		str_copy(dst, REDACTED, size);
		return;
	}
	memcpy(url, text, len);
	url[len] = '\0';
	redact_url(url, dst, size);
}

void redact_value(const char *value, char *dst, size_t size)
{
	char shown[URL_SHOWN_MAX];
	const char *word;
	size_t len, n = 0;

	str_copy(dst, value, size);
	str_clean(dst);
	if (!strstr(value, "://"))
		return;
	while (n < size && str_next_word(&value, &word, &len)) {
		redact_part(word, len, shown, sizeof(shown));
		n += (size_t)snprintf(dst + n, size - n, "%s%s", n ? ", " : "",
				      shown);
	}
}

static size_t url_length(const char *at, bool quoted)
{
	size_t n = 0;

	if (!quoted)
		return strcspn(at, "\"<>; \t");
	while (at[n] && at[n] != '"')
		n += at[n] == '\\' && at[n + 1] ? 2 : 1;
	return n;
}

void redact_sip_line(const char *line, char *dst, size_t size)
{
	const char *at, *rest = line;
	size_t n = 0;

	while ((at = strcasestr(rest, "rtmp")) && n < size) {
		size_t len = url_length(at, at > line && at[-1] == '"');
		char shown[URL_SHOWN_MAX];

		if (memmem(at, len, "://", 3))
			redact_part(at, len, shown, sizeof(shown));
		else
			snprintf(shown, sizeof(shown), "%.*s", (int)len, at);
		n += (size_t)snprintf(dst + n, size - n, "%.*s%s",
				      (int)(at - rest), rest, shown);
		rest = at + len;
	}
	if (n < size)
		snprintf(dst + n, size - n, "%s", rest);
	str_clean(dst);
}

bool redact_after(const char *mark, char *line, size_t size)
{
	char *at = strcasestr(line, mark);

	if (!at || !at[strlen(mark)])
		return false;
	at += strlen(mark);
	str_copy(at, REDACTED, size - (size_t)(at - line));
	return true;
}

bool redact_is_echo(const char *text, const char *secret)
{
	return strlen(secret) >= REDACT_ECHO_MIN && strstr(text, secret);
}
