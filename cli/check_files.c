/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/check.h"
#include "cli/listen.h"
#include "cli/pki.h"
#include "lib/mono.h"
#include "lib/secret.h"
#include "lib/str.h"

enum { SOON_S = 30 * 24 * 3600, GROUPS_MAX = 64 };

/* ---- may a daemon read it? ---------------------------------------------- */

/* In the child: as that user, with all its groups. */
static int try_as(const struct passwd *user, const gid_t *groups, int count,
		  const char *path)
{
	if (setgroups((size_t)count, groups) || setgid(user->pw_gid) ||
	    setuid(user->pw_uid))
		return 0; /* nothing can be said */
	return access(path, R_OK) ? errno : 0;
}

/* 0, or an errno: folders on the way and access lists count, too. */
static int read_as(const struct passwd *user, const char *path)
{
	gid_t groups[GROUPS_MAX];
	int count = GROUPS_MAX, status;
	pid_t pid;

	if (getgrouplist(user->pw_name, user->pw_gid, groups, &count) < 0)
		return 0;
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(try_as(user, groups, count, path));
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		return 0;
	return WEXITSTATUS(status);
}

/* Only root can tell, and only where the package has made the user. */
static void check_readable(struct check *c, const char *path,
			   const char *section)
{
	const struct passwd *user;
	char name[CLI_NAME_SIZE];
	int err;

	snprintf(name, sizeof(name), "upcast-%s", section);
	user = geteuid() ? NULL : getpwnam(name);
	if (!user || access(path, F_OK))
		return;
	err = read_as(user, path);
	if (err)
		check_say(c, VERDICT_FAIL,
			  "%s may not read %s: chgrp %s %s; chmod 0640 %s; its "
			  "folder must let it in, too",
			  name, path, name, path, path);
	else
		check_say(c, VERDICT_PASS, "%s may read %s", name, path);
}

/* ---- certificates ------------------------------------------------------- */

static void check_dates(struct check *c, const char *path)
{
	int64_t until;
	struct err err;
	char text[STR_TIME_SIZE];
	int code = pki_check_dates(path, &until, &err);

	if (code) {
		check_say(c, VERDICT_FAIL, "%s%s", err.text,
			  code == -EKEYEXPIRED ? ": get a new one" : "");
		return;
	}
	str_format_time(until, text);
	if (until - mono_wall_s() < SOON_S)
		check_say(c, VERDICT_WARN, "%s expires on %s: get a new one",
			  path, text);
	else
		check_say(c, VERDICT_PASS, "%s is in date until %s", path,
			  text);
}

void check_certificate(struct check *c)
{
	const struct conf *conf = c->cli->conf;
	const char *name = conf_text(conf, OPT_ST_SIP_KEY);
	char key[CLI_PATH_SIZE], certificate[CLI_PATH_SIZE];
	struct err err;

	if (!*name || !*conf_text(conf, OPT_ST_SIP_CERTIFICATE)) {
		if (listen_has_tls(conf_text(conf, OPT_ST_SIP_LISTEN)))
			check_say(c, VERDICT_FAIL,
				  "TLS port set but no certificates "
				  "configured: \"streamer sip certs "
				  "<key-file> <crt-file>\"");
		return;
	}
	cli_cert_path(c->cli, name, key);
	cli_cert_path(c->cli, conf_text(conf, OPT_ST_SIP_CERTIFICATE),
		      certificate);
	if (pki_match(key, certificate, &err))
		check_say(c, VERDICT_FAIL,
			  "%s: \"streamer sip certs\" names others", err.text);
	else
		check_say(c, VERDICT_PASS, "Key and certificate pair match");
	check_dates(c, certificate);
	check_readable(c, key, "streamer");
	check_readable(c, certificate, "streamer");
}

void check_bundles(struct check *c, const char *section)
{
	static const enum schema_id bundles[] = {
		OPT_ST_SIP_BUNDLE, OPT_ST_SIP_TRUST, OPT_ST_RTMPS_BUNDLE,
		OPT_UP_CMS_TRUST,  OPT_UP_REV_TRUST,
	};

	for (size_t i = 0; i < ARRAY_SIZE(bundles); i++) {
		const char *name = conf_text(c->cli->conf, bundles[i]);
		char path[CLI_PATH_SIZE];

		if (!*name ||
		    strcmp(schema_options[bundles[i]].section, section))
			continue;
		cli_cert_path(c->cli, name, path);
		check_dates(c, path);
		check_readable(c, path, section);
	}
}

/* ---- secrets of the uploader -------------------------------------------- */

static void check_secret(struct check *c, const char *section, const char *name)
{
	const char *dir = conf_text(c->cli->conf, OPT_SECRETS_DIR);
	struct secret s = { 0 };
	char path[CLI_PATH_SIZE];
	struct err err;
	int code = secret_load(dir, section, name, &s, &err);

	secret_release(&s);
	if (code == -ENOENT)
		return;
	if (code)
		check_say(c, VERDICT_FAIL, "%s", err.text);
	snprintf(path, sizeof(path), "%s/%s/%s", dir, section, name);
	check_readable(c, path, section);
}

/* An instance takes its own before that of all. */
void check_secrets(struct check *c)
{
	const char *instance = c->cli->instance;

	for (size_t i = 0; i < SCHEMA_COUNT; i++) {
		const struct schema_option *o = &schema_options[i];
		char name[2 * CLI_NAME_SIZE];

		if (!(o->flags & SCHEMA_SECRET) ||
		    strcmp(o->section, "uploader"))
			continue;
		check_secret(c, o->section, o->key);
		snprintf(name, sizeof(name), "%s@%s", o->key,
			 instance ? instance : "");
		if (instance)
			check_secret(c, o->section, name);
	}
}
