/* SPDX-License-Identifier: MIT */
#include "uploader/rev_priv.h"

#include <errno.h>
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

bool rev_session_is_alive(const struct rev *rev)
{
	return rev->is_alive && mono_ms() < rev->ends_ms;
}

static void end_session(struct rev *rev)
{
	rev->is_alive = false;
	buf_wipe(&rev->token);
	loop_timer_stop(&rev->extend_timer);
}

/* ---- its length --------------------------------------------------------- */

static uint64_t ms_left(const struct rev *rev)
{
	uint64_t now = mono_ms();

	return rev->ends_ms > now ? rev->ends_ms - now : 0;
}

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

static void extend(struct rev *rev);

static void on_extended(struct rev_call *call, const struct http_response *r)
{
	struct rev *rev = call->rev;
	int status = call->result.status;
	int64_t expires_ms = 0;
	uint64_t retry_ms;

	if (call->generation != rev->generation || !rev->is_alive) {
		if (rev->is_alive && !loop_timer_is_armed(&rev->extend_timer))
			loop_timer_start(&rev->extend_timer,
					 EXTEND_RETRY_MIN_MS);
		return;
	}
	if (r && call->result.class == REV_OK &&
	    !rev_json_expiration(r->body.data, r->body.len, &expires_ms)) {
		set_end(rev, expires_ms, r->date_s);
		return;
	}
	if (status == 401 || status == 403) {
		log_info("rev %s ended the session", rev->host);
		end_session(rev);
		return;
	}
	if ((status == 404 || status == 405) && take_older_extend(rev)) {
		extend(rev);
		return;
	}
	retry_ms = ms_left(rev) / 4;
	if (retry_ms < EXTEND_RETRY_MIN_MS)
		end_session(rev);
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
	struct rev_call *call = rev->extend_call;

	if (call->request)
		return;
	/* It would wait for a login that nobody needs. */
	if (!rev_session_is_alive(rev) || fill_extend(rev, call))
		end_session(rev);
	else
		rev_send(call, rev->extend_path, on_extended);
}

static void on_extend_timer(struct loop_timer *timer)
{
	extend(container_of(timer, struct rev, extend_timer));
}

/* ---- login -------------------------------------------------------------- */

static void send_waiting(struct rev *rev)
{
	struct list calls, *it;

	list_take(&calls, &rev->waiting);
	while ((it = list_first(&calls))) {
		list_del(it);
		rev_send_again(list_entry(it, struct rev_call, wait_node));
	}
}

/* They all come to what the one question about the session came to. */
static void end_calls(struct list *from, const struct rev_result *result)
{
	struct list calls, *it;

	list_take(&calls, from);
	while ((it = list_first(&calls))) {
		struct rev_call *call =
			list_entry(it, struct rev_call, wait_node);

		list_del(it);
		call->result.class = result->class;
		call->result.status = result->status;
		call->result.pause_ms = result->pause_ms;
		call->result.why = result->why;
		memcpy(call->result.code, result->code, sizeof(result->code));
		rev_finish(call);
	}
}

static int take_session(struct rev *rev, const struct http_response *r)
{
	static const char scheme[] = "Authorization: VBrick ";
	int64_t expires_ms;
	int err;

	buf_wipe(&rev->token);
	err = buf_add_str(&rev->token, scheme);
	if (!err)
		err = rev_json_login(r->body.data, r->body.len, &rev->token,
				     rev->user_id, &expires_ms);
	if (err) {
		buf_wipe(&rev->token);
		return err;
	}
	rev->is_alive = true;
	rev->generation++;
	set_end(rev, expires_ms, r->date_s);
	return 0;
}

