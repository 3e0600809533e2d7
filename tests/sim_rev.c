/* SPDX-License-Identifier: MIT */
#include "tests/sim.h"

#include <stdio.h>
#include <string.h>

#include "lib/str.h"
#include "uploader/rev.h"

enum { CHUNK = 128 };

struct rev_call {
	struct loop_task task;
	bool is_used;
	enum sim_verb verb;
	const struct sim_fault *fault;
	rev_done_fn *done;
	void *arg;
	struct rev_result result;
	struct rev_video found[SIM_VIDEOS_MAX];
	struct sim_video video; /* upload: what has come so far */
	http_body_fn *body;
	void *body_arg;
	size_t size;
};

static struct rev_call calls[SIM_CALLS_MAX];

/* ---- videos --------------------------------------------------------- */

struct sim_video *sim_video(const char *id)
{
	for (size_t i = 0; *id && i < SIM_VIDEOS_MAX; i++)
		if (!strcmp(sim.videos[i].id, id))
			return &sim.videos[i];
	return NULL;
}

static struct sim_video *new_video(void)
{
	struct sim_video *v = sim.videos;

	while (*v->id)
		v++;
	memset(v, 0, sizeof(*v));
	snprintf(v->id, sizeof(v->id), "00000000-0000-4000-8000-%012u",
		 ++sim.last_video);
	v->made_ms = sim_loop_ms();
	return v;
}

struct sim_video *sim_add_video(const char *mark, const struct sim_file *file)
{
	struct sim_video *v = new_video();

	str_copy(v->mark, mark, sizeof(v->mark));
	memcpy(v->data, file->data, sizeof(v->data));
	v->size = file->size;
	return v;
}

size_t sim_count_videos(bool active)
{
	size_t n = 0;

	for (size_t i = 0; i < SIM_VIDEOS_MAX; i++)
		n += *sim.videos[i].id && sim.videos[i].is_active == active;
	return n;
}

/* ---- calls ---------------------------------------------------------- */

static void answer(struct loop_task *task)
{
	struct rev_call *c = list_entry(task, struct rev_call, task);

	c->done(c->arg, &c->result);
	c->is_used = false;
}

static bool is_dead(const struct rev_call *c)
{
	return c->fault && !c->fault->done;
}

static struct rev_call *new_call(enum sim_verb verb, const char *id,
				 rev_done_fn *done, void *arg,
				 struct rev_call **ret)
{
	struct rev_call *c = calls;

	while (c->is_used)
		c++;
	memset(c, 0, sizeof(*c));
	c->is_used = true;
	c->verb = verb;
	c->done = done;
	c->arg = arg;
	c->fault = sim_fails(verb, id);
	loop_task_init(&c->task, answer);
	*ret = c;
	return c;
}

static int finish(struct rev_call *c)
{
	if (c->fault) {
		c->result.class = (enum rev_class)c->fault->class;
		c->result.status = c->fault->status;
		c->result.pause_ms = c->fault->pause_ms;
		c->result.video_count = 0;
		snprintf(c->result.why.text, sizeof(c->result.why.text),
			 "rev answered %d", c->fault->status);
	}
	loop_defer(sim.loop, &c->task);
	return 0;
}

static int finish_gone(struct rev_call *c)
{
	c->result.class = REV_GONE;
	str_copy(c->result.why.text, "rev knows no such video",
		 sizeof(c->result.why.text));
	return finish(c);
}

void rev_cancel(struct rev_call *call)
{
	loop_cancel(sim.loop, &call->task);
	call->is_used = false;
}

static void show(struct rev_call *c, const struct sim_video *v,
		 const char *mark)
{
	struct rev_video *f = &c->found[c->result.video_count++];

	str_copy(f->id, v->id, sizeof(f->id));
	str_copy(f->mark, v->mark, sizeof(f->mark));
	str_copy(f->title, "a title", sizeof(f->title));
	f->is_active = v->is_active;
	f->has_mark = mark && *v->mark && !strcmp(mark, v->mark);
	f->owned_by_us = true;
	f->uploaded_s = (int64_t)v->made_ms / 1000;
	c->result.videos = c->found;
}

/* ---- upload --------------------------------------------------------- */

static void take_body(struct loop_task *task)
{
	struct rev_call *c = list_entry(task, struct rev_call, task);
	struct sim_video *v = &c->video, *made;
	size_t room = c->size - v->size;
	ptrdiff_t n = c->body(c->body_arg, v->data + v->size,
			      room < CHUNK ? room : CHUNK);

	if (n == HTTP_BODY_PAUSE)
		return;
	if (n < 0) {
		c->task.run = answer;
		c->result.class = REV_TRANSIENT;
		c->fault = NULL;
		finish(c);
		return;
	}
	v->size += (size_t)n;
	if (v->size < c->size) {
		loop_defer(sim.loop, &c->task);
		return;
	}
	c->task.run = answer;
	c->result.sent_all = true;
	if (!is_dead(c)) {
		made = new_video();
		memcpy(v->id, made->id, sizeof(v->id));
		v->made_ms = made->made_ms;
		*made = *v;
		str_copy(c->result.video_id, v->id, sizeof(c->result.video_id));
	}
	finish(c);
}

int rev_upload(struct rev *rev, const struct rev_metadata *metadata,
	       uint64_t size, http_body_fn *body, void *body_arg,
	       uint64_t bytes_per_s, rev_done_fn *done, void *arg,
	       struct rev_call **ret)
{
	struct rev_call *c = new_call(SIM_UPLOAD, "", done, arg, ret);

