/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/cmd.h"
#include "cli/service.h"
#include "lib/secret.h"
#include "lib/str.h"

enum { VALUE_MAX = CONF_LINE_MAX, NAME_MAX_BYTES = 128 };

/* ---- rows that set one option ------------------------------------------- */

/* "none" empties what is a text; a truth is written as such. */
static const char *stored_form(enum schema_id id, const char *value)
{
	enum schema_type type = schema_options[id].type;
	bool truth;

	if (type == SCHEMA_BOOL && !str_parse_bool(value, &truth))
		return truth ? "true" : "false";
	if ((type == SCHEMA_TEXT || type == SCHEMA_HOST ||
	     type == SCHEMA_HOSTS) &&
	    !strcmp(value, "none"))
		return NULL;
	return value;
}

static int join(const struct table_match *m, int first, const char *between,
		struct buf *dst)
{
	int err = 0;

	for (int i = first; i < m->argc && !err; i++) {
		if (i > first)
			err = buf_add_str(dst, between);
		if (!err)
			err = buf_add_str(dst, m->argv[i]);
	}
	return err;
}

static int set_and_say(struct cli *cli, enum schema_id id, const char *value)
{
	int err = cli_set(cli, id, value);

	if (!err)
		cli_say_set(cli, id, value);
	return err;
}

int cmd_set_option(struct cli *cli, const struct table_match *m)
{
	enum schema_id id = (enum schema_id)m->command->id;
	struct buf value;
	int err;

	buf_init(&value, VALUE_MAX);
	err = join(m, 0, ", ", &value);
	if (err)
		err = cli_failure(err, "%s: %s", schema_options[id].key,
				  err_str(err));
	else
		err = set_and_say(cli, id, stored_form(id, buf_text(&value)));
	buf_release(&value);
	return err;
}

/* A bundle: the daemons that do not know certs_dir get the whole path. */
int cmd_set_trust(struct cli *cli, const struct table_match *m)
{
	enum schema_id id = (enum schema_id)m->command->id;
	char path[VALUE_MAX];
	FILE *file;

	if (!strcmp(m->argv[0], "none"))
		return set_and_say(cli, id, NULL);
	cli_cert_path(cli, m->argv[0], path, sizeof(path));
	file = fopen(path, "re");
	if (!file)
		return cli_failure(-errno, "%s: %s", path, err_str(-errno));
	fclose(file);
	return set_and_say(cli, id, path);
}

/* ---- secrets ------------------------------------------------------------ */

/* The daemon's own group, where the package has made it. */
static const char *secret_group(const char *section, char *dst, size_t size)
{
	snprintf(dst, size, "upcast-%s", section);
	return getgrnam(dst) ? dst : NULL;
}

static int store_secret(struct cli *cli, enum schema_id id, const char *text)
{
	const struct schema_option *o = &schema_options[id];
	char name[NAME_MAX_BYTES], group[NAME_MAX_BYTES];
	const char *dir = conf_text(cli->conf, OPT_SECRETS_DIR);
	struct err err;
	int code;

	snprintf(name, sizeof(name), "%s%s%s", o->key, cli->instance ? "@" : "",
		 cli->instance ? cli->instance : "");
	code = secret_store(dir, o->section, name, text,
			    secret_group(o->section, group, sizeof(group)),
			    &err);
	if (code)
		return cli_failure(code, "%s", err.text);
	cli_success("%s.%s is stored", o->section, o->key);
	if (cli_is_alive(cli, o->section))
		cli_hint("%s runs: \"reload %s\" makes it take effect",
			 o->section, o->section);
	return 0;
}

static int ask_and_store(struct cli *cli, enum schema_id id)
{
	struct buf text;
	int err;

	buf_init(&text, SECRET_MAX);
	err = ask_secret("Please enter password:", &text);
	if (err)
		cli_failure(err, "no password was given");
	else
		err = store_secret(cli, id, buf_text(&text));
	buf_wipe(&text);
	return err;
}

int cmd_set_secret(struct cli *cli, const struct table_match *m)
{
	return ask_and_store(cli, (enum schema_id)m->command->id);
}

/* ---- get, set, unset ---------------------------------------------------- */

struct name {
	char section[NAME_MAX_BYTES];
	const char *key;
	bool is_free;
	enum schema_id id; /* unless it is free */
};

static int find_name(struct cli *cli, const char *text, struct name *ret)
{
	const char *dot = strrchr(text, '.');
	struct err err;
	int code;

	if (!dot || (size_t)(dot - text) >= sizeof(ret->section))
		return cli_failure(-EINVAL,
				   "%s: wanted is section.key, such as "
				   "uploader.rev_host",
				   text);
	snprintf(ret->section, sizeof(ret->section), "%.*s", (int)(dot - text),
		 text);
	ret->key = dot + 1;
	ret->is_free = schema_is_free(ret->section);
	if (ret->is_free)
		return 0;
	code = schema_check_section(ret->section, &err);
	if (!code)
		code = schema_find(ret->section, ret->key, &ret->id, &err);
	if (code)
		return cli_failure(code, "%s: %s", text, err.text);
	if (!strcmp(ret->section, "uploader"))
		cli_section(cli, "uploader", ret->section,
			    sizeof(ret->section));
	return 0;
}

static bool is_secret(const struct name *name)
{
	return !name->is_free &&
	       (schema_options[name->id].flags & SCHEMA_SECRET);
}

