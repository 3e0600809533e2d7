/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_RECORDING_H
#define UPCAST_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"

/*
 * The names that a recorder and an uploader give on the share. Pure.
 *
 *	spaces/<space id>/20210618032309+0000.mp4
 *	forwardedCalls/.../20210618032309-0430_vid-id=<video id>@vbrick.mp4
 *
 * The digits are the local time at which the recording began, the rest is its
 * distance from UTC (here 4 h 30 min behind). The second form is a recording
 * that has been uploaded: the name is the hand-over record.
 *
 * Fixed words and ids are read in either case, as a Windows server may return
 * them; digits stay as they are. A stem is what stands before the mark or the
 * extension, and never changes during the life of a recording.
 */
enum {
	RECORDING_STEM_MAX = 20, /* "YYYYMMDDhhmmss+hhmm" with its NUL */
	RECORDING_ID_MAX = 37,	 /* a GUID with its NUL */
	RECORDING_NAME_MAX = 96, /* the longest name we write, with its NUL */
};

enum recording_kind {
	RECORDING_OTHER,    /* not ours to look at */
	RECORDING_HIDDEN,   /* hidden, or under a name of a work in progress */
	RECORDING_STRANGE,  /* an .mp4 that no recorder names so: never sent */
	RECORDING_NEW,	    /* waits to be uploaded */
	RECORDING_UPLOADED, /* carries the id of its video */
};

struct recording {
	enum recording_kind kind;
	/* NEW and UPLOADED: */
	char stem[RECORDING_STEM_MAX];
	int64_t time_s;	    /* when it began, Unix time */
	int utc_offset_min; /* of the recorder's clock, east is positive */
	/* UPLOADED, in lower case: */
	char video_id[RECORDING_ID_MAX];
};

/* Sorts one file name (without its directory). Every name has a kind. */
void recording_parse(const char *name, struct recording *ret);

/*
 * The name after the upload. -EINVAL unless both are of the form above: what
 * cannot be read back is never written.
 */
int recording_format_uploaded(const char *stem, const char *video_id,
			      char dst[RECORDING_NAME_MAX]) ATTR_MUST_CHECK;
/* The name while new, as the recorder writes it. */
int recording_format_new(const char *stem,
			 char dst[RECORDING_NAME_MAX]) ATTR_MUST_CHECK;

/* Directories, as paths below the root of the source. */
enum recording_dir_kind {
	RECORDING_DIR_OTHER,	 /* not to be looked into */
	RECORDING_DIR_ROOT,	 /* "": holds the two below */
	RECORDING_DIR_SPACES,	 /* "spaces": holds a folder per space */
	RECORDING_DIR_SPACE,	 /* holds recordings */
	RECORDING_DIR_FORWARDED, /* holds recordings and more folders */
};

/* Folders below forwardedCalls that are looked into. */
enum { RECORDING_FORWARDED_DEPTH_MAX = 4 };

struct recording_dir {
	enum recording_dir_kind kind;
	char space_id[RECORDING_ID_MAX]; /* SPACE, in lower case */
};

void recording_parse_dir(const char *path, struct recording_dir *ret);

#endif
