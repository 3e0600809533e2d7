/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_URL_H
#define UPCAST_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/err.h"

/*
 * The URL of an RTMP target. Pure.
 *
 *	rtmp[s]://[user:password@]host[:port]/app[/instance]/stream[?query]
 *
 * The user part ends at the last @ before the first / of the path, so that a
 * password may hold @ : ? and #; a / in it is written %2F. User, password and
 * path are percent-decoded; where a % begins no escape they are taken as
 * written. Everything up to the last / of the path is the application; what
 * follows, with the query as written, is the stream's key. The port is 1935,
 * or 443 for rtmps, where none is given.
 *
 * Life cycle: url_parse(), url_release(); a zeroed struct may be released, too.
 * The credentials are wiped. The strings are never NULL.
 */
enum { URL_MAX = 2048 };

struct url {
	char *text; /* what the pointers point into */
	size_t size;
	bool tls;
	const char *user, *password;
	const char *host; /* as written, an IPv6 address without its brackets */
	uint16_t port;
	const char *app;
	const char *stream; /* last segment of the path */
	const char *key;    /* stream?query */
	const char *tc_url; /* scheme, host and port as written, application */
};

/*
 * Errors: -EINVAL with the sentence ("\"http\" scheme not supported"), which
 * holds no secret; -EMSGSIZE longer than URL_MAX; -ENOMEM.
 */
int url_parse(const char *text, struct url *ret,
	      struct err *err) ATTR_MUST_CHECK;
void url_release(struct url *u);

/*
 * The URL of the same stream at another server or application, with the same
 * credentials, as an RTMP server names it: a tcUrl, whole or without its scheme
 * ("//host/app") or its host, too ("/app"). Errors: -EPERM it would give up
 * TLS; -EINVAL no such thing; -EMSGSIZE. `dst` holds secrets then.
 */
int url_move(const char *text, const char *tc_url, char *dst,
	     size_t size) ATTR_MUST_CHECK;

/*
 * For screens: "rtmp://host:1935/app/stream". Never the credentials; *** for
 * the stream if the URL has no password, since its name is the secret then.
 */
void url_format(const struct url *u, char *dst, size_t size);
/* The stream as it may be shown: its name, or ***. */
const char *url_shown_stream(const struct url *u);
/* The stream if its name is the secret, else "". */
const char *url_secret_stream(const struct url *u);

/*
 * Is the target in the list? Entries are separated by commas or blanks, each
 * [scheme://]host[:port][/path]; host may be * or begin with "*."; a path
 * allows everything that begins with its segments. An empty list allows
 * everything.
 */
bool url_is_allowed(const struct url *u, const char *list);

#endif
