/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/cmd.h"
#include "lib/redact.h"
#include "lib/secret.h"
#include "lib/str.h"

enum { VALUE_MAX = CONF_LINE_MAX };

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

/* One that has no setting yet: "" or NULL takes it away. */
struct change {
	enum schema_id id;
	const char *value;
};

/* All of them, or none that is said to be. */
static int set_all(struct cli *cli, const struct change *changes, size_t n)
{
	int code = 0;

	for (size_t i = 0; i < n && !code; i++)
		code = cli_set(cli, changes[i].id, changes[i].value);
	for (size_t i = 0; i < n && !code; i++)
		cli_say_set(cli, changes[i].id, changes[i].value);
	return code;
}

int cmd_set_option(struct cli *cli, const struct table_match *m)
{
	struct change change = { (enum schema_id)m->command->id, NULL };
	struct buf value;
	int code;

	buf_init(&value, VALUE_MAX);
	code = ask_words(m, 0, ", ", &value);
	if (code) {
		cli_failure(code, "%s: %s", schema_options[change.id].key,
			    err_str(code));
	} else {
		change.value = stored_form(change.id, buf_text(&value));
		code = set_all(cli, &change, 1);
	}
	buf_release(&value);
	return code;
}

static int check_file(const char *path)
{
	return access(path, R_OK)
		       ? cli_failure(-errno,
				     "%s: %s; \"pki list\" shows what is there",
				     path, err_str(-errno))
		       : 0;
}

/* A bundle: the daemons that do not know certs_dir get the whole path. */
int cmd_set_trust(struct cli *cli, const struct table_match *m)
{
	bool none = !strcmp(m->argv[0], "none");
	char path[CLI_PATH_SIZE];
	struct change change = { (enum schema_id)m->command->id,
				 none ? NULL : path };
	int code;

	cli_cert_path(cli, m->argv[0], path);
	code = none ? 0 : check_file(path);
	return code ? code : set_all(cli, &change, 1);
}

/* ---- rows with a form of their own -------------------------------------- */

static bool is_port(const char *word)
{
	uint64_t port;

	return !strcmp(word, "none") || !str_parse_u64(word, 1, 65535, &port);
}

/* Without an interface, as the guide itself has it once: all of them. */
int cmd_streamer_listen(struct cli *cli, const struct table_match *m)
{
	const char *interface = m->argc == 3 ? m->argv[0] : "any";
	const char *tcp = m->argv[m->argc - 2], *tls = m->argv[m->argc - 1];
	char value[256];
	const struct change change = { OPT_ST_SIP_LISTEN, value };

	if (!is_port(tcp) || !is_port(tls))
		return cli_failure(-EINVAL, "%s: a port is 1 to 65535, or none",
				   is_port(tcp) ? tls : tcp);
	if (!strcmp(tcp, "none") && !strcmp(tls, "none"))
		return cli_failure(-EINVAL, "at least one port is needed");
	snprintf(value, sizeof(value), "%s %s %s", interface, tcp, tls);
	return set_all(cli, &change, 1);
}

int cmd_old_tls(struct cli *cli, const struct table_match *m)
{
	return cli_failure(-ENOTSUP,
			   "TLS %s is too weak to be spoken: 1.2 is the lowest",
			   m->argv[0]);
}

int cmd_streamer_limit(struct cli *cli, const struct table_match *m)
{
	const struct change change = { OPT_ST_LIMIT, m->argv[0] };
	uint64_t limit;

	if (strcmp(m->argv[0], "none") &&
	    str_parse_u64(m->argv[0], 0, 500, &limit))
		return cli_failure(-EINVAL, "%s: a limit is 0 to 500, or none",
				   m->argv[0]);
	return set_all(cli, &change, 1);
}

