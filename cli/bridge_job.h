/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_BRIDGE_JOB_H
#define UPCAST_BRIDGE_JOB_H

#include "cli/bridge.h"
#include "cli/listing.h"

/*
 * What the commands of `bridge` have in common: a look at what the bridge has
 * for streaming, and how to change it.
 *
 *	err = bridge_job_open(cli, &job);
 *	...
 *	return bridge_job_close(job, err);	// says what went wrong
 */
enum { BRIDGE_RULES_MAX = 512 };

struct bridge_rule {
	char id[BRIDGE_ID_SIZE], domain[256], proxy[256], encryption[16];
	bool leads_here; /* to a port of this streamer */
};

struct bridge_job {
	struct cli *cli;
	struct bridge *bridge;
	struct err err;
	struct listing *list;
	char profile[BRIDGE_ID_SIZE]; /* call profile of the system, or "" */
	char streamer_uri[256];	      /* in it */
	size_t rule_count;
	struct bridge_rule rules[BRIDGE_RULES_MAX];
	const char *wanted; /* name or id of a space */
	char space[BRIDGE_ID_SIZE];
};

/* Where it fails `*ret` may be there all the same: close it. */
int bridge_job_open(struct cli *cli, struct bridge_job **ret) ATTR_MUST_CHECK;
/* Takes NULL; returns `err`. */
int bridge_job_close(struct bridge_job *job, int err);

/*
 * Why a call would not arrive, as far as profile and rules tell; NULL where
 * they lead to this streamer.
 */
const char *bridge_job_obstacle(const struct bridge_job *job, char *dst,
				size_t size);
/* What follows the @ of an address, "" if nothing does. */
const char *bridge_job_domain(const char *uri);

struct bridge_field {
	const char *name, *value; /* a NULL name ends them */
};

/* bridge_send() with the fields as a form. */
int bridge_job_send(struct bridge_job *job, const char *method,
		    const char *path, const struct bridge_field *fields,
		    char *ret_id) ATTR_MUST_CHECK;

#endif
