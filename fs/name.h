/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_FS_NAME_H
#define UPCAST_FS_NAME_H

#include <stddef.h>

/*
 * Names of entries out of foreign text. Pure.
 *
 * A name is 1 to NAME_BYTES bytes of UTF-8 without a slash or a control
 * character, and neither "." nor "..": what does not fit is percent-encoded,
 * what is too long is cut, what is empty becomes "_".
 */
enum { NAME_BYTES = 255 };

/* `len` bytes of `src`; `dst` has NAME_BYTES + 1 bytes. */
void name_encode(const char *src, size_t len, char *dst);

/* Puts "~suffix" behind it, in place of its end if need be. */
void name_add_suffix(char *name, const char *suffix);

/*
 * How long the stem of a recording's file name is: what stands before the
 * uploaded mark or the extension.
 */
size_t name_stem_length(const char *file, size_t len);

#endif
