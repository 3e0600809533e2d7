/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_CLI_H
#define UPCAST_CLI_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/table.h"
#include "lib/conf.h"
#include "lib/err.h"

/*
 * What every command has: where the settings are, how to say what came of it,
 * and how to change a setting.
 *
 * Results go to standard output, "SUCCESS: " and "FAILURE: " in front, as the
 * original prints them; hints that it does not print go to standard error. A
 * command returns 0, or a negative errno after it has said why.
 */
enum { CLI_NAME_SIZE = 80, CLI_PATH_SIZE = 1400 };

struct cli {
	const char *config_path;
	const char *instance; /* of the uploader, NULL: none */
	struct conf *conf;    /* read anew for each command */
	const struct table *table;
	char *history_path; /* NULL: none is kept */
	bool is_quitting;
};

void cli_release(struct cli *cli);

/* One command, or several with words_separator between; 0 or -errno. */
int cli_run(struct cli *cli, int argc, const char *const *argv);
int cli_run_line(struct cli *cli, const char *line);

void cli_success(const char *fmt, ...) ATTR_PRINTF(1, 2);
/* Returns `code`, so that a command can end in it. With -EACCES it says who
 * may.
 */
int cli_failure(int code, const char *fmt, ...) ATTR_PRINTF(2, 3);
/* For standard error, without a word in front. */
void cli_hint(const char *fmt, ...) ATTR_PRINTF(1, 2);

/* "uploader" or "uploader NAME"; the section of another option as it is. */
void cli_section(const struct cli *cli, const char *section,
		 char dst[CLI_NAME_SIZE]);
/* Sets an option, or (NULL) removes it. Says only what went wrong. */
int cli_set(struct cli *cli, enum schema_id id,
	    const char *value) ATTR_MUST_CHECK;
/* Says that it was done, and what is left to do for it to take effect. */
void cli_say_set(struct cli *cli, enum schema_id id, const char *value);

/* The path of a file that a setting names: in certs_dir unless absolute. */
void cli_cert_path(const struct cli *cli, const char *name,
		   char dst[CLI_PATH_SIZE]);

/* The folder "streamer", "uploader" or "uploader@NAME" of a section. */
void cli_folder(const struct cli *cli, const char *section,
		char dst[CLI_NAME_SIZE]);
/* Does the daemon of that section live? */
bool cli_is_alive(const struct cli *cli, const char *section);
/* A command for the daemon; its verdict in `answer`. */
int cli_tell(const struct cli *cli, const char *folder, const char *command,
	     struct err *answer) ATTR_MUST_CHECK;

/* Has the person pressed Ctrl-C since cli_watch_interrupt()? */
void cli_watch_interrupt(void);
bool cli_is_interrupted(void);

#endif
