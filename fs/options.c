/* SPDX-License-Identifier: MIT */
#include "fs/options.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

enum what { OURS, OPEN, PASS, DROP };

/* A name that ends in "=" takes a value, one that ends in "-" any rest. */
static const struct known {
	const char *name;
	enum what what;
	size_t field; /* of struct options */
} known[] = {
	{ "control_dir=", OURS, offsetof(struct options, control_dir) },
	{ "group=", OURS, offsetof(struct options, group) },
	{ "config=", OURS, offsetof(struct options, config_path) },
	{ "open", OPEN, 0 },
	{ "ro", PASS, 0 },
	{ "rw", PASS, 0 },
	{ "noatime", PASS, 0 },
	{ "relatime", DROP, 0 },
	{ "suid", DROP, 0 },
	{ "nosuid", DROP, 0 },
	{ "dev", DROP, 0 },
	{ "nodev", DROP, 0 },
	{ "exec", DROP, 0 },
	{ "noexec", DROP, 0 },
	{ "async", DROP, 0 },
	{ "allow_other", DROP, 0 },
	{ "default_permissions", DROP, 0 },
	{ "defaults", DROP, 0 },
	{ "auto", DROP, 0 },
	{ "noauto", DROP, 0 },
	{ "nofail", DROP, 0 },
	{ "_netdev", DROP, 0 },
	{ "user", DROP, 0 },
	{ "nouser", DROP, 0 },
	{ "users", DROP, 0 },
	{ "x-", DROP, 0 },
	{ "auto_unmount", PASS, 0 },
	{ "debug", PASS, 0 },
};

static bool matches(const char *word, const char *name)
{
	size_t n = strlen(name);

	if (name[n - 1] == '=' || name[n - 1] == '-')
		return !strncmp(word, name, n);
	return !strcmp(word, name);
}

static int pass_on(struct options *o, const char *word)
{
	char *longer;

	if (asprintf(&longer, "%s%s%s", o->kernel ? o->kernel : "",
		     o->kernel ? "," : "", word) < 0)
		return -ENOMEM;
	free(o->kernel);
	o->kernel = longer;
	return 0;
}

static int take_word(struct options *o, const char *word, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (!matches(word, known[i].name))
			continue;
		if (known[i].what == OURS)
			return str_replace(
				(char **)((char *)o + known[i].field),
				word + strlen(known[i].name));
		if (known[i].what == PASS)
			return pass_on(o, word);
		o->open = o->open || known[i].what == OPEN;
		return 0;
	}
	return err_set(
		err, -EINVAL,
		"-o %s: not an option of upcast-fs: config=, "
		"control_dir=, group=, open, ro, noatime, auto_unmount, debug",
		word);
}

static int take_list(struct options *o, const char *list, struct err *err)
{
	char *copy = strdup(list), *save = NULL;
	int code = copy ? 0 : -ENOMEM;

	for (char *word = copy ? strtok_r(copy, ",", &save) : NULL;
	     word && !code; word = strtok_r(NULL, ",", &save))
		code = take_word(o, word, err);
	free(copy);
	return code;
}

/* One word: the mount point. Two: the source comes first. */
static int take_place(struct options *o, const char *word, struct err *err)
{
	if (!o->mountpoint)
		return str_replace(&o->mountpoint, word);
	if (o->source)
		return err_set(err, -EINVAL,
			       "%s: one source and one mount point are enough",
			       word);
	o->source = o->mountpoint;
	o->mountpoint = NULL;
	return str_replace(&o->mountpoint, word);
}

static int take_all(struct options *o, int argc, char **argv, struct err *err)
{
	int code = 0;

	for (int i = 0; i < argc && !code; i++) {
		if (!strcmp(argv[i], "--"))
			continue;
		if (!strcmp(argv[i], "-o") && i + 1 < argc)
			code = take_list(o, argv[++i], err);
		else if (!strncmp(argv[i], "-o", 2) && argv[i][2])
			code = take_list(o, argv[i] + 2, err);
		else if (*argv[i] == '-')
			code = err_set(err, -EINVAL,
				       "%s: options other than -o stand before "
				       "the mount point",
				       argv[i]);
		else
			code = take_place(o, argv[i], err);
	}
	if (!code && o->source && *o->source == '/' && !o->control_dir)
		code = str_replace(&o->control_dir, o->source);
	if (!code && ((o->mountpoint && *o->mountpoint != '/') ||
		      (o->control_dir && *o->control_dir != '/')))
		code = err_set(err, -EINVAL, "%s: must be an absolute path",
			       o->mountpoint && *o->mountpoint != '/'
				       ? o->mountpoint
				       : o->control_dir);
	return code;
}

/* How many words the option at `i` takes: 0 if it is not -o. */
static int words_of_option(int argc, char **argv, int i)
{
	if (strncmp(argv[i], "-o", 2))
		return 0;
	return argv[i][2] || i + 1 == argc ? 1 : 2;
}

int options_sort(int argc, char **argv, int *ret_argc, char ***ret_argv)
{
	static char end[] = "--";
	char **sorted = calloc((size_t)argc + 2, sizeof(*sorted));
	int n = 0;

	if (!sorted)
		return -ENOMEM;
	for (int i = 0, take; i < argc; i += take ? take : 1) {
		take = i ? words_of_option(argc, argv, i) : 0;
		if (!take)
			sorted[n++] = argv[i];
	}
	sorted[n++] = end;
	for (int i = 1, take; i < argc; i += take ? take : 1) {
		take = words_of_option(argc, argv, i);
		for (int k = 0; k < take; k++)
			sorted[n++] = argv[i + k];
	}
	*ret_argc = n;
	*ret_argv = sorted;
	return 0;
}

int options_parse(int argc, char **argv, struct options *ret, struct err *err)
{
	struct options o = { 0 };
	int code = take_all(&o, argc, argv, err);

	if (code) {
		options_release(&o);
		if (code == -ENOMEM)
			err_set(err, code, "out of memory");
		return code;
	}
	*ret = o;
	return 0;
}

void options_release(struct options *o)
{
	free(o->source);
	free(o->mountpoint);
	free(o->control_dir);
	free(o->group);
	free(o->config_path);
	free(o->kernel);
	*o = (struct options){ 0 };
}
