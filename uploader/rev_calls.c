/* SPDX-License-Identifier: MIT */
/* The calls of rev.h that take a step or two. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/mono.h"
#include "lib/str.h"
#include "uploader/rev_priv.h"

enum {
	/* How long a Ready without progress 1 must last to be believed. */
	DOUBT_MS = 5000,
	DOUBT_PROGRESS_MS = 60000,
};

/* A call about the thing `id`, first question still to come. */
static int new_call(struct rev *rev, const char *id, rev_done_fn *done,
		    void *arg, struct rev_call **ret)
{
	struct rev_call *call;
	int err = rev_call_new(rev, done, arg, &call);

	if (err)
		return err;
	if (id)
		err = str_pct_encode(&call->id, id);
	if (err)
		rev_call_free(call);
	else
		*ret = call;
	return err;
}

/* Rev said yes, with something that cannot be read. */
static void finish_nonsense(struct rev_call *call, int err)
{
	rev_finish_with(call, REV_TRANSIENT,
			"rev %s answered %d with something that cannot be read "
			"(%s)",
			call->rev->host, call->result.status, err_str(err));
}

/* Nothing of the answer is of interest but its class. */
static void on_plain(struct rev_call *call, const struct http_response *r)
{
	rev_finish(call);
}

int rev_login(struct rev *rev, rev_done_fn *done, void *arg,
	      struct rev_call **ret)
{
	int err = new_call(rev, NULL, done, arg, ret);

	if (!err)
		rev_send(*ret, REV_PATH_NONE, on_plain);
	return err;
}

int rev_delete(struct rev *rev, const char *video_id, rev_done_fn *done,
	       void *arg, struct rev_call **ret)
{
	int err = new_call(rev, video_id, done, arg, ret);

	if (!err)
		rev_send(*ret, REV_PATH_DELETE, on_plain);
	return err;
}

/* ---- upload ------------------------------------------------------------- */

static void on_uploaded(struct rev_call *call, const struct http_response *r)
{
	int err;

	if (call->result.class != REV_OK || !r) {
		rev_finish(call);
		return;
	}
	/* What says so, a gateway or a guard, speaks not of our recording. */
	if (!call->result.sent_all) {
		rev_finish_with(call, REV_TRANSIENT,
				"rev %s answered %d before it had the whole "
				"file",
				call->rev->host, call->result.status);
		return;
	}
	err = rev_json_upload(r->body.data, r->body.len, call->result.video_id);
	if (err)
		rev_finish_with(call, REV_TRANSIENT,
				"rev %s took the upload and named no video",
				call->rev->host);
	else
		rev_finish(call);
}

static int fill_form(struct rev_call *call, const struct rev_metadata *m,
		     uint64_t size, http_body_fn *body, void *body_arg)
{
	struct rev *rev = call->rev;
	struct rev_query q = rev_query_of(rev, m->mark);
	int err;

	/* A field that Rev does not know would fail the upload. */
	if (rev->field == REV_FIELD_MISSING)
		q.mark_field = NULL;
	err = rev_write_metadata(m, &q, &call->body);
	if (!err)
		err = rev_form_init(&call->form, call->body.data,
				    call->body.len, m->file_name, size, body,
				    body_arg);
	buf_clear(&call->body);
	return err;
}

int rev_upload(struct rev *rev, const struct rev_metadata *metadata,
	       uint64_t size, http_body_fn *body, void *body_arg,
	       uint64_t bytes_per_s, rev_done_fn *done, void *arg,
	       struct rev_call **ret)
{
	struct rev_call *call;
	int err = new_call(rev, NULL, done, arg, &call);

	if (err)
		return err;
	call->bytes_per_s = bytes_per_s;
	err = fill_form(call, metadata, size, body, body_arg);
	if (err) {
		rev_call_free(call);
		return err;
	}
	*ret = call;
	rev_send(call, REV_PATH_UPLOAD, on_uploaded);
	return 0;
}

void rev_upload_resume(struct rev_call *call)
{
	if (call && call->request && call->path == REV_PATH_UPLOAD)
		http_resume(call->request);
}

void rev_upload_set_speed(struct rev_call *call, uint64_t bytes_per_s)
{
	call->bytes_per_s = bytes_per_s;
	if (call->request && call->path == REV_PATH_UPLOAD)
		http_set_speed(call->request, bytes_per_s);
}

/* ---- status ------------------------------------------------------------- */

static struct rev_doubt *find_doubt(struct rev *rev, const char *id)
{
	for (size_t i = 0; i < REV_DOUBTS; i++)
		if (!strcmp(rev->doubts[i].id, id))
			return &rev->doubts[i];
	return NULL;
}

static void forget_doubt(struct rev *rev, const char *id)
{
	struct rev_doubt *d = find_doubt(rev, id);

	if (d)
		*d->id = '\0';
}

