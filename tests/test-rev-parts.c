/* SPDX-License-Identifier: MIT */
/* The small pure parts of the Rev client: classes, minutes, forms. */
#include "uploader/rev_class.h"
#include "uploader/rev_form.h"
#include "uploader/rev_window.h"

#include "lib/str.h"
#include "tests/unit.h"

static int test_class(void)
{
	static const struct {
		int status;
		const char *body;
		int64_t retry_after_ms;
		enum rev_class login, upload, object, other;
	} cases[] = {
		{ 200, "", -1, REV_OK, REV_OK, REV_OK, REV_OK },
		{ 204, "", -1, REV_OK, REV_OK, REV_OK, REV_OK },
		{ 302, "", -1, REV_TRANSIENT, REV_TRANSIENT, REV_TRANSIENT,
		  REV_TRANSIENT },
		{ 400, "", -1, REV_LOCKED, REV_REFUSED, REV_REFUSED,
		  REV_REFUSED },
		{ 401, "", -1, REV_LOCKED, REV_REFUSED, REV_GONE, REV_REFUSED },
		{ 403, "", -1, REV_LOCKED, REV_REFUSED, REV_REFUSED,
		  REV_REFUSED },
		{ 404, "", -1, REV_REFUSED, REV_REFUSED, REV_GONE,
		  REV_REFUSED },
		{ 409, "", -1, REV_REFUSED, REV_REFUSED, REV_REFUSED,
		  REV_REFUSED },
		{ 413, "", -1, REV_REFUSED, REV_REFUSED, REV_REFUSED,
		  REV_REFUSED },
		{ 429, "", -1, REV_LANE, REV_LANE, REV_LANE, REV_LANE },
		{ 500, "", -1, REV_TRANSIENT, REV_TRANSIENT, REV_TRANSIENT,
		  REV_TRANSIENT },
		{ 500, "{\"code\":\"InternalServerError\"}", -1, REV_TRANSIENT,
		  REV_TRANSIENT, REV_TRANSIENT, REV_TRANSIENT },
		{ 500, "{\"code\":\"UserDoesNotExist\"}", -1, REV_TRANSIENT,
		  REV_REFUSED, REV_GONE, REV_REFUSED },
		{ 500, "{\"code\":\"FileNotSupported\"}", -1, REV_TRANSIENT,
		  REV_REFUSED, REV_REFUSED, REV_REFUSED },
		{ 500, "{\"code\":\"StorageQuotaExceeded\"}", -1, REV_TRANSIENT,
		  REV_LANE, REV_LANE, REV_LANE },
		{ 500, "{\"code\":\"SomethingNew\"}", -1, REV_TRANSIENT,
		  REV_REFUSED, REV_REFUSED, REV_REFUSED },
		{ 502, "{\"code\":\"x\"}", -1, REV_TRANSIENT, REV_TRANSIENT,
		  REV_TRANSIENT, REV_TRANSIENT },
		{ 503, "", -1, REV_TRANSIENT, REV_TRANSIENT, REV_TRANSIENT,
		  REV_TRANSIENT },
		{ 503, "", 5000, REV_LANE, REV_LANE, REV_LANE, REV_LANE },
	};
	struct rev_result result;
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum rev_class want[] = {
			[REV_KIND_LOGIN] = cases[i].login,
			[REV_KIND_UPLOAD] = cases[i].upload,
			[REV_KIND_OBJECT] = cases[i].object,
			[REV_KIND_OTHER] = cases[i].other,
		};
		struct http_response r = {
			.status = cases[i].status,
			.retry_after_ms = cases[i].retry_after_ms,
		};

		r.body.data = (uint8_t *)(uintptr_t)cases[i].body;
		r.body.len = strlen(cases[i].body);
		for (size_t k = 0; k < ARRAY_SIZE(want); k++) {
			rev_class_judge((enum rev_kind)k, "r:443", &r, &result);
			CHECK_EQ(result.class, want[k]);
			CHECK_EQ(*result.why.text != 0, result.class != REV_OK);
			CHECK_EQ(result.pause_ms > 0, result.class == REV_LANE);
		}
	}
	err = 0;
out:
	return err;
}

