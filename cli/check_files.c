/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/check.h"
#include "cli/listen.h"
#include "cli/pki.h"
#include "lib/mono.h"
#include "lib/secret.h"
#include "lib/str.h"

enum { PATH_SIZE = 1400, SOON_S = 30 * 24 * 3600 };

/* ---- certificates ------------------------------------------------------- */

static void check_dates(struct check *c, const char *path)
{
	int64_t from, until, now = mono_wall_s();
	char text[STR_TIME_SIZE];
	struct err err;

	if (pki_dates(path, &from, &until, &err)) {
		check_fail(c, "%s", err.text);
		return;
	}
	str_format_time(now < from ? from : until, text);
	if (now < from)
		check_fail(c, "%s is not valid before %s: check the clock",
			   path, text);
	else if (now > until)
		check_fail(c, "%s has expired on %s: get a new one", path,
			   text);
	else if (until - now < SOON_S)
		check_warn(c, "%s expires on %s: get a new one", path, text);
	else
		check_pass(c, "%s is in date until %s", path, text);
}

/* A daemon reads with its own group, or what all may read. */
static void check_readable(struct check *c, const char *path,
			   const char *section)
{
	const struct group *group;
	struct stat st;
	char name[64];

	snprintf(name, sizeof(name), "upcast-%s", section);
	group = getgrnam(name);
	if (!group || stat(path, &st))
		return;
	if ((st.st_mode & S_IROTH) ||
	    ((st.st_mode & S_IRGRP) && st.st_gid == group->gr_gid))
		check_pass(c, "%s may read %s", name, path);
	else
		check_fail(c, "%s may not read %s: chgrp %s %s; chmod 0640 %s",
			   name, path, name, path, path);
}

void check_tls(struct check *c)
{
	const struct conf *conf = c->cli->conf;
	const char *key = conf_text(conf, OPT_ST_SIP_KEY);
	const char *certificate = conf_text(conf, OPT_ST_SIP_CERTIFICATE);
	char key_path[PATH_SIZE], path[PATH_SIZE];
	struct err err;

	if (!*key || !*certificate) {
		if (listen_has_tls(conf_text(conf, OPT_ST_SIP_LISTEN)))
			check_fail(c, "TLS port set but no certificates "
				      "configured: \"streamer sip certs "
				      "<key-file> <crt-file>\"");
		return;
	}
	cli_cert_path(c->cli, key, key_path, sizeof(key_path));
	cli_cert_path(c->cli, certificate, path, sizeof(path));
	if (pki_match(key_path, path, &err))
		check_fail(c, "%s", err.text);
	else
		check_pass(c, "Key and certificate pair match");
	check_dates(c, path);
	check_readable(c, key_path, "streamer");
}

void check_bundles(struct check *c)
{
	static const enum schema_id ids[] = { OPT_UP_CMS_TRUST,
					      OPT_UP_REV_TRUST };

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		const char *name = conf_text(c->cli->conf, ids[i]);
		char path[PATH_SIZE];

		if (!*name)
			continue;
		cli_cert_path(c->cli, name, path, sizeof(path));
		check_dates(c, path);
		check_readable(c, path, "uploader");
	}
}

/* ---- secrets ------------------------------------------------------------ */

void check_secrets(struct check *c, const char *section)
{
	const char *dir = conf_text(c->cli->conf, OPT_SECRETS_DIR);

	for (size_t i = 0; i < SCHEMA_COUNT; i++) {
		const struct schema_option *o = &schema_options[i];
		struct secret s = { 0 };
		char path[PATH_SIZE];
		struct err err;
		int code;

		if (!(o->flags & SCHEMA_SECRET) || strcmp(o->section, section))
			continue;
		code = secret_load(dir, section, o->key, &s, &err);
		secret_release(&s);
		if (code && code != -ENOENT)
			check_fail(c, "%s", err.text);
		snprintf(path, sizeof(path), "%s/%s/%s", dir, section, o->key);
		if (!code)
			check_readable(c, path, section);
	}
}
