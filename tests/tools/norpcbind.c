/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into an NFS server under test: registration with a portmapper
 * always succeeds, and none is asked. Clients are told the ports instead.
 */
struct netbuf;
struct netconfig;

int rpcb_set(unsigned long program, unsigned long version,
	     const struct netconfig *config, const struct netbuf *address);
int rpcb_unset(unsigned long program, unsigned long version,
	       const struct netconfig *config);

int rpcb_set(unsigned long program, unsigned long version,
	     const struct netconfig *config, const struct netbuf *address)
{
	(void)program;
	(void)version;
	(void)config;
	(void)address;
	return 1;
}

int rpcb_unset(unsigned long program, unsigned long version,
	       const struct netconfig *config)
{
	(void)program;
	(void)version;
	(void)config;
	return 1;
}
