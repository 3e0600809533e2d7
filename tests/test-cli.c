/* SPDX-License-Identifier: MIT */
#include "cli/cmd.h"
#include "cli/listen.h"
#include "cli/words.h"
#include "tests/unit.h"

static int run_nothing(struct cli *cli, const struct table_match *m)
{
	return 0;
}

static const struct command few[] = {
	{ "pump [--json]", run_nothing, 1, 0, "h" },
	{ "pump listen <interface> <port|none> <port|none>", run_nothing, 2, 0,
	  "h" },
	{ "pump listen <port|none> <port|none>", run_nothing, 3, COMMAND_HIDDEN,
	  "h" },
	{ "pump speed <slow|fast>", run_nothing, 4, 0, "h" },
	{ "pump certs <key-file|none> [<crt-file>]", run_nothing, 5, 0, "h" },
	{ "valve host <host>... [-f|--force]", run_nothing, 6, 0, "h" },
};
static const struct table table = { few, ARRAY_SIZE(few) };

/* The id of the row that a line finds, 0 if there is none. */
static int match(const char *line, struct table_match *m, struct buf *why,
		 int *ret_id)
{
	static struct words w; /* what `m` points into */
	struct err err;
	int code;

	words_release(&w);
	*ret_id = 0;
	if (!line)
		return 0;
	code = words_split(line, &w, &err);
	if (code)
		return code;
	buf_clear(why);
	code = table_match(&table, w.count, w.at, m, why);
	if (!code)
		*ret_id = m->command->id;
	return code == -ENOENT ? 0 : code;
}

static int test_match(void)
{
	static const struct {
		const char *line;
		int id, argc;
	} cases[] = {
		{ "pump", 1, 0 },
		{ "pump --json", 1, 0 },
		{ "pump listen a 1 none", 2, 3 },
		{ "pump listen 1 2", 3, 2 },
		{ "pump listen 1", 0, 0 },
		{ "pump listen a 1 2 3", 0, 0 },
		{ "pump speed fast", 4, 1 },
		{ "pump speed faster", 0, 0 },
		{ "pump certs k", 5, 1 },
		{ "pump certs k c", 5, 2 },
		{ "pump certs", 0, 0 },
		{ "valve host a b c", 6, 3 },
		{ "valve --force host a", 6, 1 },
		{ "valve host a -x", 6, 2 },
		{ "valve host", 0, 0 },
		{ "pum", 0, 0 },
		{ "'' pump", 0, 0 },
	};
	struct table_match m;
	struct buf why;
	int err = 0, id;

	buf_init(&why, 4096);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CHECK_OK(match(cases[i].line, &m, &why, &id));
		if (id != cases[i].id)
			unit_report(__FILE__, __LINE__, "%s", cases[i].line);
		CHECK_EQ(id, cases[i].id);
		if (id)
			CHECK_EQ(m.argc, cases[i].argc);
	}
	CHECK_OK(match("valve host a -f", &m, &why, &id));
	CHECK(table_has_flag(&m, "-f") && !table_has_flag(&m, "--force"));
	CHECK_STR(table_arg(&m, 0), "a");
	CHECK(!table_arg(&m, 1));
out:
	(void)!match(NULL, &m, &why, &id);
	buf_release(&why);
	return err;
}

static int test_explain(void)
{
	static const struct {
		const char *line, *why;
	} cases[] = {
		{ "pmup", "Unknown command: pmup; did you mean pump?\n" },
		{ "xyzzy 1", "Unknown command: xyzzy; \"help\" lists all\n" },
		{ "pump sped fast",
		  "Unknown command: pump sped; did you mean speed?\n"
		  "Usage: pump [--json]\n"
		  "       pump listen <interface> <port|none> <port|none>\n"
		  "       pump speed <slow|fast>\n"
		  "       pump certs <key-file|none> [<crt-file>]\n" },
		{ "pump speed fasd",
		  "Unknown command: pump speed fasd; did you mean fast?\n"
		  "Usage: pump speed <slow|fast>\n" },
		{ "pump speed", "Usage: pump speed <slow|fast>\n" },
	};
	struct table_match m;
	struct buf why;
	int err = 0, id;

	buf_init(&why, 4096);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CHECK_OK(match(cases[i].line, &m, &why, &id));
		CHECK_EQ(id, 0);
		CHECK_STR(buf_text(&why), cases[i].why);
	}
out:
	(void)!match(NULL, &m, &why, &id);
	buf_release(&why);
	return err;
}

struct told {
	char text[256];
};

static void on_next(void *arg, enum table_kind kind, const char *text,
		    size_t len)
{
	struct told *t = arg;
	size_t n = strlen(t->text);

	snprintf(t->text + n, sizeof(t->text) - n, "%s%.*s ",
		 kind == TABLE_WORD ? "" : "*", (int)len, text);
}

