/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/check.h"
#include "cli/cmd.h"
#include "cli/listen.h"
#include "cli/pki.h"
#include "cli/service.h"
#include "lib/secret.h"

/* A row's id is the setting that enables the daemon it concerns. */
static const char *section_of(const struct table_match *m)
{
	return schema_options[m->command->id].section;
}

/* As the original spells it. */
static const char *title_of(const char *section)
{
	return strcmp(section, "streamer") ? section : "Streamer";
}

/* ---- may the streamer be enabled? --------------------------------------- */

static bool is_set(const struct cli *cli, enum schema_id id)
{
	return *conf_text(cli->conf, id);
}

static int check_pair(const struct cli *cli)
{
	char key[CLI_PATH_SIZE], certificate[CLI_PATH_SIZE];
	struct err err;
	int code;

	cli_cert_path(cli, conf_text(cli->conf, OPT_ST_SIP_KEY), key);
	cli_cert_path(cli, conf_text(cli->conf, OPT_ST_SIP_CERTIFICATE),
		      certificate);
	code = pki_match(key, certificate, &err);
	if (code == -EKEYREJECTED)
		return cli_failure(code, "Key and certificate pair do not "
					 "match");
	if (!code)
		code = pki_check_dates(certificate, NULL, &err);
	if (code)
		return cli_failure(code, "%s", err.text);
	cli_success("Key and certificate pair match");
	return 0;
}

static int check_streamer(const struct cli *cli)
{
	if (is_set(cli, OPT_ST_SIP_KEY))
		return check_pair(cli);
	if (listen_has_tls(conf_text(cli->conf, OPT_ST_SIP_LISTEN)))
		return cli_failure(-EINVAL, "TLS port set but no certificates "
					    "configured");
	return 0;
}

/* ---- may the uploader? -------------------------------------------------- */

/*
 * What must be there where another setting has that value, or (NULL) has any.
 * A secret is a file of its own.
 */
static const struct need {
	enum schema_id when;
	const char *value;
	enum schema_id id;
	const char *what, *command;
} needs[] = {
	{ OPT_UP_SOURCE, "nfs", OPT_UP_NFS_HOST, "NFS share",
	  "uploader nfs <host:directory>" },
	{ OPT_UP_SOURCE, "local", OPT_UP_LOCAL_DIRECTORY,
	  "directory of recordings", "set uploader.local_directory <path>" },
	{ OPT_UP_CMS_HOST, NULL, OPT_UP_CMS_USER, "CMS user",
	  "uploader cms user <user>" },
	{ OPT_UP_CMS_HOST, NULL, OPT_UP_CMS_PASSWORD, "CMS password",
	  "uploader cms password" },
	{ OPT_UP_SOURCE, NULL, OPT_UP_REV_HOST, "Vbrick Rev host",
	  "uploader rev host <host>" },
	{ OPT_UP_REV_LOGIN, "password", OPT_UP_REV_USER, "Vbrick Rev user",
	  "uploader rev user <user>" },
	{ OPT_UP_REV_LOGIN, "password", OPT_UP_REV_PASSWORD,
	  "Vbrick Rev password", "uploader rev password" },
	{ OPT_UP_REV_LOGIN, "api-key", OPT_UP_REV_API_KEY, "API key of Rev",
	  "set uploader.rev_api_key <value>" },
	{ OPT_UP_REV_LOGIN, "api-key", OPT_UP_REV_API_SECRET,
	  "API secret of Rev", "set uploader.rev_api_secret" },
};

static bool has_secret(const struct cli *cli, const struct schema_option *o)
{
	struct secret s = { 0 };
	struct err err;
	int code = secret_load_instance(conf_text(cli->conf, OPT_SECRETS_DIR),
					o->section, o->key, cli->instance, &s,
					&err);

	secret_release(&s);
	if (code && code != -ENOENT)
		cli_failure(code, "%s", err.text);
	return !code;
}

static bool is_missing(const struct cli *cli, const struct need *n)
{
	const struct schema_option *o = &schema_options[n->id];
	const char *value = conf_text(cli->conf, n->when);

	if (n->value ? strcmp(value, n->value) : !*value)
		return false;
	return o->flags & SCHEMA_SECRET ? !has_secret(cli, o)
					: !is_set(cli, n->id);
}

int check_needs(const struct cli *cli)
{
	int code = 0;

	for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
		if (is_missing(cli, &needs[i]))
			code = cli_failure(-EINVAL, "No %s configured: %s",
					   needs[i].what, needs[i].command);
	return code;
}

