/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_FLV_H
#define UPCAST_FLV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/buf.h"
#include "streamer/asc.h"
#include "streamer/slice.h"

/*
 * Bodies of FLV tags, which are RTMP's audio, video and data messages (Video
 * File Format Specification 10.1, annex E). H.264 and AAC only. Pure.
 *
 * The fixed part of a frame's body is written by flv_put_...() into the
 * caller's bytes; the frame itself follows from where it is. Sequence headers
 * and metadata are built whole. Errors: those of lib/buf.h, and -EBADMSG.
 */
enum {
	FLV_AVC_HEADER = 5, /* then for each NAL unit its length and bytes */
	FLV_AAC_HEADER = 2, /* then the raw frame */
	FLV_NAL_LENGTH = 4,
	FLV_PPS_MAX = 32,
};

/* AVCVIDEOPACKET of a picture; `cts_ms`: presentation minus decoding time. */
void flv_put_avc(uint8_t dst[FLV_AVC_HEADER], bool key, int32_t cts_ms);
/* AACAUDIODATA of a frame. */
void flv_put_aac(uint8_t dst[FLV_AAC_HEADER]);

/* The length of an access unit's whole body. */
size_t flv_avc_size(const struct slice *s, size_t n);
/* The length of the NAL unit that begins at s[0]. */
size_t flv_nal_size(const struct slice *s, size_t n);

/*
 * AVC sequence header: AVCDecoderConfigurationRecord (ISO 14496-15 section
 * 5.3.3.1) of one SPS and up to FLV_PPS_MAX PPS.
 */
int flv_avc_config(struct buf *dst, const struct slice *sps,
		   const struct slice *pps, size_t pps_count) ATTR_MUST_CHECK;
/* AAC sequence header. */
int flv_aac_config(struct buf *dst, const struct asc *asc) ATTR_MUST_CHECK;

/* What onMetaData tells; 0 is unknown and left out. */
struct flv_metadata {
	bool has_video, has_audio;
	uint16_t width, height;
	uint32_t fps_milli;
	uint32_t sample_rate;
	uint8_t channels;
	const char *encoder;
};

/* "@setDataFrame" "onMetaData" {...}: the body of a data message. */
int flv_metadata(struct buf *dst, const struct flv_metadata *m) ATTR_MUST_CHECK;

#endif
