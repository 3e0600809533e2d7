/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_STR_H
#define UPCAST_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/buf.h"

/*
 * Text: strict numbers, durations and sizes, percent-encoding, and what makes
 * foreign text fit for a line. Pure. Secrets in a text: lib/redact.h.
 *
 * The parsers take the whole string or nothing: no leading or trailing space,
 * no sign where none is meant, no overflow. Errors: -EINVAL not of the form,
 * -ERANGE outside min..max, -ENOMEM, -EMSGSIZE; the result is then unchanged.
 */

/* Decimal, within min..max. */
int str_parse_u64(const char *s, uint64_t min, uint64_t max,
		  uint64_t *ret_v) ATTR_MUST_CHECK;
int str_parse_i64(const char *s, int64_t min, int64_t max,
		  int64_t *ret_v) ATTR_MUST_CHECK;

/* "1500ms", "10s", "5m", "2h", "1d"; a bare number counts seconds. */
int str_parse_duration(const char *s, uint64_t *ret_ms) ATTR_MUST_CHECK;

/* "4096", "64K", "20M", "1G": powers of 1024, bytes. */
int str_parse_size(const char *s, uint64_t *ret_bytes) ATTR_MUST_CHECK;

/* true|false|yes|no|on|off|enable|disable|1|0, in either case. */
int str_parse_bool(const char *s, bool *ret_v) ATTR_MUST_CHECK;

/* "10s", "1500ms", "2h": the shortest form that str_parse_duration() reads. */
void str_format_duration(uint64_t ms, char *dst, size_t size);

/*
 * Times on screens and in files are RFC 3339 UTC, "2026-11-24T10:31:07Z", and
 * the empty string for 0 (unknown). `dst` needs STR_TIME_SIZE bytes.
 */
enum { STR_TIME_SIZE = 32 };
void str_format_time(int64_t epoch_s, char *dst);

/* Percent-encoding (RFC 3986 section 2.1). Encode leaves unreserved bytes. */
int str_pct_encode(struct buf *dst, const char *src) ATTR_MUST_CHECK;
/* In place. -EINVAL on a broken escape or an encoded NUL. */
int str_pct_decode(char *s) ATTR_MUST_CHECK;

/*
 * Adds `src` with control characters, backslash and bytes that are not UTF-8
 * escaped as \n, \\ or \xHH: what snapshots, events and logs hold.
 * str_unescape() undoes it in place; -EINVAL on a broken escape.
 */
int str_escape(struct buf *dst, const char *src) ATTR_MUST_CHECK;
int str_unescape(char *s) ATTR_MUST_CHECK;

/* Turns control characters into '?', in place: for lines people read. */
void str_clean(char *s);

/* Is it UTF-8 (RFC 3629: no overlong forms, no surrogates)? */
bool str_is_utf8(const char *s, size_t len);

/* The length of what fits of a text into `max` bytes: whole characters. */
size_t str_fit(const char *s, size_t max);

/* 8-4-4-4-12 hex digits with dashes. */
bool str_is_guid(const char *s);

/*
 * The next word of a list that commas and blanks separate, or false at its
 * end. `*at` moves on; the word is `len` bytes at `*ret_word`.
 */
bool str_next_word(const char **at, const char **ret_word, size_t *ret_len);

/* As strlcpy(): copies what fits, always terminates, returns strlen(src). */
size_t str_copy(char *dst, const char *src, size_t size);

/* Wipes, frees and forgets a string, if there is one. */
void str_wipe(char **s);
/* The same, and puts a copy of src (NULL: nothing) there. -ENOMEM: nothing. */
int str_replace(char **dst, const char *src) ATTR_MUST_CHECK;

#endif
