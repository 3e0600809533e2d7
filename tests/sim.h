/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SIM_H
#define UPCAST_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/sim_loop.h"
#include "uploader/row.h"

/*
 * The world around the engine, in memory: a share, Rev, and a journal that
 * forgets in a crash what was not durable. Linked in place of source_open.c,
 * rev*.c and journal*.c; everything takes its turn on the loop of
 * tests/sim_loop.h, so that a run is the same each time, and can be stopped
 * after any turn.
 *
 * One world, a static one, so that no allocation of it can fail: sim_reset(),
 * then the tests read and write its fields as they like. sim_release() at the
 * end.
 */
enum {
	SIM_FILES_MAX = 12,
	SIM_FILE_SIZE = 512,
	SIM_VIDEOS_MAX = 24,
	SIM_CALLS_MAX = 32,
	SIM_ROWS_MAX = 12,
	SIM_FAULTS_MAX = 4,
	SIM_ID_SIZE = 37,
	SIM_MARK_SIZE = 64,
};

#define SIM_DIR "spaces/6b0f0c1e-1111-4a5b-9c0d-3e5f70a1b2c3"
#define SIM_STEM "20210618032309-0430"
#define SIM_NAME SIM_STEM ".mp4"

/* What can fail. */
enum sim_verb {
	SIM_NONE,
	SIM_LIST,
	SIM_STAT,
	SIM_OPEN,
	SIM_RENAME,
	SIM_MAY_WRITE,
	SIM_REMOVE,
	SIM_READ,
	SIM_FSTAT,
	SIM_UPLOAD,
	SIM_SEARCH,
	SIM_UNFINISHED,
	SIM_STATUS,
	SIM_DETAILS,
	SIM_URL,
	SIM_ACTIVATE,
	SIM_DELETE,
	SIM_RIGHTS,
	SIM_VERB_COUNT
};

/* The verb fails after `skip` successes, `times` times. */
struct sim_fault {
	enum sim_verb verb;
	const char *path; /* or video id: only where this is in it */
	int skip, times;
	int error;	  /* of the share: a negative errno */
	int class;	  /* of Rev: enum rev_class */
	int status;	  /* of Rev: HTTP, 0: no answer */
	int64_t pause_ms; /* of Rev: REV_LANE */
	bool done;	  /* it is done all the same: the answer was lost */
	bool touch;	  /* the file is written to meanwhile */
};

struct sim_file {
	char dir[64], name[128]; /* "": no file */
	uint8_t data[SIM_FILE_SIZE];
	size_t size;
	int64_t mtime_ns;
	uint64_t fileid;
};

struct sim_video {
	char id[SIM_ID_SIZE], mark[SIM_MARK_SIZE]; /* "": no video, no mark */
	uint8_t data[SIM_FILE_SIZE];
	size_t size;
	uint64_t made_ms;
	bool is_active;
};

struct sim {
	struct loop *loop;
	struct sim_fault faults[SIM_FAULTS_MAX];
	int count[SIM_VERB_COUNT]; /* how often each verb was asked for */

	struct sim_file files[SIM_FILES_MAX];
	uint64_t last_fileid;
	bool share_is_down;

	struct sim_video videos[SIM_VIDEOS_MAX];
	unsigned last_video;
	uint64_t index_lag_ms, processing_ms;
	bool video_fails; /* processing ends badly */
	bool is_stuck;	  /* what was uploaded stays Uploading */
	bool is_limited;  /* uploads wait for their minute */
	bool is_locked;

	struct row rows[SIM_ROWS_MAX]; /* what is durable; id 0: none */
	int64_t next_id, journal_created_s;
	bool disk_is_full;
};

extern struct sim sim;

void sim_reset(struct loop *loop);
void sim_release(void);
/* Does the verb fail now? Counts it. */
const struct sim_fault *sim_fails(enum sim_verb verb, const char *path);
void sim_add_fault(struct sim_fault fault);

/* ---- sim_share.c ---------------------------------------------------- */

/* A whole MP4; `seed` makes its content. */
struct sim_file *sim_put(const char *dir, const char *name, uint8_t seed);
/* Other content, now. */
void sim_write(struct sim_file *file, uint8_t seed);
/* The file with this stem, under any name; NULL: none. */
struct sim_file *sim_find(const char *stem);
void sim_share_goes(void);
void sim_share_comes(void);

/* ---- sim_rev.c ------------------------------------------------------ */

/* A video as an upload of before has left it. */
struct sim_video *sim_add_video(const char *mark, const struct sim_file *file);
struct sim_video *sim_video(const char *id);
size_t sim_count_videos(bool active);

#endif
