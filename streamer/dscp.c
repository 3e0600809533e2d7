/* SPDX-License-Identifier: MIT */
#include "streamer/dscp.h"

#include <netinet/in.h>

void dscp_set(int fd, int dscp)
{
	int tos = dscp << 2;

	setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
	setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos));
}
