/* SPDX-License-Identifier: MIT */
#include "uploader/rev_json.h"

#include <stdlib.h>

#include "tests/unit.h"

#define JSON(text) (text), strlen(text)

static int test_error(void)
{
	static const struct {
		const char *body, *code, *detail;
	} cases[] = {
		{ "{\"code\": \"FileNotSent\", \"detail\": \"no\\nfile\"}",
		  "FileNotSent", "no?file" },
		{ "{\"Name\": \"BadToken\", \"Message\": \"m\"}", "BadToken",
		  "m" },
		{ "<html><body><h1>413</h1> Too Large</body></html>", "",
		  "413 Too Large" },
		{ "Too Many Requests", "", "Too Many Requests" },
		{ "[1]", "", "[1]" },
		{ "", "", "" },
	};
	struct rev_error e;
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		rev_json_error(JSON(cases[i].body), &e);
		CHECK_STR(e.code, cases[i].code);
		CHECK_STR(e.detail, cases[i].detail);
	}
	rev_json_error(NULL, 0, &e);
	CHECK_STR(e.detail, "");
	err = 0;
out:
	return err;
}

static int test_login(void)
{
	static const char good[] =
		"{\"token\": \"abc-_.=\", \"issuer\": \"VBrick\", \"expiration\":"
		" \"2017-08-31T15:00:10.599Z\", \"id\": \"u-1\","
		" \"language\": null}";
	static const char *const bad[] = {
		"{}",
		"[]",
		"{\"token\": 5}",
		"{\"token\": \"\"}",
		"{\"token\": \"a\\r\\nX-Evil: 1\"}",
		"{\"token\": \"\\u00e9\"}",
		"{\"token\": \"a b\"}",
		"{\"token\"",
		"",
	};
	char id[REV_ID_SIZE] = "?";
	int64_t expires = -1;
	struct buf token;
	int err;

	buf_init(&token, REV_TOKEN_MAX);
	CHECK_OK(rev_json_login(JSON(good), &token, id, &expires));
	CHECK_STR(buf_text(&token), "abc-_.=");
	CHECK_STR(id, "u-1");
	CHECK(expires == 1504191610599);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_ERR(rev_json_login(JSON(bad[i]), &token, id, &expires),
			  -EBADMSG);
	/* The API-key login has three members only. */
	CHECK_OK(rev_json_login(JSON("{\"token\":\"t\",\"expiration\":\"x\"}"),
				&token, id, &expires));
	CHECK_STR(id, "");
	CHECK_EQ(expires, 0);
	err = 0;
out:
	buf_wipe(&token);
	return err;
}

static int test_times(void)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
		{ "1970-01-01T00:00:01Z", 1000 },
		{ "1970-01-01T00:00:01.5", 1500 },
		{ "1970-01-01T01:00:01.0004+01:00", 1000 },
		{ "1970-01-01T00:00:01-0130", 5401000 },
		{ "1970-01-01", 0 },
		{ "tomorrow", 0 },
		{ "1960-01-01T00:00:00Z", 0 },
	};
	char body[128];
	int64_t ms;
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(body, sizeof(body), "{\"Expiration\": \"%s\"}",
			 cases[i].text);
		CHECK_OK(rev_json_expiration(JSON(body), &ms));
		CHECK_EQ(ms, cases[i].ms);
	}
	CHECK_ERR(rev_json_expiration(JSON("\"x\""), &ms), -EBADMSG);
	err = 0;
out:
	return err;
}

static int test_upload(void)
{
	char id[REV_ID_SIZE] = "unchanged", long_id[256];
	int err;

	CHECK_OK(rev_json_upload(JSON("{\"VideoId\": \"v-1\"}"), id));
	CHECK_STR(id, "v-1");
	CHECK_ERR(rev_json_upload(JSON("{\"statusUri\": \"x\"}"), id), -ENOENT);
	CHECK_ERR(rev_json_upload(JSON(""), id), -EBADMSG);
	snprintf(long_id, sizeof(long_id), "{\"videoId\": \"%0100d\"}", 1);
	CHECK_ERR(rev_json_upload(JSON(long_id), id), -EMSGSIZE);
	CHECK_STR(id, "v-1");
	err = 0;
out:
	return err;
}

