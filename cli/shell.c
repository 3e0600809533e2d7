/* SPDX-License-Identifier: MIT */
#include "cli/shell.h"

#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <histedit.h>

#include "cli/ask.h"
#include "cli/complete.h"
#include "cli/words.h"
#include "lib/redact.h"
#include "lib/str.h"

enum { HISTORY_LINES = 500, COLUMN_GAP = 2 };

struct shell {
	struct cli *cli;
	EditLine *edit;
	History *history;
	HistEvent event;
	char prompt[HOST_NAME_MAX + 4];
};

/* ---- without a terminal ------------------------------------------------- */

static int run_script(struct cli *cli)
{
	struct buf line;
	int err, result = 0;

	buf_init(&line, WORDS_LINE_MAX);
	while (!cli->is_quitting) {
		buf_clear(&line);
		err = ask_line(&line);
		if (err == -ENODATA)
			break;
		if (!err && buf_text(&line)[0] != '#')
			err = cli_run_line(cli, buf_text(&line));
		else if (err)
			cli_failure(err, "%s", err_str(err));
		result = result ? result : err;
		if (err && err == -EIO)
			break;
	}
	buf_release(&line);
	return result;
}

/* ---- completion --------------------------------------------------------- */

static struct shell *shell_of(EditLine *edit)
{
	void *data = NULL;

	el_get(edit, EL_CLIENTDATA, &data);
	return data;
}

/* What all have in common. */
static size_t common_length(const struct complete *c)
{
	size_t n = strlen(c->words[0]);

	for (size_t i = 1; i < c->count; i++) {
		size_t k = 0;

		while (k < n && c->words[i][k] == c->words[0][k])
			k++;
		n = k;
	}
	return n;
}

static void show_choices(const struct complete *c)
{
	size_t width = 0, columns;

	for (size_t i = 0; i < c->count; i++)
		if (strlen(c->words[i]) > width)
			width = strlen(c->words[i]);
	width += COLUMN_GAP;
	columns = width < 80 ? 80 / width : 1;
	putchar('\n');
	for (size_t i = 0; i < c->count; i++)
		printf("%-*s%s", (int)width, c->words[i],
		       (i + 1) % columns && i + 1 < c->count ? "" : "\n");
	fflush(stdout);
}

static unsigned char insert(EditLine *edit, const struct complete *c,
			    size_t typed)
{
	size_t n = common_length(c);
	char text[512];

	if (n - typed >= sizeof(text) - 2)
		return CC_ERROR;
	memcpy(text, c->words[0] + typed, n - typed);
	memcpy(text + n - typed, c->count == 1 ? " " : "",
	       c->count == 1 ? 2 : 1);
	if (*text && el_insertstr(edit, text) == 0)
		return CC_REFRESH;
	show_choices(c);
	return CC_REDISPLAY;
}

/* The words behind the last separator: of the command being typed. */
static int last_command(struct words *w, const char *const **ret)
{
	int first = 0;

	for (int i = 0; i < w->count; i++)
		if (w->at[i] == words_separator)
			first = i + 1;
	*ret = w->at + first;
	return w->count - first;
}

static unsigned char complete_line(struct shell *s, const char *line)
{
	struct complete *c = calloc(1, sizeof(*c));
	const char *const *argv;
	unsigned char result = CC_ERROR;
	struct words words = { 0 };
	size_t n = strlen(line);
	struct err ignored;
	int argc;

	if (!c || words_split(line, &words, &ignored) ||
	    words.count == WORDS_MAX)
		goto out;
	if (!n || line[n - 1] == ' ')
		words.at[words.count++] = "";
	argc = last_command(&words, &argv);
	if (complete_find(s->cli, argc, argv, c) == 0 && c->count)
		result = insert(s->edit, c, strlen(argv[argc - 1]));
	complete_release(c);
out:
	words_release(&words);
	free(c);
	return result;
}

static unsigned char on_tab(EditLine *edit, int ch)
{
	const LineInfo *info = el_line(edit);
	char line[WORDS_LINE_MAX];
	size_t n = (size_t)(info->cursor - info->buffer);

	if (n >= sizeof(line))
		return CC_ERROR;
	memcpy(line, info->buffer, n);
	line[n] = '\0';
	return complete_line(shell_of(edit), line);
}

