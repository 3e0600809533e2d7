/* SPDX-License-Identifier: MIT */
/*
 * upcast-uploader: wires the modules and runs the loop.
 */
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <syslog.h>

#include "lib/boot.h"
#include "lib/conf.h"
#include "lib/ctldir.h"
#include "lib/ctlsock.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/notify.h"
#include "uploader/check.h"
#include "uploader/command.h"
#include "uploader/engine.h"
#include "uploader/probe.h"
#include "uploader/report.h"

struct daemon {
	struct boot boot;
	struct loop *loop;
	struct ctldir *dir;
	struct report *report;
	struct engine *engine;
	struct command_target target;
	struct ctlsock *socket;
};

static int load(const struct daemon *d, struct conf **ret, struct err *err)
{
	return conf_load(d->boot.config_path, d->boot.instance, ret, err);
}

static void use_log_level(const struct daemon *d, const struct conf *conf)
{
	enum log_level level = (enum log_level)conf_number(conf, OPT_LOG_LEVEL);

	log_set_level(d->boot.verbose ? LOG_LEVEL_DEBUG : level);
}

/* Settings that cannot be read leave those that are in force. */
static int reload(void *arg, struct err *answer)
{
	struct daemon *d = arg;
	struct conf *conf = NULL;
	int err;

	notify_reloading();
	err = load(d, &conf, answer);
	if (!err)
		err = engine_reload(d->engine, conf, answer);
	if (err) {
		conf_free(err && conf ? conf : NULL);
		log_error("the settings stay as they were: %s", answer->text);
	} else {
		use_log_level(d, engine_conf(d->engine));
		err_set(answer, 0, "the settings are read again");
		log_info("%s", answer->text);
	}
	notify_ready();
	return err;
}

static void on_signal(void *arg, int signo)
{
	struct daemon *d = arg;
	struct err ignored;

	if (signo == SIGHUP)
		(void)!reload(d, &ignored);
	else
		loop_stop(d->loop);
}

static int watch_signals(struct daemon *d)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(signals) && !err; i++)
		err = loop_on_signal(d->loop, signals[i], on_signal, d);
	return err;
}

/* A missing group is no reason not to run: root may command all the same. */
static gid_t find_group(const struct conf *conf)
{
	struct group *group = getgrnam(conf_text(conf, OPT_GROUP));

	return group ? group->gr_gid : (gid_t)-1;
}

static int open_control(struct daemon *d, const struct conf *conf,
			struct err *err)
{
	char path[512];
	int rc;

	snprintf(path, sizeof(path), "%s/uploader%s%s",
		 conf_text(conf, OPT_CONTROL_DIR), d->boot.instance ? "@" : "",
		 d->boot.instance ? d->boot.instance : "");
	rc = ctldir_open(path, "jobs", &d->dir, err);
	if (rc)
		return rc;
	rc = report_new(d->loop, d->dir, &d->report);
	if (rc)
		return err_set(err, rc, "out of memory");
	snprintf(path + strlen(path), sizeof(path) - strlen(path), "/ctl");
	return ctlsock_listen(d->loop, path, find_group(conf), command_run,
			      &d->target, &d->socket, err);
}

static int start(struct daemon *d, struct conf *conf, struct err *err)
{
	struct engine_calls calls;
	int rc;

	rc = loop_new(&d->loop);
	rc = rc ? rc : watch_signals(d);
	if (rc)
		return err_set(err, rc, "starting: %s", err_str(rc));
	rc = open_control(d, conf, err);
	if (rc)
		return rc;
	report_get_calls(d->report, &calls);
	rc = engine_new(d->loop, conf, &calls, &d->engine, err);
	if (rc)
		return rc;
	d->target = (struct command_target){ d->engine, reload, d };
	report_attach(d->report, d->engine);
	return 0;
}

static void stop(struct daemon *d)
{
	ctlsock_close(d->socket);
	if (d->report)
		report_stopping(d->report);
	engine_free(d->engine);
	report_free(d->report);
	ctldir_close(d->dir);
	loop_free(d->loop);
	log_close();
}

static void open_log(const struct daemon *d, const struct conf *conf)
{
	struct log_config config = {
		.tag = "Uploader",
		.facility = LOG_USER,
		.shape = LOG_SHAPE_PLAIN,
		.level = LOG_LEVEL_INFO,
		.to_stderr = d->boot.foreground,
	};

	log_open(&config);
	use_log_level(d, conf);
}

static int fail(const struct err *err)
{
	fprintf(stderr, "upcast-uploader: %s\n", err->text);
	return EXIT_FAILURE;
}

static void say_missing(void *arg, const char *sentence)
{
	const struct boot *boot = arg;

	fprintf(stderr, "upcast-uploader: %s: %s\n", boot->config_path,
		sentence);
}

static void log_missing(void *arg, const char *sentence)
{
	log_warning("%s", sentence);
}

static void say_fault(void *arg, const char *sentence)
{
	fprintf(stderr, "upcast-uploader: %s\n", sentence);
}

static int check_only(struct boot *boot)
{
	struct conf *conf = NULL;
	int err = conf_check(boot->config_path, boot->instance, say_fault, NULL,
			     &conf);

	if (!err && check_settings(conf, say_missing, boot))
		err = -EINVAL;
	if (!err)
		printf("%s: settings are in order%s\n", boot->config_path,
		       conf_bool(conf, OPT_UP_ENABLED)
			       ? ""
			       : "; uploader.enabled is false");
	conf_free(conf);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run(struct daemon *d, struct conf *conf)
{
	struct err err;
	int rc = boot_detach(&d->boot, &err);

	if (rc) {
		conf_free(conf);
		return fail(&err);
	}
	open_log(d, conf);
	check_settings(conf, log_missing, NULL);
	rc = start(d, conf, &err);
	if (rc) {
		log_error("%s", err.text);
		if (!d->engine)
			conf_free(conf);
		stop(d);
		return EXIT_FAILURE;
	}
	log_info("upcast-uploader %s started", UPCAST_VERSION);
	boot_ready();
	rc = loop_run(d->loop);
	log_info("stopping");
	notify_stopping();
	stop(d);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct daemon d = { 0 };
	bool probe = false, full = false;
	const struct boot_option options[] = {
		{ "probe", &probe, "try each outside party, step by step" },
		{ "full", &full,
		  "with --probe: upload a one-second video, too" },
		{ NULL, NULL, NULL },
	};
	const struct boot_program program = {
		.summary = "uploads a bridge's recordings to Vbrick Rev",
		.has_instances = true,
		.more = options,
	};
	struct conf *conf;
	struct err err;

	boot_parse(argc, argv, &program, &d.boot);
	if (d.boot.check_only)
		return check_only(&d.boot);
	if (load(&d, &conf, &err))
		return fail(&err);
	boot_limits();
	return probe ? probe_run(conf, full) : run(&d, conf);
}
