/* SPDX-License-Identifier: MIT */
#include "streamer/sip_addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "lib/str.h"

/* One address in the shape that its family has. */
union any {
	struct sockaddr_storage storage;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

const char *sip_addr_host(const struct sockaddr_storage *sa, char *dst)
{
	union any a = { .storage = *sa };
	const void *bytes = sa->ss_family == AF_INET6
				    ? (const void *)&a.v6.sin6_addr
				    : (const void *)&a.v4.sin_addr;

	if (!inet_ntop(sa->ss_family, bytes, dst, SIP_ADDR_SIZE))
		str_copy(dst, "?", SIP_ADDR_SIZE);
	return dst;
}

const char *sip_addr_uri_host(const struct sockaddr_storage *sa, char *dst)
{
	char host[SIP_ADDR_SIZE];

	snprintf(dst, SIP_ADDR_SIZE, sa->ss_family == AF_INET6 ? "[%s]" : "%s",
		 sip_addr_host(sa, host));
	return dst;
}

const char *sip_addr_text(const struct sockaddr_storage *sa, char *dst)
{
	char host[SIP_ADDR_SIZE];

	sip_addr_host(sa, host);
	snprintf(dst, SIP_ADDR_SIZE,
		 sa->ss_family == AF_INET6 ? "[%.46s]:%u" : "%.46s:%u", host,
		 sip_addr_port(sa));
	return dst;
}

int sip_addr_parse(const char *host, uint16_t port,
		   struct sockaddr_storage *ret)
{
	union any a = { .storage = { 0 } };
	char text[SIP_ADDR_SIZE];
	size_t n = strlen(host);

	if (n >= sizeof(text))
		return -EINVAL;
	if (n > 2 && host[0] == '[' && host[n - 1] == ']')
		snprintf(text, sizeof(text), "%.*s", (int)n - 2, host + 1);
	else
		memcpy(text, host, n + 1);
	if (inet_pton(AF_INET, text, &a.v4.sin_addr) == 1)
		a.v4.sin_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &a.v6.sin6_addr) == 1)
		a.v6.sin6_family = AF_INET6;
	else
		return -EINVAL;
	*ret = a.storage;
	sip_addr_set_port(ret, port);
	return 0;
}

uint16_t sip_addr_port(const struct sockaddr_storage *sa)
{
	union any a = { .storage = *sa };

	return ntohs(sa->ss_family == AF_INET6 ? a.v6.sin6_port
					       : a.v4.sin_port);
}

void sip_addr_set_port(struct sockaddr_storage *sa, uint16_t port)
{
	union any a = { .storage = *sa };

	if (sa->ss_family == AF_INET6)
		a.v6.sin6_port = htons(port);
	else
		a.v4.sin_port = htons(port);
	*sa = a.storage;
}

socklen_t sip_addr_len(const struct sockaddr_storage *sa)
{
	return sa->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
					 : sizeof(struct sockaddr_in);
}

bool sip_addr_is_any(const struct sockaddr_storage *sa)
{
	union any a = { .storage = *sa };

	return sa->ss_family == AF_INET6
		       ? IN6_IS_ADDR_UNSPECIFIED(&a.v6.sin6_addr)
		       : a.v4.sin_addr.s_addr == htonl(INADDR_ANY);
}

void sip_addr_unmap(struct sockaddr_storage *sa)
{
	union any a = { .storage = *sa }, b = { .storage = { 0 } };

	if (sa->ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a.v6.sin6_addr))
		return;
	b.v4.sin_family = AF_INET;
	b.v4.sin_port = a.v6.sin6_port;
	memcpy(&b.v4.sin_addr, a.v6.sin6_addr.s6_addr + 12, 4);
	*sa = b.storage;
}

bool sip_addr_equal(const struct sockaddr_storage *a,
		    const struct sockaddr_storage *b)
{
	char x[SIP_ADDR_SIZE], y[SIP_ADDR_SIZE];

	return a->ss_family == b->ss_family &&
	       !strcmp(sip_addr_text(a, x), sip_addr_text(b, y));
}
