/* SPDX-License-Identifier: MIT */
#include "streamer/url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/redact.h"
#include "lib/str.h"

enum {
	PORT_RTMP = 1935,
	PORT_RTMPS = 443,
	HOST_MAX = 255,
	SCHEME_SHOWN = 16,
	/* The parts are at most the text twice over, and their NULs. */
	STORAGE_FACTOR = 3,
	STORAGE_EXTRA = 16,
};

/* A part of the text, not terminated. */
struct span {
	const char *at;
	size_t len;
};

struct parts {
	bool tls;
	struct span scheme, user, password, host, app, stream, query;
	struct span origin; /* scheme to port, without the user part */
	uint16_t port;
};

static struct span span_of(const char *from, const char *to)
{
	return (struct span){ from, (size_t)(to - from) };
}

static const char *span_end(struct span s)
{
	return s.at + s.len;
}

/* The last `c` within the span, or NULL. */
static const char *span_last(struct span s, char c)
{
	return s.len ? memrchr(s.at, c, s.len) : NULL;
}

static const char *span_first(struct span s, char c)
{
	return s.len ? memchr(s.at, c, s.len) : NULL;
}

static bool is_letter(char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A text without scheme might begin with a secret: only words are shown. */
static int refuse_scheme(struct span scheme, struct err *err)
{
	bool word = scheme.len <= SCHEME_SHOWN;

	for (size_t i = 0; i < scheme.len && word; i++)
		word = is_letter(scheme.at[i]) || is_digit(scheme.at[i]);
	return err_set(err, -EINVAL, "\"%.*s\" scheme not supported",
		       word ? (int)scheme.len : 0, scheme.at);
}

static int parse_scheme(const char *text, struct parts *p, struct err *err)
{
	const char *end = strstr(text, "://");

	p->scheme = span_of(text, end ? end : text);
	p->tls = false;
	if (p->scheme.len == 4 && !strncasecmp(text, "rtmp", 4))
		return 0;
	p->tls = p->scheme.len == 5 && !strncasecmp(text, "rtmps", 5);
	return p->tls ? 0 : refuse_scheme(p->scheme, err);
}

static void parse_user(struct span *authority, struct parts *p)
{
	const char *at = span_last(*authority, '@'), *colon;

	if (!at)
		return;
	p->user = span_of(authority->at, at);
	colon = span_first(p->user, ':');
	if (colon) {
		p->password = span_of(colon + 1, at);
		p->user = span_of(authority->at, colon);
	}
	*authority = span_of(at + 1, span_end(*authority));
}

/* The sentence must not show what may be half a password with a / in it. */
static int refuse_port(struct err *err)
{
	return err_set(err, -EINVAL,
		       "port is not a number from 1 to 65535 (a / in a "
		       "password is written %%2F)");
}

static int parse_port(struct span s, struct parts *p, struct err *err)
{
	char digits[6];
	uint64_t port;

	p->port = p->tls ? PORT_RTMPS : PORT_RTMP;
	if (!s.len)
		return 0;
	if (s.at[0] != ':' || s.len - 1 >= sizeof(digits))
		return refuse_port(err);
	memcpy(digits, s.at + 1, s.len - 1);
	digits[s.len - 1] = '\0';
	if (str_parse_u64(digits, 1, 65535, &port))
		return refuse_port(err);
	p->port = (uint16_t)port;
	return 0;
}

static bool is_ipv6(struct span s)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;

	if (s.len >= sizeof(text))
		return false;
	memcpy(text, s.at, s.len);
	text[s.len] = '\0';
	return inet_pton(AF_INET6, text, &addr) == 1;
}

static bool is_host_name(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];

		if (!is_letter(c) && !is_digit(c) && c != '-' && c != '.' &&
		    c != '_')
			return false;
	}
	return s.len && s.len <= HOST_MAX;
}

static int parse_host(struct span s, struct parts *p, struct err *err)
{
	const char *end;

	if (s.len && s.at[0] == '[') {
		end = span_first(s, ']');
		p->host = span_of(s.at + 1, end ? end : s.at + 1);
		if (!end || !is_ipv6(p->host))
			return err_set(err, -EINVAL,
				       "host is not an IPv6 address in "
				       "brackets");
		return parse_port(span_of(end + 1, span_end(s)), p, err);
	}
	end = span_first(s, ':');
	p->host = span_of(s.at, end ? end : span_end(s));
	if (!p->host.len)
		return err_set(err, -EINVAL, "host is missing");
	if (!is_host_name(p->host))
		return err_set(err, -EINVAL,
			       "host has a character that no host name has");
	return parse_port(span_of(span_end(p->host), span_end(s)), p, err);
}

