/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SETTLE_H
#define UPCAST_SETTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "uploader/mp4.h"
#include "uploader/source.h"

/*
 * Has a file stopped growing? Pure: attributes, the verdict
 * of an MP4 walk and times come in, a decision and a sentence come out.
 *
 * A file is settled once its size, mtime and ctime have been the same in at
 * least two looks and for the settle time, and it is a whole MP4. One that
 * carries no mark of its end (MP4_OPEN) waits for the longer time. A file that
 * is not whole although nothing changes is walked again, more and more rarely:
 * some servers answer from stale attributes. A crowd of such files shares its
 * walks: each of them waits so long that all together cost next to nothing.
 *
 *	settle_init(&s);
 *	each look:	settle_see(&s, &attr, mono_ms());
 *	then:		settle_check(&s, &config, mono_ms(), &result);
 *	SETTLE_WALK:	walk the file, fstat it, then
 *			settle_walked(&s, &attr, &mp4, mono_ms()), check again
 *
 * The file id is not compared: some servers give a new one at each mount, and
 * no file is replaced without a new ctime. All times are monotonic
 * milliseconds; the server's clock is compared with itself only.
 */
struct settle_config {
	uint64_t settle_ms;	/* settle_time */
	uint64_t fragmented_ms; /* fragmented_settle_time */
	size_t crowd;		/* files that settle just now */
};

/*
 * The rest between two walks of a file that stays incomplete, and between two
 * walks of any files of a crowd.
 */
enum {
	SETTLE_WALK_MIN_MS = 10000,
	SETTLE_WALK_MAX_MS = 600000,
	SETTLE_WALK_EACH_MS = 250,
};

enum settle_change { SETTLE_FIRST, SETTLE_SIZE, SETTLE_TIME };

struct settle {
	struct source_attr attr;
	enum settle_change change; /* what was new at `changed_ms` */
	uint64_t changed_ms;
	unsigned looks; /* since then, with equal attributes */
	bool is_walked; /* `verdict` belongs to `attr` */
	enum mp4_verdict verdict;
	char why[MP4_WHY_MAX];
	uint64_t duration_ms;
	uint64_t walked_ms;
	uint64_t rest_ms; /* until the next walk */
};

enum settle_state {
	SETTLE_WAIT,
	SETTLE_WALK, /* unchanged long enough: walk its boxes now */
	SETTLE_DONE,
};

struct settle_result {
	enum settle_state state;
	uint64_t next_ms; /* WAIT: look again by then, or at the next scan */
	char why[192];	  /* WAIT and WALK */
};

void settle_init(struct settle *s);

/* A look at the file. Does it differ from the last one? */
bool settle_see(struct settle *s, const struct source_attr *attr,
		uint64_t now_ms);

/*
 * The walk has come to a verdict, and the file had `attr` after its last byte:
 * if that is not what was seen before, the verdict is void.
 */
void settle_walked(struct settle *s, const struct source_attr *attr,
		   const struct mp4 *mp4, uint64_t now_ms);

void settle_check(const struct settle *s, const struct settle_config *config,
		  uint64_t now_ms, struct settle_result *ret);

/* Do the attributes say that it is the same file, untouched? */
bool settle_is_same(const struct source_attr *a, const struct source_attr *b);

#endif