/* The daemon does not run as root; everyone else goes on without the key. */
static void let_daemon_read(const struct cli *cli, const char *name)
{
	const struct group *group = getgrnam("upcast-streamer");
	char path[CLI_PATH_SIZE];

	if (!group || geteuid())
		return;
	cli_cert_path(cli, name, path);
	if (chown(path, 0, group->gr_gid) || chmod(path, 0640))
		cli_hint("%s: %s: upcast-streamer may not be able to read it",
			 path, err_str(-errno));
}

int cmd_streamer_certs(struct cli *cli, const struct table_match *m)
{
	bool none = m->argc == 1 && !strcmp(m->argv[0], "none");
	const struct change changes[] = {
		{ OPT_ST_SIP_KEY, none ? NULL : m->argv[0] },
		{ OPT_ST_SIP_CERTIFICATE, table_arg(m, 1) },
		{ OPT_ST_SIP_BUNDLE, table_arg(m, 2) },
	};
	int code = 0;

	if (m->argc < 2 && !none)
		return cli_failure(-EINVAL, "%s: the certificate is missing",
				   m->argv[0]);
	for (int i = 0; i < m->argc && !none && !code; i++) {
		char path[CLI_PATH_SIZE];

		cli_cert_path(cli, m->argv[i], path);
		code = check_file(path);
	}
	if (!code && !none)
		let_daemon_read(cli, m->argv[0]);
	return code ? code : set_all(cli, changes, ARRAY_SIZE(changes));
}

/* host:directory; an IPv6 address is in brackets. */
int cmd_uploader_nfs(struct cli *cli, const struct table_match *m)
{
	const char *text = m->argv[0];
	bool bracket = *text == '[';
	const char *end = bracket ? strchr(text, ']') : text;
	const char *colon = end ? strchr(end, ':') : NULL;
	char host[256];
	const struct change changes[] = {
		{ OPT_UP_NFS_HOST, host },
		{ OPT_UP_NFS_DIRECTORY, colon ? colon + 1 : NULL },
	};

	if (!colon || colon == text || !colon[1] ||
	    (size_t)(colon - text) >= sizeof(host))
		return cli_failure(-EINVAL,
				   "%s: wanted is <host>:<directory>, such as "
				   "192.0.2.1:Recording",
				   text);
	snprintf(host, sizeof(host), "%.*s", (int)(colon - text) - 2 * bracket,
		 text + bracket);
	return set_all(cli, changes, ARRAY_SIZE(changes));
}

/* ---- secrets ------------------------------------------------------------ */

static int store_secret(const struct cli *cli, enum schema_id id,
			const char *text)
{
	const struct schema_option *o = &schema_options[id];
	char name[2 * CLI_NAME_SIZE], group[CLI_NAME_SIZE];
	struct err err;
	int code;

	snprintf(name, sizeof(name), "%s%s%s", o->key, cli->instance ? "@" : "",
		 cli->instance ? cli->instance : "");
	/* The daemon's own group, where the package has made it. */
	snprintf(group, sizeof(group), "upcast-%s", o->section);
	code = secret_store(conf_text(cli->conf, OPT_SECRETS_DIR), o->section,
			    name, text, getgrnam(group) ? group : NULL, &err);
	if (code)
		return cli_failure(code, "%s", err.text);
	cli_success("%s.%s is stored", o->section, o->key);
	if (cli_is_alive(cli, o->section))
		cli_hint("%s runs: \"reload %s\" makes it take effect",
			 o->section, o->section);
	return 0;
}

static int ask_and_store(const struct cli *cli, enum schema_id id)
{
	struct buf text;
	int code;

	buf_init(&text, SECRET_MAX);
	code = ask_secret("Please enter password:", &text);
	if (code)
		cli_failure(code, "no password was given: type it, or let "
				  "it be a line of standard input");
	else
		code = store_secret(cli, id, buf_text(&text));
	buf_wipe(&text);
	return code;
}

int cmd_set_secret(struct cli *cli, const struct table_match *m)
{
	return ask_and_store(cli, (enum schema_id)m->command->id);
}

/* Neither repeated nor taken: it stands in lists of processes by now. */
int cmd_no_secret(struct cli *cli, const struct table_match *m)
{
	return cli_failure(-EPERM, "a password is asked for, not given on the "
				   "line: choose another one now");
}

