/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/listing.h"
#include "lib/secret.h"

enum { LABEL_WIDTH = 33 };

/* ---- the listing, in the order and spelling of the original ------------- */

enum show {
	SHOW_TEXT,
	SHOW_BOOL,
	SHOW_FILE,   /* without certs_dir */
	SHOW_ACTIVE, /* is the initial state active? */
};

static const struct {
	const char *label;
	enum schema_id id;
	enum show show;
} fields[] = {
	{ "Enabled", OPT_UP_ENABLED, SHOW_BOOL },
	{ "NFS hostname", OPT_UP_NFS_HOST, SHOW_TEXT },
	{ "NFS directory", OPT_UP_NFS_DIRECTORY, SHOW_TEXT },
	{ "CMS host", OPT_UP_CMS_HOST, SHOW_TEXT },
	{ "CMS port", OPT_UP_CMS_PORT, SHOW_TEXT },
	{ "CMS user", OPT_UP_CMS_USER, SHOW_TEXT },
	{ "CMS trust bundle", OPT_UP_CMS_TRUST, SHOW_FILE },
	{ "Vbrick Rev hostname", OPT_UP_REV_HOST, SHOW_TEXT },
	{ "Vbrick Rev port", OPT_UP_REV_PORT, SHOW_TEXT },
	{ "Vbrick Rev username", OPT_UP_REV_USER, SHOW_TEXT },
	{ "Vbrick Rev trust bundle", OPT_UP_REV_TRUST, SHOW_FILE },
	{ "View access", OPT_UP_ACCESS, SHOW_TEXT },
	{ "cospace_member_access", OPT_UP_MEMBER_ACCESS, SHOW_TEXT },
	{ "recording_owned_by_cospace_owner", OPT_UP_OWNED_BY_OWNER,
	  SHOW_BOOL },
	{ "fallback_owner", OPT_UP_FALLBACK_OWNER, SHOW_TEXT },
	{ "comments_enabled", OPT_UP_COMMENTS, SHOW_BOOL },
	{ "ratings_enabled", OPT_UP_RATINGS, SHOW_BOOL },
	{ "downloads_enabled", OPT_UP_DOWNLOADS, SHOW_BOOL },
	{ "active_upon_upload", OPT_UP_INITIAL_STATE, SHOW_ACTIVE },
	{ "delete_after_upload", OPT_UP_DELETE, SHOW_BOOL },
};

static const char *without_folder(const struct cli *cli, const char *path)
{
	const char *dir = conf_text(cli->conf, OPT_CERTS_DIR);
	size_t n = strlen(dir);

	if (!strncmp(path, dir, n) && path[n] == '/')
		return path + n + 1;
	return path;
}

static const char *field_text(const struct cli *cli, size_t i)
{
	const char *text = conf_text(cli->conf, fields[i].id);

	switch (fields[i].show) {
	case SHOW_BOOL:
		return conf_bool(cli->conf, fields[i].id) ? "true" : "false";
	case SHOW_FILE:
		return without_folder(cli, text);
	case SHOW_ACTIVE:
		return strcmp(text, "active") ? "false" : "true";
	case SHOW_TEXT:
		break;
	}
	return text;
}

int cmd_uploader(struct cli *cli, const struct table_match *m)
{
	struct listing *l = NULL;
	int err = listing_new(&l);

	for (size_t i = 0; i < ARRAY_SIZE(fields) && !err; i++)
		err = listing_add(l, fields[i].label, field_text(cli, i));
	if (!err)
		err = listing_print_pairs(l, LABEL_WIDTH,
					  table_has_flag(m, "--json"));
	listing_free(l);
	return err ? cli_failure(err, "%s", err_str(err)) : 0;
}

/* ---- uploader nfs ------------------------------------------------------- */

/* host:directory; an IPv6 address is in brackets. */
static const char *find_colon(const char *text)
{
	const char *end = *text == '[' ? strchr(text, ']') : text;

	return end ? strchr(end, ':') : NULL;
}

