/* SPDX-License-Identifier: MIT */
#include "fs/name.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/str.h"

/* The length of the UTF-8 character at `s`, 0 if there is none. */
static size_t character(const char *s, size_t len)
{
	for (size_t n = 1; n <= 4 && n <= len; n++)
		if (str_is_utf8(s, n))
			return n;
	return 0;
}

void name_encode(const char *src, size_t len, char *dst)
{
	size_t at = 0, n;
	bool dots = len && len <= 2 && !strncmp(src, "..", len);

	for (; len; src += n, len -= n) {
		unsigned char c = (unsigned char)*src;
		size_t keep = character(src, len);

		n = keep ? keep : 1;
		if (c < 0x20 || c == 0x7f || c == '/' || dots)
			keep = 0;
		if (at + (keep ? keep : 3) > NAME_BYTES)
			break;
		if (keep)
			memcpy(dst + at, src, keep);
		else
			snprintf(dst + at, 4, "%%%02X", c);
		at += keep ? keep : 3;
	}
	if (!at)
		dst[at++] = '_';
	dst[at] = '\0';
}

void name_add_suffix(char *name, const char *suffix)
{
	size_t len = strlen(name), more = strnlen(suffix, NAME_BYTES / 2) + 1;

	if (len + more > NAME_BYTES)
		len = str_fit(name, NAME_BYTES - more);
	snprintf(name + len, NAME_BYTES + 1 - len, "~%.*s", (int)more - 1,
		 suffix);
}

size_t name_stem_length(const char *file, size_t len)
{
	static const char mark[] = "_vid-id=", extension[] = ".mp4";

	for (size_t i = 0; i + strlen(mark) <= len; i++)
		if (!strncasecmp(file + i, mark, strlen(mark)))
			return i;
	if (len > strlen(extension) &&
	    !strncasecmp(file + len - strlen(extension), extension,
			 strlen(extension)))
		return len - strlen(extension);
	return len;
}
