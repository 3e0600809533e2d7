/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/listen.h"
#include "cli/listing.h"

enum { LISTEN_SIZE = 1024 };

/* How a setting is shown. */
enum form {
	AS_TEXT,
	AS_TRUE,     /* true, false */
	AS_ENABLED,  /* Enabled, Disabled */
	AS_ENABLED_, /* enabled, disabled */
	AS_FILE,     /* without certs_dir */
	AS_ACTIVE,   /* is the initial state active? */
	AS_LISTEN,   /* "tcp a:7000, tls a:7001" */
	AS_DEFAULT,  /* "default" where it is empty */
};

struct field {
	const char *label;
	enum schema_id id;
	enum form form;
};

/* In the order and spelling of the original. */
static const struct field streamer[] = {
	{ "Enabled", OPT_ST_ENABLED, AS_TRUE },
	{ "SIP interfaces", OPT_ST_SIP_LISTEN, AS_LISTEN },
	{ "SIP key file", OPT_ST_SIP_KEY, AS_TEXT },
	{ "SIP certificate file", OPT_ST_SIP_CERTIFICATE, AS_TEXT },
	{ "SIP CA Bundle file", OPT_ST_SIP_BUNDLE, AS_TEXT },
	{ "SIP Resolution", OPT_ST_RESOLUTION, AS_TEXT },
	{ "SIP traffic trace", OPT_ST_TRAFFIC_TRACE, AS_ENABLED },
	{ "Call Limit", OPT_ST_LIMIT, AS_TEXT },
};

static const struct field uploader[] = {
	{ "Enabled", OPT_UP_ENABLED, AS_TRUE },
	{ "NFS hostname", OPT_UP_NFS_HOST, AS_TEXT },
	{ "NFS directory", OPT_UP_NFS_DIRECTORY, AS_TEXT },
	{ "CMS host", OPT_UP_CMS_HOST, AS_TEXT },
	{ "CMS port", OPT_UP_CMS_PORT, AS_TEXT },
	{ "CMS user", OPT_UP_CMS_USER, AS_TEXT },
	{ "CMS trust bundle", OPT_UP_CMS_TRUST, AS_FILE },
	{ "Vbrick Rev hostname", OPT_UP_REV_HOST, AS_TEXT },
	{ "Vbrick Rev port", OPT_UP_REV_PORT, AS_TEXT },
	{ "Vbrick Rev username", OPT_UP_REV_USER, AS_TEXT },
	{ "Vbrick Rev trust bundle", OPT_UP_REV_TRUST, AS_FILE },
	{ "View access", OPT_UP_ACCESS, AS_TEXT },
	{ "cospace_member_access", OPT_UP_MEMBER_ACCESS, AS_TEXT },
	{ "recording_owned_by_cospace_owner", OPT_UP_OWNED_BY_OWNER, AS_TRUE },
	{ "fallback_owner", OPT_UP_FALLBACK_OWNER, AS_TEXT },
	{ "comments_enabled", OPT_UP_COMMENTS, AS_TRUE },
	{ "ratings_enabled", OPT_UP_RATINGS, AS_TRUE },
	{ "downloads_enabled", OPT_UP_DOWNLOADS, AS_TRUE },
	{ "active_upon_upload", OPT_UP_INITIAL_STATE, AS_ACTIVE },
	{ "delete_after_upload", OPT_UP_DELETE, AS_TRUE },
};

static const struct field tls_sip[] = {
	{ "TLS SIP CA bundle file", OPT_ST_SIP_TRUST, AS_FILE },
	{ "TLS SIP verification", OPT_ST_SIP_VERIFY, AS_ENABLED_ },
	{ "TLS SIP minimum version", OPT_ST_SIP_MIN_TLS, AS_TEXT },
	{ "TLS SIP ciphers", OPT_ST_SIP_CIPHERS, AS_DEFAULT },
};

static const struct {
	const struct field *fields;
	size_t count;
	int width;
} listings[] = {
	[CMD_STREAMER] = { streamer, ARRAY_SIZE(streamer), 24 },
	[CMD_UPLOADER] = { uploader, ARRAY_SIZE(uploader), 33 },
	[CMD_TLS_SIP] = { tls_sip, ARRAY_SIZE(tls_sip), 24 },
};

static const char *without_folder(const struct cli *cli, const char *path)
{
	const char *dir = conf_text(cli->conf, OPT_CERTS_DIR);
	size_t n = strlen(dir);

	return !strncmp(path, dir, n) && path[n] == '/' ? path + n + 1 : path;
}

static const char *show(const struct cli *cli, const struct field *f,
			char *room, size_t size)
{
	static const char *const words[][2] = {
		[AS_TRUE] = { "false", "true" },
		[AS_ENABLED] = { "Disabled", "Enabled" },
		[AS_ENABLED_] = { "disabled", "enabled" },
	};
	const char *text = conf_text(cli->conf, f->id);

	switch (f->form) {
	case AS_TEXT:
		break;
	case AS_TRUE:
	case AS_ENABLED:
	case AS_ENABLED_:
		return words[f->form][conf_bool(cli->conf, f->id)];
	case AS_FILE:
		return without_folder(cli, text);
	case AS_ACTIVE:
		return words[AS_TRUE][!strcmp(text, "active")];
	case AS_LISTEN:
		listen_format(text, room, size);
		return room;
	case AS_DEFAULT:
		return *text ? text : "default";
	}
	return text;
}

int cmd_listing(struct cli *cli, const struct table_match *m)
{
	const struct field *f = listings[m->command->id].fields;
	char room[LISTEN_SIZE];
	struct listing l;

	listing_init(&l);
	for (size_t i = 0; i < listings[m->command->id].count; i++, f++)
		listing_add(&l, f->label, show(cli, f, room, sizeof(room)));
	return listing_end_pairs(&l, listings[m->command->id].width,
				 table_has_flag(m, "--json"));
}
