/* SPDX-License-Identifier: MIT */
/*
 * upcast-streamer: wires the modules and runs the loop.
 */
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include "lib/boot.h"
#include "lib/ctldir.h"
#include "lib/ctlsock.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/notify.h"
#include "streamer/call.h"
#include "streamer/command.h"
#include "streamer/probe.h"
#include "streamer/report.h"
#include "streamer/udp.h"

struct daemon {
	struct boot boot;
	struct settings *settings;
	struct loop *loop;
	struct ctldir *dir;
	struct report *report;
	struct session_pool *pool;
	struct calls *calls;
	struct command_target target;
	struct ctlsock *socket;
	bool going; /* told to end; a second time is at once */
};

static int load(const struct daemon *d, struct settings **ret, struct err *err)
{
	struct conf *conf;
	int rc = conf_load(d->boot.config_path, NULL, &conf, err);

	if (rc)
		return rc;
	rc = settings_new(conf, ret, err);
	if (rc)
		conf_free(conf);
	return rc;
}

static void use_log_level(const struct daemon *d)
{
	enum log_level level =
		(enum log_level)conf_number(d->settings->conf, OPT_LOG_LEVEL);

	log_set_level(d->boot.verbose ? LOG_LEVEL_DEBUG : level);
}

/* Settings that cannot be used leave those that are in force. */
static int take_settings(struct daemon *d, struct err *answer)
{
	struct settings *s, *old = d->settings;
	int rc = load(d, &s, answer);

	if (rc)
		return rc;
	rc = session_pool_reload(d->pool, &s->session, answer);
	if (rc) {
		settings_free(s);
		return rc;
	}
	d->settings = s;
	calls_reload(d->calls, s);
	report_reload(d->report, s);
	use_log_level(d);
	settings_free(old);
	return 0;
}

static int reload(void *arg, struct err *answer)
{
	struct daemon *d = arg;
	int rc;

	notify_reloading();
	rc = take_settings(d, answer);
	if (rc) {
		log_error("the settings stay as they were: %s", answer->text);
	} else {
		err_set(answer, 0, "the settings are read again");
		log_info("%s", answer->text);
	}
	notify_ready();
	return rc;
}

static void on_drained(void *arg)
{
	struct daemon *d = arg;

	loop_stop(d->loop);
}

static void on_signal(void *arg, int signo)
{
	struct daemon *d = arg;
	struct err ignored;

	if (signo == SIGHUP) {
		(void)!reload(d, &ignored);
		return;
	}
	log_info("stopping");
	notify_stopping();
	calls_drain(d->calls, d->going ? 0 : d->settings->drain_ms, on_drained,
		    d);
	d->going = true;
}

static int watch_signals(struct daemon *d)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(signals) && !rc; i++)
		rc = loop_on_signal(d->loop, signals[i], on_signal, d);
	return rc;
}

/* A missing group is no reason not to run: root may command all the same. */
static gid_t find_group(const struct conf *conf)
{
	struct group *group = getgrnam(conf_text(conf, OPT_GROUP));

	return group ? group->gr_gid : (gid_t)-1;
}

static int open_control(struct daemon *d, struct err *err)
{
	const struct conf *conf = d->settings->conf;
	char path[512];
	int rc;

	snprintf(path, sizeof(path), "%s/streamer",
		 conf_text(conf, OPT_CONTROL_DIR));
	rc = ctldir_open(path, "calls", &d->dir, err);
	if (rc)
		return rc;
	rc = report_new(d->loop, d->dir, &d->report);
	if (rc)
		return err_set(err, rc, "out of memory");
	snprintf(path, sizeof(path), "%s/streamer/ctl",
		 conf_text(conf, OPT_CONTROL_DIR));
	return ctlsock_listen(d->loop, path, find_group(conf), command_run,
			      &d->target, &d->socket, err);
}

static int start(struct daemon *d, struct err *err)
{
	struct calls_observer observer;
	int rc;

	rc = loop_new(&d->loop);
	rc = rc ? rc : watch_signals(d);
	if (rc)
		return err_set(err, rc, "starting: %s", err_str(rc));
	rc = open_control(d, err);
	if (rc)
		return rc;
	rc = session_pool_new(d->loop, &d->settings->session, &d->pool, err);
	if (rc)
		return rc;
	observer = report_observer(d->report);
	rc = calls_new(d->loop, d->settings, d->pool, &observer, &d->calls,
		       err);
	if (rc)
		return rc;
	d->target = (struct command_target){ d->calls, d->dir, reload, d };
	report_attach(d->report, d->calls, d->settings);
	return 0;
}

static void stop(struct daemon *d)
{
	ctlsock_close(d->socket);
	if (d->report)
		report_stopping(d->report);
	calls_free(d->calls);
	session_pool_free(d->pool);
	report_free(d->report);
	ctldir_close(d->dir);
	loop_free(d->loop);
	settings_free(d->settings);
	log_close();
}

static void open_log(const struct daemon *d)
{
	struct log_config config = {
		.tag = "streamer-sip",
		.facility = LOG_DAEMON,
		.shape = LOG_SHAPE_STREAMER,
		.level = LOG_LEVEL_INFO,
		.to_stderr = d->boot.foreground,
	};

	log_open(&config);
	use_log_level(d);
}

static int fail(const struct err *err)
{
	fprintf(stderr, "upcast-streamer: %s\n", err->text);
	return EXIT_FAILURE;
}

static void say_fault(void *arg, const char *sentence)
{
	fprintf(stderr, "upcast-streamer: %s\n", sentence);
}

/* All that is wrong, not only the first of it. */
static int check_only(const char *path)
{
	struct conf *conf = NULL;
	int rc = conf_check(path, NULL, say_fault, NULL, &conf);

	if (!rc)
		rc = settings_check(conf, say_fault, NULL);
	conf_free(conf);
	if (rc)
		return EXIT_FAILURE;
	printf("%s: settings are in order\n", path);
	return EXIT_SUCCESS;
}

static int run(struct daemon *d)
{
	struct err err;
	int rc = boot_detach(&d->boot, &err);

	if (rc) {
		settings_free(d->settings);
		return fail(&err);
	}
	open_log(d);
	rc = start(d, &err);
	if (rc) {
		log_error("%s", err.text);
		stop(d);
		return EXIT_FAILURE;
	}
	if (!udp_has_room())
		log_warning("net.core.rmem_max is too small for bursts of "
			    "media: set it to %d",
			    2 * UDP_RCVBUF);
	log_info("upcast-streamer %s started", UPCAST_VERSION);
	boot_ready();
	rc = loop_run(d->loop);
	stop(d);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct daemon d = { 0 };
	bool probe = false;
	const struct boot_option options[] = {
		{ "probe", &probe, "try ports and servers, step by step" },
		{ NULL, NULL, NULL },
	};
	const struct boot_program program = {
		.summary = "publishes a bridge's calls as RTMP streams",
		.more = options,
	};
	struct err err;

	boot_parse(argc, argv, &program, &d.boot);
	if (probe)
		return probe_run(&d.boot);
	if (d.boot.check_only)
		return check_only(d.boot.config_path);
	if (load(&d, &d.settings, &err))
		return fail(&err);
	boot_limits();
	return run(&d);
}
