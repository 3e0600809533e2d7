/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_REV_PRIV_H
#define UPCAST_REV_PRIV_H

#include "lib/list.h"
#include "lib/secret.h"
#include "uploader/rev.h"
#include "uploader/rev_class.h"
#include "uploader/rev_form.h"
#include "uploader/rev_json.h"
#include "uploader/rev_window.h"
#include "uploader/rev_write.h"

/*
 * Inside uploader/rev: how the files share the work.
 *
 *	rev.c		the account: new, free; the life of a call
 *	rev_send.c	one question to Rev: limits, paths, v1, what a 401 means
 *	rev_session.c	login, extension, "is it alive", the gate
 *	rev_calls.c	the calls of rev.h, step by step
 *	rev_search.c	the call that takes many steps
 *
 * A call asks one question at a time: it names a path, fills in id, query and
 * body, says which function takes the answer, and calls rev_send(). The answer
 * function finds the class in call->result and either asks on or ends the call
 * with rev_finish().
 */
enum rev_path {
	REV_PATH_NONE, /* a session is all that is asked for */
	REV_PATH_LOGIN,
	REV_PATH_AUTHENTICATE,
	REV_PATH_SESSION,
	REV_PATH_EXTEND,
	REV_PATH_EXTEND_USER, /* deprecated, after a password login */
	REV_PATH_EXTEND_KEY,  /* deprecated, after an API-key login */
	REV_PATH_UPLOAD,
	REV_PATH_STATUS,
	REV_PATH_DETAILS,
	REV_PATH_PLAYBACK,
	REV_PATH_SEARCH,
	REV_PATH_PATCH,
	REV_PATH_DELETE,
	REV_PATH_USER,
	REV_PATH_ME,
	REV_PATH_FIELDS,
	REV_PATHS,
};

enum rev_bucket {
	REV_BUCKET_NONE,
	REV_BUCKET_EDITS,
	REV_BUCKET_SEARCHES,
	REV_BUCKET_DETAILS,
	REV_BUCKETS,
};

/* What is known of a path's versions, with api = 0. */
enum rev_version { REV_VERSION_UNKNOWN, REV_VERSION_V1, REV_VERSION_V2 };

/* NULL response: none came, the class says why. */
typedef void rev_answer_fn(struct rev_call *call,
			   const struct http_response *response);

struct rev_search; /* rev_search.c */

struct rev_call {
	struct list node;      /* of rev->calls */
	struct list wait_node; /* of rev->held */
	struct rev *rev;
	struct rev_result result;
	struct loop_task done_task;
	rev_done_fn *done;
	void *arg;

	/* the question under way */
	enum rev_path path;
	struct buf id, query, body; /* id and query: as they go into the URL */
	rev_answer_fn *answer;
	bool is_v1;
	bool is_retry;	     /* after the one new login */
	unsigned generation; /* of the session it was asked with */
	struct http_request *request;
	struct loop_timer limit_timer;

	/* what the calls remember between their questions */
	char *mark, *name;
	bool flag; /* activate: active; find_user: is_email */
	enum rev_patch_form patch_form;
	struct buf details;
	struct rev_form form;
	uint64_t bytes_per_s;
	struct rev_search *search;
	struct rev_video video; /* details */
};

/* One question about the session at a time, and calls are held only for it. */
enum rev_session {
	REV_SESSION_NONE,
	REV_SESSION_LOGIN, /* asked for: held is who needs one */
	REV_SESSION_ALIVE,
	REV_SESSION_CHECK,  /* asked if alive: held is who had a 401 */
	REV_SESSION_LOCKED, /* refused, until rev_unlock() */
	REV_SESSIONS,
};

/* Ready without progress 1, since when: perhaps a false start. */
enum { REV_DOUBTS = 64 };
struct rev_doubt {
	char id[REV_ID_SIZE];
	uint64_t since_ms;
};

struct rev {
	struct loop *loop;
	struct http *http;
	char *base, *host; /* https://host:port; host:port */
	bool use_api_key;
	char *user, *api_key, *mark_field;
	struct secret password, api_secret;
	int api;
	unsigned timeout_ms, upload_timeout_ms;
	struct rev_window windows[REV_BUCKETS];
	enum rev_version versions[REV_PATHS];
	struct list calls;

	/* rev_session.c */
	enum rev_session session;
	struct buf token; /* "Authorization: VBrick ..." */
	char user_id[REV_ID_SIZE];
	unsigned generation; /* how many are over */
	uint64_t ends_ms;    /* by mono_ms() */
	enum rev_path extend_path;
	struct list held; /* until the question is answered */
	struct rev_call *session_call, *extend_call;
	struct loop_timer extend_timer;

	enum { REV_FIELD_UNKNOWN, REV_FIELD_MISSING, REV_FIELD_THERE } field;
	struct rev_doubt doubts[REV_DOUBTS];
	size_t next_doubt;
};

/* rev.c */
int rev_call_new(struct rev *rev, rev_done_fn *done, void *arg,
		 struct rev_call **ret) ATTR_MUST_CHECK;
void rev_call_free(struct rev_call *call);
/* The call ends with its result as it is. */
void rev_finish(struct rev_call *call);
void rev_finish_with(struct rev_call *call, enum rev_class class,
		     const char *fmt, ...) ATTR_PRINTF(3, 4);
struct rev_query rev_query_of(const struct rev *rev, const char *mark);

/* rev_send.c */
void rev_send(struct rev_call *call, enum rev_path path, rev_answer_fn *answer);
/* The same question again: after a login, or when a limit has room. */
void rev_send_again(struct rev_call *call);
/* What the question's answer is, now that the session is known to live. */
void rev_send_deliver(struct rev_call *call);

/* rev_session.c */
int rev_session_init(struct rev *rev) ATTR_MUST_CHECK;
void rev_session_release(struct rev *rev);
/* Where there is no session the call is held, then sent again, or ends. */
bool rev_session_holds(struct rev_call *call);
/* The call had a 401: is the session dead? */
void rev_session_doubt(struct rev_call *call);

/* rev_search.c */
void rev_search_free(struct rev_search *search);

#endif