static int parse_path(const char *path, struct parts *p, struct err *err)
{
	struct span whole = span_of(path, path + strcspn(path, "?"));
	const char *slash;

	p->query = span_of(span_end(whole), path + strlen(path));
	slash = span_last(whole, '/');
	if (!slash || slash + 1 == span_end(whole))
		return err_set(err, -EINVAL,
			       "stream name is missing: "
			       "rtmp://host/application/stream is needed");
	p->app = slash > path ? span_of(path + 1, slash) : span_of(path, path);
	p->stream = span_of(slash + 1, span_end(whole));
	return 0;
}

static int parse_parts(const char *text, struct parts *p, struct err *err)
{
	struct span authority;
	const char *start;
	int e;

	e = parse_scheme(text, p, err);
	if (e)
		return e;
	start = span_end(p->scheme) + strlen("://");
	authority = span_of(start, start + strcspn(start, "/"));
	p->origin = authority;
	parse_user(&authority, p);
	p->origin = authority;
	e = parse_host(authority, p, err);
	e = e ? e : parse_path(span_end(authority), p, err);
	/* "user:1/2@host": the port is the begin of the password. */
	if (!e && !p->user.len && span_first(p->app, '@'))
		e = err_set(err, -EINVAL,
			    "application has an @ (a / in a password is "
			    "written %%2F)");
	return e;
}

/* Appends to the storage, whose end the caller has made sure of. */
static const char *store(char **to, struct span a, struct span b)
{
	const char *start = *to;

	if (a.len)
		memcpy(*to, a.at, a.len);
	if (b.len)
		memcpy(*to + a.len, b.at, b.len);
	*to += a.len + b.len;
	*(*to)++ = '\0';
	return start;
}

static const char *store_decoded(char **to, struct span a, struct span query)
{
	char *start = *to;

	store(to, a, (struct span){ "", 0 });
	/* Not an escape: the text is meant as it stands. */
	if (!str_pct_decode(start))
		*to = start + strlen(start) + 1;
	if (query.len) {
		*to -= 1;
		store(to, query, (struct span){ "", 0 });
	}
	return start;
}

static void store_tc_url(char **to, const struct parts *p, struct url *u)
{
	struct span scheme = { p->tls ? "rtmps://" : "rtmp://",
			       p->tls ? 8 : 7 };
	struct span slash = { "/", 1 };

	u->tc_url = store(to, scheme, p->origin);
	*to -= 1;
	store(to, slash, p->app);
}

static void store_parts(const struct parts *p, struct url *u)
{
	const struct span none = { "", 0 };
	char *to = u->text;

	u->tls = p->tls;
	u->port = p->port;
	u->user = store_decoded(&to, p->user, none);
	u->password = store_decoded(&to, p->password, none);
	u->host = store(&to, p->host, none);
	u->app = store_decoded(&to, p->app, none);
	u->stream = store_decoded(&to, p->stream, none);
	u->key = store_decoded(&to, p->stream, p->query);
	store_tc_url(&to, p, u);
}

int url_parse(const char *text, struct url *ret, struct err *err)
{
	struct parts parts = { 0 };
	struct url u = { 0 };
	size_t len = strlen(text);
	int e;

	if (len > URL_MAX)
		return err_set(err, -EMSGSIZE, "URL has more than %d bytes",
			       URL_MAX);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f)
			return err_set(err, -EINVAL,
				       "URL has a blank or control character");
	e = parse_parts(text, &parts, err);
	if (e)
		return e;
	u.size = STORAGE_FACTOR * len + STORAGE_EXTRA;
	u.text = calloc(1, u.size);
	if (!u.text)
		return err_set(err, -ENOMEM, "out of memory");
	store_parts(&parts, &u);
	*ret = u;
	return 0;
}

void url_release(struct url *u)
{
	if (u->text) {
		explicit_bzero(u->text, u->size);
		free(u->text);
	}
	*u = (struct url){ 0 };
}

/* Scheme, host and port, path of a tcUrl; what it leaves out is the old one. */
static int parse_move(const char *tc_url, struct parts *p)
{
	const char *at = strstr(tc_url, "://");
	bool tls = p->tls;
	struct err err;

	if (at && parse_scheme(tc_url, p, &err))
		return -EINVAL;
	if (at && tls && !p->tls)
		return -EPERM;
	at = at ? at + 1 : tc_url;
	if (!strncmp(at, "//", 2)) {
		p->origin = span_of(at + 2, at + 2 + strcspn(at + 2, "/?"));
		at = span_end(p->origin);
	}
	p->app = span_of(at, at + strcspn(at, "?"));
	while (p->app.len && p->app.at[p->app.len - 1] == '/')
		p->app.len--;
	return (p->app.len && *at != '/') || span_first(p->origin, '@')
		       ? -EINVAL
		       : 0;
}

