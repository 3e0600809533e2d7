/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_CHECK_H
#define UPCAST_CHECK_H

#include "cli/cli.h"

/*
 * What `upcast check` finds out, one line each: SUCCESS, WARNING or FAILURE,
 * what is wrong, and what to do.
 */
struct check {
	struct cli *cli;
	int failures;
};

void check_pass(struct check *c, const char *fmt, ...) ATTR_PRINTF(2, 3);
void check_warn(struct check *c, const char *fmt, ...) ATTR_PRINTF(2, 3);
void check_fail(struct check *c, const char *fmt, ...) ATTR_PRINTF(2, 3);

/* check_net.c: interfaces and ports of sip_listen, and where calls go. */
void check_listen(struct check *c);
void check_targets(struct check *c);
/* check_files.c: keys, certificates, bundles, secrets. */
void check_tls(struct check *c);
void check_bundles(struct check *c);
void check_secrets(struct check *c, const char *section);
/* cmd_bridge.c: does the bridge send calls here? */
void check_bridge(struct check *c);
/* check_system.c: limits of the host, its clock, the daemons. */
void check_limits(struct check *c);
void check_clock(struct check *c);
void check_daemon(struct check *c, const char *section, enum schema_id enabled);

#endif