/* ---- get, set, unset ---------------------------------------------------- */

struct name {
	char section[2 * CLI_NAME_SIZE];
	const char *key;
	bool is_free, is_secret;
	enum schema_id id; /* unless it is free */
};

static int find_name(const struct cli *cli, const char *text, struct name *ret)
{
	const char *dot = strrchr(text, '.');
	struct err err;
	int code;

	*ret = (struct name){ .key = dot ? dot + 1 : NULL };
	if (!dot || (size_t)(dot - text) >= CLI_NAME_SIZE)
		return cli_failure(-EINVAL,
				   "%s: wanted is section.key, such as "
				   "uploader.rev_host",
				   text);
	snprintf(ret->section, sizeof(ret->section), "%.*s", (int)(dot - text),
		 text);
	ret->is_free = schema_is_free(ret->section);
	if (ret->is_free)
		return 0;
	code = schema_check_section(ret->section, &err);
	if (!code)
		code = schema_find(ret->section, ret->key, &ret->id, &err);
	if (code)
		return cli_failure(code, "%s: %s", text, err.text);
	ret->is_secret = schema_options[ret->id].flags & SCHEMA_SECRET;
	if (!strcmp(ret->section, "uploader"))
		cli_section(cli, "uploader", ret->section);
	return 0;
}

int cmd_get(struct cli *cli, const struct table_match *m)
{
	struct name name;
	char shown[VALUE_MAX];
	const char *value;
	int code = find_name(cli, m->argv[0], &name);

	if (code)
		return code;
	if (name.is_secret)
		return cli_failure(-EPERM, "%s is a secret and is not shown",
				   m->argv[0]);
	value = conf_find(cli->conf, name.section, name.key);
	if (!value && !name.is_free)
		value = conf_text(cli->conf, name.id);
	if (!value)
		return cli_failure(-ENOENT, "%s is not set", m->argv[0]);
	redact_value(value, shown, sizeof(shown));
	puts(shown);
	return 0;
}

static int change(struct cli *cli, const char *text, const struct name *name,
		  const char *value)
{
	struct err err;
	int code = conf_set(cli->config_path, name->section, name->key, value,
			    &err);

	if (code)
		return cli_failure(code, "%s", err.text);
	if (name->is_free)
		cli_success("%s is %s", text, value ? "set" : "removed");
	else
		cli_say_set(cli, name->id, value);
	return 0;
}

/* What is not on the line is asked for: a URL may hold a password. */
int cmd_set(struct cli *cli, const struct table_match *m)
{
	struct name name;
	struct buf value;
	int code = find_name(cli, m->argv[0], &name);

	if (code)
		return code;
	if (name.is_secret && m->argc > 1)
		return cli_failure(-EPERM,
				   "%s is a secret: it is asked for, not given "
				   "on the line",
				   m->argv[0]);
	if (name.is_secret)
		return ask_and_store(cli, name.id);
	buf_init(&value, VALUE_MAX);
	code = m->argc > 1 ? ask_words(m, 1, " ", &value)
			   : ask_secret("Please enter value:", &value);
	if (code == -ENODATA)
		cli_failure(code, "%s: a value is missing", m->argv[0]);
	else if (code)
		cli_failure(code, "%s: %s", m->argv[0], err_str(code));
	else
		code = change(cli, m->argv[0], &name, buf_text(&value));
	buf_wipe(&value);
	return code;
}

int cmd_unset(struct cli *cli, const struct table_match *m)
{
	struct name name;
	int code = find_name(cli, m->argv[0], &name);

	if (code)
		return code;
	if (name.is_secret)
		return cli_failure(-EPERM,
				   "%s is a secret: remove its file in %s/%s",
				   m->argv[0],
				   conf_text(cli->conf, OPT_SECRETS_DIR),
				   schema_options[name.id].section);
	return change(cli, m->argv[0], &name, NULL);
}
