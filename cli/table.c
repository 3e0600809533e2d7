/* SPDX-License-Identifier: MIT */
#include "cli/table.h"

#include <errno.h>
#include <string.h>

#include "lib/nearest.h"

enum { USAGE_LINES = 12, WORDS_NEAR = 64 };

struct token {
	const char *text; /* without brackets, several alternatives by '|' */
	size_t len;
	bool is_argument, is_optional, is_flag, repeats;
};

static const struct {
	const char *name;
	enum table_kind kind;
} kinds[] = {
	{ "0-500", TABLE_FREE },	  { "attribute:value", TABLE_FREE },
	{ "basename", TABLE_FREE },	  { "call", TABLE_CALL },
	{ "ciphers", TABLE_FREE },	  { "command", TABLE_COMMAND },
	{ "crt-bundle", TABLE_FILE },	  { "crt-file", TABLE_FILE },
	{ "domain", TABLE_FREE },	  { "file", TABLE_FILE },
	{ "host", TABLE_FREE },		  { "host:directory", TABLE_FREE },
	{ "id", TABLE_OBJECT },		  { "interface", TABLE_INTERFACE },
	{ "key-file", TABLE_FILE },	  { "port", TABLE_FREE },
	{ "recording", TABLE_RECORDING }, { "section.key", TABLE_SETTING },
	{ "space", TABLE_FREE },	  { "tcp-port", TABLE_FREE },
	{ "tls-port", TABLE_FREE },	  { "url", TABLE_FREE },
	{ "user", TABLE_FREE },		  { "username", TABLE_FREE },
	{ "value", TABLE_FREE },
};

static bool equals(const char *text, size_t len, const char *word)
{
	return strlen(word) == len && !memcmp(text, word, len);
}

enum table_kind table_kind(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (equals(name, len, kinds[i].name))
			return kinds[i].kind;
	return TABLE_WORD;
}

/* ---- the syntax of a row ------------------------------------------------ */

static bool ends_with(const struct token *t, const char *end)
{
	size_t n = strlen(end);

	return t->len > n && !memcmp(t->text + t->len - n, end, n);
}

static bool strip(struct token *t, char open, char close)
{
	if (t->len < 2 || t->text[0] != open || t->text[t->len - 1] != close)
		return false;
	t->text++;
	t->len -= 2;
	return true;
}

static bool next_token(const char **at, struct token *ret)
{
	struct token t = { 0 };

	while (**at == ' ')
		(*at)++;
	t.text = *at;
	t.len = strcspn(*at, " ");
	*at += t.len;
	if (!t.len)
		return false;
	t.is_optional = strip(&t, '[', ']');
	t.is_flag = t.is_optional && t.text[0] == '-';
	t.repeats = ends_with(&t, "...");
	if (t.repeats)
		t.len -= 3;
	t.is_argument = strip(&t, '<', '>');
	*ret = t;
	return true;
}

static bool next_alternative(const struct token *t, size_t *at,
			     const char **ret, size_t *ret_len)
{
	const char *end;

	if (*at >= t->len)
		return false;
	*ret = t->text + *at;
	end = memchr(*ret, '|', t->len - *at);
	*ret_len = end ? (size_t)(end - *ret) : t->len - *at;
	*at += *ret_len + 1;
	return true;
}

/* Does a word fit: one of the alternatives, or any where there is a kind? */
static bool fits(const struct token *t, const char *word)
{
	const char *text;
	size_t at = 0, len;

	while (next_alternative(t, &at, &text, &len))
		if (equals(text, len, word) ||
		    (t->is_argument && table_kind(text, len) != TABLE_WORD))
			return true;
	return false;
}

static bool is_flag_of(const struct command *c, const char *word)
{
	const char *at = c->syntax;
	struct token t;

	while (next_token(&at, &t))
		if (t.is_flag && fits(&t, word))
			return true;
	return false;
}

/* ---- matching ----------------------------------------------------------- */

/* Where a walk along a row stands. */
struct walk {
	const struct command *command;
	const char *at; /* in the syntax, behind the current token */
	struct token token;
	bool at_end;
	int words; /* words of the row, not arguments, that have been met */
};

static void step(struct walk *w)
{
	do
		w->at_end = !next_token(&w->at, &w->token);
	while (!w->at_end && w->token.is_flag);
}

static void begin(struct walk *w, const struct command *c)
{
	*w = (struct walk){ .command = c, .at = c->syntax };
	step(w);
}

/* Takes one typed word; false where it does not fit. */
static bool take(struct walk *w, const char *word, struct table_match *m)
{
	if (word[0] == '-' && m->flag_count < TABLE_FLAGS_MAX &&
	    is_flag_of(w->command, word)) {
		m->flags[m->flag_count++] = word;
		return true;
	}
	if (w->at_end || !fits(&w->token, word))
		return false;
	if (!w->token.is_argument) {
		w->words++;
	} else {
		if (m->argc == TABLE_ARGS_MAX)
			return false;
		m->argv[m->argc++] = word;
	}
	if (w->token.repeats)
		w->token.is_optional = true;
	else
		step(w);
	return true;
}

static bool is_complete(const struct walk *w)
{
	return w->at_end || w->token.is_optional;
}

/* How many of the typed words the row takes. */
static int walk_along(struct walk *w, const struct command *c, int argc,
		      const char *const *argv, struct table_match *m)
{
	int i;

	begin(w, c);
	*m = (struct table_match){ .command = c };
	for (i = 0; i < argc; i++)
		if (!take(w, argv[i], m))
			break;
	return i;
}

