/* SPDX-License-Identifier: MIT */
#include "fs/options.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <fuse_opt.h>

#include "lib/str.h"

enum { PASS_ON };

struct parse {
	struct options o; /* first: the table has its fields */
	struct err *err;
	int code;
};

/* clang-format off */
#define TAKE(word, field) { word, offsetof(struct options, field), 1 }
/* clang-format on */
#define PASS(word) FUSE_OPT_KEY(word, PASS_ON)
#define DROP(word) FUSE_OPT_KEY(word, FUSE_OPT_KEY_DISCARD)

/* What stands in fstab for mount(8), or is always so here, is dropped. */
static const struct fuse_opt table[] = {
	TAKE("-c %s", config_path),
	TAKE("--config=%s", config_path),
	TAKE("config=%s", config_path),
	TAKE("control_dir=%s", control_dir),
	TAKE("group=%s", group),
	TAKE("open", open),
	PASS("ro"),
	PASS("rw"),
	PASS("noatime"),
	PASS("auto_unmount"),
	PASS("debug"),
	DROP("relatime"),
	DROP("suid"),
	DROP("nosuid"),
	DROP("dev"),
	DROP("nodev"),
	DROP("exec"),
	DROP("noexec"),
	DROP("async"),
	DROP("allow_other"),
	DROP("default_permissions"),
	DROP("defaults"),
	DROP("auto"),
	DROP("noauto"),
	DROP("nofail"),
	DROP("_netdev"),
	DROP("user"),
	DROP("nouser"),
	DROP("users"),
	FUSE_OPT_END,
};

static int refuse(struct parse *p, const char *word, const char *why)
{
	p->code = err_set(p->err, -EINVAL, "%s: %s", word, why);
	return -1;
}

/* One word: the mount point. Two: the source comes first. */
static int take_place(struct parse *p, const char *word)
{
	if (p->o.source)
		return refuse(p, word,
			      "one source and one mount point are enough");
	p->o.source = p->o.mountpoint;
	p->o.mountpoint = strdup(word);
	if (!p->o.mountpoint)
		p->code = err_set(p->err, -ENOMEM, "out of memory");
	return p->code ? -1 : 0;
}

/* 1 keeps a word for boot_parse(), 0 takes it. */
static int on_word(void *arg, const char *word, int key, struct fuse_args *rest)
{
	struct parse *p = arg;

	if (key == FUSE_OPT_KEY_NONOPT)
		return take_place(p, word);
	if (key == PASS_ON)
		return fuse_opt_add_opt(&p->o.kernel, word);
	if (*word == '-')
		return 1;
	if (!strncmp(word, "x-", 2))
		return 0;
	return refuse(p, word,
		      "not an option of upcast-fs: config=, control_dir=, "
		      "group=, open, ro, noatime, auto_unmount, debug");
}

static bool is_relative(const char *path)
{
	return path && *path != '/';
}

static int finish(struct parse *p)
{
	struct options *o = &p->o;

	if (o->source && *o->source == '/' && !o->control_dir) {
		o->control_dir = strdup(o->source);
		if (!o->control_dir)
			return err_set(p->err, -ENOMEM, "out of memory");
	}
	if (is_relative(o->mountpoint) || is_relative(o->control_dir))
		return err_set(p->err, -EINVAL, "%s: must be an absolute path",
			       is_relative(o->mountpoint) ? o->mountpoint
							  : o->control_dir);
	return 0;
}

int options_parse(int argc, char **argv, struct options *ret, struct err *err)
{
	struct parse p = { .err = err };
	struct fuse_args args = FUSE_ARGS_INIT(argc, argv);

	if (fuse_opt_parse(&args, &p, table, on_word)) {
		/* Of memory, or of a -o without anything it says so itself. */
		if (!p.code)
			p.code = err_set(err, -EINVAL,
					 "the command line is not complete");
	} else {
		p.code = finish(&p);
	}
	p.o.argc = args.argc;
	p.o.argv = args.argv;
	p.o.owns_argv = args.allocated;
	if (p.code)
		options_release(&p.o);
	else
		*ret = p.o;
	return p.code;
}

void options_release(struct options *o)
{
	struct fuse_args args = { o->argc, o->argv, o->owns_argv };

	free(o->source);
	free(o->mountpoint);
	free(o->control_dir);
	free(o->group);
	free(o->config_path);
	free(o->kernel);
	fuse_opt_free_args(&args);
	*o = (struct options){ 0 };
}
