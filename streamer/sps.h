/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SPS_H
#define UPCAST_SPS_H

#include <stdint.h>

#include "lib/attr.h"

/*
 * What an H.264 sequence parameter set says of the picture (ITU-T H.264
 * section 7.3.2.1.1). Pure.
 *
 * sps_parse() takes a NAL unit with its header byte, without start code.
 * Errors: -EBADMSG. `fps_milli` is 0 where the set has no fixed timing, and
 * `reorder` where it does not tell.
 */
struct sps {
	uint8_t profile, constraints, level;
	uint8_t chroma_format, bit_depth_luma, bit_depth_chroma;
	uint16_t width, height; /* cropped */
	uint32_t fps_milli;	/* pictures in 1000 s */
	uint8_t reorder; /* how many a picture may be decoded after, and shown
			    before */
};

int sps_parse(const uint8_t *nal, uint32_t len,
	      struct sps *ret) ATTR_MUST_CHECK;

#endif
