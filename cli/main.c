/* SPDX-License-Identifier: MIT */
/*
 * upcast: one command of the command line, or a shell of them.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/complete.h"
#include "cli/shell.h"
#include "cli/words.h"
#include "lib/boot.h"
#include "lib/schema.h"

enum { EXIT_USAGE = 2 };

static const char usage[] =
	"usage: upcast [-s FILE] [-i NAME] [COMMAND...]\n"
	"       upcast [-s FILE] [-i NAME] -c 'COMMAND [; COMMAND]...'\n"
	"\n"
	"  -s FILE  settings [" BOOT_CONFIG_PATH "]\n"
	"  -i NAME  instance of the uploader\n"
	"  -c LINE  run the commands of LINE, as a login shell does\n"
	"  -C       print what the last of the words may become\n"
	"  -V       version\n"
	"\n"
	"Without a command it is a shell. \"upcast help\" lists the commands.\n";

struct options {
	const char *line; /* -c */
	bool completes;	  /* -C */
	int argc;
	char **argv;
};

static bool take_option(struct cli *cli, int option, struct options *o)
{
	switch (option) {
	case 's':
		cli->config_path = optarg;
		return true;
	case 'i':
		cli->instance = optarg;
		return schema_is_instance(optarg);
	case 'c':
		o->line = optarg;
		return true;
	case 'C':
		o->completes = true;
		return true;
	default:
		return false;
	}
}

static void print_and_exit(const char *text)
{
	fputs(text, stdout);
	exit(0);
}

/* Options end at the first word of a command. */
static bool parse_options(struct cli *cli, int argc, char **argv,
			  struct options *ret)
{
	struct options o = { 0 };
	int option;

	while ((option = getopt(argc, argv, "+s:i:c:CVh")) != -1) {
		if (option == 'V')
			print_and_exit("upcast " UPCAST_VERSION "\n");
		if (option == 'h')
			print_and_exit(usage);
		if (!take_option(cli, option, &o))
			return false;
	}
	o.argc = argc - optind;
	o.argv = argv + optind;
	*ret = o;
	return true;
}

/* The words of an argument list; several commands may stand in it. */
static int run_words(struct cli *cli, int argc, char **argv)
{
	const char *words[WORDS_MAX];

	if (argc > WORDS_MAX)
		return cli_failure(-E2BIG, "more than %d words", WORDS_MAX);
	for (int i = 0; i < argc; i++)
		words[i] = strcmp(argv[i], words_separator) ? argv[i]
							    : words_separator;
	return cli_run(cli, argc, words);
}

static int run(struct cli *cli, const struct options *o)
{
	const char *forced = getenv("SSH_ORIGINAL_COMMAND");

	if (o->completes)
		return complete_print(cli, o->argc,
				      (const char *const *)o->argv);
	if (o->line)
		return cli_run_line(cli, o->line);
	if (o->argc == 1)
		return cli_run_line(cli, o->argv[0]);
	if (o->argc)
		return run_words(cli, o->argc, o->argv);
	if (forced)
		return cli_run_line(cli, forced);
	return shell_run(cli);
}

static char *find_history(void)
{
	const char *home = getenv("HOME");
	const struct passwd *user = home ? NULL : getpwuid(getuid());
	char *path;

	if (user)
		home = user->pw_dir;
	if (!home || asprintf(&path, "%s/.upcast_history", home) < 0)
		return NULL;
	return path;
}

int main(int argc, char **argv)
{
	struct cli cli = {
		.config_path = BOOT_CONFIG_PATH,
		.table = &commands,
	};
	struct options options;
	int err;

	if (!parse_options(&cli, argc, argv, &options)) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	cli.history_path = find_history();
	err = run(&cli, &options);
	cli_release(&cli);
	return err ? 1 : 0;
}
