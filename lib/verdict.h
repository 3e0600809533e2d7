/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_VERDICT_H
#define UPCAST_VERDICT_H

#include <stdarg.h>

#include "lib/attr.h"

/*
 * What a check or a probe finds, a line each on standard output, at once:
 *
 *	SUCCESS: the share nfs://host/recordings answers
 *	FAILURE: the share nfs://host/recordings: ..., and what to do
 *
 * Control characters become '?'.
 */
enum verdict { VERDICT_PASS, VERDICT_WARN, VERDICT_FAIL };

void verdict_print(enum verdict verdict, const char *fmt, va_list ap)
	ATTR_PRINTF(2, 0);

#endif
