/* SPDX-License-Identifier: MIT */
#include "cli/ask.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#include "cli/cli.h"

int ask_words(const struct table_match *m, int first, const char *between,
	      struct buf *dst)
{
	int err = 0;

	for (int i = first; i < m->argc && !err; i++)
		err = buf_printf(dst, "%s%s", i > first ? between : "",
				 m->argv[i]);
	return err;
}

/* A byte at a time: what follows belongs to whoever reads next. */
int ask_line(struct buf *dst)
{
	uint8_t c;
	int err = 0;

	for (;;) {
		ssize_t n = read(STDIN_FILENO, &c, 1);

		if (n < 0)
			return -errno;
		if (!n)
			return dst->len ? err : -ENODATA;
		if (c == '\n')
			return err;
		if (!err && c != '\r')
			err = buf_add_u8(dst, c);
	}
}

static int ask_hidden(const char *prompt, struct buf *dst)
{
	struct termios before, hidden;
	int err;

	if (tcgetattr(STDIN_FILENO, &before))
		return -errno;
	hidden = before;
	hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	hidden.c_lflag |= ICANON | ISIG;
	hidden.c_iflag |= ICRNL;
	cli_watch_interrupt();
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden))
		return -errno;
	/* Only now: who sees it may begin to type. */
	fputs(prompt, stdout);
	fflush(stdout);
	err = ask_line(dst);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	putchar('\n');
	return err;
}

int ask_secret(const char *prompt, struct buf *dst)
{
	int err = isatty(STDIN_FILENO) ? ask_hidden(prompt, dst)
				       : ask_line(dst);

	return err ? err : dst->len ? 0 : -ENODATA;
}

bool ask_yes(const char *question)
{
	struct buf b;
	bool yes;

	printf("%s (y/n) ", question);
	fflush(stdout);
	buf_init(&b, 64);
	yes = !ask_line(&b) && (!strcasecmp(buf_text(&b), "y") ||
				!strcasecmp(buf_text(&b), "yes"));
	if (!isatty(STDIN_FILENO))
		putchar('\n');
	buf_release(&b);
	return yes;
}
