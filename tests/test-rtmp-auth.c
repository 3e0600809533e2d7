/* SPDX-License-Identifier: MIT */
#include "streamer/rtmp_auth.h"

#include "tests/unit.h"

/* The answers were worked out with another implementation (Python). */
static const struct {
	const char *description, *user, *password, *app;
	int err;
	const char *want; /* the query, or the sentence */
} cases[] = {
	{ "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ",
	  "broadcast", "p w&", "live", 0, "authmod=adobe&user=broadcast" },
	{ "[ AccessManager.Reject ] : [ authmod=adobe ] : "
	  "?reason=needauth&user=broadcast&salt=SaLt&challenge=chal&opaque="
	  "opaq==",
	  "broadcast", "p w&", "live", 0,
	  "authmod=adobe&user=broadcast&challenge=0badcafe&response="
	  "bjFuQFfAU6eLSn5yYeOYlA==&opaque=opaq==" },
	{ "[ authmod=adobe ] : ?reason=needauth&user=broadcast&salt=SaLt&"
	  "challenge=chal",
	  "broadcast", "p w&", "live", 0,
	  "authmod=adobe&user=broadcast&challenge=0badcafe&response="
	  "3oeyCs+SqpdmivPjwXuVFw==" },
	{ "[ code=403 need auth; authmod=llnw ]", "a&b@c d", "x", "live", 0,
	  "authmod=llnw&user=a%26b@c%20d" },
	{ "[ authmod=llnw ] : ?reason=needauth&user=broadcast&nonce=NoNcE",
	  "broadcast", "p w&", "live", 0,
	  "authmod=llnw&user=broadcast&nonce=NoNcE&cnonce=0badcafe&"
	  "nc=00000001&response=1e35c9ae4dc887461e17bfd9d5f1cd07" },
	{ "[ authmod=llnw ] : ?reason=needauth&user=broadcast&nonce=NoNcE",
	  "broadcast", "p w&", "app/inst", 0,
	  "authmod=llnw&user=broadcast&nonce=NoNcE&cnonce=0badcafe&"
	  "nc=00000001&response=9de366ed87cf6f5a8afb3e620fa4a8a2" },
	{ "no such application", "u", "p", "live", -ENOENT, "" },
	{ "", "", "", "", -ENOENT, "" },
	{ "[ code=403 need auth; authmod=adobe ]", "", "", "live", -ENOKEY,
	  "no username or password defined for RTMP authentication" },
	{ "[ authmod=adobe ] : ?reason=authfailed&opaque=x", "u", "p", "live",
	  -EACCES, "RTMP server refused the password" },
	{ "[ authmod=adobe ] : ?reason=nosuchuser", "u", "p", "live", -EACCES,
	  "RTMP server does not know the user" },
	{ "[ authmod=llnw ] : ?reason=suspended", "u", "p", "live", -EACCES,
	  "RTMP server refused the user: suspended" },
	{ "[ code=403 need auth; authmod=kerberos ]", "u", "p", "live",
	  -ENOTSUP,
	  "RTMP server wants an authentication other than adobe or llnw" },
	{ "[ authmod=adobe ] : what", "u", "p", "live", -EBADMSG,
	  "RTMP server asks for authentication in a way that is not known" },
};

static int test_cases(void)
{
	struct buf query;
	int err = 0;

	buf_init(&query, RTMP_AUTH_QUERY_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct rtmp_auth_user user = {
			.user = cases[i].user,
			.password = cases[i].password,
			.app = cases[i].app,
		};
		const char *scheme = "";
		struct err why = { 0 };

		buf_clear(&query);
		CHECK_ERR(rtmp_auth_answer(cases[i].description, &user,
					   0x0badcafe, &query, &scheme, &why),
			  cases[i].err);
		CHECK_STR(cases[i].err ? why.text : buf_text(&query),
			  cases[i].want);
	}
out:
	buf_wipe(&query);
	return err;
}

static const struct unit_test tests[] = {
	{ "demands and answers", test_cases, 0 },
};

UNIT_MAIN(tests)
