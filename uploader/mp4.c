/* SPDX-License-Identifier: MIT */
#include "uploader/mp4.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/attr.h"
#include "lib/buf.h"

enum {
	HEADER_MIN = 8,	 /* size and type */
	HEADER_MAX = 16, /* and the 64-bit size */
	MVHD_NEED = 32,	 /* of its body, to the duration of version 1 */
};

#define BOX(a, b, c, d)                                                        \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))

/* A box header; `end` is where the next one begins. */
struct box {
	uint32_t type;
	char name[5];
	uint64_t body, end;
	bool is_to_end;
};

static void conclude(struct mp4 *m, enum mp4_verdict verdict, const char *fmt,
		     ...) ATTR_PRINTF(3, 4);

static void conclude(struct mp4 *m, enum mp4_verdict verdict, const char *fmt,
		     ...)
{
	va_list ap;

	m->verdict = verdict;
	va_start(ap, fmt);
	vsnprintf(m->why, sizeof(m->why), fmt, ap);
	va_end(ap);
}

static bool is_filler(uint32_t type)
{
	return type == BOX('f', 'r', 'e', 'e') ||
	       type == BOX('s', 'k', 'i', 'p') ||
	       type == BOX('w', 'i', 'd', 'e') ||
	       type == BOX('u', 'u', 'i', 'd');
}

/* Box types that a file of this family may begin with. */
static bool may_begin(uint32_t type)
{
	return is_filler(type) || type == BOX('f', 't', 'y', 'p') ||
	       type == BOX('s', 't', 'y', 'p') ||
	       type == BOX('p', 'd', 'i', 'n') ||
	       type == BOX('m', 'o', 'o', 'v') ||
	       type == BOX('m', 'd', 'a', 't');
}

/* Types are printable ASCII, or 0xa9 first (QuickTime's user data). */
static bool is_type(const uint8_t *p)
{
	for (int i = 0; i < 4; i++)
		if ((p[i] < 0x20 || p[i] > 0x7e) && !(i == 0 && p[i] == 0xa9))
			return false;
	return true;
}

static void name_box(struct box *box, const uint8_t *p)
{
	for (int i = 0; i < 4; i++)
		box->name[i] = (char)(p[i] < 0x80 ? p[i] : '?');
	box->name[4] = '\0';
}

/* Where the box that the walk is in ends: moov, or the file. */
static uint64_t limit_of(const struct mp4 *m)
{
	return m->moov_end ? m->moov_end : m->size;
}

/* Is there a box at all? False: the verdict is there. */
static bool check_type(struct mp4 *m, const uint8_t *p)
{
	uint32_t type = buf_get_u32(p + 4);

	if (type == 0 && buf_get_u32(p) == 0)
		conclude(m, MP4_INCOMPLETE,
			 "zeros at byte %" PRIu64 ", not written yet", m->at);
	else if (m->at == 0 && !may_begin(type))
		conclude(m, MP4_OTHER, "not an MP4");
	else if (!is_type(p + 4))
		conclude(m, MP4_INCOMPLETE, "no box at byte %" PRIu64, m->at);
	return m->verdict == MP4_MORE;
}

/*
 * Reads the header at `p`; `n` bytes are there, the 16 of the long form unless
 * the file ends before. False: the verdict is there.
 */
static bool read_header(struct mp4 *m, const uint8_t *p, size_t n,
			struct box *box)
{
	uint64_t left = limit_of(m) - m->at, header = HEADER_MIN;
	uint64_t size = buf_get_u32(p);

	if (!check_type(m, p))
		return false;
	box->type = buf_get_u32(p + 4);
	name_box(box, p + 4);
	box->is_to_end = size == 0;
	if (box->is_to_end)
		size = left;
	if (size == 1) {
		header = HEADER_MAX;
		size = n >= HEADER_MAX ? buf_get_u64(p + 8) : 0;
	}
	if (size < header)
		conclude(m, MP4_INCOMPLETE,
			 "box '%s' at byte %" PRIu64 " has no valid size",
			 box->name, m->at);
	else if (size > left)
		conclude(m, MP4_INCOMPLETE,
			 "box '%s' ends %" PRIu64 " bytes past the %s",
			 box->name, size - left,
			 m->moov_end ? "end of moov" : "end");
	box->body = m->at + header;
	box->end = m->at + size;
	return m->verdict == MP4_MORE;
}

/* The duration, ISO/IEC 14496-12 section 8.2.2; all ones: unknown. */
static void read_mvhd(struct mp4 *m, const uint8_t *p, size_t n)
{
	uint64_t scale, duration;

	m->has_mvhd = true;
	if (n >= MVHD_NEED && p[0] == 1) {
		scale = buf_get_u32(p + 20);
		duration = buf_get_u64(p + 24);
	} else if (n >= 20 && p[0] == 0) {
		scale = buf_get_u32(p + 12);
		duration = buf_get_u32(p + 16);
		if (duration == UINT32_MAX)
			return;
	} else {
		return;
	}
	if (scale == 0 || duration > UINT64_MAX / 1000)
		return;
	m->duration_ms = duration * 1000 / scale;
}

