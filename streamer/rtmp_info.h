/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_RTMP_INFO_H
#define UPCAST_RTMP_INFO_H

#include <stdbool.h>

#include "streamer/amf.h"
#include "streamer/rtmp.h"

/*
 * The information object of onStatus, _result and _error, and what the codes in
 * it mean to a publisher (Adobe's RTMP specification 1.0, section 7). Pure.
 */
enum { RTMP_CODE_MAX = 64 };

struct rtmp_info {
	char code[RTMP_CODE_MAX];
	char text[RTMP_DESCRIPTION_MAX];   /* its description */
	char tc_url[RTMP_DESCRIPTION_MAX]; /* where to go, or "" */
	bool error;
};

/* What `in` is at, if it is such an object; else nothing was said. */
void rtmp_info_read(struct rtmp_info *info, struct amf_reader *in);

struct rtmp_code {
	const char *code;
	enum rtmp_event_kind kind;
	bool lasting; /* nothing that a second try would change soon */
};

/* NULL: a code that nothing follows from. */
const struct rtmp_code *rtmp_code_find(const char *code);

#endif