static int test_playback(void)
{
	char url[32];
	int err;

	CHECK_OK(rev_json_playback_url(JSON("{\"video\": {\"playbackUrl\":"
					    " \"https://r/e?id=1\"}}"),
				       url, sizeof(url)));
	CHECK_STR(url, "https://r/e?id=1");
	CHECK_OK(rev_json_playback_url(JSON("{\"playbackUrl\": \"https://x\"}"),
				       url, sizeof(url)));
	CHECK_STR(url, "https://x");
	CHECK_ERR(rev_json_playback_url(JSON("{\"video\": []}"), url,
					sizeof(url)),
		  -ENOENT);
	CHECK_ERR(rev_json_playback_url(JSON("{\"playbackUrl\": \"https://r/"
					     "a-rather-long-address-indeed\"}"),
					url, sizeof(url)),
		  -EMSGSIZE);
	CHECK_STR(url, "https://x");
	err = 0;
out:
	return err;
}

static int test_status(void)
{
	static const struct {
		const char *body;
		enum rev_phase phase;
	} cases[] = {
		{ "{\"status\":\"Ready\",\"isProcessing\":false,"
		  "\"overallProgress\":1.0}",
		  REV_PHASE_READY },
		{ "{\"status\":\"Ready\",\"isProcessing\":false,"
		  "\"overallProgress\":0.2}",
		  REV_PHASE_DOUBTFUL },
		{ "{\"Status\":\"Ready\"}", REV_PHASE_DOUBTFUL },
		{ "{\"status\":\"Ready\",\"isProcessing\":true,"
		  "\"overallProgress\":1}",
		  REV_PHASE_PROCESSING },
		{ "{\"status\":\"ReadyButProcessingFailed\"}",
		  REV_PHASE_READY },
		{ "{\"status\":\"Processing\",\"overallProgress\":1}",
		  REV_PHASE_PROCESSING },
		{ "{\"status\":\"ProcessingFailed\"}", REV_PHASE_FAILED },
		{ "{\"status\":\"UploadFailed\"}", REV_PHASE_FAILED },
		{ "{\"status\":\"Canceled\"}", REV_PHASE_FAILED },
		{ "{\"status\":\"NeverHeardOf\"}", REV_PHASE_PROCESSING },
	};
	struct rev_status s;
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CHECK_OK(rev_json_status(JSON(cases[i].body), &s));
		CHECK_EQ(rev_status_phase(&s), cases[i].phase);
	}
	CHECK_OK(rev_json_status(JSON("{\"status\":\"x\",\"isActive\":true,"
				      "\"overallProgress\":7}"),
				 &s));
	CHECK(s.is_active && s.progress == 1);
	CHECK_OK(rev_json_status(JSON("{\"status\":\"x\","
				      "\"overallProgress\":-7}"),
				 &s));
	CHECK(s.progress == 0);
	CHECK_ERR(rev_json_status(JSON("{}"), &s), -EBADMSG);
	err = 0;
out:
	return err;
}

