/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_REV_JSON_H
#define UPCAST_REV_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/buf.h"
#include "uploader/rev.h"

/*
 * What Rev's answers say. Pure.
 *
 * Names of members are compared without regard to case (Rev is not consistent),
 * unknown ones are passed over, missing ones leave "", 0 or false. Errors:
 * -EBADMSG not JSON or not of the kind asked for, -ENOENT where what is looked
 * for is not in it, -EMSGSIZE too long to be kept, -ENOMEM. Results are written
 * on success only.
 */
enum { REV_ID_SIZE = 64, REV_TOKEN_MAX = 8192, REV_SCROLL_SIZE = 1024 };

/* {"code", "detail"}, or the words of an HTML page or of text. */
struct rev_error {
	char code[64];
	char detail[256];
};
void rev_json_error(const void *data, size_t len, struct rev_error *ret);

/* Login: appends the token. `ret_expires_ms`: since the epoch, 0: unknown. */
int rev_json_login(const void *data, size_t len, struct buf *token,
		   char ret_user_id[REV_ID_SIZE],
		   int64_t *ret_expires_ms) ATTR_MUST_CHECK;
int rev_json_expiration(const void *data, size_t len,
			int64_t *ret_expires_ms) ATTR_MUST_CHECK;

int rev_json_upload(const void *data, size_t len,
		    char ret_id[REV_ID_SIZE]) ATTR_MUST_CHECK;
/* -ENOENT: no playback URL. */
int rev_json_playback_url(const void *data, size_t len, char *dst,
			  size_t size) ATTR_MUST_CHECK;

struct rev_status {
	char word[64];
	bool is_active, is_processing, has_progress;
	double progress;
};
enum rev_phase {
	REV_PHASE_PROCESSING,
	REV_PHASE_READY,
	REV_PHASE_FAILED,
	REV_PHASE_DOUBTFUL, /* Ready, perhaps a false start */
};
int rev_json_status(const void *data, size_t len,
		    struct rev_status *ret) ATTR_MUST_CHECK;
enum rev_phase rev_status_phase(const struct rev_status *s);

/* Who asks, and for what. NULL or "": nothing of the kind. */
struct rev_query {
	const char *mark, *mark_field;
	const char *user, *user_id;
};
int rev_json_details(const void *data, size_t len, const struct rev_query *q,
		     struct rev_video *ret) ATTR_MUST_CHECK;

/* Ids of videos, each once, bounded. */
enum { REV_HITS_MAX = 200 };
struct rev_hits {
	char (*ids)[REV_ID_SIZE];
	size_t count;
	bool overflowed;
};
struct rev_page {
	int status_code; /* 404: the scroll has lapsed */
	char scroll_id[REV_SCROLL_SIZE];
	size_t received, total;
};
/*
 * A page of a search: adds its hits. With `tag` those are left out that say
 * what tags they have and do not have this one ("": none of our marks).
 */
int rev_json_hits(const void *data, size_t len, const char *tag,
		  struct rev_hits *hits, struct rev_page *ret) ATTR_MUST_CHECK;
void rev_hits_release(struct rev_hits *hits);

/* The user of just this name or e-mail address in an object or an array. */
int rev_json_user(const void *data, size_t len, const char *name, bool is_email,
		  char ret_id[REV_ID_SIZE], char *ret_name,
		  size_t name_size) ATTR_MUST_CHECK;
/* users/me: who is it, and may it upload? True where Rev does not say. */
struct rev_me {
	char id[REV_ID_SIZE]; /* "" where Rev does not say */
	char name[256];
	bool can_upload;
};

int rev_json_me(const void *data, size_t len,
		struct rev_me *ret) ATTR_MUST_CHECK;
/* video-fields: is there a custom field of this name? */
int rev_json_has_field(const void *data, size_t len, const char *name,
		       bool *ret) ATTR_MUST_CHECK;

#endif
