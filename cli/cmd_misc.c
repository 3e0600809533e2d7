/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/service.h"
#include "lib/buf.h"

enum { HELP_WIDTH = 50, WHY_MAX = 4096 };

/* ---- help --------------------------------------------------------------- */

static void print_row(const struct command *c)
{
	const char *help = c->help ? c->help : schema_options[c->id].help;
	bool fits = strlen(c->syntax) <= HELP_WIDTH;

	printf("%-*s%s%*s  %s\n", HELP_WIDTH, c->syntax, fits ? "" : "\n",
	       fits ? 0 : HELP_WIDTH, "", help);
}

static int explain_nothing(const struct cli *cli, const struct table_match *m)
{
	struct table_match ignored;
	struct buf why;
	int err;

	buf_init(&why, WHY_MAX);
	err = table_match(cli->table, m->argc, m->argv, &ignored, &why);
	fputs(buf_text(&why), stdout);
	buf_release(&why);
	return err ? err : -ENOENT;
}

int cmd_help(struct cli *cli, const struct table_match *m)
{
	bool any = false;

	for (size_t i = 0; i < cli->table->count; i++) {
		const struct command *c = &cli->table->rows[i];

		if ((c->flags & COMMAND_HIDDEN) ||
		    !table_begins(c, m->argc, m->argv))
			continue;
		print_row(c);
		any = true;
	}
	return any ? 0 : explain_nothing(cli, m);
}

int cmd_version(struct cli *cli, const struct table_match *m)
{
	printf("upcast %s\n", UPCAST_VERSION);
	return 0;
}

int cmd_license(struct cli *cli, const struct table_match *m)
{
	puts("No license is needed: every feature of upcast is activated "
	     "without an expiry.\nStreaming and recording may need one on the "
	     "bridge that places the calls.");
	return 0;
}

int cmd_exit(struct cli *cli, const struct table_match *m)
{
	cli->is_quitting = true;
	return 0;
}

/* ---- history ------------------------------------------------------------ */

int cmd_history(struct cli *cli, const struct table_match *m)
{
	char line[4096];
	FILE *file;

	file = cli->history_path ? fopen(cli->history_path, "re") : NULL;
	if (!file)
		return 0;
	for (int n = 1; fgets(line, sizeof(line), file); n++)
		printf("%5d  %s", n, line);
	fclose(file);
	return 0;
}

/* ---- syslog ------------------------------------------------------------- */

static int follow_journal(void)
{
	const char *const argv[] = { "journalctl",
				     "--no-pager",
				     "--follow",
				     "--lines=20",
				     "--identifier=streamer-sip",
				     "--identifier=Uploader",
				     "--identifier=upcast-fs",
				     NULL };

	return service_spawn(argv);
}

/* Of a file that all programs write to, what is the daemons'. */
static int follow_file(const char *path)
{
	const char *const argv[] = {
		"sh", "-c",
		"tail -n 500 -F \"$0\" | grep --line-buffered -E "
		"'(streamer-sip|Uploader|upcast-fs)(\\[|:)'",
		path, NULL
	};

	return service_spawn(argv);
}

int cmd_syslog_follow(struct cli *cli, const struct table_match *m)
{
	static const char *const files[] = { "/var/log/syslog",
					     "/var/log/messages" };
	int err = -ENOENT;

	cli_watch_interrupt();
	if (service_has_manager())
		err = follow_journal();
	for (size_t i = 0; i < ARRAY_SIZE(files) && err == -ENOENT; i++)
		if (!access(files[i], R_OK))
			err = follow_file(files[i]);
	if (err == -ENOENT)
		return cli_failure(err, "there is neither a journal nor a "
					"syslog file that may be read");
	return 0;
}
