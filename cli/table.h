/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_TABLE_H
#define UPCAST_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/attr.h"
#include "lib/buf.h"

/*
 * Commands as rows of a table: what they look like, what they do, their help.
 * Matching, usage, completion and the check of upcast(1) come from it. Pure.
 *
 * The syntax of a row is what its help shows, words separated by blanks:
 *
 *	word		this word
 *	<a|b|kind>	one argument: one of the words, or what the kind names
 *	[<kind>]	an argument that may be left out
 *	<kind>...	one or more of it
 *	[--flag|-f]	flags, anywhere in the command
 *
 * Kinds are those of table_kind(); any other alternative is a word as it
 * stands. Where all are words, no other argument is taken.
 */
struct cli;
struct table_match;

typedef int command_fn(struct cli *cli, const struct table_match *match);

struct command {
	const char *syntax;
	command_fn *run; /* 0, or negative errno once it has said why */
	int id;		 /* what `run` needs to know: often an option's id */
	int flags;
	const char *help; /* one line; NULL: that of the option `id` */
};

enum command_flag {
	COMMAND_HIDDEN = 1, /* understood, but not shown: slips, old words */
};

/* What a kind of argument is completed with. */
enum table_kind {
	TABLE_WORD, /* no kind, a word as it stands */
	TABLE_FREE, /* anything */
	TABLE_FILE, /* a file of the certificate directory */
	TABLE_INTERFACE,
	TABLE_SETTING,	 /* section.key */
	TABLE_RECORDING, /* id of a recording */
	TABLE_CALL,	 /* id of a call */
	TABLE_OBJECT,	 /* of either */
	TABLE_COMMAND,	 /* first word of a command */
};
enum table_kind table_kind(const char *name, size_t len);

enum { TABLE_ARGS_MAX = 64, TABLE_FLAGS_MAX = 8 };

struct table_match {
	const struct command *command;
	int argc; /* arguments, without words and flags */
	const char *argv[TABLE_ARGS_MAX + 1];
	int flag_count;
	const char *flags[TABLE_FLAGS_MAX];
};

struct table {
	const struct command *rows;
	size_t count;
};

/*
 * Finds the row that the words fit. -ENOENT where there is none: `why` then
 * holds lines for people, "Unknown command ..." with the nearest known ones, or
 * how the commands look that begin so. -ENOMEM.
 */
int table_match(const struct table *t, int argc, const char *const *argv,
		struct table_match *ret, struct buf *why) ATTR_MUST_CHECK;
/* Is the flag there, under this name? */
bool table_has_flag(const struct table_match *m, const char *flag);
/* The i-th argument, NULL if it was left out. */
const char *table_arg(const struct table_match *m, int i);

/* Does the row begin with these words? */
bool table_begins(const struct command *c, int argc, const char *const *argv);

/*
 * Tells what may follow the words `argv`: words with their kind TABLE_WORD,
 * and the kinds of arguments, with their names. Some more than once.
 */
typedef void table_next_fn(void *arg, enum table_kind kind, const char *text,
			   size_t len);
void table_next(const struct table *t, int argc, const char *const *argv,
		table_next_fn *fn, void *arg);

#endif
