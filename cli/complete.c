/* SPDX-License-Identifier: MIT */
#include "cli/complete.h"

#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ctlread.h"

enum { WORD_SIZE = 300 };

/* A search under way. */
struct search {
	struct cli *cli;
	const char *typed;
	struct complete *found;
	int err;
	bool has_conf;
};

static void add(struct search *s, const char *word, size_t len)
{
	struct complete *c = s->found;
	size_t typed = strlen(s->typed);
	char *copy;

	if (s->err || c->count == COMPLETE_MAX || len < typed ||
	    memcmp(word, s->typed, typed))
		return;
	copy = strndup(word, len);
	if (copy)
		c->words[c->count++] = copy;
	else
		s->err = -ENOMEM;
}

static void add_text(struct search *s, const char *word)
{
	add(s, word, strlen(word));
}

/* ---- what a kind may be ------------------------------------------------- */

typedef bool keep_fn(const char *name);

static bool is_shown(const char *name)
{
	return name[0] != '.';
}

static void add_folder(struct search *s, const char *path, keep_fn *keep)
{
	DIR *dir = opendir(path);
	const struct dirent *e;

	if (!dir)
		return;
	while ((e = readdir(dir)))
		if (keep(e->d_name))
			add_text(s, e->d_name);
	closedir(dir);
}

static void add_files(struct search *s)
{
	add_folder(s, conf_text(s->cli->conf, OPT_CERTS_DIR), is_shown);
}

static void add_interfaces(struct search *s)
{
	struct if_nameindex *all = if_nameindex();

	for (size_t i = 0; all && all[i].if_index; i++)
		add_text(s, all[i].if_name);
	if_freenameindex(all);
	add_text(s, "any");
}

static void add_settings(struct search *s)
{
	char name[WORD_SIZE];

	for (size_t i = 0; i < SCHEMA_COUNT; i++) {
		snprintf(name, sizeof(name), "%s.%s", schema_options[i].section,
			 schema_options[i].key);
		add_text(s, name);
	}
}

static void add_objects(struct search *s, const char *section)
{
	char folder[CLI_NAME_SIZE], path[3 * WORD_SIZE];

	cli_folder(s->cli, section, folder);
	snprintf(path, sizeof(path), "%s/%s/%s",
		 conf_text(s->cli->conf, OPT_CONTROL_DIR), folder,
		 ctlread_kind(folder));
	add_folder(s, path, ctlread_is_id);
}

static void add_recordings(struct search *s)
{
	add_objects(s, "uploader");
}

static void add_calls(struct search *s)
{
	add_objects(s, "streamer");
}

static void add_both(struct search *s)
{
	add_recordings(s);
	add_calls(s);
}

static void add_commands(struct search *s)
{
	for (size_t i = 0; i < s->cli->table->count; i++) {
		const char *syntax = s->cli->table->rows[i].syntax;

		if (!(s->cli->table->rows[i].flags & COMMAND_HIDDEN))
			add(s, syntax, strcspn(syntax, " "));
	}
}

static const struct {
	void (*add)(struct search *s);
	bool needs_conf;
} sources[] = {
	[TABLE_FILE] = { add_files, true },
	[TABLE_INTERFACE] = { add_interfaces, false },
	[TABLE_SETTING] = { add_settings, false },
	[TABLE_RECORDING] = { add_recordings, true },
	[TABLE_CALL] = { add_calls, true },
	[TABLE_OBJECT] = { add_both, true },
	[TABLE_COMMAND] = { add_commands, false },
};

/* Flags only once a dash is typed: they would be in the way. */
static void on_next(void *arg, enum table_kind kind, const char *text,
		    size_t len)
{
	struct search *s = arg;

	if (kind == TABLE_WORD) {
		if (text[0] != '-' || s->typed[0] == '-')
			add(s, text, len);
	} else if (kind < ARRAY_SIZE(sources) && sources[kind].add) {
		if (s->has_conf || !sources[kind].needs_conf)
			sources[kind].add(s);
	}
}

/* ---- the result --------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(struct complete *c)
{
	size_t kept = 0;

	qsort(c->words, c->count, sizeof(c->words[0]), compare);
	for (size_t i = 0; i < c->count; i++) {
		if (kept && !strcmp(c->words[kept - 1], c->words[i]))
			free(c->words[i]);
		else
			c->words[kept++] = c->words[i];
	}
	c->count = kept;
}

/* Quiet: nobody wants an error in the middle of typing. */
static bool has_conf(struct cli *cli)
{
	conf_free(cli->conf);
	cli->conf = NULL;
	if (!conf_load(cli->config_path, cli->instance, &cli->conf, NULL))
		return true;
	return !conf_parse(cli->config_path, "", 0, NULL, &cli->conf, NULL);
}

int complete_find(struct cli *cli, int argc, const char *const *argv,
		  struct complete *ret)
{
	struct search s = { .cli = cli, .found = ret };

	ret->count = 0;
	if (!argc)
		return 0;
	s.typed = argv[argc - 1];
	s.has_conf = has_conf(cli);
	table_next(cli->table, argc - 1, argv, on_next, &s);
	if (s.err)
		complete_release(ret);
	else
		sort(ret);
	return s.err;
}

void complete_release(struct complete *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->words[i]);
	c->count = 0;
}

int complete_print(struct cli *cli, int argc, const char *const *argv)
{
	struct complete *c = calloc(1, sizeof(*c));
	int err = c ? complete_find(cli, argc, argv, c) : -ENOMEM;

	for (size_t i = 0; !err && i < c->count; i++)
		puts(c->words[i]);
	if (!err)
		complete_release(c);
	free(c);
	return err;
}
