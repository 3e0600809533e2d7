/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_CMD_H
#define UPCAST_CMD_H

#include "cli/cli.h"

/*
 * The commands. `commands` is the one table of them all; each family has a
 * file cmd_*.c with what its rows do.
 */
extern const struct table commands;

/* cmd_conf.c */
int cmd_set_option(struct cli *cli, const struct table_match *m);
int cmd_set_trust(struct cli *cli, const struct table_match *m);
int cmd_set_secret(struct cli *cli, const struct table_match *m);
int cmd_get(struct cli *cli, const struct table_match *m);
int cmd_set(struct cli *cli, const struct table_match *m);
int cmd_unset(struct cli *cli, const struct table_match *m);
int cmd_reload(struct cli *cli, const struct table_match *m);

/* cmd_uploader.c */
int cmd_uploader(struct cli *cli, const struct table_match *m);
int cmd_uploader_nfs(struct cli *cli, const struct table_match *m);
int cmd_uploader_enable(struct cli *cli, const struct table_match *m);
int cmd_uploader_disable(struct cli *cli, const struct table_match *m);
int cmd_uploader_restart(struct cli *cli, const struct table_match *m);
int cmd_uploader_ctl(struct cli *cli, const struct table_match *m);

/* cmd_streamer.c */
int cmd_streamer(struct cli *cli, const struct table_match *m);
int cmd_streamer_listen(struct cli *cli, const struct table_match *m);
int cmd_streamer_certs(struct cli *cli, const struct table_match *m);
int cmd_streamer_limit(struct cli *cli, const struct table_match *m);
int cmd_streamer_enable(struct cli *cli, const struct table_match *m);
int cmd_streamer_disable(struct cli *cli, const struct table_match *m);
int cmd_streamer_restart(struct cli *cli, const struct table_match *m);
int cmd_streamer_ctl(struct cli *cli, const struct table_match *m);
int cmd_tls_sip(struct cli *cli, const struct table_match *m);

/* cmd_pki.c */
int cmd_pki_csr(struct cli *cli, const struct table_match *m);
int cmd_pki_selfsigned(struct cli *cli, const struct table_match *m);
int cmd_pki_list(struct cli *cli, const struct table_match *m);
int cmd_pki_inspect(struct cli *cli, const struct table_match *m);
int cmd_pki_match(struct cli *cli, const struct table_match *m);
int cmd_pki_verify(struct cli *cli, const struct table_match *m);

/* cmd_status.c */
int cmd_status(struct cli *cli, const struct table_match *m);
int cmd_calls(struct cli *cli, const struct table_match *m);
int cmd_recordings(struct cli *cli, const struct table_match *m);
int cmd_show(struct cli *cli, const struct table_match *m);
int cmd_order_call(struct cli *cli, const struct table_match *m);
int cmd_order_recording(struct cli *cli, const struct table_match *m);

/* cmd_bridge.c */
int cmd_bridge_show(struct cli *cli, const struct table_match *m);
int cmd_bridge_setup(struct cli *cli, const struct table_match *m);
int cmd_bridge_remove(struct cli *cli, const struct table_match *m);
int cmd_bridge_stream(struct cli *cli, const struct table_match *m);

/* cmd_check.c */
int cmd_check(struct cli *cli, const struct table_match *m);

/* cmd_events.c */
int cmd_events(struct cli *cli, const struct table_match *m);

/* cmd_misc.c */
int cmd_help(struct cli *cli, const struct table_match *m);
int cmd_version(struct cli *cli, const struct table_match *m);
int cmd_license(struct cli *cli, const struct table_match *m);
int cmd_history(struct cli *cli, const struct table_match *m);
int cmd_syslog_follow(struct cli *cli, const struct table_match *m);
int cmd_exit(struct cli *cli, const struct table_match *m);

/*
 * What enabling and disabling have in common: the setting `id` is kept, systemd
 * is told where it runs, else the daemon, and the SUCCESS or FAILURE is said.
 */
int cmd_switch(struct cli *cli, enum schema_id id, const char *name,
	       bool enable);
int cmd_restart(struct cli *cli, const char *section, const char *name);
/* A command of a row's own words for a daemon: "pause", "drain". */
int cmd_order(struct cli *cli, const char *section, const char *command);

#endif
