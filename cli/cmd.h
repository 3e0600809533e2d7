/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_CMD_H
#define UPCAST_CMD_H

#include "cli/cli.h"

/*
 * The commands. `commands` is the one table of them all; each family has a
 * file cmd_*.c with what its rows do.
 */
extern const struct table commands;

/* The ids of rows that list settings. */
enum { CMD_STREAMER, CMD_UPLOADER, CMD_TLS_SIP };

/* cmd_conf.c */
command_fn cmd_set_option, cmd_set_trust, cmd_set_secret, cmd_no_secret,
	cmd_streamer_listen, cmd_old_tls, cmd_streamer_limit,
	cmd_streamer_certs, cmd_uploader_nfs, cmd_get, cmd_set, cmd_unset;
/* cmd_listing.c */
command_fn cmd_listing;
/* cmd_daemon.c */
command_fn cmd_enable, cmd_disable, cmd_restart, cmd_order, cmd_reload;
/* cmd_pki.c */
command_fn cmd_pki_csr, cmd_pki_selfsigned, cmd_pki_list, cmd_pki_inspect,
	cmd_pki_match, cmd_pki_verify;
/* cmd_status.c */
command_fn cmd_status, cmd_calls, cmd_recordings, cmd_show;
/* cmd_bridge.c */
command_fn cmd_bridge_show, cmd_bridge_setup, cmd_bridge_remove,
	cmd_bridge_stream;
/* cmd_check.c */
command_fn cmd_check;
/* cmd_events.c */
command_fn cmd_events;
/* cmd_misc.c */
command_fn cmd_help, cmd_version, cmd_license, cmd_history, cmd_syslog_follow,
	cmd_exit;

#endif
