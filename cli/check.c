/* SPDX-License-Identifier: MIT */
#include "cli/check.h"

#include <stdarg.h>

void check_say(struct check *c, enum verdict verdict, const char *fmt, ...)
{
	va_list ap;

	c->failures += verdict == VERDICT_FAIL;
	va_start(ap, fmt);
	verdict_print(verdict, fmt, ap);
	va_end(ap);
}
