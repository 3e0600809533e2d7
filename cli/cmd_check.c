/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/check.h"
#include "cli/cmd.h"
#include "cli/service.h"
#include "lib/str.h"

/* ---- lines -------------------------------------------------------------- */

static void say(const char *word, const char *fmt, va_list ap)
	ATTR_PRINTF(2, 0);

static void say(const char *word, const char *fmt, va_list ap)
{
	char text[2048];

	vsnprintf(text, sizeof(text), fmt, ap);
	str_clean(text);
	printf("%s: %s\n", word, text);
	fflush(stdout);
}

void check_pass(struct check *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("SUCCESS", fmt, ap);
	va_end(ap);
}

void check_warn(struct check *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("WARNING", fmt, ap);
	va_end(ap);
}

void check_fail(struct check *c, const char *fmt, ...)
{
	va_list ap;

	c->failures++;
	va_start(ap, fmt);
	say("FAILURE", fmt, ap);
	va_end(ap);
}

/* ---- what is checked ---------------------------------------------------- */

static void check_callers(struct check *c)
{
	const struct conf *conf = c->cli->conf;

	if (*conf_text(conf, OPT_ST_ALLOW_FROM) ||
	    conf_bool(conf, OPT_ST_SIP_VERIFY))
		check_pass(c, "who may call is limited");
	else
		check_warn(c, "anyone may call: \"set streamer.allow_from "
			      "<addresses of the bridges>\" or \"tls sip "
			      "verify enable\"");
}

static void check_streamer(struct check *c)
{
	check_daemon(c, "streamer", OPT_ST_ENABLED);
	check_tls(c);
	check_listen(c);
	check_callers(c);
	check_targets(c);
	check_bridge(c);
	check_limits(c);
}

/* The outside parties, as the uploader itself meets them. */
static void run_probe(struct check *c)
{
	const char *installed = SBINDIR "/upcast-uploader";
	const char *argv[8] = { access(installed, X_OK) ? "upcast-uploader"
							: installed,
				"--probe", "-c", c->cli->config_path, NULL };
	int status;

	if (c->cli->instance) {
		argv[4] = "-i";
		argv[5] = c->cli->instance;
	}
	status = service_spawn(argv);
	if (status == -ENOENT || status == 127)
		check_fail(c, "upcast-uploader is not installed: share, bridge "
			      "and Rev are not tried");
	else if (status)
		c->failures++;
}

static void check_uploader(struct check *c)
{
	check_daemon(c, "uploader", OPT_UP_ENABLED);
	check_bundles(c);
	check_secrets(c, "uploader");
	run_probe(c);
}

int cmd_check(struct cli *cli, const struct table_match *m)
{
	struct check c = { .cli = cli };
	const char *only = table_arg(m, 0);

	check_pass(&c, "%s can be read", cli->config_path);
	check_clock(&c);
	if (!only || !strcmp(only, "streamer"))
		check_streamer(&c);
	if (!only || !strcmp(only, "uploader"))
		check_uploader(&c);
	return c.failures ? -EINVAL : 0;
}
