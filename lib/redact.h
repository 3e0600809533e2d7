/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_REDACT_H
#define UPCAST_REDACT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Keeps secrets out of what people read: logs, screens, sentences, snapshots.
 * Pure. Whatever may hold a secret passes through here, and REDACTED stands
 * where the secret was.
 *
 * `dst` of `size` bytes is always terminated; what does not fit is cut. Control
 * characters become '?'.
 *
 * (In memory the owner of a secret wipes it: secret_release(), buf_wipe(),
 * str_wipe(), explicit_bzero() for what stands in a struct or on the stack.)
 */
#define REDACTED "***"

/*
 * A URL: without its password; without its last path segment and query, too, if
 * it has no user and password, since for some services the name of the stream
 * is the secret. Of what is no URL nothing is shown.
 */
void redact_url(const char *url, char *dst, size_t size);

/*
 * The value of a setting, which may be a list of URLs: where there is one,
 * every other word is one, or a part of one that a comma has cut.
 */
void redact_value(const char *value, char *dst, size_t size);

/*
 * The RTMP URLs in a line of SIP. Each ends at a blank, a bracket or a
 * semicolon; in quotes it may hold anything but their end (RFC 3261 section
 * 25.1, quoted-string).
 */
void redact_sip_line(const char *line, char *dst, size_t size);

/*
 * Whatever follows `mark` (in either case) in a line, in place: true if there
 * is something. `size` is that of the array.
 */
bool redact_after(const char *mark, char *line, size_t size);

/*
 * Does a text that somebody else wrote repeat a secret that he was sent? It is
 * better not shown then. A secret of less than REDACT_ECHO_MIN bytes is found
 * in any sentence and says nothing.
 */
enum { REDACT_ECHO_MIN = 4 };
bool redact_is_echo(const char *text, const char *secret);

#endif
