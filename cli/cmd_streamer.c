/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/listing.h"
#include "cli/listen.h"
#include "cli/pki.h"
#include "lib/mono.h"
#include "lib/str.h"

enum { LABEL_WIDTH = 24, PATH_SIZE = 1400, LISTEN_SIZE = 1024 };

static const char *text_of(const struct cli *cli, enum schema_id id)
{
	return conf_text(cli->conf, id);
}

/* ---- the listing, in the order and spelling of the original ------------- */

static const char *truth(bool value, const char *yes, const char *no)
{
	return value ? yes : no;
}

int cmd_streamer(struct cli *cli, const struct table_match *m)
{
	struct listing *l = NULL;
	char listen[LISTEN_SIZE];
	int err = listing_new(&l);

	listen_format(text_of(cli, OPT_ST_SIP_LISTEN), listen, sizeof(listen));
	const struct {
		const char *label, *value;
	} rows[] = {
		{ "Enabled", truth(conf_bool(cli->conf, OPT_ST_ENABLED), "true",
				   "false") },
		{ "SIP interfaces", listen },
		{ "SIP key file", text_of(cli, OPT_ST_SIP_KEY) },
		{ "SIP certificate file",
		  text_of(cli, OPT_ST_SIP_CERTIFICATE) },
		{ "SIP CA Bundle file", text_of(cli, OPT_ST_SIP_BUNDLE) },
		{ "SIP Resolution", text_of(cli, OPT_ST_RESOLUTION) },
		{ "SIP traffic trace",
		  truth(conf_bool(cli->conf, OPT_ST_TRAFFIC_TRACE), "Enabled",
			"Disabled") },
		{ "Call Limit", text_of(cli, OPT_ST_LIMIT) },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows) && !err; i++)
		err = listing_add(l, rows[i].label, rows[i].value);
	if (!err)
		err = listing_print_pairs(l, LABEL_WIDTH,
					  table_has_flag(m, "--json"));
	listing_free(l);
	return err ? cli_failure(err, "%s", err_str(err)) : 0;
}

/* ---- settings ----------------------------------------------------------- */

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
	int err;

	if (!is_port(tcp) || !is_port(tls))
		return cli_failure(-EINVAL, "%s: a port is 1 to 65535, or none",
				   is_port(tcp) ? tls : tcp);
	if (!strcmp(tcp, "none") && !strcmp(tls, "none"))
		return cli_failure(-EINVAL, "at least one port is needed");
	snprintf(value, sizeof(value), "%s %s %s", interface, tcp, tls);
	err = cli_set(cli, OPT_ST_SIP_LISTEN, value);
	if (!err)
		cli_say_set(cli, OPT_ST_SIP_LISTEN, value);
	return err;
}

static int check_file(struct cli *cli, const char *name)
{
	char path[PATH_SIZE];

	cli_cert_path(cli, name, path, sizeof(path));
	if (!access(path, R_OK))
		return 0;
	return cli_failure(-errno, "%s: %s", path, err_str(-errno));
}

/* The daemon does not run as root; everyone else goes on without the key. */
static void let_daemon_read(struct cli *cli, const char *name)
{
	const struct group *group = getgrnam("upcast-streamer");
	char path[PATH_SIZE];

	if (!group || geteuid())
		return;
	cli_cert_path(cli, name, path, sizeof(path));
	if (chown(path, 0, group->gr_gid) || chmod(path, 0640))
		cli_hint("%s: %s: upcast-streamer may not be able to read it",
			 path, err_str(-errno));
}

static int set_certs(struct cli *cli, const char *key, const char *certificate,
		     const char *bundle)
{
	int err = cli_set(cli, OPT_ST_SIP_KEY, key);

	if (!err)
		err = cli_set(cli, OPT_ST_SIP_CERTIFICATE, certificate);
	if (!err)
		err = cli_set(cli, OPT_ST_SIP_BUNDLE, bundle);
	if (err)
		return err;
	if (key)
		let_daemon_read(cli, key);
	cli_say_set(cli, OPT_ST_SIP_KEY, key);
	cli_say_set(cli, OPT_ST_SIP_CERTIFICATE, certificate);
	cli_say_set(cli, OPT_ST_SIP_BUNDLE, bundle);
	return 0;
}

