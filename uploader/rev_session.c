/* SPDX-License-Identifier: MIT */
#include "uploader/rev_priv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/mono.h"
#include "lib/str.h"

enum {
	LIFE_UNKNOWN_MS = 300000, /* of a session that does not say */
	LIFE_MIN_MS = 500,
	LIFE_MAX_MS = 7 * 86400000,
	EXTEND_MIN_MS = 100,
	EXTEND_RETRY_MIN_MS = 1000,
	CLOCK_SKEW_S = 2, /* what the seconds of a Date header hide */
};

/* ---- its states --------------------------------------------------------- */

enum answer { ANSWER_YES, ANSWER_NO, ANSWER_UNCLEAR, ANSWERS };

/* To what the question about the session came to. */
static void end_alike(struct rev_call *call)
{
	const struct rev_result *from = &call->rev->session_call->result;

	call->result.class = from->class;
	call->result.status = from->status;
	call->result.pause_ms = from->pause_ms;
	call->result.why = from->why;
	memcpy(call->result.code, from->code, sizeof(from->code));
	rev_finish(call);
}

/* Once more, with a new session; but a body cannot be repeated. */
static void repeat(struct rev_call *call)
{
	bool again = !call->is_retry && call->path != REV_PATH_UPLOAD;

	call->is_retry = true;
	call->result.sent_all = false;
	if (again)
		rev_send_again(call);
	else
		rev_finish_with(call, REV_TRANSIENT,
				"the session with rev %s had ended",
				call->rev->host);
}

/*
 * Is there a session? What an answer makes of the state, and how every call
 * that was held for it goes on. The clock and an extension may answer NO too.
 */
static const struct outcome {
	enum rev_session next;
	void (*go_on)(struct rev_call *call);
} outcomes[REV_SESSIONS][ANSWERS] = {
	[REV_SESSION_LOGIN] = {
		[ANSWER_YES] = { REV_SESSION_ALIVE, rev_send_again },
		[ANSWER_NO] = { REV_SESSION_LOCKED, end_alike },
		[ANSWER_UNCLEAR] = { REV_SESSION_NONE, end_alike },
	},
	[REV_SESSION_ALIVE] = {
		[ANSWER_NO] = { REV_SESSION_NONE, repeat },
	},
	[REV_SESSION_CHECK] = {
		/* Their 401 is the answer. */
		[ANSWER_YES] = { REV_SESSION_ALIVE, rev_send_deliver },
		[ANSWER_NO] = { REV_SESSION_NONE, repeat },
		[ANSWER_UNCLEAR] = { REV_SESSION_ALIVE, end_alike },
	},
};

static void forget(struct rev_call *call)
{
	http_cancel(call->request);
	call->request = NULL;
}

static void drop_token(struct rev *rev)
{
	buf_wipe(&rev->token);
	rev->generation++;
	loop_timer_stop(&rev->extend_timer);
	forget(rev->extend_call);
	forget(rev->session_call);
}

static void settle(struct rev *rev, enum answer answer)
{
	const struct outcome *outcome = &outcomes[rev->session][answer];
	struct list calls, *it;

	assert(outcome->go_on);
	rev->session = outcome->next;
	if (rev->session != REV_SESSION_ALIVE)
		drop_token(rev);
	list_take(&calls, &rev->held);
	while ((it = list_first(&calls))) {
		list_del(it);
		outcome->go_on(list_entry(it, struct rev_call, wait_node));
	}
}

static uint64_t ms_left(const struct rev *rev)
{
	uint64_t now = mono_ms();

	return rev->ends_ms > now ? rev->ends_ms - now : 0;
}

/* Its time may just be over: then it is so for all. */
static bool has_session(struct rev *rev)
{
	if (rev->session != REV_SESSION_ALIVE &&
	    rev->session != REV_SESSION_CHECK)
		return false;
	if (ms_left(rev))
		return true;
	settle(rev, ANSWER_NO);
	return false;
}

/* ---- its length --------------------------------------------------------- */

