/* SPDX-License-Identifier: MIT */
#include "uploader/rev_write.h"

#include <stdlib.h>

#include "tests/unit.h"

static const struct rev_query query = { .mark = "upcast-01234567",
					.mark_field = "key",
					.user = "up",
					.user_id = "U" };

static int test_pair(void)
{
	struct buf b;
	int err;

	buf_init(&b, 256);
	CHECK_OK(rev_write_pair("username", "u", "password", "p\"\\\xc3\xa9",
				&b));
	CHECK_STR(buf_text(&b), "{\"username\":\"u\",\"password\":\"p\\\"\\\\"
				"\xc3\xa9\"}");
	buf_clear(&b);
	CHECK_OK(rev_write_pair("userId", "1", NULL, NULL, &b));
	CHECK_STR(buf_text(&b), "{\"userId\":\"1\"}");
	err = 0;
out:
	buf_wipe(&b);
	return err;
}

static int test_metadata(void)
{
	char ann[] = "A", us[] = "u";
	const struct rev_viewer viewers[] = { { ann, true }, { us, false } };
	const struct rev_metadata m = {
		.title = "t\xff",
		.owner_id = "O",
		.access = "Private",
		.viewers = viewers,
		.viewer_count = 2,
		.categories = " Meetings ,,Town Hall",
		.tags = "a",
		.mark = query.mark,
		.active = true,
		.ratings = true,
	};
	struct buf b;
	int err;

	buf_init(&b, 4096);
	CHECK_OK(rev_write_metadata(&m, &query, &b));
	CHECK_STR(buf_text(&b),
		  "{\"uploader\":\"up\",\"title\":\"t\\\\xff\","
		  "\"owner\":{\"userId\":\"O\"},"
		  "\"categories\":[\"Meetings\",\"Town Hall\"],"
		  "\"tags\":[\"a\",\"upcast-01234567\"],"
		  "\"customFields\":[{\"name\":\"key\","
		  "\"value\":\"upcast-01234567\"}],"
		  "\"videoAccessControl\":\"Private\","
		  "\"accessControlEntities\":["
		  "{\"id\":\"U\",\"type\":\"User\",\"canEdit\":true},"
		  "{\"id\":\"A\",\"type\":\"User\",\"canEdit\":true}],"
		  "\"isActive\":true,\"enableComments\":false,"
		  "\"enableRatings\":true,\"enableDownloads\":false}");
	err = 0;
out:
	buf_release(&b);
	return err;
}

static int test_bare_metadata(void)
{
	const struct rev_query q = { .user = "up", .user_id = "" };
	const struct rev_metadata m = { .tags = " , " };
	struct buf b;
	int err;

	buf_init(&b, 4096);
	CHECK_OK(rev_write_metadata(&m, &q, &b));
	CHECK_STR(buf_text(&b),
		  "{\"uploader\":\"up\",\"accessControlEntities\":["
		  "{\"name\":\"up\",\"type\":\"User\",\"canEdit\":true}],"
		  "\"isActive\":false,\"enableComments\":false,"
		  "\"enableRatings\":false,\"enableDownloads\":false}");
	err = 0;
out:
	buf_release(&b);
	return err;
}

static const char details[] =
	"{\"isActive\": false, \"tags\": [\"upcast-01234567\", \"a\","
	" \"UPCAST-01234567\"], \"customFields\": [{\"id\": \"1\", \"name\":"
	" \"key\", \"value\": \"upcast-01234567\"}, {\"id\": \"2\", \"name\":"
	" \"Room\", \"value\": \"7\"}, {\"id\": \"3\", \"name\": \"x\","
	" \"value\": null}]}";

static int check_patch(const char *body, const struct rev_query *q, bool active,
		       enum rev_patch_form form, const char *want)
{
	struct buf b;
	int err;

	buf_init(&b, 4096);
	err = rev_write_patch(body, strlen(body), q, active, form, &b);
	if (err)
		goto out;
	CHECK_STR(buf_text(&b), want);
out:
	buf_release(&b);
	return err;
}

static int test_patch(void)
{
	const struct rev_query no_field = { .mark = query.mark };
	int err;

	CHECK_OK(check_patch(
		details, &query, true, REV_PATCH_WHOLE,
		"[{\"op\":\"replace\",\"path\":\"/IsActive\",\"value\":true},"
		"{\"op\":\"replace\",\"path\":\"/Tags\",\"value\":[\"a\"]},"
		"{\"op\":\"replace\",\"path\":\"/CustomFields\",\"value\":["
		"{\"id\":\"1\",\"value\":\"\"},"
		"{\"id\":\"2\",\"value\":\"7\"}]}]"));
	CHECK_OK(check_patch(details, &no_field, false, REV_PATCH_INDEX,
			     "[{\"op\":\"test\",\"path\":\"/Tags/2\","
			     "\"value\":\"UPCAST-01234567\"},"
			     "{\"op\":\"remove\",\"path\":\"/Tags/2\"},"
			     "{\"op\":\"test\",\"path\":\"/Tags/0\","
			     "\"value\":\"upcast-01234567\"},"
			     "{\"op\":\"remove\",\"path\":\"/Tags/0\"}]"));
	CHECK_OK(check_patch("{\"IsActive\": true}", &query, false,
			     REV_PATCH_WHOLE,
			     "[{\"op\":\"replace\",\"path\":\"/IsActive\","
			     "\"value\":false}]"));
	CHECK_ERR(check_patch("{\"isActive\": true, \"tags\": [\"a\"]}", &query,
			      true, REV_PATCH_WHOLE, ""),
		  -EALREADY);
	CHECK_ERR(check_patch("[]", &query, true, REV_PATCH_WHOLE, ""),
		  -EBADMSG);
	CHECK_ERR(check_patch("{", &query, true, REV_PATCH_WHOLE, ""),
		  -EBADMSG);
	err = 0;
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "pair", test_pair, 0 },
	{ "metadata", test_metadata, 0 },
	{ "bare metadata", test_bare_metadata, 0 },
	{ "patch", test_patch, 0 },
};

UNIT_MAIN(tests)
