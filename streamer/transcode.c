/* SPDX-License-Identifier: MIT */
#include "streamer/transcode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavutil/audio_fifo.h>
#include <libavutil/channel_layout.h>
#include <libavutil/log.h>
#include <libswresample/swresample.h>

/* The longest packet is one of 120 ms (Opus). */
enum { PACKET_SAMPLES_MAX = 5760 * 2, CHANNELS_MAX = 2 };

/*
 * `rate`: what the decoder gives; RTP's clock is another for G.722.
 * `bit_rate`: of mono, half as much more for stereo. `always_stereo`: so comes
 * what an Opus decoder gives, whatever is in it.
 */
static const struct kind {
	enum msg_codec codec;
	enum AVCodecID id;
	int rate, bit_rate;
	bool always_stereo;
} kinds[] = {
	{ MSG_CODEC_OPUS, AV_CODEC_ID_OPUS, 48000, 64000, true },
	{ MSG_CODEC_G722, AV_CODEC_ID_ADPCM_G722, 16000, 32000, false },
	{ MSG_CODEC_PCMU, AV_CODEC_ID_PCM_MULAW, 8000, 24000, false },
	{ MSG_CODEC_PCMA, AV_CODEC_ID_PCM_ALAW, 8000, 24000, false },
};

struct transcode {
	const struct kind *kind;
	int channels;
	uint32_t clock_rate;
	const struct aac_handler *handler;
	void *arg;

	AVCodecContext *decoder, *encoder;
	SwrContext *swr;
	AVAudioFifo *fifo;
	AVFrame *decoded, *pcm;
	AVPacket *in, *out;

	bool started, told;
	uint32_t base;	 /* RTP timestamp of sample 0 */
	int64_t samples; /* that went into the queue */
	int64_t encoded; /* and out of it */
};

void transcode_start(void)
{
	/* Libraries do not log; packets of strangers are no news. */
	av_log_set_level(AV_LOG_QUIET);
}

bool transcode_is_available(void)
{
	return avcodec_find_encoder(AV_CODEC_ID_AAC) != NULL;
}

static const struct kind *find_kind(enum msg_codec codec)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].codec == codec)
			return &kinds[i];
	return NULL;
}

/* libav's codes are errno's, negative, or tags of its own. */
static int translate(int code)
{
	if (code >= 0)
		return 0;
	return code == AVERROR(ENOMEM) ? -ENOMEM : -ENOTSUP;
}

static int open_decoder(struct transcode *t)
{
	const AVCodec *codec = avcodec_find_decoder(t->kind->id);

	if (!codec)
		return -ENOTSUP;
	t->decoder = avcodec_alloc_context3(codec);
	if (!t->decoder)
		return -ENOMEM;
	av_channel_layout_default(&t->decoder->ch_layout,
				  t->kind->always_stereo ? 2 : t->channels);
	t->decoder->sample_rate = t->kind->rate;
	t->decoder->thread_count = 1;
	return translate(avcodec_open2(t->decoder, codec, NULL));
}

static int open_encoder(struct transcode *t)
{
	const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_AAC);

	if (!codec)
		return -ENOTSUP;
	t->encoder = avcodec_alloc_context3(codec);
	if (!t->encoder)
		return -ENOMEM;
	av_channel_layout_default(&t->encoder->ch_layout, t->channels);
	t->encoder->sample_rate = t->kind->rate;
	t->encoder->sample_fmt = AV_SAMPLE_FMT_FLTP;
	t->encoder->bit_rate = t->kind->bit_rate * (1 + t->channels) / 2;
	t->encoder->time_base = (AVRational){ 1, t->kind->rate };
	t->encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
	t->encoder->thread_count = 1;
	return translate(avcodec_open2(t->encoder, codec, NULL));
}

static int open_converter(struct transcode *t)
{
	int err = swr_alloc_set_opts2(&t->swr, &t->encoder->ch_layout,
				      AV_SAMPLE_FMT_FLTP, t->kind->rate,
				      &t->decoder->ch_layout,
				      t->decoder->sample_fmt, t->kind->rate, 0,
				      NULL);

	return translate(err < 0 ? err : swr_init(t->swr));
}

/* A frame of our own, large enough for all that a packet may hold. */
static int open_frame(struct transcode *t)
{
	t->pcm->format = AV_SAMPLE_FMT_FLTP;
	t->pcm->nb_samples = PACKET_SAMPLES_MAX;
	t->pcm->sample_rate = t->kind->rate;
	if (av_channel_layout_copy(&t->pcm->ch_layout, &t->encoder->ch_layout) <
	    0)
		return -ENOMEM;
	return translate(av_frame_get_buffer(t->pcm, 0));
}

static int open_all(struct transcode *t)
{
	int err = open_decoder(t);

	if (!err)
		err = open_encoder(t);
	if (!err)
		err = open_converter(t);
	if (err)
		return err;
	t->fifo = av_audio_fifo_alloc(AV_SAMPLE_FMT_FLTP, t->channels,
				      2 * t->kind->rate);
	t->decoded = av_frame_alloc();
	t->pcm = av_frame_alloc();
	t->in = av_packet_alloc();
	t->out = av_packet_alloc();
	if (!t->fifo || !t->decoded || !t->pcm || !t->in || !t->out)
		return -ENOMEM;
	return open_frame(t);
}

