/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_REV_H
#define UPCAST_REV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/http.h"
#include "lib/loop.h"
#include "lib/secret.h"

/*
 * Client of one Vbrick Rev account: session, upload, search for a mark, status,
 * activation, users. Nothing is retried here but the one new login that a dead
 * session asks for (an upload's bytes are gone by then: it ends in
 * REV_TRANSIENT and the next call logs in).
 *
 * The session: logs in before the first call that needs it, extends before it
 * ends, and on a 401 asks GET user/session: alive means that the answer stands
 * (REV_REFUSED), dead means one new login and the call once more. A refused
 * login closes the session's gate: every call then ends in REV_LOCKED without
 * touching the network until rev_unlock() (accounts lock after a few tries).
 *
 * Rev's published limits are kept: a call waits here, without blocking, until
 * its minute has room. A 429 all the same is REV_LANE.
 *
 * Life cycle: rev_new(), calls, rev_free(). A call ends in exactly one call of
 * its function, on the loop, never from inside the call, unless rev_cancel().
 * The function may do anything but rev_free(); what it is given lives until it
 * returns.
 */
struct rev;
struct rev_call;

struct rev_config {
	const char *host;
	unsigned port;
	bool use_api_key;
	const char *user; /* Rev user name: also the `uploader` of a video */
	const struct secret *password;
	const char *api_key;
	const struct secret *api_secret;
	const char *trust, *proxy; /* settings rev_trust, rev_proxy */
	int api; /* 0: v2, v1 where a path answers 404 or 405; 1: v1; 2: v2 */
	unsigned timeout_ms, upload_timeout_ms;
	unsigned uploads_per_minute; /* uploads, edits, deletions */
	unsigned searches_per_minute;
	const char *mark_field; /* custom field, "" for none */
};

/* What an answer means to a job: which class of failure it is. */
enum rev_class {
	REV_OK,
	REV_TRANSIENT, /* network, 502, 503, 504, 500 without a known code */
	REV_LANE,      /* 429, quota, 503 with Retry-After: the account pauses
			* for `pause_ms` */
	REV_LOCKED,    /* login refused: the account waits for a person */
	REV_REFUSED, /* permanent for this job: 400, 403, 413, 500 with code */
	REV_GONE,    /* no such video or user (401 with a live session, 404) */
};

struct rev_result {
	enum rev_class class;
	int status;	  /* HTTP status of the last answer, 0: none */
	char code[64];	  /* Rev's `code`, "" if none */
	int64_t pause_ms; /* REV_LANE: how long */
	bool sent_all;	  /* upload: the body went out whole, so that a video
			   * may exist although the answer is not known */
	struct err why;	  /* sentence for people; "" when REV_OK */

	char video_id[64]; /* upload */
	char playback_url[1024];
	const struct rev_video *videos; /* search; details: one */
	size_t video_count;
	bool search_complete; /* all pages were seen */
	char user_id[64];     /* find_user, rights ("" if Rev does not say) */
	char user_name[256];
	bool processing, ready, failed; /* status: exactly one */
	bool is_active;
	double progress; /* status: 0..1 */
	char status_word[64];
	bool can_upload;     /* rights */
	bool has_mark_field; /* rights: Rev knows mark_field, or none is set */
};

/* A video as search or details tell. */
struct rev_video {
	char id[64];
	bool is_active;
	bool has_mark;	  /* details: the mark asked for is on it */
	char mark[64];	  /* details: the first mark of any upload on it:
			   * "upcast-" and hex digits; "" if none */
	bool owned_by_us; /* uploader or editor is our account */
	char title[512];
	int64_t uploaded_s;
	char status_word[64];
	bool has_failed; /* details: nothing more will become of it */
};

typedef void rev_done_fn(void *arg, const struct rev_result *result);

struct rev_viewer {
	char *id; /* Rev user id */
	bool can_edit;
};

/*
 * What is uploaded beside the bytes. All text UTF-8; NULL leaves a field out.
 */