static int test_next(void)
{
	const char *const words[] = { "pump", "listen", "speed", "slow" };
	const char *const speed[] = { "pump", "speed" };
	struct told t = { "" };
	int err = 0;

	table_next(&table, 0, words, on_next, &t);
	CHECK_STR(t.text, "pump pump pump pump valve ");
	t.text[0] = '\0';
	table_next(&table, 1, words, on_next, &t);
	CHECK_STR(t.text, "--json listen speed certs ");
	t.text[0] = '\0';
	table_next(&table, 2, words, on_next, &t);
	CHECK_STR(t.text, "*interface ");
	t.text[0] = '\0';
	table_next(&table, 2, speed, on_next, &t);
	CHECK_STR(t.text, "slow fast ");
out:
	return err;
}

static int test_words(void)
{
	struct words w = { 0 };
	struct err e;
	int err;

	CHECK_OK(words_split("  a 'b c'\t\"d 'e'\" f\\ g;h ; '' i\"\"j ", &w,
			     &e));
	CHECK_EQ(w.count, 7);
	CHECK_STR(w.at[0], "a");
	CHECK_STR(w.at[1], "b c");
	CHECK_STR(w.at[2], "d 'e'");
	CHECK_STR(w.at[3], "f g;h");
	CHECK(w.at[4] == words_separator);
	CHECK_STR(w.at[5], "");
	CHECK_STR(w.at[6], "ij");
	words_release(&w);
	CHECK_OK(words_split("", &w, &e));
	CHECK_EQ(w.count, 0);
	words_release(&w);
	CHECK_OK(words_split("';' a\\", &w, &e));
	CHECK(w.at[0] != words_separator);
	CHECK_STR(w.at[0], ";");
	CHECK_STR(w.at[1], "a\\");
	words_release(&w);
	CHECK_ERR(words_split("a 'b", &w, &e), -EINVAL);
	CHECK_ERR(words_split("a\nb", &w, &e), -EINVAL);
	CHECK_ERR(words_split("a\x7f", &w, &e), -EINVAL);
	err = 0;
out:
	words_release(&w);
	return err;
}

static int test_too_much(void)
{
	char line[WORDS_LINE_MAX + 2];
	struct words w = { 0 };
	struct err e;
	int err;

	memset(line, 'a', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	CHECK_ERR(words_split(line, &w, &e), -E2BIG);
	line[sizeof(line) - 2] = '\0';
	CHECK_OK(words_split(line, &w, &e));
	words_release(&w);
	for (size_t i = 1; i < sizeof(line) - 2; i += 2)
		line[i] = ' ';
	CHECK_ERR(words_split(line, &w, &e), -E2BIG);
	err = 0;
out:
	words_release(&w);
	return err;
}

static int test_listen(void)
{
	char text[64];
	int err = 0;

	listen_format("a 7000 7001", text, sizeof(text));
	CHECK_STR(text, "tcp a:7000, tls a:7001");
	listen_format("a 8888 none", text, sizeof(text));
	CHECK_STR(text, "tcp a:8888, tls none");
	listen_format("a none 1, b 2 NONE,nonsense", text, sizeof(text));
	CHECK_STR(text, "tcp none, tls a:1, tcp b:2, tls none");
	listen_format("a 1 2, b 3 4, c 5 6, d 7 8, e 9 10, f 11 12", text,
		      sizeof(text));
	CHECK(strlen(text) < sizeof(text));
	listen_format("", text, sizeof(text));
	CHECK_STR(text, "");
	CHECK(listen_has_tls("a 1 none, b none 2"));
	CHECK(!listen_has_tls("a 1 none"));
out:
	return err;
}

/* Every row can be typed as its own syntax says, and says something. */
static int test_rows(void)
{
	int err = 0;

	CHECK(commands.count > 40);
	for (size_t i = 0; i < commands.count; i++) {
		const struct command *c = &commands.rows[i];
		const char *help = c->help ? c->help
					   : schema_options[c->id].help;
		size_t n = strlen(help);

		CHECK(c->run && n > 4 && n < 70);
		CHECK(help[n - 1] != '.');
		for (size_t k = 0; k < i; k++)
			CHECK(strcmp(c->syntax, commands.rows[k].syntax));
	}
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "words find their row", test_match, 0 },
	{ "what is said where nothing fits", test_explain, 0 },
	{ "what may follow", test_next, 0 },
	{ "a line as words", test_words, 0 },
	{ "lines that are too long", test_too_much, 0 },
	{ "where SIP is listened for, as the original shows it", test_listen,
	  0 },
	{ "the rows of the real table", test_rows, 0 },
};
UNIT_MAIN(tests)