/*
 * Until `expires_ms` by the server's clock, which the Date header tells to the
 * second; ours is finer where the two agree.
 */
static void set_end(struct rev *rev, int64_t expires_ms, int64_t date_s)
{
	int64_t now_ms = mono_wall_ms();
	int64_t left_ms;

	if (date_s && llabs(date_s - now_ms / 1000) > CLOCK_SKEW_S)
		now_ms = date_s * 1000;
	left_ms = expires_ms ? expires_ms - now_ms : LIFE_UNKNOWN_MS;
	/* Over at once: our clock is wrong, and the server's is not known. */
	if (left_ms <= 0 && !date_s)
		left_ms = LIFE_UNKNOWN_MS;
	if (left_ms < LIFE_MIN_MS)
		left_ms = LIFE_MIN_MS;
	if (left_ms > LIFE_MAX_MS)
		left_ms = LIFE_MAX_MS;
	rev->ends_ms = mono_ms() + (uint64_t)left_ms;
	left_ms /= 2;
	loop_timer_start(&rev->extend_timer, left_ms > EXTEND_MIN_MS
						     ? (uint64_t)left_ms
						     : EXTEND_MIN_MS);
}

/* The current call first, then what the kind of login had before it. */
static bool take_older_extend(struct rev *rev)
{
	if (rev->extend_path != REV_PATH_EXTEND)
		return false;
	rev->extend_path = rev->use_api_key ? REV_PATH_EXTEND_KEY
					    : REV_PATH_EXTEND_USER;
	return true;
}

static bool is_refusal(int status)
{
	return status == 401 || status == 403;
}

static bool is_unknown_path(int status)
{
	return status == 404 || status == 405;
}

static void extend(struct rev *rev);

static void on_extended(struct rev_call *call, const struct http_response *r)
{
	struct rev *rev = call->rev;
	int status = r ? r->status : 0;
	int64_t expires_ms;
	uint64_t retry_ms;

	if (r && call->result.class == REV_OK &&
	    !rev_json_expiration(r->body.data, r->body.len, &expires_ms)) {
		set_end(rev, expires_ms, r->date_s);
		return;
	}
	if (is_refusal(status)) {
		log_info("rev %s ended the session", rev->host);
		settle(rev, ANSWER_NO);
		return;
	}
	if (is_unknown_path(status) && take_older_extend(rev)) {
		extend(rev);
		return;
	}
	retry_ms = ms_left(rev) / 4;
	if (retry_ms < EXTEND_RETRY_MIN_MS)
		settle(rev, ANSWER_NO);
	else
		loop_timer_start(&rev->extend_timer, retry_ms);
}

static int fill_extend(struct rev *rev, struct rev_call *call)
{
	buf_clear(&call->id);
	buf_clear(&call->body);
	if (rev->extend_path == REV_PATH_EXTEND_KEY)
		return str_pct_encode(&call->id, rev->api_key);
	if (rev->extend_path == REV_PATH_EXTEND_USER)
		return rev_write_pair("userId", rev->user_id, NULL, NULL,
				      &call->body);
	return 0;
}

static void extend(struct rev *rev)
{
	if (!has_session(rev))
		return;
	if (fill_extend(rev, rev->extend_call))
		settle(rev, ANSWER_NO);
	else
		rev_send(rev->extend_call, rev->extend_path, on_extended);
}

static void on_extend_timer(struct loop_timer *timer)
{
	extend(container_of(timer, struct rev, extend_timer));
}

/* ---- the two questions -------------------------------------------------- */

static int take_session(struct rev *rev, const struct http_response *r)
{
	int64_t expires_ms;
	int err = buf_add_str(&rev->token, "Authorization: VBrick ");

	if (!err)
		err = rev_json_login(r->body.data, r->body.len, &rev->token,
				     rev->user_id, &expires_ms);
	if (!err)
		set_end(rev, expires_ms, r->date_s);
	return err;
}

static enum answer judge_login(struct rev *rev, const struct http_response *r,
			       struct rev_result *result)
{
	int err = 0;

