/* SPDX-License-Identifier: MIT */
#include "uploader/check.h"

#include <stdlib.h>
#include <unistd.h>

#include "tests/unit.h"
#include "uploader/engine.h"

struct said {
	char text[2048];
};

static void tell(void *arg, const char *sentence)
{
	struct said *said = arg;
	size_t n = strlen(said->text);

	snprintf(said->text + n, sizeof(said->text) - n, "%s\n", sentence);
}

static int parse(const char *text, const char *instance, struct conf **ret)
{
	struct err why;

	return conf_parse("f", text, strlen(text), instance, ret, &why);
}

static int test_missing(void)
{
	struct conf *conf = NULL;
	struct said said = { "" };
	int err = parse("[upcast]\nsecrets_dir = /nonexistent\n"
			"[uploader]\nenabled = true\nrev_login = api-key\n"
			"cms_host = bridge\n",
			NULL, &conf);

	CHECK_OK(err);
	CHECK_EQ(check_settings(conf, tell, &said), 7);
	CHECK(strstr(said.text, "uploader.nfs_host is not set"));
	CHECK(strstr(said.text, "uploader.nfs_directory is not set"));
	CHECK(strstr(said.text, "uploader.rev_host is not set"));
	CHECK(strstr(said.text, "uploader.rev_api_key is not set"));
	CHECK(strstr(said.text, "uploader.cms_user is not set"));
	CHECK(!strstr(said.text, "local_directory"));
	CHECK(unit_is_oom() || strstr(said.text, "rev_api_secret"));
	CHECK(unit_is_oom() || strstr(said.text, "cms_password"));
out:
	conf_free(conf);
	return err;
}

static int test_disabled(void)
{
	struct conf *conf = NULL;
	struct said said = { "" };
	int err = parse("[uploader]\nenabled = false\n", NULL, &conf);

	CHECK_OK(err);
	CHECK_EQ(check_settings(conf, tell, &said), 0);
	CHECK_STR(said.text, "");
out:
	conf_free(conf);
	return err;
}

/* Two uploaders with one journal would be an uploader and its standby. */
static int test_journals(void)
{
	static const char text[] = "[uploader]\njournal = /plain.db\n"
				   "[uploader ulm]\nenabled = true\n"
				   "[uploader bonn]\njournal = /bonn.db\n";
	static const struct {
		const char *instance, *path;
	} cases[] = {
		{ NULL, "/plain.db" },
		{ "ulm", "/var/lib/upcast/uploader/journal@ulm.db" },
		{ "bonn", "/bonn.db" },
	};
	struct conf *conf = NULL;
	char path[64];
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CHECK_OK(parse(text, cases[i].instance, &conf));
		CHECK_OK(engine_journal_path(conf, path, sizeof(path)));
		CHECK_STR(path, cases[i].path);
		CHECK_ERR(engine_journal_path(conf, path, 4), -ENAMETOOLONG);
		conf_free(conf);
		conf = NULL;
	}
out:
	conf_free(conf);
	return err;
}

static const struct unit_test tests[] = {
	{ "what is missing is named", test_missing, 0 },
	{ "disabled, nothing is", test_disabled, 0 },
	{ "an instance has a journal of its own", test_journals, 0 },
};
UNIT_MAIN(tests)