int url_move(const char *text, const char *tc_url, char *dst, size_t size)
{
	struct parts p = { 0 };
	struct span user;
	struct err err;
	int code = parse_parts(text, &p, &err);

	if (code)
		return code;
	user = span_of(span_end(p.scheme) + strlen("://"), p.origin.at);
	code = parse_move(tc_url, &p);
	if (code)
		return code;
	return snprintf(dst, size, "%s://%.*s%.*s%.*s/%s",
			p.tls ? "rtmps" : "rtmp", (int)user.len, user.at,
			(int)p.origin.len, p.origin.at, (int)p.app.len,
			p.app.at, p.stream.at) < (int)size
		       ? 0
		       : -EMSGSIZE;
}

const char *url_shown_stream(const struct url *u)
{
	return *u->password ? u->stream : REDACTED;
}

const char *url_secret_stream(const struct url *u)
{
	return *u->password ? "" : u->stream;
}

void url_format(const struct url *u, char *dst, size_t size)
{
	bool brackets = strchr(u->host, ':');

	snprintf(dst, size, "%s://%s%s%s:%u/%s%s%s", u->tls ? "rtmps" : "rtmp",
		 brackets ? "[" : "", u->host, brackets ? "]" : "", u->port,
		 u->app, *u->app ? "/" : "", url_shown_stream(u));
	str_clean(dst);
}

/* ---- allowed targets -------------------------------------------------- */

static bool takes_scheme(struct span *entry, const struct url *u)
{
	const char *end = memmem(entry->at, entry->len, "://", 3);
	const char *scheme = u->tls ? "rtmps" : "rtmp";
	size_t len = end ? (size_t)(end - entry->at) : 0;

	if (!end)
		return true;
	if (len != strlen(scheme) || strncasecmp(entry->at, scheme, len))
		return false;
	*entry = span_of(end + 3, span_end(*entry));
	return true;
}

static bool takes_host(struct span host, const struct url *u)
{
	size_t len = strlen(u->host);

	if (host.len == 1 && host.at[0] == '*')
		return true;
	if (host.len > 2 && host.at[0] == '*' && host.at[1] == '.')
		return len >= host.len &&
		       !strncasecmp(u->host + len - (host.len - 1), host.at + 1,
				    host.len - 1);
	return len == host.len && !strncasecmp(u->host, host.at, len);
}

static bool takes_port(struct span port, const struct url *u)
{
	char text[8];
	int n = snprintf(text, sizeof(text), ":%u", u->port);

	return !port.len ||
	       (port.len == (size_t)n && !memcmp(port.at, text, port.len));
}

/* Segment by segment: /live allows /live/x and not /liver/x. */
static bool takes_path(struct span path, const struct url *u)
{
	char whole[2 * URL_MAX + 4];

	while (path.len && path.at[path.len - 1] == '/')
		path.len--;
	snprintf(whole, sizeof(whole), "/%s%s%s/", u->app, *u->app ? "/" : "",
		 u->stream);
	return !strncmp(whole, path.at, path.len) &&
	       (!path.len || whole[path.len] == '/');
}

static bool takes(struct span entry, const struct url *u)
{
	const char *slash, *end;
	struct span host, port = { "", 0 };

	if (!takes_scheme(&entry, u))
		return false;
	slash = span_first(entry, '/');
	host = span_of(entry.at, slash ? slash : span_end(entry));
	end = host.len && host.at[0] == '[' ? span_first(host, ']')
					    : span_last(host, ':');
	if (end && host.at[0] == '[') {
		port = span_of(end + 1, span_end(host));
		host = span_of(host.at + 1, end);
	} else if (end) {
		port = span_of(end, span_end(host));
		host = span_of(host.at, end);
	}
	return takes_host(host, u) && takes_port(port, u) &&
	       takes_path(span_of(slash ? slash : span_end(entry),
				  span_end(entry)),
			  u);
}

bool url_is_allowed(const struct url *u, const char *list)
{
	struct span word;
	bool any = false;

	while (str_next_word(&list, &word.at, &word.len)) {
		if (takes(word, u))
			return true;
		any = true;
	}
	return !any;
}