/* ---- what the daemon itself thinks of its settings ---------------------- */

/* Of some values only it knows the form. It says what is wrong. */
static int check_settings(const struct cli *cli, const char *section)
{
	const char *const args[] = { "-n", NULL };

	if (access(cli->config_path, F_OK))
		return 0;
	return service_daemon(cli, section, args, true) > 0 ? -EINVAL : 0;
}

/* ---- enable, disable, restart ------------------------------------------- */

/* A daemon that runs obeys the setting, with or without a manager. */
static int apply(const struct cli *cli, const char *section, bool enable,
		 struct err *err)
{
	char folder[CLI_NAME_SIZE];
	int code = 0;

	cli_folder(cli, section, folder);
	if (cli_is_alive(cli, section))
		code = cli_tell(cli, folder, "reload", err);
	if (!code && service_has_manager())
		code = service_order(enable ? "enable" : "disable", true,
				     folder, err);
	return code;
}

static int switch_to(struct cli *cli, const struct table_match *m, bool enable)
{
	const char *section = section_of(m);
	struct err err = { 0 };
	int code = cli_set(cli, (enum schema_id)m->command->id,
			   enable ? "true" : "false");

	if (code)
		return code;
	code = apply(cli, section, enable, &err);
	if (code)
		return cli_failure(code, "%s", err.text);
	cli_success("%s %s", title_of(section),
		    enable ? "enabled" : "disabled");
	if (enable && !service_has_manager() && !cli_is_alive(cli, section))
		cli_hint("upcast-%s does not run: start it", section);
	return 0;
}

int cmd_enable(struct cli *cli, const struct table_match *m)
{
	const char *title = title_of(section_of(m));
	int code = m->command->id == OPT_ST_ENABLED ? check_streamer(cli)
						    : check_needs(cli);

	if (!code)
		code = check_settings(cli, section_of(m));
	if (code)
		return cli_failure(code, "%s configuration not complete",
				   title);
	return switch_to(cli, m, true);
}

int cmd_disable(struct cli *cli, const struct table_match *m)
{
	return switch_to(cli, m, false);
}

int cmd_restart(struct cli *cli, const struct table_match *m)
{
	char folder[CLI_NAME_SIZE];
	struct err err;
	int code;

	cli_folder(cli, section_of(m), folder);
	if (!service_has_manager())
		return cli_failure(-ENOTSUP,
				   "no service manager runs here: restart "
				   "upcast-%s by hand",
				   folder);
	code = service_order("restart", false, folder, &err);
	if (code)
		return cli_failure(code, "%s", err.text);
	cli_success("%s restarted", title_of(section_of(m)));
	return 0;
}

/* ---- orders ------------------------------------------------------------- */

/* "hangup <call>" goes as "hangup 7-2", "streamer drain" as "drain". */
int cmd_order(struct cli *cli, const struct table_match *m)
{
	const char *word = m->command->syntax;
	size_t n = strcspn(word, " ");
	char folder[CLI_NAME_SIZE], command[256];
	struct err answer;
	int code;

	if (!m->argc)
		snprintf(command, sizeof(command), "%s", word + n + 1);
	else
		snprintf(command, sizeof(command), "%.*s %s", (int)n, word,
			 m->argv[0]);
	cli_folder(cli, section_of(m), folder);
	code = cli_tell(cli, folder, command, &answer);
	if (code)
		return cli_failure(code, "%s", answer.text);
	cli_success("%s", *answer.text ? answer.text : command);
	return 0;
}

static int reload_one(const struct cli *cli, const char *section)
{
	char folder[CLI_NAME_SIZE];
	struct err answer;
	int code;

	cli_folder(cli, section, folder);
	code = cli_tell(cli, folder, "reload", &answer);
	if (code)
		return cli_failure(code, "%s: %s", folder, answer.text);
	cli_success("%s: %s", folder, answer.text);
	return 0;
}

/* Without a name: whoever runs. */
int cmd_reload(struct cli *cli, const struct table_match *m)
{
	static const char *const sections[] = { "streamer", "uploader" };
	bool any = false;
	int result = 0;

	if (m->argc)
		return reload_one(cli, m->argv[0]);
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		int code;

		if (!cli_is_alive(cli, sections[i]))
			continue;
		any = true;
		code = reload_one(cli, sections[i]);
		result = result ? result : code;
	}
	if (!any)
		return cli_failure(
			-ESRCH, "neither streamer nor uploader runs: what is "
				"started reads its settings then");
	return result;
}
