/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SIP_ADDR_H
#define UPCAST_SIP_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lib/attr.h"

/*
 * Socket addresses as text and back, without asking any name service. Pure.
 * IPv4 addresses are AF_INET everywhere above the sockets, also where a
 * dual-stack socket shows them as ::ffff:a.b.c.d.
 */
enum { SIP_ADDR_SIZE = 56 };

/* "192.0.2.1" or "2001:db8::1"; an IPv6 host gets brackets in the second. */
const char *sip_addr_host(const struct sockaddr_storage *sa, char *dst);
const char *sip_addr_uri_host(const struct sockaddr_storage *sa, char *dst);
/* "192.0.2.1:5060" or "[2001:db8::1]:5060" */
const char *sip_addr_text(const struct sockaddr_storage *sa, char *dst);

/* From a host with or without brackets; -EINVAL if it is a name. */
int sip_addr_parse(const char *host, uint16_t port,
		   struct sockaddr_storage *ret) ATTR_MUST_CHECK;

uint16_t sip_addr_port(const struct sockaddr_storage *sa);
void sip_addr_set_port(struct sockaddr_storage *sa, uint16_t port);
socklen_t sip_addr_len(const struct sockaddr_storage *sa);
bool sip_addr_is_any(const struct sockaddr_storage *sa);
/* Makes AF_INET of a mapped address. */
void sip_addr_unmap(struct sockaddr_storage *sa);
/* Host and port. */
bool sip_addr_equal(const struct sockaddr_storage *a,
		    const struct sockaddr_storage *b);

#endif
