/* SPDX-License-Identifier: MIT */
#include "tests/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "lib/str.h"
#include "uploader/rev_json.h"
#include "uploader/rev_write.h"

static const struct rev_query query = { .mark = "upcast-0123456789abcdef",
					.mark_field = "upcast_key",
					.user = "uploader",
					.user_id = "u-1" };

static void check_text(const char *text, size_t size)
{
	if (strnlen(text, size) == size)
		abort();
}

static void read_session(const uint8_t *data, size_t size)
{
	char id[REV_ID_SIZE] = "";
	struct rev_error e;
	struct buf token;
	int64_t ms;

	buf_init(&token, REV_TOKEN_MAX);
	if (!rev_json_login(data, size, &token, id, &ms) &&
	    strpbrk(buf_text(&token), "\r\n "))
		abort();
	buf_wipe(&token);
	check_text(id, sizeof(id));
	if (!rev_json_expiration(data, size, &ms) && ms < 0)
		abort();
	rev_json_error(data, size, &e);
	check_text(e.code, sizeof(e.code));
	check_text(e.detail, sizeof(e.detail));
	if (strpbrk(e.detail, "\r\n"))
		abort();
}

static void read_video(const uint8_t *data, size_t size)
{
	char url[64] = "", id[REV_ID_SIZE] = "";
	struct rev_video v = { 0 };
	struct rev_status s = { 0 };

	if (!rev_json_upload(data, size, id) && !*id)
		abort();
	if (!rev_json_playback_url(data, size, url, sizeof(url)) && !*url)
		abort();
	check_text(url, sizeof(url));
	if (!rev_json_status(data, size, &s)) {
		check_text(s.word, sizeof(s.word));
		if (!(s.progress >= 0 && s.progress <= 1))
			abort();
		rev_status_phase(&s);
	}
	if (!rev_json_details(data, size, &query, &v)) {
		check_text(v.title, sizeof(v.title));
		check_text(v.mark, sizeof(v.mark));
		if (!*v.id)
			abort();
	}
}

static void read_lists(const uint8_t *data, size_t size)
{
	char id[REV_ID_SIZE] = "", name[32] = "";
	struct rev_hits hits = { 0 };
	struct rev_page page;
	struct rev_me me;
	bool found;

	if (!rev_json_hits(data, size, query.mark, &hits, &page))
		check_text(page.scroll_id, sizeof(page.scroll_id));
	(void)!rev_json_hits(data, size, NULL, &hits, &page);
	for (size_t i = 0; i < hits.count; i++)
		if (!*hits.ids[i])
			abort();
	rev_hits_release(&hits);
	if (!rev_json_user(data, size, "olga", false, id, name, sizeof(name)) &&
	    !*id)
		abort();
	check_text(name, sizeof(name));
	if (!rev_json_me(data, size, &me)) {
		check_text(me.id, sizeof(me.id));
		check_text(me.name, sizeof(me.name));
	}
	(void)!rev_json_has_field(data, size, "upcast_key", &found);
}

/* A patch is an array, in either form. */
static void write_patches(const uint8_t *data, size_t size)
{
	struct buf b;

	for (int form = 0; form < REV_PATCH_FORMS; form++) {
		buf_init(&b, 1 << 20);
		if (!rev_write_patch(data, size, &query, true,
				     (enum rev_patch_form)form, &b) &&
		    *buf_text(&b) != '[')
			abort();
		buf_release(&b);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_session(data, size);
	read_video(data, size);
	read_lists(data, size);
	write_patches(data, size);
	return 0;
}