bool table_begins(const struct command *c, int argc, const char *const *argv)
{
	struct table_match m;
	struct walk w;

	return walk_along(&w, c, argc, argv, &m) == argc;
}

/* ---- what is said where nothing fits ------------------------------------ */

/*
 * Rows are alike here if they take as many words, of which as many are fixed.
 */
struct best {
	int taken, words;
};

static void find_best(const struct table *t, int argc, const char *const *argv,
		      struct best *ret)
{
	struct best best = { 0, 0 };
	struct table_match m;
	struct walk w;

	for (size_t i = 0; i < t->count; i++) {
		int n = walk_along(&w, &t->rows[i], argc, argv, &m);

		if (t->rows[i].flags & COMMAND_HIDDEN)
			continue;
		if (n > best.taken || (n == best.taken && w.words > best.words))
			best = (struct best){ n, w.words };
	}
	*ret = best;
}

struct offers {
	struct nearest near;
	char words[WORDS_NEAR][NEAREST_LENGTH + 1];
	size_t count;
};

static void offer(void *arg, enum table_kind kind, const char *text, size_t len)
{
	struct offers *o = arg;

	if (kind != TABLE_WORD || len > NEAREST_LENGTH)
		return;
	for (size_t i = 0; i < o->count; i++)
		if (equals(text, len, o->words[i]))
			return;
	if (o->count == WORDS_NEAR)
		return;
	memcpy(o->words[o->count], text, len);
	o->words[o->count][len] = '\0';
	nearest_offer(&o->near, o->words[o->count++]);
}

static int add_words(struct buf *dst, int argc, const char *const *argv)
{
	int err = 0;

	for (int i = 0; i < argc && !err; i++)
		err = buf_printf(dst, " %s", argv[i]);
	return err;
}

/* "Unknown command: uploader cms prot; near it: port" */
static int explain_word(const struct table *t, const struct best *best,
			const char *const *argv, struct buf *why)
{
	struct offers o = { .count = 0 };
	char near[NEAREST_WORDS * (NEAREST_LENGTH + 8)];
	int err;

	nearest_init(&o.near, argv[best->taken]);
	table_next(t, best->taken, argv, offer, &o);
	nearest_format(&o.near, near, sizeof(near));
	err = buf_add_str(why, "Unknown command:");
	if (!err)
		err = add_words(why, best->taken + 1, argv);
	if (!err && *near)
		err = buf_printf(why, "; did you mean %s?", near);
	else if (!err && !best->taken)
		err = buf_add_str(why, "; \"help\" lists all");
	return err ? err : buf_add_str(why, "\n");
}

static int explain_usage(const struct table *t, int argc,
			 const char *const *argv, struct buf *why)
{
	int lines = 0, err = 0;

	for (size_t i = 0; i < t->count && !err && lines < USAGE_LINES; i++) {
		const struct command *c = &t->rows[i];

		if (!(c->flags & COMMAND_HIDDEN) &&
		    table_begins(c, argc, argv)) {
			err = buf_printf(
				why, "%s %s\n",
				lines ? "      " : "Usage:", c->syntax);
			lines++;
		}
	}
	return err;
}

static int explain(const struct table *t, int argc, const char *const *argv,
		   struct buf *why)
{
	struct best best;
	int err = 0;

	find_best(t, argc, argv, &best);
	if (best.taken < argc)
		err = explain_word(t, &best, argv, why);
	if (!err && best.taken)
		err = explain_usage(t, best.taken, argv, why);
	return err;
}

int table_match(const struct table *t, int argc, const char *const *argv,
		struct table_match *ret, struct buf *why)
{
	struct table_match m;
	struct walk w;
	int err;

	for (size_t i = 0; i < t->count; i++) {
		int n = walk_along(&w, &t->rows[i], argc, argv, &m);

		if (n == argc && is_complete(&w)) {
			*ret = m;
			return 0;
		}
	}
	err = explain(t, argc, argv, why);
	return err ? err : -ENOENT;
}

bool table_has_flag(const struct table_match *m, const char *flag)
{
	for (int i = 0; i < m->flag_count; i++)
		if (!strcmp(m->flags[i], flag))
			return true;
	return false;
}

const char *table_arg(const struct table_match *m, int i)
{
	return i < m->argc ? m->argv[i] : NULL;
}

/* ---- what may follow ---------------------------------------------------- */

static void tell_token(const struct token *t, table_next_fn *fn, void *arg)
{
	const char *text;
	size_t at = 0, len;

	while (next_alternative(t, &at, &text, &len))
		fn(arg, t->is_argument ? table_kind(text, len) : TABLE_WORD,
		   text, len);
}

static void tell_flags(const struct command *c, table_next_fn *fn, void *arg)
{
	const char *at = c->syntax;
	struct token t;

	while (next_token(&at, &t))
		if (t.is_flag)
			tell_token(&t, fn, arg);
}

void table_next(const struct table *t, int argc, const char *const *argv,
		table_next_fn *fn, void *arg)
{
	struct table_match m;
	struct walk w;

	for (size_t i = 0; i < t->count; i++) {
		const struct command *c = &t->rows[i];

		if ((c->flags & COMMAND_HIDDEN) ||
		    walk_along(&w, c, argc, argv, &m) < argc)
			continue;
		if (!w.at_end)
			tell_token(&w.token, fn, arg);
		if (w.words)
			tell_flags(c, fn, arg);
	}
}
