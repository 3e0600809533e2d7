/* SPDX-License-Identifier: MIT */
#include "streamer/transcode.h"

#include "tests/unit.h"

enum { PACKET_MAX = 2048 };

struct sink {
	int configs, frames;
	struct asc asc;
	uint32_t first, last;
};

static void on_config(void *arg, const struct asc *asc)
{
	struct sink *s = arg;

	s->configs++;
	s->asc = *asc;
}

static void on_frame(void *arg, const uint8_t *frame, size_t len,
		     uint32_t timestamp)
{
	struct sink *s = arg;

	if (!s->frames++)
		s->first = timestamp;
	s->last = timestamp;
}

static const struct aac_handler handler = { on_config, on_frame };

static void push(struct transcode *t, uint32_t timestamp, size_t len)
{
	static uint8_t payload[PACKET_MAX];
	struct rtp_packet p = { .timestamp = timestamp,
				.payload = payload,
				.len = len };

	for (size_t i = 0; i < len; i++)
		payload[i] = (uint8_t)(i * 37);
	transcode_push(t, &p);
}

/* 2 s of packets of 20 ms, with 100 ms missing in the middle. */
static int check(enum msg_codec codec, uint32_t clock_rate, uint8_t channels,
		 size_t bytes, uint32_t rate)
{
	struct transcode *t = NULL;
	struct sink s = { 0 };
	uint32_t ticks = clock_rate / 50, span;
	int err = transcode_new(codec, clock_rate, channels, &handler, &s, &t);

	CHECK_OK(err);
	for (uint32_t i = 0; i < 100; i++)
		if (i < 50 || i >= 55)
			push(t, 0xffffff00u + i * ticks, bytes);
	CHECK_EQ(s.configs, 1);
	CHECK_EQ(s.asc.sample_rate, rate);
	CHECK_EQ(s.asc.channels, channels ? channels : 1);
	span = s.last - s.first;
	CHECK_EQ(span, (uint64_t)(s.frames - 1) * 1024 * clock_rate / rate);
	CHECK(span > 3 * clock_rate / 2 && span < 2 * clock_rate);
	/* Older than what is there: nothing; a leap: it begins anew. */
	span = (uint32_t)s.frames;
	push(t, 0xffffff00u + 90 * ticks, bytes);
	CHECK_EQ(s.frames, span);
	for (uint32_t i = 0; i < 20; i++)
		push(t, 0x40000000u + i * ticks, bytes);
	CHECK((uint32_t)s.frames > span);
	CHECK(s.last - 0x40000000u < clock_rate);
out:
	transcode_free(t);
	return err;
}

static int test_codecs(void)
{
	int err = 0;

	if (!transcode_is_available())
		return 0;
	CHECK_OK(check(MSG_CODEC_PCMU, 8000, 0, 160, 8000));
	CHECK_OK(check(MSG_CODEC_PCMA, 8000, 2, 320, 8000));
	CHECK_OK(check(MSG_CODEC_G722, 8000, 1, 160, 16000));
	CHECK_OK(check(MSG_CODEC_OPUS, 48000, 2, 1, 48000));
out:
	return err;
}

/* Bytes that are no Opus, and packets that are too long for anything. */
static int test_noise(void)
{
	struct transcode *t = NULL;
	struct sink s = { 0 };
	int err;

	if (!transcode_is_available())
		return 0;
	err = transcode_new(MSG_CODEC_OPUS, 48000, 2, &handler, &s, &t);
	CHECK_OK(err);
	for (uint32_t i = 0; i < 300; i++)
		push(t, i * 960, i * 7 % PACKET_MAX);
	transcode_free(t);
	t = NULL;
	err = transcode_new(MSG_CODEC_PCMU, 8000, 1, &handler, &s, &t);
	CHECK_OK(err);
	for (uint32_t i = 0; i < 10; i++)
		push(t, i * PACKET_MAX, PACKET_MAX);
	CHECK(s.frames);
	CHECK_ERR(transcode_new(MSG_CODEC_H264, 90000, 1, &handler, &s, &t),
		  -ENOTSUP);
out:
	transcode_free(t);
	return err;
}

static const struct unit_test tests[] = {
	{ "codecs", test_codecs, 0 },
	{ "noise", test_noise, 0 },
};

int main(int argc, char **argv)
{
	transcode_start();
	return unit_main(tests, ARRAY_SIZE(tests), argc, argv);
}