static void enter_moov(struct mp4 *m, const struct box *box)
{
	m->has_moov = true;
	m->moov_end = box->end;
	m->at = box->body;
}

/* At the end of moov, the walk goes on behind it. */
static void leave_moov(struct mp4 *m)
{
	m->at = m->moov_end;
	m->moov_end = 0;
	if (!m->has_mvhd)
		conclude(m, MP4_INCOMPLETE, "the moov box has no mvhd");
}

static void visit_top(struct mp4 *m, const struct box *box)
{
	m->is_open = box->is_to_end;
	m->at = box->end;
	switch (box->type) {
	case BOX('m', 'o', 'o', 'v'):
		enter_moov(m, box);
		break;
	case BOX('m', 'd', 'a', 't'):
		m->has_mdat = true;
		m->wants_mdat = m->is_closed = false;
		break;
	case BOX('m', 'o', 'o', 'f'):
		m->has_moof = m->wants_mdat = true;
		m->is_closed = false;
		break;
	case BOX('m', 'f', 'r', 'a'):
		m->is_closed = true;
		break;
	}
}

static void visit_in_moov(struct mp4 *m, const struct box *box,
			  const uint8_t *body, size_t n)
{
	uint64_t have = box->end - box->body;

	if (box->type == BOX('m', 'v', 'h', 'd'))
		read_mvhd(m, body, n < have ? n : (size_t)have);
	else if (box->type == BOX('m', 'v', 'e', 'x'))
		m->has_mvex = true;
	m->at = box->end;
}

/* All boxes add up to the length: what do they make? */
static void conclude_at_end(struct mp4 *m)
{
	if (!m->has_moov)
		conclude(m, MP4_INCOMPLETE, "no moov box yet");
	else if (!m->has_mdat)
		conclude(m, MP4_INCOMPLETE, "no media (mdat box) yet");
	else if (m->wants_mdat)
		conclude(m, MP4_INCOMPLETE,
			 "the last fragment has no media yet");
	else if (m->is_open)
		conclude(m, MP4_OPEN, "the last box has no length of its own");
	else if (m->has_moof && m->is_closed)
		conclude(m, MP4_FRAGMENTED, "%s", "");
	else if (m->has_moof || m->has_mvex)
		conclude(m, MP4_OPEN, "fragmented, no closing mfra box");
	else
		conclude(m, MP4_WHOLE, "%s", "");
}

/* Bytes that the walk needs at `at`, given that there is more to the file. */
static size_t need_of(const struct mp4 *m)
{
	uint64_t left = limit_of(m) - m->at;
	size_t need = m->moov_end ? HEADER_MAX + MVHD_NEED : HEADER_MAX;

	return left < need ? (size_t)left : need;
}

/* Goes on as far as no more bytes are needed: ends, and stumps of a box. */
static void settle_ends(struct mp4 *m)
{
	if (m->verdict == MP4_MORE && m->moov_end && m->at == m->moov_end)
		leave_moov(m);
	if (m->verdict != MP4_MORE)
		return;
	if (m->at == m->size)
		conclude_at_end(m);
	else if (limit_of(m) - m->at < HEADER_MIN)
		conclude(m, MP4_INCOMPLETE, "%" PRIu64 " bytes of a box only",
			 limit_of(m) - m->at);
	else if (m->boxes == MP4_BOXES_MAX)
		conclude(m, MP4_INCOMPLETE, "more than %d boxes",
			 MP4_BOXES_MAX);
}

void mp4_init(struct mp4 *m, uint64_t size)
{
	memset(m, 0, sizeof(*m));
	m->size = size;
	if (size == 0)
		conclude(m, MP4_INCOMPLETE, "empty");
	settle_ends(m);
}

bool mp4_wants(const struct mp4 *m, uint64_t *ret_offset, size_t *ret_n)
{
	uint64_t left = m->size - m->at;

	if (m->verdict != MP4_MORE)
		return false;
	*ret_offset = m->at;
	*ret_n = left < MP4_WANT ? (size_t)left : MP4_WANT;
	return true;
}

void mp4_feed(struct mp4 *m, uint64_t offset, const uint8_t *data, size_t n)
{
	struct box box;

	if (m->verdict == MP4_MORE &&
	    (m->at < offset || m->at - offset > n ||
	     n - (size_t)(m->at - offset) < need_of(m)))
		conclude(m, MP4_INCOMPLETE, "the file got shorter");
	while (m->verdict == MP4_MORE && m->at - offset <= n &&
	       n - (size_t)(m->at - offset) >= need_of(m)) {
		const uint8_t *p = data + (m->at - offset);
		size_t have = n - (size_t)(m->at - offset);
		bool in_moov = m->moov_end != 0;

		if (!read_header(m, p, have, &box))
			return;
		m->boxes++;
		if (in_moov)
			visit_in_moov(m, &box, p + (box.body - m->at),
				      have - (size_t)(box.body - m->at));
		else
			visit_top(m, &box);
		settle_ends(m);
	}
}
