/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_MP4_H
#define UPCAST_MP4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Is an MP4 file whole? Walks its boxes (ISO/IEC 14496-12 section 4.2) without
 * reading more than their headers. Pure: the caller fetches the bytes.
 *
 * Whole means that the top-level boxes add up to the length, that there are a
 * moov box and media, and that nothing is missing from what they announce. A
 * fragmented file looks so after every fragment: only a closing mfra box says
 * that it is done. The same is true where the last box is of size 0 ("to the
 * end of the file"). Both are MP4_OPEN without that proof.
 *
 * Bounded against hostile files: MP4_BOXES_MAX headers.
 *
 *	mp4_init(&m, size);
 *	while (mp4_wants(&m, &offset, &n))
 *		mp4_feed(&m, offset, buf, pread(fd, buf, n, offset));
 *	use(m.verdict, m.why, m.duration_ms);
 *
 * No life cycle: a struct of plain values.
 */
enum mp4_verdict {
	MP4_MORE, /* wants bytes */
	MP4_WHOLE,
	MP4_FRAGMENTED, /* fragments, closed by mfra: whole */
	MP4_OPEN,	/* may still grow: nothing marks the end */
	MP4_INCOMPLETE, /* `why` says what is missing */
	MP4_OTHER,	/* not an MP4 */
};

enum {
	MP4_WANT = 4096, /* bytes asked for at a time, at most */
	MP4_BOXES_MAX = 2000000,
	MP4_WHY_MAX = 96,
};

struct mp4 {
	enum mp4_verdict verdict;
	char why[MP4_WHY_MAX]; /* OPEN, INCOMPLETE, OTHER */
	uint64_t duration_ms;  /* what mvhd says, 0: unknown */

	/* The walk's own: */
	uint64_t size;	   /* of the file */
	uint64_t at;	   /* the next box header */
	uint64_t moov_end; /* inside moov: its end, else 0 */
	uint32_t boxes;
	bool has_moov, has_mvhd, has_mvex, has_moof, has_mdat;
	bool is_closed;	 /* mfra, and no media behind it */
	bool wants_mdat; /* moof without its mdat yet */
	bool is_open;	 /* a box of size 0 ended the walk */
};

/* An empty file has its verdict at once. */
void mp4_init(struct mp4 *m, uint64_t size);

/* What to read next; false once there is a verdict. */
bool mp4_wants(const struct mp4 *m, uint64_t *ret_offset, size_t *ret_n);

/*
 * Takes bytes of the file from `offset` on: at least what mp4_wants() asked
 * for, more is welcome. Fewer mean that the file ended early: MP4_INCOMPLETE.
 */
void mp4_feed(struct mp4 *m, uint64_t offset, const uint8_t *data, size_t n);

#endif