	if (result->class == REV_OK)
		err = take_session(rev, r);
	/* No such path: perhaps not Rev, not yet, not any more. */
	if (err || result->class == REV_REFUSED)
		result->class = REV_TRANSIENT;
	if (err)
		err_set(&result->why, 0,
			"rev %s answered the login with something else than a "
			"token (%s): is this a Rev server",
			rev->host, err_str(err));
	if (result->class == REV_LOCKED)
		return ANSWER_NO;
	return result->class == REV_OK ? ANSWER_YES : ANSWER_UNCLEAR;
}

static void on_login(struct rev_call *call, const struct http_response *r)
{
	buf_wipe(&call->body);
	settle(call->rev, judge_login(call->rev, r, &call->result));
}

static int fill_login(struct rev *rev, struct rev_call *call)
{
	buf_clear(&call->body);
	if (rev->use_api_key)
		return rev_write_pair("apiKey", rev->api_key, "secret",
				      secret_text(&rev->api_secret),
				      &call->body);
	return rev_write_pair("username", rev->user, "password",
			      secret_text(&rev->password), &call->body);
}

static void log_in(struct rev *rev)
{
	struct rev_call *call = rev->session_call;
	int err = fill_login(rev, call);

	rev->session = REV_SESSION_LOGIN;
	if (!err) {
		rev_send(call,
			 rev->use_api_key ? REV_PATH_AUTHENTICATE
					  : REV_PATH_LOGIN,
			 on_login);
		return;
	}
	call->result.class = REV_TRANSIENT;
	err_set(&call->result.why, 0, "rev: %s", err_str(err));
	on_login(call, NULL);
}

static void on_checked(struct rev_call *call, const struct http_response *r)
{
	int status = r ? r->status : 0;
	enum answer answer = ANSWER_UNCLEAR;

	if (call->result.class == REV_OK)
		answer = ANSWER_YES;
	/* Where the question is not known, a new login answers it. */
	else if (is_refusal(status) || is_unknown_path(status))
		answer = ANSWER_NO;
	settle(call->rev, answer);
}

static void check(struct rev *rev)
{
	rev->session = REV_SESSION_CHECK;
	rev_send(rev->session_call, REV_PATH_SESSION, on_checked);
}

/* ---- the gate ----------------------------------------------------------- */

/* Until the answer; the first one asks. */
static void hold(struct rev_call *call)
{
	struct rev *rev = call->rev;

	list_add_tail(&rev->held, &call->wait_node);
	if (rev->session == REV_SESSION_NONE)
		log_in(rev);
	else if (rev->session == REV_SESSION_ALIVE)
		check(rev);
}

bool rev_session_holds(struct rev_call *call)
{
	if (has_session(call->rev))
		return false;
	if (call->rev->session == REV_SESSION_LOCKED)
		end_alike(call);
	else
		hold(call);
	return true;
}

void rev_session_doubt(struct rev_call *call)
{
	/* Otherwise somebody else's 401 has ended that session already. */
	if (has_session(call->rev) && call->generation == call->rev->generation)
		hold(call);
	else
		repeat(call);
}

void rev_unlock(struct rev *rev)
{
	if (rev->session == REV_SESSION_LOCKED)
		rev->session = REV_SESSION_NONE;
}

bool rev_is_locked(const struct rev *rev)
{
	return rev->session == REV_SESSION_LOCKED;
}

int rev_session_init(struct rev *rev)
{
	int err;

	list_init(&rev->held);
	rev->extend_path = REV_PATH_EXTEND;
	buf_init(&rev->token, REV_TOKEN_MAX + 64);
	err = loop_timer_init(&rev->extend_timer, rev->loop, on_extend_timer);
	if (!err)
		err = rev_call_new(rev, NULL, NULL, &rev->session_call);
	if (!err)
		err = rev_call_new(rev, NULL, NULL, &rev->extend_call);
	return err;
}

void rev_session_release(struct rev *rev)
{
	rev_call_free(rev->session_call);
	rev_call_free(rev->extend_call);
	loop_timer_release(&rev->extend_timer);
	buf_wipe(&rev->token);
}