static void on_login(struct rev_call *call, const struct http_response *r)
{
	struct rev *rev = call->rev;
	struct rev_result *result = &call->result;
	int err = 0;

	rev->is_logging_in = false;
	buf_wipe(&call->body);
	if (r && result->class == REV_OK)
		err = take_session(rev, r);
	if (err) {
		result->class = REV_TRANSIENT;
		err_set(&result->why, 0,
			"rev %s answered the login with something else than a "
			"token (%s): is this a Rev server",
			rev->host, err_str(err));
	} else if (result->class == REV_REFUSED) {
		/* No such path: perhaps not Rev, not yet, not any more. */
		result->class = REV_TRANSIENT;
	}
	if (result->class == REV_LOCKED) {
		rev->is_locked = true;
		rev->lock_why = result->why;
	}
	if (result->class == REV_OK)
		send_waiting(rev);
	else
		end_calls(&rev->waiting, result);
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

	rev->is_logging_in = true;
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

void rev_session_wait(struct rev_call *call)
{
	struct rev *rev = call->rev;

	if (rev->is_locked) {
		call->result.class = REV_LOCKED;
		call->result.why = rev->lock_why;
		rev_finish(call);
		return;
	}
	list_add_tail(&rev->waiting, &call->wait_node);
	/* The check of a doubt uses the same call and ends in a login or not.
	 */
	if (!rev->is_logging_in && !rev->is_checking)
		log_in(rev);
}

/* ---- doubts ------------------------------------------------------------- */

/* The session lives: their 401 is the answer. */
static void answer_doubting(struct rev *rev)
{
	struct list calls, *it;

	list_take(&calls, &rev->doubting);
	while ((it = list_first(&calls))) {
		list_del(it);
		rev_send_deliver(list_entry(it, struct rev_call, wait_node));
	}
}

/* It is dead: once more, each with a new one; but a body cannot be repeated. */
static void repeat_doubting(struct rev *rev)
{
	struct list calls, *it;

	list_take(&calls, &rev->doubting);
	while ((it = list_first(&calls))) {
		struct rev_call *call =
			list_entry(it, struct rev_call, wait_node);
		bool again = !call->is_retry && call->path != REV_PATH_UPLOAD;

		list_del(it);
		call->is_retry = true;
		call->result.sent_all = false;
		if (again)
			rev_send_again(call);
		else
			rev_finish_with(call, REV_TRANSIENT,
					"the session with rev %s had ended",
					rev->host);
	}
}

static void on_checked(struct rev_call *call, const struct http_response *r)
{
	struct rev *rev = call->rev;
	int status = call->result.status;
	bool is_dead = status == 401 || status == 403;

	rev->is_checking = false;
	/* Where the question is not known, a new login answers it. */
	if (status == 404 || status == 405)
		is_dead = true;
	if (call->generation != rev->generation)
		is_dead = true;
	else if (is_dead)
		end_session(rev);
	if (is_dead)
		repeat_doubting(rev);
	else if (call->result.class == REV_OK)
		answer_doubting(rev);
	else
		end_calls(&rev->doubting, &call->result);
	if (list_is_empty(&rev->waiting) || rev->is_logging_in)
		return;
	if (rev_session_is_alive(rev))
		send_waiting(rev);
	else
		log_in(rev);
}

void rev_session_doubt(struct rev_call *call)
{
	struct rev *rev = call->rev;

	list_add_tail(&rev->doubting, &call->wait_node);
	if (rev->is_checking)
		return;
	/* Somebody else's 401 has ended that session already. */
	if (call->generation != rev->generation || !rev_session_is_alive(rev)) {
		repeat_doubting(rev);
		return;
	}
	rev->is_checking = true;
	buf_clear(&rev->session_call->body);
	rev_send(rev->session_call, REV_PATH_SESSION, on_checked);
}

/* ---- the gate ----------------------------------------------------------- */

void rev_unlock(struct rev *rev)
{
	rev->is_locked = false;
}

bool rev_is_locked(const struct rev *rev)
{
	return rev->is_locked;
}

int rev_session_init(struct rev *rev)
{
	int err;

	list_init(&rev->waiting);
	list_init(&rev->doubting);
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