int cmd_uploader_nfs(struct cli *cli, const struct table_match *m)
{
	const char *text = m->argv[0], *colon = find_colon(text);
	bool bracket = *text == '[';
	char host[256];
	int err;

	if (!colon || colon == text || !colon[1] ||
	    (size_t)(colon - text) >= sizeof(host))
		return cli_failure(-EINVAL,
				   "%s: wanted is <host>:<directory>, such as "
				   "192.0.2.1:Recording",
				   text);
	snprintf(host, sizeof(host), "%.*s", (int)(colon - text) - 2 * bracket,
		 text + bracket);
	err = cli_set(cli, OPT_UP_NFS_HOST, host);
	if (!err)
		err = cli_set(cli, OPT_UP_NFS_DIRECTORY, colon + 1);
	if (err)
		return err;
	cli_say_set(cli, OPT_UP_NFS_HOST, host);
	cli_say_set(cli, OPT_UP_NFS_DIRECTORY, colon + 1);
	return 0;
}

/* ---- enable ------------------------------------------------------------- */

static bool is_set(const struct cli *cli, enum schema_id id)
{
	return *conf_text(cli->conf, id);
}

static bool has_secret(struct cli *cli, const char *name)
{
	struct secret s = { 0 };
	struct err err;
	int code = secret_load_instance(conf_text(cli->conf, OPT_SECRETS_DIR),
					"uploader", name, cli->instance, &s,
					&err);

	secret_release(&s);
	if (code && code != -ENOENT)
		cli_failure(code, "%s", err.text);
	return !code;
}

static int miss(const char *what, const char *command)
{
	cli_failure(0, "No %s configured: %s", what, command);
	return 1;
}

static int check_share(struct cli *cli)
{
	if (strcmp(conf_text(cli->conf, OPT_UP_SOURCE), "nfs"))
		return is_set(cli, OPT_UP_LOCAL_DIRECTORY)
			       ? 0
			       : miss("directory of recordings",
				      "set uploader.local_directory <path>");
	if (is_set(cli, OPT_UP_NFS_HOST) && is_set(cli, OPT_UP_NFS_DIRECTORY))
		return 0;
	return miss("NFS share", "uploader nfs <host:directory>");
}

static int check_cms(struct cli *cli)
{
	if (!is_set(cli, OPT_UP_CMS_HOST))
		return 0;
	if (!is_set(cli, OPT_UP_CMS_USER))
		return miss("CMS user", "uploader cms user <user>");
	if (!has_secret(cli, "cms_password"))
		return miss("CMS password", "uploader cms password");
	return 0;
}

static int check_rev(struct cli *cli)
{
	if (!is_set(cli, OPT_UP_REV_HOST))
		return miss("Vbrick Rev host", "uploader rev host <host>");
	if (!strcmp(conf_text(cli->conf, OPT_UP_REV_LOGIN), "api-key")) {
		if (is_set(cli, OPT_UP_REV_API_KEY) &&
		    has_secret(cli, "rev_api_secret"))
			return 0;
		return miss("API key and secret of Rev",
			    "set uploader.rev_api_key <value>, set "
			    "uploader.rev_api_secret");
	}
	if (!is_set(cli, OPT_UP_REV_USER))
		return miss("Vbrick Rev user", "uploader rev user <user>");
	if (!has_secret(cli, "rev_password"))
		return miss("Vbrick Rev password", "uploader rev password");
	return 0;
}

int cmd_uploader_enable(struct cli *cli, const struct table_match *m)
{
	int missing = check_share(cli) + check_cms(cli) + check_rev(cli);

	if (missing)
		return cli_failure(-EINVAL,
				   "uploader configuration not complete");
	return cmd_switch(cli, OPT_UP_ENABLED, "uploader", true);
}

int cmd_uploader_disable(struct cli *cli, const struct table_match *m)
{
	return cmd_switch(cli, OPT_UP_ENABLED, "uploader", false);
}

int cmd_uploader_restart(struct cli *cli, const struct table_match *m)
{
	return cmd_restart(cli, "uploader", "uploader");
}

/* "uploader pause": the daemon knows the second word. */
int cmd_uploader_ctl(struct cli *cli, const struct table_match *m)
{
	return cmd_order(cli, "uploader", strchr(m->command->syntax, ' ') + 1);
}
