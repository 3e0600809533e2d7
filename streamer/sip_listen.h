/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SIP_LISTEN_H
#define UPCAST_SIP_LISTEN_H

#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "streamer/sip_addr.h"

/*
 * Where to listen, in the words that administrators of the original know:
 *
 *	<interface> <tcp port|none> <tls port|none> [, ...]
 *
 * An interface is "any", an address, the name of a network interface, or a
 * letter a to e for the first to fifth one besides the loopback. Both ports
 * may be the same.
 */
enum { SIP_LISTEN_MAX = 8, SIP_LISTEN_ADDRESSES_MAX = 16 };

struct sip_listen {
	char interface[64];
	uint16_t tcp, tls; /* 0: none */
};

struct sip_listens {
	size_t count;
	struct sip_listen at[SIP_LISTEN_MAX];
};

/* -EINVAL with a sentence. Pure. */
int sip_listen_parse(const char *text, struct sip_listens *ret,
		     struct err *err) ATTR_MUST_CHECK;

/*
 * The addresses of an interface, ports 0: for "any" the IPv6 one, which takes
 * IPv4 too, or the IPv4 one where there is no IPv6. -ENODEV with a sentence.
 */
int sip_listen_resolve(const char *interface,
		       struct sockaddr_storage ret[SIP_LISTEN_ADDRESSES_MAX],
		       size_t *ret_count, struct err *err) ATTR_MUST_CHECK;

#endif