static const char *find_value(const struct cli *cli, const struct name *name)
{
	const char *value = conf_find(cli->conf, name->section, name->key);

	if (value || name->is_free)
		return value;
	return conf_text(cli->conf, name->id);
}

int cmd_get(struct cli *cli, const struct table_match *m)
{
	struct name name;
	char shown[VALUE_MAX];
	const char *value;
	int err = find_name(cli, m->argv[0], &name);

	if (err)
		return err;
	if (is_secret(&name))
		return cli_failure(-EPERM, "%s is a secret and is not shown",
				   m->argv[0]);
	value = find_value(cli, &name);
	if (!value)
		return cli_failure(-ENOENT, "%s is not set", m->argv[0]);
	cli_mask(value, shown, sizeof(shown));
	str_clean(shown);
	puts(shown);
	return 0;
}

static int change(struct cli *cli, const char *text, const struct name *name,
		  const char *value)
{
	struct err err;
	int code;

	code = conf_set(cli->config_path, name->section, name->key, value,
			&err);
	if (code)
		return cli_failure(code, "%s", err.text);
	if (name->is_free)
		cli_success("%s is %s", text, value ? "set" : "removed");
	else
		cli_say_set(cli, name->id, value);
	return 0;
}

int cmd_set(struct cli *cli, const struct table_match *m)
{
	struct name name;
	struct buf value;
	int err = find_name(cli, m->argv[0], &name);

	if (err)
		return err;
	if (is_secret(&name)) {
		if (m->argc > 1)
			return cli_failure(-EPERM,
					   "%s is a secret: it is asked for, "
					   "not given on the line",
					   m->argv[0]);
		return ask_and_store(cli, name.id);
	}
	if (m->argc < 2)
		return cli_failure(-EINVAL, "%s: a value is missing",
				   m->argv[0]);
	buf_init(&value, VALUE_MAX);
	err = join(m, 1, " ", &value);
	if (err)
		err = cli_failure(err, "%s: %s", m->argv[0], err_str(err));
	else
		err = change(cli, m->argv[0], &name, buf_text(&value));
	buf_release(&value);
	return err;
}

int cmd_unset(struct cli *cli, const struct table_match *m)
{
	struct name name;
	int err = find_name(cli, m->argv[0], &name);

	if (err)
		return err;
	if (is_secret(&name))
		return cli_failure(-EPERM,
				   "%s is a secret: remove its file in %s/%s",
				   m->argv[0],
				   conf_text(cli->conf, OPT_SECRETS_DIR),
				   schema_options[name.id].section);
	return change(cli, m->argv[0], &name, NULL);
}

/* ---- the daemons -------------------------------------------------------- */

static int reload_one(struct cli *cli, const char *section)
{
	char folder[80];
	struct err answer;
	int err;

	cli_folder(cli, section, folder, sizeof(folder));
	err = cli_tell(cli, folder, "reload", &answer);
	if (err)
		return cli_failure(err, "%s: %s", folder, answer.text);
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
		int err;

		if (!cli_is_alive(cli, sections[i]))
			continue;
		any = true;
		err = reload_one(cli, sections[i]);
		result = result ? result : err;
	}
	if (!any)
		return cli_failure(-ESRCH, "neither streamer nor uploader "
					   "runs");
	return result;
}

int cmd_order(struct cli *cli, const char *section, const char *command)
{
	char folder[80];
	struct err answer;
	int err;

	cli_folder(cli, section, folder, sizeof(folder));
	err = cli_tell(cli, folder, command, &answer);
	if (err)
		return cli_failure(err, "%s", answer.text);
	cli_success("%s", *answer.text ? answer.text : command);
	return 0;
}

/* A daemon that runs obeys the setting, with or without a manager. */
static int apply_switch(struct cli *cli, const char *section, bool enable,
			struct err *err)
{
	char folder[80];

	cli_folder(cli, section, folder, sizeof(folder));
	if (cli_is_alive(cli, section)) {
		int code = cli_tell(cli, folder, "reload", err);

		if (code)
			return code;
	}
	if (service_has_manager())
		return service_order(enable ? "enable" : "disable", true,
				     folder, err);
	return 0;
}

int cmd_switch(struct cli *cli, enum schema_id id, const char *name,
	       bool enable)
{
	const char *section = schema_options[id].section;
	struct err err = { 0 };
	int code = cli_set(cli, id, enable ? "true" : "false");

	if (code)
		return code;
	code = apply_switch(cli, section, enable, &err);
	if (code)
		return cli_failure(code, "%s", err.text);
	cli_success("%s %s", name, enable ? "enabled" : "disabled");
	if (enable && !service_has_manager() && !cli_is_alive(cli, section))
		cli_hint("upcast-%s does not run: start it", section);
	return 0;
}

int cmd_restart(struct cli *cli, const char *section, const char *name)
{
	char folder[80];
	struct err err;
	int code;

	cli_folder(cli, section, folder, sizeof(folder));
	if (!service_has_manager())
		return cli_failure(-ENOTSUP,
				   "no service manager runs here: restart "
				   "upcast-%s by hand",
				   folder);
	code = service_order("restart", false, folder, &err);
	if (code)
		return cli_failure(code, "%s", err.text);
	cli_success("%s restarted", name);
	return 0;
}