struct rev_metadata {
	const char *title, *description;
	const char *owner_id; /* Rev user id; NULL: the uploader */
	const char *access;   /* "Private", "Public", "AllUsers" */
	const struct rev_viewer *viewers;
	size_t viewer_count;
	const char *categories, *tags; /* by commas */
	const char *mark;	       /* becomes a tag and the custom field */
	const char *file_name;	       /* plain ASCII, .mp4 */
	bool active, comments, ratings, downloads;
};

int rev_new(struct loop *loop, const struct rev_config *config,
	    struct rev **ret, struct err *err) ATTR_MUST_CHECK;
void rev_free(struct rev *rev);

/* Logs in if there is no session: for --probe and the start. */
int rev_login(struct rev *rev, rev_done_fn *done, void *arg,
	      struct rev_call **ret) ATTR_MUST_CHECK;
/* A person says that the account is right again. */
void rev_unlock(struct rev *rev);
bool rev_is_locked(const struct rev *rev);

/*
 * Uploads `size` bytes that `body` gives, whole, multipart, on a connection of
 * its own, with Content-Length. Metadata first; they are copied. Our account is
 * among the editors, so that it may activate the video whoever owns it. `body`
 * may call rev_upload_resume() and nothing else.
 */
int rev_upload(struct rev *rev, const struct rev_metadata *metadata,
	       uint64_t size, http_body_fn *body, void *body_arg,
	       uint64_t bytes_per_s, rev_done_fn *done, void *arg,
	       struct rev_call **ret) ATTR_MUST_CHECK;
void rev_upload_resume(struct rev_call *call);
void rev_upload_set_speed(struct rev_call *call, uint64_t bytes_per_s);

/*
 * Every video that carries the mark, each confirmed by its details (a search
 * may return strangers: an unknown field is ignored by Rev). Active or not,
 * listed or not; by tag, and by mark_field where Rev knows it.
 */
int rev_search_mark(struct rev *rev, const char *mark, rev_done_fn *done,
		    void *arg, struct rev_call **ret) ATTR_MUST_CHECK;
/*
 * The inactive videos of this account that carry a mark of any upload, with
 * that mark: what is unfinished, and what a lost answer has left. At most some
 * two hundred; `search_complete` says whether there are more.
 */
int rev_list_unfinished(struct rev *rev, rev_done_fn *done, void *arg,
			struct rev_call **ret) ATTR_MUST_CHECK;
/*
 * Right after an upload Rev may say Ready for a moment: that is `processing`
 * until its progress is 1, or until it still says so some time later.
 */
int rev_get_status(struct rev *rev, const char *video_id, rev_done_fn *done,
		   void *arg, struct rev_call **ret) ATTR_MUST_CHECK;
int rev_get_details(struct rev *rev, const char *video_id, const char *mark,
		    rev_done_fn *done, void *arg,
		    struct rev_call **ret) ATTR_MUST_CHECK;
int rev_get_playback_url(struct rev *rev, const char *video_id,
			 rev_done_fn *done, void *arg,
			 struct rev_call **ret) ATTR_MUST_CHECK;
/*
 * One PATCH: sets IsActive and removes the mark (tag and field). What is so
 * already is not asked for again.
 */
int rev_activate(struct rev *rev, const char *video_id, const char *mark,
		 bool active, rev_done_fn *done, void *arg,
		 struct rev_call **ret) ATTR_MUST_CHECK;
int rev_delete(struct rev *rev, const char *video_id, rev_done_fn *done,
	       void *arg, struct rev_call **ret) ATTR_MUST_CHECK;
/* By user name or e-mail address; exact match only; cached by the caller. */
int rev_find_user(struct rev *rev, const char *name, bool is_email,
		  rev_done_fn *done, void *arg,
		  struct rev_call **ret) ATTR_MUST_CHECK;
/* users/me: may this account upload? Checks mark_field too (video-fields). */
int rev_get_rights(struct rev *rev, rev_done_fn *done, void *arg,
		   struct rev_call **ret) ATTR_MUST_CHECK;

/*
 * Does the call wait for its minute to have room? Then the sentence that says
 * so, else NULL.
 */
const char *rev_limit_why(const struct rev_call *call);

void rev_cancel(struct rev_call *call);

#endif
