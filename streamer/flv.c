/* SPDX-License-Identifier: MIT */
#include "streamer/flv.h"

#include <errno.h>

#include "streamer/amf.h"
#include "streamer/sps.h"

enum {
	CODEC_AVC = 7,
	CODEC_AAC = 10,
	FRAME_KEY = 1 << 4,
	FRAME_INTER = 2 << 4,
	AVC_SEQUENCE_HEADER = 0,
	AVC_NALU = 1,
	/* AAC, and by convention 44 kHz, 16 bit, stereo whatever it is */
	AUDIO_AAC = CODEC_AAC << 4 | 0x0f,
	AAC_SEQUENCE_HEADER = 0,
	AAC_RAW = 1,
	NAL_SPS = 7,
	NAL_PPS = 8,
	SET_MAX = 65535,
};

void flv_put_avc(uint8_t dst[FLV_AVC_HEADER], bool key, int32_t cts_ms)
{
	dst[0] = (key ? FRAME_KEY : FRAME_INTER) | CODEC_AVC;
	dst[1] = AVC_NALU;
	buf_put_u24(dst + 2, (uint32_t)cts_ms & 0xffffff);
}

void flv_put_aac(uint8_t dst[FLV_AAC_HEADER])
{
	dst[0] = AUDIO_AAC;
	dst[1] = AAC_RAW;
}

size_t flv_nal_size(const struct slice *s, size_t n)
{
	size_t size = s[0].len;

	for (size_t i = 1; i < n && !s[i].starts; i++)
		size += s[i].len;
	return size;
}

size_t flv_avc_size(const struct slice *s, size_t n)
{
	size_t size = FLV_AVC_HEADER;

	for (size_t i = 0; i < n; i++)
		size += s[i].len + (s[i].starts ? FLV_NAL_LENGTH : 0);
	return size;
}

static int add_set(struct buf *dst, const struct slice *set, int type)
{
	int err;

	if (!set->len || set->len > SET_MAX || (set->data[0] & 0x1f) != type)
		return -EBADMSG;
	err = buf_add_u16(dst, (uint16_t)set->len);
	return err ? err : buf_add(dst, set->data, set->len);
}

/* What profiles from high on have at the end of the record. */
static int add_chroma(struct buf *dst, const struct sps *s)
{
	const uint8_t tail[] = { 0xfc | s->chroma_format,
				 0xf8 | (s->bit_depth_luma - 8),
				 0xf8 | (s->bit_depth_chroma - 8), 0 };
	bool has = s->profile == 100 || s->profile == 110 ||
		   s->profile == 122 || s->profile == 144;

	return has ? buf_add(dst, tail, sizeof(tail)) : 0;
}

int flv_avc_config(struct buf *dst, const struct slice *sps,
		   const struct slice *pps, size_t pps_count)
{
	struct sps s;
	int err;

	if (!pps_count || pps_count > FLV_PPS_MAX || sps->len > SET_MAX)
		return -EBADMSG;
	err = sps_parse(sps->data, (uint32_t)sps->len, &s);
	if (!err) {
		const uint8_t head[] = { FRAME_KEY | CODEC_AVC,
					 AVC_SEQUENCE_HEADER,
					 0,
					 0,
					 0,
					 1,
					 s.profile,
					 s.constraints,
					 s.level,
					 0xfc | (FLV_NAL_LENGTH - 1),
					 0xe0 | 1 };

		err = buf_add(dst, head, sizeof(head));
	}
	err = err ? err : add_set(dst, sps, NAL_SPS);
	err = err ? err : buf_add_u8(dst, (uint8_t)pps_count);
	for (size_t i = 0; i < pps_count && !err; i++)
		err = add_set(dst, &pps[i], NAL_PPS);
	return err ? err : add_chroma(dst, &s);
}

int flv_aac_config(struct buf *dst, const struct asc *asc)
{
	static const uint8_t head[] = { AUDIO_AAC, AAC_SEQUENCE_HEADER };
	int err = buf_add(dst, head, sizeof(head));

	return err ? err : buf_add(dst, asc->bytes, asc->len);
}

/* Unknown (0) is left out. */
static void add_number(struct amf_field *fields, size_t *n, const char *key,
		       double value)
{
	if (value > 0)
		fields[(*n)++] = (struct amf_field){ .key = key,
						     .type = AMF_NUMBER,
						     .number = value };
}

static void add_video(struct amf_field *fields, size_t *n,
		      const struct flv_metadata *m)
{
	add_number(fields, n, "width", m->width);
	add_number(fields, n, "height", m->height);
	add_number(fields, n, "framerate", m->fps_milli / 1000.0);
	add_number(fields, n, "videocodecid", CODEC_AVC);
}

static void add_audio(struct amf_field *fields, size_t *n,
		      const struct flv_metadata *m)
{
	add_number(fields, n, "audiosamplerate", m->sample_rate);
	add_number(fields, n, "audiosamplesize", 16);
	add_number(fields, n, "audiochannels", m->channels);
	add_number(fields, n, "audiocodecid", CODEC_AAC);
	if (m->channels)
		fields[(*n)++] = (struct amf_field){ .key = "stereo",
						     .type = AMF_BOOLEAN,
						     .flag = m->channels > 1 };
}

int flv_metadata(struct buf *dst, const struct flv_metadata *m)
{
	struct amf_field fields[10];
	size_t n = 0;
	int err;

	if (m->has_video)
		add_video(fields, &n, m);
	if (m->has_audio)
		add_audio(fields, &n, m);
	fields[n++] = (struct amf_field){ .key = "encoder",
					  .type = AMF_STRING,
					  .text = m->encoder };
	err = amf_put_string(dst, "@setDataFrame");
	err = err ? err : amf_put_string(dst, "onMetaData");
	return err ? err : amf_put_object(dst, AMF_ECMA_ARRAY, fields, n);
}
