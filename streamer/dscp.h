/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_DSCP_H
#define UPCAST_DSCP_H

/*
 * Marks what a socket sends (RFC 2474), for both families: one of IPv6 may have
 * peers of IPv4. What the system refuses is no reason to do without.
 */
void dscp_set(int fd, int dscp);

#endif
