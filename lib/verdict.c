/* SPDX-License-Identifier: MIT */
#include "lib/verdict.h"

#include <stdio.h>

#include "lib/str.h"

void verdict_print(enum verdict verdict, const char *fmt, va_list ap)
{
	static const char *const words[] = { "SUCCESS", "WARNING", "FAILURE" };
	char text[2048];

	vsnprintf(text, sizeof(text), fmt, ap);
	str_clean(text);
	printf("%s: %s\n", words[verdict], text);
	fflush(stdout);
}