int transcode_new(enum msg_codec codec, uint32_t clock_rate, uint8_t channels,
		  const struct aac_handler *handler, void *arg,
		  struct transcode **ret_transcode)
{
	const struct kind *kind = find_kind(codec);
	struct transcode *t;
	int err;

	if (!kind || !clock_rate || (int)clock_rate > kind->rate ||
	    channels > CHANNELS_MAX)
		return -ENOTSUP;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->kind = kind;
	t->channels = channels ? channels : 1;
	t->clock_rate = clock_rate;
	t->handler = handler;
	t->arg = arg;
	err = open_all(t);
	if (err) {
		transcode_free(t);
		return err;
	}
	*ret_transcode = t;
	return 0;
}

void transcode_free(struct transcode *t)
{
	if (!t)
		return;
	avcodec_free_context(&t->decoder);
	avcodec_free_context(&t->encoder);
	swr_free(&t->swr);
	if (t->fifo)
		av_audio_fifo_free(t->fifo);
	av_frame_free(&t->decoded);
	av_frame_free(&t->pcm);
	av_packet_free(&t->in);
	av_packet_free(&t->out);
	free(t);
}

/* ---- out --------------------------------------------------------------- */

static void tell_config(struct transcode *t)
{
	struct asc asc;

	if (t->told || asc_parse(t->encoder->extradata,
				 (size_t)t->encoder->extradata_size, &asc))
		return;
	t->told = true;
	t->handler->on_config(t->arg, &asc);
}

static uint32_t timestamp_of(const struct transcode *t, int64_t sample)
{
	return t->base + (uint32_t)(sample * t->clock_rate / t->kind->rate);
}

static void give_packets(struct transcode *t)
{
	while (!avcodec_receive_packet(t->encoder, t->out)) {
		tell_config(t);
		if (t->told)
			t->handler->on_frame(t->arg, t->out->data,
					     (size_t)t->out->size,
					     timestamp_of(t, t->out->pts));
		av_packet_unref(t->out);
	}
}

/* Room for PACKET_SAMPLES_MAX; another block if the encoder still has this. */
static bool make_room(struct transcode *t)
{
	t->pcm->nb_samples = PACKET_SAMPLES_MAX;
	return av_frame_make_writable(t->pcm) >= 0;
}

static void encode(struct transcode *t)
{
	AVFrame *f = t->pcm;
	int n = t->encoder->frame_size;

	while (av_audio_fifo_size(t->fifo) >= n) {
		if (!make_room(t))
			return;
		f->nb_samples = n;
		f->pts = t->encoded;
		av_audio_fifo_read(t->fifo, (void **)f->data, n);
		t->encoded += n;
		if (!avcodec_send_frame(t->encoder, f))
			give_packets(t);
	}
}

/* ---- in ---------------------------------------------------------------- */

static void begin(struct transcode *t, uint32_t timestamp)
{
	/* The encoder counts on: what has gone out is sample `encoded`. */
	av_audio_fifo_reset(t->fifo);
	t->samples = t->encoded;
	t->base = timestamp -
		  (uint32_t)(t->encoded * t->clock_rate / t->kind->rate);
	t->started = true;
}

static void put_silence(struct transcode *t, int64_t samples)
{
	while (samples > 0) {
		int n = samples < PACKET_SAMPLES_MAX ? (int)samples
						     : PACKET_SAMPLES_MAX;

		if (!make_room(t))
			return;
		av_samples_set_silence(t->pcm->data, 0, n, t->channels,
				       AV_SAMPLE_FMT_FLTP);
		av_audio_fifo_write(t->fifo, (void **)t->pcm->data, n);
		t->samples += n;
		samples -= n;
		encode(t);
	}
}

/* False: it is older than what is there. */
static bool place(struct transcode *t, uint32_t timestamp)
{
	int64_t missing;

	if (!t->started) {
		begin(t, timestamp);
		return true;
	}
	missing = (int64_t)(int32_t)(timestamp - timestamp_of(t, t->samples)) *
		  t->kind->rate / t->clock_rate;
	if (missing > t->kind->rate || missing < -t->kind->rate)
		begin(t, timestamp);
	else if (missing > 0)
		put_silence(t, missing);
	return missing >= 0 || missing < -t->kind->rate;
}

static void take_decoded(struct transcode *t)
{
	int n;

	if (!make_room(t))
		return;
	n = swr_convert(t->swr, t->pcm->data, PACKET_SAMPLES_MAX,
			(const uint8_t **)t->decoded->extended_data,
			t->decoded->nb_samples);
	if (n <= 0)
		return;
	av_audio_fifo_write(t->fifo, (void **)t->pcm->data, n);
	t->samples += n;
	encode(t);
}

/* The bytes are copied: the decoder reads beyond their end, into padding. */
static int fill_packet(struct transcode *t, const struct rtp_packet *p)
{
	av_packet_unref(t->in);
	if (av_new_packet(t->in, (int)p->len) < 0)
		return -ENOMEM;
	memcpy(t->in->data, p->payload, p->len);
	return 0;
}

void transcode_push(struct transcode *t, const struct rtp_packet *p)
{
	if (!p->len || !place(t, p->timestamp) || fill_packet(t, p))
		return;
	if (avcodec_send_packet(t->decoder, t->in) < 0)
		return;
	while (!avcodec_receive_frame(t->decoder, t->decoded))
		take_decoded(t);
}
