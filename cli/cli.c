/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/words.h"
#include "lib/ctlread.h"
#include "lib/ctlsock.h"
#include "lib/redact.h"
#include "lib/str.h"

enum { TELL_TIMEOUT_MS = 3000, WHY_MAX = 16384 };

/* ---- what is said ------------------------------------------------------- */

static void say(FILE *file, const char *word, const char *fmt, va_list ap)
	ATTR_PRINTF(3, 0);

/* Names and sentences may come from far: no control characters. */
static void say(FILE *file, const char *word, const char *fmt, va_list ap)
{
	char text[4096];

	vsnprintf(text, sizeof(text), fmt, ap);
	str_clean(text);
	fprintf(file, "%s%s\n", word, text);
	fflush(file);
}

void cli_success(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(stdout, "SUCCESS: ", fmt, ap);
	va_end(ap);
}

int cli_failure(int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(stdout, "FAILURE: ", fmt, ap);
	va_end(ap);
	if (code == -EACCES && geteuid())
		cli_hint("changing settings takes root; commanding a daemon "
			 "takes root or group upcast");
	return code;
}

void cli_hint(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	va_start(ap, fmt);
	say(stderr, "", fmt, ap);
	va_end(ap);
}

/* ---- settings ----------------------------------------------------------- */

/* Reads the settings; a missing file is an empty one. Says what is wrong. */
static int load(struct cli *cli)
{
	struct conf *conf = NULL;
	struct err err;
	int code;

	code = conf_load(cli->config_path, cli->instance, &conf, &err);
	/* An instance whose first setting is about to be made. */
	if (code == -EINVAL && cli->instance)
		code = conf_load(cli->config_path, NULL, &conf, &err);
	if (code == -ENOENT)
		code = conf_parse(cli->config_path, "", 0, NULL, &conf, &err);
	if (code)
		return cli_failure(code, "%s", err.text);
	conf_free(cli->conf);
	cli->conf = conf;
	return 0;
}

void cli_release(struct cli *cli)
{
	conf_free(cli->conf);
	cli->conf = NULL;
	free(cli->history_path);
	cli->history_path = NULL;
}

static void name_instance(const struct cli *cli, const char *section,
			  const char *between, char dst[CLI_NAME_SIZE])
{
	bool has = cli->instance && !strcmp(section, "uploader");

	snprintf(dst, CLI_NAME_SIZE, "%s%s%s", section, has ? between : "",
		 has ? cli->instance : "");
}

void cli_section(const struct cli *cli, const char *section,
		 char dst[CLI_NAME_SIZE])
{
	name_instance(cli, section, " ", dst);
}

int cli_set(struct cli *cli, enum schema_id id, const char *value)
{
	const struct schema_option *o = &schema_options[id];
	char section[CLI_NAME_SIZE];
	struct err err;
	int code;

	cli_section(cli, o->section, section);
	code = conf_set(cli->config_path, section, o->key, value, &err);
	return code ? cli_failure(code, "%s", err.text) : 0;
}

void cli_say_set(struct cli *cli, enum schema_id id, const char *value)
{
	const struct schema_option *o = &schema_options[id];
	bool restart = o->flags & SCHEMA_RESTART;
	char shown[1100], section[CLI_NAME_SIZE];

	cli_section(cli, o->section, section);
	redact_value(value ? value : "default", shown, sizeof(shown));
	cli_success("%s.%s: %s", section, o->key, shown);
	if (strcmp(o->section, "streamer") && strcmp(o->section, "uploader"))
		return;
	if (cli_is_alive(cli, o->section))
		cli_hint("%s runs: \"%s %s\" makes it take effect", section,
			 restart ? o->section : "reload",
			 restart ? "restart" : o->section);
}