	c->body = body;
	c->body_arg = body_arg;
	c->size = size;
	c->video.is_active = metadata->active;
	str_copy(c->video.mark, metadata->mark, sizeof(c->video.mark));
	/* Refused at the first byte. */
	if (is_dead(c) && c->fault->status / 100 == 4)
		return finish(c);
	c->task.run = take_body;
	if (!sim.is_limited)
		loop_defer(sim.loop, &c->task);
	return 0;
}

const char *rev_limit_why(const struct rev_call *call)
{
	return sim.is_limited && call->task.run == take_body ? "the limit"
							     : NULL;
}

void rev_upload_resume(struct rev_call *call)
{
	loop_defer(sim.loop, &call->task);
}

void rev_upload_set_speed(struct rev_call *call, uint64_t bytes_per_s)
{
}

/* ---- questions ------------------------------------------------------ */

int rev_search_mark(struct rev *rev, const char *mark, rev_done_fn *done,
		    void *arg, struct rev_call **ret)
{
	struct rev_call *c = new_call(SIM_SEARCH, "", done, arg, ret);

	for (size_t i = 0; i < SIM_VIDEOS_MAX && !is_dead(c); i++) {
		struct sim_video *v = &sim.videos[i];

		if (*v->id && !strcmp(v->mark, mark) &&
		    sim_loop_ms() >= v->made_ms + sim.index_lag_ms)
			show(c, v, mark);
	}
	c->result.search_complete = true;
	return finish(c);
}

int rev_list_unfinished(struct rev *rev, rev_done_fn *done, void *arg,
			struct rev_call **ret)
{
	struct rev_call *c = new_call(SIM_UNFINISHED, "", done, arg, ret);

	for (size_t i = 0; i < SIM_VIDEOS_MAX && !is_dead(c); i++) {
		struct sim_video *v = &sim.videos[i];

		if (*v->id && *v->mark && !v->is_active)
			show(c, v, v->mark);
	}
	c->result.search_complete = true;
	return finish(c);
}

int rev_get_status(struct rev *rev, const char *video_id, rev_done_fn *done,
		   void *arg, struct rev_call **ret)
{
	struct rev_call *c = new_call(SIM_STATUS, video_id, done, arg, ret);
	struct sim_video *v = sim_video(video_id);
	bool over = v && !sim.is_stuck &&
		    sim_loop_ms() >= v->made_ms + sim.processing_ms;

	if (!v)
		return finish_gone(c);
	c->result.failed = over && sim.video_fails;
	c->result.ready = over && !sim.video_fails;
	c->result.processing = !over;
	c->result.is_active = v->is_active;
	str_copy(c->result.status_word,
		 over		? "Ready"
		 : sim.is_stuck ? "Uploading"
				: "Processing",
		 sizeof(c->result.status_word));
	return finish(c);
}

int rev_get_details(struct rev *rev, const char *video_id, const char *mark,
		    rev_done_fn *done, void *arg, struct rev_call **ret)
{
	struct rev_call *c = new_call(SIM_DETAILS, video_id, done, arg, ret);
	struct sim_video *v = sim_video(video_id);

	if (!v)
		return finish_gone(c);
	show(c, v, mark);
	return finish(c);
}

int rev_get_playback_url(struct rev *rev, const char *video_id,
			 rev_done_fn *done, void *arg, struct rev_call **ret)
{
	struct rev_call *c = new_call(SIM_URL, video_id, done, arg, ret);

	snprintf(c->result.playback_url, sizeof(c->result.playback_url),
		 "https://rev.example/%s", video_id);
	return finish(c);
}

int rev_activate(struct rev *rev, const char *video_id, const char *mark,
		 bool active, rev_done_fn *done, void *arg,
		 struct rev_call **ret)
{
	struct sim_video *v = sim_video(video_id);
	bool has_mark = v && *mark && !strcmp(v->mark, mark);
	bool is_edit = v && (has_mark || v->is_active != active);
	struct rev_call *c = new_call(is_edit ? SIM_ACTIVATE : SIM_DETAILS,
				      video_id, done, arg, ret);

	if (!v)
		return finish_gone(c);
	if (is_edit && !is_dead(c)) {
		v->is_active = active;
		if (has_mark)
			v->mark[0] = '\0';
	}
	return finish(c);
}

int rev_delete(struct rev *rev, const char *video_id, rev_done_fn *done,
	       void *arg, struct rev_call **ret)
{
	struct rev_call *c = new_call(SIM_DELETE, video_id, done, arg, ret);
	struct sim_video *v = sim_video(video_id);

	if (!v)
		return finish_gone(c);
	if (!is_dead(c))
		memset(v, 0, sizeof(*v));
	return finish(c);
}

int rev_get_rights(struct rev *rev, rev_done_fn *done, void *arg,
		   struct rev_call **ret)
{
	struct rev_call *c = new_call(SIM_RIGHTS, "", done, arg, ret);

	strcpy(c->result.user_id, "self-id");
	strcpy(c->result.user_name, "uploader");
	c->result.can_upload = true;
	return finish(c);
}

int rev_find_user(struct rev *rev, const char *name, bool is_email,
		  rev_done_fn *done, void *arg, struct rev_call **ret)
{
	return finish_gone(new_call(SIM_RIGHTS, "", done, arg, ret));
}

/* ---- the account ---------------------------------------------------- */

int rev_new(struct loop *loop, const struct rev_config *config,
	    struct rev **ret, struct err *err)
{
	*ret = (struct rev *)&sim; /* there is one */
	return 0;
}

void rev_free(struct rev *rev)
{
}

void rev_unlock(struct rev *rev)
{
	sim.is_locked = false;
}

bool rev_is_locked(const struct rev *rev)
{
	return sim.is_locked;
}