/* Ctrl-C comes as a key: the line goes, the shell stays. */
static unsigned char on_cancel(EditLine *edit, int ch)
{
	const LineInfo *info = el_line(edit);

	el_cursor(edit, (int)(info->lastchar - info->cursor));
	info = el_line(edit);
	el_deletestr(edit, (int)(info->lastchar - info->buffer));
	fputs("^C\n", stdout);
	return CC_REDISPLAY;
}

/* ---- on a terminal ------------------------------------------------------ */

static char *prompt(EditLine *edit)
{
	return shell_of(edit)->prompt;
}

static void make_prompt(struct shell *s)
{
	char name[HOST_NAME_MAX + 1] = "upcast";

	gethostname(name, sizeof(name) - 1);
	name[strcspn(name, ".")] = '\0';
	snprintf(s->prompt, sizeof(s->prompt), "%s> ", name);
}

static int open_editor(struct shell *s)
{
	setlocale(LC_CTYPE, "");
	s->edit = el_init("upcast", stdin, stdout, stderr);
	s->history = history_init();
	if (!s->edit || !s->history)
		return -ENOMEM;
	history(s->history, &s->event, H_SETSIZE, HISTORY_LINES);
	history(s->history, &s->event, H_SETUNIQUE, 1);
	el_set(s->edit, EL_CLIENTDATA, s);
	el_set(s->edit, EL_PROMPT, prompt);
	el_set(s->edit, EL_EDITOR, "emacs");
	el_set(s->edit, EL_SIGNAL, 1);
	el_set(s->edit, EL_HIST, history, s->history);
	el_set(s->edit, EL_ADDFN, "upcast-complete", "complete the word",
	       on_tab);
	el_set(s->edit, EL_BIND, "^I", "upcast-complete", NULL);
	el_set(s->edit, EL_ADDFN, "upcast-cancel", "drop the line", on_cancel);
	el_set(s->edit, EL_BIND, "^C", "upcast-cancel", NULL);
	el_set(s->edit, EL_SETTY, "-d", "-isig", NULL);
	el_set(s->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
	return 0;
}

static void close_editor(struct shell *s)
{
	if (s->edit)
		el_end(s->edit);
	if (s->history)
		history_end(s->history);
}

/* Plain lines, which people may read: libedit's own file is escaped. */
static void load_history(struct shell *s)
{
	char line[WORDS_LINE_MAX];
	FILE *file;

	file = s->cli->history_path ? fopen(s->cli->history_path, "re") : NULL;
	if (!file)
		return;
	while (fgets(line, sizeof(line), file))
		history(s->history, &s->event, H_ENTER, line);
	fclose(file);
}

/* A URL may hold a password or be one, and some type theirs behind the word. */
static void write_line(FILE *file, const char *line)
{
	static const char *const marks[] = { "://", "password ", "secret " };
	char shown[WORDS_LINE_MAX + sizeof(REDACTED)];

	str_copy(shown, line, WORDS_LINE_MAX);
	shown[strcspn(shown, "\n")] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		redact_after(marks[i], shown, sizeof(shown));
	fprintf(file, "%s\n", shown);
}

/* A line at a time: what several shells type comes together in it. */
static void keep_line(struct shell *s, const char *line)
{
	mode_t before;
	FILE *file;

	history(s->history, &s->event, H_ENTER, line);
	if (!s->cli->history_path)
		return;
	before = umask(077);
	file = fopen(s->cli->history_path, "ae");
	umask(before);
	if (!file)
		return;
	write_line(file, line);
	fclose(file);
}

static bool read_line(struct shell *s, char *dst, size_t size)
{
	int n = 0;
	const char *line = el_gets(s->edit, &n);

	if (!line || n <= 0) {
		putchar('\n');
		return false;
	}
	snprintf(dst, size, "%s", line);
	return true;
}

static void run_typed(struct shell *s, char *line)
{
	if (strspn(line, " \t\n") == strlen(line))
		return;
	keep_line(s, line);
	line[strcspn(line, "\n")] = '\0';
	cli_watch_interrupt();
	cli_run_line(s->cli, line);
}

int shell_run(struct cli *cli)
{
	struct shell s = { .cli = cli };
	char line[WORDS_LINE_MAX + 2]; /* so that what is cut is refused */
	int err;

	if (!isatty(STDIN_FILENO))
		return run_script(cli);
	make_prompt(&s);
	err = open_editor(&s);
	if (!err)
		load_history(&s);
	while (!err && !cli->is_quitting && read_line(&s, line, sizeof(line)))
		run_typed(&s, line);
	close_editor(&s);
	return err;
}