/* Has it said Ready long enough? */
static bool settle_doubt(struct rev *rev, const char *id,
			 const struct rev_status *s)
{
	struct rev_doubt *d = find_doubt(rev, id);
	uint64_t want_ms = s->has_progress ? DOUBT_PROGRESS_MS : DOUBT_MS;

	if (d)
		return mono_ms() - d->since_ms >= want_ms;
	d = &rev->doubts[rev->next_doubt];
	rev->next_doubt = (rev->next_doubt + 1) % REV_DOUBTS;
	str_copy(d->id, id, sizeof(d->id));
	d->since_ms = mono_ms();
	return false;
}

static void on_status(struct rev_call *call, const struct http_response *r)
{
	struct rev_result *result = &call->result;
	struct rev *rev = call->rev;
	struct rev_status s;
	enum rev_phase phase;
	int err;

	if (result->class != REV_OK || !r) {
		rev_finish(call);
		return;
	}
	err = rev_json_status(r->body.data, r->body.len, &s);
	if (err) {
		finish_nonsense(call, err);
		return;
	}
	phase = rev_status_phase(&s);
	if (phase != REV_PHASE_DOUBTFUL)
		forget_doubt(rev, call->name);
	else if (settle_doubt(rev, call->name, &s))
		phase = REV_PHASE_READY;
	result->ready = phase == REV_PHASE_READY;
	result->failed = phase == REV_PHASE_FAILED;
	result->processing = !result->ready && !result->failed;
	result->is_active = s.is_active;
	result->progress = result->ready ? 1 : s.progress;
	str_copy(result->status_word, s.word, sizeof(result->status_word));
	rev_finish(call);
}

int rev_get_status(struct rev *rev, const char *video_id, rev_done_fn *done,
		   void *arg, struct rev_call **ret)
{
	struct rev_call *call;
	int err = new_call(rev, video_id, done, arg, &call);

	if (err)
		return err;
	err = str_replace(&call->name, video_id);
	if (err) {
		rev_call_free(call);
		return err;
	}
	*ret = call;
	rev_send(call, REV_PATH_STATUS, on_status);
	return 0;
}

/* ---- details, playback URL ---------------------------------------------- */

static void on_details(struct rev_call *call, const struct http_response *r)
{
	struct rev_query q = rev_query_of(call->rev, call->mark);
	int err;

	if (call->result.class != REV_OK || !r) {
		rev_finish(call);
		return;
	}
	err = rev_json_details(r->body.data, r->body.len, &q, &call->video);
	if (err) {
		finish_nonsense(call, err);
		return;
	}
	call->result.videos = &call->video;
	call->result.video_count = 1;
	call->result.is_active = call->video.is_active;
	rev_finish(call);
}

/* A call about a video and a mark. */
static int new_mark_call(struct rev *rev, const char *video_id,
			 const char *mark, rev_done_fn *done, void *arg,
			 struct rev_call **ret)
{
	struct rev_call *call;
	int err = new_call(rev, video_id, done, arg, &call);

	if (err)
		return err;
	err = str_replace(&call->mark, mark);
	if (err)
		rev_call_free(call);
	else
		*ret = call;
	return err;
}

int rev_get_details(struct rev *rev, const char *video_id, const char *mark,
		    rev_done_fn *done, void *arg, struct rev_call **ret)
{
	int err = new_mark_call(rev, video_id, mark, done, arg, ret);

	if (!err)
		rev_send(*ret, REV_PATH_DETAILS, on_details);
	return err;
}

static void on_playback(struct rev_call *call, const struct http_response *r)
{
	struct rev_result *result = &call->result;
	int err = 0;

	if (result->class == REV_OK && r)
		err = rev_json_playback_url(r->body.data, r->body.len,
					    result->playback_url,
					    sizeof(result->playback_url));
	if (err)
		finish_nonsense(call, err);
	else
		rev_finish(call);
}

int rev_get_playback_url(struct rev *rev, const char *video_id,
			 rev_done_fn *done, void *arg, struct rev_call **ret)
{
	int err = new_call(rev, video_id, done, arg, ret);

	if (!err)
		rev_send(*ret, REV_PATH_PLAYBACK, on_playback);
	return err;
}

/* ---- activation --------------------------------------------------------- */

static void send_patch(struct rev_call *call);

static bool is_other_form_worth_it(const struct rev_call *call)
{
	const struct rev_result *r = &call->result;

	return call->patch_form + 1 < REV_PATCH_FORMS &&
	       (r->status == 409 || r->status == 400 ||
		!strcasecmp(r->code, "UnprocessableEntity") ||
		!strcasecmp(r->code, "MalformedRequest"));
}

static void on_patched(struct rev_call *call, const struct http_response *r)
{
	if (call->result.class == REV_REFUSED && is_other_form_worth_it(call)) {
		call->patch_form++;
		send_patch(call);
		return;
	}
	call->result.is_active = call->flag;
	rev_finish(call);
}