static int test_details(void)
{
	static const char body[] =
		"{\"id\": \"v-1\", \"title\": \"T\\u00fc\", \"isActive\": true,"
		" \"tags\": [\"a\", \"upcast-0123456789\", 5],"
		" \"customFields\": [{\"id\": \"f\", \"name\": \"Key\","
		"  \"value\": \"upcast-abcdef0123\"}, {\"name\": \"n\"}],"
		" \"accessControlEntities\": [{\"id\": \"u-9\", \"canEdit\":"
		"  true}, {\"name\": \"bob\", \"canEdit\": false}],"
		" \"owner\": {\"userId\": \"u-2\", \"userName\": \"olga\"},"
		" \"upLoader\": {\"userName\": \"Uploader\"},"
		" \"whenUploaded\": \"2026-11-24T10:31:07.123Z\","
		" \"status\": \"Ready\"}";
	struct rev_query q = { .mark = "upcast-0123456789" };
	struct rev_video v;
	int err;

	CHECK_OK(rev_json_details(JSON(body), &q, &v));
	CHECK_STR(v.id, "v-1");
	CHECK_STR(v.title, "T\xc3\xbc");
	CHECK_STR(v.status_word, "Ready");
	CHECK_STR(v.mark, "upcast-0123456789");
	CHECK(v.is_active && v.has_mark && !v.owned_by_us && !v.has_failed);
	CHECK_EQ(v.uploaded_s, 1795516267);
	/* The same mark in the field counts only where the field is ours. */
	q = (struct rev_query){ .mark = "upcast-abcdef0123",
				.user = "uploader",
				.user_id = "" };
	CHECK_OK(rev_json_details(JSON(body), &q, &v));
	CHECK(!v.has_mark && v.owned_by_us);
	q.mark_field = "Key";
	q.user = "bob";
	CHECK_OK(rev_json_details(JSON(body), &q, &v));
	CHECK(v.has_mark && !v.owned_by_us);
	q.user_id = "u-9";
	CHECK_OK(rev_json_details(JSON(body), &q, &v));
	CHECK(v.owned_by_us);
	q.mark = NULL;
	CHECK_OK(rev_json_details(JSON(body), &q, &v));
	CHECK(!v.has_mark);
	CHECK_ERR(rev_json_details(JSON("{\"title\": \"x\"}"), &q, &v),
		  -EBADMSG);
	CHECK_OK(rev_json_details(JSON("{\"id\": \"x\", \"tags\": {},"
				       " \"customFields\": 7}"),
				  &q, &v));
	CHECK_STR(v.mark, "");
	err = 0;
out:
	return err;
}

static int test_any_mark(void)
{
	static const char *const no[] = {
		"upcast-",
		"upcast-0123",
		"upcast-0123456789x",
		"upcast-0123456789ABCDEF",
		"xupcast-0123456789",
	};
	struct rev_query q = { 0 };
	struct rev_video v;
	char body[128];
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(no); i++) {
		snprintf(body, sizeof(body),
			 "{\"id\": \"x\", \"tags\": [\"%s\"]}", no[i]);
		CHECK_OK(rev_json_details(JSON(body), &q, &v));
		CHECK_STR(v.mark, "");
	}
	q.mark_field = "key";
	CHECK_OK(rev_json_details(JSON("{\"id\": \"x\", \"customFields\": ["
				       "{\"name\": \"key\", \"value\":"
				       " \"upcast-00000000\"}]}"),
				  &q, &v));
	CHECK_STR(v.mark, "upcast-00000000");
	err = 0;
out:
	return err;
}

