/* SPDX-License-Identifier: MIT */
#include "uploader/policy.h"

#include "lib/str.h"

#include "tests/unit.h"

/* What the cases below vary; everything else is as the settings say. */
struct bench {
	struct conf *conf;
	struct policy policy;
	struct policy_input in;
	struct policy_person members[4];
};

static struct policy_person person(const char *id, const char *name)
{
	return (struct policy_person){ (char *)id, (char *)name };
}

static int setup(struct bench *b, const char *settings)
{
	char text[1024];
	int n = snprintf(text, sizeof(text), "[uploader]\n%s", settings);

	b->in = (struct policy_input){
		.space_id = "0c7f2d48-1111-4a5b-9c0d-3e5f70a1b2c3",
		.space_name = "Vorstand & Räte",
		.recorded_s = 1624000989, /* 2021-06-18 07:23:09 UTC */
		.utc_offset_s = 7200,
		.members = b->members,
		.self = person("self-id", "uploader"),
	};
	n = conf_parse("test.ini", text, (size_t)n, NULL, &b->conf, NULL);
	b->in.conf = b->conf;
	return n;
}

static void teardown(struct bench *b)
{
	policy_release(&b->policy);
	conf_free(b->conf);
}

static void add_member(struct bench *b, const char *id, const char *name)
{
	b->members[b->in.member_count++] = person(id, name);
}

static int test_known_owner(void)
{
	struct bench b = { 0 };
	int err = setup(&b, "cospace_member_access = view\n"
			    "fallback_owner = admin\n");

	CHECK_OK(err);
	b.in.owner = person("anna-id", "anna");
	b.in.fallback = person("admin-id", "admin");
	add_member(&b, "anna-id", "anna");
	add_member(&b, "ben-id", "ben");
	add_member(&b, NULL, "ghost@example.com");
	add_member(&b, "ben-id", "ben");
	CHECK_OK(policy_decide(&b.in, &b.policy));
	CHECK_STR(b.policy.owner_id, "anna-id");
	CHECK_STR(b.policy.title, "Vorstand & Räte 2021-06-18 09:23");
	/* The owner needs no entry, nor anybody a second one. */
	CHECK_EQ(b.policy.viewer_count, 1);
	CHECK_STR(b.policy.viewers[0].id, "ben-id");
	CHECK(!b.policy.viewers[0].can_edit);
	CHECK_STR(b.policy.viewers_text, "ben (view)");
	CHECK(!b.policy.note);
out:
	teardown(&b);
	return err;
}

static int test_fallback(void)
{
	struct bench b = { 0 };
	int err = setup(&b, "cospace_member_access = edit\n"
			    "fallback_owner = admin\n"
			    "title = {id}: {owner}\n");

	CHECK_OK(err);
	b.in.owner = person(NULL, "anna@example.com");
	b.in.fallback = person("admin-id", "admin");
	add_member(&b, "ben-id", "ben");
	CHECK_OK(policy_decide(&b.in, &b.policy));
	CHECK_STR(b.policy.owner_id, "admin-id");
	CHECK_STR(b.policy.owner_name, "admin");
	CHECK_STR(b.policy.title,
		  "0c7f2d48-1111-4a5b-9c0d-3e5f70a1b2c3: admin");
	CHECK_STR(b.policy.viewers_text, "ben (edit)");
out:
	teardown(&b);
	return err;
}

static int test_self(void)
{
	struct bench b = { 0 };
	int err = setup(&b, "recording_owned_by_cospace_owner = false\n"
			    "cospace_member_access = none\n"
			    "fallback_owner = typo\n");

	CHECK_OK(err);
	b.in.space_id = "";
	b.in.space_name = NULL;
	b.in.owner = person("anna-id", "anna");
	b.in.fallback = person(NULL, "typo");
	add_member(&b, "ben-id", "ben");
	CHECK_OK(policy_decide(&b.in, &b.policy));
	CHECK(!b.policy.owner_id);
	CHECK_STR(b.policy.owner_name, "uploader");
	CHECK_EQ(b.policy.viewer_count, 0);
	CHECK_STR(b.policy.title, "Call 2021-06-18 09:23");
	CHECK(b.policy.note && strstr(b.policy.note, "fallback_owner"));
out:
	teardown(&b);
	return err;
}

static int test_title(void)
{
	struct bench b = { 0 };
	struct buf text;
	char name[700];
	int err = setup(&b, "");

	buf_init(&text, 1024);
	CHECK_OK(err);
	CHECK_OK(policy_expand(&b.in, "{date}{x}{ {time {space", "o", &text));
	CHECK_STR(buf_text(&text), "2021-06-18{x}{ {time {space");
	/* Cut to 255 bytes, not in the middle of a character. */
	for (size_t i = 0; i + 2 < sizeof(name); i += 2)
		memcpy(name + i, "é", 2);
	name[sizeof(name) - 2] = '\0';
	b.in.space_name = name;
	CHECK_OK(policy_decide(&b.in, &b.policy));
	CHECK_EQ(strlen(b.policy.title), 254);
	CHECK(str_is_utf8(b.policy.title, 254));
out:
	buf_release(&text);
	teardown(&b);
	return err;
}

/* A name of any length is cut, and holds up nobody. */
static int test_long_name(void)
{
	static char name[20000];
	struct bench b = { 0 };
	int err = setup(&b, "title = {space}\n"
			    "description = {space}{space}{space}\n");

	CHECK_OK(err);
	memset(name, 'x', sizeof(name) - 1);
	b.in.space_name = name;
	CHECK_OK(policy_decide(&b.in, &b.policy));
	CHECK_EQ(strlen(b.policy.title), 255);
	CHECK_EQ(strlen(b.policy.description), 4096);
out:
	teardown(&b);
	return err;
}

static int test_names(void)
{
	char anna_jid[] = "Anna@call.example.com", mail[] = "anna@example.com";
	char ben_jid[] = "ben@call.example.com";
	struct cms_person anna = { .jid = anna_jid, .email = mail };
	struct cms_person ben = { .jid = ben_jid };
	struct policy_name name;
	struct bench b = { 0 };
	int err = setup(&b, "user_match = email, jid, local-part\n");

	CHECK_OK(err);
	CHECK(policy_name(b.conf, &anna, 0, &name) && name.is_email);
	CHECK_STR(name.text, "anna@example.com");
	CHECK(policy_name(b.conf, &anna, 1, &name) && !name.is_email);
	CHECK_STR(name.text, "Anna@call.example.com");
	CHECK(policy_name(b.conf, &anna, 2, &name));
	CHECK_STR(name.text, "Anna");
	CHECK(!policy_name(b.conf, &anna, 3, &name));
	/* Who has no address is tried by the other ways. */
	CHECK(policy_name(b.conf, &ben, 0, &name) && !name.is_email);
	CHECK(policy_name(b.conf, &ben, 1, &name));
	CHECK_STR(name.text, "ben");
	CHECK(!policy_name(b.conf, &ben, 2, &name));
out:
	teardown(&b);
	return err;
}

static const struct unit_test tests[] = {
	{ "the space's owner owns it, members view", test_known_owner, 0 },
	{ "an unknown owner: the fall-back", test_fallback, 0 },
	{ "nobody known: the uploader's account", test_self, 0 },
	{ "titles", test_title, 0 },
	{ "a name of any length", test_long_name, 0 },
	{ "names to try on Rev", test_names, 0 },
};
UNIT_MAIN(tests)