void cli_cert_path(const struct cli *cli, const char *name,
		   char dst[CLI_PATH_SIZE])
{
	snprintf(dst, CLI_PATH_SIZE, "%s%s%s",
		 *name == '/' ? "" : conf_text(cli->conf, OPT_CERTS_DIR),
		 *name == '/' ? "" : "/", name);
}

/* ---- the daemons -------------------------------------------------------- */

void cli_folder(const struct cli *cli, const char *section,
		char dst[CLI_NAME_SIZE])
{
	name_instance(cli, section, "@", dst);
}

bool cli_is_alive(const struct cli *cli, const char *section)
{
	char folder[CLI_NAME_SIZE], path[512];
	bool is_alive;
	int fd;

	cli_folder(cli, section, folder);
	snprintf(path, sizeof(path), "%s/%s",
		 conf_text(cli->conf, OPT_CONTROL_DIR), folder);
	fd = ctlread_open(AT_FDCWD, path);
	if (fd < 0)
		return false;
	is_alive = ctlread_is_alive(fd);
	close(fd);
	return is_alive;
}

int cli_tell(const struct cli *cli, const char *folder, const char *command,
	     struct err *answer)
{
	char path[512];
	int code;

	snprintf(path, sizeof(path), "%s/%s/ctl",
		 conf_text(cli->conf, OPT_CONTROL_DIR), folder);
	*answer = (struct err){ 0 };
	code = ctlsock_call(path, command, TELL_TIMEOUT_MS, answer);
	if (code == -ENOENT && access(path, F_OK))
		code = -ECONNREFUSED;
	if (code == -ECONNREFUSED)
		return err_set(answer, code, "upcast-%s does not run", folder);
	if (code && !*answer->text)
		err_set(answer, code, "upcast-%s: %s", folder, err_str(code));
	return code;
}

/* ---- commands ----------------------------------------------------------- */

/* What was typed stands in it. */
static void clean_lines(struct buf *b)
{
	for (size_t i = 0; i < b->len; i++)
		if (b->data[i] < ' ' && b->data[i] != '\n')
			b->data[i] = '?';
}

static int run_one(struct cli *cli, int argc, const char *const *argv)
{
	struct table_match match;
	struct buf why;
	int err;

	if (!argc)
		return 0;
	buf_init(&why, WHY_MAX);
	err = table_match(cli->table, argc, argv, &match, &why);
	if (err == -ENOENT) {
		clean_lines(&why);
		fputs(buf_text(&why), stdout);
	} else if (err) {
		cli_failure(err, "%s", err_str(err));
	} else {
		err = load(cli);
		if (!err)
			err = match.command->run(cli, &match);
	}
	buf_release(&why);
	return err;
}

/* A script must not take what is cut short for all there is. */
static int flush(int err)
{
	if (!fflush(stdout) && !ferror(stdout))
		return err;
	cli_hint("standard output: not all of it could be written");
	return err ? err : -EIO;
}

int cli_run(struct cli *cli, int argc, const char *const *argv)
{
	int first = 0, result = 0, err;

	for (int i = 0; i <= argc && !cli->is_quitting; i++) {
		if (i < argc && argv[i] != words_separator)
			continue;
		err = flush(run_one(cli, i - first, argv + first));
		result = result ? result : err;
		first = i + 1;
	}
	return result;
}

int cli_run_line(struct cli *cli, const char *line)
{
	struct words words;
	struct err why;
	int err = words_split(line, &words, &why);

	if (err)
		return cli_failure(err, "%s", why.text);
	err = cli_run(cli, words.count, words.at);
	words_release(&words);
	return err;
}

/* ---- Ctrl-C ------------------------------------------------------------- */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signo)
{
	interrupted = 1;
}

/* Without SA_RESTART: whoever waits learns of it at once. */
void cli_watch_interrupt(void)
{
	struct sigaction action = { .sa_handler = on_interrupt };

	interrupted = 0;
	sigaction(SIGINT, &action, NULL);
}

bool cli_is_interrupted(void)
{
	return interrupted;
}