static int test_hits(void)
{
	static const char body[] =
		"{\"videos\": [{\"id\": \"1\", \"tags\": [\"M\"]},"
		" {\"id\": \"2\", \"tags\": [\"other\"]}, {\"id\": \"3\"},"
		" {\"id\": \"1\", \"tags\": [\"m\"]}, {\"title\": \"no id\"}],"
		" \"totalVideos\": 5, \"scrollId\": \"s\", \"statusCode\": 200}";
	struct rev_hits hits = { 0 };
	struct rev_page page;
	char one[64];
	int err;

	CHECK_OK(rev_json_hits(JSON(body), "m", &hits, &page));
	CHECK_EQ(hits.count, 2);
	CHECK_STR(hits.ids[0], "1");
	CHECK_STR(hits.ids[1], "3");
	CHECK_EQ(page.received, 5);
	CHECK_EQ(page.total, 5);
	CHECK_STR(page.scroll_id, "s");
	CHECK_OK(rev_json_hits(JSON(body), NULL, &hits, &page));
	CHECK_EQ(hits.count, 3);
	CHECK_OK(rev_json_hits(JSON("{\"statusCode\": 404}"), NULL, &hits,
			       &page));
	CHECK_EQ(page.status_code, 404);
	CHECK_EQ(page.received, 0);
	CHECK_ERR(rev_json_hits(JSON("{}"), NULL, &hits, &page), -EBADMSG);
	CHECK_EQ(hits.count, 3);
	for (int i = 0; i < REV_HITS_MAX && !unit_is_oom(); i++) {
		CHECK(!hits.overflowed || i >= REV_HITS_MAX - 2);
		snprintf(one, sizeof(one), "{\"videos\": [{\"id\": \"x%d\"}]}",
			 i);
		CHECK_OK(rev_json_hits(JSON(one), NULL, &hits, &page));
	}
	CHECK(unit_is_oom() || (hits.overflowed && hits.count == REV_HITS_MAX));
	err = 0;
out:
	rev_hits_release(&hits);
	return err;
}

static int test_user(void)
{
	static const char array[] =
		"[{\"userId\": \"1\", \"username\": \"ann\", \"email\": \"a@x\"},"
		" {\"userId\": \"2\", \"username\": \"Bob\", \"email\": \"B@x\"},"
		" {\"username\": \"eve\", \"email\": \"e@x\"}]";
	char id[REV_ID_SIZE], name[16];
	int err;

	CHECK_OK(rev_json_user(JSON(array), "b@X", true, id, name,
			       sizeof(name)));
	CHECK_STR(id, "2");
	CHECK_STR(name, "Bob");
	CHECK_ERR(rev_json_user(JSON(array), "b@x", false, id, name,
				sizeof(name)),
		  -ENOENT);
	CHECK_ERR(rev_json_user(JSON(array), "eve", false, id, name,
				sizeof(name)),
		  -ENOENT);
	CHECK_ERR(rev_json_user(JSON("null"), "eve", false, id, name,
				sizeof(name)),
		  -ENOENT);
	CHECK_OK(rev_json_user(JSON("{\"UserId\": \"7\", \"UserName\":"
				    " \"a-name-that-is-too-long\"}"),
			       "A-NAME-THAT-IS-TOO-LONG", false, id, name,
			       sizeof(name)));
	CHECK_STR(id, "7");
	CHECK_STR(name, "a-name-that-is-");
	err = 0;
out:
	return err;
}

static int test_rights(void)
{
	struct rev_me me = { .can_upload = false };
	bool v = false;
	int err;

	CHECK_OK(rev_json_me(JSON("{}"), &me));
	CHECK(me.can_upload);
	CHECK_STR(me.id, "");
	CHECK_OK(rev_json_me(JSON("{\"userId\": \"u-1\", \"username\": \"up\","
				  " \"permissions\": {\"canUpload\": false}}"),
			     &me));
	CHECK(!me.can_upload);
	CHECK_STR(me.id, "u-1");
	CHECK_STR(me.name, "up");
	CHECK_OK(rev_json_has_field(JSON("[{\"name\": \"Key\"}, {}]"), "Key",
				    &v));
	CHECK(v);
	CHECK_OK(rev_json_has_field(JSON("[{\"name\": \"Key\"}]"), "key", &v));
	CHECK(!v);
	CHECK_ERR(rev_json_has_field(JSON("{}"), "key", &v), -EBADMSG);
	err = 0;
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "error", test_error, 0 },	  { "login", test_login, 0 },
	{ "times", test_times, 0 },	  { "upload", test_upload, 0 },
	{ "playback", test_playback, 0 }, { "status", test_status, 0 },
	{ "details", test_details, 0 },	  { "any mark", test_any_mark, 0 },
	{ "hits", test_hits, 0 },	  { "user", test_user, 0 },
	{ "rights", test_rights, 0 },
};

UNIT_MAIN(tests)
