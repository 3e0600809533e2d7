/* SPDX-License-Identifier: MIT */
#include "tests/caller/clip.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/buf.h"
#include "streamer/asc.h"

enum { VIDEO_RATE = 90000, TAG_AUDIO = 8, TAG_VIDEO = 9 };

void clip_release(struct clip *c)
{
	free(c->packets);
	free(c->bytes);
	memset(c, 0, sizeof(*c));
}

/* A test program: without memory it ends. */
static void *grow(void *p, size_t need, size_t *size, size_t each)
{
	if (need <= *size)
		return p;
	*size = 2 * need + 64;
	p = realloc(p, *size * each);
	if (!p)
		abort();
	return p;
}

static void put_bytes(struct clip *c, const void *p, size_t n)
{
	c->bytes = grow(c->bytes, c->bytes_len + n, &c->bytes_size, 1);
	memcpy(c->bytes + c->bytes_len, p, n);
	c->bytes_len += n;
}

static struct clip_packet *begin_packet(struct clip *c, enum clip_kind kind,
					uint32_t at_ms, uint32_t rate)
{
	struct clip_packet *p;

	c->packets =
		grow(c->packets, c->count + 1, &c->size, sizeof(*c->packets));
	p = &c->packets[c->count++];
	*p = (struct clip_packet){ .at_us = at_ms * 1000,
				   .kind = (uint8_t)kind,
				   .offset = (uint32_t)c->bytes_len };
	p->ticks = (uint32_t)((uint64_t)at_ms * rate / 1000);
	return p;
}

static void end_packet(struct clip *c)
{
	struct clip_packet *p = &c->packets[c->count - 1];

	p->len = (uint16_t)(c->bytes_len - p->offset);
}

/* ---- video ------------------------------------------------------------- */

/* avcC: the parameter sets become one STAP-A. */
static void take_avcc(struct clip *c, const uint8_t *p, size_t len)
{
	size_t at = 6, n;

	if (len < 7)
		return;
	snprintf(c->profile, sizeof(c->profile), "%02x%02x%02x", p[1], p[2],
		 p[3]);
	c->nal_size = (p[4] & 3u) + 1;
	c->sets[0] = 24 | 0x60;
	c->sets_len = 1;
	for (int kind = 0, left = p[5] & 0x1f; kind < 2; left--) {
		if (!left) {
			left = p[at++] + 1;
			kind++;
			continue;
		}
		n = 2 + buf_get_u16(p + at);
		if (at + n > len || c->sets_len + n > sizeof(c->sets))
			return;
		memcpy(c->sets + c->sets_len, p + at, n);
		c->sets_len += n;
		at += n;
		if (at >= len)
			return;
	}
}

static void put_nal(struct clip *c, const uint8_t *nal, size_t len,
		    uint32_t at_ms)
{
	uint8_t fu[2] = { (nal[0] & 0xe0) | 28, (nal[0] & 0x1f) | 0x80 };

	if (len <= CLIP_MTU) {
		begin_packet(c, CLIP_VIDEO, at_ms, VIDEO_RATE);
		put_bytes(c, nal, len);
		end_packet(c);
		return;
	}
	for (nal++, len--; len;) {
		size_t n = len < CLIP_MTU - 2 ? len : CLIP_MTU - 2;

		if (n == len)
			fu[1] |= 0x40;
		begin_packet(c, CLIP_VIDEO, at_ms, VIDEO_RATE);
		put_bytes(c, fu, 2);
		put_bytes(c, nal, n);
		end_packet(c);
		fu[1] &= 0x1f;
		nal += n;
		len -= n;
	}
}

static void take_picture(struct clip *c, const uint8_t *p, size_t len, bool key,
			 uint32_t at_ms)
{
	size_t first = c->count;

	if (key) {
		begin_packet(c, CLIP_VIDEO, at_ms, VIDEO_RATE);
		put_bytes(c, c->sets, c->sets_len);
		end_packet(c);
	}
	while (len > 4) {
		size_t n = buf_get_u32(p);

		if (!n || n > len - 4)
			break;
		put_nal(c, p + 4, n, at_ms);
		p += 4 + n;
		len -= 4 + n;
	}
	if (c->count == first)
		return;
	c->packets[first].key = key;
	c->packets[c->count - 1].marker = true;
}

/* ---- audio ------------------------------------------------------------- */

static void put_bits(uint8_t *dst, size_t *pos, unsigned n, uint32_t v)
{
	for (; n; n--, ++*pos)
		if (v >> (n - 1) & 1)
			dst[*pos / 8] |= 0x80u >> *pos % 8;
}

