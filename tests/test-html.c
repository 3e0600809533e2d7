/* SPDX-License-Identifier: MIT */
#include "uploader/html.h"

#include "tests/unit.h"

static int test_text(void)
{
	static const struct {
		const char *html, *text;
	} cases[] = {
		{ "", "" },
		{ "Too Many\r\n Requests\t", "Too Many Requests" },
		{ "a < b & c", "a < b & c" },
		{ "<html><head><title>502</title><style>p{}</style></head>"
		  "<body bgcolor=\"white\"><center><h1>502 Bad Gateway</h1>"
		  "</center><hr>nginx</body></html>",
		  "502 Bad Gateway nginx" },
		{ "<!DOCTYPE html><!-- > --><script>if (a<b) x</script>"
		  "<p>A&nbsp;&amp;&#39;B&lt;&bogus;",
		  "A &'B<&bogus;" },
		{ "<html><body>gr\xc3\xbc\xc3\x9f \xff\xe2\x82</html>",
		  "gr\xc3\xbc\xc3\x9f ???" },
		{ "<html><script>never ends", "" },
		{ "<html>x<", "x" },
	};
	char text[256];
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		html_text(cases[i].html, strlen(cases[i].html), text,
			  sizeof(text));
		CHECK_STR(text, cases[i].text);
	}
	err = 0;
out:
	return err;
}

static int test_cut(void)
{
	static const char text[] = "ab \xc3\xbc"
				   "cd";
	char dst[8];
	int err;

	html_text(text, strlen(text), dst, 5);
	CHECK_STR(dst, "ab");
	html_text(text, strlen(text), dst, 6);
	CHECK_STR(dst, "ab \xc3\xbc");
	html_text(text, strlen(text), dst, 1);
	CHECK_STR(dst, "");
	html_text(text, strlen(text), dst, 0);
	html_text(NULL, 0, dst, sizeof(dst));
	CHECK_STR(dst, "");
	err = 0;
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "text", test_text, 0 },
	{ "cut", test_cut, 0 },
};

UNIT_MAIN(tests)
