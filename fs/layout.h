/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_FS_LAYOUT_H
#define UPCAST_FS_LAYOUT_H

#include <stddef.h>

/*
 * Which files each kind of folder has: the tables behind the tree, its README
 * and the check that upcast-fs(1) is complete. A file's index in its table is
 * also the index of its value in `struct facts`. Pure.
 */
enum layout_kind {
	LAYOUT_FACT,   /* the value of `key`, a line */
	LAYOUT_ID,     /* the object's id */
	LAYOUT_STATE,  /* of a daemon: its word, or that it does not run */
	LAYOUT_WHY,    /* of a daemon: its sentence, or since when not */
	LAYOUT_UPTIME, /* of a daemon, in seconds */
	LAYOUT_LASTED, /* of a call: `key`, or the seconds since it started */
	LAYOUT_CTL,    /* takes commands */
	LAYOUT_README,
	LAYOUT_VERSION,
	LAYOUT_SUMMARY,
	LAYOUT_METRICS,
	LAYOUT_CALLS,	   /* a table of all calls */
	LAYOUT_RECORDINGS, /* a table of the recordings */
	LAYOUT_QUEUE,	   /* a picture of the last day */
	LAYOUT_PAGE,
	LAYOUT_EVENTS,
	LAYOUT_STREAM, /* not listed */
};

/* As many files as a folder may have: the inode numbers leave six bits. */
enum { LAYOUT_FILES = 36 };

struct layout_file {
	const char *name;
	enum layout_kind kind;
	const char *key;  /* in the snapshot and in the counters */
	const char *help; /* for README */
};

struct layout {
	const struct layout_file *files;
	size_t count;
};

extern const struct layout layout_root, layout_streamer, layout_uploader,
	layout_call, layout_recording;

/* The states that have a folder from the start; NULL at the end. */
extern const char *const layout_call_states[], *const layout_job_states[];

/* The index of the file of that name, or -1. */
int layout_find(const struct layout *layout, const char *name);
/* The index of the file with that key, or -1. */
int layout_find_key(const struct layout *layout, const char *key);

#endif