/* AudioMuxElement with StreamMuxConfig in band, as the original's offer. */
static void put_latm(struct clip *c, const uint8_t *frame, size_t len,
		     uint32_t at_ms)
{
	uint8_t out[CLIP_PACKET_MAX] = { 0 };
	size_t pos = 0, left;

	if (len > CLIP_MTU)
		return;
	put_bits(out, &pos, 2, 0); /* new configuration, version 0 */
	put_bits(out, &pos, 1, 1);
	put_bits(out, &pos, 13, 0);
	put_bits(out, &pos, 16, buf_get_u16(c->asc)); /* of AAC-LC: 16 bits */
	put_bits(out, &pos, 3, 0);
	put_bits(out, &pos, 8, 0xff);
	put_bits(out, &pos, 2, 0);
	for (left = len; left >= 255; left -= 255)
		put_bits(out, &pos, 8, 255);
	put_bits(out, &pos, 8, (uint32_t)left);
	for (size_t i = 0; i < len; i++)
		put_bits(out, &pos, 8, frame[i]);
	begin_packet(c, CLIP_LATM, at_ms, c->audio_rate);
	put_bytes(c, out, (pos + 7) / 8);
	end_packet(c);
	c->packets[c->count - 1].marker = true;
}

static void put_hbr(struct clip *c, const uint8_t *frame, size_t len,
		    uint32_t at_ms)
{
	uint8_t head[4] = { 0, 16 };

	if (len > CLIP_MTU)
		return;
	buf_put_u16(head + 2, (uint16_t)(len << 3));
	begin_packet(c, CLIP_HBR, at_ms, c->audio_rate);
	put_bytes(c, head, sizeof(head));
	put_bytes(c, frame, len);
	end_packet(c);
	c->packets[c->count - 1].marker = true;
}

static void take_asc(struct clip *c, const uint8_t *p, size_t len)
{
	struct asc asc;

	if (len > sizeof(c->asc) || asc_parse(p, len, &asc))
		return;
	memcpy(c->asc, p, len);
	c->asc_len = len;
	c->audio_rate = asc.sample_rate;
	c->audio_channels = asc.channels;
}

/* ---- FLV --------------------------------------------------------------- */

static void take_tag(struct clip *c, unsigned type, const uint8_t *p,
		     size_t len, uint32_t at_ms)
{
	if (at_ms * 1000 > c->duration_us)
		c->duration_us = at_ms * 1000;
	if (type == TAG_VIDEO && len > 5 && (p[0] & 15) == 7) {
		if (!p[1])
			take_avcc(c, p + 5, len - 5);
		else if (p[1] == 1)
			take_picture(c, p + 5, len - 5, p[0] >> 4 == 1, at_ms);
	} else if (type == TAG_AUDIO && len > 2 && p[0] >> 4 == 10) {
		if (!p[1]) {
			take_asc(c, p + 2, len - 2);
		} else if (c->audio_rate) {
			put_latm(c, p + 2, len - 2, at_ms);
			put_hbr(c, p + 2, len - 2, at_ms);
		}
	}
}

static int take_flv(struct clip *c, const struct buf *b)
{
	for (size_t at = 13; at + 11 <= b->len;) {
		const uint8_t *p = b->data + at;
		size_t len = buf_get_u24(p + 1);

		if (at + 11 + len > b->len)
			break;
		take_tag(c, p[0], p + 11, len,
			 buf_get_u24(p + 4) | (uint32_t)p[7] << 24);
		at += 11 + len + 4;
	}
	return c->count && c->sets_len ? 0 : -EIO;
}

static int read_all(const char *path, struct buf *b)
{
	const char *argv[] = { "ffmpeg", "-v",	"error",  "-nostdin",
			       "-i",	 path,	"-c",	  "copy",
			       "-f",	 "flv", "pipe:1", NULL };
	uint8_t block[65536];
	int fd[2], err = 0, status = 0;
	ssize_t n;
	pid_t pid;

	if (pipe(fd))
		return -errno;
	pid = fork();
	if (!pid) {
		dup2(fd[1], 1);
		execvp(argv[0], (char *const *)(const void *)argv);
		_exit(127);
	}
	close(fd[1]);
	while (!err && (n = read(fd[0], block, sizeof(block))) > 0)
		err = buf_add(b, block, (size_t)n);
	close(fd[0]);
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
		return -EIO;
	return err;
}

/* The order of their times, and as they were where those are the same. */
static int compare(const void *a, const void *b)
{
	const struct clip_packet *x = a, *y = b;

	if (x->at_us != y->at_us)
		return x->at_us < y->at_us ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

int clip_load(const char *path, struct clip *ret)
{
	struct buf b;
	int err;

	memset(ret, 0, sizeof(*ret));
	buf_init(&b, 512 << 20);
	err = read_all(path, &b);
	if (!err)
		err = take_flv(ret, &b);
	buf_release(&b);
	if (err) {
		fprintf(stderr, "caller: %s: no H.264 in it that can be read\n",
			path);
		clip_release(ret);
		return err;
	}
	qsort(ret->packets, ret->count, sizeof(*ret->packets), compare);
	ret->duration_us += 40000;
	return 0;
}
