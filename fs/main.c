/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <syslog.h>
#include <unistd.h>

#include "fs/command.h"
#include "fs/follow.h"
#include "fs/model.h"
#include "fs/mountpoint.h"
#include "fs/ops.h"
#include "fs/options.h"
#include "fs/render.h"
#include "lib/boot.h"
#include "lib/conf.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/mono.h"
#include "lib/notify.h"

/* Everything that runs, in the order in which it is made. */
struct program {
	struct options options; /* with the words that `boot` points to */
	struct boot boot;
	struct conf *conf;
	struct loop *loop;
	struct loop_timer watchdog;
	struct model *model;
	struct render *render;
	struct follow *follow;
	struct commands *commands;
	struct ops *ops;
};

/* ---- settings ----------------------------------------------------------- */

static const char *setting(const struct program *p, const char *option,
			   enum schema_id id)
{
	return option ? option : conf_text(p->conf, id);
}

static const char *control_dir(const struct program *p)
{
	return setting(p, p->options.control_dir, OPT_CONTROL_DIR);
}

static const char *mountpoint(const struct program *p)
{
	return setting(p, p->options.mountpoint, OPT_FS_MOUNTPOINT);
}

/* The group owns what only some may read; without it, root's does. */
static gid_t find_group(const char *name)
{
	const struct group *group = getgrnam(name);

	if (geteuid() != 0)
		return getegid();
	if (!group)
		log_warning("there is no group %s: only root may read", name);
	return group ? group->gr_gid : 0;
}

/* ---- while it runs ------------------------------------------------------ */

static void on_ready(void *arg)
{
	struct program *p = arg;

	log_info("%s is mounted on %s", control_dir(p), mountpoint(p));
	boot_ready();
}

static void on_ended(void *arg)
{
	struct program *p = arg;

	loop_stop(p->loop);
}

static void on_signal(void *arg, int signo)
{
	struct program *p = arg;

	notify_stopping();
	ops_stop(p->ops);
}

/* Nothing is read again: what there is to set needs another mount. */
static void on_hangup(void *arg, int signo)
{
}

static void on_event(void *arg)
{
	struct program *p = arg;

	ops_wake(p->ops);
}

static void on_watchdog(struct loop_timer *timer)
{
	notify_watchdog();
	loop_timer_start(timer, notify_watchdog_ms());
}

static int watch_signals(struct program *p)
{
	int err = loop_on_signal(p->loop, SIGTERM, on_signal, p);

	if (!err)
		err = loop_on_signal(p->loop, SIGINT, on_signal, p);
	if (!err)
		err = loop_on_signal(p->loop, SIGHUP, on_hangup, p);
	if (!err)
		err = loop_timer_init(&p->watchdog, p->loop, on_watchdog);
	if (!err && notify_watchdog_ms())
		loop_timer_start(&p->watchdog, notify_watchdog_ms());
	return err;
}

/* ---- start and end ------------------------------------------------------ */

/* What is there is read before the mount shows it. */
static int make_parts(struct program *p)
{
	int err = loop_new(&p->loop);

	if (!err)
		err = model_new(mono_wall_ms(), &p->model);
	if (!err)
		err = render_new(p->model, &p->render);
	if (!err)
		err = follow_new(p->loop, control_dir(p), p->model, &p->follow);
	if (!err)
		err = follow_load(p->follow);
	if (!err)
		err = commands_new(p->loop, control_dir(p), &p->commands);
	return err;
}

static int mount_it(struct program *p, struct err *err)
{
	const struct ops_config config = {
		.source = p->options.source ? p->options.source : "upcast",
		.mountpoint = mountpoint(p),
		.options = p->options.kernel,
		.gid = find_group(setting(p, p->options.group, OPT_GROUP)),
		.open = p->options.open || conf_bool(p->conf, OPT_FS_OPEN),
		.model = p->model,
		.render = p->render,
		.commands = p->commands,
		.ready = on_ready,
		.ended = on_ended,
		.arg = p,
	};
	int code = mountpoint_prepare(mountpoint(p), err);

	if (!code)
		code = ops_mount(p->loop, &config, &p->ops, err);
	if (!code)
		follow_on_event(p->follow, on_event, p);
	return code;
}

static int start(struct program *p, struct err *err)
{
	int code = boot_detach(&p->boot, err);

	if (code)
		return code;
	code = make_parts(p);
	if (code)
		return err_set(err, code, "cannot start: %s", err_str(code));
	code = mount_it(p, err);
	if (code)
		return code;
	code = watch_signals(p);
	return code ? err_set(err, code, "cannot start: %s", err_str(code)) : 0;
}

static void end(struct program *p)
{
	follow_free(p->follow);
	/* Its commands answer through the session that ops_unmount() ends. */
	commands_free(p->commands);
	ops_unmount(p->ops);
	render_free(p->render);
	model_free(p->model);
	loop_timer_release(&p->watchdog);
	loop_free(p->loop);
	conf_free(p->conf);
	options_release(&p->options);
}

static int configure(struct program *p, int argc, char **argv, struct err *err)
{
	static const struct boot_program program = {
		.summary = "shows calls and recordings as files: [options] "
			   "[[source] mountpoint] [-o option,...]",
	};
	int code = options_parse(argc, argv, &p->options, err);

	if (code)
		return code;
	boot_parse(p->options.argc, p->options.argv, &program, &p->boot);
	if (p->options.config_path)
		p->boot.config_path = p->options.config_path;
	return conf_load(p->boot.config_path, NULL, &p->conf, err);
}

static void open_log(const struct program *p)
{
	struct log_config config = {
		.tag = "upcast-fs",
		.facility = LOG_DAEMON,
		.level = p->boot.verbose ? LOG_LEVEL_DEBUG
					 : (enum log_level)conf_number(
						   p->conf, OPT_LOG_LEVEL),
		.to_stderr = p->boot.foreground,
	};

	log_open(&config);
}

int main(int argc, char **argv)
{
	struct program p = { 0 };
	struct err err = { 0 };
	int code = configure(&p, argc, argv, &err);

	if (!code && !p.boot.check_only) {
		open_log(&p);
		boot_limits();
		code = start(&p, &err);
		if (!code)
			code = loop_run(p.loop);
	}
	if (code)
		log_error("%s", *err.text ? err.text : err_str(code));
	end(&p);
	log_close();
	return code ? 1 : 0;
}
