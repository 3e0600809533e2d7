/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SLICE_H
#define UPCAST_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A run of bytes that somebody else holds, borrowed for the duration of a
 * call. An H.264 access unit is an array of them: a NAL unit (without start
 * code, with its header byte) is one slice or, where it came in fragments,
 * several in a row, the first of which has `starts` set. So the bytes of a
 * packet reach the send buffer in one copy.
 */
struct slice {
	const uint8_t *data;
	size_t len;
	bool starts; /* the first slice of a NAL unit */
};

#endif