static int test_sentences(void)
{
	struct http_response r = { .status = 429, .retry_after_ms = 17000 };
	struct rev_result result;
	int err;

	rev_class_judge(REV_KIND_OTHER, "r:443", &r, &result);
	CHECK_EQ(result.pause_ms, 17000);
	CHECK_STR(result.why.text, "rev r:443 wants a pause of 17 s "
				   "(too many calls, 429)");
	r.retry_after_ms = -1;
	rev_class_judge(REV_KIND_OTHER, "r:443", &r, &result);
	CHECK_EQ(result.pause_ms, 60000);
	r.status = 507;
	rev_class_judge(REV_KIND_OTHER, "r:443", &r, &result);
	CHECK_STR(result.why.text, "rev r:443 wants a pause of 600 s "
				   "(no room for more, 507)");
	r.status = 413;
	rev_class_judge(REV_KIND_UPLOAD, "r:443", &r, &result);
	CHECK_STR(result.why.text, "rev r:443 answered 413: too large for it, "
				   "or for a proxy on the way");
	r.status = 503;
	rev_class_judge(REV_KIND_UPLOAD, "r:443", &r, &result);
	CHECK_STR(result.why.text, "rev r:443 answered 503: it is out of "
				   "service or overloaded");
	r = (struct http_response){ .err = -ETIMEDOUT };
	str_copy(r.why.text, "no answer", sizeof(r.why.text));
	rev_class_judge(REV_KIND_OTHER, "r:443", &r, &result);
	CHECK_EQ(result.class, REV_TRANSIENT);
	CHECK_EQ(result.status, 0);
	CHECK_STR(result.why.text, "rev: no answer");
	err = 0;
out:
	return err;
}

/* A greedy client for an hour: no minute has more than the limit. */
static int test_window(void)
{
	enum { LIMIT = 30, SENT_MAX = 4000 };
	static uint64_t sent[SENT_MAX];
	struct rev_window w = { 0 };
	uint64_t now = 1000, wait;
	size_t n = 0;
	int err = rev_window_init(&w, LIMIT);

	CHECK_OK(err);
	while (now < 3600000) {
		wait = rev_window_take(&w, now);
		if (!wait)
			sent[n++] = now;
		now += wait ? wait : 7;
	}
	CHECK(n > 1700 && n < 1830);
	for (size_t i = LIMIT; i < n; i++)
		CHECK(sent[i] - sent[i - LIMIT] > 60000);
	err = 0;
out:
	rev_window_release(&w);
	return err;
}

/* ---- forms --------------------------------------------------------------- */

struct source {
	size_t at;
	ptrdiff_t say; /* instead of bytes, once */
};

static ptrdiff_t give(void *arg, uint8_t *dst, size_t n)
{
	struct source *s = arg;
	ptrdiff_t say = s->say;

	s->say = 0;
	if (say)
		return say;
	for (size_t i = 0; i < n; i++)
		dst[i] = (uint8_t)('a' + s->at++ % 26);
	return (ptrdiff_t)n;
}

static int read_form(struct rev_form *f, size_t piece, struct buf *ret)
{
	uint8_t bytes[64];
	ptrdiff_t n;
	int err;

	while ((n = rev_form_read(f, bytes, piece)) > 0) {
		err = buf_add(ret, bytes, (size_t)n);
		if (err)
			return err;
	}
	return n < 0 ? (int)n : 0;
}

static int test_form(void)
{
	static const size_t pieces[] = { 1, 7, 64 };
	struct source source;
	struct rev_form f = { 0 };
	char want[1024];
	struct buf b;
	int err;

	buf_init(&b, 4096);
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		source = (struct source){ 0 };
		buf_clear(&b);
		CHECK_OK(rev_form_init(&f, "{}", 2, "x+1.mp4", 5, give,
				       &source));
		CHECK_OK(read_form(&f, pieces[i], &b));
		CHECK_EQ(b.len, rev_form_length(&f));
		snprintf(want, sizeof(want),
			 "--%s\r\nContent-Disposition: form-data; "
			 "name=\"Video\"\r\n"
			 "Content-Type: application/json\r\n\r\n{}\r\n--%s\r\n"
			 "Content-Disposition: form-data; name=\"VideoFile\"; "
			 "filename=\"x+1.mp4\"\r\nContent-Type: video/mp4\r\n"
			 "\r\nabcde\r\n--%s--\r\n",
			 f.boundary, f.boundary, f.boundary);
		CHECK_STR(buf_text(&b), want);
		rev_form_release(&f);
	}
	err = 0;
out:
	rev_form_release(&f);
	buf_release(&b);
	return err;
}

static int test_form_refused(void)
{
	static const char *const names[] = { "a b.mp4", "a\".mp4", "a\r\n",
					     "\xc3\xbc.mp4", "../a.mp4" };
	struct source source = { .say = HTTP_BODY_PAUSE };
	struct rev_form f = { 0 };
	struct buf b;
	int err;

	buf_init(&b, 4096);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		CHECK_ERR(rev_form_init(&f, "", 0, names[i], 1, give, &source),
			  -EINVAL);
	CHECK_OK(rev_form_init(&f, "", 0, "a.mp4", 3, give, &source));
	CHECK_ERR(read_form(&f, 64, &b), HTTP_BODY_PAUSE);
	CHECK_OK(read_form(&f, 64, &b));
	CHECK_EQ(b.len, rev_form_length(&f));
	err = 0;
out:
	rev_form_release(&f);
	buf_release(&b);
	return err;
}

static const struct unit_test tests[] = {
	{ "class", test_class, 0 },
	{ "sentences", test_sentences, 0 },
	{ "window", test_window, 0 },
	{ "form", test_form, 0 },
	{ "form refused", test_form_refused, 0 },
};

UNIT_MAIN(tests)