static void send_patch(struct rev_call *call)
{
	struct rev_query q = rev_query_of(call->rev, call->mark);
	int err;

	buf_clear(&call->body);
	err = rev_write_patch(call->details.data, call->details.len, &q,
			      call->flag, call->patch_form, &call->body);
	if (!err) {
		rev_send(call, REV_PATH_PATCH, on_patched);
	} else if (err == -EALREADY) {
		call->result.class = REV_OK;
		call->result.is_active = call->flag;
		rev_finish(call);
	} else {
		finish_nonsense(call, err);
	}
}

static void on_details_to_patch(struct rev_call *call,
				const struct http_response *r)
{
	int err;

	if (call->result.class != REV_OK || !r) {
		rev_finish(call);
		return;
	}
	err = buf_add(&call->details, r->body.data, r->body.len);
	if (err)
		finish_nonsense(call, err);
	else
		send_patch(call);
}

int rev_activate(struct rev *rev, const char *video_id, const char *mark,
		 bool active, rev_done_fn *done, void *arg,
		 struct rev_call **ret)
{
	int err = new_mark_call(rev, video_id, mark, done, arg, ret);

	if (err)
		return err;
	(*ret)->flag = active;
	rev_send(*ret, REV_PATH_DETAILS, on_details_to_patch);
	return 0;
}

/* ---- users, rights ------------------------------------------------------ */

static void on_user(struct rev_call *call, const struct http_response *r)
{
	struct rev_result *result = &call->result;
	int err = 0;

	/* Some servers say 403 for "no such user". */
	if (result->status == 403)
		result->class = REV_GONE;
	if (result->class == REV_OK && r)
		err = rev_json_user(r->body.data, r->body.len, call->name,
				    call->flag, result->user_id,
				    result->user_name,
				    sizeof(result->user_name));
	if (err == -ENOENT)
		rev_finish_with(call, REV_GONE,
				"rev %s knows no user with just this name",
				call->rev->host);
	else if (err)
		finish_nonsense(call, err);
	else
		rev_finish(call);
}

int rev_find_user(struct rev *rev, const char *name, bool is_email,
		  rev_done_fn *done, void *arg, struct rev_call **ret)
{
	struct rev_call *call;
	int err = new_call(rev, name, done, arg, &call);

	if (err)
		return err;
	call->flag = is_email;
	err = str_replace(&call->name, name);
	if (!err)
		err = buf_printf(&call->query, "type=%s",
				 is_email ? "email" : "username");
	if (err) {
		rev_call_free(call);
		return err;
	}
	*ret = call;
	rev_send(call, REV_PATH_USER, on_user);
	return 0;
}

static void on_fields(struct rev_call *call, const struct http_response *r)
{
	struct rev *rev = call->rev;
	int status = call->result.status;
	bool found = false;
	int err = 0;

	if (r && (status == 404 || status == 405)) {
		call->result.class = REV_OK;
	} else if (call->result.class != REV_OK || !r) {
		rev_finish(call);
		return;
	} else {
		err = rev_json_has_field(r->body.data, r->body.len,
					 rev->mark_field, &found);
	}
	if (err) {
		finish_nonsense(call, err);
		return;
	}
	rev->field = found ? REV_FIELD_THERE : REV_FIELD_MISSING;
	call->result.has_mark_field = found;
	rev_finish(call);
}

static void on_me(struct rev_call *call, const struct http_response *r)
{
	struct rev *rev = call->rev;
	struct rev_result *result = &call->result;
	struct rev_me me = { .can_upload = true };
	int err = 0;

	/* A server too old to say will say so at the upload. */
	if (r && (result->status == 404 || result->status == 405)) {
		result->class = REV_OK;
	} else if (result->class != REV_OK || !r) {
		rev_finish(call);
		return;
	} else {
		err = rev_json_me(r->body.data, r->body.len, &me);
	}
	if (err) {
		finish_nonsense(call, err);
		return;
	}
	result->can_upload = me.can_upload;
	str_copy(result->user_id, me.id, sizeof(result->user_id));
	str_copy(result->user_name, *me.name ? me.name : rev->user,
		 sizeof(result->user_name));
	/* An API-key login does not say. */
	if (*me.id)
		str_copy(rev->user_id, me.id, sizeof(rev->user_id));
	result->has_mark_field = true;
	if (*rev->mark_field)
		rev_send(call, REV_PATH_FIELDS, on_fields);
	else
		rev_finish(call);
}

int rev_get_rights(struct rev *rev, rev_done_fn *done, void *arg,
		   struct rev_call **ret)
{
	int err = new_call(rev, NULL, done, arg, ret);

	if (!err)
		rev_send(*ret, REV_PATH_ME, on_me);
	return err;
}
