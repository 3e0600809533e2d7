/* SPDX-License-Identifier: MIT */
/*
 * The search for a mark: by tag, then by custom field where Rev has it, all
 * pages of each; then the details of every hit, since a hit proves nothing.
 * Without a mark it is the search for all that the account left unfinished.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"
#include "uploader/rev_priv.h"

enum {
	PAGE = 100,
	PAGES_MAX = 400,  /* of one query */
	RESTARTS_MAX = 3, /* of a query whose scroll lapsed */
};

struct rev_search {
	bool by_field; /* which query */
	struct rev_hits hits;
	size_t pages, restarts, received;
	bool is_cut; /* not all pages or hits were seen */
	size_t next; /* hit to confirm */
	struct rev_video *videos;
	size_t video_count;
};

static void ask_details(struct rev_call *call);
static void ask_page(struct rev_call *call, const char *scroll_id);

void rev_search_free(struct rev_search *s)
{
	if (!s)
		return;
	rev_hits_release(&s->hits);
	free(s->videos);
	free(s);
}

static void fail(struct rev_call *call, int err)
{
	rev_finish_with(call, REV_TRANSIENT, "the search on rev %s failed: %s",
			call->rev->host, err_str(err));
}

/* ---- confirming --------------------------------------------------------- */

static void finish_search(struct rev_call *call)
{
	struct rev_search *s = call->search;

	call->result.class = REV_OK;
	call->result.videos = s->videos;
	call->result.video_count = s->video_count;
	call->result.search_complete = !s->is_cut;
	rev_finish(call);
}

/* Is it what was looked for: the mark, or anything that is unfinished? */
static bool is_wanted(const struct rev_call *call,
		      const struct rev_video *video)
{
	if (*call->mark)
		return video->has_mark;
	return *video->mark && !video->is_active && video->owned_by_us;
}

static int keep_video(struct rev_call *call, const struct rev_video *video)
{
	struct rev_search *s = call->search;

	if (!is_wanted(call, video))
		return 0;
	if (!s->videos)
		s->videos = calloc(REV_HITS_MAX, sizeof(*s->videos));
	if (!s->videos)
		return -ENOMEM;
	s->videos[s->video_count++] = *video;
	return 0;
}

static void on_details(struct rev_call *call, const struct http_response *r)
{
	struct rev_query q = rev_query_of(call->rev, call->mark);
	enum rev_class class = call->result.class;
	struct rev_video video;
	int err = 0;

	if (class != REV_OK && class != REV_GONE && class != REV_REFUSED) {
		rev_finish(call);
		return;
	}
	/* Deleted since, or not ours to see: no video of ours. But else: */
	if (class == REV_REFUSED && call->result.status != 403)
		call->search->is_cut = true;
	if (class == REV_OK && r)
		err = rev_json_details(r->body.data, r->body.len, &q, &video);
	if (!err && class == REV_OK && r)
		err = keep_video(call, &video);
	if (err)
		fail(call, err);
	else
		ask_details(call);
}

static void ask_details(struct rev_call *call)
{
	struct rev_search *s = call->search;
	int err;

	if (s->next == s->hits.count) {
		finish_search(call);
		return;
	}
	buf_clear(&call->query);
	buf_clear(&call->id);
	err = str_pct_encode(&call->id, s->hits.ids[s->next++]);
	if (err)
		fail(call, err);
	else
		rev_send(call, REV_PATH_DETAILS, on_details);
}

/* ---- pages -------------------------------------------------------------- */

/* The next query, or the details when both are through. */
static void end_query(struct rev_call *call)
{
	struct rev_search *s = call->search;
	bool has_field = call->rev->field == REV_FIELD_THERE;

	if (!s->by_field && has_field && *call->mark) {
		s->by_field = true;
		s->pages = s->restarts = s->received = 0;
		ask_page(call, "");
		return;
	}
	/*
	 * A search by field that finds more than anybody can have marked is one
	 * that Rev did not understand; the tag, which is always set, decides.
	 */
	if (s->hits.overflowed && !s->by_field)
		s->is_cut = true;
	ask_details(call);
}

