/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_CHECK_H
#define UPCAST_CHECK_H

#include "cli/cli.h"
#include "lib/verdict.h"

/*
 * What `upcast check` finds out, a line each: what is wrong, and what to do.
 */
struct check {
	struct cli *cli;
	int failures;
};

void check_say(struct check *c, enum verdict verdict, const char *fmt, ...)
	ATTR_PRINTF(3, 4);

/* check_files.c: may the daemons read keys, certificates, bundles, secrets,
 * and do they fit? */
void check_certificate(struct check *c);
void check_bundles(struct check *c, const char *section);
void check_secrets(struct check *c); /* of the uploader */
/* cmd_daemon.c: says what the uploader lacks to begin with. */
int check_needs(const struct cli *cli) ATTR_MUST_CHECK;
/* cmd_bridge.c: does the bridge send calls here? */
void check_bridge(struct check *c);

#endif
