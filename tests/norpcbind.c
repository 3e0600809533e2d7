/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into nfs-ganesha, so that it serves NFS version 3 without a
 * portmapper: tests give both ports. For tests only.
 */
#include <stdbool.h>

bool rpcb_set(unsigned long program, unsigned long version,
	      const void *netconfig, const void *address);
bool rpcb_unset(unsigned long program, unsigned long version,
		const void *netconfig);

bool rpcb_set(unsigned long program, unsigned long version,
	      const void *netconfig, const void *address)
{
	return true;
}

bool rpcb_unset(unsigned long program, unsigned long version,
		const void *netconfig)
{
	return true;
}