int cmd_streamer_certs(struct cli *cli, const struct table_match *m)
{
	int err = 0;

	if (m->argc == 1 && !strcmp(m->argv[0], "none"))
		return set_certs(cli, NULL, NULL, NULL);
	if (m->argc < 2)
		return cli_failure(-EINVAL, "%s: the certificate is missing",
				   m->argv[0]);
	for (int i = 0; i < m->argc && !err; i++)
		err = check_file(cli, m->argv[i]);
	return err ? err
		   : set_certs(cli, m->argv[0], m->argv[1], table_arg(m, 2));
}

int cmd_streamer_limit(struct cli *cli, const struct table_match *m)
{
	uint64_t limit;
	int err;

	if (strcmp(m->argv[0], "none") &&
	    str_parse_u64(m->argv[0], 0, 500, &limit))
		return cli_failure(-EINVAL, "%s: a limit is 0 to 500, or none",
				   m->argv[0]);
	err = cli_set(cli, OPT_ST_LIMIT, m->argv[0]);
	if (!err)
		cli_say_set(cli, OPT_ST_LIMIT, m->argv[0]);
	return err;
}

/* ---- enable ------------------------------------------------------------- */

static int not_complete(void)
{
	return cli_failure(-EINVAL, "Streamer configuration not complete");
}

static int check_dates(const char *certificate)
{
	int64_t from, until, now = mono_wall_s();
	char text[STR_TIME_SIZE];
	struct err err;

	if (pki_dates(certificate, &from, &until, &err))
		return cli_failure(-EINVAL, "%s", err.text);
	str_format_time(now < from ? from : until, text);
	if (now < from)
		return cli_failure(-EINVAL, "%s is not valid before %s",
				   certificate, text);
	if (now > until)
		return cli_failure(-EINVAL, "%s has expired on %s", certificate,
				   text);
	return 0;
}

static int check_pair(struct cli *cli)
{
	char key[PATH_SIZE], certificate[PATH_SIZE];
	struct err err;
	int code;

	cli_cert_path(cli, text_of(cli, OPT_ST_SIP_KEY), key, sizeof(key));
	cli_cert_path(cli, text_of(cli, OPT_ST_SIP_CERTIFICATE), certificate,
		      sizeof(certificate));
	code = pki_match(key, certificate, &err);
	if (code == -EKEYREJECTED)
		return cli_failure(code, "Key and certificate pair do not "
					 "match");
	if (code)
		return cli_failure(code, "%s", err.text);
	code = check_dates(certificate);
	if (!code)
		cli_success("Key and certificate pair match");
	return code;
}

int cmd_streamer_enable(struct cli *cli, const struct table_match *m)
{
	bool has_key = *text_of(cli, OPT_ST_SIP_KEY);

	if (!has_key && listen_has_tls(text_of(cli, OPT_ST_SIP_LISTEN))) {
		cli_failure(0, "TLS port set but no certificates configured");
		return not_complete();
	}
	if (has_key && check_pair(cli))
		return not_complete();
	return cmd_switch(cli, OPT_ST_ENABLED, "Streamer", true);
}

int cmd_streamer_disable(struct cli *cli, const struct table_match *m)
{
	return cmd_switch(cli, OPT_ST_ENABLED, "Streamer", false);
}

int cmd_streamer_restart(struct cli *cli, const struct table_match *m)
{
	return cmd_restart(cli, "streamer", "Streamer");
}

/* "streamer drain": the daemon knows the second word. */
int cmd_streamer_ctl(struct cli *cli, const struct table_match *m)
{
	return cmd_order(cli, "streamer", strchr(m->command->syntax, ' ') + 1);
}

/* ---- tls sip ------------------------------------------------------------ */

int cmd_tls_sip(struct cli *cli, const struct table_match *m)
{
	const char *ciphers = text_of(cli, OPT_ST_SIP_CIPHERS);
	struct listing *l = NULL;
	int err = listing_new(&l);

	if (!*ciphers)
		ciphers = "default";
	const struct {
		const char *label, *value;
	} rows[] = {
		{ "TLS SIP CA bundle file", text_of(cli, OPT_ST_SIP_TRUST) },
		{ "TLS SIP verification",
		  truth(conf_bool(cli->conf, OPT_ST_SIP_VERIFY), "enabled",
			"disabled") },
		{ "TLS SIP minimum version", text_of(cli, OPT_ST_SIP_MIN_TLS) },
		{ "TLS SIP ciphers", ciphers },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows) && !err; i++)
		err = listing_add(l, rows[i].label, rows[i].value);
	if (!err)
		err = listing_print_pairs(l, LABEL_WIDTH,
					  table_has_flag(m, "--json"));
	listing_free(l);
	return err ? cli_failure(err, "%s", err_str(err)) : 0;
}
