/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_HTML_H
#define UPCAST_HTML_H

#include <stddef.h>

/*
 * The words of an error page, for a sentence. Servers and proxies in between
 * answer with HTML where a client expects JSON or XML; what they say is in its
 * text. Pure.
 *
 * html_text() writes the text of `src` (of its <body> where there is one) to
 * `dst`: tags, comments, scripts and styles dropped, the common entities
 * decoded, white space and control characters folded into single blanks, bytes
 * that are not UTF-8 replaced by '?', cut at a character that fits. Text that
 * is not HTML passes the same way. `dst` is always terminated.
 */
void html_text(const char *src, size_t len, char *dst, size_t size);

#endif
