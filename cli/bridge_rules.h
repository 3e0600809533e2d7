/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_BRIDGE_RULES_H
#define UPCAST_BRIDGE_RULES_H

#include "cli/bridge.h"

/*
 * How a call for streaming leaves the bridge: the call profile of its system
 * names a streamer, and outbound rules say where that domain is.
 *
 *	code = bridge_rules_read(&rules, cli);
 *	if (!code && bridge_rules_obstacle(&rules, why, sizeof(why)))
 *		...
 *	bridge_rules_release(&rules);		// also where reading failed
 */
struct bridge_rule {
	char id[BRIDGE_ID_SIZE], domain[256], proxy[256], encryption[16];
	const char *obstacle; /* NULL: it leads to a port of this streamer */
};

struct bridge_rules {
	struct bridge bridge;
	char profile[BRIDGE_ID_SIZE]; /* call profile of the system, or "" */
	char streamer_uri[256];	      /* in it */
	bool is_disabled;	      /* by it */
	bool is_bare;		      /* it is for streaming alone */
	char other[256]; /* name of another profile that names a streamer */
	size_t count, room;
	struct bridge_rule *rules;
};

int bridge_rules_read(struct bridge_rules *ret,
		      struct cli *cli) ATTR_MUST_CHECK;
void bridge_rules_release(struct bridge_rules *r);

/* Does the rule serve that domain and lead to this streamer? */
bool bridge_rules_serves(const struct bridge_rule *rule, const char *domain);

/* Writes why no call would arrive; false where profile and rules lead here. */
bool bridge_rules_obstacle(const struct bridge_rules *r, char *dst,
			   size_t size);

#endif