static void restart_query(struct rev_call *call)
{
	struct rev_search *s = call->search;

	if (++s->restarts > RESTARTS_MAX) {
		rev_finish_with(call, REV_TRANSIENT,
				"the search on rev %s lapsed %d times",
				call->rev->host, RESTARTS_MAX);
		return;
	}
	s->pages = s->received = 0;
	ask_page(call, "");
}

static void on_page(struct rev_call *call, const struct http_response *r)
{
	struct rev_search *s = call->search;
	struct rev_page page;
	int err;

	if (call->result.class != REV_OK || !r) {
		rev_finish(call);
		return;
	}
	err = rev_json_hits(r->body.data, r->body.len,
			    s->by_field ? NULL : call->mark, &s->hits, &page);
	if (err) {
		fail(call, err);
		return;
	}
	if (page.status_code == 404) {
		restart_query(call);
		return;
	}
	s->received += page.received;
	s->pages++;
	if (!page.received || !*page.scroll_id ||
	    (page.total && s->received >= page.total) ||
	    (s->by_field && s->hits.overflowed)) {
		end_query(call);
	} else if (s->pages >= PAGES_MAX) {
		s->is_cut = true;
		end_query(call);
	} else {
		ask_page(call, page.scroll_id);
	}
}

/* "<name>=<value>", the value encoded. */
static int add_pair(struct buf *q, const char *name, const char *value)
{
	int err = buf_add_str(q, name);

	err = err ? err : buf_add_str(q, "=");
	return err ? err : str_pct_encode(q, value);
}

static int fill_query(struct rev_call *call, const char *scroll_id)
{
	struct buf *q = &call->query;
	int err;

	buf_clear(q);
	if (call->search->by_field) {
		err = str_pct_encode(q, call->rev->mark_field);
		err = err ? err : add_pair(q, "", call->mark);
	} else if (*call->mark) {
		err = add_pair(q, "q", call->mark);
		err = err ? err
			  : buf_add_str(q, "&searchField=tags"
					   "&exactMatch=true");
	} else {
		err = add_pair(q, "uploaders", call->rev->user);
		err = err ? err : buf_add_str(q, "&status=Inactive");
	}
	err = err ? err : buf_printf(q, "&unlisted=all&count=%d", PAGE);
	if (!err && *scroll_id)
		err = add_pair(q, "&scrollId", scroll_id);
	return err;
}

static void ask_page(struct rev_call *call, const char *scroll_id)
{
	int err = fill_query(call, scroll_id);

	buf_clear(&call->id);
	if (err)
		fail(call, err);
	else
		rev_send(call, REV_PATH_SEARCH, on_page);
}

/* ---- the start ---------------------------------------------------------- */

static void on_fields(struct rev_call *call, const struct http_response *r)
{
	struct rev *rev = call->rev;
	enum rev_class class = call->result.class;
	bool found = false;

	/* Who may not list the fields searches by tag alone. */
	if (class != REV_OK && class != REV_REFUSED && class != REV_GONE) {
		rev_finish(call);
		return;
	}
	if (class == REV_OK && r &&
	    !rev_json_has_field(r->body.data, r->body.len, rev->mark_field,
				&found))
		rev->field = found ? REV_FIELD_THERE : REV_FIELD_MISSING;
	ask_page(call, "");
}

int rev_list_unfinished(struct rev *rev, rev_done_fn *done, void *arg,
			struct rev_call **ret)
{
	return rev_search_mark(rev, "", done, arg, ret);
}

int rev_search_mark(struct rev *rev, const char *mark, rev_done_fn *done,
		    void *arg, struct rev_call **ret)
{
	struct rev_call *call;
	int err = rev_call_new(rev, done, arg, &call);

	if (err)
		return err;
	call->search = calloc(1, sizeof(*call->search));
	err = call->search ? str_replace(&call->mark, mark) : -ENOMEM;
	if (err) {
		rev_call_free(call);
		return err;
	}
	*ret = call;
	if (*rev->mark_field && rev->field == REV_FIELD_UNKNOWN)
		rev_send(call, REV_PATH_FIELDS, on_fields);
	else
		ask_page(call, "");
	return 0;
}
